"""Every picture of the Inspect page as a table, and the flow in a narrow window."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QAccessible, QContextMenuEvent, QGuiApplication
from PySide6.QtWidgets import QApplication, QFileDialog, QMenu
from ui.desk import Desk, copied_table, words

from app.engine.models.loaded import LoadedModel
from app.engine.trace import trace
from app.ui.pages.inspect.flow_view import FlowView
from app.ui.pages.inspect.layout import EXAMPLES
from app.ui.widgets.number_text import number
from app.ui.widgets.table_twin import TableTwin


def opened(desk: Desk) -> Desk:
    desk.click(desk.inspect.empty.buttons()[0])
    desk.settle()
    return desk


def texts(twin: TableTwin) -> list[list[str]]:
    model = twin.view.model()
    return [
        [model.index(row, column).data() for column in range(model.columnCount())] for row in range(model.rowCount())
    ]


def test_the_attention_table_holds_the_models_weights(desk: Desk, story: LoadedModel) -> None:
    opened(desk)
    twin = desk.inspect.attention.twin
    desk.click(twin.button)
    assert twin.view.isVisible() and not desk.inspect.attention.heatmap.isVisible()
    selection = desk.session.selection
    pattern = trace(story, EXAMPLES[0]).attention(selection.layer, selection.head)
    shown = texts(twin)
    for query, row in enumerate(shown):
        assert row[query + 1 :] == ["masked"] * (len(row) - query - 1)
        assert row[: query + 1] == [number(float(weight), 4) for weight in pattern[query, : query + 1]]
    assert twin.view.model().headerData(1, Qt.Orientation.Vertical) == "␣Tim #1"


def test_the_table_follows_the_head_and_moves_the_selection(desk: Desk) -> None:
    opened(desk)
    twin = desk.inspect.attention.twin
    desk.click(twin.button)
    before = texts(twin)
    desk.inspect.step_head(1)
    desk.settle()
    assert texts(twin) != before
    twin.view.setCurrentIndex(twin.view.model().index(6, 2))
    desk.key(twin.view, Qt.Key.Key_Right)
    assert (desk.session.selection.query, desk.session.selection.key) == (6, 3)
    desk.click(twin.button)
    assert desk.inspect.attention.heatmap.isVisible()
    assert desk.inspect.attention.heatmap.selected() == (6, 3)


def test_a_table_is_copied_and_saved(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened(desk)
    for place, twin in enumerate((desk.inspect.attention.twin, desk.inspect.grid_twin)):
        file = tmp_path / f"table{place}.csv"
        monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_, to=file: (str(to.with_suffix("")), ""))
        desk.click(twin.button)
        shown = twin.picture.table().values
        values = np.where(np.isneginf(shown), np.float32(0), shown)
        QGuiApplication.clipboard().clear()
        spot = twin.view.viewport().rect().center()
        event = QContextMenuEvent(QContextMenuEvent.Reason.Mouse, spot, twin.view.viewport().mapToGlobal(spot))
        QApplication.sendEvent(twin.view.viewport(), event)
        menu = QApplication.activePopupWidget()
        assert isinstance(menu, QMenu), "a right click opens a menu"
        entries = {action.text(): action for action in menu.actions()}
        entries["Copy values"].trigger()
        menu.close()
        assert np.array_equal(copied_table(), values)
        QGuiApplication.clipboard().clear()
        desk.key(twin.view, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
        assert np.array_equal(copied_table(), values), "the whole table, as its picture gives it"
        assert "on the clipboard" in words(desk.window.strip)
        entry = next(action for action in twin.menu().actions() if action.text() == "Save values as CSV…")
        entry.trigger()
        lines = list(csv.reader(file.read_text(encoding="utf-8-sig").splitlines()))
        assert np.array_equal(np.array([line[1:] for line in lines[1:]], dtype=np.float32), values)
        assert f"Saved as {file}" in words(desk.window.strip)


def test_a_screen_reader_reads_the_table(desk: Desk) -> None:
    opened(desk)
    twin = desk.inspect.attention.twin
    desk.click(twin.button)
    interface = QAccessible.queryAccessibleInterface(twin.view)
    assert interface.role() == QAccessible.Role.Table
    read = {interface.child(place).text(QAccessible.Text.Name) for place in range(interface.childCount())}
    assert "␣and, ␣Tim: " + texts(twin)[2][1] in read


def test_tensors_and_all_heads_have_tables(desk: Desk, story: LoadedModel) -> None:
    opened(desk)
    desk.session.select(name="blocks.1.mlp.out")
    desk.settle()
    tensor = desk.inspect.tensor
    desk.click(tensor.twin.button)
    expected = trace(story, EXAMPLES[0])["blocks.1.mlp.out"]
    assert texts(tensor.twin)[3][:8] == [number(float(value), 4) for value in expected[3, :8]]
    desk.session.select(name="blocks.1.attn.pattern")
    desk.settle()
    grid = desk.inspect.grid_twin
    desk.click(grid.button)
    pattern = trace(story, EXAMPLES[0]).attention(2, 1)
    assert texts(grid)[2][1] == number(float(np.asarray(pattern).max(-1).mean()), 4)
    grid.view.setCurrentIndex(grid.view.model().index(2, 1))
    assert (desk.session.selection.layer, desk.session.selection.head) == (2, 1)


def test_a_narrow_window_has_its_flow_in_a_drop_down(desk: Desk) -> None:
    opened(desk)
    page = desk.inspect
    desk.window.resize(1120, 720)
    desk.wait(page.flow_button.isVisible)
    assert not page.flow_panel.isVisible()
    desk.click(page.flow_button)
    flow: FlowView = page.flow
    desk.wait(flow.isVisible)
    row = next(index for index, row in enumerate(flow.rows()) if row.name == "embed")
    desk.click(flow, QPointF(flow.row_rect(row).center()))
    desk.settle()
    assert desk.session.selection.name == "embed"
    assert not flow.isVisible()
    assert "embed" in page.flow_button.toolTip()
    desk.window.resize(1440, 900)
    desk.wait(page.flow_panel.isVisible)
    assert flow.isVisible() and not page.flow_button.isVisible()
    assert "Flow" in words(page.flow_panel)
