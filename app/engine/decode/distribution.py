"""One step's distribution before and after the settings, as rows to draw. No torch."""

from __future__ import annotations

from typing import Any

import numpy as np

from app.engine.decode.records import Distribution, DistributionRow, StageOutcome


def describe(
    outcomes: tuple[StageOutcome, ...], chosen: int | None, draw: float | None, tokenizer: Any, count: int = 12
) -> Distribution:
    """Rows for the `count` likeliest tokens, from the outcomes "raw" to the last stage before the draw."""
    stages = [outcome for outcome in outcomes if outcome.name != "draw"]
    raw, last = stages[0], stages[-1]
    size = raw.logits.size
    best = np.argpartition(-raw.logits, min(count, size) - 1)[:count] if size > count else np.arange(size)
    order = [int(index) for index in best[np.argsort(-raw.logits[best], kind="stable")]]
    if chosen is not None and chosen not in order:
        order[-1] = chosen
    before = raw.probabilities
    possible = bool(np.isfinite(last.logits).any())
    after = last.probabilities if possible else np.zeros_like(before)
    rows = tuple(
        DistributionRow(
            index, tokenizer.decode([index]), float(before[index]), float(after[index]), _cut_by(stages, index)
        )
        for index in order
    )
    return Distribution(rows, chosen, last.left, size, draw)


def _cut_by(stages: list[StageOutcome], index: int) -> str:
    return next((stage.name for stage in stages[1:] if not np.isfinite(stage.logits[index])), "")
