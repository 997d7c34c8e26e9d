"""What the Inspect page says of scores in families that make them in their own way: scale, bias, sink, row sum."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from engine.family_configs import save
from PySide6.QtGui import QFontMetricsF
from pytestqt.qtbot import QtBot
from ui.desk import Desk, words

from app.engine.models import load
from app.engine.trace import trace
from app.engine.trace.readings import read_head, read_weight
from app.engine.trace.records import WeightReading
from app.ui.pages.inspect import explanations
from app.ui.theme import Theme
from app.ui.widgets.number_text import signed_number
from app.ui.widgets.weight_steps import WeightSteps

TEXT = "The cat saw the moon and the moon saw the cat."


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("scores")
    for family in ("gptj", "bloom", "gpt_oss", "gpt_neo", "granite", "gemma2", "t5"):
        save(root / family, family)
    return root


def test_one_weight_of_other_families_is_told_truly(desk: Desk, root: Path) -> None:
    page = desk.inspect
    for family in ("gptj", "bloom", "gpt_oss"):
        desk.open(root / family)
        desk.session.set_prompt(TEXT)
        desk.settle()
        desk.session.select(name="blocks.1.attn.pattern", layer=1, head=2, query=7, key=3)
        desk.settle()
        desk.click(page.attention.modes.button(3))
        desk.settle()
        model = load(root / family)
        t = trace(model, TEXT)
        made, said = read_weight(t, 1, 2, 7, 3), page.attention.steps.lines()
        assert made.scaling == pytest.approx(8**-0.5)
        assert said[:2] == [
            f"q · k = {signed_number(made.dot, 3)}",
            f"× 0.3536 = {signed_number(made.dot / 8**0.5, 3)}",
        ]
        if family == "bloom":
            bias = float(t["position_bias"][2, 3])
            assert said[2] == f"+ {bias:.3f}, by ALiBi: the head’s slope × the key’s place"
        else:
            assert said[2].startswith("no mask on this key"), "nothing is called a bias where nothing is added"
        sink = [line for line in said if line.startswith("sink")]
        if family == "gpt_oss":
            score = float(t["blocks.1.attn.sinks"][2])
            assert sink[0].startswith(f"sink {signed_number(score, 3)}: e^")
            desk.click(page.attention.modes.button(0))
            desk.settle()
            told = words(desk.window.explain)
            total = float(t.attention(1, 2)[7].sum())
            assert f"This row adds up to {total:.3f}; the rest goes to the head's <b>sink</b>" in told
        else:
            assert sink == []


def test_the_arithmetic_of_a_weight_wraps_in_a_narrow_panel(qtbot: QtBot, theme: Theme) -> None:
    numbers = np.linspace(-3, 90, 40, dtype=np.float32)
    made = WeightReading(
        layer=0,
        head=0,
        query=1,
        key=2,
        query_vector=numbers,
        key_vector=numbers,
        value_vector=numbers,
        mixed=numbers,
        dot=1234.5678,
        scaling=0.125,
        softcap=None,
        bias=0.0,
        score=88.125,
        weight=0.25,
        row_scores=numbers,
        row_weights=np.full(40, 1 / 40, dtype=np.float32),
        sink=None,
    )
    steps = WeightSteps(theme)
    qtbot.addWidget(steps)
    steps.resize(700, 450)
    steps.show()
    steps.show_weight(made, "▁encyclopédie #1", "▁internationalement #2")
    wide = steps.line_places()
    assert steps.minimumHeight() == 450
    steps.resize(340, 450)
    places = steps.line_places()
    assert steps.minimumHeight() > 450, "lines that wrap have their room"
    metrics = QFontMetricsF(theme.font(13, mono=True))
    for line, before, place, below in zip(steps.lines(), wide, places, [*places[1:], None], strict=True):
        assert place.right() <= steps.width() and (below is None or below.top() >= place.bottom())
        lines = place.height() / metrics.height()
        assert lines > 1.9 or metrics.horizontalAdvance(line) <= place.width(), f"cut: {line}"
        assert before.height() < 30


def test_a_row_that_is_no_number_is_told_without_a_fault(qtbot: QtBot, theme: Theme) -> None:
    """One NaN in a query makes its whole row NaN; a score of ∞ makes the softmax of its row so."""
    steps = WeightSteps(theme)
    qtbot.addWidget(steps)
    none, one = np.full(3, np.nan, dtype=np.float32), np.ones(2, dtype=np.float32)
    for scores in (none, np.array([1.0, np.inf, 0.0], dtype=np.float32)):
        score = float(scores[1])
        steps.show_weight(
            WeightReading(0, 0, 2, 1, one, one, 2.0, 0.5, None, score, np.nan, scores, none, None, None), "a", "b"
        )
        assert any("nan" in line.lower() for line in steps.lines())


def test_the_formula_is_this_familys(root: Path) -> None:
    known = {
        "gptj": "<i>Q K</i><sup>T</sup> ⁄ √8 + mask",
        "gpt_neo": "<i>Q K</i><sup>T</sup> + mask",
        "granite": "<i>Q K</i><sup>T</sup> + mask",
        "gemma2": "0.5 · tanh( <i>Q K</i><sup>T</sup> ⁄ √8 ⁄ 0.5 ) + mask",
        "t5": "<i>Q K</i><sup>T</sup> + bias(distance)",
    }
    for family, inner in known.items():
        model = load(root / family)
        t = trace(model, TEXT)
        kind = model.anatomy.kinds[0]
        said = explanations.explain_head(model.summary, read_head(t, 0, 1, kind), t.tokens, t.tokens, 2, "scores")
        assert said.formula_html == f"<i>S</i> = {inner}", family
