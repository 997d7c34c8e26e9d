"""What changed, on screen: real comparisons of the bundled models, pressed as a person does."""

from __future__ import annotations

from dataclasses import replace
from math import inf

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget

from app.engine.finetune.records import WeightChange
from app.engine.models import load
from app.engine.models.loaded import LoadedModel
from app.engine.trace import AblateHead, KnockOut, Trace, trace
from app.engine.trace.compare import compare
from app.engine.trace.records import TraceComparison
from app.ui.pages.finetune.changed_heads import WAITING
from app.ui.pages.finetune.changed_tokens import NO_TOKENS
from app.ui.pages.finetune.changes_panel import (
    EMPTY,
    HEADS,
    NEXT_TOKEN,
    NO_STREAMS,
    NO_WEIGHTS,
    RESIDUAL,
    WEIGHTS,
    ChangesPanel,
)
from app.ui.theme import Theme

TEXT = "Once upon a time, there was a little dog named Max."
STEPS = (0, 100, 200, 400)
CHANGES = (
    WeightChange("h.0.attn", 0, "attn", 1.0, 0.10, (2, 3)),
    WeightChange("h.0.mlp", 0, "mlp", 2.0, 0.35, (2, 3)),
    WeightChange("h.1.attn", 1, "attn", 3.0, 0.20, (1024, 3)),
    WeightChange("wte", None, "token embedding", 3.0, 0.004, (2, 3)),
)
"""Block 1 has no change of its mlp."""


@pytest.fixture(scope="module")
def before(story: LoadedModel) -> Trace:
    return trace(story, TEXT)


@pytest.fixture(scope="module")
def after(story: LoadedModel) -> Trace:
    return trace(story, TEXT, edits=[AblateHead(0, 1), AblateHead(1, 2), AblateHead(2, 0)])


@pytest.fixture(scope="module")
def comparison(before: Trace, after: Trace) -> TraceComparison:
    return compare(before, after)


@pytest.fixture
def panel(qtbot, theme: Theme) -> ChangesPanel:
    panel = ChangesPanel(theme)
    qtbot.addWidget(panel)
    panel.resize(1000, 560)
    panel.show()
    return panel


def click(widget: QWidget, point: QPointF | None = None) -> None:
    where = widget.rect().center() if point is None else point.toPoint()
    QTest.mouseClick(widget, Qt.MouseButton.LeftButton, pos=where)


def heard(signal) -> list:
    found: list = []
    signal.connect(lambda *values: found.append(values if len(values) != 1 else values[0]))
    return found


def click_head(panel: ChangesPanel, layer: int, head: int) -> None:
    click(panel.heads.grid, panel.heads.grid.cell_rect(layer, head).center())


def patterns(panel: ChangesPanel, layer: int, head: int, before: Trace, after: Trace, kind: str = "self") -> None:
    weights = (made.attention(layer, head, kind).numpy() for made in (before, after))
    panel.show_patterns(layer, head, *weights, kind)


def test_before_anything_came_it_says_what_to_do(panel: ChangesPanel) -> None:
    for view in (HEADS, RESIDUAL, NEXT_TOKEN):
        click(panel.views.button(view))
        assert panel.empty.isVisible() and panel.empty.accessibleName() == EMPTY
    click(panel.views.button(WEIGHTS))
    assert panel.empty.accessibleName() == NO_WEIGHTS
    panel.clear("The run has no checkpoint yet.")
    for view in range(4):
        click(panel.views.button(view))
        assert panel.empty.accessibleName() == "The run has no checkpoint yet."
    assert not panel.heads.twin.button.isVisible() and not panel.weights.twin.button.isVisible()


def test_a_text_is_asked_for(panel: ChangesPanel) -> None:
    asked = heard(panel.prompt_asked)
    QTest.keyClick(panel.prompt, Qt.Key.Key_Return)
    QTest.keyClicks(panel.prompt, " He liked ")
    QTest.keyClick(panel.prompt, Qt.Key.Key_Return)
    assert asked == [" He liked "]
    panel.set_prompt(TEXT)
    assert panel.prompt.text() == TEXT and asked == [" He liked "]


