"""The generated tokens as bars, one a step, with a marker that moves through them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import ceil, floor

import numpy as np
from PySide6.QtCore import QPointF, QRect, QRectF, QSize, Qt, Signal, Slot
from PySide6.QtGui import QFontMetricsF, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.ui.theme import Theme
from app.ui.widgets.painting import fill_round, focus_ring

_SIDE = 8.0
_BARS, _LOW_BARS = 42, 20
"""Pixels above the baseline."""
_WIDEST, _WIDEST_OF_FEW = 16.0, 48.0
_FEW = 12
"""So many steps are few: their bars may be wide."""
_FEWEST_PLACES = 64
_MARKER = 6.0
_MARGIN = 3
_UNDER = 4
"""Between baseline and numbers, for the ticks of marks."""


class StepScrubber(QWidget):
    """A bar for every step, as high as the probability of its token; numbers under it count from 1.

    `chosen(index)` for a click, a drag, and the keys Left, Right, Home and End; the marker has moved by then.
    """

    chosen = Signal(int)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._values = np.zeros(_FEWEST_PLACES, dtype=np.float32)
        self._bars = _BARS
        self._count = 0
        self._total = 0
        self._current: int | None = None
        self._marks: tuple[int, ...] = ()
        self._font = theme.font(11, mono=True)
        self._bold = theme.font(11, 700, mono=True)
        self._numbers = ceil(QFontMetricsF(self._font).height())
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Steps")
        theme.changed.connect(self._on_theme)
        self._describe()

    def set_steps(self, probabilities: Sequence[float]) -> None:
        """Show these steps, probabilities 0..1; a marker past their end is taken away."""
        self._count = len(probabilities)
        self._values = np.zeros(max(2 * self._count, _FEWEST_PLACES), dtype=np.float32)
        self._values[: self._count] = probabilities
        if self._current is not None and self._current >= self._count:
            self._current = None
        self._describe()
        self.update()

    def append(self, probability: float) -> None:
        """Add one step at the end; only its own bar is painted, unless the bars have to move closer."""
        places = self._places()
        if self._count == len(self._values):
            self._values = np.concatenate([self._values, np.zeros_like(self._values)])
        self._values[self._count] = probability
        self._count += 1
        self._describe()
        if self._places() != places:
            self.update()
        else:
            self.update(self.bar_rect(self._count - 1).toAlignedRect().adjusted(-1, 0, 1, 1))
            if self._count > self._total:
                self.update(self._numbers_rect())

    def probabilities(self) -> list[float]:
        """The steps shown."""
        return [float(value) for value in self._values[: self._count]]

    def set_total(self, total: int) -> None:
        """How many steps there can be at most, 0 where that is open: a dashed line runs up to there."""
        if total != self._total:
            self._total = max(total, 0)
            self._describe()
            self.update()

    def set_current(self, index: int | None) -> None:
        """Put the marker on a step or take it away; emits nothing."""
        if index is not None and not 0 <= index < self._count:
            index = None
        if index != self._current:
            self._update_marker()
            self._current = index
            self._update_marker()
            self._describe()

    def current(self) -> int | None:
        """The step that the marker is on."""
        return self._current

    def set_marks(self, indices: Iterable[int]) -> None:
        """Small ticks under these steps, such as where branches fork."""
        self._marks = tuple(sorted(set(indices)))
        self.update()

    def bar_rect(self, index: int) -> QRectF:
        """The room of a step's bar from top to baseline; where steps are narrower than pixels, its pixel."""
        pitch = self._pitch()
        left = _SIDE + index * pitch
        if pitch < 1:
            left = floor(left)
        return QRectF(left, _MARGIN, max(pitch, 1.0), self._bars)

    def set_low(self, low: bool) -> None:
        """Half as high, where others need the room."""
        bars = _LOW_BARS if low else _BARS
        if bars != self._bars:
            self._bars = bars
            self.updateGeometry()
            self.update()

    def sizeHint(self) -> QSize:
        return QSize(400, _MARGIN + self._bars + _UNDER + self._numbers)

    def minimumSizeHint(self) -> QSize:
        return QSize(120, self.sizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        dirty = event.rect()
        base = float(_MARGIN + self._bars)
        self._paint_baseline(painter, base)
        self._paint_bars(painter, dirty, base)
        self._paint_marks(painter, base)
        if dirty.bottom() > base:
            self._paint_numbers(painter, base)
        if self._current is not None:
            self._paint_marker(painter, self._middle(self._current), base)
        if self.hasFocus():
            focus_ring(painter, QRectF(self.rect()), self._theme.color("accent"))
        painter.end()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton and self._count:
            self._choose(self._index_at(event.position().x()))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if event.buttons() & Qt.MouseButton.LeftButton and self._count:
            index = self._index_at(event.position().x())
            if index != self._current:
                self._choose(index)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        last = self._count - 1
        at = self._current
        targets = {
            Qt.Key.Key_Left: last if at is None else max(at - 1, 0),
            Qt.Key.Key_Right: 0 if at is None else min(at + 1, last),
            Qt.Key.Key_Home: 0,
            Qt.Key.Key_End: last,
        }
        if event.key() not in targets or not self._count:
            super().keyPressEvent(event)
        elif (target := targets[Qt.Key(event.key())]) != at:
            self._choose(target)

    def _choose(self, index: int) -> None:
        self.set_current(index)
        self.chosen.emit(index)

    def _places(self) -> int:
        """How many steps the width is divided into; without a maximum it grows by half, so that bars rarely move."""
        if self._total >= self._count and self._total:
            return self._total
        places = _FEWEST_PLACES
        while places < self._count:
            places += places // 2
        return places

    def _pitch(self) -> float:
        places = max(self._places(), 1)
        widest = _WIDEST_OF_FEW if places <= _FEW else _WIDEST
        return min(max(self.width() - 2 * _SIDE, 1.0) / places, widest)

    def _middle(self, index: int) -> float:
        pitch = self._pitch()
        return _SIDE + index * pitch + self._bar_width(pitch) / 2

    @staticmethod
    def _bar_width(pitch: float) -> float:
        return pitch * 0.72 if pitch >= 3 else max(pitch, 1.0)

    def _index_at(self, x: float) -> int:
        return min(max(int((x - _SIDE) // self._pitch()), 0), self._count - 1)

    def _update_marker(self) -> None:
        if self._current is not None:
            x = self._middle(self._current)
            self.update(QRectF(x - _MARKER - 2, 0, 2 * _MARKER + 4, self.height()).toAlignedRect())
            # Its number may hide the one at either end.
            self.update(self._numbers_rect())

    def _numbers_rect(self) -> QRect:
        return QRect(0, _MARGIN + self._bars, self.width(), self.height() - _MARGIN - self._bars)

    def _paint_bars(self, painter: QPainter, dirty: QRect, base: float) -> None:
        pitch, fill = self._pitch(), self._theme.bar_color()
        if pitch < 1:
            self._paint_buckets(painter, dirty, base)
            return
        wide = self._bar_width(pitch)
        first = max(floor((dirty.left() - _SIDE) / pitch) - 1, 0)
        last = min(ceil((dirty.right() + 1 - _SIDE) / pitch) + 1, self._count)
        for index in range(first, last):
            high = max(self._height(self._values[index]), 1.0)
            rect = QRectF(_SIDE + index * pitch, base - high, wide, high)
            colour = self._theme.color("accent") if index == self._current else fill
            if wide >= 3 and high >= 3:
                fill_round(painter, rect, 1, colour)
            else:
                painter.fillRect(rect, colour)

    def _paint_buckets(self, painter: QPainter, dirty: QRect, base: float) -> None:
        """More steps than pixels: a pixel shows the least of its steps, as one looks for the unlikely ones."""
        pitch, fill = self._pitch(), self._theme.bar_color()
        used = ceil(self._count * pitch)
        for column in range(max(dirty.left() - int(_SIDE), 0), min(dirty.right() + 1 - int(_SIDE), used)):
            first = min(ceil(column / pitch - 1e-9), self._count - 1)
            steps = self._values[first : max(ceil((column + 1) / pitch - 1e-9), first + 1)][: self._count - first]
            high = max(self._height(float(np.fmin.reduce(steps))), 1.0)
            painter.fillRect(QRectF(_SIDE + column, base - high, 1.0, high), fill)

    def _paint_baseline(self, painter: QPainter, base: float) -> None:
        pitch = self._pitch()
        if self._total <= self._count:
            return
        pen = QPen(self._theme.color("line2"), 2, Qt.PenStyle.CustomDashLine, Qt.PenCapStyle.FlatCap)
        pen.setDashPattern([2.0, 1.2])
        painter.setPen(pen)
        # From the right, so that the dashes stand still while steps come in from the left.
        start = QPointF(_SIDE + self._total * pitch, base - 1)
        painter.drawLine(start, QPointF(_SIDE + self._count * pitch, base - 1))

    def _paint_marks(self, painter: QPainter, base: float) -> None:
        for index in self._marks:
            if 0 <= index < self._count:
                x = round(self._middle(index))
                painter.fillRect(QRectF(x - 1, base + 1, 2, _UNDER - 1), self._theme.color("ink2"))

    def _paint_numbers(self, painter: QPainter, base: float) -> None:
        metrics = QFontMetricsF(self._bold)
        taken = QRectF()
        top = base + _UNDER
        if self._current is not None:
            text = f"{self._current + 1:,}"
            taken = self._number_rect(self._middle(self._current), metrics.horizontalAdvance(text), top)
            painter.setFont(self._bold)
            painter.setPen(self._theme.color("accent"))
            painter.drawText(taken, Qt.AlignmentFlag.AlignCenter, text)
            taken.adjust(-4, 0, 4, 0)
        painter.setFont(self._font)
        painter.setPen(self._theme.color("ink3"))
        last = max(self._total, self._count)
        for number in sorted({1, last} if last else ()):
            text = f"{number:,}"
            rect = self._number_rect(self._middle(number - 1), metrics.horizontalAdvance(text), top)
            if not rect.intersects(taken):
                painter.drawText(rect, Qt.AlignmentFlag.AlignCenter, text)
                taken = taken.united(rect) if taken.isNull() else taken

    def _number_rect(self, x: float, wide: float, top: float) -> QRectF:
        left = min(max(x - wide / 2, 1.0), self.width() - wide - 1.0)
        return QRectF(left, top, wide, self._numbers)

    def _paint_marker(self, painter: QPainter, x: float, base: float) -> None:
        ink, x = self._theme.color("ink"), round(x)
        painter.fillRect(QRectF(x - 1, 6, 2, base - 5), ink)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(ink)
        flag = ((-_MARKER, 0.0), (_MARKER, 0.0), (_MARKER, 6.0), (0.0, 11.0), (-_MARKER, 6.0))
        painter.drawPolygon(QPolygonF([QPointF(x + across, down) for across, down in flag]))

    def _height(self, probability: float) -> float:
        return self._bars * min(max(float(probability), 0.0), 1.0) if np.isfinite(probability) else 0.0

    def _describe(self) -> None:
        text = f"{self._count:,} steps" if not self._total else f"{self._count:,} of {self._total:,} steps"
        if self._current is not None:
            text += f", step {self._current + 1:,} is shown, probability {100 * self._values[self._current]:.1f}%"
        self.setAccessibleDescription(text)

    @Slot()
    def _on_theme(self) -> None:
        self.update()
