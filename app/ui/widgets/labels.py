"""Labels and rules in the theme's sizes and colours."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QLabel

from app.ui.theme import Theme


def make_label(
    theme: Theme, text: str = "", px: float = 13, weight: int = 400, role: str = "", mono: bool = False
) -> QLabel:
    """A plain-text label; `role` is "", "secondary", "caption" or "accent" (its colour, which follows the theme)."""
    label = QLabel(text)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setFont(theme.font(px, weight, mono))
    label.setProperty("role", role)
    return label


def make_rule(vertical: bool = False) -> QFrame:
    """A line of one pixel in the colour of panel borders."""
    rule = QFrame()
    rule.setProperty("role", "rule")
    if vertical:
        rule.setFixedWidth(1)
    else:
        rule.setFixedHeight(1)
    return rule
