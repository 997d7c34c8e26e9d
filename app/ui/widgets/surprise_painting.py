"""One line of surprise, painted: chips over letters, bits under them, frames around them."""

from __future__ import annotations

from collections.abc import Iterable
from math import ceil

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QBrush, QColor, QFontMetricsF, QPainter

from app.ui.theme import Theme, text_on
from app.ui.widgets.matrix_image import hatch_brush
from app.ui.widgets.painting import outline_round
from app.ui.widgets.slot_badge import BADGE, paint_slot
from app.ui.widgets.surprise_colours import DIFFERENCE, bits_color
from app.ui.widgets.surprise_layout import Segment, SurpriseLayout, TokenRow, joined_segment, scored_bits
from app.ui.widgets.surprise_letters import mono_grid
from app.ui.widgets.surprise_words import bits_text

TEXT_LEFT = 40.0
"""Where the letters begin, after the badges."""
_MARGIN, _BADGE_LEFT = 8.0, 6.0
_ROW_GAP, _LINE_GAP = 2.0, 13.0
_NUMBERS_FROM = 22.0
"""Chips no wider than this have no number under them."""
_FAINT = 0.55
_RADIUS, _NOTCH = 3.5, 4.0


class SurprisePainter:
    """Fonts and measures of the picture, and how its parts are drawn. Places are pixels from the picture's corner."""

    def __init__(self, theme: Theme) -> None:
        self._theme = theme
        self.font, self.cell = mono_grid(theme.font(16, mono=True))
        self._metrics = QFontMetricsF(self.font)
        self._number_font = theme.font(11, mono=True)
        self._number_metrics = QFontMetricsF(self._number_font)
        self.chip_height = float(ceil(self._metrics.height()) + 4)
        self._number_height = float(ceil(self._number_metrics.height()))
        self._hatch: tuple[tuple[str, float], QBrush] | None = None

    @property
    def row_pitch(self) -> float:
        """From one model's row to the other's."""
        return self.chip_height + self._number_height + _ROW_GAP

    def line_pitch(self, rows: int) -> float:
        """From one line of the text to the next."""
        return rows * self.row_pitch + _LINE_GAP

    def height(self, lines: int, rows: int) -> float:
        """Of the whole picture."""
        return lines * self.line_pitch(rows) - _LINE_GAP + 2 * _MARGIN if lines else 2 * _MARGIN

    def line_at(self, y: float, rows: int) -> int:
        """The line of the text at a height; it may lie outside."""
        return int((y - _MARGIN) // self.line_pitch(rows))

    def row_at(self, y: float, rows: int) -> int:
        """The row at a height, numbers included, −1 between lines."""
        row = int((y - _MARGIN) % self.line_pitch(rows) // self.row_pitch)
        return row if y >= _MARGIN and row < rows else -1

    def chip_rect(self, part: Segment, row: int, rows: int) -> QRectF:
        """The chip of a token's part: as wide as its letters, less a gap that stays outside letters."""
        top = _MARGIN + part.line * self.line_pitch(rows) + row * self.row_pitch
        return QRectF(TEXT_LEFT + part.left, top, max(part.width - (not part.cuts[1]), 1.0), self.chip_height)

    def frame_rects(self, parts: Iterable[Segment], rows: int) -> list[QRectF]:
        """Frames around all rows of these letters, numbers included: one for each line."""
        frames: dict[int, QRectF] = {}
        for part in parts:
            rect = self.chip_rect(part, 0, rows).adjusted(-2, -5, 2, 0)
            rect.setBottom(rect.top() + 5 + rows * self.row_pitch + 2)
            frames[part.line] = frames[part.line].united(rect) if part.line in frames else rect
        return list(frames.values())

    def paint_slot(self, painter: QPainter, line: int, row: int, rows: int, slot: str) -> None:
        """The model's letter before its row; "A − B" is written in words."""
        place = QRectF(_BADGE_LEFT, 0, BADGE, BADGE)
        top = _MARGIN + line * self.line_pitch(rows) + row * self.row_pitch
        place.moveTop(round(top + (self.chip_height - BADGE) / 2))
        if len(slot) == 1:
            paint_slot(painter, self._theme, place, slot)
            return
        painter.setFont(self._theme.font(11))
        painter.setPen(self._theme.color("ink3"))
        wide = QRectF(0, place.top(), TEXT_LEFT - 4, BADGE)
        painter.drawText(wide, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignHCenter, slot)

    def paint_token(
        self, painter: QPainter, layout: SurpriseLayout, place: tuple[int, int], line: int, mode: str
    ) -> None:
        """The parts of a token (row, index) that stand on a line, and its bits if it is the first of its group."""
        row, index = place
        tokens = layout.rows[row]
        bits = scored_bits(tokens.pieces[index])
        fill = bits_color(self._theme, mode, bits) if bits is not None else None
        for part in layout.segments(tokens, index):
            if part.line == line:
                rect = self.chip_rect(part, row, len(layout.rows))
                self._paint_box(painter, rect, part.cuts, fill)
                self._paint_text(painter, layout, tokens, part, rect, fill)
                if part.cuts[1]:
                    self._paint_notches(painter, rect)
        if tokens.group(index).start == index:
            self._paint_number(painter, layout, place, line, mode)

    def paint_outline(self, painter: QPainter, rects: Iterable[QRectF], *, strong: bool) -> None:
        """Around chips: thin under the pointer; strong, inside a halo, where the keys are."""
        color = self._theme.color
        for rect in rects:
            if strong:
                outline_round(painter, rect.adjusted(-2, -2, 2, 2), 5, color("surface"), 4)
            outline_round(painter, rect.adjusted(-1, -1, 1, 1), 4.5, color("ink"), 2 if strong else 1)

    def paint_frames(self, painter: QPainter, frames: Iterable[QRectF]) -> None:
        """The chosen stretch."""
        for frame in frames:
            outline_round(painter, frame, 4, self._theme.color("accent"), 2)

    def _paint_box(self, painter: QPainter, rect: QRectF, cuts: tuple[bool, bool], fill: QColor | None) -> None:
        """A chip's ground, hatched without a fill; round where it does not end inside a letter."""
        if any(cuts):
            painter.save()
            painter.setClipRect(rect, Qt.ClipOperation.IntersectClip)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(fill if fill is not None else self._hatching(painter.device().devicePixelRatioF()))
        painter.drawRoundedRect(rect.adjusted(-_RADIUS * cuts[0], 0, _RADIUS * cuts[1], 0), _RADIUS, _RADIUS)
        if any(cuts):
            painter.restore()

    def _paint_notches(self, painter: QPainter, rect: QRectF) -> None:
        """Where the next token begins inside a letter: above and below it, so that the letter stays whole."""
        for top in (rect.top(), rect.bottom() - _NOTCH):
            painter.fillRect(QRectF(rect.right() - 0.5, top, 1.0, _NOTCH), self._theme.color("surface"))

    def _hatching(self, ratio: float) -> QBrush:
        key = (self._theme.palette.name, ratio)
        if self._hatch is None or self._hatch[0] != key:
            self._hatch = key, hatch_brush(self._theme.color("mask"), self._theme.color("hatch"), ratio)
        return self._hatch[1]

    def _paint_number(
        self, painter: QPainter, layout: SurpriseLayout, place: tuple[int, int], line: int, mode: str
    ) -> None:
        """The bits of the tokens that share letters, under the widest part of them."""
        row, index = place
        tokens = layout.rows[row]
        bits = tokens.bits(index)
        if bits is None:
            return
        parts = _joined([part for each in tokens.group(index) for part in layout.segments(tokens, each)])
        widest = max(parts, key=lambda part: part.width)
        words = bits_text(bits, signed=mode == DIFFERENCE)
        room = self._number_metrics.horizontalAdvance(words)
        if widest.line != line or widest.width <= _NUMBERS_FROM or room > widest.width + 2:
            return
        rect = self.chip_rect(widest, row, len(layout.rows))
        painter.setFont(self._number_font)
        painter.setPen(self._theme.color("ink2"))
        baseline = rect.bottom() + self._number_metrics.ascent()
        painter.drawText(QPointF(round(rect.center().x() - room / 2), baseline), words)

    def _paint_text(
        self,
        painter: QPainter,
        layout: SurpriseLayout,
        tokens: TokenRow,
        part: Segment,
        rect: QRectF,
        fill: QColor | None,
    ) -> None:
        letters, first, stop = layout.letters.letters, part.first, part.stop
        ink = text_on(fill) if fill is not None else self._theme.color("ink2")
        # A letter that is shared, and a word that is shaped as one, is drawn whole for every token in it, and cut.
        cut = any(letters[each].word >= 0 or tokens.is_shared(each) for each in range(first, stop))
        painter.setFont(self.font)
        painter.setPen(ink)
        if cut:
            painter.save()
            painter.setClipRect(rect.adjusted(0, 0, not part.cuts[1], 0), Qt.ClipOperation.IntersectClip)
        baseline = round(rect.top() + (self.chip_height + self._metrics.ascent() - self._metrics.descent()) / 2)
        index = first
        while index < stop:
            index = self._paint_run(painter, layout, index, stop, baseline, ink)
        if cut:
            painter.restore()

    def _paint_run(
        self, painter: QPainter, layout: SurpriseLayout, first: int, stop: int, baseline: float, ink: QColor
    ) -> int:
        """Draw what can be drawn at once from a letter on; gives back the letter that follows."""
        letters = layout.letters.letters
        letter, left = letters[first], TEXT_LEFT + layout.left[first]
        if letter.plain:
            end = first
            while end < stop and letters[end].plain:
                end += 1
            run = "".join(each.shown for each in letters[first:end])
            if not run.isspace():
                painter.drawText(QPointF(left, baseline), run)
            return end
        if letter.word >= 0:
            word = layout.letters.words[letter.word]
            painter.drawText(QPointF(left - letter.shift, baseline), word.text)
            return min(word.stop, stop)
        if letter.is_sign:
            faint = QColor(ink)
            faint.setAlphaF(_FAINT)
            painter.setPen(faint)
        room = letter.width - self._metrics.horizontalAdvance(letter.shown)
        painter.drawText(QPointF(left + room / 2, baseline), letter.shown)
        painter.setPen(ink)
        return first + 1


def _joined(parts: list[Segment]) -> list[Segment]:
    """Parts that follow each other on a line as one."""
    found: list[Segment] = []
    for part in sorted(parts, key=lambda each: (each.line, each.left)):
        joined = joined_segment(found[-1], part) if found else None
        found[-1:] = [joined] if joined is not None else [*found[-1:], part]
    return found
