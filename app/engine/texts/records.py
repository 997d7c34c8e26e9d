"""A text to measure or to learn from: where it comes from and what it is, without reading it. Needs no torch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

PASTED, FILE, HUB = "pasted", "file", "hub"


@dataclass(frozen=True)
class TextSource:
    """Where a text comes from. It is read when it is needed; a changed file is another text."""

    kind: str
    """PASTED, FILE or HUB."""
    name: str
    """How it is called in a table; the file's name, or the first words of what was pasted."""
    text: str = ""
    """What was pasted."""
    source_text: str = ""
    """What was pasted beside it, for a model that reads one text and writes another."""
    path: str = ""
    """The file, or the dataset's id on the hub."""
    column: str = ""
    """Which column or key of a table's rows is the text; '' for a plain text."""
    source_column: str = ""
    """For a model that reads one text and writes another: the column of what it reads; '' for none."""
    encoding: str = ""
    """'' finds it out."""
    split: str = ""
    """The split of a dataset, '' for "test" or what there is."""
    config: str = ""
    """The configuration of a dataset, '' for the only one."""
    limit: int | None = None
    """The most rows to read, None for all."""
    revision: str = ""
    """The commit of a dataset of the hub, '' for the newest."""


PIECE = 1 << 18
"""Letters that are handed on at once."""


@dataclass(frozen=True)
class LongText:
    """A text that is read when it is needed, piece by piece."""

    bytes: int
    """In UTF-8."""
    read: Callable[[], Iterator[str]]
    """From its beginning, each time."""


@dataclass(frozen=True)
class Record:
    """One text of a source. A plain file is one record, a table one a row."""

    text: str
    """'' where it is `long`."""
    source: str = ""
    """What an encoder-decoder reads, '' where there is no such column."""
    place: str = ""
    """Where it stands: "line 12", "row 3"; '' for a whole file."""
    long: LongText | None = None

    def pieces(self) -> Iterator[str]:
        """The text, never more than a piece of a long one at once."""
        if self.long is not None:
            return self.long.read()
        return (self.text[at : at + PIECE] for at in range(0, len(self.text), PIECE))


@dataclass(frozen=True)
class SourceFacts:
    """What a file is, told from a look at it."""

    name: str
    size: int
    """Bytes."""
    format: str
    """ "text", "jsonl", "json", "csv", "tsv", "parquet" or "dataset"."""
    encoding: str
    """Of a file of letters: "utf-8", "cp1252"…; '' for Parquet."""
    guessed: bool
    """The encoding was told from the letters and may be wrong."""
    columns: tuple[str, ...]
    """The columns or keys whose values are texts; () for a plain text."""
    preview: str
    """The first letters of the text."""
    encodings: tuple[str, ...] = ()
    """Others in which the bytes can be read."""
