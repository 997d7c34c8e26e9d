"""What this program is, and the versions and devices it runs with: to read, and to copy into a report."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

from PySide6.QtCore import Slot
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QPlainTextEdit, QPushButton, QVBoxLayout, QWidget

from app.engine.models.records import Devices
from app.ui.theme import Theme
from app.ui.widgets.labels import make_label
from app.ui.widgets.memory_bar import bytes_text

PACKAGES = (
    "torch",
    "transformers",
    "accelerate",
    "tokenizers",
    "safetensors",
    "huggingface_hub",
    "numpy",
    "PySide6-Essentials",
)
VERSION = "0.1.0"


def about_text(devices: Devices | None, log_file: str) -> str:
    """Versions, devices and places, a line each."""
    lines = [f"Unembed {VERSION}", f"Python {platform.python_version()}, {platform.platform()}"]
    for name in PACKAGES:
        try:
            lines.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            lines.append(f"{name} is not installed")
    lines += [
        f"{device.ref}: {device.name}, {bytes_text(device.free)} of {bytes_text(device.total)} free"
        for device in (devices.found if devices is not None else ())
    ]
    if devices is not None and devices.note:
        lines.append(devices.note)
    return "\n".join([*lines, f"Log: {log_file}"])


class AboutDialog(QDialog):
    """The text, and a button that copies it."""

    def __init__(self, theme: Theme, devices: Devices | None, log_file: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("About Unembed")
        self.setMinimumSize(560, 400)
        layout = QVBoxLayout(self)
        layout.addWidget(make_label(theme, "Unembed", 18, 650))
        layout.addWidget(make_label(theme, "Open a transformer up. Apache-2.0.", 13, role="secondary"))
        self.text = QPlainTextEdit(about_text(devices, log_file))
        self.text.setReadOnly(True)
        self.text.setFont(theme.font(12, mono=True))
        self.text.setAccessibleName("Versions and devices")
        layout.addWidget(self.text)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        copy = QPushButton("Copy")
        copy.clicked.connect(self._copy)
        buttons.addButton(copy, QDialogButtonBox.ButtonRole.ActionRole)
        buttons.rejected.connect(self.reject)
        layout.addWidget(buttons)

    @Slot()
    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self.text.toPlainText())
