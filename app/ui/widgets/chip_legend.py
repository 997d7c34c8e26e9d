"""What the colours of generated chips mean: five chips from palest to darkest between two words."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt, Slot
from PySide6.QtGui import QFontMetricsF, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.ui.theme import Theme
from app.ui.widgets.painting import fill_round

_SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
_HEIGHT, _CHIP_HEIGHT = 22, 15.0
_WIDEST, _NARROWEST, _BETWEEN = 22.0, 12.0, 1.0
_GAP = 6.0


class ChipLegend(QWidget):
    """Painted like the chips, line under them and all. Where there is no room for the words, the chips alone."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._words = ("", "")
        self._scale = "probability"
        self._font = theme.font(11.5)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Colours of the tokens")
        theme.changed.connect(self._on_theme)

    def explain(self, low: str, high: str, scale: str, tip: str) -> None:
        """What the palest and the darkest chip mean, the name of their map, and all of it in a sentence."""
        self._words, self._scale = (low, high), scale
        self.setAccessibleDescription(f"From {low} to {high}")
        self.setToolTip(tip)
        self.updateGeometry()
        self.update()

    def words(self) -> tuple[str, str]:
        """What stands at the two ends."""
        return self._words

    def sizeHint(self) -> QSize:
        return QSize(round(self._words_width() + len(_SHARES) * (_WIDEST + _BETWEEN)), _HEIGHT)

    def minimumSizeHint(self) -> QSize:
        return QSize(round(len(_SHARES) * (_NARROWEST + _BETWEEN)), _HEIGHT)

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        left, room = 0.0, float(self.width())
        if room >= self._words_width() + len(_SHARES) * (_NARROWEST + _BETWEEN):
            left, room = self._paint_words(painter)
        wide = min(room / len(_SHARES) - _BETWEEN, _WIDEST)
        top = (self.height() - _CHIP_HEIGHT) / 2
        for place, share in enumerate(_SHARES):
            chip = QRectF(left + place * (wide + _BETWEEN), top, wide, _CHIP_HEIGHT)
            fill_round(painter, chip, 3, self._theme.chip_fill(share, self._scale))
            line = QRectF(chip.left() + 2, chip.bottom() - 4, max((wide - 4) * share, 2.0), 2.5)
            fill_round(painter, line, 1, self._theme.chip_underline(self._scale))
        painter.end()

    def _paint_words(self, painter: QPainter) -> tuple[float, float]:
        """Write both words; where the chips begin, and their room."""
        metrics = QFontMetricsF(self._font)
        low, high = (metrics.horizontalAdvance(word) for word in self._words)
        room = min(self.width() - low - high - 2 * _GAP, len(_SHARES) * (_WIDEST + _BETWEEN))
        painter.setFont(self._font)
        painter.setPen(self._theme.color("ink3"))
        align = int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft)
        painter.drawText(QRectF(0, 0, low + 1, self.height()), align, self._words[0])
        painter.drawText(QRectF(low + 2 * _GAP + room, 0, high + 1, self.height()), align, self._words[1])
        return low + _GAP, room

    def _words_width(self) -> float:
        metrics = QFontMetricsF(self._font)
        return sum(metrics.horizontalAdvance(word) for word in self._words) + 2 * _GAP + 1

    @Slot()
    def _on_theme(self) -> None:
        self.update()
