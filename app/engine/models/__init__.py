"""Opening models: catalogue, loading, memory, anatomy. Names are imported on first use: records need no torch."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from app.engine.models.loading import load, load_steps
    from app.engine.models.records import ModelSummary

__all__ = ["ModelSummary", "load", "load_steps"]

_HOMES = {
    "ModelSummary": "app.engine.models.records",
    "load": "app.engine.models.loading",
    "load_steps": "app.engine.models.loading",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
