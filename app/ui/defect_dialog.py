"""What is shown when something happened that nobody expected."""

from __future__ import annotations

import platform
import traceback

from PySide6 import __version__ as qt_version
from PySide6.QtWidgets import QWidget

from app.ui.text_dialog import TextDialog


class DefectDialog(TextDialog):
    """The details of a defect, to copy. The program goes on behind it."""

    def __init__(self, error: BaseException, log_file: str, parent: QWidget | None = None) -> None:
        details = "".join(traceback.format_exception(error))
        super().__init__(
            "Something went wrong in Unembed",
            "This is a defect of the program, not of what you did. What you had is still there and you can go on. "
            f"The details also stand in {log_file}.",
            f"{details}\nPython {platform.python_version()}, PySide6 {qt_version}, {platform.platform()}\n",
            "Copy details",
            parent,
        )
