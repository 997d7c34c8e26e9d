"""Saves the session whenever something in it changed, and brings it back at the start."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from app.jobs.board import Board
from app.session import saved
from app.session.models import FILES_LANE
from app.session.session import Session

SAVE_AFTER_MS = 300


class Keeper(QObject):
    """Watches a session and keeps its file up to date, a third of a second after the last change."""

    restored = Signal(str)
    """The last session is back; a note for the person, '' when all went well."""

    def __init__(self, session: Session, board: Board, path: Path) -> None:
        super().__init__()
        self._session, self._board, self._path = session, board, path
        self._written: saved.Saved | None = None
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(SAVE_AFTER_MS)
        self._soon.timeout.connect(self._save)

    def begin(self) -> saved.Saved:
        """Read the file, then watch. What was saved is handed back; the caller opens its models."""
        found, note = saved.read(self._path)
        session = self._session
        for signal in (
            session.model_changed,
            session.second_changed,
            session.prompt_changed,
            session.selection_changed,
            session.recent_changed,
            session.generation.settings_changed,
            session.generation.presets_changed,
            session.generation.branches_changed,
            session.finetuning.data.data_changed,
            session.finetuning.data.settings_changed,
            session.finetuning.began,
        ):
            signal.connect(self._changed)
        self.restored.emit(note)
        return found

    @Slot()
    def _changed(self) -> None:
        if not self._soon.isActive():
            self._soon.start()

    @Slot()
    def _save(self) -> None:
        now, path = self._session.saved(), self._path
        if now != self._written:
            self._written = now
            job = self._board.start(FILES_LANE, "Save session", lambda: _write(path, now), key="save", quiet=True)
            job.failed.connect(self._failed)

    @Slot(object)
    def _failed(self, error: BaseException) -> None:
        self._written = None
        self._session.failed.emit("session", error)

    def finish(self) -> None:
        """Write what was not written yet, at the end of the program."""
        self._soon.stop()
        now = self._session.saved()
        if now != self._written:
            saved.write(self._path, saved.encode(now))


def _write(path: Path, now: saved.Saved) -> Generator[Any, None, None]:
    saved.write(path, saved.encode(now))
    yield
