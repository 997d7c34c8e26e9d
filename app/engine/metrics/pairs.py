"""Pairs of hypothesis and references, read from lines or from rows of a table, and checked."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from app.engine.errors import UserError
from app.engine.metrics.records import TextPair

_BETWEEN = re.compile(r"\t|\|\|\|")
"""Parts the references of one line: tabs are in files, "|||" can be typed and seen."""


def pairs_from_lines(hypotheses: str, references: str) -> tuple[TextPair, ...]:
    """One hypothesis a line, and on the same line of the other text its references, several parted by tabs or "|||".

    Blank lines at the end are no lines, and one that is blank in both texts is left out.
    """
    written, wanted = lines(hypotheses), lines(references)
    while wanted and not wanted[-1].strip():
        wanted.pop()
    # A hypothesis may be empty; one that nothing stands beside is a line break too many.
    while len(written) > len(wanted) and not written[-1].strip():
        written.pop()
    if not wanted:
        raise UserError("There are no references.", "Write one beside every hypothesis, each on its own line.")
    if len(written) != len(wanted):
        raise UserError(
            f"There are {_counted(len(written), 'hypothesis', 'hypotheses')} "
            f"and {_counted(len(wanted), 'line')} of references.",
            "Line by line they belong together, so both need the same number.",
        )
    return checked(
        TextPair(written[line], tuple(_BETWEEN.split(wanted[line])), line + 1)
        for line in range(len(written))
        if written[line].strip() or wanted[line].strip()
    )


def pairs_from_rows(
    rows: Iterable[Mapping[str, Any]], hypothesis: str, references: Sequence[str]
) -> tuple[TextPair, ...]:
    """Pairs from a table's rows: the column of the hypothesis, and those of references; a cell may be a list of them.

    A reference that is missing or None is left out, so rows may differ in how many they have.
    """
    if not references:
        raise UserError("No column is named as the reference.", "Choose at least one.")
    pairs = []
    for line, row in enumerate(rows, 1):
        if hypothesis not in row:
            raise UserError(
                f"Row {line} has no column “{hypothesis}”.", f"Its columns are {', '.join(map(str, row)) or 'none'}."
            )
        wanted = [text for column in references for text in _texts(row.get(column))]
        pairs.append(TextPair(" ".join(_texts(row[hypothesis])), tuple(wanted), line))
    return checked(pairs)


def checked(pairs: Iterable[TextPair]) -> tuple[TextPair, ...]:
    """The pairs without blank references; a `UserError` where there is nothing to measure or to measure against."""
    kept = []
    for place, pair in enumerate(pairs, 1):
        references = tuple(text.strip() for text in pair.references if text.strip())
        if not references:
            where = f"Line {pair.line}" if pair.line else f"Pair {place}"
            raise UserError(f"{where} has no reference.", "Every hypothesis needs at least one.")
        kept.append(TextPair(pair.hypothesis, references, pair.line))
    if not kept:
        raise UserError("There is no text to measure.", "Write or open at least one hypothesis and its reference.")
    if not any(pair.hypothesis.strip() for pair in kept):
        raise UserError("Every hypothesis is empty.", "Write or open what is to be measured.")
    return tuple(kept)


def lines(text: str) -> list[str]:
    """Lines as editors count them. `str.splitlines` would also break at form feeds and at U+2028, inside a sentence."""
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def _texts(cell: Any) -> list[str]:
    if cell is None:
        return []
    if isinstance(cell, (list, tuple)):
        return [str(each) for each in cell if each is not None]
    return [str(cell)]


def _counted(count: int, one: str, many: str = "") -> str:
    return f"{count:,} {one if count == 1 else many or f'{one}s'}"
