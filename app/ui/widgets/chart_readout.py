"""The box that says in numbers what a chart shows at one place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QFontMetricsF, QPainter

from app.ui.theme import Theme
from app.ui.widgets.chart_lines import LineStyle, draw_sample
from app.ui.widgets.painting import outline_round

_PADDING = 9.0
_SAMPLE = 22.0
_GAP = 14.0
_AWAY = 12.0
_MOST_NAME = 220.0
_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


@dataclass(frozen=True)
class ReadoutLine:
    """A name and its number; with a style, a piece of that line stands before the name."""

    name: str
    value: str
    style: LineStyle | None = None


def draw_readout(
    painter: QPainter,
    theme: Theme,
    title: str,
    lines: Sequence[ReadoutLine],
    between: tuple[float, float],
    room: QRectF,
    *,
    left_first: bool = False,
) -> QRectF:
    """Paint the box at the top of `room`, beside the pixels `between`; gives back where it stands.

    On the right where it fits, or with `left_first` on the left; where it fits on neither side as far out as it goes.
    """
    heading, names, numbers = theme.font(12, 650), theme.font(12), theme.font(12, mono=True)
    name_metrics, number_metrics = QFontMetricsF(names), QFontMetricsF(numbers)
    line = max(name_metrics.height(), number_metrics.height()) + 1.0
    lead = _SAMPLE + 6.0 if any(each.style for each in lines) else 0.0
    name = min(max((name_metrics.horizontalAdvance(each.name) for each in lines), default=0.0) + 1.0, _MOST_NAME)
    number = max((number_metrics.horizontalAdvance(each.value) for each in lines), default=0.0)
    inner = max(lead + name + (_GAP + number if number else 0.0), QFontMetricsF(heading).horizontalAdvance(title)) + 1.0
    width, height = inner + 2 * _PADDING, line * (len(lines) + 1) + 2 * _PADDING - 3.0
    before, after = between[0] - _AWAY - width, between[1] + _AWAY
    fits_before, fits_after = before >= room.left(), after + width <= room.right()
    left = before if fits_before and (left_first or not fits_after) else after
    left = max(min(left, room.right() - width), room.left())
    box = QRectF(round(left), round(room.top()), round(width), round(height))
    outline_round(painter, box, 6.0, theme.color("line2"), 1.0, theme.color("surface"))
    place = QRectF(box.left() + _PADDING, box.top() + _PADDING - 2.0, inner, line)
    painter.setFont(heading)
    painter.setPen(theme.color("ink"))
    painter.drawText(place, int(_LEFT), title)
    for each in lines:
        place.translate(0.0, line)
        if each.style is not None:
            draw_sample(painter, theme, each.style, QRectF(place.left(), place.top(), _SAMPLE, line))
        painter.setFont(names)
        painter.setPen(theme.color("ink2"))
        shown = name_metrics.elidedText(each.name, Qt.TextElideMode.ElideMiddle, name + 1.0)
        painter.drawText(place.adjusted(lead, 0.0, 0.0, 0.0), int(_LEFT), shown)
        painter.setFont(numbers)
        painter.setPen(theme.color("ink"))
        painter.drawText(place, int(_RIGHT), each.value)
    return box
