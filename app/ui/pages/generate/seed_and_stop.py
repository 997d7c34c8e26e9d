"""The seed and the stop sequences: what is typed in words, not dragged. What does not fit stays in its field, with the
reason under it."""

from __future__ import annotations

import re

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QLabel, QLineEdit, QPushButton, QVBoxLayout, QWidget

from app.engine.decode.settings import DecodingSettings
from app.engine.errors import UserError
from app.ui.icons import icon
from app.ui.pages.generate.setting_words import DRAWN_SEED_TIP, SEED_TIP, STOP_TIP, idle_words, knob_of
from app.ui.pages.generate.stop_words import read_stops, written_stops
from app.ui.theme import Theme
from app.ui.widgets.labels import make_label

_WHOLE = re.compile(r"[+\-−]?[0-9]+")
_OPEN_SEED = "Leave the seed open: it is drawn"
_LONGEST = 40
"""Digits of a seed that can be typed; the largest seed has 19."""


class SeedAndStop(QWidget):
    """`seed_chosen(int or None)` and `stop_chosen(tuple of str)` are the person's doing."""

    seed_chosen = Signal(object)
    stop_chosen = Signal(object)
    refused = Signal(object)
    """The label that says why."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._settings = DecodingSettings()
        self.seed, self.stop = QLineEdit(), QLineEdit()
        self.seed.setPlaceholderText("drawn")
        self.seed.setAccessibleName("Seed")
        self.seed.setMaxLength(_LONGEST)
        self.seed.editingFinished.connect(self._seed_typed)
        self.dice = QPushButton()
        self.dice.setAccessibleName(_OPEN_SEED)
        self.dice.clicked.connect(self._seed_free)
        self.stop.setPlaceholderText("none")
        self.stop.setAccessibleName("Stop sequences")
        self.stop.editingFinished.connect(self._stop_typed)
        self._seed_label: QLabel = make_label(theme, "Seed", 12.5)
        self._stop_label: QLabel = make_label(theme, "Stop at", 12.5)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addWidget(self._seed_label)
        row = QHBoxLayout()
        row.setSpacing(6)
        row.addWidget(self.seed, 1)
        row.addWidget(self.dice)
        column.addLayout(row)
        self.seed_refusal, self.stop_refusal = (make_label(theme, "", 11.5, role="error") for _ in range(2))
        column.addWidget(self.seed_refusal)
        column.addWidget(self._stop_label)
        column.addWidget(self.stop)
        column.addWidget(self.stop_refusal)
        for refusal in (self.seed_refusal, self.stop_refusal):
            refusal.setWordWrap(True)
            refusal.hide()
        for edit in (self.seed, self.stop):
            edit.setFont(theme.font(12, mono=True))
        theme.changed.connect(self._tint_icon)
        self._tint_icon()

    def refusal(self) -> QLabel | None:
        """Why what stands in a field was refused; None where all fits."""
        return next((each for each in (self.seed_refusal, self.stop_refusal) if not each.isHidden()), None)

    def show_settings(self, settings: DecodingSettings, filling: bool) -> None:
        """Show seed and stop sequences, and where they do nothing why; emits nothing. What was refused stays while
        its setting does."""
        if self.seed_refusal.isHidden() or settings.seed != self._settings.seed:
            self.seed.setText(_seed_text(settings))
            self.seed_refusal.hide()
        if self.stop_refusal.isHidden() or settings.stop != self._settings.stop:
            self.stop.setText(written_stops(settings.stop))
            self.stop_refusal.hide()
        self._settings = settings
        idle = idle_words("seed", settings, filling)
        _say((self.seed, self._seed_label), f"{SEED_TIP}\n{_seed_range()} {DRAWN_SEED_TIP}", idle)
        _say((self.dice,), _OPEN_SEED, idle)
        _say((self.stop, self._stop_label), STOP_TIP, idle_words("stop", settings, filling))

    @Slot()
    def _tint_icon(self) -> None:
        self.dice.setIcon(icon(self._theme, "dice"))

    @Slot()
    def _seed_typed(self) -> None:
        text, knob = self.seed.text().strip(), knob_of("seed")
        self.seed_refusal.hide()
        if text == _seed_text(self._settings):
            return
        seed = int(text.replace("−", "-")) if _WHOLE.fullmatch(text) else None
        assert knob.maximum is not None
        if text and seed is None:
            self._refuse(self.seed_refusal, f"The seed “{text}” is not a whole number. {_seed_range()}")
        elif seed is not None and not 0 <= seed <= knob.maximum:
            self._refuse(self.seed_refusal, f"The seed {text} is out of range. {_seed_range()}")
        else:
            self.seed_chosen.emit(seed)

    def _refuse(self, label: QLabel, words: str) -> None:
        label.setText(words)
        label.show()
        self.refused.emit(label)

    @Slot()
    def _seed_free(self) -> None:
        self.seed.clear()
        self.seed_refusal.hide()
        self.seed_chosen.emit(None)

    @Slot()
    def _stop_typed(self) -> None:
        line = self.stop.text()
        self.stop_refusal.hide()
        # Focus that merely passes changes nothing.
        if line == written_stops(self._settings.stop):
            return
        try:
            stops = read_stops(line)
        except UserError as error:
            self._refuse(self.stop_refusal, str(error))
        else:
            self.stop_chosen.emit(stops)


def _seed_text(settings: DecodingSettings) -> str:
    return "" if settings.seed is None else str(settings.seed)


def _seed_range() -> str:
    knob = knob_of("seed")
    assert knob.maximum is not None
    return f"A whole number from 0 to {int(knob.maximum):,}; empty: it is drawn."


def _say(parts: tuple[QWidget, ...], tip: str, idle: str) -> None:
    """Give controls their tooltip, and where they are idle disable them and say why."""
    for part in parts:
        part.setEnabled(not idle)
        part.setToolTip(f"{tip}\n{idle}" if idle else tip)
        part.setAccessibleDescription(part.toolTip())
