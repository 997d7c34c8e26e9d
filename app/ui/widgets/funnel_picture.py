"""The sampling funnel laid out for one size and painted; the widget around it brings mouse and keys."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QPointF, QRectF, QSizeF, Qt
from PySide6.QtGui import QColor, QPainter, QPen, QPolygonF

from app.engine.decode.records import Funnel
from app.ui.theme import Theme
from app.ui.widgets import funnel_words as words_of
from app.ui.widgets.funnel_columns import (
    SHORT_BAR,
    Column,
    Place,
    Tail,
    band_share,
    bar_shares,
    chosen_row,
    columns_of,
    fate,
    kept_between,
    place_columns,
    shown_rows,
    stack,
    survivors_end,
)
from app.ui.widgets.funnel_foot import FunnelFoot
from app.ui.widgets.funnel_ink import CENTRE, EDGE, LEFT, RIGHT, FunnelInk
from app.ui.widgets.matrix_labels import draw_token
from app.ui.widgets.painting import fill_round, outline_round
from app.ui.widgets.token_text import visible_token

_NAME_GAP = 10.0
_NAMES_SHARE = 0.16
_BAR = 14.0
_LEAST_BAND = 4.0
_HEAD_TOP = 5.0
_HATCH_STEP = 5.0
_CUT_BAR = 8.0
"""A hatched bar is at least this long, or its hatching would not show."""


class FunnelPicture:
    """One funnel at one size. `words` has for a stage's name what its setting is, `notes` what else its tip says."""

    def __init__(
        self, theme: Theme, funnel: Funnel, words: Mapping[str, str], size: QSizeF, notes: Mapping[str, str]
    ) -> None:
        self._theme = theme
        self._funnel = funnel
        self._words, self._notes = words, notes
        self._size = size
        self._ink = FunnelInk(theme)
        self._shares = bar_shares(funnel)
        self._chosen = chosen_row(funnel)
        self._shows_final = not any(column.kind == "stage" for column in columns_of(funnel))
        self._names = self._names_width()
        self.places = self._places()
        self._one_line = all(self._fits_one_line(place) for place in range(len(self.places)))
        has_lost = any(words_of.cuts(funnel, place) for place in range(len(funnel.stages)))
        header = (
            _HEAD_TOP
            + self._ink.line["title"]
            + self._ink.line["setting"]
            + (self._ink.line["caption"] if has_lost else 0.0)
        )
        header += 0.0 if self._one_line else self._ink.line["left"]
        line = self._ink.line["number"] + 4
        self._heights = stack(size.height(), header, line, len(funnel.rows), self._ink.foot, self._between)
        self.shown = shown_rows(funnel, self._heights.fit)
        self._kept = kept_between(funnel, self.shown)
        self._foot = FunnelFoot(self._ink, funnel, self.places, self.shown, size)

    def row_rect(self, row: int) -> QRectF:
        """Where a row of the funnel is painted, empty where it is left out."""
        if row not in self.shown:
            return QRectF()
        at, place = self._heights, self.shown.index(row)
        words = self._ink.line["caption"] * sum(kept > 0 for kept in self._kept[: place + 1])
        return QRectF(0.0, at.rows_top + place * at.pitch + words, self._size.width(), at.pitch)

    def between(self) -> list[tuple[QRectF, int]]:
        """Where words stand between two rows, and how many tokens that were kept they tell of."""
        high = self._ink.line["caption"]
        rects = ((self.row_rect(row), kept) for row, kept in zip(self.shown, self._kept, strict=True) if kept)
        return [(QRectF(0.0, rect.top() - high, rect.width(), high), kept) for rect, kept in rects]

    def _between(self, fit: int) -> float:
        """Height of the words between rows where there is room for so many rows."""
        kept = kept_between(self._funnel, shown_rows(self._funnel, fit))
        return self._ink.line["caption"] * sum(count > 0 for count in kept)

    def row_at(self, y: float) -> int:
        """The row at a height, −1 for none."""
        return next((row for row in self.shown if self.row_rect(row).top() <= y < self.row_rect(row).bottom()), -1)

    def tip(self, point: QPointF) -> str:
        """What a tooltip says here."""
        row = self.row_at(point.y())
        if row >= 0:
            return words_of.row_tip(self._funnel, row)
        for rect, kept in self.between():
            if rect.contains(point):
                return words_of.between_tip(kept)
        head = next((place for place in self.places if place.left <= point.x() < place.right), None)
        if head is None or point.y() > self._heights.rows_top:
            return ""
        name = head.column.name
        return words_of.column_tip(self._funnel, head.column, self._words.get(name, ""), self._notes.get(name, ""))

    def paint(self, painter: QPainter, current: int) -> None:
        """Paint everything; `current` is the row under the pointer or the keys, −1 for none."""
        if self._heights.band:
            self._paint_band(painter)
        self._paint_off_boxes(painter)
        for row in self.shown:
            self._paint_ground(painter, row, current)
        for index in range(len(self.places)):
            self._paint_head(painter, index)
        for row in self.shown:
            self._paint_row(painter, row)
        self._paint_between(painter)
        self._paint_ends(painter)
        self._foot.paint(painter, self._heights.foot_top)

    def _names_width(self) -> float:
        names = [self._ink.wide("chosen", visible_token(row.text)) for row in self._funnel.rows]
        return min(max([*names, 40.0]), self._size.width() * _NAMES_SHARE)

    def _places(self) -> tuple[Place, ...]:
        columns = columns_of(self._funnel)
        tails = [self._tail(column) for column in columns]
        return place_columns(columns, tails, EDGE + self._names + _NAME_GAP, self._size.width() - EDGE)

    def _tail(self, column: Column) -> Tail:
        funnel, stage = self._funnel, column.stage
        shares = [words_of.percent(share) for share in funnel.stages[stage].probabilities]
        percents = max([self._ink.wide("number", text) for text in shares], default=0.0)
        if column.kind == "raw":
            texts = [words_of.logit_text(row.logit) for row in funnel.rows]
            return Tail(max([self._ink.wide("number", text) for text in texts], default=0.0), 0.0)
        if column.kind == "draw":
            word = self._ink.wide("word", words_of.chosen_word(funnel))
            return Tail(word + (percents + 8 if self._shows_final else 0.0), word)
        cut = self._ink.wide("caption", "cut")
        has_cut = any(fate(funnel, row, stage) == "cut" for row in range(len(funnel.rows)))
        # Without its numbers a column still has a head.
        head = self._ink.wide("title", words_of.titles(column, funnel)[-1]) - SHORT_BAR
        return Tail(max(percents, cut), max(cut if has_cut else 0.0, head))

    def _head_room(self, index: int) -> float:
        """Pixels for a column's head: up to the next column."""
        following = self.places[index + 1].left - 4 if index + 1 < len(self.places) else self._size.width() - 2
        return following - self.places[index].left

    def _setting(self, place: Place) -> str:
        return self._words.get(place.column.name, "")

    def _fits_one_line(self, index: int) -> bool:
        place = self.places[index]
        if place.column.kind not in ("raw", "stage"):
            return True
        left = words_of.left_texts(self._funnel.stages[place.column.stage].left)[0]
        together = self._ink.wide("setting", self._setting(place)) + 8 + self._ink.wide("left", left)
        return together <= self._head_room(index) - 4

    def _paint_head(self, painter: QPainter, index: int) -> None:
        place, funnel = self.places[index], self._funnel
        column, room, y = place.column, self._head_room(index), _HEAD_TOP
        names = words_of.titles(column, funnel)
        if column.kind == "off":
            around = QRectF(place.left - 4, y, place.width + 8, self._ink.line["title"])
            self._ink.write(painter, around, CENTRE, "off", "ink3", self._ink.fitting("off", names, around.width()))
            around = QRectF(around.left(), around.bottom(), around.width(), self._ink.line["setting"])
            self._ink.write(painter, around, CENTRE, "setting", "ink3", "off")
            return
        rect = QRectF(place.left, y, room, self._ink.line["title"])
        self._ink.write(painter, rect, LEFT, "title", "ink", self._ink.fitting("title", names, room))
        rect = QRectF(place.left, rect.bottom(), room, self._ink.line["setting"])
        setting = self._ink.fitting("setting", words_of.setting_texts(self._setting(place)), room)
        self._ink.write(painter, rect, LEFT, "setting", "ink2", setting)
        if column.kind == "draw":
            return
        stage = funnel.stages[column.stage]
        if self._one_line:
            left = self._ink.wide("setting", setting) + (8 if setting else 0)
            self._paint_left(painter, rect.adjusted(left, 0, 0, 0), stage.left)
        else:
            rect = QRectF(place.left, rect.bottom(), room, self._ink.line["left"])
            self._paint_left(painter, rect, stage.left)
        if words_of.cuts(funnel, column.stage):
            rect = QRectF(place.left, rect.bottom(), room, self._ink.line["caption"])
            lost = self._ink.fitting("caption", words_of.lost_texts(stage), room)
            self._ink.write(painter, rect, LEFT, "caption", "ink3", lost)

    def _paint_left(self, painter: QPainter, rect: QRectF, left: int) -> None:
        text = self._ink.fitting("left", words_of.left_texts(left), rect.width())
        self._ink.write(painter, rect, LEFT, "left", "accent" if left > 0 else "warn", text)

    def _paint_band(self, painter: QPainter) -> None:
        at, funnel = self._heights, self._funnel
        middle = at.band_top + at.band / 2
        corners: list[tuple[float, float]] = []
        before = 0.0
        for place in self.places:
            if not place.column.narrow:
                left = 1 if place.column.kind == "draw" else funnel.stages[place.column.stage].left
                half = max(at.band * band_share(left, funnel.vocabulary), _LEAST_BAND) / 2 if left > 0 else 0.0
                if corners:
                    corners.append((before, corners[-1][1]))
                corners.append((place.left, half))
                if not half:
                    break
                corners.append((place.right, half))
            before = place.right
        if not corners:
            return
        above = [QPointF(x, middle - half) for x, half in corners]
        below = [QPointF(x, middle + half) for x, half in reversed(corners)]
        painter.setPen(QPen(self._ink.color("accent"), 1.2))
        painter.setBrush(self._ink.color("accentsoft"))
        painter.drawPolygon(QPolygonF([*above, *below]))

    def _paint_off_boxes(self, painter: QPainter) -> None:
        at = self._heights
        for place in self.places:
            if place.column.narrow:
                box = QRectF(place.left, at.rows_top - 3, place.width, at.rows_bottom - at.rows_top + 6)
                outline_round(painter, box, 6, self._ink.color("line"), 1.0, style=Qt.PenStyle.DashLine)

    def _paint_ground(self, painter: QPainter, row: int, current: int) -> None:
        rect = self.row_rect(row).adjusted(0, 1, 0, -1)
        if row == self._chosen:
            fill_round(painter, rect, 5, self._ink.color("accentsoft"))
            if row == current:
                outline_round(painter, rect, 5, self._ink.color("accent"))
        elif row == current:
            fill_round(painter, rect, 5, self._ink.color("hover"))

    def _paint_row(self, painter: QPainter, row: int) -> None:
        made, rect = self._funnel.rows[row], self.row_rect(row)
        painter.setFont(self._ink.fonts["chosen" if row == self._chosen else "name"])
        name = QRectF(EDGE, rect.top(), self._names, rect.height())
        gone = fate(self._funnel, row, len(self._funnel.stages)) != "alive"
        ink = self._ink.color("ink3" if gone else "ink")
        draw_token(painter, name, visible_token(made.text), ink, self._ink.color("ink3"), right=True)
        for place in self.places:
            cell = QRectF(place.left, rect.top(), place.width, rect.height())
            if place.column.kind == "raw":
                self._paint_bar(painter, place, cell, self._shares[0][row], self._ink.color("line2"))
                self._ink.write(
                    painter, cell, RIGHT, "number", "ink3" if gone else "ink2", words_of.logit_text(made.logit)
                )
            elif place.column.kind == "draw":
                self._paint_final(painter, place, cell, row)
            else:
                self._paint_cell(painter, place, cell, row)

    def _paint_between(self, painter: QPainter) -> None:
        for rect, kept in self.between():
            words = rect.adjusted(self.places[0].left, 0, 0, 0)
            self._ink.write(painter, words, LEFT, "caption", "ink3", words_of.between_text(kept))

    def _paint_cell(self, painter: QPainter, place: Place, cell: QRectF, row: int) -> None:
        """A stage's cell: what is left of a token, that it was cut here, or nothing any more."""
        stage, what = place.column.stage, fate(self._funnel, row, place.column.stage)
        if what == "cut":
            before = self._shares[stage - 1][row] if stage > 1 else 0.0
            self._paint_cut(painter, place, cell, before)
            self._ink.write(painter, cell, RIGHT, "caption", "ink3", "cut")
        elif what == "alive" and place.column.narrow:
            y = cell.center().y()
            painter.setPen(QPen(self._ink.color("line2"), 1.5))
            painter.drawLine(QPointF(cell.left() + 7, y), QPointF(cell.right() - 7, y))
        elif what == "alive":
            self._paint_bar(painter, place, cell, self._shares[stage][row], self._theme.bar_color())
            if place.numbers:
                share = words_of.percent(self._funnel.stages[stage].probabilities[row])
                self._ink.write(painter, cell, RIGHT, "number", "ink", share)

    def _paint_final(self, painter: QPainter, place: Place, cell: QRectF, row: int) -> None:
        funnel, stage = self._funnel, place.column.stage
        if funnel.chosen is None or fate(funnel, row, stage) != "alive":
            return
        drawn = row == self._chosen
        self._paint_bar(painter, place, cell, self._shares[stage][row], self._ink.color("accent" if drawn else "line"))
        if self._shows_final:
            share = words_of.percent(funnel.stages[stage].probabilities[row])
            self._ink.write(painter, cell, RIGHT, "number", "ink", share)
        if drawn:
            word = words_of.chosen_word(funnel)
            start = cell.right() - place.tail if self._shows_final else cell.right() - self._ink.wide("word", word)
            beside = QRectF(start, cell.top(), self._ink.wide("word", word) + 1, cell.height())
            self._ink.write(painter, beside, LEFT, "word", "accent", word)

    def _bar_rect(self, cell: QRectF, length: float) -> QRectF:
        height = min(_BAR, cell.height() - 7)
        return QRectF(cell.left(), cell.center().y() - height / 2, length, height)

    def _paint_bar(self, painter: QPainter, place: Place, cell: QRectF, share: float, fill: QColor) -> None:
        fill_round(painter, self._bar_rect(cell, max(place.bar * share, 1.5)), 2, fill)

    def _paint_cut(self, painter: QPainter, place: Place, cell: QRectF, share: float) -> None:
        most = place.width - self._ink.wide("caption", "cut") - 3
        rect = self._bar_rect(cell, max(min(place.bar * share, most), min(_CUT_BAR, most), 2.0))
        painter.save()
        painter.setClipRect(rect)
        painter.fillRect(rect, self._ink.color("mask"))
        painter.setPen(QPen(self._ink.color("line2"), 1.0))
        for step in range(int((rect.width() + rect.height()) / _HATCH_STEP) + 1):
            x = rect.left() + step * _HATCH_STEP
            painter.drawLine(QPointF(x, rect.top()), QPointF(x - rect.height(), rect.bottom()))
        painter.restore()
        outline_round(painter, rect, 2, self._ink.color("line2"))

    def _paint_ends(self, painter: QPainter) -> None:
        """A dashed line under the survivors of every stage that cut the rows below them."""
        painter.setPen(QPen(self._ink.color("ink"), 1.6, Qt.PenStyle.DashLine, Qt.PenCapStyle.FlatCap))
        for place in self.places:
            if place.column.kind != "stage":
                continue
            end = survivors_end(self._funnel, place.column.stage, self.shown)
            if end is not None:
                y = self.row_rect(self.shown[end]).top()
                painter.drawLine(QPointF(place.left - 6, y), QPointF(place.right + 2, y))
