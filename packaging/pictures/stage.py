"""The window on bundled models, pressed and waited for as a person would."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from PySide6.QtCore import QEventLoop, QPoint, QRect, QRectF, Qt, QTimer
from PySide6.QtGui import QCursor, QImage, QPainter
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from app.engine.decode.settings import BALANCED
from app.engine.models.catalogue import bundled_models
from app.jobs.board import Board
from app.session.session import Session
from app.ui.page import Page
from app.ui.theme import Theme
from app.ui.widgets.segmented import Segmented
from app.ui.window import Window

Kind = TypeVar("Kind", bound=Page)
Shown = Iterator[tuple[str, QWidget]]
"""The names of a scene's pictures as it gets there, each with what is painted."""
SIZE = (1440, 900)
LOG = "/home/ada/.local/share/Unembed/Unembed/unembed.log"
QUIET_S = 0.4
"""So long nothing may run before a picture: what ended may begin something else."""
LONGEST_S = 900.0


class Stage:
    """A shown window; close it at the end. `scratch` is a folder for models and runs of the scene."""

    def __init__(self, theme: Theme, scratch: Path) -> None:
        self.theme, self.scratch = theme, scratch
        self.board = Board()
        self.session = Session(self.board, BALANCED)
        self.board.defect.connect(self._defect)
        self._defects: list[BaseException] = []
        self.window = Window(theme, self.session, self.board, bundled_models(), LOG, remembering=False)
        self.window.resize(*SIZE)
        self.window.show_page("inspect")
        self.window.complete()
        self.window.show()
        self.window.activateWindow()
        # Away from what lights up under it.
        QCursor.setPos(self.window.mapToGlobal(QPoint(4, 4)))
        self.session.finetuning.runs.keep_in(scratch / "runs")

    def page(self, key: str, kind: type[Kind]) -> Kind:
        """Bring a page to the front."""
        self.window.show_page(key)
        page = self.window.pages[key]
        assert isinstance(page, kind)
        return page

    def open(self, ref: str | Path, slot: str = "A", precision: str = "auto") -> None:
        """Open a model and wait for it."""
        before = self.session.models.loaded(slot)
        self.session.open_model(ref, precision=precision, slot=slot)
        self.wait(lambda: self.session.models.loaded(slot) not in (None, before))
        self.settle()

    def say(self, text: str, second: str = "") -> None:
        """Give the models a text."""
        self.session.set_prompt(text, second)
        self.settle()

    def click(self, widget: QWidget, at: QPoint | QRect | QRectF | None = None) -> None:
        """Press the left button in the middle of a widget, or of a part of it, and wait for what follows."""
        place = widget.rect() if at is None else at
        middle = place if isinstance(place, QPoint) else QRectF(place).center().toPoint()
        QTest.mouseClick(widget, Qt.MouseButton.LeftButton, pos=middle)
        self.settle()

    def choose(self, control: Segmented, index: int) -> None:
        """Press a segment."""
        self.click(control.button(index))

    def settle(self) -> None:
        """Wait until nothing runs, and nothing begins for a moment."""
        quiet_since = time.monotonic()

        def is_quiet() -> bool:
            nonlocal quiet_since
            if not self.board.idle:
                quiet_since = time.monotonic()
            return time.monotonic() - quiet_since > QUIET_S

        self.wait(is_quiet)

    def wait(self, until: Callable[[], bool]) -> None:
        """Run the event loop until something is true. Raises TimeoutError when it never is, and what went wrong."""
        end, loop, ask = time.monotonic() + LONGEST_S, QEventLoop(), QTimer()
        ask.timeout.connect(lambda: loop.quit() if until() or self._defects or time.monotonic() > end else None)
        ask.start(10)
        loop.exec()
        ask.stop()
        if self._defects:
            raise self._defects[0]
        if not until():
            raise TimeoutError("The window did not get there.")

    def paint(self, widget: QWidget) -> Iterator[tuple[str, QImage]]:
        """A widget in each theme."""
        for name in ("light", "dark"):
            self.theme.set_choice(name)
            self.settle()
            picture = QImage(widget.size(), QImage.Format.Format_RGB32)
            painter = QPainter(picture)
            widget.render(painter, QPoint())
            painter.end()
            yield name, picture

    def close(self) -> None:
        """End the lanes."""
        self.window.close()
        self.window.deleteLater()
        QApplication.processEvents()

    def _defect(self, error: BaseException) -> None:
        self._defects.append(error)
