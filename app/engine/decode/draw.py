"""The draw: one random number picks one token. No torch, so the window can paint the very strip the loop drew from.

The tokens lie side by side on a strip from 0 to 1, the likeliest first (equal ones by id), each as wide as its
probability; the token under the random number is taken.
"""

from __future__ import annotations

import numpy as np

_HEAD_SHARE = 1 / 256


def draw(logits: np.ndarray, u: float) -> int:
    """The token id under `u` in [0, 1). `logits`: float32 `[vocabulary]`, at least one of them finite.

    Tokens of at least 1/256 are at most 256 and come first on the strip, so sorting those nearly always suffices.
    """
    weights, total = _weights(logits)
    if total * _HEAD_SHARE <= 1:
        head = np.flatnonzero(logits >= np.float32(logits.max() + np.log(total * _HEAD_SHARE)))
        order = head.take(np.argsort(-logits[head], kind="stable"))
        place = int(np.searchsorted(np.cumsum(weights[order], dtype=np.float64) / total, u, side="right"))
        if place < len(order):
            return int(order[place])
    order = np.argsort(-logits, kind="stable")
    place = int(np.searchsorted(np.cumsum(weights[order], dtype=np.float64) / total, u, side="right"))
    # Rounding can leave the end of the strip a hair below 1; nothing of probability 0 may be taken there.
    return int(order[min(place, int(np.count_nonzero(weights)) - 1)])


def strip(logits: np.ndarray, most: int) -> tuple[np.ndarray, np.ndarray]:
    """The first `most` tokens of the strip: ids int64 `[token]` and edges float64 `[token + 1]`.

    `draw(logits, u)` is `ids[i]` exactly where `edges[i] <= u < edges[i + 1]`.
    """
    weights, total = _weights(logits)
    ids = np.argsort(-logits, kind="stable")[: min(most, np.count_nonzero(weights))]
    edges = np.concatenate([[0.0], np.cumsum(weights[ids], dtype=np.float64) / total])
    return ids, edges


def _weights(logits: np.ndarray) -> tuple[np.ndarray, np.float64]:
    weights = np.exp(logits - logits.max())
    return weights, weights.sum(dtype=np.float64)
