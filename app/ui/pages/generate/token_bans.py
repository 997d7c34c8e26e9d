"""Tokens that may not be chosen, and those that must begin the text, each with a way to free it."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QPushButton, QVBoxLayout, QWidget

from app.engine.decode.settings import DecodingSettings
from app.ui.actions import bound
from app.ui.theme import Theme
from app.ui.widgets.labels import make_label
from app.ui.widgets.token_text import visible_token


class TokenBans(QWidget):
    """A button a token; `freed(token_id)` when one is pressed. Hidden while there is none."""

    freed = Signal(int)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._names: dict[int, str] = {}
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(4)
        self._shown: tuple[tuple[int, ...], tuple[int, ...]] = ((), ())
        self.hide()

    def name_tokens(self, names: Mapping[int, str]) -> None:
        """Remember how ids are written."""
        self._names.update(names)

    def buttons(self) -> list[QPushButton]:
        """The tokens' buttons, banned ones first."""
        return self.findChildren(QPushButton)

    def show_settings(self, settings: DecodingSettings) -> None:
        """Show what these settings ban and force."""
        wanted = (settings.banned, settings.forced)
        if wanted == self._shown:
            return
        self._shown = wanted
        while (item := self._column.takeAt(0)) is not None:
            if (old := item.widget()) is not None:
                old.setParent(None)
        for title, tokens in (("Banned", settings.banned), ("The text begins with", settings.forced)):
            if tokens:
                self._column.addWidget(make_label(self._theme, title, 12.5, 650))
            for token in tokens:
                name = visible_token(self._names.get(token, f"id {token}"))
                button = QPushButton(f"{name}  ×")
                button.setFont(self._theme.font(12, mono=True))
                button.setToolTip("Let this token be chosen freely again")
                button.clicked.connect(bound(self.freed.emit, token))
                self._column.addWidget(button)
        self.setVisible(any(wanted))
