"""What the lines of a beam tree mean: best, kept, pruned, each as it is drawn there."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Slot
from PySide6.QtGui import QFontMetricsF, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.ui.theme import Theme
from app.ui.widgets.beam_tree_painting import edge_pen

KINDS = ("best", "kept", "pruned")
_LINE, _GAP, _BETWEEN = 26.0, 5.0, 12.0
_HEIGHT = 22


class BeamLegend(QWidget):
    """Three short lines with a word after each."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._font = theme.font(11.5)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Lines of the tree")
        self.setToolTip("Best: the way to the best text. Kept: beams that went on. Pruned: looked at and dropped.")
        theme.changed.connect(self._on_theme)

    def sizeHint(self) -> QSize:
        metrics = QFontMetricsF(self._font)
        words = sum(metrics.horizontalAdvance(word) for word in KINDS)
        return QSize(round(words + len(KINDS) * (_LINE + _GAP + _BETWEEN)), _HEIGHT)

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(self._font)
        metrics, x, middle = QFontMetricsF(self._font), 0.0, self.height() // 2 + 0.5
        for kind in KINDS:
            painter.setPen(edge_pen(self._theme, kind))
            painter.drawLine(QPointF(x, middle), QPointF(x + _LINE, middle))
            x += _LINE + _GAP
            wide = metrics.horizontalAdvance(kind)
            painter.setPen(self._theme.color("ink3"))
            align = int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft)
            painter.drawText(QRectF(x, 0, wide + 1, self.height()), align, kind)
            x += wide + _BETWEEN
        painter.end()

    @Slot()
    def _on_theme(self) -> None:
        self.update()
