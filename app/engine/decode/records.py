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
    at_least: int = 1
    """How many tokens the cuts must leave: more in beam sampling, where each beam needs somewhere to go."""

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
    attention: np.ndarray | None = None
    """float32 `[key]`: the row of the watched head for the token after which this one was chosen."""
    head: tuple[str, int, int] | None = None
    """That head: kind, block and head."""
    shortened: bool = False
    """A stop string begins inside the token: `text` is what stands before it."""


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


@dataclass(frozen=True)
class FunnelRow:
    """One token followed through the funnel."""

    token_id: int
    text: str
    logit: float
    """Raw, before any stage."""
    cut_by: str
    """Name of the stage that cut it, '' when none did."""
    kept_before: int = 0
    """How many tokens that every stage kept and that are no rows stand between the row before it and this one."""


@dataclass(frozen=True)
class FunnelStage:
    """What one stage left of the distribution."""

    name: str
    """"raw" to "typical_p", as in `StageOutcome`."""
    active: bool
    left: int
    """How many tokens can still be drawn after it."""
    lost: float
    """Probability, before this stage, of the tokens that it cut, 0 to 1."""
    probabilities: tuple[float, ...]
    """After the stage, one for each row; 0 for a token that is cut."""


@dataclass(frozen=True)
class StripPart:
    """One token on the strip that the draw is made on, from `start` to `end`, 0 to 1."""

    token_id: int
    text: str
    start: float
    end: float


@dataclass(frozen=True)
class Funnel:
    """One step from raw logits to the draw: the likeliest tokens, best first, the chosen one always among them, and
    the first one that was cut."""

    rows: tuple[FunnelRow, ...]
    stages: tuple[FunnelStage, ...]
    """"raw" first, in the order in which they act; without the draw itself."""
    strip: tuple[StripPart, ...]
    """The likeliest tokens that could be drawn, in the order of the strip; what follows them is left out."""
    chosen: int | None
    """The id that was, or would be, taken; None when the settings cut every token."""
    vocabulary: int
    draw: float | None
    """The random number in [0, 1) that decided, None when greedy."""
    undrawn: bool = False
    """The settings draw, but the step was taken without a number, so which token would come is not known; `chosen` is
    the one that stands in the text."""
    searched: bool = False
    """No choice of one token: a beam search takes whole texts, and `chosen` is the token that stands in this one."""
    forced: bool = False
    """Nothing was left to choose: the token was asked for, or the model's own rules demand it."""
    supposed: bool = False
    """Not what happened: the token in the text was chosen under other settings than these."""


@dataclass(frozen=True)
class BeamNode:
    """One token considered by a beam search."""

    index: int
    """Its place in `BeamTree.nodes`."""
    parent: int
    """The node it follows, −1 for the prompt."""
    step: int
    """Which new token it is, from 0."""
    token_id: int
    text: str
    logprob: float
    """ln p of the token after its beam, under the model's own distribution."""
    total: float
    """Sum of the log-probabilities up to it, after the settings' stages: what the search goes by."""
    kept: int | None
    """Its rank among the beams that went on, from 0; None when it was pruned or ended its text."""
    ended: bool = False
    """The text was complete with it, and was taken among the finished ones."""
    at_limit: bool = False
    """It ended there because no further token was allowed, not because the model or a stop string ended it."""


@dataclass(frozen=True)
class BeamSequence:
    """One text that a beam search hands back."""

    ids: tuple[int, ...]
    """Generated ids without the prompt, with the EOS that ended them if one did."""
    text: str
    score: float
    """total / length ** length_penalty, as transformers' `sequences_scores`."""
    total: float
    """Sum of the log-probabilities."""
    nodes: tuple[int, ...]
    """Its way through the tree."""


@dataclass(frozen=True)
class BeamTree:
    """A beam search as far as it has come."""

    nodes: tuple[BeamNode, ...]
    sequences: tuple[BeamSequence, ...]
    """Best first; while the search runs, the beams it holds."""
    finished: bool
    seed: int | None = None
    """The seed of beam sampling, drawn when the settings left it open."""
    greedy: BeamSequence | None = None
    """What taking the likeliest token every time would have written, and how it scores."""
