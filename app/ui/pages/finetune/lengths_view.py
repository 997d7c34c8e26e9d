"""How long the examples are, and where they are cut."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Slot
from PySide6.QtGui import QBrush, QFontMetricsF, QHelpEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QToolTip, QWidget

from app.ui.pages.finetune.data_words import counted, lengths_words
from app.ui.theme import Theme
from app.ui.widgets.histogram import round_ticks

_BINS = 40
_SIDE, _TOP, _BOTTOM = 8.0, 16.0, 17.0


class LengthsView(QWidget):
    """Bars of how many examples have how many tokens; a dashed line where they are cut, hatched bars beyond it."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._counts = np.zeros(0, dtype=np.int64)
        self._width = 1
        self._first = 0
        self._longest = 0
        self.setAccessibleName("Lengths of the examples in tokens")
        theme.changed.connect(self._on_theme)

    def set_lengths(self, lengths: np.ndarray, longest: int) -> None:
        """Count these lengths, int64 `[example]`, in bins of whole tokens; they are cut after `longest`."""
        self._longest = longest
        self._counts = np.zeros(0, dtype=np.int64)
        if len(lengths):
            self._first = int(lengths.min())
            span = int(lengths.max()) - self._first + 1
            self._width = -(-span // _BINS)
            self._counts = np.bincount((lengths - self._first) // self._width)
        self.setAccessibleDescription(lengths_words(lengths, longest))
        self.update()

    def bar_rect(self, index: int) -> QRectF:
        """Where a bar is drawn."""
        plot = self._plot()
        left, right = (self._x(self._first + (index + step) * self._width) for step in (0, 1))
        height = plot.height() * float(self._counts[index]) / max(float(self._counts.max()), 1.0)
        # A single long example is still to be seen among many.
        height = max(height, 2.0) if self._counts[index] else 0.0
        return QRectF(left, plot.bottom() - height, max(right - left - 1.0, 1.0), height)

    def cut_x(self) -> float | None:
        """Where the line of the cut stands, None when nothing is cut."""
        return self._x(self._longest + 1) if self._first <= self._longest < self._end() - 1 else None

    def sizeHint(self) -> QSize:
        return self.minimumSizeHint()

    def minimumSizeHint(self) -> QSize:
        return QSize(120, 52)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if not len(self._counts):
            painter.setFont(self._theme.font(12))
            painter.setPen(self._theme.color("ink3"))
            painter.drawText(self.rect(), int(Qt.AlignmentFlag.AlignCenter), "There is no example to measure.")
            painter.end()
            return
        self._paint_bars(painter)
        self._paint_axis(painter)
        self._paint_cut(painter)
        painter.end()

    def _end(self) -> int:
        """The first length behind the last bar."""
        return self._first + len(self._counts) * self._width

    def _plot(self) -> QRectF:
        return QRectF(self.rect()).adjusted(_SIDE, _TOP, -_SIDE, -_BOTTOM)

    def _x(self, tokens: float) -> float:
        plot = self._plot()
        return plot.left() + (tokens - self._first) / max(self._end() - self._first, 1) * plot.width()

    def _paint_bars(self, painter: QPainter) -> None:
        color = self._theme.color
        for index in np.flatnonzero(self._counts):
            rect = self.bar_rect(int(index))
            if self._first + int(index) * self._width > self._longest:
                painter.fillRect(rect, color("mask"))
                painter.fillRect(rect, QBrush(color("line2"), Qt.BrushStyle.BDiagPattern))
            else:
                painter.fillRect(rect, color("line2"))

    def _paint_axis(self, painter: QPainter) -> None:
        plot, color = self._plot(), self._theme.color
        painter.setPen(QPen(color("line2"), 1.0))
        painter.drawLine(QPointF(plot.left(), plot.bottom() + 0.5), QPointF(plot.right(), plot.bottom() + 0.5))
        painter.setFont(self._theme.font(11, mono=True))
        painter.setPen(color("ink3"))
        most = max(2, int(plot.width() // 60))
        for tick in round_ticks(self._first, max(self._end(), self._first + 1), most):
            if tick != int(tick):
                continue
            place = QRectF(self._x(tick) - 30, plot.bottom() + 2, 60, 14)
            place.moveLeft(min(max(place.left(), -18.0), self.width() - 42.0))
            painter.drawText(place, int(Qt.AlignmentFlag.AlignCenter), f"{tick:,.0f}")

    def _paint_cut(self, painter: QPainter) -> None:
        x = self.cut_x()
        if x is None:
            return
        plot = self._plot()
        painter.setPen(QPen(self._theme.color("ink2"), 1.0, Qt.PenStyle.DashLine))
        painter.drawLine(QPointF(round(x) + 0.5, 2.0), QPointF(round(x) + 0.5, plot.bottom()))
        painter.setFont(self._theme.font(11))
        painter.setPen(self._theme.color("ink2"))
        words = f"cut at {self._longest:,}"
        width = QFontMetricsF(painter.font()).horizontalAdvance(words) + 2
        left = x + 5 if x + 5 + width <= self.width() else x - 5 - width
        painter.drawText(QRectF(left, 0, width, 14), int(Qt.AlignmentFlag.AlignVCenter), words)

    def words_at(self, x: float) -> str:
        """What the bar above a pixel counts; nothing outside."""
        plot = self._plot()
        if not len(self._counts) or not plot.left() <= x <= plot.right():
            return ""
        index = min(int((x - plot.left()) / plot.width() * len(self._counts)), len(self._counts) - 1)
        low = self._first + index * self._width
        span = f"{low:,}" if self._width == 1 else f"{low:,} to {low + self._width - 1:,}"
        return f"{span} tokens: {counted(int(self._counts[index]), 'example')}"

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            QToolTip.showText(event.globalPos(), self.words_at(event.pos().x()), self)
            return True
        return super().event(event)

    @Slot()
    def _on_theme(self) -> None:
        self.update()
