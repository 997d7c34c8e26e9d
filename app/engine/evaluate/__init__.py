"""How surprised models are by texts. Names come on first use, so that records need no torch."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from app.engine.evaluate.records import Plan, Scores
    from app.engine.evaluate.score import perplexity

__all__ = ["Plan", "Scores", "perplexity"]

_HOMES = {
    "Plan": "app.engine.evaluate.records",
    "Scores": "app.engine.evaluate.records",
    "perplexity": "app.engine.evaluate.score",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
