"""Shapes that several painted widgets share."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen


def fill_round(painter: QPainter, rect: QRectF, radius: float, fill: QColor) -> None:
    """A filled rounded rectangle without outline; its radius never exceeds half a side."""
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(fill)
    radius = min(radius, rect.width() / 2, rect.height() / 2)
    painter.drawRoundedRect(rect, radius, radius)


def outline_round(
    painter: QPainter,
    rect: QRectF,
    radius: float,
    line: QColor,
    width: float = 1.0,
    fill: QColor | None = None,
    style: Qt.PenStyle = Qt.PenStyle.SolidLine,
) -> None:
    """A rounded rectangle whose outline lies wholly inside `rect`, so that one-pixel lines stay sharp."""
    painter.setPen(QPen(line, width, style))
    painter.setBrush(fill if fill is not None else Qt.BrushStyle.NoBrush)
    inset = width / 2
    painter.drawRoundedRect(rect.adjusted(inset, inset, -inset, -inset), radius, radius)


def focus_ring(painter: QPainter, rect: QRectF, color: QColor, radius: float = 6.0) -> None:
    """The keyboard focus ring: 2 px, just inside `rect`."""
    outline_round(painter, rect, radius, color, 2.0)
