"""The settings that are seldom changed, folded away."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.engine.decode.settings import Knob
from app.engine.finetune.settings import SCHEDULES, FinetuneSettings
from app.ui.pages.finetune.setting_fields import CheckField, ChoiceField, NumberField, slider_of
from app.ui.theme import Theme
from app.ui.widgets.paired import Paired
from app.ui.widgets.slider_field import SliderField

Field = SliderField | NumberField | ChoiceField | CheckField
SLIDERS = ("accumulation", "warmup", "weight_decay", "clip", "patience", "sample_tokens")
NUMBERS = {"max_length": "auto", "evaluate_every": "auto", "save_every": "auto", "seed": ""}
"""And what the empty field says."""
CHOICES = {
    "schedule": tuple((name, name) for name in SCHEDULES),
    "train_on": (("completion", "the answer alone"), ("all", "the whole text")),
}
CHECKS = ("rslora", "checkpointing")


class MoreSettings(QWidget):
    """Sliders, then numbers, choices and switches. `fields` holds each under its setting's name."""

    def __init__(
        self, theme: Theme, knobs: Mapping[str, Knob], start: FinetuneSettings, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.fields: dict[str, Field] = {}
        for name in SLIDERS:
            self.fields[name] = slider_of(theme, name, knobs[name], getattr(start, name))
        for name, choices in CHOICES.items():
            self.fields[name] = ChoiceField(theme, knobs[name], getattr(start, name), choices)
        for name, empty in NUMBERS.items():
            self.fields[name] = NumberField(theme, knobs[name], getattr(start, name), empty)
        for name in CHECKS:
            self.fields[name] = CheckField(theme, knobs[name], getattr(start, name))
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(Paired([self.fields[name] for name in SLIDERS]))
        for name in (*CHOICES, *NUMBERS, *CHECKS):
            self.fields[name].setObjectName(name)
            column.addWidget(self.fields[name])
