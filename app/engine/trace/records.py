"""What a trace hands to the window: frozen records of numpy arrays, no torch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from app.engine.trace.head_scores import HeadScores


@dataclass(frozen=True)
class Token:
    """One token of the input. `text` is the slice of the input, or a special token's name."""

    id: int
    text: str
    special: bool = False
    segment: int = 0
    """0 for the first text, 1 for the second of a pair."""
    raw: bytes = b""
    """The bytes it stands for, where it is a part of a character; several tokens then share one slice."""

    @property
    def shown(self) -> str:
        """The text, or bytes that are no character of their own as surrogate escapes (PEP 383)."""
        return self.raw.decode("utf-8", "surrogateescape") if self.raw else self.text


@dataclass(frozen=True)
class TensorInfo:
    """A name of the trace with its shape (batch of one dropped), or the reason why this model lacks it."""

    name: str
    shape: tuple[int, ...] | None
    axes: tuple[str, ...] = ()
    """Names of the axes: "token", "head", "query", "key", "head_dim", "width", "mlp_width", "vocabulary"…"""
    absent: str = ""
    shares: bool = False
    """Its values are shares of something, 0 to 1, to be drawn on the map of probabilities."""


@dataclass(frozen=True)
class TensorReading:
    """The values of one tensor and its statistics over finite values."""

    name: str
    values: np.ndarray
    """float32, shape as `info.shape`; masked scores are −inf."""
    info: TensorInfo
    dtype: str
    """The dtype in which the model computed it, for instance "float32"."""
    minimum: float
    maximum: float
    mean: float
    std: float
    l2: float
    zeros: float
    """Share of exact zeros, 0 to 1."""
    nonfinite: int
    """How many values are NaN or infinite, masked scores not counted."""


@dataclass(frozen=True)
class HeadReading:
    """One head's attention: weights after softmax, scores before it, and which cells the mask leaves visible."""

    layer: int
    head: int
    pattern: np.ndarray
    """float32 `[query, key]`, masked cells 0."""
    scores: np.ndarray
    """float32 `[query, key]`, masked cells −inf."""
    visible: np.ndarray
    """bool `[query, key]`: True where no mask stands."""
    measured: HeadScores
    """What the head does on this text."""
    kind: str = "self"
    """ "self", "encoder" or "cross"."""
    weighting: str = "raw"
    """What `pattern` holds: "raw" weights, "norms" (‖α·v·W_O‖ as a share of its row) or "rollout"."""
    scaling: float | None = None
    """What the family multiplies q · k by, None where it is not known."""
    softcap: float | None = None
    """c of c·tanh(x/c), None where scores are not capped."""
    sink: float | None = None
    """A learned score that competes with the keys' and is no key's (gpt-oss); rows then add up to less than 1."""


@dataclass(frozen=True)
class Thumbnails:
    """Small pictures of one layer's heads: patterns max-pooled to at most 64 cells a side."""

    layer: int
    patterns: np.ndarray | None
    """float32 `[head, side, side]`, masked cells 0; None where the block has no attention."""
    visible: np.ndarray | None
    """bool `[side, side]`: True where a cell holds at least one visible pair."""
    pooled: int
    """How many tokens one cell stands for, 1 when nothing was pooled."""
    kind: str = "self"
    measured: tuple[HeadScores, ...] = ()
    """What each head does on this text."""


@dataclass(frozen=True)
class LayerReading:
    """All heads of one layer: float32 `[head, query, key]`, masked cells 0."""

    layer: int
    kind: str
    patterns: np.ndarray


@dataclass(frozen=True)
class Candidate:
    """One possible next token."""

    token_id: int
    text: str
    probability: float
    logit: float


@dataclass(frozen=True)
class ClassShare:
    """One class of a classification head, or one answer of a next-sentence head."""

    label: str
    probability: float
    logit: float


@dataclass(frozen=True)
class Attribution:
    """What each part of the model added to one logit (direct logit attribution)."""

    position: int
    token_id: int
    text: str
    logit: float
    embedding: float
    """By the embeddings."""
    heads: np.ndarray
    """float32 `[layer, head]`, NaN where a head's part is not seen apart."""
    mlps: np.ndarray
    """float32 `[layer]`."""
    rest: float
    """By biases and norms, whatever the text."""
    attentions: np.ndarray
    """float32 `[layer]`: by the attention of a block as a whole, NaN where it is seen by head."""
    cross_heads: np.ndarray
    """float32 `[layer, head]`, by cross-attention; NaN where it is not seen apart or there is none."""
    crosses: np.ndarray
    """float32 `[layer]`: by cross-attention of a block as a whole, NaN where it is seen by head or there is none."""


@dataclass(frozen=True)
class CodeRead:
    """Python that gives a tensor again, or why there is none."""

    name: str
    python: str
    why: str = ""


