"""The texts of a folder."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from app.engine.errors import UserError
from app.engine.texts.files import os_errors
from app.engine.texts.records import SourceFacts
from app.engine.texts.source import look


@dataclass(frozen=True)
class FolderFile:
    """A file of a folder at a look."""

    name: str
    """Its place in the folder: "one/a.txt"."""
    path: Path
    facts: SourceFacts | None
    """None for what cannot be read as a text."""


def files_in(folder: str | Path) -> tuple[FolderFile, ...]:
    """Every file of a folder but hidden ones, by name, at least one of them a text or a table.

    Folders inside are looked into, one deep, only when there is no text beside them.
    """
    folder = Path(folder)
    with os_errors(folder):
        if folder.is_file():
            raise UserError(f"{folder} is a file, not a folder.", "Open it as a file.")
        for paths in (folder.iterdir(), folder.glob("*/*")):
            found = _looked_at(paths, folder)
            if any(file.facts is not None for file in found):
                return found
    raise UserError(f"{folder} has no file that can be read as a text.", "Choose a folder with texts in it.")


def folders_passed_over(folder: Path, inside: Sequence[FolderFile]) -> list[str]:
    """Names of the folders in `folder` that `files_in` did not look into, hidden ones left out."""
    if any("/" in file.name for file in inside):
        return []
    return sorted(each.name for each in folder.iterdir() if each.is_dir() and not each.name.startswith("."))


def _looked_at(paths: Iterable[Path], folder: Path) -> tuple[FolderFile, ...]:
    files = []
    for path in sorted(paths):
        inside = path.relative_to(folder)
        if not path.is_file() or any(part.startswith(".") for part in inside.parts):
            continue
        facts = None
        with suppress(UserError):
            facts = look(path)
        files.append(FolderFile(inside.as_posix(), path, facts))
    return tuple(files)
