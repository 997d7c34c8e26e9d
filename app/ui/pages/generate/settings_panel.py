"""The decoding settings as sliders, numbers and fields."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QPushButton, QScrollArea, QToolButton, QVBoxLayout, QWidget

from app.engine.decode.settings import DecodingSettings, Knob
from app.engine.errors import UserError
from app.ui.icons import icon
from app.ui.theme import Theme
from app.ui.widgets.labels import make_label, make_rule
from app.ui.widgets.panel import Panel
from app.ui.widgets.segmented import Segmented
from app.ui.widgets.slider_field import SliderField

METHODS = ("greedy", "sample")
GROUPS = (("Shape the odds", ("temperature",)), ("Cut the tail", ("top_k", "top_p")), ("Length", ("max_new_tokens",)))
LOGARITHMIC = ("top_k",)


def knob_of(name: str) -> Knob:
    """What the engine says about a setting."""
    return next(field.metadata["knob"] for field in fields(DecodingSettings) if field.name == name)


class SettingsPanel(Panel):
    """`changed(DecodingSettings)` comes with every move of a slider and every number typed."""

    changed = Signal(object)
    refused = Signal(object)
    """A UserError: what was typed cannot be used."""

    def __init__(self, theme: Theme, settings: DecodingSettings, start: DecodingSettings) -> None:
        super().__init__(theme, "Decoding")
        self._settings, self._start = settings, start
        self.fields: dict[str, SliderField] = {}
        self.reset = QToolButton()
        self.reset.setToolTip("Put every setting back to what the program starts with")
        self.reset.clicked.connect(self._reset)
        self.add_header_widget(self.reset)
        inner = QWidget()
        inner.setProperty("role", "page")
        column = QVBoxLayout(inner)
        column.setContentsMargins(12, 12, 12, 12)
        column.setSpacing(10)
        self.method = Segmented(theme, [name.capitalize() for name in METHODS], "Method")
        self.method.changed.connect(self._method_chosen)
        column.addWidget(self.method)
        for title, names in GROUPS:
            column.addWidget(make_rule())
            column.addWidget(make_label(theme, title, 12.5, 650))
            for name in names:
                self.fields[name] = self._slider(theme, name)
                column.addWidget(self.fields[name])
        column.addWidget(make_rule())
        column.addLayout(self._seed_and_stop(theme))
        column.addStretch(1)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(inner)
        self.body_layout.setContentsMargins(0, 0, 0, 0)
        self.body_layout.addWidget(scroll)
        theme.changed.connect(self._tint_icons)
        self._tint_icons()
        self.show_settings(settings)

    @Slot()
    def _tint_icons(self) -> None:
        self.reset.setIcon(icon(self._theme, "reset"))
        self.dice.setIcon(icon(self._theme, "dice"))

    def _slider(self, theme: Theme, name: str) -> SliderField:
        knob, whole = knob_of(name), isinstance(getattr(self._start, name), int)
        low, high = knob.slider or (knob.minimum or 0, knob.maximum or 1)
        made = SliderField(
            theme,
            knob.label,
            max(low, 1) if name in LOGARITHMIC else low,
            high,
            knob.step or 1,
            getattr(self._start, name),
            off=knob.off,
            decimals=0 if whole else 2,
            help=knob.help,
            logarithmic=name in LOGARITHMIC,
        )
        made.setObjectName(name)
        made.changed.connect(self._moved)
        return made

    def _seed_and_stop(self, theme: Theme) -> QVBoxLayout:
        self.seed = QLineEdit()
        self.seed.setPlaceholderText("drawn")
        self.seed.setAccessibleName("Seed")
        self.seed.setToolTip("The same seed, settings and prompt give the same text; empty: a new one is drawn")
        self.seed.editingFinished.connect(self._seed_typed)
        self.dice = QPushButton()
        self.dice.setToolTip("Draw a new seed for every run")
        self.dice.setAccessibleName("Draw a new seed for every run")
        self.dice.clicked.connect(self._seed_free)
        self.stop = QLineEdit()
        self.stop.setPlaceholderText("none")
        self.stop.setAccessibleName("Stop sequences")
        self.stop.setToolTip("Text at which writing stops; several are separated by |, a line break is written \\n")
        self.stop.editingFinished.connect(self._stop_typed)
        column = QVBoxLayout()
        column.setSpacing(6)
        column.addWidget(make_label(theme, "Seed", 12.5))
        row = QHBoxLayout()
        row.setSpacing(6)
        row.addWidget(self.seed, 1)
        row.addWidget(self.dice)
        column.addLayout(row)
        column.addWidget(make_label(theme, "Stop at", 12.5))
        column.addWidget(self.stop)
        for edit in (self.seed, self.stop):
            edit.setFont(theme.font(12, mono=True))
        return column

    def show_settings(self, settings: DecodingSettings) -> None:
        """Show settings that were chosen elsewhere; emits nothing."""
        self._settings = settings
        self.method.set_index(METHODS.index(settings.method) if settings.method in METHODS else 1)
        for name, made in self.fields.items():
            made.set_value(getattr(settings, name))
            greedy = settings.method not in knob_of(name).methods
            made.set_disabled_reason(
                "Greedy always takes the likeliest token, so this changes nothing" if greedy else ""
            )
        self.seed.setText("" if settings.seed is None else str(settings.seed))
        self.stop.setText("|".join(text.replace("\n", "\\n") for text in settings.stop))

    def _change(self, **changes: Any) -> None:
        try:
            settings = replace(self._settings, **changes)
        except UserError as error:
            self.refused.emit(error)
            self.show_settings(self._settings)
            return
        if settings != self._settings:
            self.show_settings(settings)
            self.changed.emit(settings)

    @Slot(float)
    def _moved(self, value: float) -> None:
        name = self.sender().objectName()
        whole = isinstance(getattr(self._start, name), int)
        self._change(**{name: round(value) if whole else value})

    @Slot(int)
    def _method_chosen(self, index: int) -> None:
        self._change(method=METHODS[index])

    @Slot()
    def _seed_typed(self) -> None:
        text = self.seed.text().strip()
        if text and not text.isdecimal():
            self.refused.emit(
                UserError(f"The seed “{text}” is not a whole number.", "Type digits only, or leave it empty.")
            )
            self.show_settings(self._settings)
            return
        self._change(seed=int(text) if text else None)

    @Slot()
    def _seed_free(self) -> None:
        self._change(seed=None)

    @Slot()
    def _stop_typed(self) -> None:
        parts = [part.replace("\\n", "\n") for part in self.stop.text().split("|")]
        self._change(stop=tuple(part for part in parts if part))

    @Slot()
    def _reset(self) -> None:
        self._change(**{field.name: getattr(self._start, field.name) for field in fields(DecodingSettings)})
