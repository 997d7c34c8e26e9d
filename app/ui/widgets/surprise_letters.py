"""A text as letters in columns: what a reader takes for one sign, as wide as it is drawn."""

from __future__ import annotations

import string
import unicodedata
from dataclasses import dataclass, replace
from itertools import pairwise
from math import ceil
from typing import cast

from PySide6.QtCore import QTextBoundaryFinder
from PySide6.QtGui import QFont, QFontMetricsF, QTextLayout, QTextLine

from app.ui.widgets.token_text import NEWLINE_SIGN, visible_token

_NEWLINES = ("\n", "\r\n", "\r")
_LONGEST_WORD = 20
"""Letters of a right-to-left word that stay together; what is longer is no word and must be able to break."""


@dataclass(frozen=True, slots=True)
class Letter:
    """One sign: a character with its combining marks, or characters that are joined into one emoji."""

    text: str
    shown: str
    """As it is drawn: "⏎" for a newline."""
    start: int
    """The character of the text where it begins."""
    byte: int
    width: float
    plain: bool
    """Whether it is as wide as the font's Latin letters, so that a run of such is drawn at once."""
    word: int = -1
    """The right-to-left word it belongs to; -1 for letters that stand on their own."""
    shift: float = 0.0
    """Where it stands in that word, from the word's left."""

    @property
    def is_newline(self) -> bool:
        """Whether the line ends after it."""
        return self.text in _NEWLINES

    @property
    def is_sign(self) -> bool:
        """Whether what is drawn stands for white space, and is drawn faintly."""
        return self.is_newline or self.text == "\t"


@dataclass(frozen=True, slots=True)
class Word:
    """Letters from right to left that Qt shapes together: `first` to `stop` of the letters."""

    text: str
    first: int
    stop: int
    width: float


@dataclass(frozen=True)
class Letters:
    """A text's letters and its right-to-left words."""

    letters: tuple[Letter, ...]
    words: tuple[Word, ...]
    cell: float
    """How wide a Latin letter's column is."""
    characters: int
    """Characters of the whole text."""


def mono_grid(font: QFont) -> tuple[QFont, float]:
    """The font spread so that its Latin letters fill columns of whole pixels, and the width of a column.

    Where the font is not monospaced after all, columns are as wide as the widest letter and the font stays as it is.
    """
    metrics = QFontMetricsF(font)
    advances = [
        metrics.horizontalAdvance(letter) for letter in string.digits + string.ascii_letters + string.punctuation
    ]
    cell = float(ceil(max(advances) - 0.01))
    spread = QFont(font)
    if max(advances) - min(advances) < 0.01:
        spread.setLetterSpacing(QFont.SpacingType.AbsoluteSpacing, cell - max(advances))
    return spread, cell


def measure_letters(text: str, first_byte: int, font: QFont, cell: float) -> Letters:
    """Cut a text into letters and measure them in the spread font; `first_byte` is where the text begins."""
    metrics = QFontMetricsF(font)
    measured: dict[str, tuple[str, float, bool]] = {}
    letters: list[Letter] = []
    start, byte = 0, first_byte
    for letter in split_letters(text):
        if letter not in measured:
            shown = _shown(letter)
            advance = metrics.horizontalAdvance(shown)
            plain = abs(advance - cell) < 0.01 and len(shown) == 1 and not _is_right_to_left(letter)
            measured[letter] = shown, cell * max(1, ceil(advance / cell - 0.05)), plain
        letters.append(Letter(letter, measured[letter][0], start, byte, *measured[letter][1:]))
        start += len(letter)
        byte += len(letter.encode("utf-8", "surrogatepass"))
    words = _shape_words(letters, font)
    return Letters(tuple(letters), tuple(words), cell, start)


def split_letters(text: str) -> list[str]:
    """The text's letters as strings, which join to the text."""
    if text.isascii() and "\r" not in text:
        return list(text)
    # Qt counts in UTF-16.
    units = text.encode("utf-16-le", "surrogatepass")
    finder = QTextBoundaryFinder(QTextBoundaryFinder.BoundaryType.Grapheme, text)
    letters, before = [], 0
    while (place := finder.toNextBoundary()) > 0:
        letters.append(units[2 * before : 2 * place].decode("utf-16-le", "surrogatepass"))
        before = place
    return letters


def _shown(letter: str) -> str:
    if letter in _NEWLINES:
        return NEWLINE_SIGN
    # A space is an empty column: that the columns are there is seen from the chips.
    return letter if letter == " " else visible_token(letter)


def _is_right_to_left(letter: str) -> bool:
    return unicodedata.bidirectional(letter[0]) in ("R", "AL")


def _shape_words(letters: list[Letter], font: QFont) -> list[Word]:
    """Find the right-to-left words and put their letters where they stand in the shaped word."""
    words: list[Word] = []
    index = 0
    while index < len(letters):
        stop = index
        while stop < len(letters) and stop - index < _LONGEST_WORD and _is_right_to_left(letters[stop].text):
            stop += 1
        if stop > index:
            words.append(_shape_word(letters, index, stop, len(words), font))
        index = max(stop, index + 1)
    return words


def _shape_word(letters: list[Letter], first: int, stop: int, number: int, font: QFont) -> Word:
    text = "".join(letter.text for letter in letters[first:stop])
    layout = QTextLayout(text, font)
    layout.beginLayout()
    line = layout.createLine()
    layout.endLayout()
    unit, edges = 0, [_cursor_x(line, 0)]
    for letter in letters[first:stop]:
        unit += len(letter.text.encode("utf-16-le", "surrogatepass")) // 2
        edges.append(_cursor_x(line, unit))
    left = min(edges)
    for index, (one, other) in enumerate(pairwise(edges), first):
        width = max(abs(other - one), 1.0)
        letters[index] = replace(letters[index], word=number, width=width, shift=min(one, other) - left, plain=False)
    return Word(text, first, stop, float(ceil(max(edges) - left)))


def _cursor_x(line: QTextLine, unit: int) -> float:
    """Qt for Python gives the place together with the cursor it belongs to."""
    return cast(tuple[float, int], line.cursorToX(unit))[0]
