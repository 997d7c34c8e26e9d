"""Two models on the same bytes, also where their tokenizers differ; and a page of the text with their tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from app.engine.evaluate.records import LN2, Piece, Scores, Stretch, TextPage

ENDLESS = 1e6
"""Bits that stand for infinitely many where spans are ranked."""
SPAN_BYTES = 60
"""About how long the spans are in which one model is looked for to win most: a clause."""


@dataclass(frozen=True, eq=False)
class Aligned:
    """The text between the borders that the tokens of both models share."""

    borders: np.ndarray
    """int64 `[stretch + 1]`: bytes, from 0 to the end of the text."""
    nats: np.ndarray
    """float64 `[model, stretch]`."""
    tokens: np.ndarray
    """int64 `[model, stretch]`: how many tokens end in it."""
    whole: np.ndarray
    """bool `[stretch]`: every token of both in it was scored, so that the two may be compared there."""

    @property
    def bits(self) -> np.ndarray:
        """float64 `[stretch]`: bits of the first model minus those of the second, NaN where not `whole`."""
        with np.errstate(invalid="ignore"):
            # Where both hold a token for impossible the difference is none.
            return np.where(self.whole, (self.nats[0] - self.nats[1]) / LN2, np.nan)


def borders_of(scores: Scores) -> np.ndarray:
    """int64: the bytes at which a token ends, with 0 and the end of the text."""
    return np.unique(np.concatenate([[0], scores.spans[:, 1], [scores.bytes]]))


def summed(scores: Scores, borders: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of each stretch between `borders`: nats, tokens, and how many of these were not scored. A token counts where it
    ends; one without bytes of its own (a further piece of a character) with the one before it."""
    at = np.clip(np.searchsorted(borders, scores.spans[:, 1], "left") - 1, 0, len(borders) - 2)
    nats, size = np.where(np.isnan(scores.token_nats), 0.0, scores.token_nats), len(borders) - 1
    lost = np.isnan(scores.token_nats) & (scores.spans[:, 1] > scores.spans[:, 0])
    return (
        np.bincount(at, nats, size),
        np.bincount(at, minlength=size),
        np.bincount(at, lost, size).astype(np.int64),
    )


def align(first: Scores, second: Scores) -> Aligned:
    """What two models paid for each stretch of the same text. Raises ValueError when the texts differ in length."""
    if first.bytes != second.bytes:
        raise ValueError(f"the texts have {first.bytes} and {second.bytes} bytes")
    borders = np.intersect1d(borders_of(first), borders_of(second))
    (nats_a, tokens_a, lost_a), (nats_b, tokens_b, lost_b) = summed(first, borders), summed(second, borders)
    return Aligned(borders, np.stack([nats_a, nats_b]), np.stack([tokens_a, tokens_b]), (lost_a + lost_b) == 0)


def largest_spans(aligned: Aligned, text: bytes, count: int = 5, size: int = SPAN_BYTES) -> tuple[Stretch, ...]:
    """Where one model wins most: spans of about `size` bytes that do not overlap, the largest difference first."""
    gain = np.concatenate([[0.0], np.cumsum(np.nan_to_num(aligned.bits, posinf=ENDLESS, neginf=-ENDLESS))])
    ends = np.minimum(np.searchsorted(aligned.borders, aligned.borders[:-1] + size, "left"), len(aligned.borders) - 1)
    difference = gain[ends] - gain[:-1]
    taken = np.zeros(len(difference), bool)
    found: list[Stretch] = []
    for start in np.argsort(-np.abs(difference), kind="stable"):
        end = int(ends[start])
        if len(found) == count or difference[start] == 0:
            break
        if taken[start:end].any():
            continue
        taken[start:end] = True
        found.append(_stretch(aligned, int(start), end, text))
    return tuple(found)


def page(text: bytes, scores: Sequence[Scores], start: int, size: int) -> TextPage:
    """About `size` bytes of the text from about `start` on, with the tokens of one model or of two.

    It begins and ends where the tokens of every model have a border; after a line break where there is one near.
    """
    aligned = align(*scores) if len(scores) == 2 else None
    borders = aligned.borders if aligned is not None else borders_of(scores[0])
    first = max(0, int(np.searchsorted(borders, start, "right")) - 1)
    last = int(np.searchsorted(borders, borders[first] + size, "left"))
    last = max(min(last, len(borders) - 1), min(first + 1, len(borders) - 1))
    begin, end = int(borders[first]), int(borders[last])
    stretches = tuple(_stretch(aligned, at, at + 1, text) for at in range(first, last)) if aligned is not None else ()
    return TextPage(begin, end, len(text), tuple(_pieces(text, each, begin, end) for each in scores), stretches)


def _pieces(text: bytes, scores: Scores, begin: int, end: int) -> tuple[Piece, ...]:
    ends = scores.spans[:, 1]
    low, high = int(np.searchsorted(ends, begin, "right")), int(np.searchsorted(ends, end, "right"))
    # Further pieces of a character that ends just before the page belong to the page before.
    pieces, done = [], begin
    for index in range(low, high):
        start, stop = scores.spans[index].tolist()
        if start == stop and scores.rank[index] < 0:
            continue
        nats = scores.token_nats[index]
        bits = None if np.isnan(nats) else float(nats) / LN2
        pieces.append(Piece(_letters(text[start:stop]), start, stop, bits, index))
        done = max(done, stop)
    if done < end:
        # What no token stands for, for instance white space at the end that a tokenizer drops.
        pieces.append(Piece(_letters(text[done:end]), done, end, None, -1))
    return tuple(pieces)


def _stretch(aligned: Aligned, first: int, last: int, text: bytes) -> Stretch:
    start, stop = int(aligned.borders[first]), int(aligned.borders[last])
    bits = aligned.nats[:, first:last].sum(1) / LN2
    tokens = aligned.tokens[:, first:last].sum(1)
    return Stretch(
        start, stop, (float(bits[0]), float(bits[1])), (int(tokens[0]), int(tokens[1])), _letters(text[start:stop])
    )


def _letters(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogatepass")
