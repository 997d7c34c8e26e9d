"""A page of surprise laid out for one view of it: what stands where, and where the keys lead."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

from PySide6.QtCore import QPointF, QRectF, Qt

from app.engine.evaluate.records import Piece, TextPage
from app.ui.widgets.surprise_colours import BOTH, DIFFERENCE
from app.ui.widgets.surprise_layout import SurpriseLayout
from app.ui.widgets.surprise_letters import measure_letters
from app.ui.widgets.surprise_painting import TEXT_LEFT, SurprisePainter
from app.ui.widgets.surprise_words import describe_stretch, describe_token, kind_of, summary, table_lines

NOWHERE = (-1, -1)
"""No place; a place is a row that is shown and a token in it, which in the difference is a stretch."""
MOVING_KEYS = frozenset(
    {Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_Home, Qt.Key.Key_End}
)
_RIGHT = 8


class SurpriseSheet:
    """Rows of tokens and what was measured for them, in pixels from the sheet's corner."""

    def __init__(self, painter: SurprisePainter, page: TextPage | None, slots: Sequence[str], mode: str) -> None:
        self.page, self.slots = page, tuple(slots)
        self._painter = painter
        rows: Sequence[Sequence[Piece]] = page.rows if page is not None else ()
        self.text = "".join(piece.text for piece in rows[0]) if rows else ""
        self.stretches = _stretch_pieces(page, self.text) if page is not None else []
        self.mode = mode if self.stretches else BOTH
        first_byte = page.start if page is not None else 0
        letters = measure_letters(self.text, first_byte, painter.font, painter.cell)
        difference = self.mode == DIFFERENCE
        self.layout = SurpriseLayout(letters, [self.stretches] if difference else rows, self.stretches)

    @property
    def rows(self) -> int:
        """Rows that are shown above each other."""
        return len(self.layout.rows)

    def set_width(self, width: int) -> None:
        """Break the lines for a sheet of this width."""
        self.layout.set_width(max(width - TEXT_LEFT - _RIGHT, 40.0))

    def height(self, lines: int | None = None) -> int:
        """Pixels of all lines, or of so many."""
        return round(self._painter.height(len(self.layout.lines) if lines is None else lines, self.rows or 2))

    def height_at(self, width: int) -> int:
        """Pixels that the sheet would need at another width."""
        other = SurpriseLayout(self.layout.letters, [row.pieces for row in self.layout.rows])
        other.set_width(max(width - TEXT_LEFT - _RIGHT, 40.0))
        return self.height(len(other.lines))

    def lines_between(self, top: float, bottom: float) -> range:
        """The lines of which a part stands between two heights."""
        first, last = (self._painter.line_at(y, self.rows or 2) for y in (top, bottom))
        return range(max(first, 0), min(last + 1, len(self.layout.lines)))

    def place_at(self, point: QPointF) -> tuple[int, int]:
        """The place at a point."""
        if not self.rows:
            return NOWHERE
        line, row = self._painter.line_at(point.y(), self.rows), self._painter.row_at(point.y(), self.rows)
        if row < 0 or not 0 <= line < len(self.layout.lines):
            return NOWHERE
        index = self.layout.token_at(self.layout.rows[row], line, point.x() - TEXT_LEFT)
        return (row, index) if index >= 0 else NOWHERE

    def place_of(self, byte: int, row: int) -> tuple[int, int]:
        """The place in a row that stands for a byte of the text."""
        index = self.layout.rows[row].at_byte(byte) if 0 <= row < self.rows else -1
        return (row, index) if index >= 0 else NOWHERE

    def chips(self, place: tuple[int, int]) -> list[QRectF]:
        """The chips of a token: one, or more where it is broken."""
        row, index = place
        parts = self.layout.segments(self.layout.rows[row], index)
        return [self._painter.chip_rect(part, row, self.rows) for part in parts]

    def frames(self, place: tuple[int, int]) -> list[QRectF]:
        """Around the common stretch of a place, or around its token: one for each line."""
        marks, stretch = self.layout.marks, self.stretch_of(place)
        tokens, index = (marks, stretch) if marks and stretch >= 0 else (self.layout.rows[place[0]], place[1])
        return self._painter.frame_rects(self.layout.segments(tokens, index), self.rows)

    def stretch_of(self, place: tuple[int, int]) -> int:
        """Which of the page's stretches is around a place, −1 for none."""
        if self.layout.marks is None or place == NOWHERE:
            return -1
        return place[1] if self.mode == DIFFERENCE else self.layout.marks.at_byte(self._piece(place).start)

    def kind_of(self, place: tuple[int, int]) -> str:
        """What the common stretch of a place, or its token, is called: "word" or "stretch"."""
        stretch = self.stretch_of(place)
        pieces, index = (self.stretches, stretch) if stretch >= 0 else (self.layout.rows[place[0]].pieces, place[1])
        before, after = ("".join(piece.text for piece in part) for part in (pieces[:index], pieces[index + 1 :]))
        return kind_of(pieces[index].text, before[-1:], after[:1])

    def model_piece(self, place: tuple[int, int]) -> tuple[int, Piece]:
        """The model's row and its token at a place; a stretch stands for A's first token in it."""
        piece = self._piece(place)
        if self.mode != DIFFERENCE or self.page is None:
            return place[0], piece
        first = self.page.rows[0]
        return 0, next((each for each in first if each.start >= piece.start), first[-1])

    def describe(self, place: tuple[int, int]) -> str:
        """A place in one line."""
        row, index = place
        shown = self.layout.rows[row]
        if self.mode == DIFFERENCE and self.page is not None:
            return describe_stretch(self.page.stretches[index], shown.pieces[index].text)
        touched = self.layout.letters.letters[max(shown.first[index], 0) : shown.last[index] + 1]
        return describe_token(shown, index, "".join(letter.text for letter in touched), self.slots[row])

    def summary(self) -> str:
        """The page in a sentence or two."""
        return summary(self.page, self.slots) if self.page is not None else ""

    def table(self) -> list[list[str]]:
        """The page as a table with its head: texts and bits."""
        if self.page is None:
            return []
        return table_lines(self.page, self.slots, [piece.text for piece in self.stretches])

    def after_key(self, key: int, place: tuple[int, int], *, whole: bool) -> tuple[int, int]:
        """Where one of MOVING_KEYS leads: Home and End to the line's ends, or, `whole`, to the page's."""
        if not self.layout.lines:
            return NOWHERE
        keys, (row, index) = Qt.Key, place
        if place == NOWHERE:
            return 0, 0
        tokens = self.layout.rows[row]
        if key in (keys.Key_Left, keys.Key_Right):
            return row, min(max(index + (1 if key == keys.Key_Right else -1), 0), len(tokens.pieces) - 1)
        if key in (keys.Key_Up, keys.Key_Down):
            return self._above_or_below(place, 1 if key == keys.Key_Down else -1)
        line = self.layout.segments(tokens, index)[0].line
        there = range(len(tokens.pieces)) if whole else self.layout.tokens_on(tokens, line)
        return row, there.start if key == keys.Key_Home else there.stop - 1

    def _above_or_below(self, place: tuple[int, int], step: int) -> tuple[int, int]:
        """The nearest token in the next row, which may be one of the next line."""
        row, index = place
        part = self.layout.segments(self.layout.rows[row], index)[0]
        line, row = divmod(part.line * self.rows + row + step, self.rows)
        if not 0 <= line < len(self.layout.lines):
            return place
        found = self.layout.nearest(self.layout.rows[row], line, (part.left + part.right) / 2)
        return (row, found) if found >= 0 else place

    def _piece(self, place: tuple[int, int]) -> Piece:
        return self.layout.rows[place[0]].pieces[place[1]]


def _stretch_pieces(page: TextPage, text: str) -> list[Piece]:
    """The common stretches as tokens that cost A − B, with the letters of the page's text that begin in them."""
    starts = list(accumulate((len(letter.encode("utf-8", "surrogatepass")) for letter in text), initial=page.start))
    pieces, place = [], 0
    for index, stretch in enumerate(page.stretches if len(page.rows) > 1 else ()):
        begin = place
        while place < len(text) and starts[place] < stretch.stop:
            place += 1
        difference = stretch.bits[0] - stretch.bits[1]
        pieces.append(Piece(text[begin:place], stretch.start, stretch.stop, difference, index))
    return pieces
