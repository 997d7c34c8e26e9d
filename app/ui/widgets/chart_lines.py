"""Lines of charts: how a curve is drawn, thinned to what the screen can show, and where its name stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen, QPolygonF

from app.engine.evaluate.records import Curve
from app.ui.theme import Theme
from app.ui.widgets.chart_axes import Scale

_MODELS = {"A": ("a", ()), "B": ("b", (3.0, 1.7))}
_OTHERS: tuple[tuple[float, ...], ...] = ((), (3.0, 1.7), (6.0, 1.7, 1.0, 1.7), (1.0, 1.7))
_CIRCLE = 4.0
_PIECE = 24
"""Points that are stroked at once: what a stroke costs grows with the square of how often it crosses itself."""
_CIRCLES_APART = 12.0
"""Circles nearer to each other than this many pixels would merge: then the line goes without."""


@dataclass(frozen=True)
class LineStyle:
    """How a curve is drawn."""

    colour: str
    """A token of the palette."""
    width: float = 2.2
    dash: tuple[float, ...] = ()
    """Lengths of dashes and spaces in widths of the line; () is solid."""
    circles: bool = False
    """Whether every point has a circle: for the few points of a held-out loss."""
    named: bool = True
    """Whether the name stands at the line's end."""


def usual_styles(curves: Sequence[Curve]) -> list[LineStyle]:
    """A solid in its colour, B dashed in its own, further ones grey and told apart by their dashes."""
    styles, others = [], 0
    for curve in curves:
        if curve.slot in _MODELS:
            colour, dash = _MODELS[curve.slot]
            styles.append(LineStyle(colour, dash=dash))
        else:
            styles.append(LineStyle("ink2", dash=_OTHERS[others % len(_OTHERS)]))
            others += 1
    return styles


def line_pen(style: LineStyle, colour: QColor) -> QPen:
    """The pen of a line."""
    pen = QPen(colour, style.width)
    pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
    pen.setCapStyle(Qt.PenCapStyle.FlatCap if style.dash else Qt.PenCapStyle.RoundCap)
    if style.dash:
        pen.setDashPattern(list(style.dash))
    return pen


def thinned(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The same line with at most four points a pixel column: first, lowest, highest and last.

    `x` and `y` are pixels, `x` ascending. What is drawn does not change, however many points there are; a column
    without any value stays a gap.
    """
    columns = np.floor(x).astype(np.int64)
    if len(x) < 4 or len(x) <= 4 * (columns[-1] - columns[0] + 1):
        return x, y
    starts = np.flatnonzero(np.r_[True, columns[1:] != columns[:-1]])
    good = np.isfinite(y)
    index = np.arange(len(y))
    first = np.minimum.reduceat(np.where(good, index, len(y) - 1), starts)
    last = np.maximum.reduceat(np.where(good, index, 0), starts)
    empty = ~np.logical_or.reduceat(good, starts)
    heights = np.stack(
        [
            y[first],
            np.minimum.reduceat(np.where(good, y, np.inf), starts),
            np.maximum.reduceat(np.where(good, y, -np.inf), starts),
            y[last],
        ],
        axis=1,
    )
    heights[empty] = np.nan
    places = np.repeat(columns[starts] + 0.5, 4)
    return places, heights.reshape(-1)


def runs(y: np.ndarray) -> list[slice]:
    """The stretches without a gap."""
    good = np.isfinite(y)
    edges = np.flatnonzero(np.diff(np.r_[False, good, False].astype(np.int8)))
    return [slice(int(start), int(stop)) for start, stop in edges.reshape(-1, 2)]


def draw_curve(painter: QPainter, theme: Theme, curve: Curve, style: LineStyle, x: Scale, y: Scale) -> None:
    """Draw one curve; a point without neighbours is a dot."""
    if not len(curve.x):
        return
    colour = theme.color(style.colour)
    across, down = thinned(x.pixels(np.asarray(curve.x, dtype=np.float64)), y.pixels(np.asarray(curve.y, np.float64)))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for run in runs(down):
        if run.stop - run.start > 1:
            _draw_run(painter, across[run], down[run], line_pen(style, colour))
        elif not style.circles:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(colour)
            painter.drawEllipse(QPointF(across[run.start], down[run.start]), style.width, style.width)
            painter.setBrush(Qt.BrushStyle.NoBrush)
    shown = np.flatnonzero(np.isfinite(down))
    if style.circles and len(shown) * _CIRCLES_APART <= abs(x.end - x.begin):
        painter.setPen(QPen(colour, 1.8))
        painter.setBrush(theme.color("surface"))
        for at in shown:
            painter.drawEllipse(QPointF(across[at], down[at]), _CIRCLE, _CIRCLE)


def _draw_run(painter: QPainter, across: np.ndarray, down: np.ndarray, pen: QPen) -> None:
    """One line in pieces; dashes go on from piece to piece."""
    points = [QPointF(x, y) for x, y in zip(across.tolist(), down.tolist(), strict=True)]
    length = np.r_[0.0, np.cumsum(np.hypot(np.diff(across), np.diff(down)))] / pen.widthF()
    dashed = pen.style() == Qt.PenStyle.CustomDashLine
    for start in range(0, len(points) - 1, _PIECE):
        if dashed:
            pen.setDashOffset(float(length[start]))
        painter.setPen(pen)
        painter.drawPolyline(QPolygonF(points[start : start + _PIECE + 1]))


def draw_sample(painter: QPainter, theme: Theme, style: LineStyle, rect: QRectF) -> None:
    """A short piece of a line, as the key to it."""
    colour, middle = theme.color(style.colour), rect.center()
    painter.setPen(line_pen(style, colour))
    painter.drawLine(QPointF(rect.left(), middle.y()), QPointF(rect.right(), middle.y()))
    if style.circles:
        painter.setPen(QPen(colour, 1.8))
        painter.setBrush(theme.color("surface"))
        painter.drawEllipse(middle, _CIRCLE - 0.5, _CIRCLE - 0.5)


def spread(wanted: Sequence[float], height: float, low: float, high: float) -> dict[int, float]:
    """Middles for labels of one height, as near to those wanted as they can be without touching.

    Between `low` and `high` there may be no room for all of them: the last ones are left out.
    """
    room = max(0, floor((high - low) / height + 1e-6))
    order = sorted(range(min(len(wanted), room)), key=lambda index: wanted[index])
    groups: list[list[float]] = []
    # Labels that would touch move as a block, whose place is the mean of what its labels want.
    for place, index in enumerate(order):
        groups.append([wanted[index] - place * height, 1.0])
        while len(groups) > 1 and groups[-2][0] >= groups[-1][0]:
            (last, many), (before, others) = groups.pop(), groups.pop()
            groups.append([(last * many + before * others) / (many + others), many + others])
    offsets = [mean for mean, count in groups for _ in range(int(count))]
    top, bottom = low + height / 2, high - height / 2 - (len(order) - 1) * height
    return {
        index: min(max(offset, top), bottom) + place * height
        for place, (index, offset) in enumerate(zip(order, offsets, strict=True))
    }
