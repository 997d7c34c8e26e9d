"""Texts measured against references: BLEU, chrF, ROUGE, and what matched. Names come on first use."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from app.engine.metrics.measuring import measure, measure_lines, measure_steps
    from app.engine.metrics.pairs import pairs_from_lines, pairs_from_rows
    from app.engine.metrics.records import MetricSettings, MetricsReport, MetricsRequest, TextPair

__all__ = [
    "MetricSettings",
    "MetricsReport",
    "MetricsRequest",
    "TextPair",
    "measure",
    "measure_lines",
    "measure_steps",
    "pairs_from_lines",
    "pairs_from_rows",
]

_HOMES = {
    "MetricSettings": "app.engine.metrics.records",
    "MetricsReport": "app.engine.metrics.records",
    "MetricsRequest": "app.engine.metrics.records",
    "TextPair": "app.engine.metrics.records",
    "measure": "app.engine.metrics.measuring",
    "measure_lines": "app.engine.metrics.measuring",
    "measure_steps": "app.engine.metrics.measuring",
    "pairs_from_lines": "app.engine.metrics.pairs",
    "pairs_from_rows": "app.engine.metrics.pairs",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
