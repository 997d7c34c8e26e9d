"""The heads of models × texts: names with facts, walked through by keys, removed by Delete."""

from __future__ import annotations

from math import ceil

from PySide6.QtCore import QPoint, QRect, QRectF, QSize, Qt, Signal, Slot
from PySide6.QtGui import QContextMenuEvent, QFont, QFontMetricsF, QKeyEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QHeaderView, QWidget

from app.session.measured import RowHead
from app.ui.icons import pixmap
from app.ui.pages.evaluate.results_cells import PADDING
from app.ui.pages.evaluate.results_model import ResultsModel, column_lines, row_lines
from app.ui.theme import Theme
from app.ui.widgets.painting import fill_round, focus_ring, outline_round

_BADGE, _GAP, _TAG = 20, 8, 16
_MARK = 3
_REMOVE = (Qt.Key.Key_Delete, Qt.Key.Key_Backspace)
_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


class Heads(QHeaderView):
    """One side of the table. A head is marked by a click or by the arrow keys, which also lead back to the cells."""

    removed = Signal(int)
    moved = Signal(int)
    """The keys have marked another head, which may be out of view."""
    entered_cells = Signal(int)
    menu_wanted = Signal(int, QPoint)

    def __init__(self, theme: Theme, model: ResultsModel, orientation: Qt.Orientation, parent: QWidget) -> None:
        super().__init__(orientation, parent)
        self._theme, self._results = theme, model
        self._marked = -1
        self._chosen = -1
        across = orientation == Qt.Orientation.Horizontal
        self._back, self._on = (Qt.Key.Key_Left, Qt.Key.Key_Right) if across else (Qt.Key.Key_Up, Qt.Key.Key_Down)
        self._inward = Qt.Key.Key_Down if across else Qt.Key.Key_Right
        self.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self.setSectionsClickable(True)
        self.setHighlightSections(False)
        self.setMinimumSectionSize(24)
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.setAccessibleName("Texts" if across else "Models")
        model.modelReset.connect(self._keep_mark)

    def marked(self) -> int:
        """The head that the keys are on, −1 for none."""
        return self._marked

    def mark(self, section: int) -> None:
        """Put the keys on a head and say it to screen readers."""
        self._marked = section if 0 <= section < self.count() else -1
        if self._marked >= 0:
            self.setAccessibleDescription(", ".join(self.lines(self._marked)))
        self.viewport().update()

    def set_chosen(self, section: int) -> None:
        """Show the head of the chosen cell; −1 for none."""
        self._chosen = section
        self.viewport().update()

    def lines(self, section: int) -> list[str]:
        """What is known of a model or text."""
        raise NotImplementedError

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = event.key()
        if key in (self._back, self._on):
            self.mark(min(max(self._marked + (1 if key == self._on else -1), 0), self.count() - 1))
            self.moved.emit(self._marked)
        elif key == self._inward and self._marked >= 0:
            self.entered_cells.emit(self._marked)
        elif key in _REMOVE and self._marked >= 0:
            self.removed.emit(self._marked)
        else:
            event.ignore()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        super().mousePressEvent(event)
        self.mark(self.logicalIndexAt(event.position().toPoint()))

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        keyed = event.reason() == QContextMenuEvent.Reason.Keyboard
        section = self._marked if keyed else self.logicalIndexAt(event.pos())
        if section >= 0:
            place = self.section_rect(section).center() if keyed else event.pos()
            self.menu_wanted.emit(section, self.viewport().mapToGlobal(place))

    def section_rect(self, section: int) -> QRect:
        """Where a head is painted."""
        start, size = self.sectionViewportPosition(section), self.sectionSize(section)
        if self.orientation() == Qt.Orientation.Horizontal:
            return QRect(start, 0, size, self.height())
        return QRect(0, start, self.width(), size)

    def paintSection(self, painter: QPainter, rect: QRect, section: int) -> None:
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(rect, self._theme.color("surface"))
        self.paint_head(painter, QRectF(rect), section)
        if section == self._marked and self.hasFocus():
            focus_ring(painter, QRectF(rect).adjusted(1, 1, -1, -2), self._theme.color("accent"), 4)
        painter.restore()

    def paint_head(self, painter: QPainter, rect: QRectF, section: int) -> None:
        """Paint one head into its rectangle."""
        raise NotImplementedError

    def write(
        self, painter: QPainter, rect: QRectF, words: str, font: QFont, token: str, flags: Qt.AlignmentFlag = _LEFT
    ) -> float:
        """Write words cut to their room; gives back the pixels they took."""
        metrics = QFontMetricsF(font)
        shown = metrics.elidedText(words, Qt.TextElideMode.ElideMiddle, max(rect.width(), 0))
        painter.setFont(font)
        painter.setPen(self._theme.color(token))
        painter.drawText(rect, flags, shown)
        return metrics.horizontalAdvance(shown)

    @Slot()
    def _keep_mark(self) -> None:
        """After a removal the keys stay near where they were; elsewhere no head is marked any longer."""
        across = self.orientation() == Qt.Orientation.Horizontal
        left = self._results.columnCount() if across else self._results.rowCount()
        self._marked = min(self._marked, left - 1) if self.hasFocus() else -1
        self._chosen = -1


