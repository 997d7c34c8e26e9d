"""What was written for one prompt while training: a row for each step, wrapped, with what changed underlined."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from PySide6.QtCore import (
    QAbstractListModel,
    QModelIndex,
    QPersistentModelIndex,
    QPointF,
    QRectF,
    QSize,
    Qt,
    Signal,
    Slot,
)
from PySide6.QtGui import (
    QContextMenuEvent,
    QFontMetricsF,
    QGuiApplication,
    QKeyEvent,
    QKeySequence,
    QPainter,
    QResizeEvent,
    QTextCharFormat,
    QTextLayout,
    QTextOption,
)
from PySide6.QtWidgets import QListView, QMenu, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from app.ui.actions import bound
from app.ui.theme import Theme
from app.ui.widgets.painting import outline_round

_Index = QModelIndex | QPersistentModelIndex
_NONE = QModelIndex()
ROW = Qt.ItemDataRole.UserRole
_PADDING, _ABOVE, _GAP = 12, 8, 10


@dataclass(frozen=True)
class SampleRow:
    """A row: what stands there, and which stretches of it were not in the row before."""

    step: int
    text: str
    changed: tuple[tuple[int, int], ...] = ()


class _Rows(QAbstractListModel):
    def __init__(self) -> None:
        super().__init__()
        self.rows: list[SampleRow] = []

    def set_rows(self, rows: Sequence[SampleRow]) -> None:
        """Show these; where they only go on, the view keeps its place and its selection."""
        have = len(self.rows)
        if have and list(rows[:have]) == self.rows:
            if len(rows) > have:
                self.beginInsertRows(_NONE, have, len(rows) - 1)
                self.rows = list(rows)
                self.endInsertRows()
            return
        self.beginResetModel()
        self.rows = list(rows)
        self.endResetModel()

    def rowCount(self, parent: _Index = _NONE) -> int:
        return 0 if parent.isValid() else len(self.rows)

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        row = self.rows[index.row()]
        if role == ROW:
            return row
        words = f"step {row.step:,}: {row.text}"
        return words if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole) else None


class _Painter(QStyledItemDelegate):
    """The newest row, which is the last, stands on the accent's soft colour."""

    def __init__(self, theme: Theme, model: _Rows, view: QListView) -> None:
        super().__init__(view)
        self._theme, self._model, self._view = theme, model, view
        self._heights: dict[tuple[SampleRow, int], int] = {}

    def forget(self) -> None:
        """Fonts have changed."""
        self._heights.clear()

    def sizeHint(self, _option: QStyleOptionViewItem, index: _Index) -> QSize:
        row, wide = self._model.rows[index.row()], self._view.viewport().width()
        key = row, wide
        if key not in self._heights:
            if len(self._heights) > 4 * len(self._model.rows) + 64:
                self._heights.clear()
            layout = self._laid_out(row, wide - self._begin() - _PADDING)
            self._heights[key] = ceil(layout.boundingRect().height()) + 2 * _ABOVE + 1
        return QSize(wide, self._heights[key])

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        row, color, rect = self._model.rows[index.row()], self._theme.color, QRectF(option.rect)
        newest = index.row() == len(self._model.rows) - 1
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        # Qt has painted a selected row in the colour of the newest one already.
        hovered = option.state & QStyle.StateFlag.State_MouseOver
        painter.fillRect(rect, color("accentsoft" if newest else "hover" if hovered else "surface"))
        painter.fillRect(QRectF(rect.left(), rect.bottom() - 1, rect.width(), 1), color("line"))
        layout = self._laid_out(row, rect.width() - self._begin() - _PADDING)
        painter.setFont(self._theme.font(12, 700 if newest else 400, mono=True))
        painter.setPen(color("accent" if newest else "ink3"))
        # On the line of the first words.
        baseline = rect.top() + _ABOVE + layout.lineAt(0).ascent()
        painter.drawText(QPointF(rect.left() + _PADDING, baseline), f"step {row.step:,}")
        painter.setPen(color("ink"))
        layout.draw(painter, QPointF(rect.left() + self._begin(), rect.top() + _ABOVE))
        if option.state & QStyle.StateFlag.State_Selected:
            outline_round(painter, rect.adjusted(1, 1, -1, -2), 4, color("accent"), 2.0)
        painter.restore()

    def _begin(self) -> float:
        """Where the texts begin: after the widest step."""
        last = max((row.step for row in self._model.rows), default=0)
        metrics = QFontMetricsF(self._theme.font(12, 700, mono=True))
        return _PADDING + metrics.horizontalAdvance(f"step {max(last, 100):,}") + _GAP

    def _laid_out(self, row: SampleRow, wide: float) -> QTextLayout:
        # A line's end stays one; a paragraph's would not be wrapped by a layout.
        layout = QTextLayout(row.text.replace("\n", "\u2028") or " ", self._theme.font(13))
        option = QTextOption()
        option.setWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
        layout.setTextOption(option)
        layout.setFormats([self._underlined(row.text, *stretch) for stretch in row.changed])
        layout.beginLayout()
        height = 0.0
        while (line := layout.createLine()).isValid():
            line.setLineWidth(max(wide, 40.0))
            line.setPosition(QPointF(0.0, height))
            height += line.height() + 2.0
        layout.endLayout()
        return layout

    def _underlined(self, text: str, start: int, stop: int) -> QTextLayout.FormatRange:
        made = QTextLayout.FormatRange()
        # Qt counts letters outside the first 65,536 twice.
        made.start = _units(text[:start])
        made.length = _units(text[start:stop])
        style = QTextCharFormat()
        style.setFontUnderline(True)
        style.setUnderlineColor(self._theme.color("line2"))
        made.format = style
        return made


