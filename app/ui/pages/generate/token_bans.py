"""Tokens that may not be chosen, and those that must begin the text: typed here, each with a way to free it."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QLabel, QLineEdit, QPushButton, QVBoxLayout, QWidget

from app.engine.decode.settings import DecodingSettings
from app.ui.actions import bound
from app.ui.pages.generate.setting_words import idle_words
from app.ui.theme import Theme
from app.ui.widgets.labels import make_label
from app.ui.widgets.token_text import NEWLINE_SIGN, SPACE_SIGN, set_off, visible_token

_TIP = (
    "One token of the model, as its chips write it: a space before a word belongs to it, and may be typed as ␣, a line "
    "break as ⏎"
)


class TokenBans(QWidget):
    """A button a token; `freed(token_id)` when one is pressed. `ban_typed(text)` and `begin_typed(text)` for what is
    typed, which the model's tokenizer has yet to read."""

    freed = Signal(int)
    ban_typed = Signal(str)
    begin_typed = Signal(str)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._names: dict[int, str] = {}
        self._chips = QWidget()
        self._column = QVBoxLayout(self._chips)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(4)
        self._shown: object = (((), ()), ())
        """Which tokens, and by which names."""
        self._made: dict[tuple[bool, int], QPushButton] = {}
        self._chips.hide()
        self.field, self.ban, self.begin = QLineEdit(), QPushButton("Ban"), QPushButton("Begin")
        self.field.setPlaceholderText("a token")
        self.field.setAccessibleName("Token to ban or to begin with")
        self.field.setToolTip(_TIP)
        self.field.setFont(theme.font(12, mono=True))
        self.field.returnPressed.connect(self._ban_pressed)
        self.ban.setToolTip("Never choose this token (Enter)")
        self.ban.clicked.connect(self._ban_pressed)
        self.begin.clicked.connect(self._begin_pressed)
        self._label: QLabel = make_label(theme, "Ban, or begin with", 12.5)
        self._label.setToolTip(_TIP)
        row = QHBoxLayout()
        row.setSpacing(6)
        row.addWidget(self.field, 1)
        row.addWidget(self.ban)
        row.addWidget(self.begin)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(6)
        whole.addWidget(self._chips)
        whole.addWidget(self._label)
        whole.addLayout(row)

    def name_tokens(self, names: Mapping[int, str]) -> None:
        """Remember how ids are written."""
        self._names.update(names)

    def name_of(self, token: int) -> str:
        """A token within a sentence."""
        return set_off(self._names[token]) if token in self._names else f"id {token}"

    def buttons(self) -> list[QPushButton]:
        """The tokens' buttons, banned ones first."""
        return list(self._made.values())

    def button_of(self, token: int, begins: bool) -> QPushButton | None:
        """The button of a token that is banned, or that the text begins with."""
        return self._made.get((begins, token))

    def show_settings(self, settings: DecodingSettings, filling: bool) -> None:
        """Show what these settings ban and force; a masked model fills gaps, and begins no text."""
        idle = idle_words("forced", settings, filling)
        self.begin.setEnabled(not idle)
        self.begin.setToolTip(idle or "Let the new text begin with this token, after those above")
        wanted = (settings.banned, settings.forced)
        named = tuple(self._names.get(token, "") for token in (*settings.banned, *settings.forced))
        if (wanted, named) == self._shown:
            return
        # The one that was pressed goes, and the keyboard with it, which then belongs to the field.
        held = any(button.hasFocus() for button in self._made.values())
        self._shown, self._made = (wanted, named), {}
        while (item := self._column.takeAt(0)) is not None:
            if (old := item.widget()) is not None:
                old.setParent(None)
        for begins, tokens in ((False, settings.banned), (True, settings.forced)):
            if tokens:
                title = "The text begins with" if begins else "Banned"
                self._column.addWidget(make_label(self._theme, title, 12.5, 650))
            for token in tokens:
                name = visible_token(self._names.get(token, f"id {token}"))
                button = QPushButton(f"{name}  ×")
                button.setFont(self._theme.font(12, mono=True))
                button.setToolTip("Let this token be chosen freely again")
                button.clicked.connect(bound(self.freed.emit, token))
                self._column.addWidget(button)
                self._made[begins, token] = button
        self._chips.setVisible(any(wanted))
        if held:
            self.field.setFocus()

    @Slot()
    def _ban_pressed(self) -> None:
        if text := self._typed():
            self.ban_typed.emit(text)

    @Slot()
    def _begin_pressed(self) -> None:
        if text := self._typed():
            self.begin_typed.emit(text)

    def _typed(self) -> str:
        return self.field.text().replace(SPACE_SIGN, " ").replace(NEWLINE_SIGN, "\n")
