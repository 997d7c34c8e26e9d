"""A file's records with their places; a broken one is told of and the others stay usable."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby, islice
from pathlib import Path
from typing import Any

from app.engine.errors import UserError
from app.engine.finetune.records import BROKEN, Problem
from app.engine.texts.records import FILE, TextSource
from app.engine.texts.rows import WHOLE, rows_of
from app.engine.texts.tables import TEXT

END_OF_TEXT = "<|endoftext|>"
"""On a line of its own it parts the stories of TinyStories and many a file after it."""


@dataclass(frozen=True)
class RawRecord:
    """A record as it stands in its file."""

    place: str
    """ "line 12", "row 3"."""
    values: Mapping[str, Any]
    """By column. A passage of a plain text has the column "text"."""


class BadRecord(UserError):  # noqa: N818 - a record, not a failure
    """A record that cannot be learnt from; `kind` is BROKEN, EMPTY or MASKED, the message what is wrong with it."""

    def __init__(self, kind: str, words: str) -> None:
        super().__init__(words)
        self.kind = kind


def raw_records(source: TextSource) -> Iterator[RawRecord | Problem]:
    """At most `source.limit` records in the file's order, and among them a Problem for each that cannot be read.

    Raises UserError for a file that cannot be read at all.
    """
    name = Path(source.path).name if source.kind == FILE else source.path
    told: list[Problem] = []

    def broken(place: str, error: UserError) -> None:
        words = error.fact.removeprefix(f"{name}, {place}: ").rstrip(".")
        told.append(Problem(place, BROKEN, words, used=False))

    for place, row in rows_of(source, broken):
        yield from told
        told.clear()
        if place == WHOLE:
            found = passages(row[TEXT])
            yield from (RawRecord(line, {TEXT: text}) for line, text in islice(found, source.limit))
        else:
            yield RawRecord(place, row)
    yield from told


def passages(text: str) -> Iterator[tuple[str, str]]:
    """The records of a plain text, each with the place of its first line.

    Where lines hold nothing but <|endoftext|>, those part them. Otherwise blank lines do, so a record is a paragraph.
    A text without blank lines is a record a line. Line ends become \\n; blank lines around a record are left away.
    """
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    while lines and not lines[-1].strip():
        lines.pop()
    first = next((number for number, line in enumerate(lines) if line.strip()), 0)
    marked = any(line.strip() == END_OF_TEXT for line in lines)
    borders = [line.strip() == END_OF_TEXT if marked else not line.strip() for line in lines]
    if not any(borders[first:]):
        yield from ((f"line {number}", line) for number, line in enumerate(lines, 1) if line.strip())
        return
    for border, group in groupby(range(len(lines)), key=borders.__getitem__):
        inside = list(group)
        filled = [number for number in inside if lines[number].strip()]
        if not border and filled:
            yield f"line {filled[0] + 1}", "\n".join(lines[filled[0] : filled[-1] + 1])
