"""A message on the page it concerns: what happened and the way out."""

from __future__ import annotations

import html

from PySide6.QtCore import QRectF, QSize, Qt, Signal, Slot
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QSizePolicy, QToolButton, QWidget

from app.ui.icons import icon, pixmap
from app.ui.theme import Theme
from app.ui.widgets.painting import outline_round

# Kind of message: (icon, strong colour, soft colour, word for screen readers).
_KINDS = {
    "info": ("info", "accent", "accentsoft", "Note"),
    "warn": ("warn", "warn", "warnsoft", "Warning"),
    "error": ("error", "err", "errsoft", "Error"),
}


class Banner(QWidget):
    """Hidden until it has something to say. An error stays until dismissed; notes and warnings wait behind it."""

    action_triggered = Signal()
    dismissed = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._kind = "info"
        self._waiting: tuple[str, str, str, str] | None = None
        self._icon = QLabel()
        self._text = QLabel()
        self._text.setTextFormat(Qt.TextFormat.RichText)
        self._text.setWordWrap(True)
        self._text.setFont(theme.font(13))
        self._text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._text.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.action = QPushButton()
        self.action.setFont(theme.font(13, 500))
        self.close_button = QToolButton()
        self.close_button.setAccessibleName("Dismiss")
        self.close_button.setToolTip("Dismiss")
        self.close_button.setIconSize(QSize(16, 16))
        layout = QHBoxLayout(self)
        layout.setContentsMargins(14, 8, 10, 8)
        layout.setSpacing(12)
        layout.addWidget(self._icon, 0, Qt.AlignmentFlag.AlignVCenter)
        layout.addWidget(self._text, 1)
        layout.addWidget(self.action)
        layout.addWidget(self.close_button)
        self.setMinimumHeight(44)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)
        self.action.clicked.connect(self.action_triggered)
        self.close_button.clicked.connect(self._on_dismissed)
        theme.changed.connect(self._on_theme)
        self.hide()

    def show_message(self, kind: str, fact: str, remedy: str = "", action: str = "") -> None:
        """Say a bold fact and the way out, with a button for it when `action` names one.

        `kind` is "info", "warn" or "error". While an error is open, other kinds wait until it is dismissed.
        """
        if kind not in _KINDS:
            raise ValueError(f"A banner is {', '.join(_KINDS)}, not {kind!r}.")
        if self.is_open() and self._kind == "error" and kind != "error":
            self._waiting = (kind, fact, remedy, action)
            return
        self._kind = kind
        joined = f"<span style='font-weight:600'>{html.escape(fact)}</span> {html.escape(remedy)}"
        self._text.setText(joined.strip())
        self.action.setText(action)
        self.action.setVisible(bool(action))
        self.setAccessibleName(f"{_KINDS[kind][3]}: {fact} {remedy}".strip())
        self._on_theme()
        self.show()

    def clear(self, including_errors: bool = False) -> None:
        """Take the message away because it no longer holds; an error only when its cause is mended."""
        self._waiting = None
        if including_errors or self._kind != "error":
            self.hide()

    def is_open(self) -> bool:
        """Whether a message is shown (or would be, were the page visible)."""
        return not self.isHidden()

    def kind(self) -> str:
        """The kind of the last message."""
        return self._kind

    def text(self) -> str:
        """The last message in plain words."""
        return self.accessibleName()

    def paintEvent(self, event: QPaintEvent) -> None:
        _, strong, soft, _ = _KINDS[self._kind]
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        color = self._theme.color
        outline_round(painter, QRectF(self.rect()), 8, color(strong), 1.0, color(soft))
        painter.end()

    @Slot()
    def _on_dismissed(self) -> None:
        waiting, self._waiting = self._waiting, None
        self.hide()
        self.dismissed.emit()
        if waiting is not None:
            self.show_message(*waiting)

    @Slot()
    def _on_theme(self) -> None:
        name, strong, _, _ = _KINDS[self._kind]
        self._icon.setPixmap(pixmap(self._theme, name, strong, 18))
        self.close_button.setIcon(icon(self._theme, "close", "ink2", 16))
        self.update()
