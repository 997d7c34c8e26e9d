"""A plain text too long to be held whole."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from app.engine.errors import UserError
from app.engine.texts.encoding import open_text
from app.engine.texts.files import facts_of, nothing_to_read
from app.engine.texts.records import PIECE, LongText

LONG = 1 << 20
"""Bytes of a file from which on it is read in pieces."""


def long_text(path: Path, encoding: str) -> LongText | None:
    """The text of a file in pieces, None when it is short. It is read through once: for its length, and to find what
    is no letter before anything is computed with it."""
    if facts_of(path).st_size < LONG:
        return None
    size, blank = 0, True
    for piece in _pieces(path, encoding):
        size += len(piece.encode())
        blank = blank and not piece.strip()
    if blank:
        raise nothing_to_read(path.name)
    return LongText(size, lambda: _read(path, encoding, size))


def _read(path: Path, encoding: str, size: int) -> Iterator[str]:
    """The pieces. Raises UserError at the end where they are not those that were counted."""
    for piece in _pieces(path, encoding):
        size -= len(piece.encode())
        yield piece
    if size:
        raise UserError(f"{path} changed while it was read.", "Read it again.")


def _pieces(path: Path, encoding: str) -> Iterator[str]:
    with open_text(path, encoding) as letters:
        while piece := letters.read(PIECE):
            yield piece
