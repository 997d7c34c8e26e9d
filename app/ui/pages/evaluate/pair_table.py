"""The pairs of a report as a table that can be sorted by any score."""

from __future__ import annotations

from math import ceil
from typing import Any

from PySide6.QtCore import (
    QAbstractTableModel,
    QModelIndex,
    QPersistentModelIndex,
    QSortFilterProxyModel,
    Qt,
    Signal,
    Slot,
)
from PySide6.QtGui import QFontMetricsF
from PySide6.QtWidgets import QHeaderView, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QTableView, QWidget

from app.engine.metrics.records import PairReport
from app.ui.pages.evaluate.metrics_words import SHORT, SHOWN, shown_scores
from app.ui.theme import Theme
from app.ui.widgets.number_text import number

_Index = QModelIndex | QPersistentModelIndex
_NONE = QModelIndex()
_TEXT = 1
COLUMNS = ("#", "Hypothesis", *(SHORT.get(name, name) for name in SHOWN))
_TIPS = ("Line of the texts", "", *SHOWN)
_ROW = 26
_PADDING = 18
_ARROWS = {Qt.SortOrder.AscendingOrder: " ↑", Qt.SortOrder.DescendingOrder: " ↓"}
_SORT = Qt.ItemDataRole.UserRole


class PairModel(QAbstractTableModel):
    """Reports as Qt's tables read them, so that thousands of pairs cost nothing."""

    def __init__(self, rows: tuple[PairReport, ...] = ()) -> None:
        super().__init__()
        self.rows = rows
        self.order = (0, Qt.SortOrder.AscendingOrder)
        """The column whose heading has an arrow, and which."""

    def rowCount(self, parent: _Index = _NONE) -> int:
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: _Index = _NONE) -> int:
        return 0 if parent.isValid() else len(COLUMNS)

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        row, column = self.rows[index.row()], index.column()
        if role == Qt.ItemDataRole.TextAlignmentRole:
            side = Qt.AlignmentFlag.AlignLeft if column == _TEXT else Qt.AlignmentFlag.AlignRight
            return side | Qt.AlignmentFlag.AlignVCenter
        if role not in (Qt.ItemDataRole.DisplayRole, _SORT):
            return None
        if column == 0:
            line = row.pair.line or index.row() + 1
            return line if role == _SORT else str(line)
        if column == _TEXT:
            return " ".join(row.pair.hypothesis.split()) or ("" if role == _SORT else "(empty)")
        score = shown_scores(row)[column - 2]
        if role == _SORT:
            return score
        # "100.0" would make every column wider for the sake of a few.
        return "100" if score >= 99.95 else number(score, 1)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation != Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.TextAlignmentRole:
            side = Qt.AlignmentFlag.AlignLeft if section == _TEXT else Qt.AlignmentFlag.AlignRight
            return side | Qt.AlignmentFlag.AlignVCenter
        if role == Qt.ItemDataRole.ToolTipRole:
            return _TIPS[section]
        if role != Qt.ItemDataRole.DisplayRole:
            return None
        # In words of its own: the style would draw its arrow over the heading.
        return COLUMNS[section] + (_ARROWS[self.order[1]] if section == self.order[0] else "")


class PairTable(QTableView):
    """`chosen(row)` with the place of the pair in the report, for a click and for the arrow keys.

    A click on a heading sorts by it, another turns the order round.
    """

    chosen = Signal(int)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._sorted = QSortFilterProxyModel(self)
        self._sorted.setSortRole(_SORT)
        self._model = PairModel()
        self._sorted.setSourceModel(self._model)
        self.setModel(self._sorted)
        self.setAccessibleName("Pairs")
        self.setSelectionBehavior(QTableView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QTableView.SelectionMode.SingleSelection)
        self.setTabKeyNavigation(False)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setItemDelegate(_Cells(self))
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.verticalHeader().hide()
        self.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        header.setSectionResizeMode(_TEXT, QHeaderView.ResizeMode.Stretch)
        header.setSectionsClickable(True)
        header.sectionClicked.connect(self._heading_clicked)
        self.setStyleSheet("QTableView::item { padding: 0 5px; }")
        self.selectionModel().currentRowChanged.connect(self._moved)
        theme.changed.connect(self._restyle)
        self._restyle()

    def show_rows(self, rows: tuple[PairReport, ...]) -> None:
        """Show these pairs in the order that was chosen; the first of them is selected."""
        before, self._model = self._model, PairModel(rows)
        self._model.order = before.order
        self._sorted.setSourceModel(self._model)
        before.deleteLater()
        self._sorted.sort(*self._model.order)
        self._fit()
        if rows:
            self.selectRow(0)
            self.scrollToTop()

    def rows(self) -> list[PairReport]:
        """The pairs in the order shown."""
        places = (self._sorted.mapToSource(self._sorted.index(row, 0)).row() for row in range(self._sorted.rowCount()))
        return [self._model.rows[place] for place in places]

    def cells(self) -> list[list[str]]:
        """What is written in the cells."""
        index = self._sorted.index
        return [[index(row, column).data() for column in range(len(COLUMNS))] for row in range(self._sorted.rowCount())]

    def sort_by(self, column: int, order: Qt.SortOrder) -> None:
        """Put the pairs in order; the chosen one stays chosen and in view."""
        self._model.order = (column, order)
        self._sorted.sort(column, order)
        self._model.headerDataChanged.emit(Qt.Orientation.Horizontal, 0, len(COLUMNS) - 1)
        self._fit()
        self.scrollTo(self.currentIndex())

    @Slot(int)
    def _heading_clicked(self, column: int) -> None:
        up, down = Qt.SortOrder.AscendingOrder, Qt.SortOrder.DescendingOrder
        self.sort_by(column, down if self._model.order == (column, up) else up)

    def _fit(self) -> None:
        """No higher than its rows: the room goes to the pair below. No wider than its figures: it goes to the text."""
        heading, cell = QFontMetricsF(self._theme.font(11.5)), QFontMetricsF(self._theme.font(12.5))
        last = max((row.pair.line for row in self._model.rows), default=0) or len(self._model.rows)
        for column in range(len(COLUMNS)):
            name = self._model.headerData(column, Qt.Orientation.Horizontal)
            widest = "0" * len(str(last)) if column == 0 else "88.8"
            width = max(heading.horizontalAdvance(name), cell.horizontalAdvance(widest))
            self.setColumnWidth(column, ceil(width) + _PADDING)
        rows = max(len(self._model.rows), 2) * self.verticalHeader().defaultSectionSize()
        self.setMaximumHeight(self.horizontalHeader().sizeHint().height() + rows + 6)

    @Slot(QModelIndex, QModelIndex)
    def _moved(self, current: QModelIndex, _before: QModelIndex) -> None:
        if current.isValid():
            self.chosen.emit(self._sorted.mapToSource(current).row())

    @Slot()
    def _restyle(self) -> None:
        self.setFont(self._theme.font(12.5))
        self.horizontalHeader().setFont(self._theme.font(11.5))
        cell = QFontMetricsF(self._theme.font(12.5))
        self.verticalHeader().setDefaultSectionSize(max(_ROW, ceil(cell.height()) + 8))
        self._fit()


class _Cells(QStyledItemDelegate):
    """No frame around a single cell: rows are chosen."""

    def initStyleOption(self, option: QStyleOptionViewItem, index: _Index) -> None:
        super().initStyleOption(option, index)
        option.state &= ~QStyle.StateFlag.State_HasFocus
