"""What a head does on a text, as shares of its attention. numpy only.

Previous-token, first-token and induction scores follow Elhage et al. 2021 and Olsson et al. 2022: the mean weight that
a query gives to the token before it, to the first token, and to the token that followed the last time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

NEAR = 3


@dataclass(frozen=True)
class HeadScores:
    """Means over the queries of one head on one text, each 0 to 1; None where the text offers nothing to measure."""

    previous_token: float | None
    """Mean of A[i, i−1] over i ≥ 1."""
    first_token: float | None
    """Mean of A[i, 0] over i ≥ 1."""
    induction: float | None
    """Mean over queries whose token stood before, of the weight on all tokens that followed it there."""
    spread: float | None
    """Mean entropy of the rows i ≥ 1 over its maximum ln(i + 1): 0 one key, 1 all keys alike."""
    local: float | None = None
    """Mean over i ≥ 1 of the weight on the keys at most `NEAR` tokens away, the token itself included."""


def head_scores(pattern: np.ndarray, ids: Sequence[int]) -> HeadScores:
    """`pattern` is float32 `[query, key]` of a text's attention to itself, causal or not; `ids` are its tokens."""
    count = len(ids)
    if count < 2:
        return HeadScores(None, None, None, None)
    rows = np.arange(1, count)
    previous = float(pattern[rows, rows - 1].mean())
    first = float(pattern[rows, 0].mean())
    followed: list[float] = []
    places: dict[int, list[int]] = {}
    for query, token in enumerate(ids):
        if token in places:
            followed.append(float(sum(pattern[query, place + 1] for place in places[token])))
        places.setdefault(token, []).append(query)
    near = np.abs(np.arange(count)[:, None] - np.arange(count)) <= NEAR
    local = float((pattern * near)[1:].sum(-1).mean())
    return HeadScores(previous, first, float(np.mean(followed)) if followed else None, spread(pattern), local)


def spread(pattern: np.ndarray) -> float | None:
    """Mean entropy of the rows that see at least two keys, over its maximum, the logarithm of how many they see.

    A key counts as seen up to the last one with any weight, which for a causal mask is the diagonal.
    """
    if pattern.shape[1] < 2:
        return None
    weights = pattern.astype(np.float64)
    logs = np.log(weights, out=np.zeros_like(weights), where=weights > 0)
    entropy = -(weights * logs).sum(-1)
    causal = pattern.shape[0] == pattern.shape[1] and not np.triu(pattern, 1).any()
    seen = np.arange(1, len(pattern) + 1) if causal else np.full(len(pattern), pattern.shape[1])
    several = seen > 1
    return float((entropy[several] / np.log(seen[several])).mean())
