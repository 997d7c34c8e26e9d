"""From a trace to the frozen records that the window draws: numpy, float32, nothing of torch."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch

from app.engine.errors import UserError
from app.engine.trace.beyond import norm_weighted, rollout
from app.engine.trace.head_scores import HeadScores, head_scores, spread
from app.engine.trace.names import site_of
from app.engine.trace.records import (
    Candidate,
    ClassShare,
    HeadReading,
    LayerReading,
    TensorInfo,
    TensorReading,
    Thumbnails,
    WeightReading,
)
from app.engine.trace.result import Trace

THUMBNAIL_SIDE = 64
_ROUNDING = 1e-3
"""A difference of the score from scale times product that is larger than this, relatively, is a bias."""


def read_tensor(trace: Trace, name: str) -> TensorReading:
    """The tensor called `name` with its statistics. Masked scores (−inf) count neither in them nor as non-finite."""
    tensor = trace[name]
    info = _info(trace, name, tensor)
    values = tensor.float().numpy().reshape(info.shape or (1,))
    masked = np.isneginf(values) if name.endswith(".scores") else np.zeros((), dtype=bool)
    finite = values[np.isfinite(values)]
    counted = values.size - int(np.count_nonzero(masked))
    wide = finite.astype(np.float64)
    empty = wide.size == 0
    return TensorReading(
        name=name,
        values=values,
        info=info,
        dtype=str(tensor.dtype).removeprefix("torch."),
        minimum=float("nan") if empty else float(wide.min()),
        maximum=float("nan") if empty else float(wide.max()),
        mean=float("nan") if empty else float(wide.mean()),
        std=float("nan") if empty else float(wide.std()),
        l2=float(np.sqrt(np.square(wide).sum())),
        zeros=0.0 if counted == 0 else float(np.count_nonzero(finite == 0)) / counted,
        nonfinite=counted - int(finite.size),
    )


def _info(trace: Trace, name: str, tensor: torch.Tensor) -> TensorInfo:
    """Shape and axes, also of modules and parameters: their axes are guessed from the sizes, a batch of one dropped."""
    if name in trace.names():
        return trace.info(name)
    shape = tuple(tensor.shape)
    while len(shape) > 2 and shape[0] == 1:
        shape = shape[1:]
    rows = len(trace.row_tokens(name))
    known = {rows: "token"} if trace.point(name) is not None else {}
    axes = [known.get(size, "row") if place == len(shape) - 2 else "page" for place, size in enumerate(shape[:-1])]
    return TensorInfo(name, shape or (1,), (*axes, "column"))


def read_head(trace: Trace, layer: int, head: int, kind: str = "self", weighting: str = "raw") -> HeadReading:
    """One head's weights, scores and visible cells.

    `weighting` puts something else in the place of the weights: "norms" the share of each row's ‖α·v·W_O‖, "rollout"
    the attention rolled out to this block over all heads. Raises UserError where the model has no such thing.
    """
    scores, pattern = trace.scores_and_pattern(layer, head, kind)
    measured = _measured(trace, pattern.numpy(), kind)
    if weighting == "norms":
        lengths = norm_weighted(trace, layer, kind)[head]
        pattern = lengths / lengths.sum(-1, keepdim=True).clamp_min(torch.finfo(torch.float32).tiny)
    elif weighting == "rollout":
        pattern = rollout(trace, layer, kind)
    # Only −inf is a mask: NaN and +inf were computed, however wrong, and are shown as such.
    seen = ~torch.isneginf(scores).numpy()
    arguments = trace.score_arguments(layer, kind)
    return HeadReading(
        layer,
        head,
        pattern.numpy(),
        scores.numpy(),
        seen,
        measured,
        kind,
        weighting,
        arguments.get("scaling"),
        arguments.get("softcap"),
        _sink(trace, layer, head, kind),
    )


def _sink(trace: Trace, layer: int, head: int, kind: str) -> float | None:
    """The head's score that is no key's, None where there is none."""
    name = f"{trace.loaded.anatomy.sites[kind, layer].prefix}sinks"
    return float(trace[name][head]) if trace.has(name) else None


def _measured(trace: Trace, weights: np.ndarray, kind: str) -> HeadScores:
    """What a head does; between two texts there is no token before and nothing to copy."""
    if kind == "cross":
        return HeadScores(None, None, None, spread(weights))
    target = kind == "self" and trace.target_tokens
    return head_scores(weights, [token.id for token in (trace.target_tokens if target else trace.tokens)])


def read_weight(trace: Trace, layer: int, head: int, query: int, key: int, kind: str = "self") -> WeightReading:
    """One weight with everything that made it. Grouped-query heads read the key-value head they share.

    Raises UserError where the family does not show its queries and keys.
    """
    scores, pattern = trace.scores_and_pattern(layer, head, kind)
    prefix = trace.loaded.anatomy.sites[kind, layer].prefix
    queries, keys = trace[f"{prefix}q"].float(), trace[f"{prefix}k"].float()
    shared = head * keys.shape[0] // queries.shape[0]
    ours, theirs = queries[head, query], keys[shared, key]
    arguments = trace.score_arguments(layer, kind)
    value: np.ndarray | None = None
    mixed: np.ndarray | None = None
    try:
        values, mixed = trace[f"{prefix}v"].float(), trace[f"{prefix}z"].float()[head, query].numpy()
        value = values[head * values.shape[0] // queries.shape[0], key].numpy()
    except UserError:
        pass
    dot, score = float(ours.double() @ theirs.double()), float(scores[query, key])
    bias = _bias(dot, score, arguments)
    return WeightReading(
        layer,
        head,
        query,
        key,
        ours.numpy(),
        theirs.numpy(),
        dot,
        arguments.get("scaling"),
        arguments.get("softcap"),
        score,
        float(pattern[query, key]),
        scores[query].numpy(),
        pattern[query].numpy(),
        value,
        mixed,
        kind,
        bias,
        _bias_by(trace, kind) if bias else "",
        _sink(trace, layer, head, kind),
    )


def _bias(dot: float, score: float, arguments: dict[str, float]) -> float:
    """What makes the score of the scaled product, 0 where nothing does or where the scale is not known. Where scores
    are capped or masked it cannot be told from them."""
    if "scaling" not in arguments or "softcap" in arguments or not math.isfinite(score):
        return 0.0
    bias = score - dot * arguments["scaling"]
    return bias if abs(bias) > _ROUNDING * max(1.0, abs(score), abs(dot * arguments["scaling"])) else 0.0


def _bias_by(trace: Trace, kind: str) -> str:
    """What adds a bias to the scores of attention of `kind`, '' where that is not known."""
    if kind == "cross":
        return ""
    entering = trace.loaded.anatomy.stack_of(kind).position_kind
    return next((name for name in ("ALiBi", "relative bias", "relative embeddings") if name in entering), "")


def read_layer(trace: Trace, layer: int, kind: str = "self") -> LayerReading:
    """The weights of every head of a layer."""
    return LayerReading(layer, kind, trace.attention(layer, kind=kind).numpy())


def read_mask(trace: Trace, name: str) -> TensorReading:
    """Where a block's tokens may look, by the mask that the model handed to its attention: `[query, key]`, 1 where at
    least one head may, 0 where none may. `name` is that of a mask, "blocks.2.attn.mask"."""
    found = site_of(f"{name.removesuffix('mask')}pattern", trace.loaded.anatomy)
    if found is None or not name.endswith(".mask"):
        raise UserError(f"This run has no tensor called “{name}”.", "names() lists those it has.")
    values = trace.visible(found[0].layer, found[0].kind).numpy().astype(np.float32)
    info = TensorInfo(name, values.shape, ("query", "key"))
    mean = float(values.mean())
    spread, length = float(values.std()), float(np.sqrt(values.sum()))
    return TensorReading(
        name, values, info, "bool", float(values.min()), float(values.max()), mean, spread, length, 1.0 - mean, 0
    )


def read_thumbnails(trace: Trace, layer: int, kind: str = "self") -> Thumbnails:
    """Every head of `layer`, one after the other, so that no more than one full pattern is held at a time."""
    if not trace.has_attention(layer, kind):
        return Thumbnails(layer, None, None, 1, kind)
    pictures, measured, pooled = [], [], 1
    heads = trace.info(f"{trace.loaded.anatomy.sites[kind, layer].prefix}pattern").shape
    assert heads is not None
    for head in range(heads[0]):
        pattern = trace.attention(layer, head, kind)
        measured.append(_measured(trace, pattern.numpy(), kind))
        pooled = -(-max(pattern.shape) // THUMBNAIL_SIDE)
        pictures.append(_max_pool(pattern, pooled).numpy())
    seen = _max_pool(trace.visible(layer, kind).float(), pooled).numpy() > 0
    return Thumbnails(layer, np.stack(pictures), seen, pooled, kind, tuple(measured))


def _max_pool(picture: torch.Tensor, each: int) -> torch.Tensor:
    if each == 1:
        return picture
    return torch.nn.functional.max_pool2d(picture[None, None], each, ceil_mode=True)[0, 0]


def read_candidates(trace: Trace, tokenizer: Any, position: int, count: int = 20) -> tuple[Candidate, ...]:
    """The `count` most probable tokens after token `position` (of a masked model: in its place), best first, from the
    model's raw logits. Empty for a model whose head gives no token at every position."""
    info = trace.info("logits")
    if info.shape is None or info.axes != ("token", "vocabulary"):
        return ()
    return candidates(trace.logits[position].float(), tokenizer, count)


