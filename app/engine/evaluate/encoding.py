"""A text of any length as ids, with the bytes that each token stands for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from app.engine.errors import UserError

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
    """The tokens of `tokenizer(text)`."""
    return joined([part for part, _ in encode_pieces(tokenizer, iter((text,)), add_special)])


def joined(parts: Sequence[Encoded]) -> Encoded:
    """The parts of a text one after the other."""
    if len(parts) == 1:
        return parts[0]
    return Encoded(*(np.concatenate([getattr(part, name) for part in parts]) for name in ("ids", "spans", "special")))


def encode_pieces(
    tokenizer: Any, pieces: Iterator[str], add_special: bool = True, piece: int = PIECE, overlap: int = OVERLAP
) -> Iterator[tuple[Encoded, bool]]:
    """The tokens of `tokenizer(text)` of a text that comes in pieces of any size, part by part as they are settled, and
    of each part whether it is the last.

    The text is split in stretches that overlap, cut where both have a token's border and agree on the tokens after
    it; where two agree nowhere (one long word) a longer stretch is split instead. No more letters are held than that.
    """
    letters = _Letters(pieces)
    if not getattr(tokenizer, "is_fast", False):
        yield _without_offsets(tokenizer, letters.all(), add_special), True
        return

    def split(start: int, stop: int) -> _Piece:
        return _piece(tokenizer, letters.between(start, stop), start, add_special)

    settled = _Settled(letters)
    begin, stop = 0, letters.upto(piece + overlap)
    held = split(0, stop)
    while letters.upto(stop + 1) > stop:
        start = stop - overlap
        end = letters.upto(start + piece + overlap)
        after = split(start, end)
        cut = _common_border(held, after, start + overlap // 4, start + 3 * overlap // 4)
        if cut is not None:
            yield settled.part(held.upto(cut[0]), last=False), False
            held, begin, stop = after.since(cut[1]), start, end
            letters.forget(min(begin, settled.letters))
        else:
            stop = letters.upto(begin + 2 * (stop - begin))
            held = _longer(held, split(begin, stop)) if begin else split(0, stop)
    yield settled.part(held, last=True), True


class _Letters:
    """A text that comes in pieces, of which only what is needed is held."""

    def __init__(self, pieces: Iterator[str]) -> None:
        self._pieces = pieces
        self._start = 0
        self._text = ""

    def upto(self, stop: int) -> int:
        """Read on until letter `stop` is held; how many letters there are where the text ends before."""
        parts, end = [self._text], self._start + len(self._text)
        while end < stop and (piece := next(self._pieces, None)) is not None:
            parts.append(piece)
            end += len(piece)
        self._text = "".join(parts) if len(parts) > 1 else self._text
        return min(stop, end)

    def between(self, start: int, stop: int) -> str:
        return self._text[start - self._start : stop - self._start]

    def forget(self, before: int) -> None:
        self._text, self._start = self._text[before - self._start :], before

    def all(self) -> str:
        return self._text + "".join(self._pieces)


class _Settled:
    """Makes parts of pieces, one after the other: special tokens stay at the text's very beginning and end alone, and
    tokens stand at bytes of the whole text."""

    def __init__(self, letters: _Letters) -> None:
        self._letters = letters
        self.letters = self._bytes = 0
        """Where the last token ends."""
        self._first = True

    def part(self, piece: _Piece, last: bool) -> Encoded:
        keep = ~piece.special
        content = np.flatnonzero(keep)
        if self._first:
            keep[: content[0] if content.size else None] = True
        if last:
            keep[content[-1] + 1 if content.size else 0 :] = True
        self._first = False
        ids, special, stops = piece.ids[keep], piece.special[keep], piece.offsets[:, 1][keep]
        spans = self._spans(stops, special)
        return Encoded(ids, spans, special)

    def _spans(self, stops: np.ndarray, special: np.ndarray) -> np.ndarray:
        ends = np.maximum.accumulate(np.where(special, self.letters, np.maximum(stops, self.letters)))
        end = int(ends[-1]) if ends.size else self.letters
        spans = _spans(ends - self.letters, np.zeros(len(ends), bool), self._letters.between(self.letters, end))
        spans += self._bytes
        self.letters, self._bytes = end, int(spans[-1, 1]) if ends.size else self._bytes
        return spans


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


def _piece(tokenizer: Any, text: str, start: int, add_special: bool) -> _Piece:
    """The tokens of a stretch that begins at letter `start`."""
    encoded = tokenizer(
        text,
        add_special_tokens=add_special,
        return_offsets_mapping=True,
        return_special_tokens_mask=True,
        verbose=False,
    )
    ids = np.asarray(encoded["input_ids"], np.int64)
    offsets = np.asarray(encoded["offset_mapping"], np.int64).reshape(-1, 2) + start
    special = np.asarray(encoded["special_tokens_mask"], bool)
    return _Piece(ids, offsets, special)


def _longer(held: _Piece, longer: _Piece) -> _Piece:
    """A stretch whose first tokens are settled, split again with more letters after it."""
    cut = _common_border(held, longer, int(held.offsets[0, 0]), int(held.offsets[-1, 1]))
    if cut is None:
        raise UserError(
            "The tokenizer splits a very long word of this text otherwise with every letter that follows it.",
            "Break what stands there without a space into lines.",
        )
    before, behind = cut
    parts = (held.upto(before), longer.since(behind))
    return _Piece(*(np.concatenate([getattr(part, name) for part in parts]) for name in ("ids", "offsets", "special")))


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