class RowHeads(Heads):
    """Models: badge, name, facts and the size of the vocabulary, in one line where there is room, else in two."""

    def __init__(self, theme: Theme, model: ResultsModel, parent: QWidget) -> None:
        super().__init__(theme, model, Qt.Orientation.Vertical, parent)
        self._one_line = True

    def fit(self, most: int) -> None:
        """Be as wide as the names need, at most so many pixels."""
        rows = self._results.table.rows
        inset = 2 * PADDING + self._badge_room()
        one = max((self._name_width(row) + self._facts_width(row) + self._tag_width(row) for row in rows), default=0.0)
        two = max((max(self._name_width(row), self._below_width(row)) for row in rows), default=0.0)
        self._one_line = ceil(one) + inset <= most
        self.setFixedWidth(min(ceil(one if self._one_line else two) + inset, most))

    def lines(self, section: int) -> list[str]:
        return row_lines(self._results.table.rows[section])

    def sizeHint(self) -> QSize:
        return QSize(self.minimumWidth(), super().sizeHint().height())

    def paint_head(self, painter: QPainter, rect: QRectF, section: int) -> None:
        row, color, font = self._results.table.rows[section], self._theme.color, self._theme.font
        painter.fillRect(QRectF(rect.left(), rect.bottom() - 1, rect.width(), 1), color("line"))
        if section == self._chosen:
            painter.fillRect(QRectF(rect.left(), rect.top(), _MARK, rect.height() - 1), color("accent"))
        inner = rect.adjusted(PADDING, 0, -PADDING, -1)
        if row.contender.slot:
            self._paint_badge(painter, inner, row.contender.slot)
        inner.setLeft(inner.left() + self._badge_room())
        if not self._one_line:
            name, facts = QFontMetricsF(font(13, 600)).height(), QFontMetricsF(font(11)).height()
            top = inner.center().y() - (name + facts) / 2
            self.write(painter, QRectF(inner.left(), top, inner.width(), name), row.name, font(13, 600), "ink")
            below = QRectF(inner.left(), top + name, inner.width(), facts)
            self.write(painter, below, _below(row), font(11), "ink3")
            return
        taken = self.write(painter, inner, row.name, font(13, 600), "ink")
        self.write(painter, inner.adjusted(taken + _GAP, 0, 0, 0), row.facts, font(12), "ink3")
        if row.vocabulary:
            tag = QRectF(0, 0, self._tag_width(row) - _GAP, QFontMetricsF(font(11)).height() + 5)
            tag.moveCenter(inner.center())
            tag.moveRight(inner.right())
            outline_round(painter, tag, 4, color("line"), 1.0, color("sunken"))
            self.write(painter, tag, _tag(row), font(11), "ink2", Qt.AlignmentFlag.AlignCenter)

    def _paint_badge(self, painter: QPainter, rect: QRectF, slot: str) -> None:
        badge = QRectF(rect.left(), rect.center().y() - _BADGE / 2, _BADGE, _BADGE)
        fill_round(painter, badge, 4, self._theme.color(slot.lower()))
        self.write(painter, badge, slot, self._theme.font(12, 650), f"on{slot.lower()}", Qt.AlignmentFlag.AlignCenter)

    def _badge_room(self) -> int:
        """Models without a badge stand under those that have one."""
        return _BADGE + _GAP if any(row.contender.slot for row in self._results.table.rows) else 0

    def _name_width(self, row: RowHead) -> float:
        return QFontMetricsF(self._theme.font(13, 600)).horizontalAdvance(row.name) + 1

    def _facts_width(self, row: RowHead) -> float:
        return QFontMetricsF(self._theme.font(12)).horizontalAdvance(row.facts) + _GAP if row.facts else 0.0

    def _tag_width(self, row: RowHead) -> float:
        return QFontMetricsF(self._theme.font(11)).horizontalAdvance(_tag(row)) + _TAG + _GAP if row.vocabulary else 0.0

    def _below_width(self, row: RowHead) -> float:
        return QFontMetricsF(self._theme.font(11)).horizontalAdvance(_below(row)) + 1


class ColumnHeads(Heads):
    """Texts: the name, and below it the size, or that it cannot be read."""

    def __init__(self, theme: Theme, model: ResultsModel, parent: QWidget) -> None:
        super().__init__(theme, model, Qt.Orientation.Horizontal, parent)

    def fit(self) -> None:
        """Be as high as two lines need."""
        font = self._theme.font
        self.setFixedHeight(ceil(QFontMetricsF(font(11.5, 600)).height() + QFontMetricsF(font(11)).height()) + 8)

    def lines(self, section: int) -> list[str]:
        return column_lines(self._results.table.columns[section])

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        painter = QPainter(self.viewport())
        painter.fillRect(0, self.height() - 1, self.width(), 1, self._theme.color("line"))
        painter.end()

    def paint_head(self, painter: QPainter, rect: QRectF, section: int) -> None:
        column, font = self._results.table.columns[section], self._theme.font
        if section == self._chosen:
            mark = QRectF(rect.left() + PADDING, rect.bottom() - _MARK, rect.width() - 2 * PADDING, _MARK)
            painter.fillRect(mark, self._theme.color("accent"))
        inner = rect.adjusted(4, 2, -PADDING, -4)
        upper = QRectF(inner.left(), inner.top(), inner.width(), QFontMetricsF(font(11.5, 600)).height())
        lower = QRectF(inner.left(), upper.bottom(), inner.width(), inner.bottom() - upper.bottom())
        self.write(painter, upper, column.name, font(11.5, 600), "ink2", _RIGHT)
        if not column.problem:
            self.write(painter, lower, column.facts, font(11), "ink3", _RIGHT)
            return
        taken = self.write(painter, lower.adjusted(15, 0, 0, 0), "unreadable", font(11), "err", _RIGHT)
        place = lower.right() - taken - 15
        painter.drawPixmap(round(place), round(lower.center().y() - 6), pixmap(self._theme, "error", "err", 12))


def _tag(row: RowHead) -> str:
    return f"vocab {row.vocabulary:,}" if row.vocabulary else ""


def _below(row: RowHead) -> str:
    return " · ".join(words for words in (row.facts, _tag(row)) if words)
