"""The logit lens: what the model would say if it stopped after each block.

The residual stream after every block is put through the model's own final norm and unembedding (nostalgebraist,
"interpreting GPT: the logit lens", 2020). It is the raw lens: early blocks do not write in the unembedding's basis, so
what they "say" is a hint and no prediction.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import numpy as np
import torch

from app.engine.errors import UserError
from app.engine.models.loaded import LoadedModel
from app.engine.models.memory import memory_errors
from app.engine.trace.records import LensMap, LensReading, LensRow
from app.engine.trace.result import Trace

_SAME = 1e-3
"""Largest difference of the last row from the model's own logits, relative to their largest."""

PART = 16 << 20
"""Bytes of logits that are looked at at a time when the lens is read at every position."""


def read_lens(trace: Trace, position: int) -> LensReading:
    """A row for every block at one position; the last is the model's own answer.

    Raises UserError where the lens would not mean what it says: without a final norm of the stream, with norms after
    the addition, or where the family does more to its logits than norm, unembedding and soft-cap.
    """
    _check_meaning(trace)
    loaded = trace.loaded
    prefix = loaded.anatomy.main.prefix
    stream = torch.stack(
        [trace[f"{prefix}blocks.{index}.resid_post"][position] for index in range(len(loaded.anatomy.blocks))]
    )
    with trace.weights():
        logits = _said(loaded, stream)
    own = trace.logits[position].float()
    _check_same(trace, logits[-1], own)
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


def lens_map_steps(trace: Trace) -> Generator[float, None, LensMap]:
    """What every block would say at every position, a step for some of the positions after one block; yields the share
    done. No more than `PART` bytes of logits stand in memory beside the model's own. Raises UserError as `read_lens`.
    """
    _check_meaning(trace)
    loaded, own = trace.loaded, trace.logits
    prefix, layers = loaded.anatomy.main.prefix, len(loaded.anatomy.blocks)
    tokens, vocabulary = own.shape
    final = own.argmax(-1)
    each = max(1, PART // (4 * vocabulary))
    ids = np.zeros((layers, tokens), dtype=np.int64)
    probabilities, ranks = np.zeros(ids.shape, dtype=np.float32), np.zeros_like(ids)
    # The last block first: where its answer is not the model's own, there is no lens.
    for done, layer in enumerate(reversed(range(layers))):
        stream = trace[f"{prefix}blocks.{layer}.resid_post"]
        for first in range(0, tokens, each):
            part = slice(first, first + each)
            with memory_errors("the logit lens", "Use a shorter text."), trace.weights():
                logits = _said(loaded, stream[part])
                if layer == layers - 1:
                    _check_same(trace, logits, own[part].float())
                best = logits.max(-1)
                ids[layer, part] = best.indices.numpy()
                # Softmax of the largest: e^0 over the sum of e^(logit − largest).
                probabilities[layer, part] = (logits - best.values[:, None]).exp().sum(-1).reciprocal().numpy()
                ranks[layer, part] = (logits > logits.gather(-1, final[part, None])).sum(-1).numpy()
            yield (done + min(first + each, tokens) / tokens) / layers
    known = {token: loaded.tokenizer.decode([token]) for token in np.unique(ids).tolist()}
    texts = tuple(tuple(known[token] for token in row) for row in ids.tolist())
    return LensMap(ids, texts, probabilities, ranks, vocabulary)


def why_none(trace: Trace) -> str:
    """Why a model's blocks say nothing through its last norm, as far as that is known without computing; else ''."""
    anatomy, name = trace.loaded.anatomy, trace.loaded.summary.name
    if trace.info("logits").axes != ("token", "vocabulary"):
        return f"{name} has no head that says a token at every position, so there is no logit lens."
    if not anatomy.final_norm or not all(parts.norm_first for parts in anatomy.blocks):
        return f"{name} norms its stream after each addition, so a logit lens of its blocks has no meaning."
    return ""


def _check_meaning(trace: Trace) -> None:
    """Raise UserError for a model whose blocks' streams say nothing through its last norm."""
    if why := why_none(trace):
        raise UserError(why)


def _check_same(trace: Trace, said: torch.Tensor, own: torch.Tensor) -> None:
    """Raise UserError where the last block's lens is not what the model answers."""
    if float((said - own).abs().max()) > _SAME * float(own.abs().max()):
        raise UserError(
            f"{trace.loaded.summary.name} does more to its logits than final norm and unembedding, so a logit lens "
            "would show another model's answer."
        )


def _said(loaded: LoadedModel, stream: torch.Tensor) -> torch.Tensor:
    """float32 logits `[row, vocabulary]` on the CPU of streams `[row, width]`."""
    model: Any = loaded.model
    norm = model.get_submodule(loaded.anatomy.final_norm)
    head = model.get_output_embeddings()
    place = next(norm.parameters()).device
    with torch.no_grad():
        logits = head(norm(stream.to(place))).float().cpu()
    cap = getattr(model.config.get_text_config(), "final_logit_softcapping", None)
    return cap * torch.tanh(logits / cap) if cap else logits
