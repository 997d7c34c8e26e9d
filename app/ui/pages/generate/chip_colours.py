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

    tip: str
    low: str
    high: str
    scale: str = "probability"
    """Name of the colour map."""
    measure: Callable[[GeneratedToken], float] | None = None
    """None: by the probability, or by something that is no step's own."""
    needs_logits: bool = False

    def shade(self, step: GeneratedToken) -> float | None:
        """How dark a step's chip is, UNKNOWN where that needs logits that are not here, None for its probability.

        A text of an earlier start has logits only where its choices were looked at.
        """
        if self.measure is None:
            return None
        return UNKNOWN if self.needs_logits and step.raw is None else self.measure(step)


COLOURS: Mapping[str, ChipColour] = {
    "Probability": ChipColour("Darker: the model held the token likelier", "unlikely", "likely"),
    "Surprisal": ChipColour(
        "Darker: the token surprised the model more, −ln p; darkest from 8 nats on",
        "expected",
        "surprising",
        "surprise",
        _surprisal,
    ),
    "Entropy": ChipColour(
        "Darker: the model was less sure which token to take", "sure", "unsure", "surprise", _entropy, needs_logits=True
    ),
    "Rank": ChipColour(
        "Darker: more tokens were likelier than the one taken; the favourite is palest",
        "favourite",
        "far down",
        "surprise",
        _rank,
        needs_logits=True,
    ),
    ATTENTION: ChipColour(
        "Darker: the chosen head looked more at this token when the marked or newest one was chosen (the root of the "
        "weight, so that small ones show)",
        "little",
        "looked at",
    ),
}
