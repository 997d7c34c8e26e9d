"""What this program is, and the versions and devices it runs with: to read, and to copy into a report."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

from PySide6.QtWidgets import QWidget

from app.engine.models.records import Devices
from app.ui.text_dialog import TextDialog
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


class AboutDialog(TextDialog):
    """The text, and a button that copies it."""

    def __init__(self, devices: Devices | None, log_file: str, parent: QWidget | None = None) -> None:
        words = "Unembed opens a transformer up. Free software under the Apache License 2.0."
        super().__init__("About Unembed", words, about_text(devices, log_file), "Copy", parent)
