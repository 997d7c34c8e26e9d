"""Values to pixels: colours looked up with numpy, cells laid out pixel by pixel, the hatching of masked cells."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QBrush, QColor, QImage, QPainter, QPen, QPixmap

from app.ui.colour_maps import PROBABILITY_EXPONENT
from app.ui.widgets.matrix_geometry import Axis, pixel_cells


def packed(lut: np.ndarray) -> np.ndarray:
    """A colour table uint8 `[256, RGBA]` as uint32 `[256]` in the order of QImage.Format_ARGB32."""
    table = lut.astype(np.uint32)
    alpha = table[:, 3] if lut.shape[1] > 3 else np.uint32(255)
    return (alpha << np.uint32(24)) | (table[:, 0] << np.uint32(16)) | (table[:, 1] << np.uint32(8)) | table[:, 2]


def opaque(colour: QColor) -> np.uint32:
    """One colour as it stands in a Format_ARGB32 image."""
    return np.uint32(colour.rgba())


def probability_colours(values: np.ndarray, lut: np.ndarray, broken: QColor) -> np.ndarray:
    """Colours uint32 of weights in 0..1. Masked cells (−inf) are transparent, NaN has the colour `broken`."""
    with np.errstate(invalid="ignore"):
        places = np.clip(values, 0.0, 1.0) ** PROBABILITY_EXPONENT
    return _looked_up(values, places, packed(lut), broken)


def signed_colours(values: np.ndarray, limit: float, lut: np.ndarray, broken: QColor) -> np.ndarray:
    """Colours uint32 of values about zero, clipped at ±`limit`. Masked cells (−inf) are transparent."""
    with np.errstate(invalid="ignore"):
        places = (np.clip(values / limit, -1.0, 1.0) + 1.0) / 2.0
    return _looked_up(values, places, packed(lut), broken)


def _looked_up(values: np.ndarray, places: np.ndarray, table: np.ndarray, broken: QColor) -> np.ndarray:
    missing = np.isnan(values) | np.isposinf(values)
    index = np.rint(np.where(missing, 0.0, places) * 255.0).astype(np.intp)
    colours = table[index]
    colours[np.isneginf(values)] = 0
    colours[missing] = opaque(broken)
    return colours


def plot_image(
    colours: np.ndarray,
    first: tuple[int, int],
    axes: tuple[Axis, Axis],
    factors: tuple[int, int],
    ratio: float,
    gap: QColor,
) -> QImage:
    """The plot, one nearest cell per device pixel, gaps drawn in.

    `colours` is uint32 `[row, column]` of the pooled cells that begin at `first`; `axes` are down and across.
    Expanding columns first and then copying whole rows makes this as fast as a scaled blit, and pixels agree
    exactly with `Axis.at`.
    """
    down, gap_rows = pixel_cells(axes[0], factors[0], ratio)
    across, gap_columns = pixel_cells(axes[1], factors[1], ratio)
    wide = colours[:, across - first[1]]
    wide[:, gap_columns] = opaque(gap)
    pixels = np.ascontiguousarray(wide[down - first[0]])
    pixels[gap_rows] = opaque(gap)
    height, width = pixels.shape
    image = QImage(pixels.data, width, height, width * 4, QImage.Format.Format_ARGB32).copy()
    image.setDevicePixelRatio(ratio)
    return image


def hatch_brush(mask: QColor, line: QColor, ratio: float) -> QBrush:
    """Diagonal lines on the mask colour: what cannot be looked at, told from zero without relying on colour."""
    side = 7
    tile = QPixmap(round(side * ratio), round(side * ratio))
    tile.setDevicePixelRatio(ratio)
    tile.fill(mask)
    painter = QPainter(tile)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(line, 1.3))
    for shift in (-side, 0, side):
        painter.drawLine(QPointF(shift - 1.0, side + 1.0), QPointF(shift + side + 1.0, -1.0))
    painter.end()
    return QBrush(tile)


def draw_colour_bar(painter: QPainter, rect: QRectF, colours: np.ndarray, border: QColor) -> None:
    """A legend from the lowest colour (left or bottom) to the highest; `colours` is uint32 `[step]`."""
    upright = rect.height() > rect.width()
    strip = np.ascontiguousarray(colours[::-1].reshape(-1, 1) if upright else colours.reshape(1, -1))
    height, width = strip.shape
    image = QImage(strip.data, width, height, width * 4, QImage.Format.Format_ARGB32)
    painter.drawImage(rect, image)
    painter.setPen(QPen(border, 1.0))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawRect(rect.adjusted(0.5, 0.5, -0.5, -0.5))
