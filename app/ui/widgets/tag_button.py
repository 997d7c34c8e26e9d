"""A badge that is pressed: to show only what it counts."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt, Slot
from PySide6.QtGui import QEnterEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QAbstractButton, QSizePolicy, QWidget

from app.ui.theme import Theme
from app.ui.widgets.badge import BADGE_HEIGHT, TONES, badge_width, paint_badge
from app.ui.widgets.painting import focus_ring, outline_round

_RIM = 2


class TagButton(QAbstractButton):
    """A tag with an icon and words in a tone ("ok", "warn" or "error"); framed while it is checked."""

    def __init__(self, theme: Theme, tone: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme, self._tone = theme, tone
        self._font = theme.font(12, 600)
        self.setCheckable(True)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self._on_theme)

    def say(self, words: str, tip: str = "") -> None:
        """Show these words; none hides the tag."""
        self.setText(words)
        self.setToolTip(tip)
        self.setVisible(bool(words))
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        # The rim makes it as high as what is pressed must be, and holds the frame.
        return QSize(badge_width(self._font, self.text()) + 2 * _RIM, BADGE_HEIGHT + 2 * _RIM)

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def enterEvent(self, event: QEnterEvent) -> None:
        super().enterEvent(event)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        strong = self._theme.color(TONES[self._tone][1])
        rect = QRectF(self.rect()).adjusted(_RIM, _RIM, -_RIM, -_RIM)
        paint_badge(painter, self._theme, rect, self._font, self.text(), self._tone)
        if self.isChecked() or (self.underMouse() and self.isEnabled()):
            width = 1.5 if self.isChecked() else 1.0
            outline_round(painter, rect, 5, strong, width)
        if self.hasFocus():
            focus_ring(painter, QRectF(self.rect()), self._theme.color("accent"))
        painter.end()

    @Slot()
    def _on_theme(self) -> None:
        self.update()
