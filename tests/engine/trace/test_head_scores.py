"""Head scores worked by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from app.engine.trace.head_scores import head_scores


def test_three_rows_by_hand() -> None:
    pattern = np.array([[1, 0, 0, 0], [0.25, 0.75, 0, 0], [0.5, 0.25, 0.25, 0], [0.1, 0.2, 0.3, 0.4]], dtype=np.float32)
    scores = head_scores(pattern, [5, 6, 5, 6])
    assert scores.previous_token == pytest.approx((0.25 + 0.25 + 0.3) / 3)
    assert scores.first_token == pytest.approx((0.25 + 0.5 + 0.1) / 3)
    # Token 2 repeats token 0, which was followed by token 1; token 3 repeats token 1, followed by token 2.
    assert scores.induction == pytest.approx((0.25 + 0.3) / 2)


def test_spread_of_uniform_and_pointed_rows() -> None:
    uniform = np.tril(np.ones((3, 3))) / np.arange(1, 4)[:, None]
    assert head_scores(uniform.astype(np.float32), [1, 2, 3]).spread == pytest.approx(1)
    assert head_scores(np.eye(3, dtype=np.float32), [1, 2, 3]).spread == pytest.approx(0)
    half = np.array([[1, 0], [0.5, 0.5]], dtype=np.float32)
    assert head_scores(half, [1, 2]).spread == pytest.approx(math.log(2) / math.log(2))


def test_nothing_to_measure() -> None:
    assert head_scores(np.ones((1, 1), dtype=np.float32), [1]).previous_token is None
    assert head_scores(np.eye(2, dtype=np.float32), [1, 2]).induction is None
