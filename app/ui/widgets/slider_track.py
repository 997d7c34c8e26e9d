"""The painted track and thumb of a slider field."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QWheelEvent
from PySide6.QtWidgets import QAbstractSlider, QSizePolicy, QWidget

from app.ui.theme import Theme
from app.ui.widgets.painting import fill_round

POSITIONS = 1000
_THUMB = 14.0
_TRACK = 4.0


class SliderTrack(QAbstractSlider):
    """A track that shows an exact place 0..1, so that a typed value between two steps is where it belongs.

    `dragged(place)` for the mouse, `stepped(steps)` for keys and the wheel (while focused), `reset_wanted` for Delete
    and Backspace. The integer value of the base class follows the place for screen readers.
    """

    dragged = Signal(float)
    stepped = Signal(int)
    jumped = Signal(bool)
    reset_wanted = Signal()
    focus_changed = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._place = 0.0
        self._default: float | None = None
        self._off = False
        self.keyboard_focus = False
        self.setRange(0, POSITIONS)
        self.setOrientation(Qt.Orientation.Horizontal)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_place(self, place: float, default: float | None, off: bool) -> None:
        """Put the thumb at a place 0..1, the tick at the default's, and grey the ring when off."""
        self._place, self._default, self._off = place, default, off
        self.setValue(round(place * POSITIONS))
        self.update()

    def place(self) -> float:
        """Where the thumb stands, 0..1."""
        return self._place

    def x_of(self, place: float) -> float:
        """The thumb's centre in pixels at a place 0..1."""
        return _THUMB / 2 + place * max(self.width() - _THUMB, 1.0)

    def sizeHint(self) -> QSize:
        return QSize(140, 24)

    def minimumSizeHint(self) -> QSize:
        return QSize(60, 24)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        active = self.isEnabled() and not self._off
        strong = self._theme.color("accent" if active else "line2")
        middle, thumb_x = self.height() / 2, self.x_of(self._place)
        fill_round(painter, QRectF(0, middle - _TRACK / 2, self.width(), _TRACK), 2, self._theme.color("line"))
        if active:
            fill_round(painter, QRectF(0, middle - _TRACK / 2, thumb_x, _TRACK), 2, strong)
        if self._default is not None:
            tick = self.x_of(self._default)
            painter.setPen(QPen(self._theme.color("line2"), 1.5))
            painter.drawLine(QPointF(tick, middle - 5), QPointF(tick, middle + 5))
        painter.setPen(QPen(strong, 2.0))
        painter.setBrush(self._theme.color("surface"))
        painter.drawEllipse(QPointF(thumb_x, middle), _THUMB / 2 - 1, _THUMB / 2 - 1)
        painter.end()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self.setSliderDown(True)
            self._drag(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self.isSliderDown():
            self._drag(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self.setSliderDown(False)

    def wheelEvent(self, event: QWheelEvent) -> None:
        # Only while focused: a wheel that scrolls the panel must not change a setting under the pointer.
        notches = round(event.angleDelta().y() / 120)
        if self.hasFocus() and notches:
            self.stepped.emit(notches)
            event.accept()
        else:
            event.ignore()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        steps = {
            Qt.Key.Key_Left: -1,
            Qt.Key.Key_Down: -1,
            Qt.Key.Key_Right: 1,
            Qt.Key.Key_Up: 1,
            Qt.Key.Key_PageDown: -10,
            Qt.Key.Key_PageUp: 10,
        }
        if event.key() in steps:
            self.stepped.emit(steps[Qt.Key(event.key())])
        elif event.key() in (Qt.Key.Key_Home, Qt.Key.Key_End):
            self.jumped.emit(event.key() == Qt.Key.Key_End)
        elif event.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self.reset_wanted.emit()
        else:
            event.ignore()

    def focusInEvent(self, event: QFocusEvent) -> None:
        self.keyboard_focus = event.reason() != Qt.FocusReason.MouseFocusReason
        self.focus_changed.emit()
        super().focusInEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        self.keyboard_focus = False
        self.focus_changed.emit()
        super().focusOutEvent(event)

    def _drag(self, event: QMouseEvent) -> None:
        place = (event.position().x() - _THUMB / 2) / max(self.width() - _THUMB, 1.0)
        self.dragged.emit(min(max(place, 0.0), 1.0))
