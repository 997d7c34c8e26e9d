"""A list of models: name and size, kind and state, one under the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import (
    QAbstractListModel,
    QModelIndex,
    QPersistentModelIndex,
    QRectF,
    QSize,
    QSortFilterProxyModel,
    Qt,
    Signal,
    Slot,
)
from PySide6.QtGui import QFontMetricsF, QPainter
from PySide6.QtWidgets import QListView, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from app.ui.theme import Theme
from app.ui.widgets.painting import fill_round

_Index = QModelIndex | QPersistentModelIndex
_NONE = QModelIndex()
_HEIGHT = 54
_BADGE = 20
"""Pixels from one badge to the next."""
ROW = Qt.ItemDataRole.UserRole


@dataclass(frozen=True)
class ModelRow:
    """One line of the list, in the words it is shown with."""

    ref: str
    title: str
    detail: str
    size: str
    state: str
    tone: str
    """The colour token of the state: "ok", "accent", "warn", "err" or "ink3"."""
    badge: str = ""
    """ "A", "B", "AB" or ''."""
    tip: str = ""


class _Rows(QAbstractListModel):
    def __init__(self) -> None:
        super().__init__()
        self.rows: Sequence[ModelRow] = ()

    def set_rows(self, rows: Sequence[ModelRow]) -> None:
        self.beginResetModel()
        self.rows = rows
        self.endResetModel()

    def rowCount(self, parent: _Index = _NONE) -> int:
        return 0 if parent.isValid() else len(self.rows)

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        row = self.rows[index.row()]
        if role == ROW:
            return row
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            slots = f", open as {' and '.join(row.badge)}" if row.badge else ""
            return f"{row.title}, {row.detail}, {row.size}, {row.state}{slots}"
        return row.tip if role == Qt.ItemDataRole.ToolTipRole else None


class _Painter(QStyledItemDelegate):
    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme = theme

    def sizeHint(self, _option: QStyleOptionViewItem, _index: _Index) -> QSize:
        return QSize(200, _HEIGHT)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        row: ModelRow = index.data(ROW)
        color = self._theme.color
        rect, state = QRectF(option.rect), option.state
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if state & QStyle.StateFlag.State_Selected:
            painter.fillRect(rect, color("accentsoft"))
            painter.fillRect(QRectF(rect.left(), rect.top(), 3, rect.height()), color("accent"))
        elif state & QStyle.StateFlag.State_MouseOver:
            painter.fillRect(rect, color("hover"))
        painter.fillRect(QRectF(rect.left(), rect.bottom() - 1, rect.width(), 1), color("line"))
        left, right = rect.left() + 12, rect.right() - 12
        state_width = self._words(
            painter, row.state, QRectF(left, rect.top() + 28, right - left, 18), 11.5, 600, row.tone
        )
        self._words(
            painter,
            row.detail,
            QRectF(left, rect.top() + 28, right - left - state_width - 8, 18),
            11.5,
            400,
            "ink2",
            left=True,
        )
        size_width = self._words(
            painter, row.size, QRectF(left, rect.top() + 8, right - left, 18), 11.5, 400, "ink2", mono=True
        )
        room = right - left - size_width - 8 - (_BADGE * len(row.badge) + 6 if row.badge else 0)
        used = self._words(painter, row.title, QRectF(left, rect.top() + 8, room, 18), 13, 600, "ink", left=True)
        for place, slot in enumerate(row.badge):
            badge = QRectF(left + used + 8 + place * _BADGE, rect.top() + 9, 16, 16)
            fill_round(painter, badge, 4, color(slot.lower()))
            painter.setFont(self._theme.font(11, 650))
            painter.setPen(color(f"on{slot.lower()}"))
            painter.drawText(badge, Qt.AlignmentFlag.AlignCenter, slot)
        painter.restore()

    def _words(
        self,
        painter: QPainter,
        words: str,
        room: QRectF,
        px: float,
        weight: int,
        token: str,
        mono: bool = False,
        left: bool = False,
    ) -> float:
        """Paint words cut to their room, at its right end unless `left`; gives back the pixels they took."""
        font = self._theme.font(px, weight, mono)
        metrics = QFontMetricsF(font)
        shown = metrics.elidedText(words, Qt.TextElideMode.ElideMiddle, max(room.width(), 0))
        painter.setFont(font)
        painter.setPen(self._theme.color(token))
        side = Qt.AlignmentFlag.AlignLeft if left else Qt.AlignmentFlag.AlignRight
        painter.drawText(room.adjusted(0, 0, 2 if left else 0, 0), side | Qt.AlignmentFlag.AlignVCenter, shown)
        return metrics.horizontalAdvance(shown)


class ModelList(QListView):
    """Shows `ModelRow`s. `chosen(ref)` when one becomes the current one, `opened(ref)` for Enter and double click."""

    chosen = Signal(str)
    opened = Signal(str)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._rows = _Rows()
        self._filter = QSortFilterProxyModel(self)
        self._filter.setSourceModel(self._rows)
        self._filter.setFilterCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        self.setModel(self._filter)
        self.setItemDelegate(_Painter(theme, self))
        self.setMouseTracking(True)
        self.setUniformItemSizes(True)
        self.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setAccessibleName("Models")
        self.selectionModel().currentChanged.connect(self._current_changed)
        self.activated.connect(self._activated)
        theme.changed.connect(self.viewport().update)
        self._quiet = False

    def set_rows(self, rows: Sequence[ModelRow]) -> None:
        """Show these rows; the current one stays current where it is still there. Emits nothing."""
        current = self.current()
        self._quiet = True
        self._rows.set_rows(rows)
        self.set_current(current)
        self._quiet = False

    def rows(self) -> list[ModelRow]:
        """The rows that pass the filter."""
        return [self._filter.index(place, 0).data(ROW) for place in range(self._filter.rowCount())]

    def set_filter(self, text: str) -> None:
        """Only rows whose words hold `text`."""
        self._filter.setFilterFixedString(text)

    def current(self) -> str:
        """The ref of the current row, '' when there is none."""
        index = self.currentIndex()
        return index.data(ROW).ref if index.isValid() else ""

    def set_current(self, ref: str) -> None:
        """Make a row the current one."""
        for place, row in enumerate(self.rows()):
            if row.ref == ref:
                self.setCurrentIndex(self._filter.index(place, 0))

    @Slot(QModelIndex, QModelIndex)
    def _current_changed(self, current: QModelIndex, _before: QModelIndex) -> None:
        if current.isValid() and not self._quiet:
            self.chosen.emit(current.data(ROW).ref)

    @Slot(QModelIndex)
    def _activated(self, index: QModelIndex) -> None:
        self.opened.emit(index.data(ROW).ref)
