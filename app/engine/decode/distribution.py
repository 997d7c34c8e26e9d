"""One step's distribution before and after the settings, as rows of bars: the two ends of its funnel. No torch."""

from __future__ import annotations

from app.engine.decode.records import Distribution, DistributionRow, Funnel


def describe(funnel: Funnel, draw: float | None) -> Distribution:
    """The rows of a funnel with their probability before any stage and after the last; `draw` as the run had it."""
    first, last = funnel.stages[0], funnel.stages[-1]
    rows = tuple(
        DistributionRow(row.token_id, row.text, before, after, row.cut_by)
        for row, before, after in zip(funnel.rows, first.probabilities, last.probabilities, strict=True)
    )
    return Distribution(rows, funnel.chosen, last.left, funnel.vocabulary, draw)
