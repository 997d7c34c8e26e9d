"""Rows of files of letters: JSONL, JSON, CSV, TSV. A row is its place ("line 12") and its values by column."""

from __future__ import annotations

import csv
import io
import json
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import count, islice
from pathlib import Path
from typing import Any, TextIO

from app.engine.errors import UserError

Row = tuple[str, Mapping[str, Any]]
Broken = Callable[[str, UserError], None]
"""Hears of a row that cannot be read, by its place, where the others are still wanted; without one it is raised."""

TEXT, JSONL, JSON, CSV, TSV, PARQUET, DATASET = "text", "jsonl", "json", "csv", "tsv", "parquet", "dataset"
_SUFFIXES = {".jsonl": JSONL, ".ndjson": JSONL, ".json": JSON, ".csv": CSV, ".tsv": TSV, ".tab": TSV}
_SUFFIXES |= {".parquet": PARQUET, ".pq": PARQUET}

# The most that a 32-bit C long holds, which is what Windows has.
_LARGEST_FIELD = 2**31 - 1
_DELIMITERS = ",;\t"
_SNIFFED = 20


def format_by_name(path: Path) -> str:
    """What a file's ending says."""
    return _SUFFIXES.get(path.suffix.lower(), TEXT)


def is_lines_of_json(beginning: str) -> bool:
    """Whether a file called .json holds an object a line, as many on the hub do."""
    first, _, rest = beginning.strip().partition("\n")
    try:
        return isinstance(json.loads(first), dict) and rest.lstrip().startswith("{")
    except (ValueError, RecursionError):
        return False


def jsonl_rows(file: TextIO, name: str, broken: Broken | None = None) -> Iterator[Row]:
    """An object a line; empty lines are passed over."""
    for number, line in enumerate(file, 1):
        if not line.strip():
            continue
        place = f"line {number}"
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            wrong = f"{name}, {place}: this is not valid JSON ({_why(error)})."
            _tell(broken, place, UserError(wrong, "Mend or remove that line."))
            continue
        if not isinstance(row, dict):
            wrong = f"{name}, {place}: expected an object such as {{“text”: …}}, found {kind_of(row)}."
            remedy = "Each line holds one object; a plain text belongs in a .txt file."
            _tell(broken, place, UserError(wrong, remedy))
            continue
        yield place, row


def json_rows(text: str, name: str, broken: Broken | None = None) -> Iterator[Row]:
    """The objects of a list, or of the single list inside an object."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        line = getattr(error, "lineno", 1)
        raise UserError(
            f"{name}, line {line}: this is not valid JSON ({_why(error)}).", "Mend it, or fetch the file again."
        ) from None
    shape = "Write a list of objects, [{“text”: …}, …], or one object a line into a .jsonl file."
    if isinstance(data, dict):
        lists = {key: value for key, value in data.items() if isinstance(value, list)}
        if len(lists) != 1:
            which = f"{len(lists)} lists ({named(lists)})" if lists else "no list"
            raise UserError(f"{name} is an object with {which} inside; expected a single one.", shape)
        data = next(iter(lists.values()))
    if not isinstance(data, list):
        raise UserError(f"{name} holds {kind_of(data)}; expected a list of objects.", shape)
    for number, row in enumerate(data, 1):
        place = f"row {number}"
        if not isinstance(row, dict):
            _tell(broken, place, UserError(f"{name}, {place}: expected an object, found {kind_of(row)}.", shape))
            continue
        yield place, row


def first_json_rows(beginning: str) -> Iterator[Row]:
    """The first objects of a JSON list that is too long to be looked at whole; none where it cannot be told."""
    decoder, found = json.JSONDecoder(), re.search(r"\[\s*(?=\{)", beginning)
    at, number = (found.end() if found else len(beginning)), 0
    while beginning.startswith("{", at):
        try:
            row, at = decoder.raw_decode(beginning, at)
        except (ValueError, RecursionError):
            return
        number += 1
        yield f"row {number}", row
        parted = re.compile(r"\s*,\s*").match(beginning, at)
        at = parted.end() if parted else len(beginning)


def csv_rows(file: TextIO, name: str, delimiter: str, cut: bool = False, broken: Broken | None = None) -> Iterator[Row]:
    """Rows under a header, fields in double quotes where need be. `cut`: a last row without its end is left out."""
    csv.field_size_limit(_LARGEST_FIELD)
    lines = _csv_lines(_Lines(file), delimiter, name, cut, broken)
    yield from _under_header(lines, name, "The quotes around a field may be missing.", broken)


def tsv_rows(file: TextIO, name: str, broken: Broken | None = None) -> Iterator[Row]:
    """Rows under a header, parted by tabs; a quote is a letter like any other."""
    lines = ((number, line.removesuffix("\n").removesuffix("\r")) for number, line in enumerate(file, 1))
    yield from _under_header(
        ((number, line.split("\t")) for number, line in lines if line),
        name,
        "A text in a .tsv file cannot hold tabs or line ends; write it as CSV or JSONL.",
        broken,
    )


def delimiter_of(beginning: str) -> str:
    """The comma, semicolon or tab that parts a CSV's header; the one whose rows are as long as it, if several do."""

    def fits(delimiter: str) -> tuple[float, int]:
        csv.field_size_limit(_LARGEST_FIELD)
        rows = [row for row in islice(csv.reader(io.StringIO(beginning, ""), delimiter=delimiter), _SNIFFED) if row]
        fields = len(rows[0]) if rows else 0
        return (sum(len(row) == fields for row in rows) / len(rows), fields) if fields > 1 else (0.0, 0)

    return max(_DELIMITERS, key=fits)


