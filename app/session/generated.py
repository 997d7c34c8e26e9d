"""What the token loop left, in records that outlive it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from app.engine.decode.records import Distribution, Funnel, StageContext
from app.engine.decode.settings import DecodingSettings


@dataclass(frozen=True, eq=False)
class GeneratedToken:
    """One step that was taken, with what is needed to look at its choice again without running the model."""

    token_id: int
    text: str
    logprob: float
    """ln p under the model's own distribution."""
    raw: np.ndarray | None
    """The model's logits, float32 `[vocabulary]`; None for a text of an earlier start until they are asked for."""
    context: StageContext | None
    draw: float | None
    settings: DecodingSettings
    """The settings that chose it."""
    seed: int | None
    position: int | None = None
    """Of a filled gap: its place in the prompt."""
    attention: np.ndarray | None = None
    """float32 `[key]`: where the watched head looked in its own text when this token was chosen."""
    source_attention: np.ndarray | None = None
    """float32 `[key]`: where a watched head of cross-attention looked in the source."""
    head: tuple[str, int, int] | None = None
    """The watched head: kind, block and head."""
    ends: bool = False
    """The model ended its text with it."""
    shortened: bool = False
    """A stop string begins inside the token: `text` is what stands before it."""
    training_step: int | None = None
    """After which step of its training the model chose it, where it was in training."""
    name: str = ""
    """What the tokenizer calls it, where it ended the text and has no text of its own."""

    @property
    def shown(self) -> str:
        """Its text; without one its name, or a sign for a part of a character that the next tokens complete."""
        return self.text or self.name or "…"

    @property
    def probability(self) -> float:
        """Probability under the model's own distribution, 0 to 1."""
        return math.exp(self.logprob)

    @cached_property
    def entropy(self) -> float:
        """Entropy of the model's own distribution, in nats; only where the logits are here."""
        assert self.raw is not None
        shifted = self.raw - self.raw.max()
        weights = np.exp(shifted)
        shares = weights / weights.sum()
        return float(np.log(weights.sum()) - (shares * shifted).sum())

    @cached_property
    def rank(self) -> int:
        """How many tokens the model held likelier, plus one; only where the logits are here."""
        assert self.raw is not None
        return int((self.raw > self.raw[self.token_id]).sum()) + 1


@dataclass(frozen=True)
class DistributionReading:
    """The distribution of step `index` under the settings asked for, and the same as a funnel."""

    index: int
    distribution: Distribution
    funnel: Funnel
    step: GeneratedToken
    """The step with its logits, which a text of an earlier start did not have."""
    settings: DecodingSettings
    """Those asked for."""
    apart: tuple[DecodingSettings, Distribution] | None = None
    """Of a text that a beam search found: the settings as they are now, if no beam search's, and what they leave."""


@dataclass(frozen=True)
class RunCost:
    """What a run has taken so far."""

    tokens: int
    """New tokens written in this run: of several texts all together, of a beam search the steps, which are tokens of
    each beam, and the gaps of a masked model."""
    seconds: float
    """Since the run began, the prompt included."""
    first: float
    """Seconds to the first token."""
    cache_bytes: int
    """Memory of the cached keys and values."""
    reused: int
    """Tokens that the cache of the run before held already."""

    @property
    def per_second(self) -> float:
        """Tokens per second after the first."""
        return (self.tokens - 1) / (self.seconds - self.first) if self.seconds > self.first else 0.0
