"""How the parts of a beam tree are painted: headings, edges, and the boxes of the candidates."""

from __future__ import annotations

from collections.abc import Set
from math import ceil, exp

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QBrush, QColor, QFont, QFontMetricsF, QPainter, QPainterPath, QPen

from app.engine.decode.records import BeamNode
from app.ui.theme import Theme
from app.ui.widgets.beam_tree_layout import BeamColumn, BeamSizes, is_pruned
from app.ui.widgets.beam_words import fate_words, sum_words, token_words
from app.ui.widgets.matrix_image import hatch_brush
from app.ui.widgets.number_text import percent_text
from app.ui.widgets.painting import fill_round, focus_ring, outline_round
from app.ui.widgets.token_text import faint_prefix, visible_token

BEST_WIDTH = 3.5
"""Pixels of the edges of the best path."""
_RADIUS, _PADDING = 5.0, 8.0
_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


def edge_pen(theme: Theme, kind: str) -> QPen:
    """The line to a candidate that is on the way to the "best" text, was "kept" or was "pruned"."""
    if kind == "best":
        return QPen(theme.color("accent"), BEST_WIDTH)
    if kind == "pruned":
        return QPen(theme.color("line2"), 1.0, Qt.PenStyle.DashLine)
    return QPen(theme.color("res"), 1.6)


