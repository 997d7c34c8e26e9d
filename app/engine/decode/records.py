"""What the token loop hands out: no torch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class StageOutcome:
    """What one stage left of the logits. An inactive stage carries the very array of the stage before it."""

    name: str
    """"raw", "repetition", "frequency_presence", "ngram", "bans", "temperature", "top_k", "top_p", "min_p",
    "typical_p" or "draw"."""
    active: bool
    logits: np.ndarray
    """float32 `[vocabulary]` after the stage; a token that was cut is −inf."""

    @property
    def left(self) -> int:
        """How many tokens can still be drawn."""
        return int(np.isfinite(self.logits).sum())

    @property
    def probabilities(self) -> np.ndarray:
        """softmax of the logits, float32 `[vocabulary]`."""
        shifted = np.exp(self.logits - self.logits.max())
        return shifted / shifted.sum()


@dataclass(frozen=True)
class Step:
    """One new token and the choice it was."""

    token_id: int
    text: str
    """The text this token completes; '' while a character is incomplete or a stop string may be beginning."""
    logprob: float
    """ln p of the token under the model's own distribution, before any stage."""
    stages: tuple[StageOutcome, ...]
    draw: float | None = None
    """The random number in [0, 1) that decided, None when greedy."""
    seed: int | None = None
    """The seed of the run, drawn when the settings left it open."""
