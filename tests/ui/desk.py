"""A whole window on a real model, and the ways in which a person and a test look at it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PySide6.QtCore import QEvent, QPointF, Qt, QTimer
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QLabel, QWidget
from pytestqt.qtbot import QtBot

from app.engine.decode.settings import BALANCED
from app.jobs.board import Board
from app.session.session import Session
from app.ui.pages.generate.page import GeneratePage
from app.ui.pages.inspect.page import InspectPage
from app.ui.pages.model.page import ModelPage
from app.ui.theme import Theme
from app.ui.widgets.token_strip import TokenStrip
from app.ui.window import Window

LOAD_MS, SETTLE_MS = 60_000, 20_000
DIRECT = Qt.FindChildOption.FindDirectChildrenOnly


class Desk:
    """The window with what stands behind it. `defects` are the errors that no one expected."""

    def __init__(self, qtbot: QtBot, theme: Theme, remembering: bool = False) -> None:
        self.qtbot, self.theme = qtbot, theme
        self.board = Board()
        self.session = Session(self.board, BALANCED)
        self.defects: list[BaseException] = []
        self.board.defect.connect(self.defects.append)
        self.window = Window(theme, self.session, self.board, ("story-gpt",), "the log", remembering)
        self.window.show_page("inspect")
        self.window.complete()
        inspect, generate = self.window.pages["inspect"], self.window.pages["generate"]
        assert isinstance(inspect, InspectPage) and isinstance(generate, GeneratePage)
        self.inspect, self.generate = inspect, generate
        model = self.window.pages["model"]
        assert isinstance(model, ModelPage)
        self.model = model

    def settle(self) -> None:
        """Wait until nothing runs and no page waits to draw or to ask."""
        pages = self.window.pages.values()
        owners = (*pages, self.inspect.heads)
        timers = [timer for owner in owners for timer in owner.findChildren(QTimer, options=DIRECT)]
        self.wait(lambda: self.board.idle and not any(timer.isActive() for timer in timers))

    def wait(self, condition: object) -> None:
        """Wait until something holds."""
        self.qtbot.waitUntil(condition, timeout=SETTLE_MS)

    def open(self, ref: str | Path = "story-gpt") -> None:
        """Open a model and wait for it."""
        before = self.session.summary
        self.session.open_model(ref)
        self.qtbot.waitUntil(lambda: self.session.summary is not before and self.board.idle, timeout=LOAD_MS)

    def click(self, widget: QWidget, point: QPointF | None = None) -> None:
        """Press and release the left button on a widget, at a point of it or in its middle."""
        where = widget.rect().center() if point is None else point.toPoint()
        self.qtbot.mouseClick(widget, Qt.MouseButton.LeftButton, pos=where)

    def key(self, widget: QWidget, key: object, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
        """Press one key on a widget."""
        self.qtbot.keyClick(widget, key, modifier)

    def type_over(self, field: QWidget, text: str) -> None:
        """Replace what stands in a line edit and press Enter."""
        field.setFocus()
        self.key(field, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
        self.key(field, Qt.Key.Key_Delete)
        self.qtbot.keyClicks(field, text)
        self.key(field, Qt.Key.Key_Return)

    def click_chip(self, strip: TokenStrip, index: int) -> None:
        """Click a token."""
        self.click(strip, QPointF(strip.chip_rect(index).center()))

    def click_flow(self, name: str) -> None:
        """Click the row of the flow that stands for a tensor."""
        flow = self.inspect.flow
        self.click(flow, flow.row_rect([row.name for row in flow.rows()].index(name)).center())

    def click_head(self, layer: int, head: int) -> None:
        """Click a head in the grid."""
        self.click(self.inspect.grid.viewport(), self.inspect.grid.cell_rect(layer, head).center())


@contextmanager
def open_desk(qtbot: QtBot, theme: Theme, model: str | Path = "story-gpt") -> Iterator[Desk]:
    """A window with a model. At the end no error may be left that was not expected."""
    desk = Desk(qtbot, theme)
    desk.window.resize(1440, 900)
    desk.window.show()
    desk.window.activateWindow()
    qtbot.waitUntil(desk.window.isActiveWindow, timeout=5_000)
    try:
        desk.open(model)
        yield desk
    finally:
        desk.window.close()
        desk.window.deleteLater()
        QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
    assert desk.defects == []


def words(widget: QWidget) -> str:
    """Every label that is shown in a widget, as one text."""
    return " ".join(label.text() for label in widget.findChildren(QLabel) if label.isVisibleTo(widget))


def chip_ids(strip: TokenStrip) -> list[int]:
    """The ids of the tokens shown."""
    return [int(_part(strip, index, "id ")) for index in range(strip.count())]


def chip_weights(strip: TokenStrip) -> np.ndarray:
    """The weights underlined, four decimals, `[token]`."""
    return np.array([float(_part(strip, index, "weight ")) for index in range(strip.count())])


def _part(strip: TokenStrip, index: int, start: str) -> str:
    parts = strip.describe_token(index).split(" · ")
    return next(part.removeprefix(start) for part in reversed(parts) if part.startswith(start))


def copied_table() -> np.ndarray:
    """The numbers of a table on the clipboard, float32 `[row, column]`."""
    lines = list(csv.reader(io.StringIO(QGuiApplication.clipboard().text()), delimiter="\t"))
    return np.array([[float(cell) for cell in line[1:]] for line in lines[1:]], dtype=np.float32)


def leave(widget: QWidget) -> None:
    """Take the pointer off a widget."""
    QApplication.sendEvent(widget, QEvent(QEvent.Type.Leave))
