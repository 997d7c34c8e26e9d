"""Texts that were written for a prompt: the prompt before them, and where one differs from another."""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import SequenceMatcher

# A word with the space before it, or a single letter where a script puts no spaces between words.
_PIECE = re.compile(
    r"\s*(?:[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\W\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+|\S|$)"
)


@dataclass(frozen=True)
class BeforeAfter:
    """What two models made of the same prompt, the untouched one first."""

    prompt: str
    names: tuple[str, str]
    texts: tuple[str, str]
    """What each wrote, letter for letter."""
    continued: bool = True
    """Whether the texts go on from the prompt; a translation and a text with its gaps filled stand alone."""


def with_prompt(prompt: str, text: str) -> tuple[str, int]:
    """The text behind its prompt, and where in it the first word stands that was written.

    Nothing is put between the two: a space that is there is one that the model wrote.
    """
    whole = prompt + text
    return whole, len(whole) - len(text.lstrip())


def changed_stretches(before: str, after: str) -> list[tuple[int, int]]:
    """(start, stop) of what stands in `after` and not at its place in `before`, in whole words."""
    ends, pieces = _pieces(after)
    matcher = SequenceMatcher(None, _pieces(before)[1], pieces, autojunk=False)
    found = []
    for kind, _, _, first, last in matcher.get_opcodes():
        if kind in ("replace", "insert"):
            start = ends[first - 1] if first else 0
            stop = ends[last - 1]
            # The space before the first word is no part of what differs.
            found.append((start + len(after[start:stop]) - len(after[start:stop].lstrip()), stop))
    return found


def first_difference(one: str, other: str) -> tuple[tuple[int, int], tuple[int, int]] | None:
    """The first word of each text that the other has not at its place; None where the texts are the same.

    A text that has ended there has an empty stretch.
    """
    if one == other:
        return None
    (ends, pieces), (other_ends, other_pieces) = _pieces(one), _pieces(other)
    shared = 0
    while shared < min(len(pieces), len(other_pieces)) and pieces[shared] == other_pieces[shared]:
        shared += 1
    return _word_at(one, ends, pieces, shared), _word_at(other, other_ends, other_pieces, shared)


def _pieces(text: str) -> tuple[list[int], list[str]]:
    """Where every piece ends, and the pieces, which make up the whole text."""
    matches = [each for each in _PIECE.finditer(text) if each.group()]
    return [each.end() for each in matches], [each.group() for each in matches]


def _word_at(text: str, ends: list[int], pieces: list[str], place: int) -> tuple[int, int]:
    if place >= len(pieces):
        return len(text), len(text)
    piece = pieces[place]
    return ends[place] - len(piece.lstrip()), ends[place]
