"""Surprise in words and in tables: bits, odds, a token in one line, a page in one sentence."""

from __future__ import annotations

import math
from collections.abc import Sequence

from app.engine.evaluate.records import Piece, Stretch, TextPage
from app.ui.widgets.number_text import number, percent_text, short_number, signed_number
from app.ui.widgets.surprise_layout import TokenRow, scored_bits
from app.ui.widgets.token_text import visible_token

NOT_SCORED = "not scored"
EQUAL_BITS = 0.05
"""A smaller difference is none: it would be written 0.0."""


def bits_text(bits: float | None, *, signed: bool = False) -> str:
    """One decimal: "9.4"; signed "+8.5" or "−8.5"; "–" for what was not scored."""
    if bits is None or math.isnan(bits):
        return "–"
    # What rounds to nothing has no sign.
    if abs(bits) < EQUAL_BITS:
        return "0.0"
    return signed_number(bits, 1) if signed else number(bits, 1)


def probability_text(bits: float) -> str:
    """2 to the −bits as percent: "3.1%", "0.148%", "2.1e−7%"."""
    share = 2.0**-bits
    return percent_text(share) if share >= 0.01 or share == 0 else f"{short_number(100 * share)}%"


def odds_text(bits: float) -> str:
    """How much likelier that many bits are: "about 360 times more likely", "about 40% more likely"."""
    if bits >= 40:
        return "more than a trillion times more likely"
    factor = 2.0**bits
    if factor < 1.95:
        return f"about {100 * (factor - 1):.0f}% more likely"
    for size, word in ((1e9, " billion"), (1e6, " million")):
        if factor >= size:
            return f"about {_two_figures(factor / size)}{word} times more likely"
    return f"about {_two_figures(factor)} times more likely"


def count_text(count: int) -> str:
    """ "1 token", "3 tokens"."""
    return "1 token" if count == 1 else f"{count:,} tokens"


def kind_of(text: str, before: str = "", after: str = "") -> str:
    """What a stretch of text between other letters is: "word", or "stretch" for a part of one, several, or signs."""
    word = text.strip()
    inside = text[:1] == word[:1] and before[-1:].isalnum()
    whole = not inside and not (text[-1:] == word[-1:] and after[:1].isalnum())
    return "word" if whole and word and all(letter.isalpha() or letter in "-'’" for letter in word) else "stretch"


def bytes_text(start: int, stop: int) -> str:
    """ "bytes 120–129", the last one included."""
    if stop <= start:
        return "no bytes"
    return f"byte {start:,}" if stop - start == 1 else f"bytes {start:,}–{stop - 1:,}"


def describe_token(row: TokenRow, index: int, letters: str, slot: str) -> str:
    """A token in one line; `letters` is what it touches, for a token that has no letters of its own."""
    piece, group = row.pieces[index], row.group(index)
    parts = [visible_token(piece.text or letters), slot]
    bits = scored_bits(piece)
    parts += [NOT_SCORED] if bits is None else [f"{bits_text(bits)} bits", f"p {probability_text(bits)}"]
    parts.append(bytes_text(piece.start, piece.stop))
    if len(group) > 1:
        together = row.bits(index)
        cost = "" if together is None else f", together {bits_text(together)} bits"
        parts.append(f"token {index - group.start + 1} of {len(group)} that share a character{cost}")
    return " · ".join(part for part in parts if part)


def describe_stretch(stretch: Stretch, text: str) -> str:
    """A common stretch in one line: what each model paid, and A − B."""
    costs = [
        f"{slot} {bits_text(bits)} bits in {count_text(tokens)}"
        for slot, bits, tokens in zip("AB", stretch.bits, stretch.tokens, strict=True)
    ]
    difference = f"A − B {bits_text(stretch.bits[0] - stretch.bits[1], signed=True)}"
    return " · ".join([visible_token(text), *costs, difference, bytes_text(stretch.start, stretch.stop)])


def summary(page: TextPage, slots: Sequence[str]) -> str:
    """A page in a sentence or two, for those who do not see it."""
    said = []
    for slot, row in zip(slots, page.rows, strict=False):
        known = [bits for piece in row if (bits := scored_bits(piece)) is not None]
        named = f"{slot}: " if slot else ""
        costs = f"{named}{count_text(len(row))}, {bits_text(math.fsum(known))} bits"
        said.append(f"{costs}; most for {_dearest(row)}" if known else costs)
    return f"{bytes_text(page.start, page.stop).capitalize()} of {page.total:,}. {'. '.join(said)}."


def table_lines(page: TextPage, slots: Sequence[str], texts: Sequence[str]) -> list[list[str]]:
    """The page as a table with its head: two models' common stretches (their texts are given), or one's tokens."""
    if len(page.rows) > 1:
        lines = [["Text", *(f"{slot} bits" for slot in slots)]]
        for stretch, text in zip(page.stretches, texts, strict=True):
            lines.append([visible_token(text), *map(_exact, stretch.bits)])
        return lines
    lines = [["Text", f"{slots[0]} bits".strip()]]
    return lines + [[visible_token(piece.text), _exact(piece.bits)] for row in page.rows for piece in row]


def _dearest(row: Sequence[Piece]) -> str:
    dearest = max((piece for piece in row if piece.text), key=lambda piece: scored_bits(piece) or 0.0)
    return f"{visible_token(dearest.text)}, {bits_text(dearest.bits)}"


def _exact(bits: float | None) -> str:
    """A number that other programs read; nothing for what was not scored."""
    return "" if bits is None or math.isnan(bits) else f"{bits:.4f}"


def _two_figures(value: float) -> str:
    """1 to 999,999 in two significant figures: "1.4", "12", "360", "150,000"."""
    if value < 9.95:
        return f"{value:.1f}"
    size = 10 ** (math.floor(math.log10(value)) - 1)
    return f"{round(value / size) * size:,}"
