"""The sets of examples that come with the program: which suit a model, and with which settings they visibly work."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields, replace
from pathlib import Path

from app.engine.finetune.settings import FinetuneSettings
from app.engine.models.records import ModelSummary
from app.engine.texts.records import FILE, TextSource

_FOLDER = Path(__file__).resolve().parents[4] / "resources" / "finetune"


@dataclass(frozen=True)
class SampleSet:
    """One set, by the name of its file."""

    key: str
    words: str
    kinds: tuple[str, ...]
    """The kinds of models that learn something to be seen from it: a translator needs pairs, a model that fills gaps
    writes no answers."""
    gaps: tuple[str, ...] = ()
    """Prompts for a model that fills gaps, which are written as {mask}."""

    @property
    def source(self) -> TextSource:
        """Where its examples are."""
        path = _FOLDER / f"{self.key}.jsonl"
        return TextSource(FILE, path.name, path=str(path))

    def settings(self, summary: ModelSummary | None) -> FinetuneSettings:
        """What a run is made with, and the prompts that show what it brings."""
        known = {each.name for each in fields(FinetuneSettings)}
        wanted = json.loads((_FOLDER / f"{self.key}.settings.json").read_text(encoding="utf-8"))
        settings = replace(FinetuneSettings(), **{name: value for name, value in wanted.items() if name in known})
        if summary is None or summary.kind != "encoder":
            return settings
        return replace(settings, prompts=tuple(gap.format(mask=summary.mask_token) for gap in self.gaps))


SETS = (
    SampleSet(
        "pirate-tales",
        "Pirate tales: a style",
        ("decoder", "encoder"),
        ("Long ago there {mask} an old captain.", "The {mask} sailed to the {mask}."),
    ),
    SampleSet("questions", "Questions: short answers", ("decoder", "encoder-decoder")),
)


def fitting(summary: ModelSummary | None) -> tuple[SampleSet, ...]:
    """Those that suit a model; all while none is open, none for one without a head that predicts tokens."""
    if summary is None:
        return SETS
    return tuple(each for each in SETS if summary.kind in each.kinds and summary.answer in _LEARNS)


_LEARNS = ("next token", "masked token")
