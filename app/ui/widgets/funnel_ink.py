"""The sampling funnel's fonts and colours, and words that fit their place."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter

from app.ui.theme import Theme

LEFT = int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
RIGHT = int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
CENTRE = int(Qt.AlignmentFlag.AlignCenter)
WRAPPED = int(Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap)
EDGE = 6.0
"""Pixels left free at either side."""
STRIP = 15.0
"""Height of the strip."""


class FunnelInk:
    """What every part of the picture writes with; fonts go by what is written."""

    def __init__(self, theme: Theme) -> None:
        self._theme = theme
        self.fonts = {
            "title": theme.font(13, 650),
            "off": theme.font(12, 500),
            "setting": theme.font(12),
            "left": theme.font(12, 650),
            "caption": theme.font(11),
            "name": theme.font(13, mono=True),
            "chosen": theme.font(13, 700, mono=True),
            "number": theme.font(12, mono=True),
            "word": theme.font(12, 700, mono=True),
            "draw": theme.font(11, mono=True),
        }
        self.line = {name: QFontMetricsF(font).height() for name, font in self.fonts.items()}
        self.foot = 8 + STRIP + 5 + self.line["draw"]
        """Height of the strip with what stands under it."""

    def color(self, token: str) -> QColor:
        """A colour of the theme."""
        return self._theme.color(token)

    def wide(self, font: str, text: str) -> float:
        """How wide a text is."""
        return QFontMetricsF(self.fonts[font]).horizontalAdvance(text)

    def write(self, painter: QPainter, rect: QRectF, flags: int, font: str, color: str, text: str) -> None:
        """Write a text into a rectangle."""
        painter.setFont(self.fonts[font])
        painter.setPen(self.color(color))
        painter.drawText(rect, flags, text)

    def fitting(self, font: str, texts: Sequence[str], room: float) -> str:
        """The first text that fits, else the last one cut."""
        metrics = QFontMetricsF(self.fonts[font])
        for text in texts:
            if metrics.horizontalAdvance(text) <= room:
                return text
        return metrics.elidedText(texts[-1], Qt.TextElideMode.ElideRight, room) if texts else ""
