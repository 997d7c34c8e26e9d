"""Recorded sessions: asking for a file, saving to it, playing it, and saying how the replay went."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject, Slot
from PySide6.QtWidgets import QFileDialog, QWidget

from app.engine.errors import UserError
from app.session.demo import Demo
from app.session.session import Session
from app.ui.page import Page
from app.ui.widgets.save_dialog import ask_where

_KIND = "Unembed session (*.unembed.json)"


class DemoControls(QObject):
    """`page` gives the page in front, whose banner says what happened."""

    def __init__(
        self, window: QWidget, session: Session, page: Callable[[], Page], show: Callable[[str], None]
    ) -> None:
        super().__init__(window)
        self._window, self._page, self._show = window, page, show
        self.demo = Demo(session)
        self.demo.replayed.connect(self._replayed)

    @Slot()
    def save(self) -> None:
        """Ask where, and save the session with the text that was written."""
        path = ask_where(self._window, "demo", "unembed.json", "Unembed session")
        if path is not None:
            self.save_to(path)

    @Slot()
    def open(self) -> None:
        """Ask for a recorded session and play it."""
        path, _ = QFileDialog.getOpenFileName(self._window, "Open a recorded session", "", _KIND)
        if path:
            self.play(Path(path))

    def save_to(self, path: Path) -> None:
        """Save the session into a file."""
        try:
            with_text = self.demo.save(path)
        except UserError as error:
            self._page().show_error(error)
        else:
            told = "Opened again, it writes the same text."
            if not with_text:
                told = "The text is not in it: only one that a single run wrote from its prompt can be written again."
            self._page().banner.show_message("info", f"Saved as {path}. {told}")

    def play(self, path: Path) -> None:
        """Play a recorded session."""
        try:
            self.demo.play(path)
        except UserError as error:
            self._page().show_error(error)

    @Slot(bool, str)
    def _replayed(self, same: bool, words: str) -> None:
        self._show("generate")
        self._page().banner.show_message("info" if same else "warn", words)
