"""The whole matrix small in a corner while a part of it is zoomed into, with the part marked."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PySide6.QtCore import QRectF
from PySide6.QtGui import QImage, QPainter, QPen

from app.ui.theme import Theme
from app.ui.widgets.matrix_geometry import Axis
from app.ui.widgets.matrix_levels import MatrixLevels

LONGEST = 84
"""Pixels of the longer side."""
_AWAY = 8.0
_MASKED = "mask"


def overview_image(levels: MatrixLevels, colour: Callable[[np.ndarray], np.ndarray]) -> QImage:
    """The matrix pooled to at most `LONGEST` cells a side, coloured as the large picture is."""
    factor = 1
    while -(-max(levels.values.shape) // factor) > LONGEST:
        factor *= 2
    cells = colour(levels.level((factor, factor)))
    pixels = np.ascontiguousarray(cells)
    height, width = pixels.shape
    return QImage(pixels.data, width, height, width * 4, QImage.Format.Format_ARGB32).copy()


def overview_rect(plot: QRectF, shape: tuple[int, int]) -> QRectF:
    """Where it stands: in the upper right corner of the plot, which a causal mask leaves free."""
    longest = max(shape)
    width, height = (max(8.0, LONGEST * size / longest) for size in (shape[1], shape[0]))
    return QRectF(plot.right() - width - _AWAY, plot.top() + _AWAY, width, height)


def draw_overview(painter: QPainter, theme: Theme, image: QImage, place: QRectF, axes: tuple[Axis, Axis]) -> None:
    """Draw the small picture at `place` with a frame around the rows and columns in view."""
    rows, columns = axes
    painter.fillRect(place, theme.color(_MASKED))
    painter.drawImage(place, image)
    painter.setPen(QPen(theme.color("line2"), 1))
    painter.drawRect(place)
    seen = QRectF(
        place.left() + place.width() * columns.offset / (columns.count * columns.cell),
        place.top() + place.height() * rows.offset / (rows.count * rows.cell),
        place.width() * columns.in_view / columns.count,
        place.height() * rows.in_view / rows.count,
    )
    painter.setPen(QPen(theme.color("accent"), 2))
    painter.drawRect(seen)
