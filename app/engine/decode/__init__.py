"""From logits to text: settings, stages, the token loop. Names come on first use, so settings need no torch."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from app.engine.decode.beams import beam_search
    from app.engine.decode.loop import stream
    from app.engine.decode.records import BeamTree, StageOutcome, Step
    from app.engine.decode.settings import DecodingSettings

__all__ = ["BeamTree", "DecodingSettings", "StageOutcome", "Step", "beam_search", "stream"]

_HOMES = {
    "BeamTree": "app.engine.decode.records",
    "DecodingSettings": "app.engine.decode.settings",
    "StageOutcome": "app.engine.decode.records",
    "Step": "app.engine.decode.records",
    "beam_search": "app.engine.decode.beams",
    "stream": "app.engine.decode.loop",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
