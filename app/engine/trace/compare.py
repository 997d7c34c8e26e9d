"""Two traces side by side: where they look elsewhere, where their streams part, and where they would say another word.

They may be of one model with an adapter on and off, of two checkpoints, of two models, or of two texts of the same
length. Rows of attention and next-token distributions are compared by the Jensen–Shannon divergence (Lin 1991,
"Divergence Measures Based on the Shannon Entropy", IEEE Transactions on Information Theory 37), in bits:

    JS(p, q) = ½ Σ p log₂(p / m) + ½ Σ q log₂(q / m), m = ½ (p + q)

It is symmetric, finite also where one of the two is 0, 0 for equal distributions and 1 for disjoint ones.
"""

from __future__ import annotations

import math
from collections.abc import Generator

import numpy as np
import torch

from app.engine.errors import UserError
from app.engine.models.memory import memory_errors
from app.engine.trace.held import Comparable
from app.engine.trace.records import CandidatePair, StreamDistance, TraceComparison

LIKELIEST = 8
"""How many candidates of either trace are kept at a token."""
_AT_ONCE = 1 << 23
"""Values of logits that are held in double precision at a time."""


def compare(first: Comparable, second: Comparable) -> TraceComparison:
    """What is different in `second`. Raises UserError for traces of unequally many tokens or of another build."""
    steps = compare_steps(first, second)
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            comparison: TraceComparison = stop.value
            return comparison


def compare_steps(first: Comparable, second: Comparable) -> Generator[float, None, TraceComparison]:
    """The steps of `compare` as a generator for a lane: each yield is the share done, the comparison is returned."""
    _check(first, second)
    shared = [at for at in first.attended() if at in second.attended()]
    whole = len(shared) + 2
    heads = {kind: torch.full(_shape(first, second, kind), math.nan) for kind in first.loaded.anatomy.kinds}
    with memory_errors("comparing two runs", "Use a shorter text."):
        for done, (kind, layer) in enumerate(shared):
            yield done / whole
            for head in range(heads[kind].shape[1] if layer < len(heads[kind]) else 0):
                heads[kind][layer, head] = _looks_elsewhere(first, second, layer, head, kind)
        yield len(shared) / whole
        streams = _streams(first, second)
        yield (len(shared) + 1) / whole
        next_token, extra_bits, candidates = _answers(first, second)
    return TraceComparison(
        {kind: values.numpy() for kind, values in heads.items()}, streams, next_token, extra_bits, candidates
    )


def divergence_bits(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """The Jensen–Shannon divergence of distributions along the last axis, in bits, float64 `[...]`."""
    p, q = first.double(), second.double()
    both = (p + q).clamp_min(torch.finfo(torch.float64).tiny)
    terms = torch.special.xlogy(p, 2.0 * p / both) + torch.special.xlogy(q, 2.0 * q / both)
    # Rounding may leave what is equal a little below 0.
    return (terms.sum(-1) / (2.0 * math.log(2.0))).clamp(0.0, 1.0)


def _check(first: Comparable, second: Comparable) -> None:
    names = [made.loaded.summary.name for made in (first, second)]
    stacks = [len(made.loaded.anatomy.stacks) for made in (first, second)]
    if stacks[0] != stacks[1]:
        whole, one = names if stacks[0] > stacks[1] else reversed(names)
        raise UserError(
            f"{whole} has an encoder and a decoder, {one} has one stack of blocks, so there is nothing to lay side by "
            "side.",
            "Compare two models of the same kind.",
        )
    for what, ours, theirs in (
        ("text", first.tokens, second.tokens),
        ("target", first.target_tokens, second.target_tokens),
    ):
        if len(ours) != len(theirs):
            raise UserError(
                f"Two runs are compared token by token, but the {what} has {len(ours):,} tokens in the first "
                f"({names[0]}) and {len(theirs):,} in the second ({names[1]}).",
                "Compare runs of equally many tokens.",
            )


def _shape(first: Comparable, second: Comparable, kind: str) -> tuple[int, int]:
    """The layers and heads that both have; in attentions of unequal size a head is compared with its number."""
    shapes = [made.loaded.summary.attention_shape(kind) for made in (first, second)]
    return min(layers for layers, _ in shapes), min(heads for _, heads in shapes)


def _looks_elsewhere(first: Comparable, second: Comparable, layer: int, head: int, kind: str) -> float:
    """The mean divergence of a head's rows; NaN where a head is missing in this layer or sees another grid."""
    grids = []
    for made in (first, second):
        shape = made.info(f"{made.loaded.anatomy.sites[kind, layer].prefix}pattern").shape
        assert shape is not None
        if head >= shape[0]:
            return math.nan
        grids.append(shape[1:])
    if grids[0] != grids[1]:
        return math.nan
    return float(divergence_bits(first.attention(layer, head, kind), second.attention(layer, head, kind)).mean())


def _streams(first: Comparable, second: Comparable) -> tuple[StreamDistance, ...]:
    found = []
    for stack, other in zip(first.loaded.anatomy.stacks, second.loaded.anatomy.stacks, strict=True):
        layers = range(min(len(stack.blocks), len(other.blocks)))
        names = ["blocks.0.resid_pre", *(f"blocks.{layer}.resid_post" for layer in layers)]
        relative, cosine = [], []
        for name in names:
            a, b = first[stack.prefix + name].float(), second[other.prefix + name].float()
            if a.shape != b.shape:
                return ()
            distance = (a - b).norm(dim=-1) / a.norm(dim=-1).clamp_min(torch.finfo(torch.float32).tiny)
            relative.append(distance.mean())
            cosine.append(torch.nn.functional.cosine_similarity(a, b, dim=-1).mean())
        place = stack.prefix.removesuffix(".")
        found.append(StreamDistance(place, torch.stack(relative).numpy(), torch.stack(cosine).numpy()))
    return tuple(found)


_Answers = tuple[np.ndarray | None, np.ndarray | None, tuple[tuple[CandidatePair, ...], ...]]


def _answers(first: Comparable, second: Comparable) -> _Answers:
    """Divergences in bits, float32 `[token]` each, and the candidates of every token; nothing where the heads of the
    two do not choose from the same number of tokens."""
    infos = [made.info("logits") for made in (first, second)]
    if infos[0].shape != infos[1].shape or any(info.axes != ("token", "vocabulary") for info in infos):
        return None, None, ()
    ours, theirs = first.logits, second.logits
    tokenizer = first.loaded.tokenizer
    texts: dict[int, str] = {}
    divergences, extras, candidates = [], [], []
    rows = max(1, _AT_ONCE // ours.shape[-1])
    for some, others in zip(ours.split(rows), theirs.split(rows), strict=True):
        p, q = some.double().log_softmax(-1), others.double().log_softmax(-1)
        divergences.append(divergence_bits(p.exp(), q.exp()))
        # A token that the second never says costs nothing, whatever the first thinks of it.
        extras.append(torch.where(q > -math.inf, q.exp() * (q - p), 0.0).sum(-1).clamp_min(0.0) / math.log(2.0))
        count = min(LIKELIEST, p.shape[-1])
        best = torch.cat([p.topk(count).indices, q.topk(count).indices], -1)
        for row, ids in enumerate(best.tolist()):
            pairs = []
            for token in dict.fromkeys(ids):
                if token not in texts:
                    texts[token] = tokenizer.decode([token])
                likely = (float(logs[row, token].exp()) for logs in (p, q))
                pairs.append(CandidatePair(token, texts[token], *likely))
            candidates.append(tuple(pairs))
    return torch.cat(divergences).float().numpy(), torch.cat(extras).float().numpy(), tuple(candidates)
