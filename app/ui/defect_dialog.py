"""What is shown when something happened that nobody expected."""

from __future__ import annotations

import platform
import traceback

from PySide6 import __version__ as qt_version
from PySide6.QtCore import Slot
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QLabel, QPlainTextEdit, QPushButton, QVBoxLayout, QWidget


class DefectDialog(QDialog):
    """The details of a defect, to copy. The program goes on behind it."""

    def __init__(self, error: BaseException, log_file: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Something went wrong in Unembed")
        self.setMinimumSize(640, 380)
        layout = QVBoxLayout(self)
        words = QLabel(
            "This is a defect of the program, not of what you did. What you had is still there and you can go on. "
            f"The details also stand in {log_file}."
        )
        words.setWordWrap(True)
        layout.addWidget(words)
        details = "".join(traceback.format_exception(error))
        self.details = QPlainTextEdit(
            f"{details}\nPython {platform.python_version()}, PySide6 {qt_version}, {platform.platform()}\n"
        )
        self.details.setReadOnly(True)
        layout.addWidget(self.details)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        copy = QPushButton("Copy details")
        copy.clicked.connect(self._copy)
        buttons.addButton(copy, QDialogButtonBox.ButtonRole.ActionRole)
        buttons.rejected.connect(self.reject)
        layout.addWidget(buttons)

    @Slot()
    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self.details.toPlainText())
