"""All figures as a list: sorted, filtered, with notes, columns that can be hidden, and rows that are copied."""

from __future__ import annotations

from dataclasses import replace
from math import nan

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLineEdit
from ui.pages.measured_tables import figures, table, with_cell

from app.engine.evaluate.records import MASKED
from app.session.measured import DONE, RUNNING, STALE, Cell
from app.ui.pages.evaluate.figures_list import FiguresList
from app.ui.pages.evaluate.figures_model import COLUMNS, NOTE
from app.ui.pages.evaluate.results_panel import ResultsPanel
from app.ui.theme import Theme

LEFT = Qt.MouseButton.LeftButton
BITS = [column.field for column in COLUMNS].index("bits_per_byte")
ERROR = [column.field for column in COLUMNS].index("standard_error")


@pytest.fixture
def panel(qtbot, theme: Theme) -> ResultsPanel:
    panel = ResultsPanel(theme)
    qtbot.addWidget(panel)
    panel.show_table(table())
    panel.resize(1000, 420)
    panel.show()
    QTest.mouseClick(panel.views.button(1), LEFT)
    return panel


@pytest.fixture
def shown(panel: ResultsPanel) -> FiguresList:
    assert panel.list.isVisible()
    return panel.list


def column(shown: FiguresList, place: int) -> list[str]:
    model = shown.view.model()
    return [model.index(row, place).data() for row in range(model.rowCount())]


