"""Funnels to look at: one as in the design, others from the real stages on made-up logits."""

from __future__ import annotations

import numpy as np

from app.engine.decode.records import Funnel, FunnelRow, FunnelStage, StageContext, StripPart
from app.engine.decode.settings import DecodingSettings
from app.engine.decode.stages import recompute

NAMES = ("stone", "shell", "ball", "key", "coin", "red", "leaf", "rock", "fish", "thing", "box", "light")
LOGITS = (9.80, 9.25, 8.95, 8.70, 8.45, 8.10, 7.85, 7.60, 7.25, 6.90, 6.55, 6.20)
WORDS = {
    "raw": "all",
    "temperature": "÷ 0.80",
    "top_k": "keep 40",
    "top_p": "keep 0.90",
    "min_p": "off",
    "draw": "seed 42",
}
VOCABULARY = 5632


def design_logits(shift: float = 0.0) -> np.ndarray:
    """float32 `[vocabulary]`: the twelve of the design, and a tail below them."""
    logits = np.random.default_rng(0).normal(-1.0, 1.5, VOCABULARY).clip(-6, 6).astype(np.float32)
    logits[: len(LOGITS)] = LOGITS
    return logits + np.float32(shift)


def funnel_of(
    settings: DecodingSettings,
    draw: float | None,
    rows: int = len(NAMES),
    shift: float = 0.0,
    new: tuple[int, ...] = (),
) -> Funnel:
    """The funnel that these settings make of the design's logits."""
    raw = design_logits(shift)
    ids = np.array((20, 21, 22, *new), dtype=np.int64)
    chosen, outcomes = recompute(raw, StageContext(ids, 3), settings, draw)
    stages = [outcome for outcome in outcomes if outcome.name != "draw"]
    order = [int(token) for token in np.argsort(-raw, kind="stable")[:rows]]
    if chosen is not None and chosen not in order:
        order[-1] = chosen
    made, before = [], np.ones(VOCABULARY)
    cut_by = dict.fromkeys(order, "")
    for stage in stages:
        share = stage.probabilities if stage.left else np.zeros(VOCABULARY)
        cut = ~np.isfinite(stage.logits)
        lost = float(before[cut].sum()) if made else 0.0
        for token in order:
            if cut[token] and not cut_by[token]:
                cut_by[token] = stage.name
        shares = tuple(float(share[token]) for token in order)
        made.append(FunnelStage(stage.name, stage.active, stage.left, lost, shares))
        before = share
    strip: tuple[StripPart, ...] = ()
    if stages[-1].left:
        tokens, edges = stages[-1].strip(24)
        strip = tuple(
            StripPart(int(token), text_of(int(token)), float(edges[place]), float(edges[place + 1]))
            for place, token in enumerate(tokens)
        )
    kept = [int(token) for token in np.argsort(-raw) if token not in order and np.isfinite(stages[-1].logits[token])]
    above = [sum(raw[each] > raw[token] for each in kept) for token in order]
    rows_made = tuple(
        FunnelRow(token, text_of(token), float(raw[token]), cut_by[token], int(now - then))
        for token, now, then in zip(order, above, [0, *above], strict=False)
    )
    return Funnel(rows_made, tuple(made), strip, chosen, VOCABULARY, draw if settings.draws else None)


def picture_funnel() -> Funnel:
    """Temperature 0.8, top-k 40, top-p 0.9 and the draw 0.502, as in the design."""
    return funnel_of(DecodingSettings(temperature=0.8, top_k=40, top_p=0.9), 0.502)


def text_of(token: int) -> str:
    """What a token is called here."""
    return f" {NAMES[token]}" if token < len(NAMES) else f" w{token}"
