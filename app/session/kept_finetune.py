"""What the next start brings back of finetuning, as plain data for the session's file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from app.engine.finetune.records import Shape
from app.engine.finetune.settings import FinetuneSettings
from app.engine.texts.records import TextSource


@dataclass(frozen=True)
class KeptFinetune:
    """The data, the settings, and the last run."""

    source: TextSource | None = None
    shape: Shape | None = None
    """How its records are read, None as their columns look."""
    settings: FinetuneSettings = field(default_factory=FinetuneSettings)
    defaults: FinetuneSettings = field(default_factory=FinetuneSettings)
    """Those of the model that was open: what stands at one of them moves on with another model."""
    run: str = ""
    """The folder of the last run, '' without one."""


def finetune_to_keep(kept: KeptFinetune) -> dict[str, Any]:
    """As JSON has it."""
    return asdict(kept)


def finetune_back(content: Mapping[str, Any]) -> KeptFinetune:
    """From JSON; settings that this version does not know are left out. Raises KeyError, TypeError or UserError."""
    source, shape = content["source"], content["shape"]
    return KeptFinetune(
        source=TextSource(**source) if source else None,
        shape=Shape(shape["kind"], tuple((role, column) for role, column in shape["columns"])) if shape else None,
        settings=_settings(content["settings"]),
        defaults=_settings(content["defaults"]),
        run=str(content["run"]),
    )


def _settings(content: Mapping[str, Any]) -> FinetuneSettings:
    known = {each.name for each in fields(FinetuneSettings)}
    return FinetuneSettings(**{name: value for name, value in content.items() if name in known})
