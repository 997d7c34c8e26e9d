"""Whether a model is right as often as it is sure: accuracy by confidence, for one model or two."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Slot
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter
from PySide6.QtWidgets import QWidget

from app.ui.theme import Theme
from app.ui.widgets.chart_readout import ReadoutLine, draw_readout
from app.ui.widgets.chart_widget import ChartWidget
from app.ui.widgets.matrix_export import MatrixTable
from app.ui.widgets.reliability_picture import CalibrationShown, ReliabilityPicture

_EMPTY = "No values yet"
_BETWEEN = 16.0
_NOWHERE = (-1, -1)


class ReliabilityDiagram(ChartWidget):
    """Bars of accuracy per bin of confidence beside the diagonal, the gap hatched, the counts below.

    Two models stand side by side. A readout follows the pointer; Left and Right go through the bins that hold tokens.
    """

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(theme, parent)
        self._shown: list[CalibrationShown] = []
        self._laid_out: list[ReliabilityPicture] | None = None
        self._pointed = _NOWHERE
        self.setMinimumSize(240, 204)
        self.setAccessibleName("Calibration: how often the model is right when it is sure")
        self._describe()

    def sizeHint(self) -> QSize:
        return QSize(560, 300)

    def set_calibrations(self, shown: Sequence[CalibrationShown]) -> None:
        """Show these models, side by side; none says that there is nothing yet."""
        self._shown = list(shown)
        self._pointed = _NOWHERE
        self.setMinimumWidth(240 * max(len(self._shown), 1))
        self._describe()
        self._repaint_all()

    def pointed(self) -> tuple[int, int]:
        """The model and the bin that the readout tells of, counted from 0; (−1, −1) without one."""
        return self._pointed

    def readout(self) -> list[tuple[str, str]]:
        """The numbers of the pointed bin by name."""
        model, index = self._pointed
        return self._shown[model].bin_lines(index) if model >= 0 else []

    def laid_out(self) -> list[ReliabilityPicture]:
        """One picture a model, for the size now."""
        if self._laid_out is None:
            count = max(len(self._shown), 1)
            wide = (self.width() - (count - 1) * _BETWEEN) / count
            self._laid_out = [
                ReliabilityPicture(self._theme, each, QRectF(place * (wide + _BETWEEN), 0.0, wide, self.height()))
                for place, each in enumerate(self._shown)
            ]
        return self._laid_out

    def table(self) -> MatrixTable:
        """One row a bin of each model: its ends, how many tokens, the mean confidence, the share that was right."""
        labels = [
            f"{each.slot} {each.name} {index}".strip()
            for each in self._shown
            for index in range(len(each.calibration.count))
        ]
        parts = [
            np.stack([c.edges[:-1], c.edges[1:], c.count, c.confidence, c.accuracy], axis=1)
            for c in (each.calibration for each in self._shown)
        ]
        values = np.concatenate(parts) if parts else np.zeros((0, 5))
        return MatrixTable("model and bin", labels, ["from", "to", "tokens", "confidence", "accuracy"], values)

    @Slot()
    def _repaint_all(self) -> None:
        self._laid_out = None
        super()._repaint_all()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._point_at(self._under(event.position()))

    def leaveEvent(self, event: QEvent) -> None:
        self._point_at(_NOWHERE)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        steps = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}
        if event.key() in steps:
            self._step(steps[Qt.Key(event.key())])
        elif event.key() == Qt.Key.Key_Escape and self._pointed != _NOWHERE:
            self._point_at(_NOWHERE)
        else:
            super().keyPressEvent(event)

    def _under(self, position: QPointF) -> tuple[int, int]:
        for model, picture in enumerate(self.laid_out()):
            index = picture.bin_at(position)
            if index >= 0:
                return model, index
        return _NOWHERE

    def _step(self, step: int) -> None:
        """To the next bin that holds tokens, from one model on to the other."""
        bins = [(model, index) for model, each in enumerate(self._shown) for index in each.filled()]
        ahead = [each for each in bins if (each > self._pointed if step > 0 else each < self._pointed)]
        if self._pointed == _NOWHERE:
            ahead = bins
        if ahead:
            self._point_at(ahead[0] if step > 0 else ahead[-1])

    def _point_at(self, place: tuple[int, int]) -> None:
        if place != self._pointed:
            self._pointed = place
            self._describe()
            self.update()

    def _file_stem(self) -> str:
        return "calibration"

    def _describe(self) -> None:
        """Say what is seen, for screen readers."""
        model, index = self._pointed
        if model >= 0:
            shown = self._shown[model]
            values = ", ".join(f"{name} {value}".strip() for name, value in shown.bin_lines(index))
            self.setAccessibleDescription(f"{shown.slot} {shown.name}, {shown.range_words(index)}: {values}".strip())
            return
        said = (f"{each.slot} {each.name}: {each.words()}".strip() for each in self._shown)
        self.setAccessibleDescription("; ".join(said) or _EMPTY)

    def _paint_still(self, painter: QPainter) -> None:
        for picture in self.laid_out():
            picture.paint(painter)
        if not self._shown:
            painter.setFont(self._theme.font(12))
            painter.setPen(self._theme.color("ink3"))
            painter.drawText(self.rect(), int(Qt.AlignmentFlag.AlignCenter), _EMPTY)

    def _paint_moving(self, painter: QPainter) -> None:
        model, index = self._pointed
        if model < 0:
            return
        picture = self.laid_out()[model]
        picture.mark(painter, index)
        lines = [ReadoutLine(name, value) for name, value in self.readout()]
        column = picture.column(index)
        # Bars are shorter on the left, so the box of a high bin covers less of the data there.
        high = column.center().x() > picture.plot.center().x()
        room = QRectF(2.0, picture.plot.top() + 2.0, self.width() - 4.0, self.height())
        title = self._shown[model].range_words(index)
        draw_readout(painter, self._theme, title, lines, (column.left(), column.right()), room, left_first=high)
