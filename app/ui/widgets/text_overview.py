"""A whole text as a slim strip: how surprised a model was along it, and which part of it is open."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QEvent, QRectF, QSize, Qt, Signal, Slot
from PySide6.QtGui import QHelpEvent, QImage, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from app.ui.theme import Theme
from app.ui.widgets.number_text import number, percent_text, signed_number
from app.ui.widgets.painting import outline_round
from app.ui.widgets.surprise_colours import BOTH, DIFFERENCE, map_name, map_place

_HEIGHT, _STRIP = 24, 14
_TOP = (_HEIGHT - _STRIP) // 2
_SMALLEST_FRAME = 8.0
_STEP = 0.05
"""How far a key goes where no part of the text is framed."""


class TextOverview(QWidget):
    """Mean bits per byte in as many columns as pixels; the open page is framed.

    `place_chosen(share)` for a click, for dragging and for the keys: a place of the text, 0..1, that wants to be seen.
    """

    place_chosen = Signal(float)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._values = np.zeros(0)
        self._mode = BOTH
        self._place: tuple[float, float] | None = None
        self.setFixedHeight(_HEIGHT)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setAccessibleName("Surprise along the whole text")
        theme.changed.connect(self._on_theme)
        self._describe()

    def set_values(self, values: np.ndarray | None, mode: str = BOTH) -> None:
        """Show bits per byte, float `[part]` in parts of equal length, NaN where nothing was scored; None for nothing.

        In the mode DIFFERENCE they are A − B.
        """
        self._values = np.zeros(0) if values is None else np.asarray(values, dtype=np.float64)
        self._mode = mode
        self._describe()
        self.update()

    def set_place(self, start: float, stop: float) -> None:
        """Frame the part of the text that is open, both 0..1; emits nothing. `start` = `stop` frames none."""
        self._place = (min(max(start, 0.0), 1.0), min(max(stop, 0.0), 1.0)) if stop > start else None
        self._describe()
        self.update()

    def place(self) -> tuple[float, float] | None:
        """The part that is framed."""
        return self._place

    def columns(self) -> np.ndarray:
        """What each column of pixels shows: the mean of its part of the values, NaN where nothing was scored."""
        return column_means(self._values, max(self.width(), 1))

    def frame_rect(self) -> QRectF:
        """Where the frame is; empty without one. A short page has a frame that can still be seen."""
        if self._place is None:
            return QRectF()
        left, right = (share * self.width() for share in self._place)
        wide = max(right - left, _SMALLEST_FRAME)
        left = min(max((left + right - wide) / 2, 0.0), max(self.width() - wide, 0.0))
        return QRectF(left, 1, wide, _HEIGHT - 2)

    def sizeHint(self) -> QSize:
        return QSize(400, _HEIGHT)

    def minimumSizeHint(self) -> QSize:
        return QSize(80, _HEIGHT)

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        strip = QRectF(0, _TOP, self.width(), _STRIP)
        painter.fillRect(strip, self._theme.color("mask"))
        if self._values.size:
            painter.drawImage(strip, self._image())
        painter.setPen(QPen(self._theme.color("line"), 1))
        painter.drawRect(strip.adjusted(0.5, 0.5, -0.5, -0.5))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        frame = self.frame_rect()
        if not frame.isEmpty():
            # The halo keeps the frame in sight on every colour.
            outline_round(painter, frame, 3, self._theme.color("surface"), 4)
            outline_round(painter, frame, 3, self._theme.color("accent"), 2)
        if self.hasFocus():
            outline_round(painter, QRectF(self.rect()), 4, self._theme.color("accent"), 2)
        painter.end()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._choose(self._share(event.position().x()))
        else:
            super().mousePressEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if event.buttons() & Qt.MouseButton.LeftButton:
            self._choose(self._share(event.position().x()))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        start, stop = self._place if self._place is not None else (0.0, _STEP)
        step, middle = stop - start, (start + stop) / 2
        moves = {
            Qt.Key.Key_Left: middle - step,
            Qt.Key.Key_Right: middle + step,
            Qt.Key.Key_PageUp: middle - max(step, 0.1),
            Qt.Key.Key_PageDown: middle + max(step, 0.1),
            Qt.Key.Key_Home: 0.0,
            Qt.Key.Key_End: 1.0,
        }
        if event.key() in moves:
            self._choose(moves[Qt.Key(event.key())])
        else:
            super().keyPressEvent(event)

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            QToolTip.showText(event.globalPos(), self.describe_share(self._share(event.pos().x())), self)
            return True
        return super().event(event)

    def describe_share(self, share: float) -> str:
        """A place of the text in words: how far in, and its bits per byte."""
        where = f"{percent_text(share)} into the text"
        if not self._values.size:
            return where
        columns = self.columns()
        return f"{where} · {self._bits(float(columns[min(int(share * columns.size), columns.size - 1)]))}"

    def _image(self) -> QImage:
        columns = self.columns()
        lut = self._theme.lut(map_name(self._mode))
        hidden = self._theme.color("mask").getRgb()
        places = (
            hidden if np.isnan(value) else lut[round(map_place(self._mode, float(value), by_byte=True) * 255)]
            for value in columns
        )
        pixels = np.ascontiguousarray(np.array(list(places), dtype=np.uint8).reshape(1, -1, 4))
        return QImage(pixels.data, columns.size, 1, 4 * columns.size, QImage.Format.Format_RGBA8888).copy()

    def _share(self, x: float) -> float:
        return min(max(x / max(self.width(), 1), 0.0), 1.0)

    def _choose(self, share: float) -> None:
        if self._values.size:
            self.place_chosen.emit(min(max(share, 0.0), 1.0))

    def _bits(self, value: float) -> str:
        if np.isnan(value):
            return "not scored"
        return f"{signed_number(value, 2) if self._mode == DIFFERENCE else number(value, 2)} bits per byte"

    def _describe(self) -> None:
        if not self._values.size or np.isnan(self._values).all():
            self.setAccessibleDescription("Nothing has been measured yet.")
            return
        said = f"{self._bits(float(np.nanmean(self._values)))} on the whole"
        if self._place is not None:
            said += f"; open from {percent_text(self._place[0])} to {percent_text(self._place[1])}"
        self.setAccessibleDescription(said)

    @Slot()
    def _on_theme(self) -> None:
        self.update()


def column_means(values: np.ndarray, columns: int) -> np.ndarray:
    """Float `[column]`: the means of as many equal parts of `values`, NaN left out; parts may cut a value in two."""
    if not values.size:
        return np.full(columns, np.nan)
    known = ~np.isnan(values)
    sums = np.concatenate([[0.0], np.cumsum(np.where(known, values, 0.0))])
    counts = np.concatenate([[0.0], np.cumsum(known)])
    edges = np.linspace(0.0, values.size, columns + 1)
    whole = np.arange(values.size + 1)
    total, weight = (np.diff(np.interp(edges, whole, summed)) for summed in (sums, counts))
    return np.divide(total, weight, out=np.full(columns, np.nan), where=weight > 1e-9)
