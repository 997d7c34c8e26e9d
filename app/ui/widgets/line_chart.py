"""Lines over a common axis: loss along a text, loss while training."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal, Slot
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPen
from PySide6.QtWidgets import QWidget

from app.engine.evaluate.records import Curve
from app.ui.theme import Theme
from app.ui.widgets.chart_axes import RightAxis, place_text, value_text
from app.ui.widgets.chart_lines import LineStyle, usual_styles
from app.ui.widgets.chart_points import curve_name, curves_table, nearest_place, next_place
from app.ui.widgets.chart_readout import ReadoutLine, draw_readout
from app.ui.widgets.chart_widget import ChartWidget
from app.ui.widgets.line_picture import LinePicture, Lines, Marks, Shade
from app.ui.widgets.matrix_export import MatrixTable

_EMPTY = "No values yet"
_REACH = 6.0
"""Pixels around the plot that still point at something."""
_STEPS = {
    Qt.Key.Key_Left: -1.0,
    Qt.Key.Key_Right: 1.0,
    Qt.Key.Key_PageUp: -0.1,
    Qt.Key.Key_PageDown: 0.1,
    Qt.Key.Key_Home: -2.0,
    Qt.Key.Key_End: 2.0,
}
"""Arrows go to the next point that is a pixel away; the others go by shares of the axis."""


class LineChart(ChartWidget):
    """Curves with their names at the right end. A readout follows the pointer and the arrow keys, from point to point.

    `set_curves` may come many times a second. Esc puts the readout away.
    """

    place_chosen = Signal(float)
    """The `x` of the point that was clicked, or that Enter was pressed on."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(theme, parent)
        self._lines = Lines((), (), ("", ""))
        self._laid_out: LinePicture | None = None
        self._pointed: float | None = None
        self._marked: float | None = None
        self.setMinimumSize(240, 110)
        self._describe()

    def sizeHint(self) -> QSize:
        return QSize(640, 180)

    def set_curves(
        self,
        curves: Sequence[Curve],
        x_label: str,
        y_label: str,
        *,
        shade: Shade | None = None,
        log: bool = False,
        doubling: bool = False,
        styles: Sequence[LineStyle] | None = None,
        right: RightAxis | None = None,
        marks: Marks | None = None,
    ) -> None:
        """Show these curves, each with ascending `x`. `x_label` is the unit of `x`: "bytes", "steps".

        A shaded stretch lengthens the axis where it reaches further. On a logarithmic axis values up to zero are
        gaps. `doubling` makes the horizontal axis, then all above zero, logarithmic with ticks at powers of two.
        Without `styles` the models' own are used. `marks` can be pointed at and chosen like points.
        """
        chosen = usual_styles(curves) if styles is None else styles
        self._lines = Lines(
            curves, chosen, (x_label, y_label), shade, log=log, doubling=doubling, right=right, marks=marks
        )
        if self._pointed is not None:
            marked = self._pointed in self._lines.marks.places
            self._pointed = self._pointed if marked else nearest_place(self._lines.places, self._pointed)
        self._describe()
        self._repaint_all()

    def set_marked(self, x: float | None) -> None:
        """Mark a place with a line; None removes it."""
        self._marked = x
        self._repaint_all()

    def marked(self) -> float | None:
        """The place that is marked."""
        return self._marked

    def pointed(self) -> float | None:
        """The `x` of the point that the readout tells of; None without a readout."""
        return self._pointed

    def readout(self) -> list[tuple[str, str]]:
        """Every curve's name and number at the pointed place: "≈" between two points, "–" where there is none."""
        if self._pointed is None:
            return []
        found = []
        for index, curve in enumerate(self._lines.curves):
            value, exact = self._lines.value(index, self._pointed)
            words = "–" if np.isnan(value) else value_text(value) if exact else f"≈{value_text(value)}"
            found.append((curve_name(curve), words))
        return found

    def table(self) -> MatrixTable:
        return curves_table(self._lines.curves, self._lines.x_label or "x")

    def laid_out(self) -> LinePicture:
        """The picture for the size now: its plot, scales, ticks and names."""
        if self._laid_out is None:
            self._laid_out = LinePicture(self._theme, self._lines, self.size(), self._marked)
        return self._laid_out

    @Slot()
    def _repaint_all(self) -> None:
        self._laid_out = None
        super()._repaint_all()

    # Pointing

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._point_at(self._under(event.position()))

    def leaveEvent(self, event: QEvent) -> None:
        self._point_at(None)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        place = self._under(event.position())
        if event.button() != Qt.MouseButton.LeftButton or place is None:
            event.ignore()
            return
        self._point_at(place)
        self.place_chosen.emit(place)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in _STEPS and self._lines.ends is not None:
            self._step(_STEPS[Qt.Key(event.key())])
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self._pointed is not None:
            self.place_chosen.emit(self._pointed)
        elif event.key() == Qt.Key.Key_Escape and self._pointed is not None:
            self._point_at(None)
        else:
            super().keyPressEvent(event)

    def _step(self, step: float) -> None:
        x, places = self.laid_out().x, self._lines.places
        if self._pointed is None:
            # The keys begin at the marked place, else at the end that they go away from.
            end = x.low if step in (1.0, 0.1, -2.0) else x.high
            self._point_at(nearest_place(places, end if self._marked is None else self._marked))
            return
        pixels = step if abs(step) == 1.0 else step * (x.end - x.begin)
        reach = x.value(x.pixel(self._pointed) + pixels) - self._pointed
        place = next_place(places, self._pointed, reach)
        if place is not None:
            self._point_at(place)

    def _under(self, position: QPointF) -> float | None:
        """The point nearest to a position in the plot; None outside it."""
        around = self.laid_out().plot.adjusted(-_REACH, -_REACH, _REACH, _REACH)
        if not around.contains(position):
            return None
        for mark, rect in zip(self._lines.marks.places, self.laid_out().mark_rects(), strict=True):
            if rect.adjusted(-2.0, -2.0, 2.0, _REACH).contains(position):
                return mark
        return nearest_place(self._lines.places, self.laid_out().x.value(position.x()))

    def _point_at(self, place: float | None) -> None:
        if place != self._pointed:
            self._pointed = place
            self._describe()
            self.update()

    # Words

    def _file_stem(self) -> str:
        return (self._lines.y_label or "chart").replace(",", "").replace(" ", "-").replace("/", "-")

    def _describe(self) -> None:
        """Say what is seen, for screen readers."""
        lines = self._lines
        self.setAccessibleName(f"{lines.y_label} by {lines.x_label}" if lines.y_label and lines.x_label else "Chart")
        if lines.ends is None:
            self.setAccessibleDescription(_EMPTY)
        elif self._pointed is not None:
            spoken = {"–": "no value"}
            values = (f"{name} {spoken.get(words, words.replace('≈', 'about '))}" for name, words in self.readout())
            self.setAccessibleDescription(f"At {self._place_words()}: {', '.join(values)}")
        else:
            self.setAccessibleDescription("; ".join(self._ends_words(index) for index in range(len(lines.curves))))

    def _ends_words(self, index: int) -> str:
        """ "A story-gpt from 2.3 to 0.9"."""
        lines, name = self._lines, curve_name(self._lines.curves[index])
        if not len(lines.places[index]):
            return f"{name} without values"
        first, _ = lines.value(index, float(lines.places[index][0]))
        return f"{name} from {value_text(first)} to {value_text(lines.last(index))}"

    def _place_words(self) -> str:
        words, marks = f"{place_text(self._pointed or 0.0)} {self._lines.x_label}".strip(), self._lines.marks
        return f"{words}, {marks.word}" if marks.word and self._pointed in marks.places else words

    # Painting

    def _paint_still(self, painter: QPainter) -> None:
        if self._lines.ends is not None:
            self.laid_out().paint(painter)
            return
        painter.setFont(self._theme.font(12))
        painter.setPen(self._theme.color("ink3"))
        painter.drawText(self.rect(), int(Qt.AlignmentFlag.AlignCenter), _EMPTY)

    def _paint_moving(self, painter: QPainter) -> None:
        if self._pointed is None:
            return
        picture, styles = self.laid_out(), self._lines.styles
        plot, at = picture.plot, picture.x.pixel(self._pointed)
        painter.setPen(QPen(self._theme.color("ink2"), 1.0))
        painter.drawLine(QPointF(at, plot.top()), QPointF(at, plot.bottom()))
        for index, style in enumerate(styles):
            level = picture.y.pixel(self._lines.value(index, self._pointed)[0])
            if np.isfinite(level):
                painter.setPen(QPen(self._theme.color("surface"), 1.5))
                painter.setBrush(self._theme.color(style.colour))
                painter.drawEllipse(QPointF(at, level), 4.0, 4.0)
        lines = [ReadoutLine(name, value, style) for (name, value), style in zip(self.readout(), styles, strict=True)]
        room = QRectF(2.0, max(plot.top() - 4.0, 1.0), self.width() - 4.0, self.height())
        draw_readout(painter, self._theme, self._place_words(), lines, (at, at), room)
