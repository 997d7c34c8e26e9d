"""The sentences that the sentiment head learns from, and those it is measured on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from training.labelled import read_labelled

Labelled = list[tuple[str, int]]
FROM_PRODUCTS = 8000
"""How many of the 40,552 product phrases are learnt from, so that they do not drown the film reviews."""
APART = 500
"""How many of the 2,000 sentences of uci-sentiment are held out."""


@dataclass(frozen=True)
class SentimentData:
    """Sentences with 1 for positive and 0 for negative."""

    train: Labelled
    validation: Labelled
    """Held out of the training corpora: what the number of steps was chosen on."""
    tests: dict[str, Labelled]


def read_sentiment(data: Path) -> SentimentData:
    """Film reviews, product phrases and the larger part of uci-sentiment; every draw has a fixed seed."""
    generator = np.random.default_rng(0)

    def shuffled(rows: Labelled) -> Labelled:
        return [rows[place] for place in generator.permutation(len(rows))]

    films = shuffled(read_labelled(data / "sentence-polarity" / "rt_polarity_train.tsv"))
    products = shuffled(read_labelled(data / "pros-cons" / "pros_cons.tsv"))[:FROM_PRODUCTS]
    named = ("amazon_cells.tsv", "imdb.tsv")
    reviews = shuffled([row for name in named for row in read_labelled(data / "uci-sentiment" / name)])
    known = {sentence.casefold() for sentence, _ in reviews[:APART]}
    train = [row for row in (*films[400:], *products[400:], *reviews[APART:]) if row[0].casefold() not in known]
    return SentimentData(
        train=train,
        validation=[*films[:400], *products[:400]],
        tests={
            "SST-2, 872 film review sentences": read_labelled(data / "sst2" / "dev.tsv"),
            f"UCI, {APART} held-out product and film sentences": reviews[:APART],
        },
    )
