"""What a line chart shows, and its picture for one size: axes, lines, names at their ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QFontMetricsF, QPainter, QPen

from app.engine.evaluate.records import Curve
from app.ui.theme import Theme
from app.ui.widgets.chart_axes import RightAxis, Scale, doubling_ticks, log_ticks, nice_ticks, tick_texts, widened
from app.ui.widgets.chart_lines import LineStyle, draw_curve, spread
from app.ui.widgets.chart_points import curve_name, kept_points, value_at

_TOP, _EDGE, _NAME_GAP = 10.0, 14.0, 8.0
_APART = 16.0
_NUMBER_GAP = 8.0
_TRIANGLE = 5.0
_FEW = 10.0
"""On an axis no longer than this numbers would stand between whole places."""
_MOST_NAMES = 0.34
"""Share of the width that the names at the right may take."""
_LEVEL = int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)


@dataclass(frozen=True)
class Shade:
    """A stretch of the horizontal axis and what it is, such as "warming up" or "190 steps to go"."""

    start: float
    stop: float
    words: str
    quiet: bool = False
    """Grey, and an accent line where it begins: what is still to come, in which nothing is to be seen."""


@dataclass(frozen=True)
class Marks:
    """Places of the horizontal axis that are marked by triangles, and what they are: "checkpoint"."""

    places: tuple[float, ...] = ()
    word: str = ""


class Lines:
    """Curves with all that belongs to them. Only their ends are looked at here, so that many points cost little."""

    def __init__(
        self,
        curves: Sequence[Curve],
        styles: Sequence[LineStyle],
        labels: tuple[str, str],
        shade: Shade | None = None,
        *,
        log: bool = False,
        doubling: bool = False,
        right: RightAxis | None = None,
        marks: Marks | None = None,
    ) -> None:
        self.curves, self.styles = list(curves), list(styles)
        self.x_label, self.y_label = labels
        self.shade, self.log, self.doubling, self.right = shade, log, doubling, right
        self.marks = marks or Marks()
        self.places = [kept_points(curve, log=log) for curve in curves]
        """Per curve the `x` of the points that are drawn."""
        self.ends = self._find_ends()
        """Smallest and largest x, smallest and largest y; None without any value."""

    def value(self, index: int, x: float) -> tuple[float, bool]:
        """What a curve's line shows at `x`, and whether a point is there."""
        return value_at(self.curves[index], x, log=self.log, doubling=self.doubling)

    def last(self, index: int) -> float:
        """A curve's last value."""
        return self.value(index, float(self.places[index][-1]))[0]

    def _find_ends(self) -> tuple[float, float, float, float] | None:
        ys = [np.asarray(curve.y, np.float64) for curve, x in zip(self.curves, self.places, strict=True) if len(x)]
        drawn = [y[np.isfinite(y) & ((y > 0) | (not self.log))] for y in ys]
        if not drawn:
            return None
        xs = [float(end) for curve in self.curves if len(curve.x) for end in (curve.x[0], curve.x[-1])]
        if self.shade is not None:
            xs += [self.shade.start, self.shade.stop]
        left, right = min(xs), max(xs)
        lowest, highest = (float(end) for end in (min(y.min() for y in drawn), max(y.max() for y in drawn)))
        return left, right if right > left else left + 1.0, lowest, highest


