"""A small tag of one or two words with an icon: "exact", "tight"."""

from __future__ import annotations

from html import escape

from PySide6.QtCore import QRectF, QSize, Qt, Slot
from PySide6.QtGui import QFont, QFontMetricsF, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.ui.icons import pixmap
from app.ui.theme import Theme
from app.ui.widgets.painting import fill_round

TONES = {"ok": ("check", "ok", "oksoft"), "warn": ("warn", "warn", "warnsoft"), "error": ("error", "err", "errsoft")}
BADGE_HEIGHT = 20
_AROUND = 32
"""Pixels that the icon and the margins take beside the words."""


def badge_width(font: QFont, words: str) -> int:
    """Pixels that a badge of these words takes."""
    return round(QFontMetricsF(font).horizontalAdvance(words)) + _AROUND


def paint_badge(painter: QPainter, theme: Theme, rect: QRectF, font: QFont, words: str, tone: str) -> None:
    """Paint a badge into `rect`; words that are too long for it are cut."""
    icon, strong, soft = TONES[tone]
    fill_round(painter, rect, 5, theme.color(soft))
    middle = rect.top() + (rect.height() - 13) / 2
    painter.drawPixmap(round(rect.left()) + 6, round(middle), pixmap(theme, icon, strong, 13))
    painter.setFont(font)
    painter.setPen(theme.color(strong))
    room = rect.width() - _AROUND + 1
    shown = QFontMetricsF(font).elidedText(words, Qt.TextElideMode.ElideRight, room)
    painter.drawText(rect.adjusted(24, 0, 0, 0), Qt.AlignmentFlag.AlignVCenter, shown)


class Badge(QWidget):
    """Hidden until it has words. The icon and the words say what the colour says."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._words, self._tone = "", "ok"
        self._font = theme.font(12, 600)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self._on_theme)
        self.hide()

    def say(self, words: str, tone: str = "ok", tip: str = "") -> None:
        """Show these words in a tone ("ok", "warn" or "error"); none hides the badge."""
        self._words, self._tone = words, tone
        # Rich text, so that a long tip is wrapped.
        self.setToolTip(f"<qt>{escape(tip, quote=False)}</qt>" if tip else "")
        self.setAccessibleName(f"{words}. {tip}".strip())
        self.setVisible(bool(words))
        self.updateGeometry()
        self.update()

    def words(self) -> str:
        """What it says."""
        return self._words

    def tone(self) -> str:
        """Its tone."""
        return self._tone

    def sizeHint(self) -> QSize:
        return QSize(badge_width(self._font, self._words), BADGE_HEIGHT)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        paint_badge(painter, self._theme, QRectF(self.rect()), self._font, self._words, self._tone)
        painter.end()

    @Slot()
    def _on_theme(self) -> None:
        self.update()