@dataclass(frozen=True)
class Exactness:
    """The largest differences between what is shown and what transformers computes, on a text of `tokens` tokens."""

    tokens: int
    logits: float
    """From the untouched model's logits; 0 means bit for bit."""
    pattern: float | None
    """From the attention weights of its eager attention; None where they cannot be had."""
    reason: str = ""
    """Why `pattern` is None."""


@dataclass(frozen=True)
class WeightReading:
    """How one attention weight came about and what it does: Q·Kᵀ → scale → mask → softmax → ·V (Vaswani et al. 2017,
    section 3.2.1)."""

    layer: int
    head: int
    query: int
    key: int
    query_vector: np.ndarray
    """float32 `[head_dim]`, after rotary."""
    key_vector: np.ndarray
    """float32 `[head_dim]`, of the key-value head that this head reads."""
    dot: float
    scaling: float | None
    """What the family multiplies by, None where it is not known; scale and bias are then not known apart."""
    softcap: float | None
    """c of c·tanh(x/c), None where scores are not capped."""
    score: float
    """What went into softmax, bias and cap included; −inf where masked."""
    weight: float
    row_scores: np.ndarray
    """float32 `[key]`, the scores of the query's row, masked −inf."""
    row_weights: np.ndarray
    """float32 `[key]`."""
    value_vector: np.ndarray | None
    """float32 `[head_dim]`, the value of the key; None where the family does not show its values."""
    mixed: np.ndarray | None
    """float32 `[head_dim]`, what all keys of the row add up to, weight times value: the query's row of attn.z."""
    kind: str = "self"
    bias: float = 0.0
    """What the family adds to the scaled product, the mask aside; 0 where nothing is added, or it is not known."""
    bias_by: str = ""
    """What a bias comes from: "ALiBi", "relative bias", "relative embeddings"; '' for anything else."""
    sink: float | None = None
    """A learned score that competes with the keys' in the softmax of the row and is no key's (gpt-oss)."""


@dataclass(frozen=True)
class LensRow:
    """What the stream after one block would say."""

    layer: int
    token_id: int
    text: str
    """The likeliest token."""
    probability: float
    final_probability: float
    """Of the model's own answer."""
    rank: int
    """How many tokens stand before the model's own answer; 0 when it is the likeliest."""


@dataclass(frozen=True)
class LensReading:
    """The raw logit lens at one position."""

    position: int
    final_id: int
    final_text: str
    """The model's own answer."""
    rows: tuple[LensRow, ...]


@dataclass(frozen=True, eq=False)
class LensMap:
    """The raw logit lens at every position: what the stream after each block would say there."""

    ids: np.ndarray
    """int64 `[layer, token]`: the likeliest token."""
    texts: tuple[tuple[str, ...], ...]
    """The same as texts, `[layer][token]`."""
    probabilities: np.ndarray
    """float32 `[layer, token]`: how likely it is."""
    ranks: np.ndarray
    """int64 `[layer, token]`: how many tokens stand before the model's own answer at that position."""
    vocabulary: int
    """How many tokens it chooses from."""


@dataclass(frozen=True)
class CandidatePair:
    """One possible next token and how likely it is in either of two traces."""

    token_id: int
    text: str
    first: float
    second: float


@dataclass(frozen=True, eq=False)
class StreamDistance:
    """How far the residual streams of two traces are apart: before the first block and after each, mean over tokens."""

    stack: str
    """ "" where there is one stack, else "encoder" or "decoder"."""
    relative: np.ndarray
    """float32 `[layer + 1]`: ‖a − b‖ / ‖a‖, a the first's stream."""
    cosine: np.ndarray
    """float32 `[layer + 1]`: 1 where both point the same way."""


@dataclass(frozen=True, eq=False)
class TraceComparison:
    """Two traces of equally many tokens, token by token: how differently they look, hold and answer."""

    heads: dict[str, np.ndarray]
    """float32 `[layer, head]` by kind of attention: Jensen–Shannon divergence of the two attention rows in bits, 0 to
    1, mean over queries; NaN where one of the two has no attention."""
    streams: tuple[StreamDistance, ...]
    """Empty where the streams differ in width."""
    next_token: np.ndarray | None
    """float32 `[token]`: Jensen–Shannon divergence of what the two say at each token, in bits; None where they do not
    choose from equally many tokens."""
    extra_bits: np.ndarray | None
    """float32 `[token]`: the Kullback–Leibler divergence D(second ‖ first), what the first's code would cost the second
    beyond its own, in bits."""
    candidates: tuple[tuple[CandidatePair, ...], ...] = ()
    """At each token what is likeliest in the first or in the second, in no order."""

    def pairs(self, position: int, by: str = "first") -> tuple[CandidatePair, ...]:
        """The candidates at a token, the largest first, by "first", "second" or "change" (of either sign)."""

        def size(pair: CandidatePair) -> float:
            return abs(pair.second - pair.first) if by == "change" else pair.second if by == "second" else pair.first

        return tuple(sorted(self.candidates[position], key=size, reverse=True))
