"""All metrics over a set of pairs, pair by pair, as a generator that a lane can step."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterable, Sequence

import numpy as np

from app.engine.metrics.bleu import BleuTally, ChrfTally
from app.engine.metrics.matches import Word, bleu_words, common_marks, ngram_marks, rouge_words
from app.engine.metrics.pairs import checked, pairs_from_lines
from app.engine.metrics.records import (
    BLEU,
    CHRF,
    METRICS,
    ROUGE_L,
    MetricSettings,
    MetricsProgress,
    MetricsReport,
    MetricsRequest,
    PairReport,
    TextPair,
)
from app.engine.metrics.rouge import RougeTally

_LATIN = re.compile(r"[a-z0-9]")


def measure(pairs: Iterable[TextPair], settings: MetricSettings | None = None) -> MetricsReport:
    """BLEU, chrF and ROUGE of these pairs, together and one by one, with what matched."""
    steps = measure_steps(pairs, settings)
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            report: MetricsReport = stop.value
            return report


def measure_lines(request: MetricsRequest) -> Generator[MetricsProgress, None, MetricsReport]:
    """`measure_steps` for texts as they were typed."""
    return (yield from measure_steps(pairs_from_lines(request.hypotheses, request.references), request.settings))


def measure_steps(
    pairs: Iterable[TextPair], settings: MetricSettings | None = None
) -> Generator[MetricsProgress, None, MetricsReport]:
    """The steps of `measure` as a generator for a lane: each yield is a pair done, the report is returned."""
    settings = settings or MetricSettings()
    pairs = checked(pairs)
    meter = _Meter(settings)
    rows = []
    for done, pair in enumerate(pairs):
        yield MetricsProgress(done, len(pairs))
        rows.append(meter.row(pair))
    return meter.report(tuple(rows))


class _Meter:
    """The metrics side by side."""

    def __init__(self, settings: MetricSettings) -> None:
        self._settings = settings
        self._bleu, self._chrf, self._rouge = BleuTally(settings), ChrfTally(settings), RougeTally(settings)

    def row(self, pair: TextPair) -> PairReport:
        """Measure a pair and count it in."""
        rouge = self._rouge.add(pair)
        scores = {BLEU: self._bleu.add(pair), CHRF: self._chrf.add(pair)}
        scores |= {name: score for name, (score, _) in rouge.items()}
        ours, theirs = self._cut(pair.hypothesis), [self._cut(text) for text in pair.references]
        ngrams, reference_ngrams = ngram_marks(ours, theirs)
        best = 0
        if len(theirs) > 1:
            best = int(np.argmax([self._bleu.alone(pair.hypothesis, text) for text in pair.references]))
        cut = self._rouge.words
        best_common = rouge[ROUGE_L][1]
        words, wanted = rouge_words(pair.hypothesis, cut), rouge_words(pair.references[best_common], cut)
        common, reference_common = common_marks(words, wanted)
        return PairReport(
            pair,
            tuple(scores[name] for name in METRICS),
            ngrams,
            reference_ngrams,
            best,
            common,
            reference_common,
            best_common,
        )

    def report(self, rows: tuple[PairReport, ...]) -> MetricsReport:
        """All that was counted in."""
        metrics = (self._bleu.report(), self._chrf.report(), *self._rouge.reports())
        return MetricsReport(metrics, rows, self._settings, self._bleu.single_signature, _notes(rows))

    def _cut(self, text: str) -> list[Word]:
        return bleu_words(text, self._bleu.words, self._settings.tokenizer, self._settings.lowercase)


def _notes(rows: Sequence[PairReport]) -> tuple[str, ...]:
    """What these texts make of the numbers."""
    notes = []
    texts = [text for row in rows for text in (row.pair.hypothesis, *row.pair.references)]
    letters = [letter for text in texts for letter in text.lower() if letter.isalnum()]
    lost = sum(1 for letter in letters if not _LATIN.match(letter))
    if lost:
        share = 100 * lost / len(letters)
        words = "under 1%" if share < 1 else f"{share:.0f}%"
        notes.append(
            f"ROUGE's reference implementation reads a to z and digits only; {words} of the letters are others."
        )
    empty = sum(1 for row in rows if not row.pair.hypothesis.strip())
    if empty:
        notes.append(f"{empty:,} of {len(rows):,} hypotheses are empty and score 0.")
    return tuple(notes)
