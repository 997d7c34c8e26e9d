"""A number for every layer and head, or for every layer and module: as coloured cells, or as bars."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QFontMetricsF, QPainter, QPen
from PySide6.QtWidgets import QWidget

from app.ui.theme import Theme, text_on
from app.ui.widgets import matrix_labels as axis_labels
from app.ui.widgets.matrix_export import MatrixTable
from app.ui.widgets.matrix_geometry import label_step
from app.ui.widgets.matrix_image import draw_colour_bar, opaque, probability_colours
from app.ui.widgets.matrix_marks import draw_cell_ring
from app.ui.widgets.matrix_pointing import PointedMatrix
from app.ui.widgets.matrix_view import NOWHERE
from app.ui.widgets.number_text import number, percent_text, short_number
from app.ui.widgets.painting import fill_round

_LEGEND = 72.0
_BELOW = 38.0
_VALUE_CELL = (34.0, 17.0)
"""Smallest width and height of a cell in pixels in which its number is printed."""
_LINE = 18.0
_MOST_SLANTED = 0.4
"""Slanted names that would take more than this share of the height are left to the readout."""
_CENTRE = int(Qt.AlignmentFlag.AlignCenter)
_LEFT = int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
_RIGHT = int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
Words = Callable[[int, int], str]


class LayerGrid(PointedMatrix):
    """Values from 0 to a limit, layers down. What is missing is hatched and cannot be chosen.

    `clicked(row, column)` as for every matrix; a readout under the cells says what is pointed at, else what is chosen.
    """

    _most_blocks = (512, 512)
    _largest_cells = (56.0, 56.0)

    def __init__(self, theme: Theme, name: str, unit: str, parent: QWidget | None = None) -> None:
        super().__init__(theme, parent)
        self._unit = unit
        self._limit = 1.0
        self._words: Words = lambda _row, _column: ""
        self._label_width = 0.0
        self.setAccessibleName(name)

    def set_values(
        self,
        values: np.ndarray,
        row_labels: Sequence[str],
        column_labels: Sequence[str],
        limit: float,
        words: Words,
    ) -> None:
        """Show float32 `[row, column]`, NaN where there is none; `limit` is the end of the scale, `words` what the
        readout says of a cell."""
        values = np.asarray(values, dtype=np.float32)
        self._limit, self._words = limit, words
        self._label_width = axis_labels.widest_label(row_labels, self._theme.font(12, 650, mono=True))
        selected = self._selected
        self._set_matrix(np.where(np.isnan(values), np.float32(-np.inf), values), row_labels, column_labels)
        self.set_selected(*(selected if self._holds(*selected) else NOWHERE))

    def clear(self) -> None:
        """Show nothing."""
        self.set_values(np.zeros((0, 0)), [], [], 1.0, lambda _row, _column: "")

    def limit(self) -> float:
        """The value at the end of the scale."""
        return self._limit

    def widest(self) -> int:
        """Pixels that the grid takes with the largest cells."""
        left, _, right, _ = self._margins()
        return round(left + right + len(self._column_labels) * self._largest_cells[1])

    def readout(self) -> str:
        """What is said of the cell that is pointed at, else of the chosen one; "" for none."""
        row, column = self._hover if self._hover != NOWHERE else self._selected
        if not self._inside(row, column):
            return ""
        return self._words(row, column)

    def choose(self, row: int, column: int) -> None:
        """Mark a cell as a click on it does; an empty place stays as it is."""
        if self._holds(row, column):
            super().choose(row, column)

    def _holds(self, row: int, column: int) -> bool:
        return self._inside(row, column) and not np.isneginf(self._levels.values[row, column])

    # Layout and colours

    def _margins(self) -> tuple[float, float, float, float]:
        return self._label_width + 20.0, _LINE + 4.0, 8.0, _BELOW

    def _fit(self, height: float, width: float) -> tuple[float, float]:
        rows, columns = self._levels.values.shape
        # Few cells may be wider than high, so that they fill their panel and hold a number.
        return min(height / rows, self._largest_cells[0]), min(width / columns, self._largest_cells[1])

    def _colours(self, values: np.ndarray) -> np.ndarray:
        return probability_colours(values / self._limit, self._theme.lut("probability"), self._theme.color("err"))

    # Painting

    def _paint_around(self, painter: QPainter) -> None:
        plot = self._plot()
        axis_labels.draw_row_labels(painter, self._theme, self._rows, self._row_labels, plot.left())
        self._paint_columns(painter, plot)
        painter.save()
        painter.setClipRect(plot)
        self._paint_cells(painter)
        painter.restore()
        self._paint_legend(painter, plot)

    def _paint_columns(self, painter: QPainter, plot: QRectF) -> None:
        painter.setFont(self._theme.font(12, mono=True))
        painter.setPen(self._theme.color("ink"))
        metrics = QFontMetricsF(painter.font())
        widest = max((metrics.horizontalAdvance(text) for text in self._column_labels), default=0.0)
        first, last = self._columns.visible
        step = label_step(self._columns.cell, widest + 6.0)
        for column in range(-(-first // step) * step, last, step):
            middle = self._columns.centre(column)
            if plot.left() <= middle <= plot.right():
                place = QRectF(middle - widest, plot.top() - _LINE, 2 * widest, _LINE - 2.0)
                painter.drawText(place, _CENTRE, self._column_labels[column])

    def _paint_cells(self, painter: QPainter) -> None:
        if self._columns.cell < _VALUE_CELL[0] or self._rows.cell < _VALUE_CELL[1]:
            return
        painter.setFont(self._theme.font(11, mono=True))
        for row, column, value in self._shown():
            painter.setPen(text_on(self._theme.map_color("probability", value / self._limit)))
            painter.drawText(self.cell_rect(row, column), _CENTRE, _bare(value))

    def _shown(self) -> list[tuple[int, int, float]]:
        """Row, column and value of every cell in view that has one."""
        (top, bottom), (left, right) = self._rows.visible, self._columns.visible
        values = self._levels.values[top:bottom, left:right]
        places = np.argwhere(~np.isneginf(values))
        return [(top + int(row), left + int(column), float(values[row, column])) for row, column in places]

    def _paint_legend(self, painter: QPainter, plot: QRectF) -> None:
        colours = probability_colours(
            np.linspace(0.0, 1.0, 256, dtype=np.float32), self._theme.lut("probability"), self._theme.color("err")
        )
        painter.setFont(self._theme.font(11))
        painter.setPen(self._theme.color("ink3"))
        bar = QRectF(plot.left() + 12.0, plot.bottom() + 7.0, _LEGEND, 9.0)
        draw_colour_bar(painter, bar, colours, self._theme.color("line2"))
        painter.drawText(QRectF(plot.left(), bar.top() - 3.0, 12.0, 15.0), _LEFT, "0")
        end = QRectF(bar.right() + 6.0, bar.top() - 3.0, max(self.width() - bar.right() - 6.0, 1.0), 15.0)
        painter.drawText(end, _LEFT, f"{self._limit:g} {self._unit}")

    def _paint_marks(self, painter: QPainter) -> None:
        row, column = self._hover if self._hover != NOWHERE else self._selected
        plot = self._plot()
        if self._inside(row, column):
            axis_labels.draw_row_mark(painter, self._theme, self._rows, self._row_labels, row, plot.left())
        if self._inside(*self._selected):
            draw_cell_ring(painter, self._theme, plot, self.cell_rect(*self._selected))
        if self._hover not in (NOWHERE, self._selected):
            painter.setPen(QPen(self._theme.color("ink"), 1.0))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(self.cell_rect(*self._hover).adjusted(-0.5, -0.5, 0.5, 0.5))
        self._paint_readout(painter)

    def _readout_room(self) -> QRectF:
        left = self._plot().left()
        return QRectF(left, self._plot().bottom() + 21.0, max(1.0, self.width() - left - 4.0), 16.0)

    def _paint_readout(self, painter: QPainter) -> None:
        place = self._readout_room()
        painter.setFont(self._theme.font(12))
        painter.setPen(self._theme.color("ink"))
        text = QFontMetricsF(painter.font()).elidedText(
            self.readout(), Qt.TextElideMode.ElideRight, max(1.0, place.width())
        )
        painter.drawText(place, _LEFT, text)

    # Words and numbers

    def _describe(self) -> str:
        start = f"{self._title}: " if self._title else ""
        if self._empty:
            return f"{start}nothing to show"
        rows, columns = self._levels.values.shape
        return start + (
            self.readout() or f"{rows} by {columns} values from 0 to {short_number(self._limit)} {self._unit}"
        )

    def _table(self) -> MatrixTable:
        return MatrixTable(f"block \\ {self._unit}", self._row_labels, self._column_labels, self._levels.values)


class LayerBars(LayerGrid):
    """The same with shares as bars, one in every cell: for numbers that are no divergence."""

    _largest_cells = (44.0, 260.0)

    def _margins(self) -> tuple[float, float, float, float]:
        left, top, right, _ = super()._margins()
        below = _LINE + 6.0
        if not self._slants():
            return left, top, right, below
        font = self._theme.font(12, 650, mono=True)
        widest = axis_labels.widest_label(self._column_labels, font)
        room = axis_labels.column_label_height(widest)
        if room > _MOST_SLANTED * self.height():
            return left, 4.0, right, below
        return left, room, axis_labels.column_label_overhang(widest), below

    def _slants(self) -> bool:
        """Whether the names of the columns are wider than these."""
        metrics = QFontMetricsF(self._theme.font(12, mono=True))
        widest = max((metrics.horizontalAdvance(text) for text in self._column_labels), default=0.0)
        room = self.width() - self._label_width - 26.0
        return widest + 6.0 > room / max(1, len(self._column_labels))

    def _paint_columns(self, painter: QPainter, plot: QRectF) -> None:
        if self._slants():
            if plot.top() > _LINE:
                axis_labels.draw_column_labels(painter, self._theme, self._columns, self._column_labels, plot.top())
        else:
            super()._paint_columns(painter, plot)

    def _colours(self, values: np.ndarray) -> np.ndarray:
        return np.where(np.isneginf(values), np.uint32(0), opaque(self._theme.color("sunken")))

    def _paint_cells(self, painter: QPainter) -> None:
        painter.setFont(self._theme.font(11, mono=True))
        metrics = QFontMetricsF(painter.font())
        room = metrics.horizontalAdvance("100.0%") + 10.0
        printed = self._columns.cell >= room + 30.0 and self._rows.cell >= metrics.height()
        for row, column, value in self._shown():
            cell = self.cell_rect(row, column)
            bar = cell.adjusted(2.0, cell.height() * 0.22, -room if printed else -2.0, -cell.height() * 0.22)
            length = bar.width() * min(value / self._limit, 1.0)
            fill_round(
                painter, QRectF(bar.left(), bar.top(), max(length, 1.0), bar.height()), 2, self._theme.color("line2")
            )
            if printed:
                painter.setPen(self._theme.color("ink"))
                painter.drawText(cell.adjusted(0.0, 0.0, -6.0, 0.0), _RIGHT, _share(value))

    def _paint_legend(self, painter: QPainter, plot: QRectF) -> None:
        """The numbers and the readout say it."""

    def _readout_room(self) -> QRectF:
        left = self._plot().left()
        return QRectF(left, self._plot().bottom() + 5.0, max(1.0, self.width() - left - 4.0), 16.0)


def _bare(value: float) -> str:
    """A divergence as it stands in a cell: ".034"."""
    return f"{value:.3f}".removeprefix("0") if value < 0.9995 else number(value, 2)


def _share(value: float) -> str:
    return "∞" if np.isinf(value) else percent_text(value)
