"""What can colour the tokens of a text besides their probability, each a share from 0 to 1."""

from __future__ import annotations

import math
from collections.abc import Callable

from app.session.generated import GeneratedToken

MOST_SURPRISED = 8.0
"""Nats at which a chip is darkest."""
ATTENTION = "Attention"


def _surprisal(step: GeneratedToken) -> float:
    return min(-step.logprob / MOST_SURPRISED, 1.0)


def _entropy(step: GeneratedToken) -> float:
    assert step.raw is not None
    return step.entropy / math.log(max(step.raw.size, 2))


def _rank(step: GeneratedToken) -> float:
    assert step.raw is not None
    return math.log(step.rank) / math.log(max(step.raw.size, 2))


COLOURS: dict[str, Callable[[GeneratedToken], float] | None] = {
    "Probability": None,
    "Surprisal": _surprisal,
    "Entropy": _entropy,
    "Rank": _rank,
    ATTENTION: None,
}
COLOUR_TIPS = {
    "Probability": "Darker: the model held the token likelier",
    "Surprisal": "Darker: the token surprised the model more, −ln p; darkest from 8 nats on",
    "Entropy": "Darker: the model was less sure which token to take",
    "Rank": "Darker: more tokens were likelier than the one taken; the favourite is palest",
    ATTENTION: "Darker: the chosen head looked more at this token when the marked or newest one was chosen "
    "(the root of the weight, so that small ones show)",
}
