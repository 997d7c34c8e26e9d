"""A word-by-word translator learnt from sentence pairs: the simple baseline beside which BLEU is reported."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence

_WORD = re.compile(r"\w+(?:['’]\w+)?|[^\w\s]")
_NOTHING = ""


def words(text: str) -> list[str]:
    """The words and marks of a text, lower case."""
    return _WORD.findall(text.lower())


class Dictionary:
    """Word translation probabilities by expectation maximisation (IBM model 1: Brown et al. 1993, section 4.1)."""

    def __init__(self, pairs: Sequence[tuple[str, str]], rounds: int = 5) -> None:
        sides = [([_NOTHING, *words(source)], words(target)) for source, target in pairs]
        shares: dict[tuple[str, str], float] = defaultdict(lambda: 1.0)
        for _ in range(rounds):
            counts: dict[tuple[str, str], float] = defaultdict(float)
            totals: dict[str, float] = defaultdict(float)
            for sources, targets in sides:
                for target in targets:
                    weights = [shares[source, target] for source in sources]
                    whole = sum(weights)
                    for source, weight in zip(sources, weights, strict=True):
                        counts[source, target] += weight / whole
                        totals[source] += weight / whole
            shares = defaultdict(float, {pair: count / totals[pair[0]] for pair, count in counts.items()})
        best: dict[str, tuple[float, str]] = {}
        for (source, target), share in shares.items():
            best[source] = max(best.get(source, (0.0, "")), (share, target))
        self._best = {source: target for source, (_, target) in best.items()}

    def translate(self, text: str) -> str:
        """Each word's likeliest translation in the order of the source; unknown words stay."""
        found = " ".join(self._best.get(word, word) for word in words(text))
        return found[:1].upper() + found[1:]
