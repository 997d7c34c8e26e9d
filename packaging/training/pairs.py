"""Sentence pairs of two languages, in batches of like lengths."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from transformers import PreTrainedTokenizerFast

from training.corpora import read_text

_NARROW = re.compile("[\u00a0\u202f\u2009]")


def plain_spaces(text: str) -> str:
    """French puts a space before `! ? ; :`, in the corpus of three kinds; here it is always the plain one."""
    return _NARROW.sub(" ", text)


def read_pairs(path: Path, words: int) -> list[tuple[str, str]]:
    """The pairs, English first, whose English side has at most `words` words."""
    rows = (plain_spaces(line).split("\t") for line in read_text(path).splitlines())
    return [(source, target) for source, target in rows if len(source.split()) <= words]


def read_references(path: Path, words: int) -> list[tuple[str, list[str]]]:
    """Each English sentence of at most `words` words with all its French references."""
    rows = (plain_spaces(line).split("\t") for line in read_text(path).splitlines())
    return [(row[0], row[1:]) for row in rows if len(row[0].split()) <= words]


@dataclass(frozen=True)
class PairBatch:
    """Source ids and target ids, both `[pair, token]` with their end, padded with `pad`."""

    source: np.ndarray
    target: np.ndarray


class EncodedPairs:
    """Pairs as ids, grouped by length so that a batch holds little padding."""

    def __init__(self, tokenizer: PreTrainedTokenizerFast, pairs: Sequence[tuple[str, str]]) -> None:
        self.pad = tokenizer.pad_token_id
        sources = tokenizer([source for source, _ in pairs])["input_ids"]
        targets = tokenizer([target for _, target in pairs])["input_ids"]
        self._pairs = list(zip(sources, targets, strict=True))
        groups: dict[int, list[int]] = defaultdict(list)
        for number, (source, target) in enumerate(self._pairs):
            groups[max(len(source), len(target)) // 3].append(number)
        self._groups = [np.asarray(group) for group in groups.values()]
        self._shares = np.asarray([len(group) for group in self._groups]) / len(self._pairs)

    def __len__(self) -> int:
        return len(self._pairs)

    def draw(self, size: int, generator: np.random.Generator) -> PairBatch:
        """`size` pairs of like lengths; every pair is as likely as any other."""
        group = self._groups[generator.choice(len(self._groups), p=self._shares)]
        return self.take(group[generator.integers(len(group), size=size)])

    def take(self, numbers: Sequence[int] | np.ndarray) -> PairBatch:
        """The pairs of these numbers as one batch."""
        return PairBatch(*(self._padded([self._pairs[number][side] for number in numbers]) for side in (0, 1)))

    def _padded(self, rows: list[list[int]]) -> np.ndarray:
        filled = np.full((len(rows), max(map(len, rows))), self.pad, dtype=np.int64)
        for line, ids in zip(filled, rows, strict=True):
            line[: len(ids)] = ids
        return filled
