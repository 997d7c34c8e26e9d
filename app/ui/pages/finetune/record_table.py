"""The first records of a file: where each stands, how it begins, how long it is, and what is wrong with it."""

from __future__ import annotations

from math import ceil
from typing import Any

from PySide6.QtCore import (
    QAbstractTableModel,
    QItemSelectionModel,
    QModelIndex,
    QPersistentModelIndex,
    QRectF,
    QSize,
    Qt,
    Signal,
    Slot,
)
from PySide6.QtGui import QFont, QFontMetricsF, QPainter, QResizeEvent
from PySide6.QtWidgets import QHeaderView, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QTableView, QWidget

from app.engine.finetune.records import PreviewRow
from app.ui.icons import pixmap
from app.ui.pages.finetune.data_words import place_words, problem_words, row_tip, row_words
from app.ui.theme import Theme
from app.ui.widgets.badge import BADGE_HEIGHT, badge_width, paint_badge

_Index = QModelIndex | QPersistentModelIndex
_NONE = QModelIndex()
COLUMNS = ("#", "Text", "Tokens", "Check")
PLACE, TEXT, TOKENS, CHECK = range(4)
_ROW, _PADDING, _SIGN = 26, 5, 14
_HEAD = 12
"""Pixels of a heading beside its words."""
_CHECK_SHARE = 0.38
"""What a tag may take of the width at most."""
_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


