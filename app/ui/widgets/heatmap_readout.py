"""The box that says in numbers what one attention cell holds, and where it can stand without covering data."""

from __future__ import annotations

from dataclasses import dataclass
from math import isnan

import numpy as np
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter

from app.ui.theme import Theme
from app.ui.widgets.matrix_geometry import Axis
from app.ui.widgets.matrix_labels import draw_token
from app.ui.widgets.number_text import number, percent_text, signed_number
from app.ui.widgets.painting import outline_round

WIDTH = 208.0
"""Width of the box in pixels."""
_PADDING = 12.0
_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


@dataclass(frozen=True)
class Readout:
    """What the box says. `rank` is the place of the weight among the `visible` cells of its row, 1 the largest."""

    query: int
    key: int
    row_token: str
    column_token: str
    weight: float
    score: float | None
    rank: int
    visible: int

    @property
    def masked(self) -> bool:
        """Whether the cell cannot be looked at."""
        return self.rank == 0


def read_cell(
    weights: np.ndarray, visible: np.ndarray, scores: np.ndarray | None, cell: tuple[int, int], tokens: tuple[str, str]
) -> Readout:
    """The readout of `cell` (query, key). `weights`, `scores` float32 and `visible` bool are `[query, key]`."""
    query, key = cell
    row, seen = weights[query], visible[query]
    rank = 1 + int((row[seen] > row[key]).sum()) if seen[key] else 0
    score = float(scores[query, key]) if scores is not None else None
    return Readout(query, key, tokens[0], tokens[1], float(row[key]), score, rank, int(seen.sum()))


def readout_height(readout: Readout, *, scores_first: bool) -> float:
    """Height of the box in pixels."""
    if readout.masked:
        return 68.0
    return 75.0 + 16.0 * (1 + (readout.score is not None and not scores_first))


def place_readout(
    size: tuple[float, float], axes: tuple[Axis, Axis], cell: tuple[int, int], visible: np.ndarray, room: QRectF
) -> QRectF:
    """Where the box goes: on masked cells, else beside the plot, else beside the cell; always inside `room`.

    `size` is height and width, `axes` are down and across, `visible` is bool `[query, key]`.
    """
    height, width = size
    down, across = axes
    right = across.end - width - 1.0
    spots = [QRectF(right, down.begin + inset, width, height) for inset in (17.0, 5.0)]
    spots.append(QRectF(across.begin + 5.0, down.end - height - 5.0, width, height))
    for spot in spots:
        if _covers_masked_only(spot, axes, visible):
            return spot
    beside = QRectF(across.end + 64.0, down.begin + 17.0, width, height)
    below = QRectF(across.begin, down.end + 24.0, width, height)
    for spot in (beside, below):
        if room.contains(spot):
            return spot
    x = across.centre(cell[1]) + across.cell / 2.0 + 18.0
    if x + width > room.right():
        x = across.centre(cell[1]) - across.cell / 2.0 - 18.0 - width
    y = down.centre(cell[0]) + down.cell / 2.0 + 18.0
    if y + height > room.bottom():
        y = down.centre(cell[0]) - down.cell / 2.0 - 18.0 - height
    x = min(max(x, room.left()), room.right() - width)
    return QRectF(x, min(max(y, room.top()), room.bottom() - height), width, height)


def _covers_masked_only(spot: QRectF, axes: tuple[Axis, Axis], visible: np.ndarray) -> bool:
    down, across = axes
    top, bottom = down.at(spot.top()), down.at(spot.bottom())
    left, right = across.at(spot.left()), across.at(spot.right())
    if min(top, bottom, left, right) < 0:
        return False
    return not visible[top : bottom + 1, left : right + 1].any()


