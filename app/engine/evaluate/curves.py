"""Loss along a text, loss by how much context there was, and how far confidence is right."""

from __future__ import annotations

import numpy as np

from app.engine.evaluate.records import LN2, MASKED, Calibration, Curve, Scores

POINTS = 400
SMOOTHED = 140
"""Bytes: about two lines of text."""


def smoothing(total: int) -> int:
    """Over how many bytes the curve of a text of `total` bytes is smoothed."""
    return max(SMOOTHED, total // 40)


def by_position(scores: Scores, label: str, slot: str = "") -> Curve:
    """Bits per byte around each place of the text."""
    half = smoothing(scores.bytes) / 2
    x = np.linspace(0, scores.bytes, POINTS)
    low, high = np.maximum(x - half, 0), np.minimum(x + half, scores.bytes)
    return Curve(x, _bits_between(scores, low, high) / np.maximum(high - low, 1), label, slot)


def cumulative(scores: Scores, label: str, slot: str = "") -> Curve:
    """Bits per byte of the text up to each place."""
    x = np.linspace(0, scores.bytes, POINTS + 1)[1:]
    return Curve(x, _bits_between(scores, np.zeros(POINTS), x) / x, label, slot)


def by_context(scores: Scores, label: str, slot: str = "") -> Curve:
    """Mean bits of a token by how many tokens stood before it in its window, in doubling steps (1, 2–3, 4–7, …).

    Empty for a masked model, whose tokens see both sides.
    """
    context = context_of(scores)
    scored = (scores.rank >= 0) & (context > 0) & (scores.objective != MASKED)
    step = np.log2(np.maximum(context[scored], 1)).astype(np.int64)
    bits, size = scores.token_nats[scored] / LN2, int(step.max(initial=-1)) + 1
    counts = np.bincount(step, minlength=size)
    with np.errstate(invalid="ignore"):
        means = np.bincount(step, bits, size) / counts
    return Curve(2.0 ** np.arange(size), means, label, slot)


def context_of(scores: Scores) -> np.ndarray:
    """int64 `[token]`: how many tokens of its record a decoder saw before each token."""
    starts = np.repeat(scores.starts[:-1], np.diff(scores.starts))
    place = np.arange(len(scores.ids)) - starts
    window, stride = scores.plan.window, scores.plan.stride
    if not window or not stride:
        return place
    if scores.plan.name == "lm-eval":
        # A block's first token has the one before it, its second that and the first…
        block = np.maximum(place - 1, 0) // window * window
        # The last block is shifted back to be full.
        text = np.repeat(np.diff(scores.starts) - 1, np.diff(scores.starts))
        return np.where(place > 0, place - np.minimum(block, np.maximum(text - window, 0)), 0)
    return np.where(place < window, place, window - stride + (place - window) % stride)


def overview(scores: Scores, columns: int) -> np.ndarray:
    """float64 `[column]`: bits per byte of the text in as many equal parts."""
    edges = np.linspace(0, scores.bytes, columns + 1)
    return _bits_between(scores, edges[:-1], edges[1:]) / np.diff(edges)


def calibration(scores: Scores, bins: int = 10) -> Calibration:
    """How often the model's first choice was right, by how sure it was of it (Guo et al. 2017, equal widths)."""
    scored = scores.rank >= 0
    sure, right = scores.confidence[scored].astype(np.float64), scores.rank[scored] == 0
    edges = np.linspace(0, 1, bins + 1)
    # A confidence on an edge counts below it, as in the paper's intervals (low, high].
    place = np.clip(np.searchsorted(edges, sure, "left") - 1, 0, bins - 1)
    count = np.bincount(place, minlength=bins)
    with np.errstate(invalid="ignore"):
        return Calibration(
            edges, np.bincount(place, sure, bins) / count, np.bincount(place, right, bins) / count, count
        )


def _bits_between(scores: Scores, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Bits paid for the text from each byte `low` to `high`, NaN where a token among them was held for impossible."""
    bits = np.nan_to_num(scores.token_nats / LN2, posinf=0.0)
    paid = _before(scores, bits, high) - _before(scores, bits, low)
    endless = np.isinf(scores.token_nats)
    if not endless.any():
        return paid
    lost = _before(scores, endless, high) - _before(scores, endless, low)
    return np.where(lost > 0, np.nan, paid)


def _before(scores: Scores, each: np.ndarray, at: np.ndarray) -> np.ndarray:
    """The sum of what `each` token has in the text before each byte `at`; inside a token it rises evenly."""
    total = np.concatenate([[0.0], np.cumsum(each)])
    ends = np.concatenate([[0], scores.spans[:, 1]])
    # Of several tokens that end at one byte the last has everything before it.
    last = np.append(np.diff(ends) > 0, True)
    return np.interp(at, ends[last], total[last])
