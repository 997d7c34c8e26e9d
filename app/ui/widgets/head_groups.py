"""Heads that share keys and values: which belong together, and the brackets over them."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPointF
from PySide6.QtGui import QPainter, QPen

from app.ui.theme import Theme

_LINE, _FOOT = 18.0, 21.0
"""How far from the top a bracket runs, and where its ends stand."""


def group_of(head: int, heads: int, groups: int) -> tuple[int, int, int] | None:
    """The group of a head with its first and its last head; None where each head has keys and values of its own."""
    if not 0 < groups < heads:
        return None
    size = heads // groups
    return head // size, head // size * size, head // size * size + size - 1


def draw_brackets(painter: QPainter, theme: Theme, spans: Sequence[tuple[float, float]], begin: float) -> None:
    """A bracket over every span, left and right in pixels; those that begin before `begin` are scrolled away."""
    painter.setPen(QPen(theme.color("line2"), 1.5))
    for left, right in spans:
        if left > begin:
            corners = ((left, _FOOT), (left, _LINE), (right, _LINE), (right, _FOOT))
            painter.drawPolyline([QPointF(x, y) for x, y in corners])
