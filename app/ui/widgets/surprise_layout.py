"""Tokens over one grid of letters: lines broken at the same letter for every row, and where each token stands."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import isnan

from app.engine.evaluate.records import Piece
from app.ui.widgets.surprise_letters import Letter, Letters

_GOOD_PART = 0.6
"""A line is broken at the best place of this last part of it."""
_ANYWHERE, _BORDER, _AFTER_SPACE, _WORD_BORDER, _NEVER = 0, 1, 2, 3, -1


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of a token in one stretch of one line: pixels from the left of the text, letters `first` to `stop`."""

    line: int
    left: float
    right: float
    first: int
    stop: int
    cuts: tuple[bool, bool] = (False, False)
    """Whether its left and its right end lie inside a letter."""

    @property
    def width(self) -> float:
        """Pixels from end to end."""
        return self.right - self.left


class TokenRow:
    """One tokenizer's tokens, and the letters that each touches.

    A letter that several tokens share (a character whose bytes were cut) is divided evenly between them.
    """

    def __init__(self, letters: Letters, pieces: Sequence[Piece]) -> None:
        self.pieces = tuple(pieces)
        starts = [letter.start for letter in letters.letters]
        self.touching: list[list[int]] = [[] for _ in starts]
        self.first: list[int] = []
        self.last: list[int] = []
        self.borders: set[int] = {0, letters.characters}
        place = 0
        for index, piece in enumerate(self.pieces):
            stop = min(place + len(piece.text), letters.characters)
            # A token without letters lies inside the letter before it; the text's first, in the first one.
            begin, end = (place, stop - 1) if stop > place else (max(place - 1, 0), max(place - 1, 0))
            self.first.append(bisect_right(starts, begin) - 1)
            self.last.append(bisect_right(starts, end) - 1)
            for letter in range(max(self.first[-1], 0), self.last[-1] + 1):
                self.touching[letter].append(index)
            place = stop
            self.borders.add(place)

    def is_shared(self, letter: int) -> bool:
        """Whether several tokens lie in this letter."""
        return len(self.touching[letter]) > 1

    def group(self, index: int) -> range:
        """The tokens that share letters with this one, itself included."""
        first = stop = index
        while first > 0 and self.last[first - 1] == self.first[first] >= 0:
            first -= 1
        while stop + 1 < len(self.pieces) and self.first[stop + 1] == self.last[stop] >= 0:
            stop += 1
        return range(first, stop + 1)

    def bits(self, index: int) -> float | None:
        """What all tokens cost that share letters with this one; None where none was scored."""
        known = [bits for each in self.group(index) if (bits := scored_bits(self.pieces[each])) is not None]
        return sum(known) if known else None

    def at_byte(self, byte: int) -> int:
        """The first token that stands for this byte, −1 for none."""
        inside = (index for index, piece in enumerate(self.pieces) if piece.start <= byte < piece.stop)
        return next(inside, -1)


def scored_bits(piece: Piece) -> float | None:
    """A piece's bits, None where it was not scored (NaN counts as that)."""
    return None if piece.bits is None or isnan(piece.bits) else piece.bits


