"""A bar of parts in their true proportion, and the keys that name them."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QRectF, QSize, Qt, Slot
from PySide6.QtGui import QFontMetricsF, QPainter, QPainterPath, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.ui.theme import Theme
from app.ui.widgets.painting import fill_round

_SQUARE, _GAP = 8, 5


class PartsBar(QWidget):
    """Parts as (size, colour token), side by side; its scale is their total."""

    def __init__(self, theme: Theme, height: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._parts: tuple[tuple[float, str], ...] = ()
        self.setFixedHeight(height)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self._on_theme)

    def set_parts(self, parts: Sequence[tuple[float, str]]) -> None:
        """Show these; none leaves an empty track."""
        self._parts = tuple(parts)
        self.update()

    def part_rects(self) -> list[QRectF]:
        """Where the parts stand. One that is there has a pixel at least, which the largest gives."""
        total = sum(size for size, _ in self._parts)
        if total <= 0:
            return []
        widths = [max(self.width() * size / total, 2.0 if size else 0.0) for size, _ in self._parts]
        largest = widths.index(max(widths))
        widths[largest] -= sum(widths) - self.width()
        rects, left = [], 0.0
        for width in widths:
            rects.append(QRectF(left, 0, width, self.height()))
            left += width
        return rects

    def sizeHint(self) -> QSize:
        return QSize(120, self.height())

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        whole = QRectF(self.rect())
        outline = QPainterPath()
        outline.addRoundedRect(whole, 3, 3)
        painter.setClipPath(outline)
        painter.fillRect(whole, self._theme.color("line"))
        for rect, (_, token) in zip(self.part_rects(), self._parts, strict=False):
            painter.fillRect(rect, self._theme.color("surface"))
            last = rect.right() >= self.width() - 0.5
            painter.fillRect(rect.adjusted(0, 0, 0 if last else -1, 0), self._theme.color(token))
        painter.end()

    @Slot()
    def _on_theme(self) -> None:
        self.update()


class PartKey(QWidget):
    """A small square in a part's colour and its name."""

    def __init__(self, theme: Theme, token: str, words: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme, self._token, self.words = theme, token, words
        self._font = theme.font(11)
        self.setAccessibleName(words)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self._on_theme)

    def sizeHint(self) -> QSize:
        metrics = QFontMetricsF(self._font)
        return QSize(round(metrics.horizontalAdvance(self.words)) + _SQUARE + _GAP + 2, round(metrics.height()) + 2)

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        top = (self.height() - _SQUARE) / 2
        fill_round(painter, QRectF(0, top, _SQUARE, _SQUARE), 2, self._theme.color(self._token))
        painter.setFont(self._font)
        painter.setPen(self._theme.color("ink2"))
        words = QRectF(_SQUARE + _GAP, 0, self.width() - _SQUARE - _GAP, self.height())
        painter.drawText(words, Qt.AlignmentFlag.AlignVCenter, self.words)
        painter.end()

    @Slot()
    def _on_theme(self) -> None:
        self.update()
