"""What can colour the tokens of a text, each a share from 0 to 1, with the words and the map for it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from app.session.generated import GeneratedToken

MOST_SURPRISED = 8.0
"""Nats at which a chip is darkest."""
ATTENTION = "Attention"
UNKNOWN = math.nan
"""The shade of a token whose measure is not known: its logits are not here."""


def _surprisal(step: GeneratedToken) -> float:
    return min(-step.logprob / MOST_SURPRISED, 1.0)


def _entropy(step: GeneratedToken) -> float:
    assert step.raw is not None
    return step.entropy / math.log(max(step.raw.size, 2))


def _rank(step: GeneratedToken) -> float:
    assert step.raw is not None
    return math.log(step.rank) / math.log(max(step.raw.size, 2))


@dataclass(frozen=True)
class ChipColour:
    """One of the choices: `low` and `high` are what its palest and its darkest chips mean."""

    more: str
    """What is the more so, the darker a token is."""
    ends: str
    """The values of the palest and the darkest chips."""
    low: str
    high: str
    scale: str = "probability"
    """Name of the colour map."""
    measure: Callable[[GeneratedToken], float] | None = None
    """None: by the probability, or by something that is no step's own."""
    needs_logits: bool = False

    @property
    def tip(self) -> str:
        """Both in sentences."""
        return f"Darker: {self.more}. {self.ends}"

    def shade(self, step: GeneratedToken) -> float | None:
        """How dark a step's chip is, UNKNOWN where that needs logits that are not here, None for its probability.

        A text of an earlier start has logits only where its choices were looked at.
        """
        if self.measure is None:
            return None
        return UNKNOWN if self.needs_logits and step.raw is None else self.measure(step)


COLOURS: Mapping[str, ChipColour] = {
    "Probability": ChipColour("the likelier the model held it", "Palest 0%, darkest 100%.", "unlikely", "likely"),
    "Surprisal": ChipColour(
        "the more it surprised the model, −ln p",
        f"Palest 0 nats, darkest from {MOST_SURPRISED:g} nats on.",
        "low",
        "high",
        "surprise",
        _surprisal,
    ),
    "Entropy": ChipColour(
        "the less sure the model was which token to take",
        "Palest 0 nats, darkest the logarithm of the vocabulary's size (8.3 nats for 4,096 tokens): all alike.",
        "sure",
        "unsure",
        "surprise",
        _entropy,
        needs_logits=True,
    ),
    "Rank": ChipColour(
        "the more tokens the model held likelier than it",
        "Palest rank 1, the favourite; darkest the last of the vocabulary, on a logarithmic scale.",
        "first",
        "far down",
        "surprise",
        _rank,
        needs_logits=True,
    ),
    ATTENTION: ChipColour(
        "the more the chosen head looked at it when the marked or newest token was chosen",
        "Palest weight 0, darkest weight 1, by the root of the weight, so that small ones show.",
        "little",
        "looked at",
    ),
}
