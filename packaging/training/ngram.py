"""An interpolated trigram: the simple baseline beside which a model's held-out figure is reported."""

from __future__ import annotations

import math

import numpy as np


class Counts:
    """How often each n-gram stands in a token stream, looked up by its packed key."""

    def __init__(self, keys: np.ndarray) -> None:
        self._keys, self._counts = np.unique(keys, return_counts=True)

    def of(self, keys: np.ndarray) -> np.ndarray:
        """Counts of `keys`, float64, 0 for those never seen."""
        places = np.minimum(np.searchsorted(self._keys, keys), len(self._keys) - 1)
        return np.where(self._keys[places] == keys, self._counts[places], 0).astype(np.float64)


class InterpolatedTrigram:
    """p = λ₃·p(c|a,b) + λ₂·p(c|b) + λ₁·p(c) + λ₀/V, the λ fitted by EM on text apart (Jelinek and Mercer 1980)."""

    def __init__(self, tokens: np.ndarray, vocabulary: int) -> None:
        self.vocabulary = vocabulary
        ids = tokens.astype(np.int64)
        self._one = Counts(ids)
        self._two = Counts(ids[:-1] * vocabulary + ids[1:])
        self._three = Counts((ids[:-2] * vocabulary + ids[1:-1]) * vocabulary + ids[2:])
        self._total = len(ids)

    def _parts(self, tokens: np.ndarray) -> np.ndarray:
        """The four probabilities of every token from the third on, `[token, 4]`."""
        ids, size = tokens.astype(np.int64), self.vocabulary
        a, b, c = ids[:-2], ids[1:-1], ids[2:]
        one = self._one.of(c) / self._total
        before = self._one.of(b)
        two = np.divide(self._two.of(b * size + c), before, out=np.zeros(len(c)), where=before > 0)
        pair = self._two.of(a * size + b)
        triple = self._three.of((a * size + b) * size + c)
        three = np.divide(triple, pair, out=np.zeros(len(c)), where=pair > 0)
        return np.stack([three, two, one, np.full(len(c), 1 / size)], axis=1)

    def fit(self, apart: np.ndarray) -> np.ndarray:
        """The weights λ₃, λ₂, λ₁, λ₀ under which `apart`, text that was not counted, is likeliest."""
        parts, weights = self._parts(apart), np.full(4, 0.25)
        for _ in range(50):
            shares = parts * weights
            weights = (shares / shares.sum(1, keepdims=True)).mean(0)
        return weights

    def bits_per_byte(self, tokens: np.ndarray, text_bytes: int, weights: np.ndarray) -> float:
        """−log2 p over all tokens but the first two, per UTF-8 byte of the text."""
        return float(-np.log(self._parts(tokens) @ weights).sum()) / math.log(2) / text_bytes
