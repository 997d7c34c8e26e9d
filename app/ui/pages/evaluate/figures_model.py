"""All measurements as rows for Qt's views: columns in words, sorted by their numbers, found by any of their words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import inf, isnan
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, QSortFilterProxyModel, Qt, Signal

from app.engine.evaluate.records import OBJECTIVE_WORDS
from app.session.measured import STALE, Cell, Figures, Table
from app.ui.pages.evaluate.results_model import tooltip
from app.ui.pages.evaluate.results_words import local_time
from app.ui.theme import Theme
from app.ui.widgets.number_text import number, percent_text, short_number

Index = QModelIndex | QPersistentModelIndex
_NONE = QModelIndex()
SORTED = Qt.ItemDataRole.UserRole
"""The role of what a column is sorted by."""
_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter

_Words = Callable[[Any], str]


def _places(decimals: int) -> _Words:
    return lambda value: "" if isnan(value) else number(value, decimals)


def _short(value: float) -> str:
    return "" if isnan(value) else short_number(value)


def _percent(value: float) -> str:
    return "" if isnan(value) else percent_text(value)


def _count(value: int) -> str:
    return f"{value:,}"


def _kind(value: str) -> str:
    return OBJECTIVE_WORDS.get(value, value)


@dataclass(frozen=True)
class Column:
    """A column of the list: a field of `Figures`, its heading, and how a value is written."""

    field: str
    heading: str
    words: _Words = str
    tip: str = ""
    numeric: bool = False
    hidden: bool = False
    """Until it is asked for."""


COLUMNS = (
    Column("model", "Model"),
    Column("text", "Text"),
    Column("objective", "Objective", _kind, "What a token's surprise is conditioned on: each kind is ranked by itself"),
    Column("bits_per_byte", "Bits/byte", _places(3), "All surprise in bits over the bytes of the text", True),
    Column("standard_error", "±", _places(3), "Standard error of bits per byte", True),
    Column("perplexity", "Perplexity", _short, "e to the mean surprise of a token", True),
    Column("nats_per_token", "Nats/token", _places(3), "Cross-entropy: the mean surprise of a token", True),
    Column("word_perplexity", "Word ppl", _short, "e to the surprise per word", True),
    Column("byte_perplexity", "Byte ppl", _short, "e to the surprise per byte", True),
    Column("accuracy", "Accuracy", _percent, "Tokens that were the model's first choice", True),
    Column("top5", "Top 5", _percent, "Tokens among the model's first five choices", True),
    Column("entropy", "Entropy, nats", _places(3), "Nats: how unsure the model was on average", True),
    Column("calibration_error", "Calibration error", _places(3), "How far its confidence is off, on average", True),
    Column("tokens", "Tokens", _count, "Tokens that were scored", True),
    Column("bytes", "Bytes", _count, "", True),
    Column("window", "Window", _count, "Tokens that a window holds", True),
    Column("stride", "Stride", _count, "How far the next window begins after this one", True),
    Column("plan", "Plan"),
    Column("precision", "Precision"),
    Column("device", "Device"),
    Column("seconds", "Seconds", _short, "", True),
    Column("when", "Measured", local_time),
    Column("versions", "Versions"),
    Column("ref", "Opened from", hidden=True),
    Column("family", "Family", hidden=True),
    Column("parameters", "Parameters", _count, "", True, True),
    Column("vocabulary", "Vocabulary", _count, "", True, True),
    Column("words", "Words", _count, "", True, True),
    Column("records", "Records", _count, "", True, True),
    Column("skipped", "Skipped", _count, "Records too short to be scored", True, True),
    Column("note", "Note", str, "Your own words: double-click or F2"),
)
_OBJECTIVES = tuple(OBJECTIVE_WORDS)
_SURPRISE = frozenset(
    (
        "bits_per_byte",
        "perplexity",
        "nats_per_token",
        "word_perplexity",
        "byte_perplexity",
        "accuracy",
        "top5",
        "entropy",
    )
)
"""Figures of one objective are no better or worse than those of another."""
NOTE = len(COLUMNS) - 1


class FiguresModel(QAbstractTableModel):
    """A row for each cell of the table that has figures, those of before a change too."""

    note_written = Signal(str, str)
    """The key of a measurement and what was written about it."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self.rows: list[tuple[Figures, str]] = []
        """A measurement, and what has changed since, '' where nothing has."""

    def set_table(self, table: Table) -> None:
        """Show its measurements. Rows that were there before stay as they are, with a note that is being written."""
        cells = [cell for row in table.cells for cell in row]
        rows = [(cell.figures, _change(cell)) for cell in cells if cell.figures is not None]
        before, after = _names(self.rows), _names(rows)
        kept = set(before) & set(after)
        if not kept or [name for name in before if name in kept] != [name for name in after if name in kept]:
            self.beginResetModel()
            self.rows = rows
            self.endResetModel()
            return
        for place in reversed(range(len(before))):
            if before[place] not in kept:
                self.beginRemoveRows(_NONE, place, place)
                del self.rows[place]
                self.endRemoveRows()
        for place, (name, row) in enumerate(zip(after, rows, strict=True)):
            if name not in kept:
                self.beginInsertRows(_NONE, place, place)
                self.rows.insert(place, row)
                self.endInsertRows()
            elif self.rows[place] != row:
                self.rows[place] = row
                self.dataChanged.emit(self.index(place, 0), self.index(place, NOTE))

    def longest(self, place: int) -> str:
        """The longest words in a column."""
        column = COLUMNS[place]
        return max((column.words(getattr(figures, column.field)) for figures, _ in self.rows), key=len, default="")

    def rowCount(self, parent: Index = _NONE) -> int:
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: Index = _NONE) -> int:
        return 0 if parent.isValid() else len(COLUMNS)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        column, (figures, change) = COLUMNS[index.column()], self.rows[index.row()]
        value = getattr(figures, column.field)
        answers: dict[int, Callable[[], object]] = {
            Qt.ItemDataRole.DisplayRole: lambda: column.words(value),
            Qt.ItemDataRole.EditRole: lambda: column.words(value),
            # What is not known comes after everything that is.
            SORTED: lambda: inf if isinstance(value, float) and isnan(value) else value,
            Qt.ItemDataRole.TextAlignmentRole: lambda: _RIGHT if column.numeric else _LEFT,
            Qt.ItemDataRole.ForegroundRole: lambda: self._theme.color("ink3" if change else "ink"),
            Qt.ItemDataRole.FontRole: lambda: self._theme.font(12, mono=column.numeric),
            Qt.ItemDataRole.ToolTipRole: lambda: self._tip(column, value, change),
        }
        answer = answers.get(role)
        return answer() if answer is not None else None

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation == Qt.Orientation.Vertical:
            return str(section + 1) if role == Qt.ItemDataRole.DisplayRole else None
        column = COLUMNS[section]
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _RIGHT if column.numeric else _LEFT
        if role == Qt.ItemDataRole.DisplayRole:
            return column.heading
        return column.tip if role == Qt.ItemDataRole.ToolTipRole else None

    def flags(self, index: Index) -> Qt.ItemFlag:
        flags = super().flags(index)
        return flags | Qt.ItemFlag.ItemIsEditable if index.column() == NOTE else flags

    def setData(self, index: Index, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        figures, change = self.rows[index.row()]
        if role != Qt.ItemDataRole.EditRole or index.column() != NOTE or value == figures.note:
            return False
        self.rows[index.row()] = replace(figures, note=str(value)), change
        self.dataChanged.emit(index, index)
        self.note_written.emit(figures.key, str(value))
        return True

    def _tip(self, column: Column, value: Any, change: str) -> str | None:
        words = column.words(value)
        lines = [words if column.field == "note" or not column.numeric else f"{column.heading}: {value:,}"]
        return tooltip([*lines, f"Changed since it was measured: {change}"] if change else lines) if words else None


class FiguresFilter(QSortFilterProxyModel):
    """Rows that hold every word of the filter in some column that is shown."""

    def __init__(self) -> None:
        super().__init__()
        self._wanted: list[str] = []
        self._columns = [place for place, column in enumerate(COLUMNS) if not column.hidden]
        self.setSortRole(SORTED)
        self.setSortCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)

    def set_words(self, text: str) -> None:
        """Filter by these words."""
        self.beginFilterChange()
        self._wanted = text.casefold().split()
        self.endFilterChange()

    def set_columns(self, places: list[int]) -> None:
        """Look into these columns."""
        self.beginFilterChange()
        self._columns = places
        self.endFilterChange()

    def lessThan(self, left: Index, right: Index) -> bool:
        """Each objective by itself, in one order whichever way is sorted."""
        if COLUMNS[left.column()].field not in _SURPRISE:
            return super().lessThan(left, right)
        model = self.sourceModel()
        assert isinstance(model, FiguresModel)
        first, second = (_OBJECTIVES.index(model.rows[index.row()][0].objective) for index in (left, right))
        if first == second:
            return super().lessThan(left, right)
        return (first < second) == (self.sortOrder() == Qt.SortOrder.AscendingOrder)

    def filterAcceptsRow(self, row: int, parent: Index) -> bool:
        if not self._wanted:
            return True
        model = self.sourceModel()
        texts = [str(model.index(row, column, parent).data()).casefold() for column in self._columns]
        return all(any(word in text for text in texts) for word in self._wanted)


def _change(cell: Cell) -> str:
    return (cell.error or "its inputs are others now") if cell.state == STALE else ""


def _names(rows: Sequence[tuple[Figures, str]]) -> list[tuple[str, int]]:
    """A name for each row: its key, numbered where the same was measured in two cells."""
    seen: Counter[str] = Counter()
    names = []
    for figures, _ in rows:
        seen[figures.key] += 1
        names.append((figures.key, seen[figures.key]))
    return names
