"""The likeliest next tokens as bars."""

from __future__ import annotations

from collections.abc import Sequence
from math import isnan

from PySide6.QtCore import QEvent, QPoint, QPointF, QRectF, QSize, Qt, Signal, Slot
from PySide6.QtGui import (
    QFontMetricsF,
    QKeyEvent,
    QKeySequence,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.ui.theme import Theme
from app.ui.widgets.number_text import percent_text
from app.ui.widgets.painting import fill_round, focus_ring
from app.ui.widgets.picture_export import Lines, PictureExport
from app.ui.widgets.token_text import visible_token

Row = tuple[str, float, float | None]
_GAP = 8
_SPARE = 6
"""Pixels under a row's words that may be missing."""


class ProbabilityBars(QWidget):
    """Rows of (token, probability, optional second probability), in the order given; the chosen one is bold, else
    the first.

    The second probability (after settings, or without an edit) is a tick across the bar and a second percentage, or
    the word "cut" where it is 0;
    `set_columns` names the two. `hovered(row)` comes with −1 when the pointer leaves.
    """

    hovered = Signal(int)
    clicked = Signal(int)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._rows: list[Row] = []
        self._columns = ("", "")
        self._chosen: int | None = None
        self._current = -1
        self._clicked_at = QPoint()
        self._font = theme.font(13, mono=True)
        self._bold = theme.font(13, 700, mono=True)
        self._number_font = theme.font(12, mono=True)
        self._caption_font = theme.font(11)
        self._row_height = round(QFontMetricsF(self._font).height()) + 7
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Next token probabilities")
        self.export = PictureExport(self, "next-token", self._lines)
        theme.changed.connect(self._on_theme)

    def set_rows(self, rows: Sequence[Row], chosen: int | None = None) -> None:
        """Show these rows; probabilities are 0..1. The row of the token that was chosen is marked."""
        self._rows, self._chosen = list(rows), chosen
        self._current = min(self._current, len(self._rows) - 1)
        spoken = [f"{visible_token(text)} {_percent(p)}" for text, p, _ in self._rows]
        if chosen is not None:
            spoken[chosen] += ", chosen"
        self.setAccessibleDescription(", ".join(spoken))
        self.updateGeometry()
        self.update()

    def set_columns(self, first: str, second: str) -> None:
        """Name the two percentages; shown only while some row has a second one."""
        self._columns = (first, second)
        self.updateGeometry()
        self.update()

    def rows(self) -> list[Row]:
        """The rows shown."""
        return list(self._rows)

    def _lines(self) -> Lines:
        """The rows under their heading, exact to six digits."""
        lines = [["token", "probability", *(["second"] if self._has_second() else [])]]
        for text, first, second in self._rows:
            lines.append([visible_token(text), f"{first:.6g}", *([] if second is None else [f"{second:.6g}"])])
        return lines

    def clicked_at(self) -> QPoint:
        """Where on the screen the last row was clicked; for one taken by the keys, under its name."""
        return self.mapToGlobal(self._clicked_at)

    def row_rect(self, row: int) -> QRectF:
        """Where a row is painted."""
        return QRectF(0, self._top() + row * self._row_height, self.width(), self._row_height)

    def sizeHint(self) -> QSize:
        return QSize(260, self._top() + max(len(self._rows), 1) * self._row_height + 2)

    def minimumSizeHint(self) -> QSize:
        return QSize(160, self.sizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        names, number, second = self._widths()
        right = self.width() - 4.0
        if self._top():
            self._paint_columns(painter, right, number)
        for index, row in enumerate(self._rows):
            rect = self.row_rect(index)
            if rect.bottom() > self.height() + _SPARE and index:
                # A row that has no room is left out whole: half a figure reads as another.
                break
            if index in (self._current, self._chosen):
                fill_round(painter, rect, 4, self._theme.color("accentsoft" if index == self._chosen else "hover"))
            if index == self._chosen:
                fill_round(
                    painter, QRectF(rect.left(), rect.top() + 3, 3, rect.height() - 6), 1, self._theme.color("accent")
                )
            bold = index == (0 if self._chosen is None else self._chosen)
            self._paint_name(painter, QRectF(6, rect.top(), names, rect.height()), row[0], bold)
            bar_right = right - number - second - 2 * _GAP
            bar = QRectF(names + 6 + _GAP, rect.center().y() - 6, bar_right - names - 6 - _GAP, 12)
            self._paint_bar(painter, bar, row)
            self._paint_numbers(painter, rect, row, right, number)
        if self.hasFocus() and self._current < 0:
            focus_ring(painter, QRectF(self.rect()), self._theme.color("accent"))
        painter.end()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._set_current(self._row_at(event.position().y()))

    def leaveEvent(self, event: QEvent) -> None:
        self._set_current(-1)
        super().leaveEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        row = self._row_at(event.position().y())
        if event.button() == Qt.MouseButton.LeftButton and row >= 0:
            self._clicked_at = event.position().toPoint()
            self.clicked.emit(row)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.matches(QKeySequence.StandardKey.Copy):
            self.export.copy_values()
        elif event.key() == Qt.Key.Key_Down and self._rows:
            self._set_current(min(self._current + 1, len(self._rows) - 1))
        elif event.key() == Qt.Key.Key_Up and self._rows:
            self._set_current(max(self._current - 1, 0))
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self._current >= 0:
            self._clicked_at = self.row_rect(self._current).bottomLeft().toPoint()
            self.clicked.emit(self._current)
        else:
            super().keyPressEvent(event)

    def _has_second(self) -> bool:
        return any(second is not None for _, _, second in self._rows)

    def _top(self) -> int:
        return 18 if self._has_second() and any(self._columns) else 0

    def _row_at(self, y: float) -> int:
        row = int((y - self._top()) // self._row_height)
        return row if 0 <= row < len(self._rows) else -1

    def _set_current(self, row: int) -> None:
        if row != self._current:
            self._current = row
            self.update()
            self.hovered.emit(row)

    def _widths(self) -> tuple[float, float, float]:
        """Pixels of the names, of one percentage, and of the second percentage (0 without one)."""
        metrics = QFontMetricsF(self._bold)
        widest = max((metrics.horizontalAdvance(visible_token(row[0])) for row in self._rows), default=0.0)
        number = QFontMetricsF(self._number_font).horizontalAdvance("100.0%")
        captions = QFontMetricsF(self._caption_font)
        if self._top():
            number = max(number, *(captions.horizontalAdvance(name) for name in self._columns))
        second = number + _GAP if self._has_second() else 0.0
        return min(widest, self.width() * 0.4), number, second

    def _paint_columns(self, painter: QPainter, right: float, number: float) -> None:
        painter.setFont(self._caption_font)
        painter.setPen(self._theme.color("ink3"))
        for place, name in enumerate(reversed(self._columns)):
            rect = QRectF(right - number - place * (number + _GAP), 0, number, 16)
            painter.drawText(rect, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, name)

    def _paint_name(self, painter: QPainter, rect: QRectF, text: str, bold: bool) -> None:
        font = self._bold if bold else self._font
        painter.setFont(font)
        painter.setPen(self._theme.color("ink"))
        shown = QFontMetricsF(font).elidedText(visible_token(text), Qt.TextElideMode.ElideMiddle, rect.width() + 1)
        painter.drawText(rect, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, shown)

    def _paint_bar(self, painter: QPainter, bar: QRectF, row: Row) -> None:
        if bar.width() <= 4:
            return
        fill_round(painter, bar, 2, self._theme.color("sunken"))
        if isnan(row[1]):
            return
        length = bar.width() * min(max(row[1], 0.0), 1.0)
        fill_round(painter, QRectF(bar.left(), bar.top(), max(length, 1.5), bar.height()), 2, self._theme.bar_color())
        if row[2] is not None:
            x = bar.left() + bar.width() * min(max(row[2], 0.0), 1.0)
            painter.setPen(QPen(self._theme.color("ink"), 2, Qt.PenStyle.SolidLine, Qt.PenCapStyle.FlatCap))
            painter.drawLine(QPointF(x, bar.top() - 3), QPointF(x, bar.bottom() + 3))

    def _paint_numbers(self, painter: QPainter, rect: QRectF, row: Row, right: float, number: float) -> None:
        painter.setFont(self._number_font)
        align = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        has_second = self._has_second()
        if has_second and row[2] is not None:
            painter.setPen(self._theme.color("ink2"))
            after = _percent(row[2]) if row[2] > 0 else "cut"
            painter.drawText(QRectF(right - number, rect.top(), number, rect.height()), align, after)
        painter.setPen(self._theme.color("ink"))
        left = right - number - (number + _GAP if has_second else 0.0)
        painter.drawText(QRectF(left, rect.top(), number, rect.height()), align, _percent(row[1]))

    @Slot()
    def _on_theme(self) -> None:
        self.update()


def _percent(probability: float) -> str:
    return percent_text(probability)