def test_what_stands_for_a_and_b_is_chosen(panel: ChangesPanel) -> None:
    names, chosen = ("story-gpt", "with LoRA", "with LoRA, step 300"), heard(panel.sides_chosen)
    panel.set_sides(names, 0, 1)
    assert [chooser.currentText() for chooser in panel.choosers] == ["story-gpt", "with LoRA"] and not chosen
    panel.choosers[0].setFocus()
    QTest.keyClick(panel.choosers[0], Qt.Key.Key_End)
    assert chosen == [(2, 1)]
    panel.set_sides((), -1, -1)
    assert not panel.choosers[0].isEnabled()


def test_checkpoints_are_scrubbed(panel: ChangesPanel) -> None:
    assert not panel.scrubber.isVisible()
    chosen = heard(panel.step_chosen)
    panel.set_steps(STEPS, 200)
    assert panel.scrubber.isVisible() and panel.scrubber.current() == 200 and panel.step.text() == "200"
    assert panel.scrubber.accessibleDescription() == "4 checkpoints, step 200 is shown"
    QTest.qWait(10)
    scrubber = panel.scrubber
    # Each stands where its step is: 300 is nearer to 400 only beyond the middle.
    assert scrubber.x_of(100) - scrubber.x_of(0) == pytest.approx((scrubber.x_of(400) - scrubber.x_of(200)) / 2)
    click(scrubber, QPointF(scrubber.x_of(100) + 3, 12))
    assert chosen == [100] and panel.step.text() == "100"
    start, stop = (QPoint(round(scrubber.x_of(step)), 12) for step in (100, 400))
    QTest.mousePress(scrubber, Qt.MouseButton.LeftButton, pos=start)
    for x in range(start.x(), stop.x(), 5):
        QTest.mouseMove(scrubber, QPoint(x, 12))
    QTest.mouseRelease(scrubber, Qt.MouseButton.LeftButton, pos=stop)
    assert chosen == [100, 200, 400]
    for key in (Qt.Key.Key_Right, Qt.Key.Key_Left, Qt.Key.Key_Home, Qt.Key.Key_Left, Qt.Key.Key_End):
        QTest.keyClick(scrubber, key)
    assert chosen[3:] == [200, 0, 400]
    panel.set_steps((), None)
    assert not panel.scrubber.isVisible()
    QTest.keyClick(scrubber, Qt.Key.Key_Right)
    click(scrubber)
    assert len(chosen) == 6


def test_heads_are_shown_by_how_differently_they_look(
    panel: ChangesPanel, comparison: TraceComparison, before: Trace
) -> None:
    panel.show_busy()
    assert panel.subtitle() == "comparing…"
    panel.show_comparison(comparison, before.tokens)
    assert comparison.next_token is not None
    assert panel.subtitle() == f"{comparison.next_token.mean():.3f} bits apart in what comes next"
    grid = panel.heads.grid
    assert np.array_equal(grid.table().values, comparison.heads["self"])
    assert comparison.heads["self"].max() <= grid.limit() <= 2.5 * comparison.heads["self"].max()
    assert panel.heads.patterns.accessibleDescription() == WAITING
    most = np.unravel_index(np.argmax(comparison.heads["self"]), comparison.heads["self"].shape)
    assert not panel.heads.kinds.isVisible() and panel.chosen_head() == ("self", *most)
    click(panel.heads.twin.button)
    model = panel.heads.twin.view.model()
    assert model.index(2, 3).data() == f"{comparison.heads['self'][2, 3]:.4f}"
    chosen = heard(panel.head_chosen)
    panel.heads.twin.view.setCurrentIndex(model.index(2, 3))
    assert chosen == [("self", 2, 3)]


def test_a_head_is_shown_in_both_and_its_difference(
    panel: ChangesPanel, comparison: TraceComparison, before: Trace, after: Trace
) -> None:
    panel.show_comparison(comparison, before.tokens)
    chosen = heard(panel.head_chosen)
    click_head(panel, 2, 1)
    assert chosen == [("self", 2, 1)] and panel.chosen_head() == ("self", 2, 1)
    assert panel.heads.grid.readout() == f"L2 H1: {comparison.heads['self'][2, 1]:.4f} bits apart"
    shown = panel.heads.patterns
    assert shown.accessibleDescription() == WAITING and not shown.first.isVisible()
    patterns(panel, 2, 1, before, after)
    assert shown.head() == "L2 H1" and all(each.isVisible() for each in shown.maps)
    first, second = (made.attention(2, 1).numpy() for made in (before, after))
    visible = np.tril(np.ones_like(first, dtype=bool))
    for each, values in zip(shown.maps, (first, second, second - first), strict=True):
        assert np.array_equal(np.where(visible, values, -np.inf), each.table().values)
    assert np.abs(second - first).max() <= shown.limit()
    # Those of a head that is not chosen any more are dropped.
    patterns(panel, 1, 1, before, after)
    assert shown.head() == "L2 H1"
    QTest.keyClick(panel.heads.grid, Qt.Key.Key_Down)
    assert chosen[-1] == ("self", 3, 1) and shown.head() == ""