class SurpriseLayout:
    """Letters in lines of a width, and the rows' tokens on them. `marks` is a row that is framed, not painted."""

    def __init__(self, letters: Letters, rows: Sequence[Sequence[Piece]], marks: Sequence[Piece] = ()) -> None:
        self.letters = letters
        self.rows = [TokenRow(letters, pieces) for pieces in rows]
        self.marks = TokenRow(letters, marks) if marks else None
        self._ratings = self._rate()
        self._width = -1.0
        self.lines: list[tuple[int, int]] = []
        """The letters of each line, first and stop."""
        self.left: list[float] = []
        """Where each letter stands, pixels from the left of the text."""
        self._starts: list[int] = []
        self._segments: dict[tuple[int, int], list[Segment]] = {}

    def set_width(self, width: float) -> None:
        """Break the lines anew for this many pixels."""
        if width == self._width:
            return
        self._width = width
        self._segments.clear()
        self.lines = self._break(width)
        self._starts = [first for first, _ in self.lines]
        self.left = self._place()

    def line_of(self, letter: int) -> int:
        """The line on which a letter stands."""
        return bisect_right(self._starts, letter) - 1

    def segments(self, row: TokenRow, index: int) -> list[Segment]:
        """Where a token stands: one segment, or more where a line or the direction of writing changes inside it."""
        key = (id(row), index)
        if key not in self._segments:
            self._segments[key] = self._find_segments(row, index)
        return self._segments[key]

    def tokens_on(self, row: TokenRow, line: int) -> range:
        """The tokens of which a part stands on a line."""
        touched = [tokens for letter in range(*self.lines[line]) if (tokens := row.touching[letter])]
        return range(touched[0][0], touched[-1][-1] + 1) if touched else range(0)

    def token_at(self, row: TokenRow, line: int, x: float) -> int:
        """The token at a place of a line, −1 for none."""
        for index in self.tokens_on(row, line):
            if any(part.line == line and part.left <= x < part.right for part in self.segments(row, index)):
                return index
        return -1

    def nearest(self, row: TokenRow, line: int, x: float) -> int:
        """The token of a line that is nearest to a place, −1 where the line has none."""
        best, distance = -1, float("inf")
        for index in self.tokens_on(row, line):
            for part in self.segments(row, index):
                away = max(part.left - x, x - part.right + 0.5, 0.0)
                if part.line == line and away < distance:
                    best, distance = index, away
        return best

    def _find_segments(self, row: TokenRow, index: int) -> list[Segment]:
        parts: list[Segment] = []
        for letter in range(max(row.first[index], 0), row.last[index] + 1):
            part = self._share(row, letter, index)
            joined = joined_segment(parts[-1], part) if parts else None
            parts[-1:] = [joined] if joined is not None else [*parts[-1:], part]
        return parts

    def _share(self, row: TokenRow, letter: int, index: int) -> Segment:
        """The part of a letter's column that is a token's own."""
        sharers = row.touching[letter]
        each, place = self.letters.letters[letter], sharers.index(index)
        if each.word >= 0:
            place = len(sharers) - 1 - place
        step = each.width / len(sharers)
        left = self.left[letter] + step * place
        cuts = place > 0, place + 1 < len(sharers)
        return Segment(self.line_of(letter), left, left + step, letter, letter + 1, cuts)

    def _rate(self) -> list[int]:
        """How good it is to begin a line with each letter."""
        rows = [row.borders for row in self.rows]
        letters = self.letters.letters
        ratings = [_NEVER] * min(1, len(letters))
        for before, letter in pairwise(letters):
            border = all(letter.start in borders for borders in rows)
            if letter.word >= 0 and letter.word == before.word:
                ratings.append(_NEVER)
            elif border and (_is_space(before) or _is_space(letter)):
                ratings.append(_WORD_BORDER)
            elif _is_space(before):
                ratings.append(_AFTER_SPACE)
            else:
                ratings.append(_BORDER if border else _ANYWHERE)
        return ratings

    def _break(self, width: float) -> list[tuple[int, int]]:
        letters = self.letters.letters
        lines: list[tuple[int, int]] = []
        first = 0
        while first < len(letters):
            stop, used = first, 0.0
            # A newline's sign may stand out: it would be alone on the next line.
            while stop < len(letters) and (used + letters[stop].width <= width or letters[stop].is_newline):
                used += letters[stop].width
                stop += 1
                if letters[stop - 1].is_newline:
                    break
            if stop < len(letters) and not (stop > first and letters[stop - 1].is_newline):
                stop = self._best_break(first, max(stop, first + 1))
            lines.append((first, stop))
            first = stop
        return lines

    def _best_break(self, first: int, limit: int) -> int:
        """The best place to break between a line's first letter and the letter that no longer fits."""
        earliest = max(first + 1, limit - int((limit - first) * _GOOD_PART))
        best = max(range(limit, earliest - 1, -1), key=lambda place: self._ratings[place])
        if self._ratings[best] != _NEVER:
            return best
        # A word that is longer than that: before it, or, if nothing stands there, wherever the line is full.
        allowed = (place for place in range(limit, first, -1) if self._ratings[place] != _NEVER)
        return next(allowed, limit)

    def _place(self) -> list[float]:
        left = [0.0] * len(self.letters.letters)
        for first, stop in self.lines:
            x, index = 0.0, first
            while index < stop:
                letter = self.letters.letters[index]
                if letter.word < 0:
                    left[index] = x
                    x += letter.width
                    index += 1
                    continue
                word = self.letters.words[letter.word]
                for each in range(index, min(word.stop, stop)):
                    left[each] = x + self.letters.letters[each].shift
                x += word.width
                index = min(word.stop, stop)
        return left


def joined_segment(one: Segment, other: Segment) -> Segment | None:
    """Two parts that touch on a line as one, None for parts that do not."""
    left, right = (one, other) if one.left <= other.left else (other, one)
    if one.line != other.line or abs(left.right - right.left) > 0.01:
        return None
    letters = min(one.first, other.first), max(one.stop, other.stop)
    return Segment(one.line, left.left, right.right, *letters, (left.cuts[0], right.cuts[1]))


def _is_space(letter: Letter) -> bool:
    return letter.text.isspace()
