"""What stands under the sampling funnel's rows: how many more there are, the strip, and the draw on it."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite

from PySide6.QtCore import QPointF, QRectF, QSizeF, Qt
from PySide6.QtGui import QPainter, QPen, QPolygonF

from app.engine.decode.records import Funnel
from app.ui.widgets import funnel_words as words_of
from app.ui.widgets.funnel_columns import Place, not_shown
from app.ui.widgets.funnel_ink import EDGE, LEFT, STRIP, WRAPPED, FunnelInk
from app.ui.widgets.painting import outline_round


class FunnelFoot:
    """The foot of one picture; `shown` are its rows, `size` that of the whole picture."""

    def __init__(
        self, ink: FunnelInk, funnel: Funnel, places: Sequence[Place], shown: Sequence[int], size: QSizeF
    ) -> None:
        self._ink = ink
        self._funnel = funnel
        self._places = places
        self._shown = shown
        self._size = size
        self._below = self._with_more()

    def paint(self, painter: QPainter, top: float | None) -> None:
        """Paint it from `top` down; where there is no room, only that nothing is left to draw."""
        if self._funnel.chosen is None:
            self._paint_nothing_left(painter, top)
        elif top is not None:
            self._paint_more(painter, top)
            self._paint_strip(painter, top)

    def _with_more(self) -> list[Place]:
        """Columns that have more tokens than are shown, where that is not said under one before them."""
        made, said = [], 0
        for place in self._places:
            more = not_shown(self._funnel, place.column.stage, self._shown)
            if place.column.kind in ("raw", "stage") and more not in (0, said):
                made.append(place)
                said = more
        return made

    def _more_text(self, place: Place) -> str:
        return f"{not_shown(self._funnel, place.column.stage, self._shown):,} not shown"

    def _paint_more(self, painter: QPainter, top: float) -> None:
        free = 0.0
        for place in self._below:
            text = self._more_text(place)
            if place.left >= free and place.left + self._ink.wide("caption", text) <= self._strip_left() - 6:
                rect = QRectF(place.left, top + 8, self._ink.wide("caption", text) + 1, STRIP)
                self._ink.write(painter, rect, LEFT, "caption", "ink3", text)
                free = rect.right() + 8

    def _strip_left(self) -> float:
        """Under the last column with bars before the draw, after the words that stand there."""
        place = [place for place in self._places if not place.column.narrow][-2]
        return place.left + (self._ink.wide("caption", self._more_text(place)) + 16 if place in self._below else 0.0)

    def _paint_strip(self, painter: QPainter, top: float) -> None:
        funnel, left = self._funnel, self._strip_left()
        rect = QRectF(left, top + 8, self._places[-1].right - left, STRIP)
        painter.fillRect(rect, self._ink.color("sunken"))
        mark = rect.left()
        for part in funnel.strip:
            if not (isfinite(part.start) and isfinite(part.end)):
                continue
            start, end = (rect.left() + rect.width() * min(max(edge, 0.0), 1.0) for edge in (part.start, part.end))
            chosen = part.token_id == funnel.chosen
            # The gap that tells neighbours apart, where they are wide enough to have one.
            gap = 1.0 if end - start > 2.5 else 0.0
            painter.fillRect(
                QRectF(start, rect.top(), end - start - gap, STRIP), self._ink.color("accent" if chosen else "line")
            )
            if chosen:
                mark = (start + end) / 2
        if funnel.draw is not None and isfinite(funnel.draw):
            mark = rect.left() + rect.width() * min(max(funnel.draw, 0.0), 1.0)
        outline_round(painter, rect, 0, self._ink.color("line"))
        self._paint_mark(painter, rect, mark)

    def _paint_mark(self, painter: QPainter, strip: QRectF, x: float) -> None:
        ink = self._ink.color("ink")
        painter.setPen(QPen(ink, 1.6, Qt.PenStyle.SolidLine, Qt.PenCapStyle.FlatCap))
        painter.drawLine(QPointF(x, strip.top() - 3), QPointF(x, strip.bottom() + 2))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(ink)
        foot = strip.bottom() + 1
        painter.drawPolygon(QPolygonF([QPointF(x, foot), QPointF(x - 5, foot + 7), QPointF(x + 5, foot + 7)]))
        text = words_of.draw_text(self._funnel)
        wide = self._ink.wide("draw", text)
        left = x + 10 if x + 10 + wide <= self._size.width() - 2 else x - 10 - wide
        rect = QRectF(left, strip.bottom() + 3, wide + 1, self._ink.line["draw"])
        self._ink.write(painter, rect, LEFT, "draw", "ink", text)

    def _paint_nothing_left(self, painter: QPainter, top: float | None) -> None:
        """The sentence stands in place of the strip, or over the rows where there is no foot."""
        height = STRIP + 5 + self._ink.line["draw"]
        top = self._size.height() - height - 4 if top is None else top + 6
        rect = QRectF(EDGE, top, self._size.width() - 2 * EDGE, height)
        outline_round(painter, rect, 5, self._ink.color("warn"), 1.0, self._ink.color("warnsoft"))
        self._ink.write(
            painter, rect.adjusted(8, 0, -8, 0), WRAPPED, "setting", "warn", words_of.nothing_left(self._funnel)
        )
