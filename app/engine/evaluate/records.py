"""What measuring a model on a text gives, as plain arrays: records that need no torch."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

CAUSAL, MASKED, CONDITIONAL = "causal", "masked", "conditional"
"""What a token's surprisal is conditioned on: the tokens before it; all the others (pseudo-perplexity, Salazar et al.
2020); the source and the target's tokens before it."""
OBJECTIVE_WORDS = {CAUSAL: "perplexity", MASKED: "pseudo-perplexity", CONDITIONAL: "conditional perplexity"}
LN2 = math.log(2.0)


@dataclass(frozen=True)
class Plan:
    """How a text is cut into windows that fit the model. `name` is "sliding" or "lm-eval"."""

    window: int | None = None
    """Tokens a window holds; None: the model's context, at most 1,024."""
    stride: int | None = None
    """How far the next window begins after this one; None: half the window."""
    name: str = "sliding"


@dataclass(frozen=True, eq=False)
class Scores:
    """How surprised one model was by one text: the text's records one after the other, token by token."""

    objective: str
    """CAUSAL, MASKED or CONDITIONAL."""
    ids: np.ndarray
    """int64 `[token]`."""
    token_nats: np.ndarray
    """float64 `[token]`: −ln p of each token, NaN where it was not scored (the first of a record, special tokens)."""
    spans: np.ndarray
    """int64 `[token, 2]`: the bytes of the UTF-8 text that a token stands for, from and to; empty for special ones."""
    entropy: np.ndarray
    """float32 `[token]`: nats of the whole distribution at that place."""
    rank: np.ndarray
    """int32 `[token]`: how many tokens were likelier; 0 is the model's first choice, −1 not scored."""
    confidence: np.ndarray
    """float32 `[token]`: the probability of the model's first choice."""
    starts: np.ndarray
    """int64 `[record + 1]`: where each record's tokens begin, and the end."""
    bytes: int
    """UTF-8 bytes of the whole text."""
    words: int
    """Words between white space, of the whole text."""
    plan: Plan
    """With the numbers that were used."""
    seconds: float = 0.0
    skipped: int = 0
    """Records too short to be scored (fewer than two tokens)."""

    @property
    def total_nats(self) -> float:
        """The sum of all surprisals."""
        return float(np.nansum(self.token_nats))

    @property
    def scored(self) -> int:
        """How many tokens were scored."""
        return int(np.count_nonzero(~np.isnan(self.token_nats)))

    @property
    def nats_per_token(self) -> float:
        """Cross-entropy: the mean surprisal over the scored tokens."""
        return self.total_nats / self.scored if self.scored else math.nan

    @property
    def perplexity(self) -> float:
        """e to the mean surprisal; inf where that is too large for a float."""
        nats = self.nats_per_token
        return math.exp(nats) if nats < 700 or math.isnan(nats) else math.inf

    @property
    def bits_per_byte(self) -> float:
        """All surprisal in bits over the bytes of the whole text: comparable between tokenizers."""
        return self.total_nats / LN2 / self.bytes if self.bytes else math.nan

    @property
    def word_perplexity(self) -> float:
        """e to the surprisal per word."""
        return math.exp(min(self.total_nats / self.words, 700)) if self.words else math.nan

    @property
    def byte_perplexity(self) -> float:
        """e to the surprisal per byte."""
        return 2.0**self.bits_per_byte

    @property
    def accuracy(self) -> float:
        """Share of scored tokens that were the model's first choice."""
        return self._share(1)

    @property
    def top5(self) -> float:
        """Share of scored tokens among the model's first five."""
        return self._share(5)

    @property
    def mean_entropy(self) -> float:
        """Nats: how unsure the model was on average."""
        return float(np.mean(self.entropy[self.rank >= 0])) if self.scored else math.nan

    def _share(self, first: int) -> float:
        ranks = self.rank[self.rank >= 0]
        return float(np.mean(ranks < first)) if ranks.size else math.nan


