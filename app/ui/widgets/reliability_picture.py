"""One model's calibration laid out: bars of accuracy, the gap to the confidence, counts below."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPen

from app.engine.evaluate.records import Calibration
from app.ui.theme import Theme
from app.ui.widgets.number_text import number, percent_text
from app.ui.widgets.painting import fill_round

_TICKS = (0.0, 0.25, 0.5, 0.75, 1.0)
_STRIP, _STRIP_GAP, _EDGE = 30.0, 6.0, 18.0
_BADGE = 16.0
_HATCH = 6.0
_APART = 36.0
"""Pixels around a badge, and between a name and what is said of it."""
_LEVEL = int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
_RIGHT = int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
_MIDDLE = int(Qt.AlignmentFlag.AlignCenter)
_NOTABLE = 0.005
"""A mean gap below this share leans to no side."""


@dataclass(frozen=True, eq=False)
class CalibrationShown:
    """A model's calibration, its name, and whether it is "A" or "B"."""

    calibration: Calibration
    name: str
    slot: str = "A"

    @property
    def total(self) -> int:
        """All tokens counted."""
        return int(self.calibration.count.sum())

    def filled(self) -> list[int]:
        """The bins that hold tokens."""
        return [int(index) for index in np.flatnonzero(self.calibration.count)]

    def error_words(self) -> str:
        """ "Expected calibration error 3.2%"."""
        return f"Expected calibration error {percent_text(self.calibration.error)}" if self.total else "Nothing scored"

    def lean_words(self) -> str:
        """Whether the model is too sure or too modest on the whole; '' where it is neither."""
        if not self.total:
            return ""
        shown = self.calibration
        filled = shown.count > 0
        gaps = (shown.confidence - shown.accuracy)[filled] * shown.count[filled]
        gap = float(gaps.sum()) / self.total
        return "" if abs(gap) < _NOTABLE else "too sure" if gap > 0 else "too modest"

    def words(self) -> str:
        """Its error, and which way it leans."""
        lean = self.lean_words()
        return f"{self.error_words()}, {lean} on the whole" if lean else self.error_words()

    def range_words(self, index: int) -> str:
        """ "Confidence 70 to 80%"."""
        low, high = (f"{100 * float(self.calibration.edges[index + step]):g}" for step in (0, 1))
        return f"Confidence {low} to {high}%"

    def bin_lines(self, index: int) -> list[tuple[str, str]]:
        """A bin's numbers by name; one line where it is empty."""
        shown = self.calibration
        count = int(shown.count[index])
        if not count:
            return [("no tokens", "")]
        confidence, accuracy = float(shown.confidence[index]), float(shown.accuracy[index])
        gap = 100.0 * (confidence - accuracy)
        lean = "exact" if abs(gap) < 0.05 else "too sure" if gap > 0 else "too modest"
        return [
            ("tokens", f"{count:,}"),
            ("right", percent_text(accuracy)),
            ("mean confidence", percent_text(confidence)),
            (lean, f"{number(abs(gap), 1)} points"),
        ]


