"""From a trace to the frozen records that the window draws: numpy, float32, nothing of torch."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from app.engine.trace.head_scores import head_scores
from app.engine.trace.records import Candidate, HeadReading, TensorReading, Thumbnails, WeightReading
from app.engine.trace.result import Trace

THUMBNAIL_SIDE = 64


def read_tensor(trace: Trace, name: str) -> TensorReading:
    """The tensor called `name` with its statistics. Masked scores (−inf) count neither in them nor as non-finite."""
    tensor = trace[name]
    values = tensor.float().numpy()
    masked = np.isneginf(values) if name.endswith("attn.scores") else np.zeros((), dtype=bool)
    finite = values[np.isfinite(values)]
    counted = values.size - int(np.count_nonzero(masked))
    wide = finite.astype(np.float64)
    empty = wide.size == 0
    return TensorReading(
        name=name,
        values=values,
        info=trace.info(name),
        dtype=str(tensor.dtype).removeprefix("torch."),
        minimum=float("nan") if empty else float(wide.min()),
        maximum=float("nan") if empty else float(wide.max()),
        mean=float("nan") if empty else float(wide.mean()),
        std=float("nan") if empty else float(wide.std()),
        l2=float(np.sqrt(np.square(wide).sum())),
        zeros=0.0 if counted == 0 else float(np.count_nonzero(finite == 0)) / counted,
        nonfinite=counted - int(finite.size),
    )


def read_head(trace: Trace, layer: int, head: int) -> HeadReading:
    """One head's weights, scores and visible cells."""
    scores, pattern = trace.scores_and_pattern(layer, head)
    measured = head_scores(pattern.numpy(), [token.id for token in trace.tokens])
    return HeadReading(layer, head, pattern.numpy(), scores.numpy(), torch.isfinite(scores).numpy(), measured)


def read_weight(trace: Trace, layer: int, head: int, query: int, key: int) -> WeightReading:
    """One weight with everything that made it. Grouped-query heads read the key-value head they share."""
    scores, pattern = trace.scores_and_pattern(layer, head)
    queries, keys = trace[f"blocks.{layer}.attn.q"].float(), trace[f"blocks.{layer}.attn.k"].float()
    shared = head * keys.shape[0] // queries.shape[0]
    ours, theirs = queries[head, query], keys[shared, key]
    arguments = trace.score_arguments(layer)
    return WeightReading(
        layer,
        head,
        query,
        key,
        ours.numpy(),
        theirs.numpy(),
        float(ours.double() @ theirs.double()),
        arguments.get("scaling"),
        arguments.get("softcap"),
        float(scores[query, key]),
        float(pattern[query, key]),
        scores[query].numpy(),
        pattern[query].numpy(),
    )


def read_thumbnails(trace: Trace, layer: int, heads: int) -> Thumbnails:
    """Every head of `layer`, one after the other, so that no more than one full pattern is held at a time."""
    if not trace.has_attention(layer):
        return Thumbnails(layer, None, None, 1)
    pictures, pooled = [], 1
    for head in range(heads):
        pattern = trace.attention(layer, head)
        pooled = -(-max(pattern.shape) // THUMBNAIL_SIDE)
        pictures.append(_max_pool(pattern, pooled).numpy())
    seen = _max_pool(trace.visible(layer).float(), pooled).numpy() > 0
    return Thumbnails(layer, np.stack(pictures), seen, pooled)


def _max_pool(picture: torch.Tensor, each: int) -> torch.Tensor:
    if each == 1:
        return picture
    return torch.nn.functional.max_pool2d(picture[None, None], each, ceil_mode=True)[0, 0]


def read_candidates(trace: Trace, tokenizer: Any, position: int, count: int = 20) -> tuple[Candidate, ...]:
    """The `count` most probable tokens after token `position`, best first, from the model's raw logits."""
    logits = trace.logits[position].float()
    return candidates(logits, tokenizer, count)


def candidates(logits: torch.Tensor, tokenizer: Any, count: int) -> tuple[Candidate, ...]:
    """The most probable tokens of one row of logits `[vocabulary]`, best first; softmax over the whole vocabulary."""
    probabilities = torch.softmax(logits, -1)
    best = torch.topk(logits, min(count, logits.shape[-1])).indices.tolist()
    return tuple(
        Candidate(index, tokenizer.decode([index]), float(probabilities[index]), float(logits[index])) for index in best
    )
