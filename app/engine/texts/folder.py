"""The texts of a folder."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from app.engine.errors import UserError
from app.engine.texts.files import os_errors
from app.engine.texts.records import FILE, TextSource
from app.engine.texts.source import look


def texts_in(folder: str | Path) -> tuple[TextSource, ...]:
    """Every file of a folder that can be read as a text or a table, by name; others and hidden ones are passed over.

    Folders inside are looked into, one deep, only when there is no text beside them.
    """
    folder = Path(folder)
    with os_errors(folder):
        if folder.is_file():
            raise UserError(f"{folder} is a file, not a folder.", "Open it as a file.")
        found = _readable(folder.iterdir(), folder) or _readable(folder.glob("*/*"), folder)
    if not found:
        raise UserError(f"{folder} has no file that can be read as a text.", "Choose a folder with texts in it.")
    return found


def _readable(paths: Iterable[Path], folder: Path) -> tuple[TextSource, ...]:
    sources = []
    for path in sorted(paths):
        inside = path.relative_to(folder)
        if not path.is_file() or any(part.startswith(".") for part in inside.parts):
            continue
        try:
            look(path)
        except UserError:
            continue
        sources.append(TextSource(FILE, inside.as_posix(), path=str(path)))
    return tuple(sources)
