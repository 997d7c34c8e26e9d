"""Labels and rules in the theme's sizes and colours."""

from __future__ import annotations

import re

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QLabel

from app.ui.theme import Theme

_LONG = re.compile(r"\S{22,}")
_PIECE = re.compile(r"[^._/\-]{1,12}[._/\-]*|[._/\-]+")


def breakable(text: str) -> str:
    """The same words, of which long ones, such as names of weights, may go on in the next line (at a U+200B)."""
    return _LONG.sub(lambda word: "\u200b".join(_PIECE.findall(word[0])), text)


class ElidedLabel(QLabel):
    """A line of plain text that ends in an ellipsis where it has no room, and is told in full to the pointer."""

    def minimumSizeHint(self) -> QSize:
        return QSize(0, super().minimumSizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        room = self.contentsRect()
        shown = self.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideRight, room.width())
        self.setToolTip(self.text() if shown != self.text() else "")
        if shown == self.text():
            super().paintEvent(event)
            return
        painter = QPainter(self)
        self.style().drawItemText(
            painter,
            room,
            int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter),
            self.palette(),
            self.isEnabled(),
            shown,
            self.foregroundRole(),
        )


def make_label(
    theme: Theme, text: str = "", px: float = 13, weight: int = 400, role: str = "", mono: bool = False
) -> QLabel:
    """A plain-text label; `role` is "", "secondary", "caption" or "accent" (its colour, which follows the theme)."""
    label = QLabel(text)
    _dress(label, theme, px, weight, role, mono)
    return label


def make_elided_label(
    theme: Theme, text: str = "", px: float = 13, weight: int = 400, role: str = "", mono: bool = False
) -> ElidedLabel:
    """The same, cut with an ellipsis where there is no room."""
    label = ElidedLabel(text)
    _dress(label, theme, px, weight, role, mono)
    return label


def _dress(label: QLabel, theme: Theme, px: float, weight: int, role: str, mono: bool) -> None:
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setFont(theme.font(px, weight, mono))
    label.setProperty("role", role)


def make_rule(vertical: bool = False) -> QFrame:
    """A line of one pixel in the colour of panel borders."""
    rule = QFrame()
    rule.setProperty("role", "rule")
    if vertical:
        rule.setFixedWidth(1)
    else:
        rule.setFixedHeight(1)
    return rule
