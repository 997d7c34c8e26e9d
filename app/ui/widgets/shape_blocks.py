"""The matrices of a formula as blocks whose sides follow their sizes."""

from __future__ import annotations

import math
from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Slot
from PySide6.QtGui import QFontMetricsF, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.ui.explanation import ShapeBlock
from app.ui.theme import Theme
from app.ui.widgets.painting import outline_round

_TALLEST, _WIDEST, _SHORTEST = 62.0, 96.0, 24.0
_JOINT_WIDTH = 20.0


class ShapeBlocks(QWidget):
    """Blocks in a row with their sizes under them.

    Sides grow with the square root of the size: in plain proportion 14 rows beside 5,632 columns would vanish.
    """

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._blocks: tuple[ShapeBlock, ...] = ()
        self._label_font = theme.font(12, 650)
        self._label_font.setItalic(True)
        self._size_font = theme.font(11, mono=True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self._on_theme)

    def set_blocks(self, blocks: Sequence[ShapeBlock]) -> None:
        """Show these blocks in order."""
        self._blocks = tuple(blocks)
        spoken = (f"{b.joint} {b.label.replace('^', ' ')} {b.rows} by {b.columns}".strip() for b in self._blocks)
        self.setAccessibleName(" ".join(spoken))
        self.setVisible(bool(self._blocks))
        self.updateGeometry()
        self.update()

    def block_sizes(self, available: float) -> list[tuple[float, float]]:
        """Width and height in pixels of each block when this many pixels are there."""
        if not self._blocks:
            return []
        largest = max(max(block.rows, block.columns) for block in self._blocks)
        unit = _TALLEST / math.sqrt(largest)
        widest = _WIDEST / math.sqrt(max(block.columns for block in self._blocks))
        room = available - sum(_JOINT_WIDTH for block in self._blocks if block.joint)
        captions = [self._caption_width(block) for block in self._blocks]
        unit = min(unit, widest) if sum(captions) < room else unit
        return [
            (max(unit * math.sqrt(block.columns), _SHORTEST), max(unit * math.sqrt(block.rows), _SHORTEST))
            for block in self._blocks
        ]

    def sizeHint(self) -> QSize:
        tallest = max((height for _, height in self.block_sizes(248)), default=0.0)
        return QSize(240, round(tallest + QFontMetricsF(self._size_font).height() + 8))

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        sizes = self.block_sizes(self.width())
        tallest = max((height for _, height in sizes), default=0.0)
        left = 0.0
        for block, (width, height) in zip(self._blocks, sizes, strict=True):
            if block.joint:
                painter.setFont(self._theme.font(13))
                painter.setPen(self._theme.color("ink2"))
                joint = QRectF(left, 0, _JOINT_WIDTH, tallest)
                painter.drawText(joint, Qt.AlignmentFlag.AlignCenter, block.joint)
                left += _JOINT_WIDTH
            slot = max(width, self._caption_width(block))
            rect = QRectF(left + (slot - width) / 2, (tallest - height) / 2, width, height)
            self._paint_block(painter, rect, block)
            painter.setFont(self._size_font)
            painter.setPen(self._theme.color("ink2"))
            under = QRectF(left, rect.bottom() + 3, slot, 18)
            painter.drawText(under, Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop, _caption(block))
            left += slot
        painter.end()

    def _paint_block(self, painter: QPainter, rect: QRectF, block: ShapeBlock) -> None:
        color = self._theme.color
        line, fill = (color("accent"), color("accentsoft")) if block.result else (color("a"), color("asoft"))
        outline_round(painter, rect, 2, line, 1.0, fill)
        base, _, raised = block.label.partition("^")
        small = self._theme.font(9, 650)
        base_width = QFontMetricsF(self._label_font).horizontalAdvance(base)
        total = base_width + (QFontMetricsF(small).horizontalAdvance(raised) + 1 if raised else 0)
        left = rect.center().x() - total / 2
        painter.setPen(color("ink"))
        painter.setFont(self._label_font)
        metrics = QFontMetricsF(self._label_font)
        baseline = rect.center().y() + (metrics.ascent() - metrics.descent()) / 2
        painter.drawText(QPointF(left, baseline), base)
        if raised:
            painter.setFont(small)
            painter.drawText(QPointF(left + base_width + 1, baseline - 5), raised)

    def _caption_width(self, block: ShapeBlock) -> float:
        return QFontMetricsF(self._size_font).horizontalAdvance(_caption(block)) + 4

    @Slot()
    def _on_theme(self) -> None:
        self.update()


def _caption(block: ShapeBlock) -> str:
    return f"{block.rows}×{block.columns}"
