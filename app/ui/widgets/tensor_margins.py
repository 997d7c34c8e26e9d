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
_BROKEN = 0.2
"""Share of it that a bar takes whose length is no number."""
_RIGHT = int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
_LEFT = int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)


def column_means(values: np.ndarray) -> np.ndarray:
    """Mean of every column, float64 `[column]`; NaN where it holds what is no finite number."""
    whole = np.isfinite(values).all(axis=0)
    with np.errstate(invalid="ignore", over="ignore"):
        return np.where(whole, values.mean(axis=0, dtype=np.float64), np.nan)


def row_lengths(values: np.ndarray) -> np.ndarray:
    """L2 norm of every row, float64 `[row]`; NaN where it holds what is no finite number."""
    squares = np.square(np.where(np.isfinite(values), values, np.nan), dtype=np.float64)
    return np.sqrt(squares.sum(axis=1))


def draw_means(painter: QPainter, theme: Theme, strip: QRectF, columns: Axis, means: np.ndarray, caption: str) -> None:
    """Bars up (orange) and down (blue) from a line in the middle of `strip`, one per column in view; across all of it
    in the colour of what is no number."""
    middle, most = strip.center().y(), _largest(means)
    painter.setPen(QPen(theme.color("line2"), 1.0))
    line = round(middle) + 0.5
    painter.drawLine(QPointF(strip.left(), line), QPointF(strip.right(), line))
    painter.setPen(Qt.PenStyle.NoPen)
    for left, width, mean in _bars(columns, means):
        if np.isnan(mean):
            painter.setBrush(theme.color("err"))
            painter.drawRect(QRectF(left, strip.top(), width, strip.height()))
            continue
        height = abs(mean) / most * strip.height() / 2.0
        painter.setBrush(theme.map_color("signed", 0.6 if mean > 0 else -0.6))
        top = middle - height if mean > 0 else middle
        painter.drawRect(QRectF(left, top, width, height))
    painter.setFont(theme.font(11))
    painter.setPen(theme.color("ink3"))
    for line, text in enumerate(("mean", caption)):
        painter.drawText(QRectF(4.0, middle - 14.0 + 14.0 * line, strip.left() - 14.0, 14.0), _RIGHT, text)


def draw_lengths(
    painter: QPainter, theme: Theme, side: QRectF, rows: Axis, lengths: np.ndarray, caption: str, captions: float
) -> None:
    """Neutral bars with their number, one per row in view; the number stands where a label has room. Their caption
    begins at the line `captions`."""
    most = _largest(lengths)
    painter.setPen(Qt.PenStyle.NoPen)
    for top, height, length in _bars(rows, lengths):
        painter.setBrush(theme.color("err" if np.isnan(length) else "line2"))
        inset = max(0.0, min(7.0, (height - 8.0) / 2.0)) if height >= 6.0 else 0.0
        share = _BROKEN if np.isnan(length) else length / most
        painter.drawRoundedRect(QRectF(side.left(), top + inset, _BAR * share, height - 2 * inset), 1.0, 1.0)
    painter.setFont(theme.font(11, mono=True))
    painter.setPen(theme.color("ink2"))
    for row in range(*rows.visible) if rows.cell >= LINE - 1.0 else ():
        whole = not np.isnan(lengths[row])
        x = side.left() + _BAR * (float(lengths[row]) / most if whole else _BROKEN) + 5.0
        if rows.begin <= rows.centre(row) <= rows.end:
            painter.drawText(
                QRectF(x, rows.centre(row) - 7.0, 60.0, 14.0), _LEFT, _length_text(float(lengths[row]), most)
            )
    painter.setFont(theme.font(11))
    painter.setPen(theme.color("ink3"))
    for line, text in enumerate(("length", caption)):
        painter.drawText(QRectF(side.left(), captions + 14.0 * line, side.width(), 14.0), _LEFT, text)


def _largest(values: np.ndarray) -> float:
    """The largest size of those that are numbers; 1 when there is nothing but zeros."""
    return float(np.nanmax(np.abs(values), initial=0.0)) or 1.0


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
    # NaN counts as the largest: a group that holds one is drawn as one.
    peaks = [float(group[np.abs(group).argmax()]) for group in groups]
    return [(axis.begin + 2.0 * i, 2.0, peak) for i, peak in enumerate(peaks)]
