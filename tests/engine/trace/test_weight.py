"""One weight step by step, against the model's own numbers and by hand."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from engine.tiny_models import FAMILIES, SENTENCES

from app.engine.models.loaded import LoadedModel
from app.engine.trace import trace
from app.engine.trace.readings import read_weight


@pytest.mark.parametrize("family", FAMILIES)
def test_the_steps_lead_to_the_weight(tiny: Callable[[str], LoadedModel], family: str) -> None:
    made = trace(tiny(family), SENTENCES[0])
    last = len(made.tokens) - 1
    reading = read_weight(made, 1, 3, last, last - 2)
    dot = sum(float(q) * float(k) for q, k in zip(reading.query_vector, reading.key_vector, strict=True))
    assert reading.dot == pytest.approx(dot, rel=1e-5, abs=1e-5)
    scaled = reading.dot * (reading.scaling if reading.scaling is not None else 1.0)
    if reading.softcap is not None:
        scaled = reading.softcap * math.tanh(scaled / reading.softcap)
    assert reading.score == pytest.approx(scaled, rel=1e-4, abs=1e-4)
    visible = reading.row_scores[np.isfinite(reading.row_scores)].astype(float)
    by_hand = math.exp(reading.score) / sum(math.exp(score) for score in visible)
    assert reading.weight == pytest.approx(by_hand, abs=1e-5)
    assert reading.weight == pytest.approx(float(made.attention(1, 3)[last, last - 2]), abs=1e-7)


@pytest.mark.parametrize("family", FAMILIES)
def test_values_weighed_make_the_mixture(tiny: Callable[[str], LoadedModel], family: str) -> None:
    made = trace(tiny(family), SENTENCES[0])
    last = len(made.tokens) - 1
    readings = [read_weight(made, 1, 3, last, key) for key in range(last + 1)]
    total = sum(reading.weight * reading.value_vector for reading in readings if reading.value_vector is not None)
    assert np.allclose(total, readings[0].mixed, atol=1e-4)


def test_a_masked_cell_has_no_weight(tiny: Callable[[str], LoadedModel]) -> None:
    reading = read_weight(trace(tiny("gpt2"), SENTENCES[0]), 0, 0, 2, 5)
    assert reading.score == float("-inf")
    assert reading.weight == 0


def test_soft_capping_is_handed_on(tiny: Callable[[str], LoadedModel]) -> None:
    assert read_weight(trace(tiny("gemma2"), SENTENCES[0]), 0, 0, 2, 1).softcap == 0.5
