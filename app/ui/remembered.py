"""What the window remembers from one start to the next."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QSettings, QStandardPaths
from PySide6.QtWidgets import QComboBox, QSplitter, QWidget

CHOICES = ("generate colours", "generate speed")
"""Names of the boxes whose choice is kept."""


def open_settings() -> QSettings:
    """The settings file of this user."""
    folder = Path(QStandardPaths.writableLocation(QStandardPaths.StandardLocation.AppConfigLocation))
    return QSettings(str(folder / "window.ini"), QSettings.Format.IniFormat)


def remember(window: QWidget, theme_choice: str, page: str) -> None:
    """Keep the window's place, its splitters, theme and page, and what was chosen in boxes."""
    settings = open_settings()
    settings.setValue("geometry", window.saveGeometry())
    settings.setValue("theme", theme_choice)
    settings.setValue("page", page)
    for splitter in window.findChildren(QSplitter):
        settings.setValue(f"splitter/{splitter.objectName()}", splitter.saveState())
    for box in window.findChildren(QComboBox):
        if box.objectName() in CHOICES:
            settings.setValue(f"choice/{box.objectName()}", box.currentText())
    settings.sync()


def remember_page(page: str) -> None:
    """Keep the page in front, so that also a killed program comes back to it."""
    open_settings().setValue("page", page)


def remember_theme(choice: str) -> None:
    """Keep the theme that was chosen, for the same reason."""
    open_settings().setValue("theme", choice)


def remember_runs(folder: Path | None) -> None:
    """Keep where runs are kept."""
    if folder is not None:
        open_settings().setValue("runs", str(folder))


def runs_folder(usual: Path) -> Path:
    """Where runs are kept: the folder that was chosen, while it is there, else the usual one."""
    chosen = open_settings().value("runs")
    return Path(str(chosen)) if chosen and Path(str(chosen)).is_dir() else usual


def restore_place(window: QWidget) -> None:
    """Put the window where it was; what cannot be read is left as it is."""
    geometry = open_settings().value("geometry")
    if geometry is not None:
        window.restoreGeometry(geometry)


def restore_parts(window: QWidget) -> None:
    """Put the splitters of all its pages where they were, and choose in boxes what was chosen."""
    settings = open_settings()
    for splitter in window.findChildren(QSplitter):
        state = settings.value(f"splitter/{splitter.objectName()}")
        if state is not None:
            splitter.restoreState(state)
    for box in window.findChildren(QComboBox):
        if box.objectName() in CHOICES:
            # A choice that there is no more changes nothing.
            box.setCurrentText(str(settings.value(f"choice/{box.objectName()}", "")))
