"""What the lines of a chart are, as short pieces of them with words, for where names at their ends find no room."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

from PySide6.QtCore import QRectF, QSize, Qt, Slot
from PySide6.QtGui import QFontMetricsF, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.ui.theme import Theme
from app.ui.widgets.chart_lines import LineStyle, draw_sample

_SAMPLE, _GAP, _BETWEEN = 24.0, 6.0, 14.0


class ChartLegend(QWidget):
    """Entries beside each other in one line."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._entries: list[tuple[str, LineStyle]] = []
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self._on_theme)

    def show_lines(self, entries: Sequence[tuple[str, LineStyle]]) -> None:
        """Show these words, each after a piece of its line."""
        if list(entries) != self._entries:
            self._entries = list(entries)
            self.setAccessibleName(", ".join(self.words()))
            self.updateGeometry()
            self.update()

    def words(self) -> list[str]:
        """The words of the entries."""
        return [words for words, _ in self._entries]

    def sizeHint(self) -> QSize:
        metrics = QFontMetricsF(self._theme.font(11.5))
        wide = sum(_SAMPLE + _GAP + metrics.horizontalAdvance(words) + 1.0 for words in self.words())
        return QSize(ceil(wide + _BETWEEN * max(len(self._entries) - 1, 0)), ceil(metrics.height()) + 4)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(self._theme.font(11.5))
        metrics, left = QFontMetricsF(painter.font()), 0.0
        for words, style in self._entries:
            draw_sample(painter, self._theme, style, QRectF(left, 0.0, _SAMPLE, self.height()))
            left += _SAMPLE + _GAP
            wide = metrics.horizontalAdvance(words) + 1.0
            painter.setPen(self._theme.color("ink2"))
            painter.drawText(QRectF(left, 0.0, wide, self.height()), Qt.AlignmentFlag.AlignVCenter, words)
            left += wide + _BETWEEN
        painter.end()

    @Slot()
    def _on_theme(self) -> None:
        self.update()