class SamplesList(QListView):
    """`step_chosen(step)` for a double click and Enter; Ctrl+C copies the selected rows, or all where none is."""

    step_chosen = Signal(int)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._rows = _Rows()
        self._painter = _Painter(theme, self._rows, self)
        self.setModel(self._rows)
        self.setItemDelegate(self._painter)
        self.setMouseTracking(True)
        self.setFrameShape(QListView.Shape.NoFrame)
        self.setSelectionMode(QListView.SelectionMode.ExtendedSelection)
        self.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setAccessibleName("Samples while training")
        self._follows = True
        """Whether the end is kept in sight while rows come: until the person scrolls up."""
        self.doubleClicked.connect(self._opened)
        self.verticalScrollBar().valueChanged.connect(self._scrolled)
        self.verticalScrollBar().rangeChanged.connect(self._follow)
        theme.changed.connect(self._restyle)

    def show_rows(self, rows: Sequence[SampleRow]) -> None:
        """Show these, by ascending step. Who looks at the end keeps looking at the end."""
        follows = self._follows
        self._rows.set_rows(rows)
        self.viewport().update()
        self._follows = follows
        self._follow()

    def rows(self) -> list[SampleRow]:
        """The rows shown."""
        return list(self._rows.rows)

    def choose(self, step: int) -> None:
        """Select the row of a step, where there is one."""
        place = bisect_left([row.step for row in self._rows.rows], step)
        if place < len(self._rows.rows) and self._rows.rows[place].step == step:
            self.setCurrentIndex(self._rows.index(place, 0))

    def copy(self) -> None:
        """Put the selected rows on the clipboard, or all where none is: step, tab, text."""
        places = sorted(index.row() for index in self.selectedIndexes()) or range(len(self._rows.rows))
        rows = (self._rows.rows[place] for place in places)
        lines = (f"{row.step}\t{row.text.replace(chr(10), ' ')}" for row in rows)
        QGuiApplication.clipboard().setText("\n".join(lines))

    def row_menu(self) -> QMenu:
        """What can be done with the current row; deletes itself when it closes."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction("Copy" if self.selectedIndexes() else "Copy all").triggered.connect(self.copy)
        index = self.currentIndex()
        if index.isValid():
            step = self._rows.rows[index.row()].step
            menu.addAction(f"Show step {step:,} on the curve").triggered.connect(bound(self.step_chosen.emit, step))
        return menu

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        if self._rows.rows:
            self.row_menu().popup(event.globalPos())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.matches(QKeySequence.StandardKey.Copy):
            self.copy()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.currentIndex().isValid():
            self._opened(self.currentIndex())
        else:
            super().keyPressEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.scheduleDelayedItemsLayout()

    @Slot(int)
    def _scrolled(self, value: int) -> None:
        self._follows = value >= self.verticalScrollBar().maximum() - 4

    @Slot()
    def _follow(self) -> None:
        if self._follows:
            self.verticalScrollBar().setValue(self.verticalScrollBar().maximum())

    @Slot(QModelIndex)
    def _opened(self, index: QModelIndex) -> None:
        self.step_chosen.emit(self._rows.rows[index.row()].step)

    @Slot()
    def _restyle(self) -> None:
        self._painter.forget()
        self.scheduleDelayedItemsLayout()


def _units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
