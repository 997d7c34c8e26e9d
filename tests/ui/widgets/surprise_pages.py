"""Pages of measured text, written by hand: tokens as (text, bits)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from app.engine.evaluate.records import Piece, Stretch, TextPage

Token = tuple[str, float | None]


def row_of(tokens: Sequence[Token], start: int = 0, first: int = 0) -> tuple[Piece, ...]:
    """Tokens one after the other; one with the text '' shares the last character of the token before it."""
    pieces: list[Piece] = []
    byte, last = start, (start, start)
    for place, (text, bits) in enumerate(tokens, first):
        stop = byte + len(text.encode())
        if text:
            last = stop - len(text[-1].encode()), stop
        begin, end = (byte, stop) if text else last
        pieces.append(Piece(text, begin, end, bits, place))
        byte = stop
    return tuple(pieces)


def page_of(*rows: Sequence[Token], start: int = 0) -> TextPage:
    """A page of one row or two, with the common stretches of two."""
    made = tuple(row_of(row, start) for row in rows)
    stop = made[0][-1].stop
    stretches: list[Stretch] = []
    if len(made) == 2:
        # A token that lies inside a character opens no stretch.
        cuts = sorted(set.intersection(*({piece.start for piece in row if piece.text} for row in made)) | {stop})
        for begin, end in pairwise(cuts):
            inside = [[piece for piece in row if begin <= piece.start < end] for row in made]
            one, other = (sum(piece.bits or 0.0 for piece in pieces) for pieces in inside)
            text = "".join(piece.text for piece in inside[0])
            stretches.append(Stretch(begin, end, (one, other), (len(inside[0]), len(inside[1])), text))
    return TextPage(start, stop, 10_000, made, tuple(stretches))


A_ROW: tuple[Token, ...] = (
    ("Once", None),
    (" found", 3.2),
    (" a", 0.5),
    (" te", 10.9),
    ("les", 5.8),
    ("cope", 1.2),
    (" in", 1.9),
    (" the", 0.4),
    (" attic", 6.9),
    (".", 0.1),
)
B_ROW: tuple[Token, ...] = (
    ("On", 5.2),
    ("ce", 0.3),
    (" found a", 5.4),
    (" telescope", 9.4),
    (" in", 2.2),
    (" the", 0.8),
    (" attic.", 14.0),
)


def telescope() -> TextPage:
    """Two tokenizers on a sentence."""
    return page_of(A_ROW, B_ROW)