@dataclass(frozen=True)
class Piece:
    """A token in the text, with its surprisal."""

    text: str
    """As it stands in the text; '' for a token that lies inside a character of the one before."""
    start: int
    """The byte where it begins."""
    stop: int
    bits: float | None
    """None where it was not scored."""
    index: int
    """Its place among the tokens."""


@dataclass(frozen=True)
class Stretch:
    """A stretch of bytes that begins and ends at a token's border in both models, and what each paid for it."""

    start: int
    stop: int
    bits: tuple[float, float]
    """Of A and B."""
    tokens: tuple[int, int]
    text: str = ""


@dataclass(frozen=True)
class TextPage:
    """A part of a text with the tokens of one model, or of two above each other."""

    start: int
    """The byte where the page begins."""
    stop: int
    total: int
    """Bytes of the whole text."""
    rows: tuple[tuple[Piece, ...], ...]
    """One row of pieces a model; their texts join to the same letters."""
    stretches: tuple[Stretch, ...] = ()
    """With two models: the common stretches of the page."""


@dataclass(frozen=True, eq=False)
class Curve:
    """Loss along a text."""

    x: np.ndarray
    """float64 `[point]`: byte, or the place of a token in its window."""
    y: np.ndarray
    """float64 `[point]`: bits per byte, or bits per token; NaN where there is nothing."""
    label: str
    slot: str = ""
    """"A", "B" or ''."""


@dataclass(frozen=True, eq=False)
class Calibration:
    """How far a model's confidence is right (Guo et al. 2017), in bins of equal width of the first choice's
    probability."""

    edges: np.ndarray
    """float64 `[bin + 1]`, from 0 to 1."""
    confidence: np.ndarray
    """float64 `[bin]`: the mean confidence, NaN where the bin is empty."""
    accuracy: np.ndarray
    """float64 `[bin]`: the share of first choices that were right, NaN where the bin is empty."""
    count: np.ndarray
    """int64 `[bin]`."""

    @property
    def error(self) -> float:
        """The expected calibration error: |accuracy − confidence| weighted by the bins' counts."""
        total = int(self.count.sum())
        if not total:
            return math.nan
        filled = self.count > 0
        gaps = np.abs(self.accuracy[filled] - self.confidence[filled])
        return float((gaps * self.count[filled]).sum() / total)


@dataclass(frozen=True)
class Comparison:
    """Whether A − B in bits per byte is more than noise: a paired bootstrap over the text's parts."""

    difference: float
    """Bits per byte of A minus those of B; negative: A is less surprised."""
    low: float
    high: float
    """The middle 95 % of the resampled differences."""
    share: float
    """Share of the resamples in which the model that leads on the whole text leads."""
    parts: int
    """Records, or blocks of the text, that were resampled."""

    @property
    def clear(self) -> bool:
        """Whether the interval leaves zero out."""
        return self.low > 0 or self.high < 0


@dataclass(frozen=True)
class WorkedToken:
    """A token of the worked example."""

    text: str
    probability: float


@dataclass(frozen=True)
class WorkedExample:
    """Perplexity by hand: product, geometric mean, reciprocal."""

    tokens: tuple[WorkedToken, ...]
    context: str = ""
    """What stands before the first token that is scored."""
    product: float = field(init=False)
    mean: float = field(init=False)
    """The geometric mean of the probabilities."""
    perplexity: float = field(init=False)

    def __post_init__(self) -> None:
        logs = [math.log(token.probability) if token.probability > 0 else -math.inf for token in self.tokens]
        total = math.fsum(logs) if logs else 0.0
        mean = math.exp(total / len(logs)) if logs else math.nan
        object.__setattr__(self, "product", math.exp(total))
        object.__setattr__(self, "mean", mean)
        object.__setattr__(self, "perplexity", 1 / mean if mean else math.inf)
