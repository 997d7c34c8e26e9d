"""Asking where to save a file, whose name always ends in its kind."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtWidgets import QFileDialog, QMessageBox, QWidget

from app.engine.errors import UserError


def ask_where(over: QWidget, stem: str, ending: str, kind: str) -> Path | None:
    """The file that the person chose, with `.ending` where the typed name lacks it; None where they chose none.

    Names of tensors hold dots, so what stands after a dot is taken for an ending only where it is this one.
    """
    chosen, _ = QFileDialog.getSaveFileName(over, f"Save as {kind}", f"{stem}.{ending}", f"{kind} (*.{ending})")
    if not chosen:
        return None
    path = Path(chosen)
    if path.name.lower().endswith(f".{ending}"):
        return path
    path = path.with_name(f"{path.name}.{ending}")
    # The dialog asked about the name as it was typed, and this is another file.
    return path if not path.exists() or _may_replace(over, path) else None


def try_saving(
    save: Callable[[Path], None], path: Path, done: Callable[[str], None], failed: Callable[[str], None]
) -> None:
    """Save, and tell `done` in which file, or `failed` why not."""
    try:
        save(path)
    except UserError as error:
        failed(str(error))
    else:
        done(f"Saved as {path}")


def _may_replace(over: QWidget, path: Path) -> bool:
    answer = QMessageBox.question(over, "Replace the file?", f"{path} already exists. Replace it?")
    return answer == QMessageBox.StandardButton.Yes
