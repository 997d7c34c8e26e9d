"""One step as a funnel: the likeliest tokens followed from raw logits through every stage to the draw."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from app.engine.decode.records import Funnel, FunnelRow, FunnelStage, StageOutcome, StripPart

ROWS, PARTS = 12, 40


def funnel_of(
    outcomes: tuple[StageOutcome, ...], chosen: int | None, draw: float | None, tokenizer: Any, rows: int = ROWS
) -> Funnel:
    """The funnel of a step from its outcomes ("raw" first; "draw" at the end is left out).

    Where every one of the `rows` is left, the likeliest token that a stage cut is a row more.
    """
    stages = [outcome for outcome in outcomes if outcome.name != "draw"]
    raw, last = stages[0], stages[-1]
    order = _with_first_cut(_likeliest(raw.logits, chosen, rows), raw.logits, last.logits)
    told: list[FunnelStage] = []
    before = raw.probabilities
    for stage in stages:
        possible = bool(np.isfinite(stage.logits).any())
        after = stage.probabilities if possible else np.zeros_like(before)
        lost = float(before[np.isneginf(stage.logits)].sum()) if stage.active else 0.0
        told.append(FunnelStage(stage.name, stage.active, stage.left, lost, tuple(float(after[row]) for row in order)))
        before = after
    strip: tuple[StripPart, ...] = ()
    if np.isfinite(last.logits).any():
        ids, edges = last.strip(PARTS)
        strip = tuple(
            StripPart(int(token), tokenizer.decode([int(token)]), float(edges[place]), float(edges[place + 1]))
            for place, token in enumerate(ids)
        )
    between = _kept_between(order, raw.logits, last.logits)
    return Funnel(
        tuple(
            FunnelRow(token, tokenizer.decode([token]), float(raw.logits[token]), _cut_by(stages, token), kept)
            for token, kept in zip(order, between, strict=True)
        ),
        tuple(told),
        strip,
        chosen,
        int(raw.logits.size),
        draw,
    )


def _likeliest(raw: np.ndarray, chosen: int | None, count: int) -> list[int]:
    """The ids of the rows: the model's own favourites, best first, with the chosen one among them."""
    size = raw.size
    best = np.argpartition(-raw, min(count, size) - 1)[:count] if size > count else np.arange(size)
    order = [int(index) for index in best[np.argsort(-raw[best], kind="stable")]]
    if chosen is not None and chosen not in order:
        order[-1] = chosen
    return order


def _with_first_cut(order: list[int], raw: np.ndarray, last: np.ndarray) -> list[int]:
    """The rows with the likeliest cut token among them, in its place by the raw logits."""
    cut = np.isneginf(last) & np.isfinite(raw)
    if not cut.any() or cut[order].any():
        return order
    first = int(np.where(cut, raw, -np.inf).argmax())
    place = next((at for at, token in enumerate(order) if raw[token] < raw[first]), len(order))
    return [*order[:place], first, *order[place:]]


def _kept_between(order: list[int], raw: np.ndarray, last: np.ndarray) -> list[int]:
    """For each row how many tokens are left at the end, are no rows, and stand before it but not before the last."""
    others = np.isfinite(last)
    others[order] = False
    kept = raw[others]
    before = [int((kept > raw[token]).sum()) for token in order]
    return [now - then for then, now in pairwise([0, *before])]


def _cut_by(stages: list[StageOutcome], index: int) -> str:
    return next((stage.name for stage in stages[1:] if not np.isfinite(stage.logits[index])), "")