def text_columns(rows: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """The columns whose values are texts, told from some rows: not numbers, not numbers written as texts."""
    values: dict[str, list[Any]] = {}
    for row in rows:
        for column, value in flat(row).items():
            values.setdefault(column, []).append(value)
    return tuple(column for column, found in values.items() if _are_texts(found))


def flat(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row with the objects inside it opened: {"translation": {"en": …}} has the column "translation.en"."""
    values: dict[str, Any] = {}
    for column, value in row.items():
        if isinstance(value, Mapping):
            values |= {f"{column}.{inner}": of_inner for inner, of_inner in value.items()}
        else:
            values[column] = value
    return values


def no_rows(name: str) -> UserError:
    """What is said of a table without a row."""
    return UserError(f"{name} has no rows.", "Choose a file with text in it.")


def named(columns: Iterable[str]) -> str:
    """Columns as a person reads them, not more than a line of them."""
    short = [column if len(column) <= 40 else f"{column[:40]}…" for column in columns]
    return ", ".join(short[:12]) + (f" and {len(short) - 12} more" if len(short) > 12 else "")


def kind_of(value: object) -> str:
    """What a value is, in words."""
    if isinstance(value, bool):
        return "a truth value"
    words: tuple[tuple[type | tuple[type, ...], str], ...] = (
        ((int, float), "a number"),
        (str, "a text"),
        ((list, tuple), "a list"),
        (Mapping, "an object"),
        (bytes, "bytes"),
        (type(None), "nothing (null)"),
    )
    return next((word for kinds, word in words if isinstance(value, kinds)), f"a {type(value).__name__}")


class _Lines(Iterator[str]):
    """A file's lines, which can be read again from the second line of a row on."""

    def __init__(self, file: TextIO) -> None:
        self._file = iter(file)
        self._again: deque[str] = deque()
        self._row: list[str] = []
        self.number = 0
        """How many were read."""

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else next(self._file)
        self._row.append(line)
        self.number += 1
        return line

    def begin_row(self) -> None:
        """The next line is the first of a row."""
        self._row.clear()

    def leave_first(self) -> None:
        """Give back every line of the row but its first: a quote that was never closed has swallowed them."""
        self._again.extendleft(reversed(self._row[1:]))
        self.number -= len(self._row) - 1


def _csv_lines(
    lines: _Lines, delimiter: str, name: str, cut: bool, broken: Broken | None
) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    for first in count():
        lines.begin_row()
        start = lines.number + 1
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            if cut and "unexpected end" in str(error):
                return
            wrong = f"{name}, line {start}: the quotes do not add up in the row that begins here ({error})."
            remedy = "A quote inside a field is written twice, and the field stands between quotes."
            # Without a header no other row can be read either.
            _tell(broken if first else None, f"line {start}", UserError(wrong, remedy))
            lines.leave_first()
            continue
        if fields:
            yield start, fields


def _under_header(
    lines: Iterator[tuple[int, list[str]]], name: str, remedy: str, broken: Broken | None
) -> Iterator[Row]:
    """Each line's fields by the names that the first line gives them."""
    _, header = next(lines, (0, []))
    twice = {column for column in header if column and header.count(column) > 1}
    if twice:
        raise UserError(f"{name} has more than one column “{min(twice)}”.", "Give each column a name of its own.")
    for number, fields in lines:
        place = f"line {number}"
        if len(fields) != len(header):
            wrong = f"{len(fields)} fields, but the header has {len(header)} ({named(header)})."
            _tell(broken, place, UserError(f"{name}, {place}: {wrong}", f"Mend that line. {remedy}"))
            continue
        yield place, dict(zip(header, fields, strict=True))


def _tell(broken: Broken | None, place: str, error: UserError) -> None:
    """Tell of a row that cannot be read, or raise it where nobody listens."""
    if broken is None:
        raise error
    broken(place, error)


def _are_texts(values: list[Any]) -> bool:
    is_number: Callable[[str], object] = re.compile(r"\s*([-+]?[\d.,]+(e[-+]?\d+)?%?\s*)?", re.IGNORECASE).fullmatch
    return any(isinstance(value, str) and not is_number(value) for value in values)


def _why(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg[:1].lower()}{error.msg[1:].removesuffix(' at')} at character {error.colno}"
    return "nested too deeply" if isinstance(error, RecursionError) else str(error)
