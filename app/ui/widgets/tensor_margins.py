"""What stands beside a tensor's cells: the mean of every column above, the length of every row at the right."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter, QPen

from app.ui.theme import Theme
from app.ui.widgets.matrix_geometry import Axis, pixel_cells
from app.ui.widgets.matrix_labels import LINE
from app.ui.widgets.number_text import number, short_number

_BAR = 36.0
_RIGHT = int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
_LEFT = int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)


def column_means(values: np.ndarray) -> np.ndarray:
    """Mean over the finite values of every column, float64 `[column]`; 0 where there is none."""
    finite = np.isfinite(values)
    total = np.where(finite, values, 0.0).sum(axis=0, dtype=np.float64)
    return total / np.maximum(finite.sum(axis=0), 1)


def row_lengths(values: np.ndarray) -> np.ndarray:
    """L2 norm over the finite values of every row, float64 `[row]`."""
    squares = np.square(np.where(np.isfinite(values), values, 0.0), dtype=np.float64)
    return np.sqrt(squares.sum(axis=1))


def draw_means(painter: QPainter, theme: Theme, strip: QRectF, columns: Axis, means: np.ndarray, caption: str) -> None:
    """Bars up (orange) and down (blue) from a line in the middle of `strip`, one per column in view."""
    middle, most = strip.center().y(), float(np.abs(means).max()) or 1.0
    painter.setPen(QPen(theme.color("line2"), 1.0))
    line = round(middle) + 0.5
    painter.drawLine(QPointF(strip.left(), line), QPointF(strip.right(), line))
    painter.setPen(Qt.PenStyle.NoPen)
    for left, width, mean in _bars(columns, means):
        height = abs(mean) / most * strip.height() / 2.0
        painter.setBrush(theme.map_color("signed", 0.6 if mean > 0 else -0.6))
        top = middle - height if mean > 0 else middle
        painter.drawRect(QRectF(left, top, width, height))
    painter.setFont(theme.font(11))
    painter.setPen(theme.color("ink3"))
    for line, text in enumerate(("mean", caption)):
        painter.drawText(QRectF(4.0, middle - 14.0 + 14.0 * line, strip.left() - 14.0, 14.0), _RIGHT, text)


def draw_lengths(painter: QPainter, theme: Theme, side: QRectF, rows: Axis, lengths: np.ndarray, caption: str) -> None:
    """Neutral bars with their number, one per row in view; the number stands where a label has room."""
    most = float(lengths.max()) or 1.0
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(theme.color("line2"))
    for top, height, length in _bars(rows, lengths):
        inset = max(0.0, min(7.0, (height - 8.0) / 2.0)) if height >= 6.0 else 0.0
        painter.drawRoundedRect(QRectF(side.left(), top + inset, _BAR * length / most, height - 2 * inset), 1.0, 1.0)
    painter.setFont(theme.font(11, mono=True))
    painter.setPen(theme.color("ink2"))
    for row in range(*rows.visible) if rows.cell >= LINE - 1.0 else ():
        x = side.left() + _BAR * float(lengths[row]) / most + 5.0
        if rows.begin <= rows.centre(row) <= rows.end:
            painter.drawText(
                QRectF(x, rows.centre(row) - 7.0, 60.0, 14.0), _LEFT, _length_text(float(lengths[row]), most)
            )
    painter.setFont(theme.font(11))
    painter.setPen(theme.color("ink3"))
    for line, text in enumerate(("length", caption)):
        painter.drawText(QRectF(side.left(), side.top() - 34.0 + 14.0 * line, side.width(), 14.0), _LEFT, text)


def _length_text(length: float, most: float) -> str:
    """One decimal for all when the largest is of ordinary size, so that the numbers compare by eye."""
    return number(length, 1) if 1.0 <= most < 1000.0 else short_number(length)


def _bars(axis: Axis, values: np.ndarray) -> list[tuple[float, float, float]]:
    """Begin, thickness and value of the bars in view; cells under two pixels share a bar, the largest value's."""
    first, last = axis.visible
    if axis.cell >= 2.0:
        gap = max(1, axis.gap)
        edges = [(max(axis.begin, axis.edge(i)), min(axis.end, axis.edge(i + 1))) for i in range(first, last)]
        return [(low, max(1.0, high - low - gap), float(values[first + i])) for i, (low, high) in enumerate(edges)]
    cells, _ = pixel_cells(axis, 1, 0.5)
    starts = np.unique(cells)
    groups = np.split(values[:last], starts[1:])
    groups[0] = groups[0][starts[0] :]
    peaks = [float(group[np.abs(group).argmax()]) for group in groups]
    return [(axis.begin + 2.0 * i, 2.0, peak) for i, peak in enumerate(peaks)]