class BeamPainter:
    """Knows the fonts, and from them the sizes of the boxes."""

    def __init__(self, theme: Theme) -> None:
        self._theme = theme
        self._token, self._bold = theme.font(13, mono=True), theme.font(13, 700, mono=True)
        self._number, self._word, self._strong = theme.font(11, mono=True), theme.font(11), theme.font(11, 700)
        self._title, self._caption = theme.font(13, 600), theme.font(11.5)
        token, number = QFontMetricsF(self._token), QFontMetricsF(self._number)
        box = number.horizontalAdvance("Σ −888.88") + QFontMetricsF(self._strong).horizontalAdvance("  beam 16")
        self.sizes = BeamSizes(
            root=ceil(token.horizontalAdvance("␣shiny") + 2 * _PADDING),
            box=ceil(max(box, 112) + 2 * _PADDING),
            kept=ceil(token.height() + number.height() + 9),
            pruned=ceil(token.height() + 8),
            more=ceil(number.height() + 6),
            header=ceil(token.height() + 16),
        )
        self._hatch: tuple[tuple[str, float], QBrush] | None = None

    def paint_header(self, painter: QPainter, left: float, step: int, column: BeamColumn) -> None:
        """The column's number and how many beams it kept, where any goes on."""
        rect = QRectF(left, 6, self.sizes.box, self.sizes.header - 6)
        _write(painter, rect, _LEFT, f"Step {step + 1}", self._title, self._theme.color("ink"))
        if column.kept:
            _write(painter, rect, _RIGHT, f"{column.kept} kept", self._caption, self._theme.color("ink3"))

    def paint_more(self, painter: QPainter, rect: QRectF, hidden: int) -> None:
        """How many pruned candidates are not shown."""
        rect = rect.adjusted(_PADDING, 0, 0, 0)
        _write(painter, rect, _LEFT, f"+{hidden:,} more pruned", self._word, self._theme.color("ink3"))

    def paint_edge(self, painter: QPainter, parent: QRectF, child: QRectF, node: BeamNode, best: bool) -> None:
        """The line from a candidate to one that follows it."""
        begin, end = QPointF(parent.right(), parent.center().y()), QPointF(child.left(), child.center().y())
        bend = (end.x() - begin.x()) * 0.55
        path = QPainterPath(begin)
        path.cubicTo(begin + QPointF(bend, 0), end - QPointF(bend, 0), end)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(edge_pen(self._theme, "best" if best else "pruned" if is_pruned(node) else "kept"))
        painter.drawPath(path)

    def paint_root(self, painter: QPainter, rect: QRectF, text: str) -> None:
        """The prompt's last token."""
        color = self._theme.color
        outline_round(painter, rect, _RADIUS, color("line2"), 1.0, color("sunken"))
        room = rect.adjusted(_PADDING - 1, 0, 1 - _PADDING, 0)
        self._paint_token(painter, room, visible_token(text), self._token, color("ink"))

    def paint_node(self, painter: QPainter, rect: QRectF, node: BeamNode, states: Set[str]) -> None:
        """A candidate; its states are some of "best", "hovered", "current" and "focused"."""
        if is_pruned(node):
            self._paint_pruned(painter, rect, node, "hovered" in states)
        else:
            self._paint_held(painter, rect, node, "best" in states, "hovered" in states)
        if "current" in states:
            ring = self._theme.color("accent" if "focused" in states else "ink3")
            focus_ring(painter, rect.adjusted(-5, -5, 5, 5), ring, _RADIUS + 4)

    def _paint_held(self, painter: QPainter, rect: QRectF, node: BeamNode, best: bool, hovered: bool) -> None:
        color = self._theme.color
        probability = exp(node.logprob)
        fill_round(painter, rect, _RADIUS, self._theme.chip_fill(probability))
        line = color("accent") if best else color("ink" if hovered else "line2")
        outline_round(painter, rect, _RADIUS, line, 2.5 if best else 1.5 if hovered else 1.0)
        inner = rect.adjusted(_PADDING, 3, -_PADDING, -3)
        if node.ended:
            # The text stops here: a bar across the way on, beside the word.
            stop = QRectF(rect.right() + 3, rect.top() + 3, 4, rect.height() - 6)
            fill_round(painter, stop, 1.5, color("accent" if best else "res"))
        split = inner.top() + inner.height() * 0.54
        upper, lower = QRectF(inner), QRectF(inner)
        upper.setBottom(split)
        lower.setTop(split)
        percent = percent_text(probability)
        _write(painter, upper, _RIGHT, percent, self._number, color("ink"))
        upper.setRight(upper.right() - QFontMetricsF(self._number).horizontalAdvance(percent) - 4)
        self._paint_token(painter, upper, token_words(node), self._bold if best else self._token, color("ink"))
        _write(painter, lower, _LEFT, sum_words(node.total), self._number, color("ink"))
        _write(painter, lower, _RIGHT, fate_words(node), self._strong if best else self._word, color("ink"))

    def _paint_pruned(self, painter: QPainter, rect: QRectF, node: BeamNode, hovered: bool) -> None:
        color = self._theme.color
        painter.setPen(QPen(color("ink" if hovered else "line2"), 1.0, Qt.PenStyle.DashLine))
        painter.setBrush(self._hatching(painter.device().devicePixelRatioF()))
        painter.drawRoundedRect(rect.adjusted(0.5, 0.5, -0.5, -0.5), _RADIUS, _RADIUS)
        inner = rect.adjusted(_PADDING, 0, -_PADDING, 0)
        total = sum_words(node.total)
        _write(painter, inner, _RIGHT, total, self._number, color("ink3"))
        inner.setRight(inner.right() - QFontMetricsF(self._number).horizontalAdvance(total) - 6)
        self._paint_token(painter, inner, token_words(node), self._token, color("ink3"))

    def _hatching(self, ratio: float) -> QBrush:
        key = (self._theme.palette.name, ratio)
        if self._hatch is None or self._hatch[0] != key:
            # Fainter than a masked cell, for words stand on it.
            faint = self._theme.color("hover" if not self._theme.is_dark else "mask")
            self._hatch = (key, hatch_brush(self._theme.color("surface"), faint, ratio))
        return self._hatch[1]

    def _paint_token(self, painter: QPainter, rect: QRectF, shown: str, font: QFont, ink: QColor) -> None:
        metrics = QFontMetricsF(font)
        shown = metrics.elidedText(shown, Qt.TextElideMode.ElideMiddle, rect.width() + 1)
        split = faint_prefix(shown)
        faint = QColor(ink)
        faint.setAlphaF(0.62)
        _write(painter, rect, _LEFT, shown[:split], font, faint)
        rest = rect.adjusted(metrics.horizontalAdvance(shown[:split]), 0, 2, 0)
        _write(painter, rest, _LEFT, shown[split:], font, ink)


def _write(painter: QPainter, rect: QRectF, align: Qt.AlignmentFlag, text: str, font: QFont, ink: QColor) -> None:
    painter.setFont(font)
    painter.setPen(ink)
    painter.drawText(rect, align, text)
