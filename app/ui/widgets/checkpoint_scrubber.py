"""The checkpoints of a run on a line, each where its step is, with a thumb that goes from one to the next."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal, Slot
from PySide6.QtGui import QFontMetricsF, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.ui.theme import Theme
from app.ui.widgets.painting import fill_round, focus_ring

_SIDE = 12.0
_TRACK, _DOT, _THUMB = 4.0, 3.5, 7.0
_MIDDLE = 12.0
"""Where the line runs, from the top."""


class CheckpointScrubber(QWidget):
    """`chosen(step)` for a click, a drag, and the keys Left, Right, Home and End; the thumb has moved by then."""

    chosen = Signal(int)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._steps: tuple[int, ...] = ()
        self._current: int | None = None
        self._font = theme.font(11, mono=True)
        self._bold = theme.font(11, 700, mono=True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Checkpoints")
        theme.changed.connect(self._on_theme)
        self._describe()

    def set_steps(self, steps: Sequence[int], current: int | None) -> None:
        """Show checkpoints at these steps, ascending, and put the thumb on one; emits nothing."""
        self._steps = tuple(steps)
        self._current = current if current in self._steps else None
        self._describe()
        self.update()

    def steps(self) -> tuple[int, ...]:
        """The steps shown."""
        return self._steps

    def current(self) -> int | None:
        """The step that the thumb is on."""
        return self._current

    def x_of(self, step: int) -> float:
        """Where a step stands, in pixels."""
        low, high = self._steps[0], self._steps[-1]
        share = (step - low) / (high - low) if high > low else 0.0
        return _SIDE + share * max(self.width() - 2 * _SIDE, 1.0)

    def sizeHint(self) -> QSize:
        return QSize(300, ceil(_MIDDLE + _THUMB + 2 + QFontMetricsF(self._font).height()))

    def minimumSizeHint(self) -> QSize:
        return QSize(120, self.sizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        color = self._theme.color
        track = QRectF(_SIDE, _MIDDLE - _TRACK / 2, max(self.width() - 2 * _SIDE, 1.0), _TRACK)
        fill_round(painter, track, 2, color("line"))
        if self._current is not None:
            passed = QRectF(track.left(), track.top(), max(self.x_of(self._current) - _SIDE, 0.0), _TRACK)
            fill_round(painter, passed, 2, color("accent"))
        painter.setPen(Qt.PenStyle.NoPen)
        for step in self._steps:
            behind = self._current is not None and step <= self._current
            painter.setBrush(color("accent" if behind else "line2"))
            painter.drawEllipse(QPointF(self.x_of(step), _MIDDLE), _DOT, _DOT)
        if self._current is not None:
            painter.setPen(QPen(color("accent"), 2.0))
            painter.setBrush(color("surface"))
            painter.drawEllipse(QPointF(self.x_of(self._current), _MIDDLE), _THUMB - 1, _THUMB - 1)
        self._paint_numbers(painter)
        if self.hasFocus():
            focus_ring(painter, QRectF(self.rect()), color("accent"))
        painter.end()

    def _paint_numbers(self, painter: QPainter) -> None:
        """The chosen step in any case, the first and the last, and of the others those that have room."""
        if not self._steps:
            return
        taken: list[QRectF] = []
        wanted = [self._current] if self._current is not None else []
        wanted += [step for step in (self._steps[0], self._steps[-1], *self._steps[1:-1]) if step != self._current]
        for step in wanted:
            chosen = step == self._current
            font, text = self._bold if chosen else self._font, f"{step:,}"
            wide = QFontMetricsF(font).horizontalAdvance(text) + 2.0
            left = min(max(self.x_of(step) - wide / 2, 0.0), self.width() - wide)
            place = QRectF(left, _MIDDLE + _THUMB, wide, self.height() - _MIDDLE - _THUMB)
            if any(place.adjusted(-5, 0, 5, 0).intersects(other) for other in taken):
                continue
            taken.append(place)
            painter.setFont(font)
            painter.setPen(self._theme.color("accent" if chosen else "ink3"))
            painter.drawText(place, Qt.AlignmentFlag.AlignCenter, text)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton and self._steps:
            self._choose(self._nearest(event.position().x()))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if event.buttons() & Qt.MouseButton.LeftButton and self._steps:
            self._choose(self._nearest(event.position().x()))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        last = len(self._steps) - 1
        at = self._steps.index(self._current) if self._current is not None else None
        targets = {
            Qt.Key.Key_Left: last if at is None else max(at - 1, 0),
            Qt.Key.Key_Right: 0 if at is None else min(at + 1, last),
            Qt.Key.Key_Home: 0,
            Qt.Key.Key_End: last,
        }
        if event.key() in targets and self._steps:
            self._choose(self._steps[targets[Qt.Key(event.key())]])
        else:
            super().keyPressEvent(event)

    def _nearest(self, x: float) -> int:
        return min(self._steps, key=lambda step: abs(self.x_of(step) - x))

    def _choose(self, step: int) -> None:
        if step != self._current:
            self._current = step
            self._describe()
            self.update()
            self.chosen.emit(step)

    def _describe(self) -> None:
        count = len(self._steps)
        text = "1 checkpoint" if count == 1 else f"{count:,} checkpoints"
        if self._current is not None:
            text += f", step {self._current:,} is shown"
        self.setAccessibleDescription(text)

    @Slot()
    def _on_theme(self) -> None:
        self.update()
