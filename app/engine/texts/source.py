"""A source of texts: what it is at a look, its records one by one, and how to tell that it changed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Generator, Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import chain, islice
from pathlib import Path
from typing import Any

from app.engine.errors import UserError
from app.engine.texts.encoding import open_text
from app.engine.texts.files import facts_of, nothing_to_read, os_errors
from app.engine.texts.hub import dataset_rows
from app.engine.texts.letter_file import LetterFile
from app.engine.texts.long_text import long_text
from app.engine.texts.parquet import is_parquet, parquet_columns, parquet_rows
from app.engine.texts.records import FILE, HUB, PASTED, LongText, Record, SourceFacts, TextSource
from app.engine.texts.tables import PARQUET, TEXT, Row, flat, kind_of, named, no_rows, text_columns

_PREVIEW = 500
_PEEK = 20

_USUAL_COLUMNS = ("text", "content", "sentence", "story", "document", "article", "body", "review")
_MISSING = object()


class Records(Iterator[Record]):
    """The records of a source, read when they are asked for. Raises UserError then, not when it is made."""

    def __init__(self, source: TextSource, whole: bool = True, empty: bool = False) -> None:
        self.skipped = 0
        """Rows so far that were passed over because their text, or what the model would read, is empty."""
        self.column = self.encoding = ""
        """Which column of a table is read, and in which encoding a file, once the first record was."""
        self._source, self._whole, self._empty = source, whole, empty
        self._records = self._read()

    def __next__(self) -> Record:
        return next(self._records)

    def close(self) -> None:
        """Leave the file before its end."""
        self._records.close()

    def _read(self) -> Generator[Record, None, None]:
        source = self._source
        if source.kind == PASTED:
            yield replace(_whole(source.text, "The pasted text"), source=source.source_text)
        elif source.kind == HUB:
            yield from self._of_rows(dataset_rows(source), source)
        elif source.kind == FILE:
            path = Path(source.path)
            if is_parquet(path):
                source = source if source.column else replace(source, column=_parquet_column(path, source))
                columns = [column for column in (source.column, source.source_column) if column]
                yield from self._of_rows(parquet_rows(path, columns), source)
                return
            file = LetterFile.of(path, source.encoding)
            self.encoding = file.encoding.name
            if file.form == TEXT:
                long = None if self._whole else long_text(path, file.encoding.name)
                if long is not None:
                    yield Record("", long=long)
                    return
                with open_text(path, file.encoding.name) as letters:
                    text = letters.read()
                yield _whole(text, path.name)
            else:
                yield from self._of_rows(file.rows(), source)
        else:
            raise ValueError(f"no such kind of source: {source.kind}")

    def _of_rows(self, rows: Iterator[Row], source: TextSource) -> Iterator[Record]:
        name = Path(source.path).name if source.kind == FILE else source.path
        rows = islice(rows, source.limit)
        first = list(islice(rows, _PEEK))
        if not first:
            raise no_rows(name)
        column = source.column or choose_column(text_columns(row for _, row in first), name, source.source_column)
        self.column = column
        found = False
        for place, row in chain(first, rows):
            text = _text_in(row, column, f"{name}, {place}")
            read = _text_in(row, source.source_column, f"{name}, {place}") if source.source_column else ""
            if not text.strip() or (source.source_column and not read.strip()):
                self.skipped += 1
                if self._empty:
                    yield Record("", "", place)
                continue
            found = True
            yield Record(text, read, place)
        if not found:
            raise UserError(f"{name} has no row with a text in “{column}”.", "Choose another column or another file.")


def records(source: TextSource, whole: bool = True, empty: bool = False) -> Records:
    """The texts of a source: of a plain text one, of a table one a row, however large it is. A large plain text comes
    as a `LongText` where it need not be `whole`; rows without a text are passed over unless `empty` ones count."""
    return Records(source, whole, empty)


def look(path: str | Path, encoding: str = "") -> SourceFacts:
    """What a file is, from its beginning (of Parquet the schema). Raises UserError for what is not a text."""
    path = Path(path)
    size = facts_of(path).st_size
    if is_parquet(path):
        return SourceFacts(path.name, size, PARQUET, "", False, parquet_columns(path), "")
    file = LetterFile.of(path, encoding)
    if file.form == TEXT:
        if not file.cut and not file.beginning.strip():
            raise nothing_to_read(path.name)
        columns: tuple[str, ...] = ()
        preview = file.beginning
    else:
        rows = [flat(row) for _, row in islice(file.first_rows(), _PEEK)]
        if not rows and not file.cut:
            raise no_rows(path.name)
        columns = text_columns(rows)
        column = next(iter(_by_use(columns)), "")
        preview = next((row[column] for row in rows if isinstance(row.get(column), str) and row[column]), "")
    return SourceFacts(
        path.name,
        size,
        file.form,
        file.encoding.name,
        file.encoding.guessed,
        columns,
        preview[:_PREVIEW],
        file.encoding.others,
    )


def choose_column(columns: tuple[str, ...], name: str, besides: str = "") -> str:
    """The column that is meant when none is named: "text", the only one, or one that is usually called so."""
    columns = tuple(column for column in columns if column != besides)
    if not columns:
        raise UserError(f"{name} has no column of texts.", "Choose another file, or name the column.")
    best = _by_use(columns)[0]
    if len(columns) > 1 and best.lower() not in _USUAL_COLUMNS:
        raise UserError(
            f"{name} has {len(columns)} columns of texts, and none is called “text”.",
            f"Choose one of: {named(columns)}.",
        )
    return best


def fingerprint(source: TextSource) -> str:
    """64 hexadecimal digits that change when the source does. A file is not read for it: its size and time are asked.

    What comes over the network is the same as long as its name and its `revision` are. Raises UserError when a file is
    gone.
    """
    if source.kind == PASTED:
        pasted = "\x1f".join(part for part in (source.text, source.source_text) if part)
        return hashlib.sha256(pasted.encode("utf-8", "surrogatepass")).hexdigest()
    path = Path(source.path)
    if source.kind == FILE:
        with os_errors(path):
            files = [path.resolve(strict=True)]
    else:
        with os_errors(path):
            files = sorted(file for file in path.resolve().rglob("*") if file.is_file()) if path.is_dir() else []
    stands: list[Any] = []
    for file in files:
        with os_errors(file):
            facts = file.stat()
        stands.append([str(file), facts.st_size, facts.st_mtime_ns])
    asked = [source.kind, source.column, source.source_column, source.encoding, source.limit]
    if source.kind == HUB:
        asked += [source.path, source.config, source.split, source.revision]
    return hashlib.sha256(json.dumps([asked, stands]).encode()).hexdigest()


class ContentHash:
    """The SHA-256 of what records say, taken while they pass; where one ends and the next begins counts."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()

    def add(self, record: Record) -> None:
        for _ in self.passing(record).pieces():
            pass

    def passing(self, record: Record) -> Record:
        """The same record, which counts once all its pieces were read."""
        size = record.long.bytes if record.long is not None else len(record.text.encode())
        return replace(record, text="", long=LongText(size, lambda: self._hashed(record, size)))

    def _hashed(self, record: Record, size: int) -> Iterator[str]:
        source = record.source.encode()
        self._hash.update(len(source).to_bytes(8, "little") + source + size.to_bytes(8, "little"))
        for piece in record.pieces():
            self._hash.update(piece.encode())
            yield piece

    def hexdigest(self) -> str:
        return self._hash.hexdigest()