def draw_readout(painter: QPainter, theme: Theme, box: QRectF, readout: Readout, *, scores_first: bool) -> None:
    """Paint the box; `scores_first` makes the score the large number."""
    outline_round(painter, box, 6.0, theme.color("line2"), 1.0, theme.color("surface"))
    inner = box.adjusted(_PADDING, 9.0, -_PADDING, -9.0)
    _draw_ends(painter, theme, QRectF(inner.left(), inner.top(), inner.width(), 16.0), readout)
    big = QRectF(inner.left(), inner.top() + 19.0, inner.width(), 30.0)
    if readout.masked:
        _draw_big(painter, theme, big, "masked", ("not looked at", "weight 0"))
        return
    percent, weight = percent_text(readout.weight), number(readout.weight, 4)
    if scores_first and readout.score is not None:
        _draw_big(painter, theme, big, signed_number(readout.score, 3), ("weight", percent))
    else:
        _draw_big(painter, theme, big, percent, ("weight", weight))
    rank = "none" if isnan(readout.weight) else f"{readout.rank} of {readout.visible:,}"
    lines = [("rank in this row", rank)]
    if readout.score is not None and not scores_first:
        lines.insert(0, ("score QKᵀ∕√d", signed_number(readout.score, 3)))
    y = inner.top() + 55.0
    for caption, value in lines:
        line = QRectF(inner.left(), y, inner.width(), 16.0)
        painter.setFont(theme.font(12))
        painter.setPen(theme.color("ink2"))
        painter.drawText(line, int(_LEFT), caption)
        painter.setFont(theme.font(12, mono=True))
        painter.setPen(theme.color("ink"))
        painter.drawText(line, int(_RIGHT), value)
        y += 16.0


def _draw_big(painter: QPainter, theme: Theme, rect: QRectF, number: str, beside: tuple[str, str]) -> None:
    painter.setFont(theme.font(22, 650))
    painter.setPen(theme.color("ink"))
    painter.drawText(rect, int(_LEFT), number)
    right = rect.adjusted(QFontMetricsF(painter.font()).horizontalAdvance(number) + 8.0, 0.0, 0.0, 0.0)
    painter.setFont(theme.font(11))
    painter.setPen(theme.color("ink3"))
    painter.drawText(QRectF(right.left(), right.top() + 1.0, right.width(), 14.0), int(_LEFT), beside[0])
    painter.setFont(theme.font(12, mono=True))
    painter.setPen(theme.color("ink"))
    painter.drawText(QRectF(right.left(), right.top() + 15.0, right.width(), 14.0), int(_LEFT), beside[1])


def _draw_ends(painter: QPainter, theme: Theme, line: QRectF, readout: Readout) -> None:
    """ "from ␣Tim #9   to ␣and #2", each half of the line."""
    ends = (("from", readout.row_token, readout.query), ("to", readout.column_token, readout.key))
    small, token_font = theme.font(12), theme.font(12, 650, mono=True)
    numbers = theme.font(11, mono=True)
    fixed = sum(
        QFontMetricsF(small).horizontalAdvance(word) + QFontMetricsF(numbers).horizontalAdvance(f"#{place}") + 10.0
        for word, _, place in ends
    )
    needs = [QFontMetricsF(token_font).horizontalAdvance(token) for _, token, _ in ends]
    room = line.width() - fixed - 12.0
    # A short token leaves its half of the line to the other one.
    widths = [min(need, max(room / 2.0, room - other)) for need, other in zip(needs, reversed(needs), strict=True)]
    x = line.left()
    for (word, token, place), width in zip(ends, widths, strict=True):
        x = _advance(painter, line, x, word, small, theme.color("ink2")) + 5.0
        painter.setFont(token_font)
        draw_token(
            painter, QRectF(x, line.top(), width + 1.0, line.height()), token, theme.color("ink"), theme.color("ink3")
        )
        x = _advance(painter, line, x + width + 5.0, f"#{place}", numbers, theme.color("ink3")) + 10.0


def _advance(painter: QPainter, line: QRectF, x: float, text: str, font: QFont, colour: QColor) -> float:
    """Write a word at `x` and return where it ends."""
    painter.setFont(font)
    painter.setPen(colour)
    width = QFontMetricsF(font).horizontalAdvance(text)
    painter.drawText(QRectF(x, line.top(), width + 1.0, line.height()), int(_LEFT), text)
    return x + width
