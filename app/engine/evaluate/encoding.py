"""A text of any length as ids, with the bytes that each token stands for."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

import numpy as np

PIECE = 200_000
"""Letters that are split into tokens at once: a tokenizer holds a hundred bytes and more for every token."""
OVERLAP = 4_000
AGREE = 16
"""So many tokens after a cut must be the same in both pieces that hold it."""


@dataclass(frozen=True, eq=False)
class Encoded:
    """One record's tokens."""

    ids: np.ndarray
    """int64 `[token]`, special ones included."""
    spans: np.ndarray
    """int64 `[token, 2]`: bytes of the UTF-8 text, from and to. Without special tokens they follow each other without
    gaps; what a tokenizer leaves out belongs to the token after it, and of several tokens inside one character the
    first has it."""
    special: np.ndarray
    """bool `[token]`: added by the tokenizer."""


def utf8(text: str) -> bytes:
    """The bytes of a text; lone surrogates, which files can smuggle in, count as the three bytes they would be."""
    return text.encode("utf-8", "surrogatepass")


def encode(tokenizer: Any, text: str, add_special: bool = True) -> Encoded:
    """All of `encode_steps` at once."""
    steps = encode_steps(tokenizer, text, add_special)
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            return stop.value


def encode_steps(
    tokenizer: Any, text: str, add_special: bool = True, piece: int = PIECE, overlap: int = OVERLAP
) -> Generator[float, None, Encoded]:
    """The tokens of `tokenizer(text)`; yields the share done.

    A long text is split in pieces that overlap, cut where both pieces have a token's border and agree on the tokens
    after it; where they never agree the text is split whole.
    """
    if not getattr(tokenizer, "is_fast", False):
        return _without_offsets(tokenizer, text, add_special)
    if len(text) <= piece + overlap:
        return _joined([_piece(tokenizer, text, 0, len(text), add_special)], text)
    parts = [_piece(tokenizer, text, 0, piece + overlap, add_special)]
    start = piece
    while start + overlap < len(text):
        yield start / len(text)
        after = _piece(tokenizer, text, start, start + piece + overlap, add_special)
        cut = _common_border(parts[-1], after, start + overlap // 4, start + 3 * overlap // 4)
        if cut is None:
            return _joined([_piece(tokenizer, text, 0, len(text), add_special)], text)
        before, behind = cut
        parts[-1] = parts[-1].upto(before)
        parts.append(after.since(behind))
        start += piece
    return _joined(parts, text)


@dataclass(frozen=True, eq=False)
class _Piece:
    ids: np.ndarray
    offsets: np.ndarray
    """int64 `[token, 2]`: letters of the whole text."""
    special: np.ndarray

    def upto(self, end: int) -> _Piece:
        return _Piece(self.ids[:end], self.offsets[:end], self.special[:end])

    def since(self, start: int) -> _Piece:
        return _Piece(self.ids[start:], self.offsets[start:], self.special[start:])


def _piece(tokenizer: Any, text: str, start: int, stop: int, add_special: bool) -> _Piece:
    encoded = tokenizer(
        text[start:stop],
        add_special_tokens=add_special,
        return_offsets_mapping=True,
        return_special_tokens_mask=True,
        verbose=False,
    )
    ids = np.asarray(encoded["input_ids"], np.int64)
    offsets = np.asarray(encoded["offset_mapping"], np.int64).reshape(-1, 2) + start
    special = np.asarray(encoded["special_tokens_mask"], bool)
    return _Piece(ids, offsets, special)


def _common_border(before: _Piece, after: _Piece, low: int, high: int) -> tuple[int, int] | None:
    """Where the first piece may end and the second begin, as places among their tokens."""
    places = {int(letter): place for place, letter in enumerate(after.offsets[:, 0]) if not after.special[place]}
    inside = np.flatnonzero((before.offsets[:, 0] >= low) & (before.offsets[:, 0] < high) & ~before.special)
    for place in inside:
        other = places.get(int(before.offsets[place, 0]))
        if other is None:
            continue
        ours, theirs = before.since(int(place)).upto(AGREE), after.since(other).upto(AGREE)
        alike = np.array_equal(ours.ids, theirs.ids) and np.array_equal(ours.offsets, theirs.offsets)
        if len(ours.ids) == AGREE and alike:
            return int(place), other
    return None


def _joined(parts: list[_Piece], text: str) -> Encoded:
    """The pieces one after the other; special tokens stay at the very beginning and end alone."""
    last = len(parts) - 1
    kept = []
    for place, part in enumerate(parts):
        keep = ~part.special
        content = np.flatnonzero(keep)
        if place == 0:
            keep[: content[0] if content.size else None] = True
        if place == last:
            keep[content[-1] + 1 if content.size else 0 :] = True
        kept.append(_Piece(part.ids[keep], part.offsets[keep], part.special[keep]))
    ids = np.concatenate([part.ids for part in kept])
    special = np.concatenate([part.special for part in kept])
    stops = np.concatenate([part.offsets[:, 1] for part in kept])
    return Encoded(ids, _spans(stops, special, text), special)


def _spans(stops: np.ndarray, special: np.ndarray, text: str) -> np.ndarray:
    """From where tokens end, in letters, to bytes that follow each other without gaps."""
    ends = np.maximum.accumulate(np.where(special, 0, stops)) if stops.size else stops
    starts = np.concatenate([[0], ends[:-1]]) if ends.size else ends
    return np.stack([starts, ends], 1) if text.isascii() else _bytes_before(text)[np.stack([starts, ends], 1)]


def _bytes_before(text: str) -> np.ndarray:
    """int64 `[letter + 1]`: how many bytes stand before each letter, and in all."""
    points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
    sizes = 1 + (points >= 0x80).astype(np.int64) + (points >= 0x800) + (points >= 0x10000)
    return np.concatenate([[0], np.cumsum(sizes)])


def _without_offsets(tokenizer: Any, text: str, add_special: bool) -> Encoded:
    """A tokenizer that does not tell where its tokens stand: each is looked for after the one before it."""
    ids = np.asarray(tokenizer(text, add_special_tokens=add_special, verbose=False)["input_ids"], np.int64)
    known = set(tokenizer.all_special_ids)
    special = np.array([token in known for token in ids.tolist()], bool)
    stops, end = [], 0
    for token, named in zip(ids.tolist(), special.tolist(), strict=True):
        written = "" if named else tokenizer.decode([token]).strip()
        found = text.find(written, end) if written else -1
        # What cannot be found (a character in several tokens) has no bytes of its own.
        end = found + len(written) if 0 <= found <= end + len(written) + 8 else end
        stops.append(end)
    return Encoded(ids, _spans(np.asarray(stops, np.int64), special, text), special)
