"""One program at a time trains in a run's folder. The lock is the system's: it ends with the program."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from app.engine.errors import UserError

LOCK = ".lock"


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the folder. Raises UserError while another program, or another run of this one, does."""
    with (folder / LOCK).open("a+b") as file:
        if not _taken(file):
            raise UserError(
                f"Another program is training in {folder}.", "Wait until it has ended, or choose another folder."
            )
        yield


def in_use(folder: Path) -> bool:
    """Whether somebody holds the folder now."""
    if not (folder / LOCK).exists():
        return False
    with (folder / LOCK).open("a+b") as file:
        return not _taken(file)


def _taken(file: IO[bytes]) -> bool:
    """Take the lock, which closing the file gives back; False where somebody has it."""
    try:
        if sys.platform == "win32":
            import msvcrt

            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
