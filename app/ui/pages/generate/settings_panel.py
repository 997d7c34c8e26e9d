"""The decoding settings as sliders, numbers and fields."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from PySide6.QtCore import Qt, QTimer, Signal, Slot
from PySide6.QtWidgets import (
    QCheckBox,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from app.engine.decode.settings import BEAMS, DRAWING, PRESETS, DecodingSettings
from app.engine.errors import UserError
from app.ui.icons import icon
from app.ui.pages.generate.preset_panel import PresetPanel, preset_of
from app.ui.pages.generate.reset_one import ResetOne
from app.ui.pages.generate.seed_and_stop import SeedAndStop
from app.ui.pages.generate.setting_words import DRAWN_TIP, METHOD_TIPS, idle_words, knob_of, tip_of
from app.ui.pages.generate.token_bans import TokenBans
from app.ui.theme import Theme
from app.ui.widgets.labels import make_label, make_rule
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
_BEAMS = PRESETS["Beam search"].num_beams
_NOTES = {
    "temperature": "0 means greedy: always the likeliest token.",
    "min_new_tokens": "More than New tokens, so the text may end nowhere before them.",
}
"""What is said under a field for some values."""


class SettingsPanel(PresetPanel):
    """`changed(DecodingSettings)` comes with every move of a slider and every number typed."""

    changed = Signal(object)
    typed = Signal()
    """Seed or stop sequences were typed, and what was typed was looked at."""

    def __init__(self, theme: Theme, settings: DecodingSettings, start: DecodingSettings) -> None:
        super().__init__(theme, settings, start)
        self._filling = False
        self.fields: dict[str, SliderField] = {}
        inner = QWidget()
        inner.setProperty("role", "page")
        column = QVBoxLayout(inner)
        column.setContentsMargins(12, 12, 12, 12)
        column.setSpacing(5)
        self.method = Segmented(theme, [name.capitalize() for name in METHODS], "Method")
        self.method.changed.connect(self._method_chosen)
        self._tell_methods()
        column.addLayout(self._method_row())
        column.addWidget(self.name)
        self.drawn = QCheckBox("Draw the beams")
        self.drawn.toggled.connect(self._drawn_toggled)
        column.addWidget(self.drawn)
        self.notes = {name: self._note(theme, words) for name, words in _NOTES.items()}
        for title, names in GROUPS:
            column.addWidget(make_rule())
            column.addWidget(make_label(theme, title, 12.5, 650))
            for name in names:
                self.fields[name] = self._slider(theme, name)
                column.addWidget(self.fields[name])
                if name in self.notes:
                    column.addWidget(self.notes[name])
        self.endless = QCheckBox(knob_of("ignore_eos").label)
        self.endless.toggled.connect(self._endless_toggled)
        column.addWidget(self.endless)
        column.addWidget(make_rule())
        self.bans = TokenBans(theme)
        self.bans.freed.connect(self._freed)
        column.addWidget(self.bans)
        column.addWidget(self._seed_and_stop(theme))
        self.resets = ResetOne(self)
        self.resets.wanted.connect(self._reset_one)
        for control, name in (
            (self.drawn, "drawn"),
            (self.endless, "ignore_eos"),
            (self.seed, "seed"),
            (self.stop, "stop"),
        ):
            self.resets.watch(control, name)
        column.addStretch(1)
        self._scroll = scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(inner)
        self.body_layout.setContentsMargins(0, 0, 0, 0)
        self.body_layout.addWidget(scroll)
        theme.changed.connect(self._tint_icons)
        self._tint_icons()
        self.show_settings(settings)

    def show_token(self, token: int, begins: bool) -> None:
        """Bring the button of a token into view that was banned, or that the text is to begin with, elsewhere."""

        def show() -> None:
            button = self.bans.button_of(token, begins)
            if button is not None:
                self._scroll.ensureWidgetVisible(button)

        # Once it has its place.
        QTimer.singleShot(0, self, show)

    def set_filling(self, filling: bool) -> None:
        """A masked model fills gaps one by one: what belongs to writing on is idle."""
        if filling == self._filling:
            return
        self._filling = filling
        self._tell_methods()
        self.show_settings(self._settings)

    def _tell_methods(self) -> None:
        """What each method does; a masked model has no beams, and says so."""
        for place, tip in enumerate(METHOD_TIPS):
            idle = self._filling and METHODS[place] == "beam"
            self.method.set_segment_enabled(place, not idle, f"{tip}\nA masked model keeps no beams" if idle else tip)

    def _method_row(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.addWidget(self.method)
        row.addStretch(1)
        row.addWidget(self.keep)
        return row

    @staticmethod
    def _note(theme: Theme, words: str) -> QLabel:
        note: QLabel = make_label(theme, words, 11.5, role="caption")
        note.setWordWrap(True)
        note.hide()
        return note

    @Slot()
    def _tint_icons(self) -> None:
        self.reset.setIcon(icon(self._theme, "reset"))
        self.keep.setIcon(icon(self._theme, "more"))

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
            help=tip_of(name),
            logarithmic=name in LOGARITHMIC,
            typed=(knob.minimum, ENDLESS if knob.maximum is None else knob.maximum),
        )
        made.setObjectName(name)
        made.changed.connect(self._moved)
        made.refused.connect(self._not_fitting)
        return made

    def _seed_and_stop(self, theme: Theme) -> SeedAndStop:
        self.words = SeedAndStop(theme)
        self.seed, self.dice, self.stop = self.words.seed, self.words.dice, self.words.stop
        self.words.seed_chosen.connect(self._seed_chosen)
        self.words.stop_chosen.connect(self._stop_chosen)
        for edit in (self.seed, self.stop):
            edit.editingFinished.connect(self.typed)
        # Once the words have their place.
        self.words.refused.connect(self._bring_into_view, Qt.ConnectionType.QueuedConnection)
        return self.words

    def commit(self) -> bool:
        """Take what is typed in a field and was not confirmed yet; False where that, or a field, does not fit."""
        refused: list[object] = []
        focused, listening = self.window().focusWidget(), self.refused.connect(refused.append)
        if isinstance(focused, QLineEdit) and self.isAncestorOf(focused):
            focused.editingFinished.emit()
        self.refused.disconnect(listening)
        wrong = self.words.refusal()
        if wrong is not None:
            self._bring_into_view(wrong)
            self.refused.emit(UserError(wrong.text()))
        return not refused and wrong is None

    @Slot(object)
    def _bring_into_view(self, part: QWidget) -> None:
        self._scroll.ensureWidgetVisible(part)

    def show_settings(self, settings: DecodingSettings) -> None:
        """Show settings that were chosen elsewhere; emits nothing."""
        self._settings = settings
        beams = settings.method in BEAMS
        self.method.set_index(METHODS.index("beam" if beams else settings.method))
        for name, made in self.fields.items():
            made.set_value(getattr(settings, name))
            made.set_disabled_reason(idle_words(name, settings, self._filling))
        for box, name, tip, checked in (
            (self.drawn, "drawn", DRAWN_TIP, settings.method == "beam_sample"),
            (self.endless, "ignore_eos", tip_of("ignore_eos"), settings.ignore_eos),
        ):
            idle = idle_words(name, settings, self._filling)
            box.blockSignals(True)
            box.setChecked(checked)
            box.blockSignals(False)
            box.setEnabled(not idle)
            box.setToolTip(f"{tip}\n{idle}" if idle else tip)
        self.notes["min_new_tokens"].setVisible(settings.min_new_tokens > settings.max_new_tokens)
        self.notes["temperature"].setVisible(settings.method in DRAWING and not settings.draws)
        self.bans.show_settings(settings, self._filling)
        self.presets.setCurrentText(preset_of(settings, self._own))
        self.words.show_settings(settings, self._filling)

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
        method = METHODS[index]
        # A search that keeps one beam is greedy search: nobody who chooses beams means that.
        beams = {"num_beams": _BEAMS} if method == "beam" and self._settings.num_beams == 1 else {}
        self._change(method=method, **beams)

    @Slot(bool)
    def _drawn_toggled(self, drawn: bool) -> None:
        self._change(method="beam_sample" if drawn else "beam")

    @Slot(bool)
    def _endless_toggled(self, endless: bool) -> None:
        self._change(ignore_eos=endless)

    @Slot(int)
    def _freed(self, token: int) -> None:
        settings = self._settings
        self._change(
            banned=tuple(each for each in settings.banned if each != token),
            forced=tuple(each for each in settings.forced if each != token),
        )

    @Slot(object)
    def _seed_chosen(self, seed: int | None) -> None:
        self._change(seed=seed)

    @Slot(object)
    def _stop_chosen(self, stops: tuple[str, ...]) -> None:
        self._change(stop=stops)

    @Slot(str)
    def _reset_one(self, name: str) -> None:
        if name == "drawn":
            self._change(method="beam" if self._settings.method in BEAMS else self._settings.method)
        else:
            self._change(**{name: getattr(self._start, name)})
