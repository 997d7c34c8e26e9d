"""From models, texts and figures to the table that is shown."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from app.engine.evaluate.records import CAUSAL, CONDITIONAL, MASKED, Plan
from app.engine.models.records import ModelSummary
from app.engine.texts.records import HUB, TextSource
from app.session import marks
from app.session.marks import Marks
from app.session.measured import (
    DONE,
    FAILED,
    NO_SOURCE,
    RUNNING,
    STALE,
    WAITING,
    Cell,
    ColumnHead,
    Contender,
    Figures,
    RowHead,
    Table,
)

_NO_SOURCE = (
    "This model writes one text from another, and the text has no source. Paste a text with its source, or "
    "right-click the text's name to choose a column of its table."
)
TIE = 0.002
"""Bits per byte nearer together than this share are a tie: all of them get the tick where somebody is behind them."""
_OBJECTIVE = {"encoder": MASKED, "encoder-decoder": CONDITIONAL}


@dataclass(frozen=True, eq=False)
class TableParts:
    """Everything that the table is made from."""

    contenders: tuple[Contender, ...]
    texts: tuple[TextSource, ...]
    found: Marks | None
    """None: the files were not looked at yet, and nothing that was measured counts."""
    plan: Plan
    figures: Mapping[str, Figures]
    """By the cells' keys, as are the next two."""
    waiting: Mapping[str, float | None]
    """The share of every cell that is to be measured, None before its turn."""
    failed: Mapping[str, str]
    """Sentences."""
    summaries: Mapping[str, ModelSummary]
    """By the slots of the models that are open."""

    def key(self, row: int, column: int) -> str:
        """The key of a cell, '' while one of its files is not there."""
        found = self.found
        if found is None or row >= len(found.models) or column >= len(found.texts):
            return ""
        return marks.key(self.contenders[row], found.models[row], found.texts[column], self.plan, found.versions)


def table_of(parts: TableParts) -> Table:
    """The table with the state of every cell, and the best of every text marked."""
    last: dict[str, Figures] = {}
    for figures in sorted(parts.figures.values(), key=lambda figures: figures.when):
        last[figures.cell] = figures
    cells = [
        [_cell(parts, row, column, last) for column in range(len(parts.texts))] for row in range(len(parts.contenders))
    ]
    rows = tuple(_row(parts, contender, line) for contender, line in zip(parts.contenders, cells, strict=True))
    return Table(rows, tuple(_column(parts, at) for at in range(len(parts.texts))), _with_best(cells))


def objective_of(summary: ModelSummary) -> str:
    """What a model's surprise is conditioned on."""
    return _OBJECTIVE.get(summary.kind, CAUSAL)


def _cell(parts: TableParts, row: int, column: int, last: Mapping[str, Figures]) -> Cell:
    key = parts.key(row, column)
    known = parts.figures.get(key) if key else None
    before = last.get(marks.cell(parts.contenders[row], parts.texts[column]))
    if key in parts.waiting:
        share = parts.waiting[key]
        return Cell(WAITING, known) if share is None else Cell(RUNNING, known, share=share)
    missing = _missing(parts, row, column)
    if known is None and not missing and _lacks_source(parts, row, column):
        return Cell(NO_SOURCE, error=_NO_SOURCE)
    if key in parts.failed:
        return Cell(FAILED, error=parts.failed[key])
    if known is not None:
        return Cell(DONE, known)
    if before is not None and (key or missing):
        return Cell(STALE, before, error=_what_changed(parts, row, column, before))
    return Cell(FAILED, error=missing) if missing else Cell()


def _lacks_source(parts: TableParts, row: int, column: int) -> bool:
    """Whether a model that writes one text from another has nothing to read: its config tells, without measuring."""
    text, found = parts.texts[column], parts.found
    if found is None or row >= len(found.kinds) or text.source_text.strip() or text.source_column:
        return False
    return _OBJECTIVE.get(found.kinds[row]) == CONDITIONAL


def _missing(parts: TableParts, row: int, column: int) -> str:
    """Why a cell cannot be measured: its model or its text is not there."""
    found = parts.found
    if found is None:
        return ""
    return found.missing[row] or found.problems[column]


def _what_changed(parts: TableParts, row: int, column: int, before: Figures) -> str:
    found = parts.found
    assert found is not None
    if row >= len(found.models) or column >= len(found.texts):
        return "The files are being looked at."
    if not found.models[row]:
        return f"The model is no longer there: {found.missing[row]}"
    if not found.texts[column]:
        gone = "cannot be compared with what was measured" if parts.texts[column].kind == HUB else "is no longer there"
        return f"The text {gone}: {found.problems[column]}"
    told = [
        what
        for what, changed in (
            ("the model's files", before.model_hash != found.models[row]),
            ("the text", before.text_mark != found.texts[column]),
            ("the windows", before.asked != marks.asked(parts.plan)),
            (f"the libraries (then {before.versions})", before.versions != found.versions),
        )
        if changed
    ]
    return f"Measured with other inputs; what changed: {', '.join(told)}."


def _row(parts: TableParts, contender: Contender, line: Sequence[Cell]) -> RowHead:
    summary = parts.summaries.get(contender.slot)
    known = next((cell.figures for cell in line if cell.figures is not None), None)
    if summary is not None:
        facts = f"{_count(summary.parameters)} · {summary.precision}"
        name = contender.name if summary.adapter is not None else summary.name
        return RowHead(contender, name, facts, summary.vocabulary, objective_of(summary))
    if known is not None:
        facts = f"{_count(known.parameters)} · {known.precision}"
        return RowHead(contender, contender.name, facts, known.vocabulary, known.objective)
    return RowHead(contender, contender.name)


def _column(parts: TableParts, at: int) -> ColumnHead:
    found = parts.found
    text = parts.texts[at]
    if found is None or at >= len(found.sizes):
        return ColumnHead(text.name)
    return ColumnHead(text.name, _size(found.sizes[at]) if found.sizes[at] else "", found.problems[at])


def _with_best(cells: Sequence[Sequence[Cell]]) -> tuple[tuple[Cell, ...], ...]:
    """The lowest bits per byte of each text among the figures of one objective, where there are two to compare."""
    marked = [list(line) for line in cells]
    for column in range(len(marked[0]) if marked else 0):
        for objective in (CAUSAL, MASKED, CONDITIONAL):
            rivals = [
                (figures.bits_per_byte, row)
                for row, line in enumerate(marked)
                if (figures := line[column].figures) is not None
                and line[column].state == DONE
                and figures.objective == objective
                and not math.isnan(figures.bits_per_byte)
            ]
            lowest = min(rivals, default=(0.0, 0))[0]
            tied = [row for bits, row in rivals if lowest >= (1 - TIE) * bits]
            for row in tied if len(tied) < len(rivals) else ():
                marked[row][column] = replace(marked[row][column], best=True)
    return tuple(tuple(line) for line in marked)


def _count(number: int) -> str:
    for unit, size in (("B", 1e9), ("M", 1e6), ("k", 1e3)):
        if number >= size:
            return f"{number / size:.3g}{unit}"
    return str(number)


def _size(number: int) -> str:
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if number >= size:
            return f"{number / size:.1f} {unit}"
    return f"{number} bytes"