def test_patterns_of_a_head_chosen_elsewhere_mark_it(
    panel: ChangesPanel, comparison: TraceComparison, before: Trace, after: Trace
) -> None:
    patterns(panel, 2, 1, before, after)
    assert panel.chosen_head() is None and panel.heads.patterns.head() == ""
    panel.show_comparison(comparison, before.tokens)
    chosen = heard(panel.head_chosen)
    panel.heads.choose("self", 2, 1)
    patterns(panel, 2, 1, before, after)
    assert panel.chosen_head() == ("self", 2, 1) and panel.heads.patterns.head() == "L2 H1" and chosen == []


def test_one_pointer_in_three_maps(
    panel: ChangesPanel, comparison: TraceComparison, before: Trace, after: Trace
) -> None:
    panel.show_comparison(comparison, before.tokens)
    click_head(panel, 2, 1)
    patterns(panel, 2, 1, before, after)
    shown = panel.heads.patterns
    QTest.qWait(10)
    assert shown.readout() == ""
    click(shown.second, shown.second.cell_rect(7, 3).center())
    assert [each.selected() for each in shown.maps] == [(7, 3)] * 3
    first, second = (float(made.attention(2, 1)[7, 3]) for made in (before, after))
    assert f"A {100 * first:.1f}%,  B {100 * second:.1f}%" in shown.readout()
    QTest.mouseMove(shown.difference, shown.difference.cell_rect(2, 5).center().toPoint())
    assert shown.readout().endswith("masked")


def test_colours_of_the_difference_are_those_of_a_against_b(
    theme: Theme, panel: ChangesPanel, comparison: TraceComparison, before: Trace, after: Trace
) -> None:
    panel.show_comparison(comparison, before.tokens)
    click_head(panel, 2, 1)
    patterns(panel, 2, 1, before, after)
    shown = panel.heads.patterns
    QTest.qWait(10)
    change = (after.attention(2, 1) - before.attention(2, 1)).numpy()
    image = shown.difference.picture()
    for place in (change.argmin(), change.argmax()):
        row, column = (int(at) for at in np.unravel_index(place, change.shape))
        pixel = image.pixelColor((shown.difference.cell_rect(row, column).center() * 2).toPoint())
        wanted = theme.map_color("against", float(change[row, column]) / shown.limit())
        assert all(abs(a - b) <= 3 for a, b in zip(pixel.getRgb(), wanted.getRgb(), strict=True))


def test_scales_only_grow_from_checkpoint_to_checkpoint(
    panel: ChangesPanel, comparison: TraceComparison, before: Trace, after: Trace
) -> None:
    panel.show_comparison(comparison, before.tokens)
    panel.show_weights(CHANGES)
    click_head(panel, 2, 1)
    patterns(panel, 2, 1, before, after)
    shown, grid, bars = panel.heads.patterns, panel.heads.grid, panel.weights.bars
    limits = grid.limit(), shown.limit(), bars.limit(), panel.tokens.scale.text()
    panel.show_comparison(compare(before, before), before.tokens)
    assert panel.chosen_head() == ("self", 2, 1) and shown.head() == "L2 H1"
    patterns(panel, 2, 1, before, before)
    panel.show_weights(tuple(replace(change, relative=change.relative / 100) for change in CHANGES))
    assert (grid.limit(), shown.limit(), bars.limit(), panel.tokens.scale.text()) == limits
    assert (grid.table().values == 0).all() and (shown.difference.table().values <= 0).all()
    panel.clear()
    panel.show_comparison(compare(before, before), before.tokens)
    assert grid.limit() < limits[0] and panel.tokens.scale.text() != limits[3]


