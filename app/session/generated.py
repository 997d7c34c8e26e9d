"""What the token loop left, in records that outlive it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from app.engine.decode.records import Distribution, StageContext
from app.engine.decode.settings import DecodingSettings


@dataclass(frozen=True, eq=False)
class GeneratedToken:
    """One step that was taken, with what is needed to look at its choice again without running the model."""

    token_id: int
    text: str
    logprob: float
    """ln p under the model's own distribution."""
    raw: np.ndarray
    """The model's logits, float32 `[vocabulary]`."""
    context: StageContext
    draw: float | None
    settings: DecodingSettings
    """The settings that chose it."""
    seed: int | None

    @property
    def probability(self) -> float:
        """Probability under the model's own distribution, 0 to 1."""
        return math.exp(self.logprob)


@dataclass(frozen=True)
class DistributionReading:
    """The distribution of step `index` under the settings asked for."""

    index: int
    distribution: Distribution
