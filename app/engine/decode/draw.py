"""The draw: one random number picks one token. No torch, so the window can paint the very strip the loop drew from.

The tokens lie side by side on a strip from 0 to 1, the likeliest first (equal ones by id), each as wide as its
probability; the token under the random number is taken.
"""

from __future__ import annotations

from itertools import accumulate

import numpy as np


def likeliest(logits: np.ndarray, share: float) -> tuple[list[int], list[float], float]:
    """The tokens of at least this probability, in the order of the strip; at most 1 / share of them.

    `logits`: float32 `[vocabulary]`, the largest of them finite. Gives their ids, the exponentials of their logits
    (1 for the likeliest), and the sum of all tokens' exponentials. A step does this up to twice between two calls of
    the model, when its code has left the processor's caches: few calls on arrays and short lists are quickest.
    """
    weights = np.exp(logits - logits.max())
    total = float(weights.sum())
    ids = np.flatnonzero(weights >= total * share)
    pairs = sorted(zip((-weights[ids]).tolist(), ids.tolist(), strict=True))
    return [token for _, token in pairs], [-weight for weight, _ in pairs], total


def draw(logits: np.ndarray, u: float) -> int:
    """The token id under `u` in [0, 1). `logits`: float32 `[vocabulary]`, the largest of them finite."""
    ids, weights, total = likeliest(logits, 1 / 256)
    for token, reached in zip(ids, accumulate(weights), strict=True):
        if reached / total > u:
            return token
    order, reached_by = _whole_strip(logits)
    # Rounding can leave the end of the strip a hair below 1: its last token takes the rest.
    return int(order[min(int(np.searchsorted(reached_by / total, u, side="right")), len(order) - 1)])


def strip(logits: np.ndarray, most: int) -> tuple[np.ndarray, np.ndarray]:
    """The first `most` tokens of the strip: ids int64 `[token]` and edges float64 `[token + 1]`.

    `draw(logits, u)` is `ids[i]` where `edges[i] <= u < edges[i + 1]`.
    """
    order, reached = _whole_strip(logits)
    total = float(np.exp(logits - logits.max()).sum())
    return order[:most], np.concatenate([[0.0], reached[:most] / total])


def _whole_strip(logits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Every token that can be drawn, in order, and the sum of the exponentials up to and with it."""
    weights = np.exp(logits - logits.max())
    order = np.argsort(-weights, kind="stable")[: int(np.count_nonzero(weights))]
    return order, np.cumsum(weights[order], dtype=np.float64)