class ReliabilityPicture:
    """One diagram inside a rectangle."""

    def __init__(self, theme: Theme, shown: CalibrationShown, rect: QRectF) -> None:
        self._theme, self._shown, self._rect = theme, shown, rect
        self._small, self._numbers = theme.font(11), theme.font(11, mono=True)
        self._line = max(QFontMetricsF(font).height() for font in (self._small, self._numbers)) + 1.0
        self._head = max(QFontMetricsF(theme.font(13, 650)).height(), _BADGE) + 2.0
        self._beside = self._room_beside()
        self._words = 0.0 if self._beside else QFontMetricsF(theme.font(12)).height() + 2.0
        captions = (QFontMetricsF(self._small).horizontalAdvance("tokens"), self._number_width("100%"))
        left = rect.left() + max(captions) + 12.0
        top = rect.top() + self._head + self._words + self._line + 13.0
        bottom = rect.bottom() - 2 * self._line - 6.0 - _STRIP - _STRIP_GAP
        wide = max(rect.right() - _EDGE - left, 20.0)
        self.plot = QRectF(round(left), round(top), round(wide), max(round(bottom - top), 20))
        """Where the bars stand, 0 to 1 both ways."""
        self.strip = QRectF(self.plot.left(), self.plot.bottom() + _STRIP_GAP, self.plot.width(), _STRIP)
        """Where the counts stand."""

    def column(self, index: int) -> QRectF:
        """A bin's whole column, counts included."""
        left, right = (self._x(float(self._shown.calibration.edges[index + step])) for step in (0, 1))
        return QRectF(left, self.plot.top(), right - left, self.strip.bottom() - self.plot.top())

    def bar_rect(self, index: int) -> QRectF:
        """The bar of a bin's accuracy; without height where the bin is empty."""
        return self._stretch(index, 0.0, float(self._shown.calibration.accuracy[index]))

    def gap_rect(self, index: int) -> QRectF:
        """The hatched stretch between accuracy and mean confidence; empty where the bin is."""
        shown = self._shown.calibration
        return self._stretch(index, *sorted((float(shown.accuracy[index]), float(shown.confidence[index]))))

    def count_rect(self, index: int) -> QRectF:
        """The bar of a bin's count; without height where the bin is empty."""
        counts, column = self._shown.calibration.count, self.column(index).adjusted(1.0, 0.0, -1.0, 0.0)
        most = max(int(counts.max()), 1)
        # Few tokens beside many are still seen as some.
        height = max(int(counts[index]) / most * self.strip.height(), 1.5) if counts[index] else 0.0
        return QRectF(column.left(), self.strip.bottom() - height, column.width(), height)

    def bin_at(self, position: QPointF) -> int:
        """The bin whose column lies under a point; −1 outside."""
        around = QRectF(self.plot.topLeft(), self.strip.bottomRight()).adjusted(0.0, -6.0, 0.0, 6.0)
        if not around.contains(position):
            return -1
        place = (position.x() - self.plot.left()) / self.plot.width()
        edges = self._shown.calibration.edges
        return min(max(int(np.searchsorted(edges, place, side="right")) - 1, 0), len(edges) - 2)

    def paint(self, painter: QPainter) -> None:
        """The whole diagram."""
        self._paint_head(painter)
        self._paint_grid(painter)
        for index in self._shown.filled():
            self._paint_bin(painter, index)
        # A rim in the colour of the ground keeps the diagonal visible on bars of any colour.
        for pen in (
            QPen(self._theme.color("surface"), 3.4),
            QPen(self._theme.color("ink"), 1.4, Qt.PenStyle.DashLine),
        ):
            painter.setPen(pen)
            painter.drawLine(self.plot.bottomLeft(), self.plot.topRight())

    def mark(self, painter: QPainter, index: int) -> None:
        """Frame the column that is pointed at."""
        painter.setPen(QPen(self._theme.color("ink"), 1.5))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(self.column(index).adjusted(-0.5, 0.5, 0.5, 0.5))

    def _x(self, value: float) -> float:
        return self.plot.left() + value * self.plot.width()

    def _y(self, value: float) -> float:
        return self.plot.bottom() - value * self.plot.height()

    def _stretch(self, index: int, low: float, high: float) -> QRectF:
        column = self.column(index).adjusted(1.0, 0.0, -1.0, 0.0)
        if math.isnan(low + high):
            return QRectF(column.left(), self.plot.bottom(), column.width(), 0.0)
        return QRectF(column.left(), self._y(high), column.width(), self._y(low) - self._y(high))

    def _colour(self) -> QColor:
        return self._theme.color(self._shown.slot.lower() or "ink2")

    def _number_width(self, text: str) -> float:
        return QFontMetricsF(self._numbers).horizontalAdvance(text)

    def _paint_head(self, painter: QPainter) -> None:
        theme, shown, rect = self._theme, self._shown, self._rect
        left = rect.left() + 4.0
        if shown.slot:
            badge = QRectF(left, rect.top() + (self._head - _BADGE) / 2, _BADGE, _BADGE)
            fill_round(painter, badge, 4.0, self._colour())
            painter.setFont(theme.font(11, 700))
            painter.setPen(theme.color(f"on{shown.slot.lower()}"))
            painter.drawText(badge, _MIDDLE, shown.slot)
            left = badge.right() + 7.0
        room = QRectF(left, rect.top(), rect.right() - left - 4.0, self._head)
        if self._beside:
            self._paint_words(painter, QRectF(room.right() - self._beside, room.top(), self._beside, room.height()))
            room.setWidth(room.width() - self._beside)
        font = theme.font(13, 650)
        painter.setFont(font)
        painter.setPen(theme.color("ink"))
        name = QFontMetricsF(font).elidedText(shown.name, Qt.TextElideMode.ElideMiddle, room.width())
        painter.drawText(room, _LEVEL, name)
        if not self._beside:
            self._paint_words(painter, QRectF(rect.left() + 4.0, room.bottom(), rect.width() - 8.0, self._words))

    def _room_beside(self) -> float:
        """Pixels of all that is said of the model, where that has room beside its name; else 0."""
        words = QFontMetricsF(self._theme.font(12)).horizontalAdvance(self._shown.words()) + 1.0
        name = QFontMetricsF(self._theme.font(13, 650)).horizontalAdvance(self._shown.name)
        return words if name + words + _BADGE + _APART <= self._rect.width() else 0.0

    def _paint_words(self, painter: QPainter, room: QRectF) -> None:
        font = self._theme.font(12)
        words, longer = self._shown.error_words(), self._shown.words()
        fits = QFontMetricsF(font).horizontalAdvance(longer) <= room.width()
        painter.setFont(font)
        painter.setPen(self._theme.color("ink2"))
        shown = QFontMetricsF(font).elidedText(longer if fits else words, Qt.TextElideMode.ElideRight, room.width())
        painter.drawText(room, _LEVEL, shown)

    def _paint_grid(self, painter: QPainter) -> None:
        theme, plot, strip, line = self._theme, self.plot, self.strip, self._line
        painter.setFont(self._numbers)
        # A diagram that is low has room for every other line only.
        ticks = _TICKS if plot.height() >= 5 * line else _TICKS[::2]
        for tick in ticks:
            level = round(self._y(tick)) + 0.5
            painter.setPen(QPen(theme.color("line"), 1.0))
            painter.drawLine(QPointF(plot.left(), level), QPointF(plot.right(), level))
            painter.setPen(theme.color("ink3"))
            painter.drawText(
                QRectF(self._rect.left(), level - line / 2, plot.left() - 7.0 - self._rect.left(), line),
                _RIGHT,
                f"{tick:.0%}",
            )
        across = _TICKS if plot.width() >= 5 * (self._number_width("100%") + 14.0) else _TICKS[::2]
        for tick in across:
            wide = self._number_width("100%") + 2.0
            painter.drawText(QRectF(self._x(tick) - wide / 2, strip.bottom() + 4.0, wide, line), _MIDDLE, f"{tick:.0%}")
        painter.setPen(QPen(theme.color("line2"), 1.0))
        painter.drawLine(QPointF(strip.left(), strip.bottom() + 0.5), QPointF(strip.right(), strip.bottom() + 0.5))
        painter.setFont(self._small)
        painter.setPen(theme.color("ink3"))
        beside = QRectF(self._rect.left(), strip.bottom() - line, plot.left() - 7.0 - self._rect.left(), line)
        painter.drawText(beside, _RIGHT, "tokens")
        above = QRectF(self._rect.left() + 4.0, plot.top() - line - 7.0, self._rect.width(), line)
        painter.drawText(above, _LEVEL, "share that was right")
        below = QRectF(plot.left(), strip.bottom() + 5.0 + line, plot.width(), line)
        painter.drawText(below, _MIDDLE, "confidence")

    def _paint_bin(self, painter: QPainter, index: int) -> None:
        theme, colour, shown = self._theme, self._colour(), self._shown.calibration
        gap, bar = self.gap_rect(index), self.bar_rect(index)
        too_sure = float(shown.confidence[index]) > float(shown.accuracy[index])
        solid = bar if too_sure else QRectF(bar.left(), gap.bottom(), bar.width(), bar.bottom() - gap.bottom())
        painter.fillRect(solid, colour)
        if gap.height() >= 1.0:
            painter.fillRect(gap, theme.color(f"{self._shown.slot.lower()}soft" if self._shown.slot else "sunken"))
            _hatch(painter, gap, QPen(colour, 1.2), falling=too_sure)
            painter.setPen(QPen(colour, 1.0))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(gap.adjusted(0.5, 0.5, -0.5, -0.5))
        painter.fillRect(QRectF(bar.left(), bar.top() - 1.0, bar.width(), 2.0), colour)
        painter.fillRect(self.count_rect(index), theme.color("line2"))


def _hatch(painter: QPainter, rect: QRectF, pen: QPen, *, falling: bool) -> None:
    """Diagonals cut at the rectangle's sides: unlike a brush they stay lines in an SVG file."""
    painter.setPen(pen)
    width, height = rect.width(), rect.height()
    lines = []
    for shift in np.arange(_HATCH / 2, width + height, _HATCH):
        # x + y = shift, measured from a corner.
        (x1, y1), (x2, y2) = (
            (max(0.0, shift - height), min(shift, height)),
            (min(shift, width), max(0.0, shift - width)),
        )
        if falling:
            x1, x2 = width - x1, width - x2
        lines.append(QLineF(rect.left() + x1, rect.top() + y1, rect.left() + x2, rect.top() + y2))
    painter.drawLines(lines)
