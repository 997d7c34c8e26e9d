"""What a head does on a text, as shares of its attention. numpy only.

Previous-token, first-token and induction scores follow Elhage et al. 2021 and Olsson et al. 2022: the mean weight that
a query gives to the token before it, to the first token, and to the token that followed the last time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


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


def head_scores(pattern: np.ndarray, ids: Sequence[int]) -> HeadScores:
    """`pattern` is float32 `[query, key]`, causal; `ids` are the tokens it is over."""
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
    weights = pattern[1:].astype(np.float64)
    logs = np.log(weights, out=np.zeros_like(weights), where=weights > 0)
    entropy = -(weights * logs).sum(-1)
    spread = float((entropy / np.log(rows + 1)).mean())
    return HeadScores(previous, first, float(np.mean(followed)) if followed else None, spread)
