"""What the token loop hands out: no torch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from app.engine.decode.draw import strip


@dataclass(frozen=True)
class ModelRules:
    """What the model's own generation config demands of the decoder, whatever the sliders say."""

    eos: tuple[int, ...] = ()
    """Ids that end the text."""
    forced_first: int | None = None
    """`forced_bos_token_id`: must follow a lone start token."""
    forced_last: tuple[int, ...] = ()
    """`forced_eos_token_id`: one of these must stand in the last place that `max_new_tokens` allows."""
    suppressed: tuple[int, ...] = ()
    suppressed_first: tuple[int, ...] = ()
    """Suppressed only when `begin_index` ids stand before the token."""
    begin_index: int = 0
    bad_words: tuple[tuple[int, ...], ...] = ()
    """Sequences of ids that must not be completed."""


@dataclass(frozen=True, eq=False)
class StageContext:
    """What the stages know besides the logits: the ids that stand before the token, and the model's rules."""

    ids: np.ndarray
    """int64 `[token]`: prompt and new ids; in an encoder-decoder the decoder's ids with the start token."""
    prompt_length: int
    """How many of the ids were there before the first new one."""
    rules: ModelRules = ModelRules()

    @property
    def new_ids(self) -> np.ndarray:
        """int64 `[new token]`: the generated ids alone."""
        return self.ids[self.prompt_length :]


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

    def strip(self, most: int) -> tuple[np.ndarray, np.ndarray]:
        """The strip the draw is made on, its first `most` tokens: ids `[token]`, edges from 0 `[token + 1]`.

        The likeliest token comes first; token i is the one under a random number u where edges[i] <= u < edges[i + 1].
        """
        return strip(self.logits, most)


@dataclass(frozen=True)
class Step:
    """One new token and the choice it was."""

    token_id: int
    text: str
    """The text this token completes; '' while a character is incomplete, and for the token that ends the text."""
    logprob: float
    """ln p of the token under the model's own distribution, before any stage."""
    stages: tuple[StageOutcome, ...]
    """From "raw" to "draw", eleven in the order they act; the arrays of this step and of no other."""
    draw: float | None = None
    """The random number in [0, 1) that decided, None when greedy."""
    seed: int | None = None
    """The seed of the run, drawn when the settings left it open."""
    context: StageContext | None = None
    """What the stages saw, for running them again with other settings (`stages.recompute`)."""


@dataclass(frozen=True)
class DistributionRow:
    """One token before any stage and after the last."""

    token_id: int
    text: str
    before: float
    """Probability under the model's own distribution, 0 to 1."""
    after: float
    """Probability with which it could be drawn; 0 when a stage cut it."""
    cut_by: str
    """Name of the stage that cut it, '' when none did."""


@dataclass(frozen=True)
class Distribution:
    """The likeliest tokens of one step, best first before any stage, with the chosen one always among them."""

    rows: tuple[DistributionRow, ...]
    chosen: int | None
    """The id that was, or would be, taken; None when the settings cut every token."""
    left: int
    """How many tokens could still be drawn."""
    vocabulary: int
    draw: float | None
    """The random number in [0, 1) that decided, None when greedy."""
