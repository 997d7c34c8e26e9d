"""Files as the system hands them over: what can be wrong with one before a letter is read."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.engine.errors import UserError


@contextmanager
def os_errors(path: Path) -> Iterator[None]:
    """Turn what the system says of a path into sentences."""
    try:
        yield
    except FileNotFoundError:
        raise UserError(f"{path} is not there.", "Check the name, or choose the file again.") from None
    except IsADirectoryError:
        raise _folder(path) from None
    except PermissionError:
        raise UserError(
            f"{path} cannot be read: permission is denied.", "Give yourself the right to read it."
        ) from None
    except OSError as error:
        raise UserError(
            f"{path} cannot be read: {error.strerror or error}.", "Copy it to a disk of this computer and try again."
        ) from error


def facts_of(path: Path) -> os.stat_result:
    """Size and times of a file that has something in it. Raises UserError for anything else: a pipe is never opened."""
    with os_errors(path):
        facts = path.stat()
    if stat.S_ISDIR(facts.st_mode):
        raise _folder(path)
    if not stat.S_ISREG(facts.st_mode):
        raise UserError(f"{path} is no file but a device or a pipe.", "Save what it gives into a file first.")
    if facts.st_size == 0:
        raise UserError(f"{path} is empty.", "Choose a file with text in it.")
    return facts


def nothing_to_read(name: str) -> UserError:
    """What is said of a text without a letter."""
    return UserError(f"{name} holds nothing but white space.", "Choose a file with text in it.")


def _folder(path: Path) -> UserError:
    return UserError(f"{path} is a folder.", "Choose a file in it, or open the folder as a folder or a dataset.")
