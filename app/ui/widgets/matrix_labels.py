"""Token labels along the axes of a matrix: right-aligned beside rows, slanted above columns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import cos, radians, sin

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter

from app.ui.theme import Theme
from app.ui.widgets.matrix_geometry import BINARY_STEPS, Axis, label_step
from app.ui.widgets.token_text import faint_prefix

SLANT = 50.0
"""Degrees by which column labels rise."""
WIDEST = 120.0
"""Longer labels are cut with an ellipsis; the readout has them whole."""
LINE = 14.0
"""Height of one label line in pixels at scale 1."""

# Flags are joined once: a slow step in Python, and labels are drawn at every frame of a pan.
_ONE_LINE = int(
    Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextDontClip | Qt.TextFlag.TextSingleLine
)
_SIN, _COS = sin(radians(SLANT)), cos(radians(SLANT))


def widest_label(labels: Iterable[str], font: QFont) -> float:
    """Width in pixels of the widest label, at most WIDEST."""
    metrics = QFontMetricsF(font)
    return min(WIDEST, max((metrics.horizontalAdvance(text) for text in set(labels)), default=0.0))


def column_label_height(width: float) -> float:
    """Room that slanted labels of `width` pixels need above the plot."""
    return width * _SIN + LINE * _COS + 6.0


def column_label_overhang(width: float) -> float:
    """How far a slanted label of `width` pixels reaches to the right of its cell's centre."""
    return width * _COS + LINE * _SIN / 2.0


def shown_rows(axis: Axis) -> range:
    """Rows in view that get a label: all when they fit, otherwise every nth."""
    return _every(axis, label_step(axis.cell, LINE - 1.0))


def shown_columns(axis: Axis) -> range:
    """Columns in view that get a label. Slanted labels stand closer to each other than their columns do."""
    return _every(axis, label_step(axis.cell * _SIN, LINE - 1.0))


def _every(axis: Axis, step: int) -> range:
    first, last = axis.visible
    return range(-(-first // step) * step, last, step)


def draw_token(painter: QPainter, rect: QRectF, text: str, ink: QColor, faint: QColor, *, right: bool = False) -> None:
    """One token on one line in the painter's font, cut to fit; its leading space sign is faint."""
    metrics = QFontMetricsF(painter.font())
    width = metrics.horizontalAdvance(text)
    if width > rect.width():
        text = metrics.elidedText(text, Qt.TextElideMode.ElideRight, rect.width())
        width = metrics.horizontalAdvance(text)
    left = rect.right() - width if right else rect.left()
    signs = faint_prefix(text)
    if signs:
        painter.setPen(faint)
        painter.drawText(QRectF(left, rect.top(), width, rect.height()), _ONE_LINE, text[:signs])
        left += metrics.horizontalAdvance(text[:signs])
    painter.setPen(ink)
    painter.drawText(QRectF(left, rect.top(), width, rect.height()), _ONE_LINE, text[signs:])


def draw_row_labels(painter: QPainter, theme: Theme, axis: Axis, labels: Sequence[str], plot_left: float) -> None:
    """Labels right-aligned before the plot."""
    painter.setFont(theme.font(12, mono=True))
    ink, faint = theme.color("ink"), theme.color("ink3")
    for row in shown_rows(axis):
        if _wholly_in(axis, row):
            draw_token(painter, _row_rect(axis, row, plot_left, LINE), labels[row], ink, faint, right=True)


def draw_row_numbers(painter: QPainter, theme: Theme, axis: Axis, plot_left: float) -> None:
    """Row numbers before the plot where rows have no names, at steps of a power of two."""
    painter.setFont(theme.font(11, mono=True))
    painter.setPen(theme.color("ink3"))
    right = int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
    for row in _every(axis, label_step(axis.cell, LINE, BINARY_STEPS)):
        if _wholly_in(axis, row):
            painter.drawText(_row_rect(axis, row, plot_left, LINE), right, str(row))


def draw_row_mark(
    painter: QPainter, theme: Theme, axis: Axis, labels: Sequence[str], row: int, plot_left: float
) -> None:
    """The label of the current row: bold accent on a soft chip, also where thinning hides it."""
    if not _wholly_in(axis, row):
        return
    height = min(max(axis.cell - 4.0, LINE + 2.0), 22.0)
    chip = _row_rect(axis, row, plot_left, height).adjusted(-6.0, 0.0, 5.0, 0.0)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(theme.color("accentsoft"))
    painter.drawRoundedRect(chip, 4.0, 4.0)
    painter.setFont(theme.font(12, 650, mono=True))
    accent = theme.color("accent")
    draw_token(painter, _row_rect(axis, row, plot_left, height), labels[row], accent, accent, right=True)


def _row_rect(axis: Axis, row: int, plot_left: float, height: float) -> QRectF:
    return QRectF(8.0, axis.centre(row) - height / 2.0, plot_left - 18.0, height)


def draw_column_labels(painter: QPainter, theme: Theme, axis: Axis, labels: Sequence[str], plot_top: float) -> None:
    """Labels that rise to the right above the plot."""
    painter.setFont(theme.font(12, mono=True))
    ink, faint = theme.color("ink"), theme.color("ink3")
    for column in shown_columns(axis):
        if _wholly_in(axis, column):
            with _Slanted(painter, axis.centre(column), plot_top):
                draw_token(painter, QRectF(0.0, -LINE / 2.0, WIDEST, LINE), labels[column], ink, faint)


def draw_column_mark(
    painter: QPainter, theme: Theme, axis: Axis, labels: Sequence[str], column: int, plot_top: float
) -> None:
    """The label of the current column: bold accent on a soft chip that covers it and its neighbours' corners."""
    if not _wholly_in(axis, column):
        return
    painter.setFont(theme.font(12, 650, mono=True))
    accent = theme.color("accent")
    width = min(WIDEST, QFontMetricsF(painter.font()).horizontalAdvance(labels[column]))
    height = min(max(axis.cell * _SIN - 1.0, LINE + 2.0), 22.0)
    with _Slanted(painter, axis.centre(column), plot_top):
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("accentsoft"))
        painter.drawRoundedRect(QRectF(-5.0, -height / 2.0, width + 10.0, height), 4.0, 4.0)
        draw_token(painter, QRectF(0.0, -LINE / 2.0, width + 1.0, LINE), labels[column], accent, accent)


def _wholly_in(axis: Axis, cell: int) -> bool:
    """Whether the middle of a cell is inside the plot, so that its label has a place to stand."""
    return 0 <= cell < axis.count and axis.begin - 1.0 <= axis.centre(cell) <= axis.end + 1.0


class _Slanted:
    """Turns the painter so that text runs up from a point just above the plot, and turns it back."""

    def __init__(self, painter: QPainter, x: float, plot_top: float) -> None:
        self._painter = painter
        self._foot = QPointF(x, plot_top - 10.0)

    def __enter__(self) -> None:
        self._painter.save()
        self._painter.translate(self._foot)
        self._painter.rotate(-SLANT)

    def __exit__(self, *_: object) -> None:
        self._painter.restore()
