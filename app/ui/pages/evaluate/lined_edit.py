"""A text field whose lines are numbered: what stands on one line belongs to the same line of another field."""

from __future__ import annotations

from math import ceil

from PySide6.QtCore import QRect, QRectF, Qt, Slot
from PySide6.QtGui import QFontMetricsF, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QPlainTextEdit, QWidget

from app.ui.theme import Theme

_GAP = 6
"""Pixels on both sides of a number."""


class LinedEdit(QPlainTextEdit):
    """Numbers from 1, as in an editor, in front of every line; a long line wraps under its number."""

    def __init__(self, theme: Theme, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._numbers = _Numbers(self)
        self.setAccessibleName(name)
        # Tab goes on to the next field, as everywhere.
        self.setTabChangesFocus(True)
        self.blockCountChanged.connect(self._make_room)
        self.updateRequest.connect(self._scrolled)
        theme.changed.connect(self._restyle)
        self._restyle()

    def lines(self) -> int:
        """How many lines have been written, blank ones at the end aside."""
        text = self.toPlainText().rstrip()
        return text.count("\n") + 1 if text else 0

    def paint_numbers(self, event: QPaintEvent) -> None:
        """Draw the numbers of the lines in view."""
        painter = QPainter(self._numbers)
        painter.setFont(self._theme.font(11, mono=True))
        painter.setPen(self._theme.color("ink3"))
        block, room = self.firstVisibleBlock(), self._numbers.width() - _GAP
        while block.isValid():
            rect = self.blockBoundingGeometry(block).translated(self.contentOffset())
            if rect.top() > event.rect().bottom():
                break
            first = block.layout().lineAt(0).height() if block.layout().lineCount() else rect.height()
            place = QRectF(0, rect.top(), room, first)
            painter.drawText(
                place, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, str(block.blockNumber() + 1)
            )
            block = block.next()
        painter.end()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._make_room()

    @Slot()
    def _make_room(self) -> None:
        digits = max(len(str(self.blockCount())), 2)
        width = ceil(QFontMetricsF(self._theme.font(11, mono=True)).horizontalAdvance("0" * digits)) + 2 * _GAP
        self.setViewportMargins(width, 0, 0, 0)
        inside = self.viewport().geometry()
        self._numbers.setGeometry(inside.left() - width, inside.top(), width, inside.height())

    @Slot(QRect, int)
    def _scrolled(self, _rect: QRect, _down: int) -> None:
        self._numbers.update()

    @Slot()
    def _restyle(self) -> None:
        self.setFont(self._theme.font(13))
        self._make_room()
        self._numbers.update()


class _Numbers(QWidget):
    """The strip at the left, painted by the field that it belongs to."""

    def __init__(self, field: LinedEdit) -> None:
        super().__init__(field)
        self._field = field

    def paintEvent(self, event: QPaintEvent) -> None:
        self._field.paint_numbers(event)
