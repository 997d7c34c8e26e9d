"""One of two attention patterns that stand side by side, or the difference of the two."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

import numpy as np
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QPainter, QPen
from PySide6.QtWidgets import QWidget

from app.ui.theme import Theme
from app.ui.widgets import matrix_labels as axis_labels
from app.ui.widgets.matrix_export import MatrixTable
from app.ui.widgets.matrix_image import probability_colours, signed_colours
from app.ui.widgets.matrix_marks import draw_cell_ring
from app.ui.widgets.matrix_pointing import PointedMatrix
from app.ui.widgets.matrix_view import NOWHERE
from app.ui.widgets.number_text import percent_text, signed_number

_MOST_OVERHANG = 0.25
"""Slanted labels that would take more than this share of the width are left out: the cells need the room."""


class ComparedMap(PointedMatrix):
    """Weights 0..1 `[query, key]`. The rows have labels in the first map only; those beside it share them."""

    _most_blocks = (256, 256)

    def __init__(self, theme: Theme, name: str, labelled: bool = False, parent: QWidget | None = None) -> None:
        super().__init__(theme, parent)
        self._labelled = labelled
        self._columns_shown = True
        self._limit = 1.0
        self._widest = 0.0
        self.setMinimumSize(60, 60)
        self.setAccessibleName(name)
        self.set_title(name)

    def set_weights(
        self,
        values: np.ndarray,
        visible: np.ndarray,
        rows: Sequence[str],
        columns: Sequence[str],
        limit: float = 1.0,
    ) -> None:
        """Show float32 `[query, key]` where `visible`; labels are shown as they are, `limit` is the scale's end."""
        self._limit = limit
        self._widest = axis_labels.widest_label(columns, self._theme.font(12, mono=True))
        self._set_matrix(np.where(visible, values, -np.inf).astype(np.float32), rows, columns)

    def label_room(self) -> float:
        """Pixels that the labels of the rows take."""
        rows = axis_labels.widest_label(self._row_labels, self._theme.font(12, 650, mono=True))
        return rows + 20.0 if self._labelled else 4.0

    def value(self, row: int, column: int) -> float:
        """A weight, −∞ where it is masked."""
        return float(self._levels.values[row, column])

    def show_columns(self, shown: bool) -> None:
        """Whether the columns have labels, too."""
        if shown != self._columns_shown:
            self._columns_shown = shown
            self._layout()

    def labels_fit(self, width: float) -> bool:
        """Whether a map of this width has room for labels of its columns."""
        overhang = axis_labels.column_label_overhang(self._widest)
        return overhang <= _MOST_OVERHANG * (width - self.label_room())

    def needed_height(self, width: int, most: int) -> int:
        """The height at which a map of this width has no empty room under its cells, at most `most`."""
        left, top, right, bottom = self._margins()
        cell, _ = self._fit(max(most - top - bottom, 1.0), max(width - left - right, 1.0))
        return min(ceil(round(top) + self._levels.values.shape[0] * cell + bottom), most)

    def cell_at(self, width: float, height: float, labels: bool) -> float:
        """Pixels of a cell's side in a map of this size, with or without labels of its columns."""
        left, top, right, bottom = self._margins(labels)
        return self._fit(max(height - top - bottom, 1.0), max(width - left - right, 1.0))[0]

    def plot_rect(self) -> QRectF:
        """Where the cells are."""
        return self._plot()

    # Layout and colours

    def _margins(self, labels: bool | None = None) -> tuple[float, float, float, float]:
        if not (self._columns_shown if labels is None else labels):
            return self.label_room(), 2.0, 4.0, 2.0
        high = axis_labels.column_label_height(self._widest) + 4.0
        return self.label_room(), high, axis_labels.column_label_overhang(self._widest) + 4.0, 2.0

    def _fit(self, height: float, width: float) -> tuple[float, float]:
        rows, columns = self._levels.values.shape
        cell = min(height / rows, width / columns, self._largest_cells[0])
        return cell, cell

    def _colours(self, values: np.ndarray) -> np.ndarray:
        return probability_colours(values, self._theme.lut("probability"), self._theme.color("err"))

    # Painting

    def _paint_around(self, painter: QPainter) -> None:
        plot = self._plot()
        if self._labelled:
            axis_labels.draw_row_labels(painter, self._theme, self._rows, self._row_labels, plot.left())
        if self._columns_shown:
            axis_labels.draw_column_labels(painter, self._theme, self._columns, self._column_labels, plot.top())

    def _paint_marks(self, painter: QPainter) -> None:
        row, column = self._hover if self._hover != NOWHERE else self._selected
        plot, theme = self._plot(), self._theme
        if row >= 0 and self._labelled:
            axis_labels.draw_row_mark(painter, theme, self._rows, self._row_labels, row, plot.left())
        if column >= 0 and self._columns_shown:
            axis_labels.draw_column_mark(painter, theme, self._columns, self._column_labels, column, plot.top())
        if self._inside(*self._selected):
            draw_cell_ring(painter, theme, plot, self.cell_rect(*self._selected))
        if self._hover not in (NOWHERE, self._selected):
            painter.setPen(QPen(theme.color("ink"), 1.0))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(self.cell_rect(*self._hover).adjusted(-0.5, -0.5, 0.5, 0.5))

    # Words and numbers

    def _number(self, value: float) -> str:
        return percent_text(value)

    def _describe(self) -> str:
        row, column = self._hover if self._hover != NOWHERE else self._selected
        if not self._inside(row, column):
            rows, columns = self._levels.values.shape
            return f"{self._title}: " + ("nothing to show" if self._empty else f"{rows} tokens to {columns}")
        value = self.value(row, column)
        words = "masked" if np.isneginf(value) else self._number(value)
        return f"{self._title}: {self._row_labels[row]} to {self._column_labels[column]}, {words}"

    def _table(self) -> MatrixTable:
        return MatrixTable("from \\ to", self._row_labels, self._column_labels, self._levels.values)


class DifferenceMap(ComparedMap):
    """B's weights less A's on the map of A against B: violet where A looks more, orange where B does."""

    _signed = True

    def _colours(self, values: np.ndarray) -> np.ndarray:
        return signed_colours(values, self._limit, self._theme.lut("against"), self._theme.color("err"))

    def _number(self, value: float) -> str:
        return f"{signed_number(100.0 * value, 1)} points"
