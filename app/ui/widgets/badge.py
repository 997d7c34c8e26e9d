"""A small tag of one or two words with an icon: "exact", "tight"."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt, Slot
from PySide6.QtGui import QFontMetricsF, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.ui.icons import pixmap
from app.ui.theme import Theme
from app.ui.widgets.painting import fill_round

TONES = {"ok": ("check", "ok", "oksoft"), "warn": ("warn", "warn", "warnsoft"), "error": ("error", "err", "errsoft")}
_HEIGHT = 20


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
        self.setToolTip(tip)
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
        return QSize(round(QFontMetricsF(self._font).horizontalAdvance(self._words)) + 32, _HEIGHT)

    def paintEvent(self, event: QPaintEvent) -> None:
        icon, strong, soft = TONES[self._tone]
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        rect = QRectF(self.rect())
        fill_round(painter, rect, 5, self._theme.color(soft))
        painter.drawPixmap(6, 4, pixmap(self._theme, icon, strong, 13))
        painter.setFont(self._font)
        painter.setPen(self._theme.color(strong))
        painter.drawText(rect.adjusted(24, 0, 0, 0), Qt.AlignmentFlag.AlignVCenter, self._words)
        painter.end()

    @Slot()
    def _on_theme(self) -> None:
        self.update()