def test_another_text_takes_the_patterns_away(
    panel: ChangesPanel, comparison: TraceComparison, before: Trace, after: Trace, story: LoadedModel
) -> None:
    panel.show_comparison(comparison, before.tokens)
    click_head(panel, 2, 1)
    patterns(panel, 2, 1, before, after)
    other = trace(story, "The cat sat.")
    panel.show_comparison(compare(other, other), other.tokens)
    assert panel.chosen_head() == ("self", 2, 1)
    assert panel.heads.patterns.accessibleDescription() == WAITING
    # What comes too late, of the text before, has another size.
    patterns(panel, 2, 1, before, after)
    assert panel.heads.patterns.head() == ""


def test_what_is_said_next_is_shown_at_the_chosen_token(
    panel: ChangesPanel, comparison: TraceComparison, before: Trace
) -> None:
    panel.show_comparison(comparison, before.tokens)
    click(panel.views.button(NEXT_TOKEN))
    QTest.qWait(10)
    tokens, last = panel.tokens, len(before.tokens) - 1
    assert tokens.strip.count() == len(before.tokens) and tokens.strip.selected() == tokens.position() == last
    chosen = heard(panel.position_chosen)
    click(tokens.strip, QPointF(tokens.strip.chip_rect(4).center()))
    assert chosen == [4] and tokens.position() == 4
    for index, by in enumerate(("first", "second", "change")):
        click(tokens.order.button(index))
        expected = [(pair.text, pair.first, pair.second) for pair in comparison.pairs(4, by)]
        assert tokens.bars.rows() == expected
    assert comparison.next_token is not None
    assert tokens.words.text().endswith(f"#4: {comparison.next_token[4]:.3f} bits apart")
    tokens.bars.setFocus()
    QTest.keyClick(tokens.bars, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    lines = QGuiApplication.clipboard().text().splitlines()
    assert lines[0] == "token\tA\tB" and len(lines) == 1 + len(comparison.candidates[4])
    panel.show_comparison(comparison, before.tokens)
    assert tokens.position() == 4


def test_weights_are_bars_of_layers_and_modules(panel: ChangesPanel) -> None:
    panel.show_weights(CHANGES)
    click(panel.views.button(WEIGHTS))
    QTest.qWait(10)
    bars = panel.weights.bars
    table = bars.table()
    assert (list(table.row_labels), list(table.column_labels)) == (["L0", "L1"], ["attn", "mlp"])
    assert table.values[:, 0].tolist() == pytest.approx([0.10, 0.20])
    assert table.values[0, 1] == pytest.approx(0.35) and np.isneginf(table.values[1, 1])
    assert panel.weights.outside.text() == "Outside the blocks: token embedding 0.4%"
    click(bars, bars.cell_rect(1, 0).center())
    assert bars.readout() == "h.1.attn: 20.0% of its norm, ‖ΔW‖ 3.00, 1,024 × 3"
    click(bars, bars.cell_rect(1, 1).center())
    assert bars.selected() == (1, 0)
    # The longer bar reaches further into its cell.
    ink = panel.grab().toImage(), panel._theme.color("line2")
    reach = []
    for row in (0, 1):
        cell = bars.cell_rect(row, 0)
        origin = bars.mapTo(panel, QPoint(0, 0))
        y = round(cell.center().y()) + origin.y()
        reach.append(
            sum(ink[0].pixelColor(x + origin.x(), y) == ink[1] for x in range(round(cell.left()), round(cell.right())))
        )
    assert 0 < reach[0] < reach[1]
    click(panel.weights.twin.button)
    assert panel.weights.twin.view.model().index(1, 1).data() == "masked"


def test_a_weight_that_was_nothing_before_moved_without_end(panel: ChangesPanel) -> None:
    panel.show_weights((*CHANGES, WeightChange("h.1.mlp.bias", 1, "mlp", 2.0, inf, (3,))))
    click(panel.views.button(WEIGHTS))
    panel.grab()
    bars = panel.weights.bars
    bars.choose(1, 1)
    assert bars.limit() == 0.5
    assert bars.readout() == "h.1.mlp.bias: ∞ of its norm, ‖ΔW‖ 2.00, 3"


def test_the_stream_is_a_line_over_the_blocks(panel: ChangesPanel, comparison: TraceComparison, before: Trace) -> None:
    panel.show_comparison(comparison, before.tokens)
    click(panel.views.button(RESIDUAL))
    assert panel.chart.isVisible()
    table = panel.chart.table()
    assert len(table.values) == len(before.loaded.anatomy.blocks) + 1
    stream = comparison.streams[0]
    assert np.allclose(table.values[:, -2:], np.stack([stream.relative, 1 - stream.cosine], 1), atol=1e-6)
    words = [text for _, text in panel.chart.laid_out().place_texts()]
    assert words == ["0", "1", "2", "3", "4 blocks passed"]


def test_three_kinds_of_attention(panel: ChangesPanel) -> None:
    bart = load("bart-en-fr")
    one, two = (
        trace(bart, "The dog ran home.", target="Le chien", edits=edits)
        for edits in ((), (KnockOut(1, 2, query=1, key=2, kind="cross"),))
    )
    panel.show_comparison(compare(one, two), one.tokens, one.target_tokens)
    kinds = panel.heads.kinds
    assert kinds.isVisible() and kinds.index() == 1
    chosen = heard(panel.head_chosen)
    click(kinds.button(2))
    assert panel.chosen_head() == ("cross", 1, 2) and chosen == [("cross", 1, 2)], "the head that was cut"
    patterns(panel, 1, 2, one, two, "cross")
    table = panel.heads.patterns.first.table()
    assert table.values.shape == (len(one.target_tokens), len(one.tokens))
    assert panel.tokens.strip.count() == len(one.target_tokens)
    # The cut connection is what B looks less at.
    assert panel.heads.patterns.difference.value(1, 2) < 0
    patterns(panel, 1, 2, one, two, "self")
    assert panel.heads.patterns.first.table().values.shape == table.values.shape
    panel.heads.choose("encoder", 0, 3)
    assert panel.chosen_head() == ("encoder", 0, 3) and kinds.index() == 0 and len(chosen) == 1


def test_what_two_models_do_not_share_is_told(panel: ChangesPanel, before: Trace, comparison: TraceComparison) -> None:
    without = replace(comparison, streams=(), next_token=None, extra_bits=None, candidates=())
    panel.show_comparison(without, before.tokens)
    assert panel.subtitle() == ""
    click(panel.views.button(RESIDUAL))
    assert panel.empty.isVisible() and panel.empty.accessibleName() == NO_STREAMS
    click(panel.views.button(NEXT_TOKEN))
    assert panel.empty.isVisible() and panel.empty.accessibleName() == NO_TOKENS
    click(panel.views.button(HEADS))
    assert panel.heads.isVisible()
    panel.show_busy()
    panel.show_idle()
    assert panel.subtitle() == ""


def test_a_block_without_attention_cannot_be_chosen(
    panel: ChangesPanel, before: Trace, comparison: TraceComparison
) -> None:
    values = comparison.heads["self"].copy()
    values[1] = np.nan
    panel.show_comparison(replace(comparison, heads={"self": values}), before.tokens)
    begun, chosen = panel.chosen_head(), heard(panel.head_chosen)
    click_head(panel, 1, 2)
    assert chosen == [] and panel.chosen_head() == begun != ("self", 1, 2)
    panel.clear()
    panel.show_comparison(replace(comparison, heads={"self": np.full_like(values, np.nan)}), before.tokens)
    assert panel.chosen_head() is None


@pytest.mark.parametrize("choice", ["light", "dark"])
@pytest.mark.parametrize("size", [(700, 300), (1000, 560)])
def test_nothing_is_pushed_out(
    theme: Theme,
    panel: ChangesPanel,
    comparison: TraceComparison,
    before: Trace,
    after: Trace,
    choice: str,
    size: tuple[int, int],
) -> None:
    theme.set_choice(choice)
    try:
        panel.set_sides(("a model with a long name, as models have them", "another with LoRA, at step 1,200"), 0, 1)
        panel.set_steps(STEPS, 200)
        panel.show_comparison(comparison, before.tokens)
        panel.show_weights(CHANGES)
        panel.heads.grid.choose(2, 1)
        patterns(panel, 2, 1, before, after)
        panel.resize(*size)
        for view in range(5):
            click(panel.views.button(view))
            QTest.qWait(10)
            panel.grab()
            assert panel.size().toTuple() == size
            seen = [each for each in panel.findChildren(QWidget) if each.isVisible() and each.parent() is panel.body]
            for widget in (panel.prompt, panel.scrubber, *panel.choosers, *seen):
                assert panel.rect().contains(widget.mapTo(panel, widget.rect().bottomRight())), widget
        shown = panel.heads.patterns
        for each in shown.maps:
            assert shown.rect().contains(each.geometry())
            assert each.plot_rect().height() >= 40
    finally:
        theme.set_choice("light")