def content_hash(of: Iterable[Record]) -> str:
    """The ContentHash of all these records."""
    total = ContentHash()
    for record in of:
        total.add(record)
    return total.hexdigest()


def _by_use(columns: tuple[str, ...]) -> list[str]:
    """Columns with those first that are usually the text."""
    rank = {name: place for place, name in enumerate(_USUAL_COLUMNS)}
    return sorted(columns, key=lambda column: rank.get(column.lower(), len(rank)))


def _parquet_column(path: Path, source: TextSource) -> str:
    return choose_column(parquet_columns(path), path.name, source.source_column)


def _whole(text: str, name: str) -> Record:
    """A text that is one record."""
    if not text.strip():
        raise nothing_to_read(name)
    return Record(sound(text, name))


def _text_in(row: Mapping[str, Any], column: str, where: str) -> str:
    """The text of one column, '' where it is null."""
    value = row[column] if column in row else flat(row).get(column, _MISSING)
    if value is _MISSING:
        raise UserError(f"{where}: there is no “{column}” here.", f"Choose one of: {named(flat(row))}.")
    if value is None:
        return ""
    if not isinstance(value, str):
        raise UserError(f"{where}: “{column}” is not a text but {kind_of(value)}.", "Choose a column of texts.")
    return sound(value, where)


def sound(text: str, where: str) -> str:
    """The text, if its letters can be written in UTF-8: JSON can name halves of letters (\\ud83d)."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise UserError(
            f"{where}: letter {error.start + 1:,} is half of a surrogate pair (\\u{ord(text[error.start]):04x}).",
            "Mend or remove that text: a letter was cut in two when it was written.",
        ) from None
    return text
