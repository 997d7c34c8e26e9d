"""Sets of settings with a name: the program's, the person's own, and the way back to the start."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QComboBox, QLineEdit, QMenu, QToolButton

from app.engine.decode.settings import PRESETS, DecodingSettings
from app.engine.errors import UserError
from app.ui.actions import bound
from app.ui.theme import Theme
from app.ui.widgets.panel import Panel

KEPT_BY_PRESETS = ("seed", "stop", "banned", "forced")
"""What a preset leaves as it is: it is about this text, not about a way of writing."""
CUSTOM = "Custom"


class PresetPanel(Panel):
    """A panel of decoding settings whose header chooses among sets with a name. What the sets change is its own."""

    preset_kept = Signal(str, object)
    """A name and the settings under it; None: the name is to be forgotten."""
    refused = Signal(object)
    """A UserError: what was typed cannot be used."""

    def __init__(self, theme: Theme, settings: DecodingSettings, start: DecodingSettings) -> None:
        super().__init__(theme, "Decoding")
        self._settings, self._start = settings, start
        self._own: dict[str, DecodingSettings] = {}
        self._make_header()

    def show_settings(self, settings: DecodingSettings) -> None:
        """Show settings that were chosen elsewhere; emits nothing."""
        raise NotImplementedError

    def _change(self, **changes: Any) -> None:
        raise NotImplementedError

    def _make_header(self) -> None:
        """Presets, keeping one, and back to the start."""
        self.reset = QToolButton()
        self.reset.setToolTip("Put every setting back to what the program starts with")
        self.reset.clicked.connect(self._reset)
        self.presets = QComboBox()
        self.presets.addItems([*PRESETS, CUSTOM])
        self.presets.setAccessibleName("Preset")
        self.presets.setToolTip("A named set of settings; seed, stop sequences and bans stay as they are")
        self.presets.textActivated.connect(self._preset_chosen)
        self.add_header_widget(self.presets)
        self.name = QLineEdit()
        self.name.setPlaceholderText("Name for these settings, then Enter")
        self.name.setAccessibleName("Name of the preset")
        self.name.returnPressed.connect(self._named)
        self.name.editingFinished.connect(self.name.hide)
        self.name.hide()
        self.keep = QToolButton()
        self.keep.setToolTip("Keep these settings under a name, or forget a name")
        self.keep.setAccessibleName("Keep as a preset")
        self.keep.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.keep_menu = QMenu(self)
        self.keep_menu.aboutToShow.connect(self._fill_menu)
        self.keep.setMenu(self.keep_menu)
        self.add_header_widget(self.reset)

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
        self.presets.addItems([*PRESETS, *self._own, CUSTOM])
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
        if name in PRESETS or name == CUSTOM:
            self.refused.emit(UserError(f"“{name}” is a preset of the program.", "Choose another name."))
        elif name:
            self.preset_kept.emit(name, self._settings)

    @Slot()
    def _reset(self) -> None:
        self._change(**{field.name: getattr(self._start, field.name) for field in fields(DecodingSettings)})


def preset_of(settings: DecodingSettings, own: Mapping[str, DecodingSettings]) -> str:
    """The name of the preset that these settings are, "Custom" where they are none."""
    kept = {name: getattr(settings, name) for name in KEPT_BY_PRESETS}
    every = {**PRESETS, **own}
    return next((name for name, preset in every.items() if replace(preset, **kept) == settings), CUSTOM)
