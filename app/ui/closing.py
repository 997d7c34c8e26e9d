"""Closing the window while a finetune runs: what was learnt is kept, if the person wants it."""

from __future__ import annotations

from PySide6.QtCore import QObject, QTimer, Slot
from PySide6.QtWidgets import QMessageBox, QWidget

from app.session.finetuning import Finetuning

KEEP, NOW = "Stop and keep", "Close now"
_WORDS = (
    "A finetune is running. “Stop and keep” ends it after this step, writes what it learnt, and then closes. If you "
    "close now it ends here; it can go on from its last checkpoint with Resume on the Finetune page."
)


class Closing(QObject):
    """Asks, and closes the window once a run that is kept has been written."""

    def __init__(self, tuning: Finetuning, window: QWidget) -> None:
        super().__init__(window)
        self._tuning, self._window = tuning, window
        self._waits, self._failed = False, False
        tuning.ended.connect(self._ended)
        tuning.failed.connect(self._run_failed)

    def agreed(self) -> bool:
        """Whether the window may close at once. Where a run shall be kept first it closes by itself afterwards."""
        if not self._tuning.running:
            return True
        answer = self._asked()
        if answer == KEEP and self._tuning.running:
            self._waits, self._failed = True, False
            self._window.setEnabled(False)
            self._tuning.stop()
        return answer == NOW or (answer == KEEP and not self._tuning.running)

    def _asked(self) -> str:
        box = QMessageBox(QMessageBox.Icon.Question, "Close Unembed", _WORDS, parent=self._window)
        keep = box.addButton(KEEP, QMessageBox.ButtonRole.AcceptRole)
        now = box.addButton(NOW, QMessageBox.ButtonRole.DestructiveRole)
        box.addButton(QMessageBox.StandardButton.Cancel)
        box.setDefaultButton(keep)
        box.exec()
        return {id(keep): KEEP, id(now): NOW}.get(id(box.clickedButton()), "")

    @Slot(object)
    def _ended(self, _end: object) -> None:
        if self._waits:
            # Not in the middle of the delivery that tells of the end.
            QTimer.singleShot(0, self._close)

    @Slot(object)
    def _run_failed(self, _error: object) -> None:
        self._failed = True

    @Slot()
    def _close(self) -> None:
        """What could not be kept keeps the window open, with the reason on the page."""
        self._waits = False
        self._window.setEnabled(True)
        if not self._failed:
            self._window.close()