def press_heading(shown: FiguresList, place: int) -> None:
    header = shown.view.horizontalHeader()
    middle = header.sectionViewportPosition(place) + header.sectionSize(place) // 2
    QTest.mouseClick(header.viewport(), LEFT, pos=QPoint(middle, header.height() // 2))


def test_a_row_for_each_measurement(shown: FiguresList) -> None:
    assert column(shown, 0) == ["story-gpt"] * 2 + ["gpt2"] * 2 + ["distilgpt2"] * 2
    assert column(shown, BITS) == ["0.580", "1.050", "0.790", "0.960", "0.860", "1.040"]
    assert column(shown, ERROR) == [""] * 6


def test_numbers_sort_as_numbers_and_the_unknown_last(panel: ResultsPanel, shown: FiguresList) -> None:
    large = replace(figures("story-gpt", "Fairy tale", 10.5), standard_error=0.02)
    panel.show_table(with_cell(table(), 0, 1, Cell(DONE, large)))
    press_heading(shown, BITS)
    assert column(shown, BITS) == ["0.580", "0.790", "0.860", "0.960", "1.040", "10.500"]
    press_heading(shown, BITS)
    assert column(shown, BITS)[0] == "10.500"
    press_heading(shown, ERROR)
    assert column(shown, ERROR) == ["0.020", "", "", "", "", ""]
    assert panel.figures()[0].bits_per_byte == 10.5


def test_kinds_of_perplexity_are_never_in_one_ranking(panel: ResultsPanel, shown: FiguresList) -> None:
    masked = replace(figures("story-bert", "Fairy tale", 0.7, 3.2), objective=MASKED)
    panel.show_table(with_cell(table(), 2, 1, Cell(DONE, masked)))
    for wanted in (["0.580", "0.790", "0.860", "0.960", "1.050"], ["1.050", "0.960", "0.860", "0.790", "0.580"]):
        press_heading(shown, BITS)
        assert column(shown, BITS) == [*wanted, "0.700"], "the pseudo-perplexity comes after the others both ways"


def test_the_filter_looks_for_every_word_in_any_column_shown(panel: ResultsPanel, shown: FiguresList) -> None:
    QTest.keyClicks(shown.filter, "FAIRY gpt2 ")
    found = [(each.model, each.text) for each in shown.figures()]
    assert found == [("gpt2", "Fairy tale"), ("distilgpt2", "Fairy tale")]
    assert panel.figures() == shown.figures()
    QTest.keyClicks(shown.filter, "nowhere")
    assert shown.figures() == []
    shown.filter.clear()
    assert len(shown.figures()) == 6
    # The family of all is gpt2, and nobody sees why a row is there that is found by a hidden column.
    QTest.keyClicks(shown.filter, "gpt2")
    assert len(shown.figures()) == 4
    family = next(action for action in shown.column_menu().actions() if action.text() == "Family")
    family.trigger()
    assert len(shown.figures()) == 6


def test_a_note_is_written_in_place(qtbot, panel: ResultsPanel, shown: FiguresList) -> None:
    heard: list[tuple[str, str]] = []
    panel.note_written.connect(lambda key, note: heard.append((key, note)))
    press_heading(shown, BITS)
    index = shown.view.model().index(1, NOTE)
    shown.view.setCurrentIndex(index)
    QTest.keyClick(shown.view, Qt.Key.Key_F2)
    editor = shown.view.findChild(QLineEdit)
    QTest.keyClicks(editor, "after the fix")
    # Progress elsewhere takes nothing out of the hand that writes.
    panel.show_table(with_cell(table(), 2, 1, Cell(RUNNING, share=0.5)))
    assert editor.isVisible()
    QTest.keyClick(editor, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: heard == [("gpt2/Bedtime story", "after the fix")])
    assert index.data() == "after the fix"
    assert not shown.view.model().index(1, BITS).flags() & Qt.ItemFlag.ItemIsEditable


def test_rows_come_and_go_and_stay_where_they_are(panel: ResultsPanel, shown: FiguresList) -> None:
    whole = table()
    panel.show_table(replace(whole, rows=whole.rows[1:], cells=whole.cells[1:]))
    assert column(shown, 0) == ["gpt2"] * 2 + ["distilgpt2"] * 2
    panel.show_table(whole)
    assert column(shown, 0) == ["story-gpt"] * 2 + ["gpt2"] * 2 + ["distilgpt2"] * 2
    panel.show_table(replace(whole, rows=whole.rows[::-1], cells=whole.cells[::-1]))
    assert column(shown, 0) == ["distilgpt2"] * 2 + ["gpt2"] * 2 + ["story-gpt"] * 2


def test_old_figures_say_what_changed(panel: ResultsPanel, shown: FiguresList, theme: Theme) -> None:
    panel.show_table(with_cell(table(), 0, 1, Cell(STALE, figures(), "The stride is 128 now.")))
    index = shown.view.model().index(1, BITS)
    assert index.data(Qt.ItemDataRole.ForegroundRole) == theme.color("ink3")
    assert "The stride is 128 now." in index.data(Qt.ItemDataRole.ToolTipRole)


def test_columns_are_hidden_and_shown(shown: FiguresList) -> None:
    menu = shown.column_menu()
    actions = {action.text(): action for action in menu.actions()}
    assert not actions["Model"].isEnabled()
    assert (actions["Bits/byte"].isChecked(), actions["Vocabulary"].isChecked()) == (True, False)
    actions["Bits/byte"].trigger()
    actions["Vocabulary"].trigger()
    assert shown.view.isColumnHidden(BITS)
    assert not shown.view.isColumnHidden([column.heading for column in COLUMNS].index("Vocabulary"))


def test_selected_rows_are_copied_as_they_are_shown(shown: FiguresList) -> None:
    QTest.keyClicks(shown.filter, "fairy")
    shown.view.selectAll()
    QTest.keyClick(shown.view, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    lines = [line.split("\t") for line in QGuiApplication.clipboard().text().split("\n")]
    assert lines[0][:4] == ["Model", "Text", "Objective", "Bits/byte"]
    assert [line[:4] for line in lines[1:]] == [
        ["story-gpt", "Fairy tale", "perplexity", "1.050"],
        ["gpt2", "Fairy tale", "perplexity", "0.960"],
        ["distilgpt2", "Fairy tale", "perplexity", "1.040"],
    ]
    assert "Vocabulary" not in lines[0]


def test_what_is_not_known_is_empty(panel: ResultsPanel, shown: FiguresList) -> None:
    panel.show_table(with_cell(table(), 0, 1, Cell(DONE, replace(figures(), accuracy=nan, word_perplexity=nan))))
    row = [shown.view.model().index(1, place).data() for place in range(len(COLUMNS))]
    by_field = dict(zip((each.field for each in COLUMNS), row, strict=True))
    assert (by_field["accuracy"], by_field["word_perplexity"], by_field["top5"]) == ("", "", "71.0%")
