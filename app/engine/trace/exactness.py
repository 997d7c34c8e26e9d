"""How far what is shown lies from the untouched model, measured on the model and device at hand."""

from __future__ import annotations

from typing import Any

import torch

from app.engine.errors import UserError
from app.engine.models.kinds import ENCODER_DECODER
from app.engine.models.loaded import LoadedModel
from app.engine.trace.capture import logits_of, run_plainly
from app.engine.trace.records import Exactness
from app.engine.trace.run import trace

SAMPLE = "When the first one went out, the second one went after the first."


def measure_exactness(loaded: LoadedModel, text: str = SAMPLE) -> Exactness:
    """Run `text` through the untouched model, through its eager attention, and through a trace, and compare.

    `logits` is the largest difference from the untouched run, `pattern` the largest from the attention weights that
    transformers itself gives under eager (`output_attentions=True`), which rounds differently from the model's own
    kernel. None where a comparison could not be made, with the reason.
    """
    target = "So it was." if loaded.kind == ENCODER_DECODER else None
    made = trace(loaded, text, target=target)
    inputs = dict(made.inputs)
    with torch.no_grad():
        plain = logits_of(run_plainly(loaded.model, inputs))
    logits = float((made.logits - plain[0].cpu()).abs().max()) if plain is not None else 0.0
    sites = [at for at in loaded.anatomy.sites if made.has_attention(at[1], at[0])]
    try:
        attentions = eager_attentions(loaded.model, inputs)
    except (ValueError, TypeError, KeyError, UserError) as error:
        return Exactness(len(made.tokens), logits, None, f"its eager attention cannot be asked ({error})")
    pairs = [(attentions.get(at), at) for at in sites]
    if not pairs or any(weights is None for weights, _ in pairs):
        return Exactness(len(made.tokens), logits, None, "transformers gives no attention weights of this family")
    largest = 0.0
    for weights, (kind, layer) in pairs:
        ours = made.attention(layer, kind=kind)
        if weights is None or ours.shape != weights.shape:
            return Exactness(
                len(made.tokens), logits, None, "the attention weights transformers gives are of other tokens"
            )
        largest = max(largest, float((ours - weights).abs().max()))
    return Exactness(len(made.tokens), logits, largest)


_FIELDS = {
    "encoder": ("encoder_attentions",),
    "self": ("decoder_attentions", "attentions"),
    "cross": ("cross_attentions",),
}


def eager_attentions(model: Any, inputs: dict[str, torch.Tensor]) -> dict[tuple[str, int], torch.Tensor]:
    """What transformers gives for `output_attentions=True` under eager attention, by kind and layer, float32 on the
    CPU `[head, query, key]`."""
    before = model.config._attn_implementation
    if before != "eager":
        model.set_attn_implementation("eager")
    try:
        with torch.no_grad():
            output = run_plainly(model, inputs, output_attentions=True)
    finally:
        if before != "eager":
            model.set_attn_implementation(before)
    found: dict[tuple[str, int], torch.Tensor] = {}
    for kind, fields in _FIELDS.items():
        layers = next((value for field in fields if (value := getattr(output, field, None))), ())
        for layer, weights in enumerate(layers):
            if weights is not None and weights.ndim == 4:
                found[kind, layer] = weights[0].float().cpu()
    return found
