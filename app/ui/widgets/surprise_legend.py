"""What the colours of surprise mean: a bar from expected to surprised, or from A better to B better."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt, Slot
from PySide6.QtGui import QFontMetricsF, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.ui.theme import Theme
from app.ui.widgets.surprise_colours import BOTH, DIFFERENCE, map_name, most_bits

_HEIGHT, _BAR_HEIGHT = 24, 14.0
_STEPS, _STEP, _SMALLEST_STEP = 12, 14.0, 4.0
_GAP = 9.0


class SurpriseLegend(QWidget):
    """Twelve steps with words at both ends. Where there is no room, the steps give way, then the words are shorter."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._mode = BOTH
        self._font = theme.font(12)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self._on_theme)
        self.set_mode(BOTH)

    def set_mode(self, mode: str) -> None:
        """The legend of BOTH models' surprise or of the DIFFERENCE."""
        self._mode = mode
        low, high = self.words()
        self.setAccessibleName("Colours of surprise" if mode == BOTH else "Colours of A − B")
        self.setAccessibleDescription(f"From {low} to {high}")
        self.setToolTip(
            "The number is the surprise in bits, −log₂ p; from 12 bits on the colour is the same."
            if mode == BOTH
            else f"A − B in bits: below zero A paid less. From {most_bits(mode):.0f} bits on the colour is the same."
        )
        self.updateGeometry()
        self.update()

    def words(self) -> tuple[str, str]:
        """What stands at the two ends."""
        most = f"{most_bits(self._mode):.0f}"
        if self._mode == DIFFERENCE:
            return f"−{most} bits, A better", f"+{most} bits, B better"
        return "0 bits, expected", f"{most} bits, surprised"

    def sizeHint(self) -> QSize:
        return QSize(round(self._words_width(self.words()) + _STEPS * _STEP), _HEIGHT)

    def minimumSizeHint(self) -> QSize:
        return QSize(round(self._words_width(self._short_words()) + _STEPS * _SMALLEST_STEP), _HEIGHT)

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.TextAntialiasing)
        words = self.words()
        if self.width() < self._words_width(words) + _STEPS * _SMALLEST_STEP:
            words = self._short_words()
        left, right = (QFontMetricsF(self._font).horizontalAdvance(word) for word in words)
        painter.setFont(self._font)
        painter.setPen(self._theme.color("ink2"))
        rect = QRectF(self.rect())
        painter.drawText(rect, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, words[0])
        painter.drawText(rect, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, words[1])
        bar = QRectF(left + _GAP, (_HEIGHT - _BAR_HEIGHT) / 2, rect.width() - left - right - 2 * _GAP, _BAR_HEIGHT)
        # Whole pixels for every step, or seams would show between them.
        edges = [round(bar.left() + bar.width() * step / _STEPS) for step in range(_STEPS + 1)]
        for step in range(_STEPS):
            color = self._theme.lut_color(map_name(self._mode), step / (_STEPS - 1))
            painter.fillRect(edges[step], round(bar.top()), edges[step + 1] - edges[step], round(bar.height()), color)
        painter.setPen(QPen(self._theme.color("line"), 1))
        painter.drawRect(QRectF(edges[0] - 0.5, bar.top() - 0.5, edges[-1] - edges[0] + 1, bar.height() + 1))
        painter.end()

    def _short_words(self) -> tuple[str, str]:
        if self._mode == DIFFERENCE:
            return "A better", "B better"
        return "0", f"{most_bits(self._mode):.0f} bits"

    def _words_width(self, words: tuple[str, str]) -> float:
        metrics = QFontMetricsF(self._font)
        return sum(metrics.horizontalAdvance(word) for word in words) + 2 * _GAP + 1

    @Slot()
    def _on_theme(self) -> None:
        self.update()
