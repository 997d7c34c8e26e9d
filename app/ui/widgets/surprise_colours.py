"""What colours surprise: bits of a token, bits between two models, and both by the byte."""

from __future__ import annotations

from PySide6.QtGui import QColor

from app.ui.colour_maps import SURPRISE_MAX_BITS
from app.ui.theme import Theme

BOTH, DIFFERENCE = "both", "difference"
"""What a picture of surprise shows: each model's own, or A − B."""
DIFFERENCE_MAX_BITS = 8.0
"""Where the colours of A − B end: one model finds the stretch 256 times likelier."""
BYTES_IN_A_TOKEN = 4.0
"""About; by the byte, the colours end at this part of what they do by the token."""


def most_bits(mode: str, *, by_byte: bool = False) -> float:
    """Where the colours of a mode end, in bits."""
    most = DIFFERENCE_MAX_BITS if mode == DIFFERENCE else SURPRISE_MAX_BITS
    return most / BYTES_IN_A_TOKEN if by_byte else most


def map_name(mode: str) -> str:
    """The colour map of a mode."""
    return "against" if mode == DIFFERENCE else "surprise"


def map_place(mode: str, bits: float, *, by_byte: bool = False) -> float:
    """Where bits lie in the mode's map, 0..1, capped; for the difference, .5 is none, and 0 that A paid far less."""
    share = bits / most_bits(mode, by_byte=by_byte)
    return min(max((share + 1.0) / 2.0 if mode == DIFFERENCE else share, 0.0), 1.0)


def bits_color(theme: Theme, mode: str, bits: float, *, by_byte: bool = False) -> QColor:
    """The colour of a token's bits, or of A − B."""
    return theme.lut_color(map_name(mode), map_place(mode, bits, by_byte=by_byte))