class LinePicture:
    """Lines laid out for one size."""

    def __init__(self, theme: Theme, lines: Lines, size: QSize, marked: float | None) -> None:
        self._theme, self._lines, self._size, self._marked = theme, lines, size, marked
        self._number_font, self._name_font = theme.font(11, mono=True), theme.font(12, 650)
        self._numbers, self._names = QFontMetricsF(self._number_font), QFontMetricsF(self._name_font)
        left, right, low, high = lines.ends or (0.0, 1.0, 0.0, 1.0)
        top = _TOP + (QFontMetricsF(theme.font(11)).height() + 2.0 if lines.y_label else 0.0)
        bottom = max(size.height() - self._numbers.height() - 10.0, top + 8.0)
        # Lines of numbers stand a line and a half apart.
        parts = max(2, int((bottom - top) // (self._numbers.height() * 1.45)))
        low, high = widened(low, high, parts, log=lines.log)
        self._ticks = (log_ticks if lines.log else nice_ticks)(low, high, parts)
        self._texts = tick_texts(self._ticks, log=lines.log)
        begin = self._widest(self._texts) + _NUMBER_GAP + 6.0
        self._right_texts = list(lines.right.words(self._ticks)) if lines.right is not None else []
        self._beside = self._widest(self._right_texts) + _NUMBER_GAP + 2.0 if self._right_texts else 0.0
        """Pixels that the numbers at the right take."""
        names = self._names_width()
        self._inside = self._fits_inside(names, begin, left, right)
        beyond = names + _NAME_GAP + 4.0 if names and not self._inside else 0.0
        end = max(size.width() - max(self._beside + beyond, _EDGE), begin + 20.0)
        self.plot = QRectF(round(begin), round(top), round(end - begin), round(bottom - top))
        """Where the lines are drawn."""
        self.x = Scale(left, right, self.plot.left(), self.plot.right(), lines.doubling)
        self.y = Scale(low, high, self.plot.bottom(), self.plot.top(), lines.log)

    def right_texts(self) -> list[tuple[float, str]]:
        """Each tick's value on the left axis, and what stands beside it at the right, where there is such an axis."""
        return list(zip(self._ticks, self._right_texts, strict=False))

    def mark_rects(self) -> list[QRectF]:
        """Where the marks stand, at the foot of the plot."""
        bottom, wide = self.plot.bottom(), 2 * _TRIANGLE
        return [QRectF(self.x.pixel(at) - _TRIANGLE, bottom - wide, wide, wide - 2) for at in self._lines.marks.places]

    def names(self) -> dict[int, QRectF]:
        """Where each curve's name stands, by its place among the curves; without room it has none."""
        lines = self._lines
        named = [index for index, places in enumerate(lines.places) if lines.styles[index].named and len(places)]
        height = self._names.height() + 1.0
        wanted = [self.y.pixel(lines.last(index)) for index in named]
        # Names may reach a little beyond the plot, so that one at its edge stays level with its line.
        middles = spread(wanted, height, max(self.plot.top() - height / 2, 0.0), self.plot.bottom() + height / 2)
        left = self._line_end() + _NAME_GAP
        return {
            named[order]: QRectF(left, middle - height / 2, self._size.width() - left - 4.0, height)
            for order, middle in middles.items()
        }

    def _line_end(self) -> float:
        """The pixel after which names stand: where the longest line ends, else the plot with its numbers."""
        return self.x.pixel(self._last_place()) if self._inside else self.plot.right() + self._beside

    def _last_place(self) -> float:
        return max((float(each[-1]) for each in self._lines.places if len(each)), default=0.0)

    def _fits_inside(self, names: float, begin: float, left: float, right: float) -> bool:
        """Whether the lines end so far from the axis' end, as while training, that their names fit in between."""
        wide = self._size.width() - max(self._beside, _EDGE) - begin
        return names + _NAME_GAP <= (right - self._last_place()) / (right - left) * wide

    def place_texts(self) -> list[tuple[QRectF, str]]:
        """The numbers under the horizontal axis, as many as stand apart, and where; the last one bears the unit."""
        for parts in range(10, 0, -1):
            found = self._place_texts(parts)
            if all(one.right() + _APART <= other.left() for (one, _), (other, _) in pairwise(found)):
                break
        return found

    def _place_texts(self, parts: int) -> list[tuple[QRectF, str]]:
        ticks = (doubling_ticks if self.x.log else nice_ticks)(self.x.low, self.x.high, parts)
        if self.x.high - self.x.low <= _FEW and all(not np.any(places % 1.0) for places in self._lines.places):
            # Between block 1 and block 2 there is nothing.
            ticks = [tick for tick in ticks if float(tick).is_integer()]
        found = []
        for index, (tick, text) in enumerate(zip(ticks, tick_texts(ticks, log=self.x.log), strict=True)):
            left = self.x.pixel(tick) - self._numbers.horizontalAdvance(text) / 2
            words = f"{text} {self._lines.x_label}".strip() if index == len(ticks) - 1 else text
            wide = self._numbers.horizontalAdvance(words) + 1.0
            # The number stays under its tick where the unit has room beside it.
            left = max(min(left, self._size.width() - wide - 2.0), 1.0)
            found.append((QRectF(left, self.plot.bottom() + 6.0, wide, self._numbers.height()), words))
        return found

    def paint(self, painter: QPainter) -> None:
        """Everything but what follows the pointer."""
        lines = self._lines
        if lines.shade is not None:
            self._paint_shade(painter, lines.shade)
        self._paint_axes(painter)
        if lines.shade is not None and self._alone(lines.shade):
            self._paint_words_alone(painter, lines.shade)
        for curve, style in zip(lines.curves, lines.styles, strict=True):
            draw_curve(painter, self._theme, curve, style, self.x, self.y)
        self._paint_marks(painter)
        self._paint_names(painter)
        if self._marked is not None and self.x.low <= self._marked <= self.x.high:
            self._paint_mark(painter, self.x.pixel(self._marked))

    def _widest(self, texts: Sequence[str]) -> float:
        return max((self._numbers.horizontalAdvance(text) for text in texts), default=0.0)

    def _names_width(self) -> float:
        lines = self._lines
        named = (curve for curve, style in zip(lines.curves, lines.styles, strict=True) if style.named)
        widest = max((self._names.horizontalAdvance(curve_name(curve)) for curve in named), default=0.0)
        return min(widest + 2.0, self._size.width() * _MOST_NAMES) if widest else 0.0

    def _paint_shade(self, painter: QPainter, shade: Shade) -> None:
        left, right = self.x.pixel(shade.start), self.x.pixel(shade.stop)
        rect = QRectF(left, self.plot.top(), right - left, self.plot.height())
        painter.fillRect(rect, self._theme.color("sunken" if shade.quiet else "accentsoft"))
        painter.setFont(self._theme.font(11, 400 if shade.quiet else 650))
        painter.setPen(self._theme.color("ink3" if shade.quiet else "accent"))
        metrics = QFontMetricsF(painter.font())
        wide = metrics.horizontalAdvance(shade.words) + 1.0
        if shade.quiet:
            painter.fillRect(QRectF(left - 1.0, self.plot.top(), 2.0, self.plot.height()), self._theme.color("accent"))
        if self._alone(shade):
            return
        # In a narrow stretch the words begin inside and go beyond it, away from the plot's end.
        begin = left + max(min(11.0, (rect.width() - wide) / 2), 4.0)
        begin = max(min(begin, self.plot.right() - wide - 4.0), self.plot.left() + 4.0)
        # The bottom is free where losses fall; names that stand inside need it.
        top = self.plot.top() + 4.0 if self._inside else self.plot.bottom() - metrics.height() - 4.0
        place = QRectF(begin, top, wide, metrics.height())
        painter.drawText(place, _LEVEL, shade.words)

    def _alone(self, shade: Shade) -> bool:
        """Whether nothing but the words of a shaded stretch stands in it, so that they may stand in its middle."""
        return shade.quiet and not any(style.named for style in self._lines.styles)

    def _paint_words_alone(self, painter: QPainter, shade: Shade) -> None:
        """On a ground of their own, or a grid line would strike them out; where there is no room they stay away."""
        painter.setFont(self._theme.font(11))
        metrics = QFontMetricsF(painter.font())
        wide, high = metrics.horizontalAdvance(shade.words) + 9.0, metrics.height()
        left, right = self.x.pixel(shade.start), self.x.pixel(shade.stop)
        if wide + 4.0 <= right - left:
            room = QRectF((left + right - wide) / 2, self.plot.center().y() - high / 2, wide, high)
            painter.fillRect(room, self._theme.color("sunken"))
            painter.setPen(self._theme.color("ink3"))
            painter.drawText(room, int(Qt.AlignmentFlag.AlignCenter), shade.words)

    def _paint_axes(self, painter: QPainter) -> None:
        theme, plot, height = self._theme, self.plot, self._numbers.height()
        painter.setFont(self._number_font)
        side = int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        for tick, text in zip(self._ticks, self._texts, strict=True):
            level = round(self.y.pixel(tick)) + 0.5
            painter.setPen(QPen(theme.color("line"), 1.0))
            painter.drawLine(QPointF(plot.left(), level), QPointF(plot.right(), level))
            painter.setPen(theme.color("ink3"))
            painter.drawText(QRectF(0.0, level - height / 2, plot.left() - 8.0, height), side, text)
        for value, text in self.right_texts():
            room = QRectF(plot.right() + _NUMBER_GAP, self.y.pixel(value) - height / 2, self._beside, height)
            painter.drawText(room, _LEVEL, text)
        for place, words in self.place_texts():
            painter.drawText(place, _LEVEL, words)
        painter.setFont(theme.font(11))
        room = QRectF(6.0, 1.0, self._size.width() - 12.0, QFontMetricsF(painter.font()).height() + 1.0)
        painter.drawText(room, _LEVEL, self._lines.y_label)
        if self._lines.right is not None:
            painter.drawText(room, side, self._lines.right.label)

    def _paint_marks(self, painter: QPainter) -> None:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self._theme.color("ink2"))
        for rect in self.mark_rects():
            painter.drawPolygon([rect.topLeft(), rect.topRight(), QPointF(rect.center().x(), rect.bottom())])

    def _paint_names(self, painter: QPainter) -> None:
        painter.setFont(self._name_font)
        for index, place in self.names().items():
            colour = self._theme.color(self._lines.styles[index].colour)
            level = self.y.pixel(self._lines.last(index))
            if abs(level - place.center().y()) > 3.0:
                # A name that had to move away from its line stays tied to it.
                painter.setPen(QPen(colour, 1.0))
                start = self.x.pixel(float(self._lines.places[index][-1])) + 1.0
                painter.drawLine(QPointF(start, level), QPointF(place.left() - 2.0, place.center().y()))
            painter.setPen(colour)
            name = curve_name(self._lines.curves[index])
            painter.drawText(place, _LEVEL, self._names.elidedText(name, Qt.TextElideMode.ElideMiddle, place.width()))

    def _paint_mark(self, painter: QPainter, x: float) -> None:
        colour, top = self._theme.color("accent"), self.plot.top()
        painter.setPen(QPen(colour, 2.0))
        painter.drawLine(QPointF(x, top), QPointF(x, self.plot.bottom()))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour)
        painter.drawPolygon([QPointF(x - 5, top - 6), QPointF(x + 5, top - 6), QPointF(x, top + 1)])
