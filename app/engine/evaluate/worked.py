"""Perplexity by hand, and the distribution behind one token."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from app.engine.errors import UserError
from app.engine.evaluate.causal import CausalScorer
from app.engine.evaluate.conditional import ConditionalScorer
from app.engine.evaluate.curves import context_of
from app.engine.evaluate.encoding import encode, utf8
from app.engine.evaluate.masked import MaskedScorer
from app.engine.evaluate.records import CAUSAL, CONDITIONAL, Scores, WorkedExample, WorkedToken
from app.engine.evaluate.score import perplexity
from app.engine.texts.source import sound
from app.engine.trace.records import Candidate

MOST_TOKENS = 40
"""A sentence that somebody works by hand is short."""


def worked_example(loaded: Any, sentence: str) -> WorkedExample:
    """The probability of each token of a short sentence. Raises UserError for a long or empty one."""
    count = len(encode(loaded.tokenizer, sound(sentence, "The sentence")).ids) if sentence.strip() else 0
    if count > MOST_TOKENS:
        raise UserError(
            f"The sentence has {count:,} tokens; by hand {MOST_TOKENS} are enough.", "Take a shorter sentence."
        )
    scores = perplexity(loaded, sentence)
    raw = utf8(sentence)
    texts = [raw[start:stop].decode("utf-8", "surrogatepass") for start, stop in scores.spans.tolist()]
    tokens = [
        WorkedToken(text, float(np.exp(-nats)))
        for text, nats, rank in zip(texts, scores.token_nats, scores.rank, strict=True)
        if rank >= 0
    ]
    first = texts[0] if scores.objective == CAUSAL else ""
    special = loaded.tokenizer.convert_ids_to_tokens(int(scores.ids[0])) if scores.objective == CAUSAL else ""
    return WorkedExample(tuple(tokens), first or special)


def candidates_at(loaded: Any, scores: Scores, index: int, source: str = "", count: int = 10) -> tuple[Candidate, ...]:
    """What a model held for likely at token `index` of what it measured, and the token itself: where a decoder had
    read the tokens before it, a masked model those around it, an encoder-decoder the record's `source` too.

    Raises UserError for a token that was not scored.
    """
    if scores.rank[index] < 0:
        raise UserError("There is no distribution here: this token was not scored.", "Choose another token.")
    logits = _logits_at(loaded, scores, index, source)
    shares = torch.softmax(logits, -1)
    best = torch.topk(shares, min(count, len(shares))).indices.tolist()
    chosen = int(scores.ids[index])
    wanted = best if chosen in best else [*best, chosen]
    return tuple(
        Candidate(token, loaded.tokenizer.decode([token]), float(shares[token]), float(logits[token]))
        for token in wanted
    )


def record_of(scores: Scores, index: int) -> int:
    """Which record token `index` belongs to."""
    return int(np.searchsorted(scores.starts, index, "right")) - 1


def _logits_at(loaded: Any, scores: Scores, index: int, source: str) -> torch.Tensor:
    """Fp32 `[vocabulary]`, on the CPU; no more of the model's logits is kept than this one row."""
    if scores.objective == CAUSAL:
        start = index - int(context_of(scores)[index])
        return CausalScorer(loaded).after(scores.ids[start:index])
    record = record_of(scores, index)
    ids = scores.ids[scores.starts[record] : scores.starts[record + 1]]
    if scores.objective == CONDITIONAL:
        return ConditionalScorer(loaded).at(source, ids, index - int(scores.starts[record]))
    scored = np.flatnonzero(scores.rank[scores.starts[record] : scores.starts[record + 1]] >= 0)
    token = int(np.searchsorted(scored, index - scores.starts[record]))
    scorer = MaskedScorer(loaded)
    window = next(cut for cut in scorer.windows(len(scored), scores.plan) if cut.first <= token < cut.last)
    return scorer.hidden(ids[scored], window, token)
