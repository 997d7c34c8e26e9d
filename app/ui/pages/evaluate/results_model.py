"""The table of models and texts as Qt's views and screen readers read it."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt

from app.session.measured import DONE, RUNNING, STALE, Cell, ColumnHead, RowHead, Table
from app.ui.pages.evaluate.results_words import (
    BITS,
    STATE_WORDS,
    cell_tip,
    cell_words,
    decimals_of,
    large_and_small,
    ticked,
)

Index = QModelIndex | QPersistentModelIndex
_NONE = QModelIndex()
_ALIGNED = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


def tooltip(lines: Sequence[str]) -> str:
    """Lines as a tooltip that Qt wraps, whatever signs they hold."""
    return f"<qt>{'<br>'.join(html.escape(line) for line in lines)}</qt>"


class ResultsModel(QAbstractTableModel):
    """Rows are models, columns are texts; `measure` is what a cell shows large."""

    def __init__(self) -> None:
        super().__init__()
        self.table = Table()
        self.measure = BITS
        self.decimals = 2

    def set_table(self, table: Table) -> None:
        """Show this. The views keep scroll and selection where models and texts are the same as before."""
        before, self.decimals = self.table, decimals_of(table)
        if _names(before) != _names(table):
            self.beginResetModel()
            self.table = table
            self.endResetModel()
            return
        self.table = table
        self._all_changed()
        if (before.rows, before.columns) != (table.rows, table.columns):
            for orientation, heads in (
                (Qt.Orientation.Vertical, table.rows),
                (Qt.Orientation.Horizontal, table.columns),
            ):
                if heads:
                    self.headerDataChanged.emit(orientation, 0, len(heads) - 1)

    def set_measure(self, measure: str) -> None:
        """Make bits per byte or perplexity the large number."""
        self.measure = measure
        self._all_changed()

    def cell(self, index: Index) -> Cell:
        """The cell at an index."""
        return self.table.cells[index.row()][index.column()]

    def is_ticked(self, index: Index) -> bool:
        """Whether the cell at an index carries the tick."""
        return ticked(self.table, index.row(), index.column(), self.measure)

    def rowCount(self, parent: Index = _NONE) -> int:
        return 0 if parent.isValid() else len(self.table.rows)

    def columnCount(self, parent: Index = _NONE) -> int:
        return 0 if parent.isValid() else len(self.table.columns)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if role == Qt.ItemDataRole.DisplayRole:
            return self._shown(index)
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return cell_words(self.table, index.row(), index.column(), self.decimals)
        if role == Qt.ItemDataRole.ToolTipRole:
            return tooltip(cell_tip(self.table, index.row(), index.column()))
        return _ALIGNED if role == Qt.ItemDataRole.TextAlignmentRole else None

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        across = orientation == Qt.Orientation.Horizontal
        head = self.table.columns[section] if across else self.table.rows[section]
        if role == Qt.ItemDataRole.DisplayRole:
            return head.name
        if role not in (Qt.ItemDataRole.AccessibleTextRole, Qt.ItemDataRole.ToolTipRole):
            return None
        lines = column_lines(head) if isinstance(head, ColumnHead) else row_lines(head)
        return tooltip(lines) if role == Qt.ItemDataRole.ToolTipRole else ", ".join(lines)

    def _shown(self, index: Index) -> str:
        cell = self.cell(index)
        if cell.state == RUNNING:
            return f"{100 * cell.share:.0f}%"
        if cell.figures is None or cell.state not in (DONE, STALE):
            return STATE_WORDS.get(cell.state, cell.state)
        return large_and_small(cell.figures, self.measure, self.decimals)[0]

    def _all_changed(self) -> None:
        if self.table.rows and self.table.columns:
            last = self.index(len(self.table.rows) - 1, len(self.table.columns) - 1)
            self.dataChanged.emit(self.index(0, 0), last)


def row_lines(head: RowHead) -> list[str]:
    """What is known of a model, line by line."""
    contender = head.contender
    lines = [f"{contender.slot}, {head.name}" if contender.slot else head.name]
    if contender.ref != head.name:
        lines.append(contender.ref)
    lines += [head.facts] if head.facts else []
    return [*lines, f"vocab {head.vocabulary:,}"] if head.vocabulary else lines


def column_lines(head: ColumnHead) -> list[str]:
    """What is known of a text, line by line."""
    lines = [head.name, *([head.facts] if head.facts else [])]
    return [*lines, f"Cannot be read: {head.problem}"] if head.problem else lines


def _names(table: Table) -> tuple[list[object], list[str]]:
    return [row.contender for row in table.rows], [column.name for column in table.columns]
