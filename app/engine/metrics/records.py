"""What measuring texts against references is asked with and gives: records that need neither torch nor sacrebleu."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

TOKENIZERS = ("13a", "intl", "char", "none", "zh")
"""How BLEU cuts a text into words, by sacrebleu's names; the others of sacrebleu need packages or downloads."""
BLEU, CHRF, ROUGE_1, ROUGE_2, ROUGE_L, ROUGE_LSUM = "BLEU", "chrF", "ROUGE-1", "ROUGE-2", "ROUGE-L", "ROUGE-Lsum"
METRICS = (BLEU, CHRF, ROUGE_1, ROUGE_2, ROUGE_L, ROUGE_LSUM)
"""In the order in which a report has them."""
LONGEST = 4
"""The longest n-gram that BLEU counts."""


@dataclass(frozen=True)
class TextPair:
    """A text and what it should have been, in one or more wordings."""

    hypothesis: str
    references: tuple[str, ...]
    line: int = 0
    """Where it stands, counted from 1 as editors do; 0 where that is not known."""


@dataclass(frozen=True)
class MetricSettings:
    """What the numbers depend on, beside the texts."""

    tokenizer: str = "13a"
    """BLEU's, one of TOKENIZERS."""
    lowercase: bool = False
    """BLEU and chrF in lower case; ROUGE always is."""
    stemmer: bool = False
    """ROUGE compares stems (Porter 1980): "walked" is "walks"."""
    word_order: int = 0
    """chrF counts word n-grams up to this length too; 2 is chrF++ (Popović 2017)."""


@dataclass(frozen=True)
class MetricsRequest:
    """Texts as they were typed: one hypothesis a line, beside it its references, several parted by tabs or "|||"."""

    hypotheses: str
    references: str
    settings: MetricSettings = MetricSettings()


@dataclass(frozen=True)
class MetricsProgress:
    """How many pairs are measured."""

    done: int
    total: int


@dataclass(frozen=True)
class MetricReport:
    """One metric over all pairs."""

    name: str
    """One of METRICS."""
    score: float
    """0 to 100; for ROUGE the mean F1 times 100."""
    signature: str
    """What it takes to compute the same number again; of BLEU and chrF in sacrebleu's own words."""
    parts: tuple[tuple[str, str], ...] = ()
    """What the score is made of: (name, value) in words."""


@dataclass(frozen=True)
class Match:
    """A stretch of a text that was found in the other text."""

    start: int
    """Code points from the beginning of the text."""
    stop: int
    order: int
    """How many words it has."""


@dataclass(frozen=True, eq=False)
class Marks:
    """All that was found of one text, as plain numbers: a large set has millions of them."""

    spans: np.ndarray = field(default_factory=lambda: np.zeros((0, 3), np.int32))
    """int32 `[match, 3]`: from, to and number of words, each as in `Match`; longer ones first, then from the left."""

    @property
    def matches(self) -> tuple[Match, ...]:
        """The same as records."""
        return tuple(Match(int(start), int(stop), int(order)) for start, stop, order in self.spans)

    def count(self, order: int) -> int:
        """How many matches have so many words; of n-grams the number that BLEU calls correct."""
        return int(np.count_nonzero(self.spans[:, 2] == order))

    def runs(self) -> tuple[Match, ...]:
        """The text's stretches from left to right without overlap, each with the longest order that covers it."""
        if not len(self.spans):
            return ()
        cover = np.zeros(int(self.spans[:, 1].max()), np.int32)
        for start, stop, order in self.spans[np.argsort(self.spans[:, 2], kind="stable")]:
            cover[start:stop] = order
        borders = np.flatnonzero(np.diff(cover, prepend=0, append=0))
        return tuple(
            Match(int(start), int(stop), int(cover[start])) for start, stop in pairwise(borders) if cover[start]
        )


@dataclass(frozen=True, eq=False)
class PairReport:
    """One pair: its scores, and what matched."""

    pair: TextPair
    scores: tuple[float, ...]
    """0 to 100, in the order of METRICS; BLEU with the orders that the text is long enough for."""
    ngrams: Marks
    """Of the hypothesis: n-grams found in any reference, each as often as the reference that has most of it."""
    reference_ngrams: tuple[Marks, ...]
    """Of each reference: n-grams found in the hypothesis."""
    best: int
    """Which reference alone gives the highest BLEU."""
    common: Marks
    """Of the hypothesis: the words of the longest common subsequence with reference `best_common`, one a match."""
    reference_common: Marks
    """The same words in that reference."""
    best_common: int
    """Which reference gives the highest ROUGE-L."""


@dataclass(frozen=True, eq=False)
class MetricsReport:
    """All pairs together, and one by one."""

    metrics: tuple[MetricReport, ...]
    """In the order of METRICS."""
    rows: tuple[PairReport, ...]
    settings: MetricSettings
    row_signature: str
    """sacrebleu's signature of the BLEU of single pairs."""
    notes: tuple[str, ...] = ()
    """What to know before believing a number, as sentences."""

    def metric(self, name: str) -> MetricReport:
        """One of METRICS."""
        return self.metrics[METRICS.index(name)]
