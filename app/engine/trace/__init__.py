"""Seeing and steering one run: the tap, the trace, edits. Names are imported on first use, so records need no torch."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from app.engine.trace.edits import AblateHead, KnockOut
    from app.engine.trace.result import Trace
    from app.engine.trace.run import trace

__all__ = ["AblateHead", "KnockOut", "Trace", "trace"]

_HOMES = {
    "AblateHead": "app.engine.trace.edits",
    "KnockOut": "app.engine.trace.edits",
    "Trace": "app.engine.trace.result",
    "trace": "app.engine.trace.run",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