def read_classes(trace: Trace) -> tuple[ClassShare, ...]:
    """What a classification head says, in the order of its labels; empty for other heads."""
    info = trace.info("logits")
    if info.axes != ("label",):
        return ()
    logits = trace.logits.float()
    shares = logits.softmax(-1)
    labels = trace.loaded.summary.labels
    return tuple(ClassShare(label, float(shares[i]), float(logits[i])) for i, label in enumerate(labels))


def read_next_sentence(trace: Trace) -> tuple[ClassShare, ...]:
    """Whether the second sentence follows the first, where the model has that head (Devlin et al. 2019): index 0 of
    transformers' `seq_relationship_logits` is "follows"."""
    if "next_sentence" not in trace.names():
        return ()
    logits = trace["next_sentence"].float()
    shares = logits.softmax(-1)
    return tuple(
        ClassShare(label, float(shares[i]), float(logits[i])) for i, label in enumerate(("follows", "does not follow"))
    )


def candidates(logits: torch.Tensor, tokenizer: Any, count: int) -> tuple[Candidate, ...]:
    """The most probable tokens of one row of logits `[vocabulary]`, best first; softmax over the whole vocabulary."""
    probabilities = torch.softmax(logits, -1)
    best = torch.topk(logits, min(count, logits.shape[-1])).indices.tolist()
    return tuple(
        Candidate(index, tokenizer.decode([index]), float(probabilities[index]), float(logits[index])) for index in best
    )
