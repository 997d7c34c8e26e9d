"""The logit lens: what the model would say if it stopped after each block.

The residual stream after every block is put through the model's own final norm and unembedding (nostalgebraist,
"interpreting GPT: the logit lens", 2020). It is the raw lens: early blocks do not write in the unembedding's basis, so
what they "say" is a hint and no prediction.
"""

from __future__ import annotations

from typing import Any

import torch

from app.engine.errors import UserError
from app.engine.models.loaded import LoadedModel
from app.engine.trace.records import LensReading, LensRow
from app.engine.trace.result import Trace

_SAME = 1e-3
"""Largest difference of the last row from the model's own logits, relative to their largest."""


def read_lens(trace: Trace, position: int) -> LensReading:
    """A row for every block at one position; the last is the model's own answer.

    Raises UserError where the lens would not mean what it says: without a final norm of the stream, with norms after
    the addition, or where the family does more to its logits than norm, unembedding and soft-cap.
    """
    loaded = trace.loaded
    anatomy, name = loaded.anatomy, loaded.summary.name
    if trace.info("logits").axes != ("token", "vocabulary"):
        raise UserError(f"{name} has no head that says a token at every position, so there is no logit lens.")
    if not anatomy.final_norm or not all(parts.norm_first for parts in anatomy.blocks):
        raise UserError(f"{name} norms its stream after each addition, so a logit lens of its blocks has no meaning.")
    prefix = anatomy.main.prefix
    stream = torch.stack(
        [trace[f"{prefix}blocks.{index}.resid_post"][position] for index in range(len(anatomy.blocks))]
    )
    with trace.weights():
        logits = _said(loaded, stream)
    own = trace.logits[position].float()
    if float((logits[-1] - own).abs().max()) > _SAME * float(own.abs().max()):
        raise UserError(
            f"{name} does more to its logits than final norm and unembedding, so a logit lens would show another "
            "model's answer."
        )
    final = int(own.argmax())
    rows = []
    for layer, row in enumerate(logits):
        best = int(row.argmax())
        shares = row.softmax(-1)
        rank = int((row > row[final]).sum())
        rows.append(
            LensRow(layer, best, loaded.tokenizer.decode([best]), float(shares[best]), float(shares[final]), rank)
        )
    return LensReading(position, final, loaded.tokenizer.decode([final]), tuple(rows))


def _said(loaded: LoadedModel, stream: torch.Tensor) -> torch.Tensor:
    """float32 logits `[layer, vocabulary]` on the CPU of streams `[layer, width]`."""
    model: Any = loaded.model
    norm = model.get_submodule(loaded.anatomy.final_norm)
    head = model.get_output_embeddings()
    place = next(norm.parameters()).device
    with torch.no_grad():
        logits = head(norm(stream.to(place))).float().cpu()
    cap = getattr(model.config.get_text_config(), "final_logit_softcapping", None)
    return cap * torch.tanh(logits / cap) if cap else logits
