"""Changing a model with examples, and seeing what changed. Names come on first use, so settings need no torch."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from app.engine.finetune.run import finetune
    from app.engine.finetune.settings import FinetuneSettings

__all__ = ["FinetuneSettings", "finetune"]

_HOMES = {"FinetuneSettings": "app.engine.finetune.settings", "finetune": "app.engine.finetune.run"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
