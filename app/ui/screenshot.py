"""Taking the picture that `--screenshot` asks for, when everything that the options start is done."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject, QPoint, QTimer, Slot
from PySide6.QtGui import QImage, QImageWriter, QPainter
from PySide6.QtWidgets import QWidget

from app.engine.errors import UserError
from app.jobs.board import Board
from app.session.session import Session

QUIET_MS = 250
"""So long nothing may run before the picture: a finished job may start another."""


class Screenshot(QObject):
    """Waits, writes the file and calls `end(code, message)`."""

    def __init__(
        self, window: QWidget, session: Session, board: Board, file: Path, end: Callable[[int, str], None]
    ) -> None:
        super().__init__(window)
        self._window, self._session, self._board, self._file, self._end = window, session, board, file, end
        self._ended = False
        self._quiet = QTimer(self)
        self._quiet.setSingleShot(True)
        self._quiet.setInterval(QUIET_MS)
        self._quiet.timeout.connect(self._take)
        board.changed.connect(self._changed)
        board.defect.connect(self._defect)
        session.failed.connect(self._failed)
        self._changed()

    @Slot()
    def _changed(self) -> None:
        if self._board.idle:
            self._quiet.start()
        else:
            self._quiet.stop()

    @Slot()
    def _take(self) -> None:
        if not self._board.idle or self._ended:
            return
        picture = QImage(self._window.size(), QImage.Format.Format_RGB32)
        painter = QPainter(picture)
        self._window.render(painter, QPoint())
        painter.end()
        writer = QImageWriter(str(self._file), b"PNG")
        if writer.write(picture):
            self._finish(0, "")
        else:
            self._finish(1, f"The picture could not be written to {self._file}: {writer.errorString()}.")

    @Slot(str, object)
    def _failed(self, _page: str, error: BaseException) -> None:
        self._finish(1, str(error) if isinstance(error, UserError) else repr(error))

    @Slot(object)
    def _defect(self, error: BaseException) -> None:
        self._finish(1, repr(error))

    def _finish(self, code: int, message: str) -> None:
        if not self._ended:
            self._ended = True
            self._end(code, message)
