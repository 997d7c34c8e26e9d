"""Marks on a matrix: the frame of a row, the ring of a cell, dots on clipped cells."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QFontMetricsF, QPainter, QPen

from app.ui.theme import Theme, text_on
from app.ui.widgets.matrix_geometry import Axis

_SMALLEST_RING = 9.0
_THINNEST_FRAME = 5.0
"""Rows thinner than this stay readable inside a frame around their neighbours too."""
_DOT_FROM = 7.0
"""Cells smaller than this in either direction carry no dot."""


def draw_row_frame(painter: QPainter, theme: Theme, axes: tuple[Axis, Axis], row: int, cells: np.ndarray) -> None:
    """The accent frame around the part of a row that can be looked at. `cells` are its columns, ascending."""
    down, across = axes
    if not cells.size:
        return
    left = max(across.begin, across.edge(int(cells[0])))
    right = min(across.end, across.edge(int(cells[-1]) + 1) - across.gap)
    top, bottom = float(down.edge(row)), float(down.edge(row + 1) - down.gap)
    spare = max(0.0, _THINNEST_FRAME - (bottom - top)) / 2.0
    top, bottom = top - spare, bottom + spare
    if right <= left or bottom <= down.begin or top >= down.end:
        return
    painter.save()
    painter.setClipRect(QRectF(across.begin, down.begin, across.length, down.length).adjusted(-2, -2, 2, 2))
    painter.setPen(QPen(theme.color("accent"), 1.5))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawRect(QRectF(left, top, right - left, bottom - top).adjusted(-0.75, -0.75, 0.75, 0.75))
    painter.restore()


def draw_cell_ring(painter: QPainter, theme: Theme, plot: QRectF, cell: QRectF) -> None:
    """The selected cell: an ink ring inside a halo in the surface colour, so that it shows on every colour."""
    grown_x = max(0.0, _SMALLEST_RING - cell.width()) / 2.0
    grown_y = max(0.0, _SMALLEST_RING - cell.height()) / 2.0
    ring = cell.adjusted(-grown_x, -grown_y, grown_x, grown_y)
    painter.save()
    painter.setClipRect(plot.adjusted(-4, -4, 4, 4))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for colour, width, inset in ((theme.color("ink"), 2.5, -1.25), (theme.color("surface"), 1.5, 0.75)):
        pen = QPen(colour, width)
        pen.setJoinStyle(Qt.PenJoinStyle.MiterJoin)
        painter.setPen(pen)
        painter.drawRect(ring.adjusted(inset, inset, -inset, -inset))
    painter.restore()


def draw_clip_dots(
    painter: QPainter, theme: Theme, axes: tuple[Axis, Axis], values: np.ndarray, limit: float, *, aside: bool = False
) -> None:
    """A dot in every cell in view whose value lies beyond ±`limit`. `values` is float32 `[row, column]`.

    `aside` puts it into the corner of the cell, where it does not cover a printed value.
    """
    down, across = axes
    if min(down.cell, across.cell) < _DOT_FROM:
        return
    (top, bottom), (left, right) = down.visible, across.visible
    part = values[top:bottom, left:right]
    painter.save()
    painter.setClipRect(QRectF(across.begin, down.begin, across.length, down.length))
    painter.setPen(Qt.PenStyle.NoPen)
    for sign in (-1.0, 1.0):
        painter.setBrush(text_on(theme.map_color("signed", sign)))
        for row, column in np.argwhere(np.isfinite(part) & (part * sign > limit)):
            y, x = down.edge(top + int(row)), across.edge(left + int(column))
            beyond, below = across.edge(left + int(column) + 1), down.edge(top + int(row) + 1)
            middle = QPointF((x + beyond - across.gap) / 2.0, (y + below - down.gap) / 2.0)
            painter.drawEllipse(QPointF(beyond - 5.5, y + 4.5) if aside else middle, 1.75, 1.75)
    painter.restore()


def draw_broken_key(painter: QPainter, theme: Theme, left: float, middle: float) -> float:
    """The colour of what is no finite number, with its words, around the line `middle`; where it ends."""
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(theme.color("err"))
    painter.drawRect(QRectF(left, middle - 4.0, 8.0, 8.0))
    painter.setFont(theme.font(11))
    painter.setPen(theme.color("ink3"))
    words = "NaN, ∞"
    width = QFontMetricsF(painter.font()).horizontalAdvance(words)
    painter.drawText(QRectF(left + 13.0, middle - 7.0, width + 1.0, 14.0), int(Qt.AlignmentFlag.AlignVCenter), words)
    return left + 13.0 + width
