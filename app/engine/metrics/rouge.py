"""ROUGE (Lin 2004) through its reference implementation in Python, the package rouge-score."""

from __future__ import annotations

from importlib.metadata import version

from app.engine.errors import UserError
from app.engine.metrics.records import ROUGE_1, ROUGE_2, ROUGE_L, ROUGE_LSUM, MetricReport, MetricSettings, TextPair

_KEYS = {ROUGE_1: "rouge1", ROUGE_2: "rouge2", ROUGE_L: "rougeL", ROUGE_LSUM: "rougeLsum"}
MOST_CELLS = 4_000_000
"""The table of a longest common subsequence has a cell for every word of one text and word of the other; more than
this takes seconds and hundreds of megabytes for a single pair."""


class RougeTally:
    """Precision, recall and F1 of each variant, of the reference with the highest F1; the whole is the mean."""

    def __init__(self, settings: MetricSettings) -> None:
        from rouge_score.rouge_scorer import RougeScorer
        from rouge_score.tokenizers import DefaultTokenizer

        self._stemmer = settings.stemmer
        self._tokenizer = DefaultTokenizer(settings.stemmer)
        self._scorer = RougeScorer(list(_KEYS.values()), tokenizer=self._tokenizer)
        self._sums = dict.fromkeys(_KEYS, (0.0, 0.0, 0.0))
        self._pairs = 0

    def add(self, pair: TextPair) -> dict[str, tuple[float, int]]:
        """Count a pair in; by the metric's name its F1, 0 to 100, and which reference gave it.

        That is rouge-score's `score_multi`, which keeps the reference to itself.
        """
        self._require_size(pair)
        scores = [self._scorer.score(text, pair.hypothesis) for text in pair.references]
        self._pairs += 1
        result = {}
        for name, key in _KEYS.items():
            best = max(range(len(scores)), key=lambda index: scores[index][key].fmeasure)
            score = scores[best][key]
            precision, recall, f1 = self._sums[name]
            self._sums[name] = precision + score.precision, recall + score.recall, f1 + score.fmeasure
            result[name] = (100 * float(score.fmeasure), best)
        return result

    def words(self, text: str) -> list[str]:
        """The text as ROUGE cuts it; with the stemmer their stems."""
        return list(self._tokenizer.tokenize(text))

    def reports(self) -> tuple[MetricReport, ...]:
        """The mean of each variant over all pairs so far."""
        pairs = f"{self._pairs:,} pair{'' if self._pairs == 1 else 's'}"
        stemmer = "on" if self._stemmer else "off"
        signature = f"rouge-score {version('rouge-score')}, stemmer {stemmer}, mean over {pairs}"
        reports = []
        for name, sums in self._sums.items():
            precision, recall, f1 = (total / self._pairs for total in sums)
            parts = (("Precision", f"{precision:.3f}"), ("Recall", f"{recall:.3f}"), ("F1", f"{f1:.3f}"))
            split = ", sentences split at line breaks" if name == ROUGE_LSUM else ""
            reports.append(MetricReport(name, 100 * f1, signature + split, parts))
        return tuple(reports)

    def _require_size(self, pair: TextPair) -> None:
        ours = len(self.words(pair.hypothesis))
        theirs = max(len(self.words(text)) for text in pair.references)
        if ours * theirs > MOST_CELLS:
            where = f"Line {pair.line}" if pair.line else "A pair"
            raise UserError(
                f"{where} has {ours:,} words against {theirs:,}: too many for ROUGE-L, "
                "which compares every word with every other.",
                "Split long texts into lines that belong together.",
            )
