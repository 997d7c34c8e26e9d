"""Whether a difference is more than noise: the bootstrap over parts of a text.

Tokens of a text hang together, so they are not resampled one by one: a part is a record, or a block of a long text
(Künsch 1989, "The jackknife and the bootstrap for general stationary observations"). Two models are compared on the
same parts (paired bootstrap: Koehn 2004, "Statistical significance tests for machine translation evaluation").
"""

from __future__ import annotations

import math

import numpy as np

from app.engine.evaluate.align import align, borders_of, summed
from app.engine.evaluate.records import LN2, Comparison, Scores

RESAMPLES = 1000
BLOCK_BYTES = 128
FEWEST, MOST = 8, 400
"""Parts: with fewer nothing can be said, more only cost time."""


def standard_error(scores: Scores, seed: int = 0) -> float:
    """Of bits per byte; NaN where the text has too few parts, or a token was held for impossible."""
    if not math.isfinite(scores.total_nats):
        return math.nan
    borders = borders_of(scores)
    nats = summed(scores, borders)[0]
    parts = _parts(scores, borders)
    if len(parts) - 1 < FEWEST:
        return math.nan
    sums, sizes = np.add.reduceat(nats, parts[:-1]), np.diff(borders[parts])
    return float(np.std(_resampled(sums, sizes, seed), ddof=1))


def compare(first: Scores, second: Scores, seed: int = 0) -> Comparison | None:
    """The difference of two models in bits per byte on one text, None where the text has too few parts, or a model held
    a token for impossible: that difference is infinite."""
    if not math.isfinite(first.total_nats + second.total_nats):
        return None
    aligned = align(first, second)
    parts = _parts(first, aligned.borders)
    if len(parts) - 1 < FEWEST:
        return None
    sums = np.add.reduceat(aligned.nats[0] - aligned.nats[1], parts[:-1])
    sizes = np.diff(aligned.borders[parts])
    found = _resampled(sums, sizes, seed)
    difference = first.bits_per_byte - second.bits_per_byte
    low, high = np.quantile(found, [0.025, 0.975])
    share = float(np.mean(np.sign(found) == np.sign(difference)))
    return Comparison(difference, float(low), float(high), share, len(parts) - 1)


def _parts(scores: Scores, borders: np.ndarray) -> np.ndarray:
    """int64 `[part + 1]`: places in `borders` where parts begin and end."""
    records = len(scores.starts) - 1
    ends = scores.spans[np.maximum(scores.starts[1:] - 1, 0), 1] if records >= FEWEST else np.empty(0, np.int64)
    if records < FEWEST:
        count = min(scores.bytes // BLOCK_BYTES, MOST)
        ends = np.linspace(0, scores.bytes, count + 1)[1:] if count else ends
    elif records > MOST:
        ends = ends[np.linspace(0, records - 1, MOST + 1).astype(np.int64)[1:]]
    places = np.searchsorted(borders, ends, "left")
    return np.unique(np.concatenate([[0], np.clip(places, 0, len(borders) - 1), [len(borders) - 1]]))


def _resampled(nats: np.ndarray, sizes: np.ndarray, seed: int) -> np.ndarray:
    """float64 `[resample]`: bits per byte of parts drawn with replacement."""
    drawn = np.random.default_rng(seed).multinomial(len(nats), np.full(len(nats), 1 / len(nats)), RESAMPLES)
    return (drawn @ nats) / (drawn @ sizes) / LN2
