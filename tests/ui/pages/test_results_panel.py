"""Models × texts, pressed: cells and their states, ticks, notes on what compares, heads, menus, export."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QAccessible, QContextMenuEvent, QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QFileDialog, QMenu
from ui.pages.measured_tables import figures, split_alike, table, with_cell

from app.engine.evaluate.records import MASKED
from app.session.measured import DONE, FAILED, NOT_YET, RUNNING, STALE, WAITING, Cell, ColumnHead, Table
from app.ui.pages.evaluate.results_grid import NOWHERE
from app.ui.pages.evaluate.results_panel import (
    COPY_CSV,
    COPY_MARKDOWN,
    SAMPLES,
    SAVE_CSV,
    SAVE_JSON,
    ResultsPanel,
)
from app.ui.theme import Theme

LEFT = Qt.MouseButton.LeftButton
SPLIT = "Warning: These models split text differently: compare their bits per byte, not their perplexities."


@pytest.fixture
def panel(qtbot, theme: Theme) -> ResultsPanel:
    panel = ResultsPanel(theme)
    qtbot.addWidget(panel)
    panel.show_table(table())
    panel.resize(1000, 420)
    panel.show()
    return panel


def shown(panel: ResultsPanel) -> list[list[str]]:
    model = panel.grid.model()
    return [
        [model.index(row, column).data() for column in range(model.columnCount())] for row in range(model.rowCount())
    ]


def read_aloud(panel: ResultsPanel, row: int, column: int) -> str:
    return panel.grid.model().index(row, column).data(Qt.ItemDataRole.AccessibleTextRole)


def tip(panel: ResultsPanel, row: int, column: int) -> str:
    return panel.grid.model().index(row, column).data(Qt.ItemDataRole.ToolTipRole)


def ticks(panel: ResultsPanel) -> list[tuple[int, int]]:
    model = panel.grid.results
    return [(row, column) for row in range(3) for column in range(2) if model.is_ticked(model.index(row, column))]


def click_cell(panel: ResultsPanel, row: int, column: int) -> None:
    place = panel.grid.visualRect(panel.grid.model().index(row, column)).center()
    QTest.mouseClick(panel.grid.viewport(), LEFT, pos=place)


def entry(menu: QMenu, words: str):
    return next(action for action in menu.actions() if action.text() == words)


def heard(signal) -> list[tuple]:
    found: list[tuple] = []
    signal.connect(lambda *values: found.append(values))
    return found


def test_bits_are_large_until_perplexity_is_chosen(panel: ResultsPanel) -> None:
    assert shown(panel) == [["0.58", "1.05"], ["0.79", "0.96"], ["0.86", "1.04"]]
    assert panel.subtitle() == "large: bits per byte, small: perplexity"
    QTest.mouseClick(panel.measure.button(1), LEFT)
    assert shown(panel) == [["4.80", "11.9"], ["10.0", "15.2"], ["12.2", "19.2"]]
    assert panel.subtitle() == "large: perplexity, small: bits per byte"


def test_a_third_place_where_two_would_read_alike(panel: ResultsPanel) -> None:
    near = replace(figures("gpt2", "Fairy tale", 1.052, 15.2), tokenizer_hash="gpt2")
    panel.show_table(with_cell(table(), 1, 1, Cell(DONE, near)))
    assert [row[1] for row in shown(panel)] == ["1.050", "1.052", "1.040"]


def test_the_lowest_is_ticked_only_in_what_may_be_ranked(panel: ResultsPanel) -> None:
    assert ticks(panel) == [(0, 0), (1, 1)]
    QTest.mouseClick(panel.measure.button(1), LEFT)
    assert ticks(panel) == []
    panel.show_table(split_alike(table()))
    assert ticks(panel) == [(0, 0), (1, 1)]


def test_only_a_tick_is_on_the_accents_ground(panel: ResultsPanel, theme: Theme) -> None:
    panel.grid.setFocus()
    panel.grid.choose(1, 0)
    image, rect = panel.grid.viewport().grab().toImage(), panel.grid.visualRect
    corners = [image.pixelColor(rect(panel.grid.model().index(row, 0)).topLeft() + QPoint(6, 6)) for row in (0, 1)]
    assert corners == [theme.color("accentsoft"), theme.color("surface")]


def test_the_note_says_why_with_a_real_example(panel: ResultsPanel) -> None:
    assert panel.comparing.isVisible() and not panel.kinds.isVisible()
    assert panel.comparing.text() == (
        f"{SPLIT} Ticks mark the lowest bits per byte: a byte is the same to every tokenizer. Fairy tale shows why: A "
        "has the lower perplexity (11.9 against 15.2), yet B has the lower bits per byte (0.96 against 1.05)."
    )
    QTest.mouseClick(panel.measure.button(1), LEFT)
    assert "So none is ticked here: a byte is the same to every tokenizer, a token is not." in panel.comparing.text()
    panel.show_table(split_alike(table()))
    assert not panel.comparing.isVisible()


def test_kinds_of_perplexity_are_ranked_apart(panel: ResultsPanel) -> None:
    masked = replace(figures("story-bert", "Fairy tale", 0.7, 3.2), objective=MASKED)
    panel.show_table(with_cell(split_alike(table()), 2, 1, Cell(DONE, masked)))
    assert not panel.comparing.isVisible()
    assert panel.kinds.text() == (
        "Note: Pseudo-perplexity of a masked model and perplexity are different quantities; they are ranked apart."
    )
    assert "pseudo-perplexity 3.20" in read_aloud(panel, 2, 1)


def test_notes_are_short_in_a_low_panel(qtbot, panel: ResultsPanel) -> None:
    panel.resize(700, 200)
    assert panel.height() == 200
    assert panel.comparing.text().strip() == SPLIT
    assert "Fairy tale shows why" in panel.comparing.toolTip()
    qtbot.waitUntil(lambda: panel.grid.viewport().height() > panel.grid.rowHeight(0))


STATES = [
    (Cell(NOT_YET), "–", "not measured yet", "Not measured yet"),
    (Cell(WAITING), "waiting", "waiting", "Waiting for its turn"),
    (Cell(RUNNING, share=0.43), "43%", "running, 43%", "Being measured, 43% done"),
    (
        Cell(FAILED, error="It has <3> tokens."),
        "failed",
        "failed: It has <3> tokens.",
        "Failed: It has &lt;3&gt; tokens.",
    ),
    (
        Cell(STALE, figures(), "The stride is 128 now.", best=True),
        "1.05",
        "1.05 bits per byte, perplexity 11.9, changed: The stride is 128 now.",
        "Changed since it was measured: The stride is 128 now.",
    ),
]


@pytest.mark.parametrize(("cell", "large", "aloud", "told"), STATES, ids=[each[0].state for each in STATES])
def test_states_are_said_in_words(panel: ResultsPanel, cell: Cell, large: str, aloud: str, told: str) -> None:
    before = panel.grid.grab().toImage()
    panel.show_table(with_cell(table(), 1, 1, cell))
    assert shown(panel)[1][1] == large
    assert read_aloud(panel, 1, 1) == f"gpt2, Fairy tale: {aloud}"
    assert told in tip(panel, 1, 1)
    assert (1, 1) not in ticks(panel)
    assert panel.grid.grab().toImage() != before


def test_a_tooltip_says_everything_of_a_cell(panel: ResultsPanel) -> None:
    panel.show_table(
        with_cell(table(), 0, 1, Cell(DONE, replace(figures(), standard_error=0.0213, note="first <try>")))
    )
    for words in (
        "story-gpt on Fairy tale",
        "1.050 bits per byte ±0.021 (standard error)",
        "Perplexity 11.9, 2.477 nats a token",
        "1,000 tokens scored, 3,400 bytes",
        "Window 512, stride 256, sliding",
        "fp32 on cpu, 3.25 s",
        "Note: first &lt;try&gt;",
    ):
        assert words in tip(panel, 0, 1)
    assert read_aloud(panel, 0, 1) == "story-gpt, Fairy tale: 1.05 bits per byte ±0.02, perplexity 11.9"


def test_cells_are_chosen_by_mouse_and_keys(panel: ResultsPanel) -> None:
    found = heard(panel.cell_chosen)
    click_cell(panel, 1, 1)
    QTest.keyClick(panel.grid, Qt.Key.Key_Down)
    QTest.keyClick(panel.grid, Qt.Key.Key_Left)
    assert found == [(1, 1), (2, 1), (2, 0)]


def test_the_chosen_cell_stays_with_its_model_and_text(panel: ResultsPanel) -> None:
    click_cell(panel, 1, 1)
    found, whole = heard(panel.cell_chosen), table()
    panel.show_table(with_cell(whole, 0, 0, Cell(RUNNING, share=0.5)))
    assert panel.grid.chosen() == (1, 1)
    panel.show_table(replace(whole, rows=whole.rows[1:], cells=whole.cells[1:]))
    assert panel.grid.chosen() == (0, 1)
    panel.show_table(replace(whole, rows=whole.rows[:1], cells=whole.cells[:1]))
    assert panel.grid.chosen() == NOWHERE
    assert found == []


def test_heads_are_reached_by_keys_and_removed_by_delete(panel: ResultsPanel) -> None:
    rows, columns = heard(panel.row_removed), heard(panel.column_removed)
    grid = panel.grid
    click_cell(panel, 1, 0)
    QTest.keyClick(grid, Qt.Key.Key_Left)
    assert grid.rows.hasFocus() and grid.rows.marked() == 1
    assert grid.rows.accessibleDescription() == "B, gpt2, /models/gpt2, 6.3M, vocab 50,257"
    QTest.keyClick(grid.rows, Qt.Key.Key_Down)
    QTest.keyClick(grid.rows, Qt.Key.Key_Delete)
    QTest.keyClick(grid.rows, Qt.Key.Key_Right)
    assert grid.hasFocus() and grid.chosen() == (2, 0)
    QTest.mouseClick(grid.columns.viewport(), LEFT, pos=grid.columns.section_rect(1).center())
    QTest.keyClick(grid.columns, Qt.Key.Key_Delete)
    assert (rows, columns) == ([(2,)], [(1,)])


def test_what_is_measured_from_the_menus(panel: ResultsPanel) -> None:
    panel.show_table(with_cell(table(), 1, 1, Cell(NOT_YET)))
    wanted, removed = heard(panel.measure_wanted), heard(panel.column_removed)
    entry(panel.grid.cell_menu(1, 1), "Measure only this").trigger()
    entry(panel.grid.cell_menu(0, 1), "Measure again").trigger()
    entry(panel.grid.row_menu(1), "Measure only this").trigger()
    entry(panel.grid.column_menu(1), "Measure again").trigger()
    assert not entry(panel.grid.row_menu(0), "Measure only this").isEnabled()
    entry(panel.grid.column_menu(0), "Remove").trigger()
    assert wanted == [([(1, 1)],), ([(0, 1)],), ([(1, 1)],), ([(0, 1), (1, 1), (2, 1)],)]
    assert removed == [(0,)]


def test_a_right_click_opens_the_menu_of_a_head(panel: ResultsPanel) -> None:
    heads = panel.grid.columns
    place = heads.section_rect(1).center()
    kind = QContextMenuEvent.Reason.Mouse
    QApplication.sendEvent(heads.viewport(), QContextMenuEvent(kind, place, heads.mapToGlobal(place)))
    opened = [each for each in panel.grid.findChildren(QMenu) if each.isVisible()]
    words = [action.text() for action in opened[0].actions()]
    assert words == ["Measure only this", "Measure again", "Columns and source…", "Encoding…", "Remove"]
    opened[0].close()


def test_many_models_and_texts_scroll(panel: ResultsPanel) -> None:
    whole = table()
    wide = Table(
        tuple(replace(whole.rows[row % 3], name=f"model {row}") for row in range(12)),
        tuple(ColumnHead(f"A text with a long name, chapter {column}", "1 kB") for column in range(20)),
        tuple(tuple(whole.cells[row % 3][0] for _ in range(20)) for row in range(12)),
    )
    panel.show_table(wide)
    assert panel.grid.horizontalScrollBar().maximum() > 0
    assert panel.grid.verticalScrollBar().maximum() > 0
    panel.grid.columns.setFocus()
    for _ in range(20):
        QTest.keyClick(panel.grid.columns, Qt.Key.Key_Right)
    assert panel.grid.columns.marked() == 19
    assert panel.grid.horizontalScrollBar().value() > 0
    assert "chapter 19" in panel.grid.model().headerData(19, Qt.Orientation.Horizontal, Qt.ItemDataRole.ToolTipRole)


def test_columns_share_the_width(panel: ResultsPanel) -> None:
    for width in (700, 1000):
        panel.resize(width, 300)
        assert panel.grid.horizontalScrollBar().maximum() == 0
        assert panel.grid.columnWidth(0) == pytest.approx(panel.grid.columnWidth(1), abs=1)


def test_a_text_that_cannot_be_read_says_so(panel: ResultsPanel) -> None:
    whole = table()
    broken = replace(whole.columns[0], problem="The file is gone.")
    panel.show_table(replace(whole, columns=(broken, whole.columns[1])))
    words = panel.grid.model().headerData(0, Qt.Orientation.Horizontal, Qt.ItemDataRole.AccessibleTextRole)
    assert words == "Bedtime story, 3.4 kB, Cannot be read: The file is gone."


def test_screen_readers_find_a_table(panel: ResultsPanel) -> None:
    reader = QAccessible.queryAccessibleInterface(panel.grid)
    told = [reader.child(place).text(QAccessible.Text.Name) for place in range(reader.childCount())]
    assert any(words.startswith("gpt2, Fairy tale: 0.96 bits per byte") for words in told)
    assert "B, gpt2, /models/gpt2, 6.3M, vocab 50,257" in told
    assert "Fairy tale, 3.4 kB" in told


def test_without_texts_samples_are_offered(panel: ResultsPanel, qtbot) -> None:
    panel.show_table(replace(table(), columns=(), cells=((), (), ())))
    (button,) = panel.empty.buttons()
    assert button.text() == SAMPLES and button.isVisible()
    assert not panel.comparing.isVisible() and not panel.measure.isVisible() and not panel.export.isVisible()
    with qtbot.waitSignal(panel.samples_wanted):
        QTest.mouseClick(button, LEFT)
    panel.show_table(replace(table(), rows=(), cells=()))
    assert panel.empty.buttons() == [] and "Open a model" in panel.empty.accessibleName()
    panel.show_table(table())
    assert panel.grid.isVisible() and panel.measure.isVisible()


def test_figures_are_copied_and_saved(panel: ResultsPanel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found, failures = heard(panel.export_wanted), heard(panel.failed)
    entry(panel.export_menu, COPY_CSV).trigger()
    assert len(QGuiApplication.clipboard().text().splitlines()) == 7
    entry(panel.export_menu, COPY_MARKDOWN).trigger()
    assert QGuiApplication.clipboard().text().startswith("| Model |")
    file = tmp_path / "figures.json"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(file), ""))
    said: list[str] = []
    panel.saved.connect(said.append)
    entry(panel.export_menu, SAVE_JSON).trigger()
    assert said == [f"The figures were written to {file}."]
    assert [row["perplexity"] for row in json.loads(file.read_text(encoding="utf-8"))][:2] == [4.8, 11.9]
    file = tmp_path / "gone" / "figures.csv"
    entry(panel.export_menu, SAVE_CSV).trigger()
    assert found == [(COPY_CSV,), (COPY_MARKDOWN,), (SAVE_JSON,), (SAVE_CSV,)]
    assert len(failures) == 1 and "could not be written" in failures[0][0]


def test_both_themes_paint_it(panel: ResultsPanel, theme: Theme) -> None:
    light = panel.grab().toImage()
    theme.set_choice("dark")
    try:
        assert panel.grab().toImage() != light
    finally:
        theme.set_choice("light")
