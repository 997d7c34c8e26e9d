"""How a tensor's values are distributed, on a logarithmic count."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor, log10

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Slot
from PySide6.QtGui import QHelpEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QToolTip, QWidget

from app.ui.theme import Theme
from app.ui.widgets.matrix_geometry import symmetric_limit
from app.ui.widgets.number_text import short_number
from app.ui.widgets.picture_export import PictureExport

_BINS = 56
_LEFT, _TOP, _RIGHT, _BOTTOM = 12.0, 22.0, 12.0, 24.0
_PALE = 0.16
"""Share of the clip value below which the signed map is too pale for a bar: it is neutral there."""


@dataclass(frozen=True)
class Bins:
    """Counts int64 `[bin]` between edges float64 `[bin + 1]`, and the 99th percentile of |x|."""

    counts: np.ndarray
    edges: np.ndarray
    limit: float


def count_values(values: np.ndarray, bins: int = _BINS) -> Bins | None:
    """Count the finite values of any array in `bins` equal bins; None when there are none."""
    finite = values[np.isfinite(values)]
    if finite.size == 0:
        return None
    low, high = float(finite.min()), float(finite.max())
    if low == high:
        spread = abs(low) * 0.1 or 1.0
        low, high = low - spread, high + spread
    counts, edges = np.histogram(finite, bins=bins, range=(low, high))
    return Bins(counts, edges, symmetric_limit(values))


def round_ticks(low: float, high: float, most: int = 6) -> list[float]:
    """At most about `most` round numbers between `low` and `high`, multiples of 1, 2, 3 or 5 × 10ⁿ."""
    raw = (high - low) / most
    scale = 10.0 ** floor(log10(raw))
    step = next(scale * unit for unit in (1.0, 2.0, 3.0, 5.0, 10.0) if scale * unit >= raw * 0.999)
    first, last = ceil(low / step), floor(high / step)
    return [index * step for index in range(first, last + 1)]


class Histogram(QWidget):
    """Bars of the finite values, coloured by the signed map; dashed lines at ± the 99th percentile of |x|."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._bins: Bins | None = None
        self.setToolTip("Dashed: the 99th percentile of |x|, where the colours end. Grey bars: values near zero.")
        self._marker: float | None = None
        self.setMinimumSize(120, 80)
        self.setAccessibleName("Distribution of values")
        self.export = PictureExport(self, "distribution", self.table)
        theme.changed.connect(self._restyle)

    def sizeHint(self) -> QSize:
        return QSize(280, 180)

    def set_values(self, values: np.ndarray) -> None:
        """Count the finite values of an array of any shape."""
        self._bins = count_values(np.asarray(values))
        self._marker = None
        self.setAccessibleDescription(self._describe())
        self.update()

    def set_marker(self, value: float | None) -> None:
        """Mark one value, for instance the selected cell's; None removes the mark."""
        self._marker = value if value is not None and np.isfinite(value) else None
        self.update()

    def table(self) -> list[list[str]]:
        """The bars as text: where each begins and ends, and how many values it counts."""
        lines = [["from", "to", "values"]]
        if self._bins is not None:
            edges = [str(edge) for edge in self._bins.edges.tolist()]
            lines += [list(line) for line in zip(edges, edges[1:], map(str, self._bins.counts.tolist()), strict=False)]
        return lines

    def bar_rect(self, index: int) -> QRectF:
        """Where a bar is drawn, in pixels of the widget; empty bins have no height."""
        if self._bins is None:
            return QRectF()
        plot = self._plot()
        left, right = self._x(float(self._bins.edges[index])), self._x(float(self._bins.edges[index + 1]))
        most = np.log1p(float(self._bins.counts.max()))
        height = plot.height() * np.log1p(float(self._bins.counts[index])) / most
        return QRectF(left, plot.bottom() - height, max(1.0, right - left - 1.0), height)

    @Slot()
    def _restyle(self) -> None:
        self.update()

    def _plot(self) -> QRectF:
        return QRectF(self.rect()).adjusted(_LEFT, _TOP, -_RIGHT, -_BOTTOM)

    def _x(self, value: float) -> float:
        if self._bins is None:
            return 0.0
        low, high = float(self._bins.edges[0]), float(self._bins.edges[-1])
        plot = self._plot()
        return plot.left() + (value - low) / (high - low) * plot.width()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        theme = self._theme
        painter.fillRect(self.rect(), theme.color("surface"))
        if self._bins is None:
            painter.setFont(theme.font(12))
            painter.setPen(theme.color("ink3"))
            painter.drawText(self.rect(), int(Qt.AlignmentFlag.AlignCenter), "No finite values")
        else:
            self._paint_bars(painter, self._bins)
            self._paint_axis(painter, self._bins)
            self._paint_lines(painter, self._bins)
        painter.end()

    def _paint_bars(self, painter: QPainter, bins: Bins) -> None:
        painter.setPen(Qt.PenStyle.NoPen)
        for index in np.flatnonzero(bins.counts):
            middle = float(bins.edges[index] + bins.edges[index + 1]) / 2.0 / bins.limit
            pale = abs(middle) < _PALE
            painter.setBrush(self._theme.color("line2") if pale else self._theme.map_color("signed", middle))
            painter.drawRect(self.bar_rect(int(index)))

    def _paint_axis(self, painter: QPainter, bins: Bins) -> None:
        plot, theme = self._plot(), self._theme
        painter.setPen(QPen(theme.color("line2"), 1.0))
        painter.drawLine(QPointF(plot.left(), plot.bottom() + 0.5), QPointF(plot.right(), plot.bottom() + 0.5))
        painter.setFont(theme.font(11, mono=True))
        painter.setPen(theme.color("ink3"))
        most = max(2, int(plot.width() // 52))
        for tick in round_ticks(float(bins.edges[0]), float(bins.edges[-1]), most):
            place = QRectF(self._x(tick) - 30.0, plot.bottom() + 5.0, 60.0, 14.0)
            place.moveLeft(min(max(place.left(), -18.0), self.width() - 42.0))
            painter.drawText(place, int(Qt.AlignmentFlag.AlignCenter), f"{tick:.6g}".replace("-", "−"))

    def _paint_lines(self, painter: QPainter, bins: Bins) -> None:
        plot, theme = self._plot(), self._theme
        painter.setPen(QPen(theme.color("ink2"), 1.0, Qt.PenStyle.DashLine))
        for limit in (-bins.limit, bins.limit):
            if bins.edges[0] <= limit <= bins.edges[-1]:
                x = round(self._x(limit)) + 0.5
                painter.drawLine(QPointF(x, plot.top() - 4.0), QPointF(x, plot.bottom()))
        if self._marker is not None:
            self._paint_marker(painter, plot, self._marker)

    def _paint_marker(self, painter: QPainter, plot: QRectF, value: float) -> None:
        theme, x = self._theme, min(max(self._x(value), plot.left()), plot.right())
        painter.setPen(QPen(theme.color("ink"), 2.0))
        painter.drawLine(QPointF(x, plot.top() - 6.0), QPointF(x, plot.bottom()))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("ink"))
        painter.drawEllipse(QPointF(x, plot.top() - 8.0), 4.0, 4.0)
        painter.setFont(theme.font(11, mono=True))
        painter.setPen(theme.color("ink"))
        on_left = x > plot.center().x()
        side = Qt.AlignmentFlag.AlignRight if on_left else Qt.AlignmentFlag.AlignLeft
        place = QRectF(x - 168.0 if on_left else x + 8.0, plot.top() - 16.0, 160.0, 14.0)
        painter.drawText(place, int(side | Qt.AlignmentFlag.AlignVCenter), f"selected {short_number(value)}")

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            QToolTip.showText(event.globalPos(), self._words_at(event.pos().x()), self)
            return True
        return super().event(event)

    def _words_at(self, x: int) -> str:
        """What the bar above a pixel counts; nothing outside."""
        plot = self._plot()
        if self._bins is None or not plot.left() <= x <= plot.right():
            return ""
        share = (x - plot.left()) / plot.width()
        index = min(int(share * len(self._bins.counts)), len(self._bins.counts) - 1)
        low, high = (short_number(float(self._bins.edges[index + step])) for step in (0, 1))
        return f"{low} to {high}: {int(self._bins.counts[index]):,} values"

    def _describe(self) -> str:
        if self._bins is None:
            return "No finite values"
        low, high = short_number(float(self._bins.edges[0])), short_number(float(self._bins.edges[-1]))
        limit = short_number(self._bins.limit)
        return f"{int(self._bins.counts.sum()):,} values from {low} to {high}; 99 percent lie within ±{limit}"
