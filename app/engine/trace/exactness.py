"""How far what is shown lies from the untouched model, measured on the model and device at hand."""

from __future__ import annotations

from typing import Any

import torch

from app.engine.errors import UserError
from app.engine.models.loaded import LoadedModel
from app.engine.trace.records import Exactness
from app.engine.trace.run import trace

SAMPLE = "When the first one went out, the second one went after the first."


def measure_exactness(loaded: LoadedModel, text: str = SAMPLE) -> Exactness:
    """Run `text` through the untouched model, through its eager attention, and through a trace, and compare.

    `logits` is the largest difference from the untouched run, `pattern` the largest from the attention weights that
    transformers itself gives under eager (`output_attentions=True`), which rounds differently from the model's own
    kernel. None where a comparison could not be made, with the reason.
    """
    made = trace(loaded, text)
    inputs = {"input_ids": torch.tensor([[token.id for token in made.tokens]], device=loaded.device)}
    with torch.no_grad():
        plain = loaded.model(**inputs, use_cache=False).logits[0].cpu()
    logits = float((made.logits - plain).abs().max())
    try:
        attentions = _eager_attentions(loaded.model, inputs)
    except (ValueError, UserError) as error:
        return Exactness(len(made.tokens), logits, None, f"its eager attention cannot be asked ({error})")
    if not attentions or len(attentions) != loaded.summary.layers:
        return Exactness(len(made.tokens), logits, None, "transformers gives no attention weights of this family")
    pattern = max(
        float((made.attention(layer) - weights[0].float().cpu()).abs().max())
        for layer, weights in enumerate(attentions)
    )
    return Exactness(len(made.tokens), logits, pattern)


def _eager_attentions(model: Any, inputs: dict[str, torch.Tensor]) -> tuple[torch.Tensor, ...]:
    before = model.config._attn_implementation
    model.set_attn_implementation("eager")
    try:
        with torch.no_grad():
            return model(**inputs, use_cache=False, output_attentions=True).attentions or ()
    finally:
        model.set_attn_implementation(before)
