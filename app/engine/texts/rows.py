"""The rows of a source with all their columns, as a person who maps columns needs them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

from app.engine.texts.encoding import open_text
from app.engine.texts.hub import dataset_rows
from app.engine.texts.letter_file import LetterFile
from app.engine.texts.parquet import is_parquet, parquet_rows
from app.engine.texts.records import HUB, PASTED, TextSource
from app.engine.texts.tables import TEXT, Broken, Row

WHOLE = ""
"""The place of a plain text, which is one row with its letters in the column “text”."""
_SPLITS = ("train", "validation", "test")


def rows_of(source: TextSource, broken: Broken | None = None) -> Iterator[Row]:
    """At most `source.limit` rows, read when they are asked for; of a dataset, "train" where no split is named.

    `broken` hears of rows that cannot be read. Raises UserError for what cannot be read at all.
    """
    return islice(_all_rows(replace(source, column="", source_column=""), broken), source.limit)


def _all_rows(source: TextSource, broken: Broken | None) -> Iterator[Row]:
    if source.kind == PASTED:
        yield WHOLE, {TEXT: source.text}
        return
    if source.kind == HUB:
        yield from dataset_rows(source, _SPLITS)
        return
    path = Path(source.path)
    if is_parquet(path):
        yield from parquet_rows(path, None)
    elif (file := LetterFile.of(path, source.encoding)).form == TEXT:
        with open_text(path, file.encoding.name) as letters:
            yield WHOLE, {TEXT: letters.read()}
    else:
        yield from file.rows(broken)
