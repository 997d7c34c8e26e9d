"""The trigram baseline worked by hand, and the windows that the models are trained on."""

from __future__ import annotations

import math

import numpy as np
import pytest

from training.ngram import InterpolatedTrigram
from training.windows import WindowSampler


def test_bits_of_one_token_by_hand() -> None:
    """In 0 1 2 0 1 3 the pair (0, 1) is followed by 2 once of two times, 1 by 2 once of two, 2 is 1 of 6 tokens."""
    model = InterpolatedTrigram(np.array([0, 1, 2, 0, 1, 3]), 4)
    weights = np.array([0.4, 0.3, 0.2, 0.1])
    p = 0.4 * 1 / 2 + 0.3 * 1 / 2 + 0.2 * 1 / 6 + 0.1 * 1 / 4
    assert model.bits_per_byte(np.array([0, 1, 2]), 5, weights) == pytest.approx(-math.log2(p) / 5)


def test_unseen_pairs_fall_back() -> None:
    model = InterpolatedTrigram(np.array([0, 1, 2, 0, 1, 3]), 4)
    weights = np.array([0.4, 0.3, 0.2, 0.1])
    p = 0.2 * 2 / 6 + 0.1 * 1 / 4
    assert model.bits_per_byte(np.array([3, 3, 1]), 1, weights) == pytest.approx(-math.log2(p))


def test_fitting_finds_the_order_that_predicts() -> None:
    pattern = np.array([0, 1, 2, 3] * 200)
    weights = InterpolatedTrigram(pattern, 4).fit(pattern[:100])
    assert weights.sum() == pytest.approx(1)
    assert weights[0] + weights[1] > 0.99, "both orders predict it, the others do not"


def test_repeated_windows_hold_a_passage_twice() -> None:
    stream = np.arange(10_000)
    rows = WindowSampler([stream], 512, repeated=1.0).batch(8, [1.0], np.random.default_rng(0))
    for row in rows:
        seen: dict[int, int] = {}
        again = [
            place - seen[token] for place, token in enumerate(row.tolist()) if seen.setdefault(token, place) < place
        ]
        assert 24 <= len(again) <= 96
        assert len(set(again)) == 1, "one passage, one distance"


def test_draws_depend_on_seed_and_step_alone() -> None:
    sampler = WindowSampler([np.arange(5_000), np.arange(5_000, 9_000)], 300)
    first, second = (sampler.batch(4, [0.5, 0.5], np.random.default_rng([7, 3])) for _ in range(2))
    assert np.array_equal(first, second)
