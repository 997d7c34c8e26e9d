"""Perplexity by hand, and the distribution behind one token."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from app.engine.errors import UserError
from app.engine.evaluate.curves import context_of
from app.engine.evaluate.encoding import encode, utf8
from app.engine.evaluate.records import CAUSAL, Scores, WorkedExample, WorkedToken
from app.engine.evaluate.score import perplexity
from app.engine.trace.records import Candidate

MOST_TOKENS = 40
"""A sentence that somebody works by hand is short."""


def worked_example(loaded: Any, sentence: str) -> WorkedExample:
    """The probability of each token of a short sentence. Raises UserError for a long or empty one."""
    count = len(encode(loaded.tokenizer, sentence).ids) if sentence.strip() else 0
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


def candidates_at(loaded: Any, scores: Scores, index: int, count: int = 10) -> tuple[Candidate, ...]:
    """What a decoder held for likely at token `index` of what it measured, and the token itself.

    Raises UserError for the other kinds of models and a token that was not scored.
    """
    if scores.objective != CAUSAL or scores.rank[index] < 0:
        raise UserError("There is no next-token distribution here.", "Choose a scored token of a decoder's text.")
    start = index - int(context_of(scores)[index])
    ids = torch.from_numpy(scores.ids[start:index])[None].to(loaded.device)
    with torch.inference_mode():
        logits = loaded.model(input_ids=ids, use_cache=False, return_dict=True).logits[0, -1].float().cpu()
    shares = torch.softmax(logits, -1)
    best = torch.topk(shares, min(count, len(shares))).indices.tolist()
    chosen = int(scores.ids[index])
    wanted = best if chosen in best else [*best, chosen]
    return tuple(
        Candidate(token, loaded.tokenizer.decode([token]), float(shares[token]), float(logits[token]))
        for token in wanted
    )
