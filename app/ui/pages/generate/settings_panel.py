"""The decoding settings as sliders, numbers and fields."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QMenu,
    QPushButton,
    QScrollArea,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app.engine.decode.settings import BEAMS, DRAWING, PRESETS, DecodingSettings, Knob
from app.engine.errors import UserError
from app.ui.actions import bound
from app.ui.icons import icon
from app.ui.pages.generate.token_bans import TokenBans
from app.ui.theme import Theme
from app.ui.widgets.labels import make_label, make_rule
from app.ui.widgets.panel import Panel
from app.ui.widgets.segmented import Segmented
from app.ui.widgets.slider_field import ENDLESS, SliderField

METHODS = ("greedy", "sample", "beam")
GROUPS = (
    ("Shape the odds", ("temperature",)),
    ("Cut the tail", ("top_k", "top_p", "min_p", "typical_p")),
    ("Discourage repeats", ("repetition_penalty", "frequency_penalty", "presence_penalty", "no_repeat_ngram")),
    ("Search", ("num_beams", "length_penalty", "num_sequences")),
    ("Length", ("max_new_tokens", "min_new_tokens")),
)
LOGARITHMIC = ("top_k",)
KEPT_BY_PRESETS = ("seed", "stop", "banned", "forced")
"""What a preset leaves as it is: it is about this text, not about a way of writing."""
USED_BY_FILLING = ("temperature", "top_k", "top_p", "min_p", "typical_p", "repetition_penalty")
_IDLE = {
    "greedy": "Greedy always takes the likeliest token, so this changes nothing",
    "sample": "Only a beam search reads this",
    "beam": "Beam search keeps the likeliest beginnings and draws nothing, so this changes nothing",
    "beam_sample": "Beam sampling does not read this",
}
_CUSTOM = "Custom"


def knob_of(name: str) -> Knob:
    """What the engine says about a setting."""
    return next(field.metadata["knob"] for field in fields(DecodingSettings) if field.name == name)


class SettingsPanel(Panel):
    """`changed(DecodingSettings)` comes with every move of a slider and every number typed."""

    changed = Signal(object)
    preset_kept = Signal(str, object)
    """A name and the settings under it; None: the name is to be forgotten."""
    refused = Signal(object)
    """A UserError: what was typed cannot be used."""

    def __init__(self, theme: Theme, settings: DecodingSettings, start: DecodingSettings) -> None:
        super().__init__(theme, "Decoding")
        self._settings, self._start = settings, start
        self._filling = False
        self._own: dict[str, DecodingSettings] = {}
        self.fields: dict[str, SliderField] = {}
        self._make_header()
        inner = QWidget()
        inner.setProperty("role", "page")
        column = QVBoxLayout(inner)
        column.setContentsMargins(12, 12, 12, 12)
        column.setSpacing(5)
        self.method = Segmented(theme, [name.capitalize() for name in METHODS], "Method")
        self.method.changed.connect(self._method_chosen)
        row = QHBoxLayout()
        row.addWidget(self.method)
        row.addStretch(1)
        row.addWidget(self.keep)
        column.addLayout(row)
        self.drawn = QCheckBox("Draw the beams")
        self.drawn.setToolTip("Beam sampling: the candidates of every step are drawn by their odds, not the best taken")
        self.drawn.toggled.connect(self._drawn_toggled)
        column.addWidget(self.drawn)
        for title, names in GROUPS:
            column.addWidget(make_rule())
            column.addWidget(make_label(theme, title, 12.5, 650))
            for name in names:
                self.fields[name] = self._slider(theme, name)
                column.addWidget(self.fields[name])
                if name == "temperature":
                    column.addWidget(self._zero_note(theme))
        self.endless = QCheckBox(knob_of("ignore_eos").label)
        self.endless.setToolTip(knob_of("ignore_eos").help)
        self.endless.toggled.connect(self._endless_toggled)
        column.addWidget(self.endless)
        column.addWidget(make_rule())
        self.bans = TokenBans(theme)
        self.bans.freed.connect(self._freed)
        column.addWidget(self.bans)
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

    def set_filling(self, filling: bool) -> None:
        """A masked model fills gaps one by one: what belongs to writing on is idle."""
        if filling == self._filling:
            return
        self._filling = filling
        why = "A masked model keeps no beams" if filling else ""
        self.method.set_segment_enabled(METHODS.index("beam"), not filling, why)
        for part in (self.endless, self.stop):
            part.setEnabled(not filling)
        self.show_settings(self._settings)

    def _make_header(self) -> None:
        """Presets, keeping one, and back to the start."""
        self.reset = QToolButton()
        self.reset.setToolTip("Put every setting back to what the program starts with")
        self.reset.clicked.connect(self._reset)
        self.presets = QComboBox()
        self.presets.addItems([*PRESETS, _CUSTOM])
        self.presets.setAccessibleName("Preset")
        self.presets.setToolTip("A named set of settings; seed, stop sequences and bans stay as they are")
        self.presets.textActivated.connect(self._preset_chosen)
        self.add_header_widget(self.presets)
        self.name = QLineEdit()
        self.name.setPlaceholderText("Name, then Enter")
        self.name.setAccessibleName("Name of the preset")
        self.name.returnPressed.connect(self._named)
        self.name.editingFinished.connect(self.name.hide)
        self.name.hide()
        self.add_header_widget(self.name)
        self.keep = QToolButton()
        self.keep.setToolTip("Keep these settings under a name, or forget a name")
        self.keep.setAccessibleName("Keep as a preset")
        self.keep.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.keep_menu = QMenu(self)
        self.keep_menu.aboutToShow.connect(self._fill_menu)
        self.keep.setMenu(self.keep_menu)
        self.add_header_widget(self.reset)

    def _zero_note(self, theme: Theme) -> QLabel:
        self.zero: QLabel = make_label(theme, "0 means greedy: always the likeliest token.", 11.5, role="caption")
        self.zero.setWordWrap(True)
        self.zero.hide()
        return self.zero

    @Slot()
    def _tint_icons(self) -> None:
        self.reset.setIcon(icon(self._theme, "reset"))
        self.keep.setIcon(icon(self._theme, "more"))
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
            typed=(knob.minimum, ENDLESS if knob.maximum is None else knob.maximum),
        )
        made.setObjectName(name)
        made.changed.connect(self._moved)
        made.refused.connect(self._not_fitting)
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
        beams = settings.method in BEAMS
        self.method.set_index(METHODS.index("beam" if beams else settings.method))
        for name, made in self.fields.items():
            made.set_value(getattr(settings, name))
            made.set_disabled_reason(_idle(name, settings, self._filling))
        for box, checked in ((self.drawn, settings.method == "beam_sample"), (self.endless, settings.ignore_eos)):
            box.blockSignals(True)
            box.setChecked(checked)
            box.blockSignals(False)
        self.drawn.setVisible(beams)
        self.zero.setVisible(settings.method in DRAWING and not settings.draws)
        self.bans.show_settings(settings)
        self.presets.setCurrentText(preset_of(settings, self._own))
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

    @Slot(str)
    def _not_fitting(self, words: str) -> None:
        self.refused.emit(UserError(words))

    @Slot(float)
    def _moved(self, value: float) -> None:
        name = self.sender().objectName()
        whole = isinstance(getattr(self._start, name), int)
        self._change(**{name: round(value) if whole else value})

    @Slot(int)
    def _method_chosen(self, index: int) -> None:
        self._change(method=METHODS[index])

    @Slot(bool)
    def _drawn_toggled(self, drawn: bool) -> None:
        self._change(method="beam_sample" if drawn else "beam")

    @Slot(bool)
    def _endless_toggled(self, endless: bool) -> None:
        self._change(ignore_eos=endless)

    @Slot(str)
    def _preset_chosen(self, name: str) -> None:
        wanted = PRESETS.get(name) or self._own.get(name)
        if wanted is not None:
            names = (field.name for field in fields(DecodingSettings) if field.name not in KEPT_BY_PRESETS)
            self._change(**{each: getattr(wanted, each) for each in names})
        else:
            self.show_settings(self._settings)

    def set_own_presets(self, presets: Mapping[str, DecodingSettings]) -> None:
        """Offer the presets that the person named, after those of the program."""
        self._own = dict(presets)
        self.presets.clear()
        self.presets.addItems([*PRESETS, *self._own, _CUSTOM])
        self.presets.setCurrentText(preset_of(self._settings, self._own))

    @Slot()
    def _fill_menu(self) -> None:
        self.keep_menu.clear()
        self.keep_menu.addAction("Keep these settings as…").triggered.connect(self._ask_name)
        for name in self._own:
            self.keep_menu.addAction(f"Forget “{name}”").triggered.connect(bound(self.preset_kept.emit, name, None))

    @Slot()
    def _ask_name(self) -> None:
        self.name.clear()
        self.name.show()
        self.name.setFocus()

    @Slot()
    def _named(self) -> None:
        name = self.name.text().strip()
        self.name.hide()
        if name in PRESETS or name == _CUSTOM:
            self.refused.emit(UserError(f"“{name}” is a preset of the program.", "Choose another name."))
        elif name:
            self.preset_kept.emit(name, self._settings)

    @Slot(int)
    def _freed(self, token: int) -> None:
        settings = self._settings
        self._change(
            banned=tuple(each for each in settings.banned if each != token),
            forced=tuple(each for each in settings.forced if each != token),
        )

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


def preset_of(settings: DecodingSettings, own: Mapping[str, DecodingSettings]) -> str:
    """The name of the preset that these settings are, "Custom" where they are none."""
    kept = {name: getattr(settings, name) for name in KEPT_BY_PRESETS}
    every = {**PRESETS, **own}
    return next((name for name, preset in every.items() if replace(preset, **kept) == settings), _CUSTOM)


def _idle(name: str, settings: DecodingSettings, filling: bool) -> str:
    """Why a setting does nothing as things stand, '' where it acts."""
    knob = knob_of(name)
    if filling and name not in USED_BY_FILLING:
        return "Filling gaps does not use this"
    if settings.method not in knob.methods:
        return _IDLE[settings.method]
    cuts = "greedy" not in knob.methods and name not in (*GROUPS[0][1], *GROUPS[3][1])
    if settings.method in DRAWING and not settings.draws and cuts:
        return "At temperature 0 the likeliest token is always taken, so this changes nothing"
    return ""
