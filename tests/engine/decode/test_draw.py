"""The draw: the strip by hand, the right frequencies, the same text from the same seed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from engine.decode.decode_models import Loaded
from hypothesis import given
from hypothesis import strategies as st

from app.engine.decode import DecodingSettings, StageOutcome, stream
from app.engine.decode.draw import draw


def test_the_strip_by_hand() -> None:
    """0.2, 0.5, 0.2, 0.1 lie as token 1 (to 0.5), 0 (to 0.7), 2 (equal to 0, later id; to 0.9), 3."""
    logits = np.log(np.array([0.2, 0.5, 0.2, 0.1], dtype=np.float32))
    drawn = [draw(logits, u) for u in (0.0, 0.499, 0.501, 0.699, 0.701, 0.899, 0.901, 0.999999)]
    assert drawn == [1, 1, 0, 0, 2, 2, 3, 3]
    ids, edges = StageOutcome("top_p", True, logits).strip(3)
    assert ids.tolist() == [1, 0, 2]
    assert edges == pytest.approx([0, 0.5, 0.7, 0.9])


def test_a_cut_token_is_never_drawn() -> None:
    logits = np.full(5000, -np.inf, dtype=np.float32)
    logits[[3, 4000]] = 0.0
    assert {draw(logits, u) for u in np.linspace(0, 1, 50, endpoint=False)} == {3, 4000}
    assert draw(logits, np.nextafter(1.0, 0.0)) == 4000
    assert len(StageOutcome("top_k", True, logits).strip(10)[0]) == 2


@given(seed=st.integers(0, 10**6), spread=st.floats(0, 8), u=st.floats(0, 1, exclude_max=True))
def test_the_strip_is_what_is_drawn_from(seed: int, spread: float, u: float) -> None:
    logits = (np.random.default_rng(seed).normal(size=700) * spread).astype(np.float32)
    ids, edges = StageOutcome("raw", True, logits).strip(700)
    place = int(np.searchsorted(edges, u, side="right")) - 1
    assert draw(logits, u) == ids[min(place, len(ids) - 1)]
    # Logits that differ by less than a float32 exponential can tell are equal on the strip.
    assert (np.diff(np.exp(logits - logits.max())[ids]) <= 0).all()


def test_frequencies_of_the_first_token(gpt2: Loaded) -> None:
    """Chi-square over 1,500 seeds against the model's own probabilities: mean 7 and deviation 3.7 for 8 cells."""
    settings = DecodingSettings(top_k=8, temperature=2.0, max_new_tokens=1)
    runs = 1500
    counts: dict[int, int] = {}
    expected = np.empty(0)
    for seed in range(runs):
        (step,) = stream(gpt2, "A", replace(settings, seed=seed))
        counts[step.token_id] = counts.get(step.token_id, 0) + 1
        expected = step.stages[-2].probabilities * runs
    cells = np.flatnonzero(expected)
    assert len(cells) == 8 and set(counts) <= set(cells.tolist())
    observed = np.array([counts.get(int(cell), 0) for cell in cells])
    assert ((observed - expected[cells]) ** 2 / expected[cells]).sum() < 26


def test_the_same_seed_writes_the_same(gpt2: Loaded) -> None:
    settings = DecodingSettings(max_new_tokens=20)
    runs = {seed: [step.token_id for step in stream(gpt2, "A", replace(settings, seed=seed))] for seed in range(4)}
    assert len({tuple(ids) for ids in runs.values()}) == 4
    for seed, ids in runs.items():
        assert [step.token_id for step in stream(gpt2, "A", replace(settings, seed=seed))] == ids


def test_an_open_seed_is_drawn_and_reported(gpt2: Loaded) -> None:
    settings = DecodingSettings(max_new_tokens=15)
    first, second = (list(stream(gpt2, "A", settings)) for _ in range(2))
    assert first[0].seed != second[0].seed
    assert len({step.seed for step in first}) == 1
    again = list(stream(gpt2, "A", replace(settings, seed=first[0].seed)))
    assert [step.token_id for step in again] == [step.token_id for step in first]
    assert [step.draw for step in again] == [step.draw for step in first]


def test_the_recorded_number_explains_the_token(gpt2: Loaded) -> None:
    for step in stream(gpt2, "A", DecodingSettings(temperature=0.9, top_p=0.95, max_new_tokens=20, seed=5)):
        ids, edges = step.stages[-2].strip(1000)
        assert step.draw is not None
        assert ids[int(np.searchsorted(edges, step.draw, side="right")) - 1] == step.token_id
        assert np.flatnonzero(np.isfinite(step.stages[-1].logits)).tolist() == [step.token_id]