class RecordModel(QAbstractTableModel):
    """Rows as Qt's tables and screen readers read them."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: tuple[PreviewRow, ...] = ()
        self.head_font = QFont()

    def set_rows(self, rows: tuple[PreviewRow, ...]) -> None:
        """Show these."""
        self.beginResetModel()
        self.rows = rows
        self.endResetModel()

    def rowCount(self, parent: _Index = _NONE) -> int:
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: _Index = _NONE) -> int:
        return 0 if parent.isValid() else len(COLUMNS)

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        row = self.rows[index.row()]
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return cell_words(row, index.column())
        return row_tip(row) if role == Qt.ItemDataRole.ToolTipRole else None

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation != Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _RIGHT if section in (TOKENS, CHECK) else _LEFT
        if role == Qt.ItemDataRole.FontRole:
            return self.head_font
        return COLUMNS[section] if role == Qt.ItemDataRole.DisplayRole else None


def cell_words(row: PreviewRow, column: int) -> str:
    """What stands in a cell; of a record without a problem the check says "ok" or "held out" beside its tick."""
    if column == PLACE:
        return place_words(row.place)
    if column == TEXT:
        return row_words(row)
    if column == TOKENS:
        return "" if row.tokens < 0 else f"{row.tokens:,}"
    return problem_words(row.problem) if row.problem is not None else "held out" if row.held_out else "ok"


class RecordTable(QTableView):
    """`chosen(place)` for a click and for the arrow keys, and when `choose_first` is called."""

    chosen = Signal(str)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._quiet = False
        self.records = RecordModel()
        # Not given to the header: the style sheet would take it away.
        self.records.head_font = theme.font(11.5, 600)
        self._painter = RecordPainter(theme, self.records, self)
        self.setModel(self.records)
        self.setItemDelegate(self._painter)
        self.setAccessibleName("Records")
        self.setSelectionBehavior(QTableView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QTableView.SelectionMode.SingleSelection)
        self.setTabKeyNavigation(False)
        self.setShowGrid(False)
        self.setMouseTracking(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollMode(QTableView.ScrollMode.ScrollPerPixel)
        self.verticalHeader().hide()
        self.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setSectionsClickable(False)
        header.setMinimumSectionSize(20)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        header.setSectionResizeMode(TEXT, QHeaderView.ResizeMode.Stretch)
        self.setStyleSheet("QHeaderView::section { padding: 4px 5px; }")
        self.selectionModel().currentRowChanged.connect(self._moved)
        theme.changed.connect(self._restyle)
        self._fit()

    def show_rows(self, rows: tuple[PreviewRow, ...]) -> None:
        """Show these rows. The chosen place stays chosen where it is still there; emits nothing."""
        before = self.place()
        self.records.set_rows(rows)
        self._fit()
        places = [row.place for row in rows]
        if before in places:
            self._choose(places.index(before))

    def choose_first(self) -> None:
        """Tell which record is chosen; where none is, choose the first that is used."""
        rows = self.records.rows
        if not self.place() and rows:
            used = (at for at, row in enumerate(rows) if row.problem is None or row.problem.used)
            self._choose(next(used, 0))
        if self.place():
            self.chosen.emit(self.place())

    def row(self) -> PreviewRow | None:
        """The chosen record."""
        found = self.selectionModel().selectedRows()
        return self.records.rows[found[0].row()] if found else None

    def place(self) -> str:
        """Where the chosen record stands, '' where none is chosen."""
        row = self.row()
        return "" if row is None else row.place

    def cells(self) -> list[list[str]]:
        """What is written in the cells."""
        return [[cell_words(row, column) for column in range(len(COLUMNS))] for row in self.records.rows]

    def sizeHint(self) -> QSize:
        # Small, so that the panel scrolls only where not even this has room; the table takes what is left over.
        return self.minimumSizeHint()

    def minimumSizeHint(self) -> QSize:
        return QSize(160, self.horizontalHeader().sizeHint().height() + 2 * self._painter.row_height() + 4)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _choose(self, row: int) -> None:
        self._quiet = True
        rows = QItemSelectionModel.SelectionFlag.ClearAndSelect | QItemSelectionModel.SelectionFlag.Rows
        self.selectionModel().setCurrentIndex(self.records.index(row, 0), rows)
        self._quiet = False

    def _fit(self) -> None:
        """Columns as wide as what is in them; the text takes the rest."""
        self.verticalHeader().setDefaultSectionSize(self._painter.row_height())
        head = QFontMetricsF(self.records.head_font)
        for column in (PLACE, TOKENS, CHECK):
            width = max(self._painter.widest(column), head.horizontalAdvance(COLUMNS[column]) + _HEAD)
            if column == CHECK:
                width = min(width, max(_CHECK_SHARE * self.viewport().width(), 80))
            self.setColumnWidth(column, ceil(width))

    @Slot(QModelIndex, QModelIndex)
    def _moved(self, current: QModelIndex, _before: QModelIndex) -> None:
        if current.isValid() and not self._quiet:
            self.chosen.emit(self.records.rows[current.row()].place)

    @Slot()
    def _restyle(self) -> None:
        self.viewport().update()


class RecordPainter(QStyledItemDelegate):
    """Paints the cells of a `RecordModel`: a tick for a good record, a tag for one with a problem."""

    def __init__(self, theme: Theme, model: RecordModel, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme, self._model = theme, model
        self._text, self._small = theme.font(12.5), theme.font(11.5)
        self._number, self._tag = theme.font(12, mono=True), theme.font(12, 600)

    def row_height(self) -> int:
        """Room for a line of text, and for a tag."""
        return max(_ROW, ceil(QFontMetricsF(self._text).height()) + 7)

    def widest(self, column: int) -> float:
        """Pixels that the widest cell of a column takes."""
        rows = self._model.rows
        if column == CHECK:
            return max((self._check_width(row) for row in rows), default=0.0) + 2 * _PADDING
        longest = max((cell_words(row, column) for row in rows), key=len, default="")
        return QFontMetricsF(self._number).horizontalAdvance(longest) + 2 * _PADDING

    def _check_width(self, row: PreviewRow) -> float:
        if row.problem is not None:
            return badge_width(self._tag, problem_words(row.problem))
        beside = QFontMetricsF(self._small).horizontalAdvance("held out") + 5 if row.held_out else 0.0
        return beside + _SIGN

    def sizeHint(self, _option: QStyleOptionViewItem, _index: _Index) -> QSize:
        return QSize(40, self.row_height())

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        row, column, color = self._model.rows[index.row()], index.column(), self._theme.color
        rect = QRectF(option.rect)
        chosen = bool(option.state & QStyle.StateFlag.State_Selected)
        hovered = bool(option.state & QStyle.StateFlag.State_MouseOver)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(rect, color("accentsoft" if chosen else "hover" if hovered else "surface"))
        painter.fillRect(QRectF(rect.left(), rect.bottom() - 1, rect.width(), 1), color("line"))
        inner = rect.adjusted(_PADDING, 0, -_PADDING, -1)
        if column == CHECK:
            self._paint_check(painter, inner, row)
        else:
            faint = column == PLACE or not row.text.strip()
            painter.setPen(color("ink3" if faint else "ink"))
            painter.setFont(self._text if column == TEXT else self._number)
            words = QFontMetricsF(painter.font()).elidedText(
                cell_words(row, column), Qt.TextElideMode.ElideRight, inner.width() + 1
            )
            painter.drawText(inner, int(_RIGHT if column == TOKENS else _LEFT), words)
        painter.restore()

    def _paint_check(self, painter: QPainter, rect: QRectF, row: PreviewRow) -> None:
        if row.problem is not None:
            width = min(badge_width(self._tag, problem_words(row.problem)), rect.width())
            top = rect.center().y() - BADGE_HEIGHT / 2
            tag = QRectF(rect.right() - width, top, width, BADGE_HEIGHT)
            tone = "warn" if row.problem.used else "error"
            paint_badge(painter, self._theme, tag, self._tag, problem_words(row.problem), tone)
            return
        sign = QRectF(rect.right() - _SIGN, rect.center().y() - _SIGN / 2, _SIGN, _SIGN)
        painter.drawPixmap(sign.topLeft(), pixmap(self._theme, "check", "ok", _SIGN))
        if row.held_out:
            painter.setFont(self._small)
            painter.setPen(self._theme.color("ink3"))
            painter.drawText(rect.adjusted(0, 0, -_SIGN - 5, 0), int(_RIGHT), "held out")
