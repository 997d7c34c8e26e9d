"""The square with a model's letter: A or B."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt, Slot
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from app.ui.theme import Theme
from app.ui.widgets.painting import fill_round

BADGE = 20
"""Pixels of a side."""


def paint_slot(painter: QPainter, theme: Theme, rect: QRectF, slot: str) -> None:
    """Paint the letter of a slot on its colour."""
    fill_round(painter, rect, 5, theme.color(slot.lower()))
    painter.setFont(theme.font(12, 650))
    painter.setPen(theme.color(f"on{slot.lower()}"))
    painter.drawText(rect, Qt.AlignmentFlag.AlignCenter, slot)


class SlotBadge(QWidget):
    """The square as a widget, for rows of labels."""

    def __init__(self, theme: Theme, slot: str = "A", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self.setFixedSize(BADGE, BADGE)
        theme.changed.connect(self._on_theme)
        self.set_slot(slot)

    def set_slot(self, slot: str) -> None:
        """Show the letter "A" or "B"."""
        self._slot = slot
        self.setAccessibleName(f"Model {slot}")
        self.update()

    def slot(self) -> str:
        """The letter it shows."""
        return self._slot

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        paint_slot(painter, self._theme, QRectF(self.rect()), self._slot)
        painter.end()

    @Slot()
    def _on_theme(self) -> None:
        self.update()
