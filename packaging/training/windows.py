"""Drawing training windows from token streams."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


class WindowSampler:
    """Windows of `length` tokens from several streams, each stream drawn with its share.

    A window starts anywhere, also in the middle of a document. In a `repeated` share of the windows a passage of 24 to
    96 tokens is copied over a later place of the same window, so that copying from context (induction, Olsson et al.
    2022) pays even in a small corpus.
    """

    def __init__(self, streams: Sequence[np.ndarray], length: int, repeated: float = 0.05) -> None:
        self.streams = streams
        self.length = length
        self.repeated = repeated

    def batch(self, size: int, shares: Sequence[float], generator: np.random.Generator) -> np.ndarray:
        """One batch, int64 `[window, token]`."""
        rows = np.empty((size, self.length), dtype=np.int64)
        for row in rows:
            stream = self.streams[generator.choice(len(self.streams), p=shares)]
            start = generator.integers(0, len(stream) - self.length)
            row[:] = stream[start : start + self.length]
            if generator.random() < self.repeated:
                passage = int(generator.integers(24, 97))
                first = int(generator.integers(0, self.length - 2 * passage))
                second = int(generator.integers(first + passage, self.length - passage + 1))
                row[second : second + passage] = row[first : first + passage].copy()
        return rows
