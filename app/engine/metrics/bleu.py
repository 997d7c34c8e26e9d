"""BLEU and chrF as sacrebleu computes them, pair by pair, so that long work can be stopped between two."""

from __future__ import annotations

from typing import Any

from app.engine.errors import UserError
from app.engine.metrics.records import BLEU, CHRF, TOKENIZERS, MetricReport, MetricSettings, TextPair

_VARYING = -1
"""sacrebleu's sign for a number of references that differs from pair to pair."""


class _Tally:
    """Keeps the sum of what sacrebleu counts in each pair: the score of the whole is a function of that sum.

    sacrebleu's own entry takes all pairs in one call, which for a large set is minutes without a place to stop. The
    steps used here are the ones it takes itself, also when it resamples for a test of significance.
    """

    def __init__(self, metric: Any) -> None:
        self._metric = metric
        self._sums: list[int] = []
        self._numbers: set[int] = set()

    def _count(self, pair: TextPair) -> list[int]:
        """What sacrebleu counts in one pair; added to the sum."""
        streams = [[text] for text in pair.references]
        counts: list[int] = self._metric._extract_corpus_statistics([pair.hypothesis], streams)[0]
        self._numbers.add(len(streams))
        self._sums = [a + b for a, b in zip(self._sums, counts, strict=True)] if self._sums else list(counts)
        return counts

    def _total(self) -> tuple[Any, str]:
        """The score of all pairs so far and its signature."""
        self._metric.num_refs = next(iter(self._numbers)) if len(self._numbers) == 1 else _VARYING
        return self._metric._compute_score_from_stats(self._sums), str(self._metric.get_signature())


class BleuTally(_Tally):
    """BLEU (Papineni et al. 2002; Post 2018): clipped n-gram precisions to order 4 and a penalty for brevity."""

    def __init__(self, settings: MetricSettings) -> None:
        import sacrebleu

        require_tokenizer(settings.tokenizer)
        # force: the texts may look tokenized, which is for their owner to know; sacrebleu would write to the log.
        options: dict[str, Any] = dict(tokenize=settings.tokenizer, lowercase=settings.lowercase, force=True)
        super().__init__(sacrebleu.BLEU(**options))
        # A short text has no 4-grams, so single pairs are scored with the orders that they have.
        self._single = sacrebleu.BLEU(effective_order=True, **options)

    def add(self, pair: TextPair) -> float:
        """Count a pair in; its own score, 0 to 100."""
        return float(self._single._compute_score_from_stats(self._count(pair)).score)

    def alone(self, hypothesis: str, reference: str) -> float:
        """The score of a hypothesis with one reference, 0 to 100; counts nothing in."""
        return float(self._single.sentence_score(hypothesis, [reference]).score)

    def words(self, text: str) -> list[str]:
        """The text as BLEU cuts it."""
        return list(self._metric._preprocess_segment(text).split())

    @property
    def single_signature(self) -> str:
        """The signature of `add`'s scores."""
        self._single.num_refs = next(iter(self._numbers)) if len(self._numbers) == 1 else _VARYING
        return str(self._single.get_signature())

    def report(self) -> MetricReport:
        """BLEU of all pairs so far."""
        score, signature = self._total()
        parts = [
            (f"{order}-gram precision", _precision(precision, correct, total))
            for order, (precision, correct, total) in enumerate(
                zip(score.precisions, score.counts, score.totals, strict=True), 1
            )
        ]
        parts += [
            ("Brevity penalty", f"{score.bp:.3f}"),
            ("Words of the hypotheses", f"{score.sys_len:,}"),
            ("Words of the references", f"{score.ref_len:,}"),
        ]
        return MetricReport(BLEU, float(score.score), signature, tuple(parts))


class ChrfTally(_Tally):
    """chrF (Popović 2015): F-score of character n-grams to order 6, recall counting twice as much as precision."""

    def __init__(self, settings: MetricSettings) -> None:
        import sacrebleu

        super().__init__(sacrebleu.CHRF(word_order=settings.word_order, lowercase=settings.lowercase))

    def add(self, pair: TextPair) -> float:
        """Count a pair in; its own score, 0 to 100, with the reference that gives the highest."""
        return float(self._metric._compute_score_from_stats(self._count(pair)).score)

    def report(self) -> MetricReport:
        """chrF of all pairs so far."""
        score, signature = self._total()
        parts = (
            ("Variant", score.name),
            ("Character n-grams up to", str(score.char_order)),
            ("Word n-grams up to", str(score.word_order)),
            ("Weight of recall (β)", str(score.beta)),
        )
        return MetricReport(CHRF, float(score.score), signature, parts)


def _precision(percent: float, correct: int, total: int) -> str:
    """A precision in words; where nothing matched sacrebleu puts a small value in its place, so that log is finite."""
    smoothed = ", smoothed" if percent and not correct else ""
    return f"{percent:.1f}% ({correct:,} of {total:,}{smoothed})"


def require_tokenizer(name: str) -> None:
    """A `UserError` that names the ones there are."""
    if name not in TOKENIZERS:
        raise UserError(f"BLEU has no tokenizer “{name}” here.", f"There are {', '.join(TOKENIZERS)}.")
