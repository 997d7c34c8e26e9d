"""The measuring code still runs, on settings so small that the numbers mean nothing."""

from __future__ import annotations

from pytestqt.qtbot import QtBot

from tests.bench import evaluating, long_prompt, panning, trace_cost
from tests.bench.measure import Budget, compare, in_turn, milliseconds, table
from tests.bench.models import random_gpt2


def test_ratios_are_taken_round_by_round() -> None:
    row = compare("x", [2.0, 4.0, 6.0], "y", [1.0, 2.0, 3.0], Budget(1.5), milliseconds)
    assert row.ratio.startswith("2 ")
    assert row.met is False
    assert "**no**" in table([row])
    assert compare("x", [1.0, 1.0], "y", [1.0, 1.0], Budget(0.95, at_least=True), milliseconds).met


def test_sides_are_measured_in_turn() -> None:
    order: list[str] = []
    in_turn({"a": lambda: order.append("a") or 1.0, "b": lambda: order.append("b") or 1.0}, 2)
    assert order == ["b", "a", "a", "b", "b", "a"]


def test_a_small_trace_is_measured() -> None:
    model = random_gpt2(n_layer=2, n_head=2, n_embd=16, n_positions=64, vocab_size=4096)
    rows = trace_cost.measure_one(model, "tiny", 16, 2)
    assert [row.budget for row in rows] == ["≤ 1.05", "≤ 1.15"]


def test_perplexity_equals_the_documented_recipe_and_disjoint_blocks() -> None:
    rows = evaluating.measure(1, 1)
    assert [row.budget for row in rows] == ["≥ 0.95"] * len((*evaluating.WINDOWS, *evaluating.BLOCKS))


def test_a_long_prompt_makes_a_row_of_each_figure() -> None:
    one = {"first": 2.0, "all": 4.0, "eager": 1.0, "frames": [0.001] * 20, "memory": 4_000_000}
    two = {**one, "memory": 1_000_000}
    made = long_prompt.rows(one, two, one, 4096)
    assert [row.ratio for row in made] == ["2", "4", "0.06", "0.06", "4", "1"][: len(made)]
    assert all(row.met is not False for row in made)


def test_panning_paints_every_frame(qtbot: QtBot) -> None:
    assert len(panning.frame_times(64, 5)) == 5
