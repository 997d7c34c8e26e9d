"""Corpora as sentences in their order, and the one- and two-sentence windows that an encoder is trained on."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from transformers import PreTrainedTokenizerFast

_END = re.compile(r"(?<=[.!?]) +|(?<=[.!?][\"”'’]) +")

NOT_A_PAIR = -100
"""The next-sentence label of a window that holds one sentence: cross-entropy leaves it out."""


def split_sentences(paragraph: str) -> list[str]:
    """The sentences of one paragraph, cut where a full stop, a question or an exclamation mark ends one."""
    return [part for part in _END.split(paragraph.strip()) if part]


@dataclass(frozen=True)
class SentenceStream:
    """The ids of all sentences one after another, where each begins `[sentence + 1]`, and its document `[sentence]`."""

    ids: np.ndarray
    starts: np.ndarray
    document: np.ndarray

    def __len__(self) -> int:
        return len(self.document)

    def span(self, first: int, end: int) -> np.ndarray:
        """The ids of the sentences `first` to `end`, the latter left out."""
        return self.ids[self.starts[first] : self.starts[end]]

    def fill(self, first: int, room: int) -> int:
        """The sentence after the last one such that `first` and what follows in its document fit into `room` tokens.

        At least one sentence, also where it is longer than `room`.
        """
        end = int(np.searchsorted(self.starts, self.starts[first] + room, side="right")) - 1
        last = int(np.searchsorted(self.document, self.document[first], side="right"))
        return max(first + 1, min(end, last))


def encode_documents(tokenizer: PreTrainedTokenizerFast, documents: Sequence[str]) -> SentenceStream:
    """The stream of `documents`, each a text of paragraphs on lines of their own."""
    sentences: list[str] = []
    document: list[int] = []
    for number, text in enumerate(documents):
        for paragraph in text.splitlines():
            found = split_sentences(paragraph)
            sentences += found
            document += [number] * len(found)
    encoded = tokenizer.backend_tokenizer.encode_batch_fast(sentences, add_special_tokens=False)
    lengths = np.asarray([len(one.ids) for one in encoded])
    ids = np.concatenate([np.asarray(one.ids, dtype=np.uint16) for one in encoded])
    return SentenceStream(ids, np.concatenate([[0], np.cumsum(lengths)]), np.asarray(document))


@dataclass(frozen=True)
class Windows:
    """A batch: ids `[window, token]`, 0 where it is padded; token types alike; next-sentence labels `[window]`."""

    ids: np.ndarray
    types: np.ndarray
    follows: np.ndarray


class PairSampler:
    """Windows `[CLS] A [SEP] B [SEP]` where B follows A in every second one (label 0) and stands anywhere else in the
    others (label 1), as BERT was trained (Devlin et al. 2019, section 3.1); a `single` share is `[CLS] A [SEP]`.
    """

    def __init__(self, streams: Sequence[SentenceStream], shares: Sequence[float], cls: int, sep: int) -> None:
        self.streams, self.shares = streams, shares
        self.cls, self.sep = cls, sep
        self.single = 0.3

    def batch(self, windows: int, length: int, generator: np.random.Generator) -> Windows:
        """`windows` windows of at most `length` tokens."""
        ids = np.zeros((windows, length), dtype=np.int64)
        types = np.zeros((windows, length), dtype=np.int64)
        follows = np.full(windows, NOT_A_PAIR, dtype=np.int64)
        longest = 0
        for row in range(windows):
            stream = self.streams[generator.choice(len(self.streams), p=self.shares)]
            first = int(generator.integers(len(stream)))
            alone = generator.random() < self.single
            room = length - 2 if alone else int(generator.integers(8, length - 10))
            end = stream.fill(first, room)
            if not alone and (end >= len(stream) or stream.document[end] != stream.document[first]):
                alone = True
            a = stream.span(first, end)[: room if not alone else length - 2]
            size = 2 + len(a)
            ids[row, 0], ids[row, 1 : size - 1], ids[row, size - 1] = self.cls, a, self.sep
            if not alone:
                follows[row] = int(generator.random() < 0.5)
                second = int(generator.integers(len(stream))) if follows[row] else end
                rest = length - size - 1
                b = stream.span(second, stream.fill(second, rest))[:rest]
                ids[row, size : size + len(b)] = b
                ids[row, size + len(b)] = self.sep
                types[row, size : size + len(b) + 1] = 1
                size += len(b) + 1
            longest = max(longest, size)
        return Windows(ids[:, :longest], types[:, :longest], follows)
