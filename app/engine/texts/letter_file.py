"""A file of letters: its encoding, its format, its beginning, its rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

from app.engine.texts.encoding import Encoding, find_encoding, open_text
from app.engine.texts.tables import (
    CSV,
    JSON,
    JSONL,
    TEXT,
    Broken,
    Row,
    csv_rows,
    delimiter_of,
    first_json_rows,
    format_by_name,
    is_lines_of_json,
    json_rows,
    jsonl_rows,
    tsv_rows,
)

# Letters. A table's first row may hold a whole book.
_BEGINNING = {TEXT: 1 << 16}
_BEGINNING_OF_TABLE = 1 << 21


@dataclass(frozen=True)
class LetterFile:
    """A file of letters with its beginning."""

    path: Path
    form: str
    encoding: Encoding
    beginning: str
    cut: bool
    """There is more than the beginning."""

    @classmethod
    def of(cls, path: Path, encoding: str) -> LetterFile:
        found, form = find_encoding(path, encoding), format_by_name(path)
        with open_text(path, found.name) as file:
            beginning = file.read(_BEGINNING.get(form, _BEGINNING_OF_TABLE))
            cut = bool(file.read(1))
        if form == JSON and is_lines_of_json(beginning):
            form = JSONL
        return cls(path, form, found, beginning, cut)

    def rows(self, broken: Broken | None = None) -> Iterator[Row]:
        """All rows, one by one; only JSON is held whole. `broken` hears of those that cannot be read."""
        newline = "" if self.form == CSV else "\n"
        with open_text(self.path, self.encoding.name, newline) as file:
            yield from self._parted(file, broken=broken)

    def first_rows(self) -> Iterator[Row]:
        """The rows that stand whole in the beginning."""
        if self.form == JSON and self.cut:
            return first_json_rows(self.beginning)
        text = self.beginning[: self.beginning.rfind("\n") + 1] if self.cut else self.beginning
        return self._parted(StringIO(text, "" if self.form == CSV else "\n"), self.cut)

    def _parted(self, file: Any, cut: bool = False, broken: Broken | None = None) -> Iterator[Row]:
        name = self.path.name
        if self.form == JSON:
            return json_rows(file.read(), name, broken)
        if self.form == JSONL:
            return jsonl_rows(file, name, broken)
        if self.form == CSV:
            return csv_rows(file, name, delimiter_of(self.beginning), cut, broken)
        return tsv_rows(file, name, broken)
