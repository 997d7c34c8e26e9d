"""Each stage gives what transformers' processor of that name gives, to the bit; the rest is worked by hand."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st
from transformers.generation import logits_process as theirs

from app.engine.decode import DecodingSettings
from app.engine.decode import stages as ours
from app.engine.decode.records import ModelRules, StageContext
from app.engine.decode.settings import DRAWING, METHODS, knobs

NAMES = [
    "raw",
    "repetition",
    "frequency_presence",
    "ngram",
    "bans",
    "temperature",
    "top_k",
    "top_p",
    "min_p",
    "typical_p",
]


def context(ids: list[int], prompt_length: int = 1, **rules: Any) -> StageContext:
    return StageContext(np.array(ids, dtype=np.int64), prompt_length, ModelRules(**rules))


def outcome(name: str, logits: torch.Tensor, where: StageContext, **settings: Any) -> torch.Tensor:
    found = ours.run_stages(logits.numpy(), where, DecodingSettings(**settings))[NAMES.index(name)]
    assert found.name == name
    return torch.from_numpy(found.logits)


def logits_of(kind: str, seed: int, size: int = 500) -> torch.Tensor:
    """Logits as models have them: peaked, flat, coarse (with many ties), some already cut."""
    logits = torch.randn(size, generator=torch.Generator().manual_seed(seed))
    if kind == "peaked":
        return logits * 5
    if kind == "ties":
        return (logits * 2).round()
    if kind == "cut":
        return torch.where(logits > 0.5, logits * 3, -torch.inf)
    return logits * 0.1


KINDS = ["peaked", "flat", "ties", "cut"]
PAIRS: list[tuple[str, dict[str, Any], theirs.LogitsProcessor]] = [
    ("repetition", {"repetition_penalty": 1.3}, theirs.RepetitionPenaltyLogitsProcessor(1.3)),
    ("repetition", {"repetition_penalty": 0.7}, theirs.RepetitionPenaltyLogitsProcessor(0.7)),
    ("ngram", {"no_repeat_ngram": 1}, theirs.NoRepeatNGramLogitsProcessor(1)),
    ("ngram", {"no_repeat_ngram": 2}, theirs.NoRepeatNGramLogitsProcessor(2)),
    ("ngram", {"no_repeat_ngram": 50}, theirs.NoRepeatNGramLogitsProcessor(50)),
    ("bans", {"banned": (3, 499)}, theirs.SuppressTokensLogitsProcessor([3, 499])),
    ("temperature", {"temperature": 0.7}, theirs.TemperatureLogitsWarper(0.7)),
    ("temperature", {"temperature": 1.9}, theirs.TemperatureLogitsWarper(1.9)),
    ("top_k", {"top_k": 1}, theirs.TopKLogitsWarper(1)),
    ("top_k", {"top_k": 40}, theirs.TopKLogitsWarper(40)),
    ("top_k", {"top_k": 9999}, theirs.TopKLogitsWarper(9999)),
    ("top_p", {"top_p": 0.0}, theirs.TopPLogitsWarper(0.0)),
    ("top_p", {"top_p": 0.3}, theirs.TopPLogitsWarper(0.3)),
    ("top_p", {"top_p": 0.9}, theirs.TopPLogitsWarper(0.9)),
    ("top_p", {"top_p": 0.999}, theirs.TopPLogitsWarper(0.999)),
    ("min_p", {"min_p": 0.05}, theirs.MinPLogitsWarper(0.05)),
    ("min_p", {"min_p": 1.0}, theirs.MinPLogitsWarper(1.0)),
    ("typical_p", {"typical_p": 0.2}, theirs.TypicalLogitsWarper(0.2)),
    ("typical_p", {"typical_p": 0.95}, theirs.TypicalLogitsWarper(0.95)),
]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("name", "chosen", "processor"), PAIRS, ids=lambda value: str(value)[:40])
def test_equals_transformers(name: str, chosen: dict[str, Any], processor: theirs.LogitsProcessor, kind: str) -> None:
    ids = [7, 8, 9, 7, 8, 11, 7, 8]
    for seed in range(20):
        logits = logits_of(kind, seed)
        expected = processor(torch.tensor([ids]), logits[None].clone())[0]
        assert torch.equal(outcome(name, logits, context(ids), **chosen), expected)


@pytest.mark.parametrize("kind", KINDS)
def test_the_chain_equals_transformers_chain(kind: str) -> None:
    ids = [7, 8, 9, 7, 8, 11, 7, 8]
    chain = theirs.LogitsProcessorList(
        [
            theirs.RepetitionPenaltyLogitsProcessor(1.2),
            theirs.NoRepeatNGramLogitsProcessor(3),
            theirs.SuppressTokensLogitsProcessor([1, 2]),
            theirs.TemperatureLogitsWarper(0.8),
            theirs.TopKLogitsWarper(50),
            theirs.TopPLogitsWarper(0.9),
            theirs.MinPLogitsWarper(0.01),
            theirs.TypicalLogitsWarper(0.9),
        ]
    )
    chosen = DecodingSettings(
        repetition_penalty=1.2,
        no_repeat_ngram=3,
        banned=(1, 2),
        temperature=0.8,
        top_k=50,
        top_p=0.9,
        min_p=0.01,
        typical_p=0.9,
    )
    for seed in range(30):
        logits = logits_of(kind, seed)
        expected = chain(torch.tensor([ids]), logits[None].clone())[0]
        assert torch.equal(torch.from_numpy(ours.run_stages(logits.numpy(), context(ids), chosen)[-1].logits), expected)


@pytest.mark.parametrize("probabilities", [[0.5, 0.3, 0.2], [0.25] * 4, [0.4, 0.2, 0.2, 0.2], [0.1] * 10])
def test_top_p_at_its_very_border(probabilities: list[float]) -> None:
    """p on a sum of probabilities, a border between equal tokens: rounding and sorting decide as in transformers."""
    logits = torch.tensor(probabilities).log()
    for p in np.cumsum(probabilities)[:-1]:
        for nudge in (-1e-7, 0.0, 1e-7):
            value = float(p + nudge)
            expected = theirs.TopPLogitsWarper(value)(None, logits[None])[0]
            assert torch.equal(outcome("top_p", logits, context([0]), top_p=value), expected)


def test_frequency_and_presence_by_hand() -> None:
    """New ids 1, 1, 3: 2.0 − 0.5·2 − 0.25 = 0.75 and −1.0 − 0.5·1 − 0.25 = −1.75. The 2 of the prompt is free."""
    logits = torch.tensor([1.0, 2.0, 3.0, -1.0])
    where = context([2, 2, 1, 1, 3], prompt_length=2)
    both = outcome("frequency_presence", logits, where, frequency_penalty=0.5, presence_penalty=0.25)
    assert both.tolist() == [1.0, 0.75, 3.0, -1.75]
    assert outcome("frequency_presence", logits, where, frequency_penalty=-1).tolist() == [1.0, 4.0, 3.0, 0.0]
    assert outcome("frequency_presence", logits, where, presence_penalty=1).tolist() == [1.0, 1.0, 3.0, -2.0]


def test_min_p_and_top_k_by_hand() -> None:
    logits = torch.tensor([0.6, 0.25, 0.1, 0.05]).log()
    assert torch.isfinite(outcome("min_p", logits, context([0]), min_p=0.2)).tolist() == [True, True, False, False]
    assert torch.isfinite(outcome("top_k", logits, context([0]), top_k=3)).tolist() == [True, True, True, False]


def test_a_forced_token_wins_over_every_ban() -> None:
    logits = torch.zeros(5)
    where = context([0, 4], prompt_length=1, suppressed=(2,))
    forced = outcome("bans", logits, where, forced=(3, 2), banned=(2, 3))
    assert forced.tolist() == [-torch.inf, -torch.inf, 0.0, -torch.inf, -torch.inf]
    later = outcome("bans", logits, context([0, 4, 4], prompt_length=1), forced=(3, 2), banned=(1,))
    assert torch.isfinite(later).tolist() == [True, False, True, True, True]


def test_the_models_rules_cannot_force_what_is_banned() -> None:
    """A model that must end with 2 after three tokens, and must begin with 1."""
    logits = torch.tensor([0.1, 0.2, 0.3, 0.4])
    rules = {"eos": (2,), "forced_last": (2,), "forced_first": 1}
    last = {"max_new_tokens": 3}
    assert torch.isfinite(outcome("bans", logits, context([0, 3, 3], **rules), **last)).tolist() == [
        False,
        False,
        True,
        False,
    ]
    banned = outcome("bans", logits, context([0, 3, 3], **rules), banned=(2,), **last)
    assert torch.equal(banned, torch.tensor([0.1, 0.2, -torch.inf, 0.4]))
    assert outcome("bans", logits, context([0], **rules)).tolist() == [-torch.inf, 0.0, -torch.inf, -torch.inf]
    assert torch.isfinite(outcome("bans", logits, context([0], **rules), banned=(1,))).tolist() == [
        True,
        False,
        True,
        True,
    ]


def test_an_inactive_stage_shares_the_array_before_it() -> None:
    outcomes = ours.run_stages(torch.randn(50).numpy(), context([1]), DecodingSettings(top_k=5))
    assert [entry.name for entry in outcomes] == NAMES
    assert [entry.name for entry in outcomes if entry.active] == ["raw", "top_k"]
    assert all(entry.logits is outcomes[0].logits for entry in outcomes[:6])
    assert all(entry.logits is outcomes[6].logits for entry in outcomes[7:])
    assert outcomes[5].left == 50 and outcomes[6].left == 5


def test_no_stage_changes_what_it_was_given() -> None:
    logits = torch.randn(200)
    before = logits.clone()
    everything = DecodingSettings(
        temperature=0.5,
        top_k=20,
        top_p=0.8,
        min_p=0.01,
        typical_p=0.9,
        repetition_penalty=1.5,
        frequency_penalty=1,
        presence_penalty=1,
        no_repeat_ngram=2,
        banned=(4,),
        forced=(1, 5),
    )
    rules = {"eos": (1,), "bad_words": ((3,), (5, 6)), "suppressed": (7,), "suppressed_first": (8,), "begin_index": 4}
    outcomes = ours.run_stages(logits.numpy(), context([5, 6, 5, 5], 2, **rules), everything)
    assert torch.equal(logits, before)
    assert sum(entry.active for entry in outcomes) == len(outcomes)


def _any_value(name: str) -> st.SearchStrategy[Any]:
    knob = knobs()[name]
    if isinstance(getattr(DecodingSettings(), name), float):
        return st.floats(knob.minimum, knob.maximum)
    return st.integers(int(knob.minimum or 0), int(knob.maximum or 300))


NUMBERS = [name for name, knob in knobs().items() if knob.step is not None and name != "seed"]


@effort(max_examples=200, deadline=None)
@given(
    values=st.fixed_dictionaries({}, optional={name: _any_value(name) for name in NUMBERS}),
    method=st.sampled_from(METHODS),
    banned=st.lists(st.integers(0, 30), max_size=5),
    logits=st.lists(st.floats(-80, 80, width=32), min_size=40, max_size=40),
    ids=st.lists(st.integers(0, 39), min_size=1, max_size=12),
    u=st.floats(0, 1, exclude_max=True),
)
def test_any_settings_keep_a_distribution(
    values: dict[str, Any], method: str, banned: list[int], logits: list[float], ids: list[int], u: float
) -> None:
    chosen = DecodingSettings(method=method, banned=banned, **values)
    token, outcomes = ours.recompute(np.array(logits, dtype=np.float32), context(ids), chosen, u)
    assert token is not None
    for entry in outcomes:
        assert entry.left >= 1
        assert entry.probabilities.sum() == pytest.approx(1, abs=1e-4)
    # What was cut stays cut, and only what is left can be chosen.
    kept = [np.isfinite(entry.logits) for entry in outcomes]
    assert all((after <= before).all() for before, after in pairwise(kept[5:]))
    assert kept[-2][token] and outcomes[-1].left == 1
    if method not in DRAWING:
        assert token == int(outcomes[-2].logits.argmax())


def test_recompute_repeats_a_finished_step_and_answers_what_if() -> None:
    raw = np.random.default_rng(0).normal(size=100).astype(np.float32) * 3
    settings = DecodingSettings(temperature=0.8, top_k=10)
    token, outcomes = ours.recompute(raw, context([1]), settings, 0.6)
    again, _ = ours.recompute(raw, context([1]), settings, 0.6)
    assert token == again and [entry.name for entry in outcomes] == [*NAMES, "draw"]
    assert ours.recompute(raw, context([1]), replace(settings, method="greedy"), 0.6)[0] == int(raw.argmax())
    assert token is not None
    assert ours.recompute(raw, context([1]), replace(settings, banned=(token,)), 0.6)[0] != token
    nothing, left = ours.recompute(raw, context([1]), replace(settings, banned=tuple(range(100))), 0.6)
    assert nothing is None and left[-1].left == 0
