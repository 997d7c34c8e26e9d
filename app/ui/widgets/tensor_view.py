"""Any two-dimensional slice of a tensor as a picture about zero: rows are usually tokens, columns dimensions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QFontMetricsF, QPainter, QPen
from PySide6.QtWidgets import QWidget

from app.ui.theme import Theme
from app.ui.widgets import matrix_labels as axis_labels
from app.ui.widgets.matrix_export import MatrixTable
from app.ui.widgets.matrix_geometry import BINARY_STEPS, label_step, symmetric_limit
from app.ui.widgets.matrix_image import draw_colour_bar, packed, signed_colours
from app.ui.widgets.matrix_marks import draw_cell_ring, draw_clip_dots, draw_row_frame
from app.ui.widgets.matrix_pointing import PointedMatrix
from app.ui.widgets.matrix_view import NOWHERE
from app.ui.widgets.number_text import short_number
from app.ui.widgets.tensor_margins import column_means, draw_lengths, draw_means, row_lengths
from app.ui.widgets.token_text import visible_token

_SPACES = "␣▁"
_STRIP, _STRIP_GAP = 40.0, 8.0
_LENGTHS = 92.0
_BELOW = 66.0
_LEAST_LEFT = 84.0
_LEGEND_WIDTH = 212.0


class TensorView(PointedMatrix):
    """Values `[row, column]` on the signed map, clipped at the 99th percentile of |x|; clipped cells carry a dot.

    Above the cells stands the mean of every column, to the right the length (L2 norm) of every row. Many cells are
    pooled by the value of largest magnitude.
    """

    _signed = True
    _most_blocks = (256, 512)
    _largest_cells = (40.0, 40.0)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(theme, parent)
        self._limit = 1.0
        self._means = np.zeros(1)
        self._lengths = np.zeros(1)
        self._column_title = ""
        self._tokens = False
        self._clipped = False
        self._label_width = 0.0
        self.setAccessibleName("Tensor values")

    @property
    def limit(self) -> float:
        """The value at which the colours are clipped, the 99th percentile of |x|."""
        return self._limit

    def set_values(self, values: np.ndarray, row_labels: Sequence[str] | None, column_title: str) -> None:
        """Show float32 `[row, column]`, or `[column]` as one row. Masked scores are −inf and hatched.

        `row_labels` are the tokens' texts where rows are tokens, None otherwise (rows are numbered then);
        `column_title` says what columns are, for instance "dimension". Raises ValueError for more axes and for
        labels that do not fit.
        """
        values = np.asarray(values, dtype=np.float32)
        if values.ndim not in (1, 2):
            raise ValueError(f"A slice with one or two axes can be shown, not {values.ndim}.")
        values = values.reshape(1, -1) if values.ndim == 1 else values
        rows, columns = values.shape
        if row_labels is not None and len(row_labels) != rows:
            raise ValueError(f"{len(row_labels)} labels do not fit {rows} rows.")
        self._tokens = row_labels is not None
        numbered = [str(row) for row in range(rows)] if rows != 1 else [""]
        labels = [visible_token(text) for text in row_labels] if row_labels is not None else numbered
        self._column_title = column_title
        self._label_width = axis_labels.widest_label(labels, self._theme.font(12, 650, mono=True))
        self._limit = symmetric_limit(values)
        with np.errstate(invalid="ignore"):
            self._clipped = bool((np.isfinite(values) & (np.abs(values) > self._limit)).any())
        self._means, self._lengths = column_means(values), row_lengths(values)
        self._set_matrix(values, labels, [str(column) for column in range(columns)])

    # Layout and colours

    def _margins(self) -> tuple[float, float, float, float]:
        rows = self._levels.values.shape[0]
        strip = _STRIP + _STRIP_GAP + 6.0 if rows > 1 else 10.0
        return max(self._label_width + 20.0, _LEAST_LEFT), strip, _LENGTHS if rows > 1 else 16.0, _BELOW

    def _fit(self, height: float, width: float) -> tuple[float, float]:
        rows, columns = self._levels.values.shape
        return min(height / rows, 26.0), min(width / columns, 40.0)

    def _colours(self, values: np.ndarray) -> np.ndarray:
        return signed_colours(values, self._limit, self._theme.lut("signed"), self._theme.color("err"))

    # Painting

    def _paint_around(self, painter: QPainter) -> None:
        plot, theme = self._plot(), self._theme
        if len(self._row_labels) > 1 or self._tokens:
            if self._tokens:
                axis_labels.draw_row_labels(painter, theme, self._rows, self._row_labels, plot.left())
            else:
                axis_labels.draw_row_numbers(painter, theme, self._rows, plot.left())
        self._paint_column_numbers(painter, plot)
        if self._rows.count > 1:
            caption = "per dim" if self._column_title.startswith("dim") else "per column"
            strip = QRectF(plot.left(), plot.top() - _STRIP - _STRIP_GAP, plot.width(), _STRIP)
            draw_means(painter, theme, strip, self._columns, self._means, caption)
            side = QRectF(plot.right() + 10.0, plot.top(), _LENGTHS - 14.0, plot.height())
            draw_lengths(painter, theme, side, self._rows, self._lengths, "per token" if self._tokens else "per row")
        draw_clip_dots(painter, theme, (self._rows, self._columns), self._levels.values, self._limit)
        self._paint_legend(painter, plot)

    def _paint_column_numbers(self, painter: QPainter, plot: QRectF) -> None:
        painter.setFont(self._theme.font(11, mono=True))
        painter.setPen(self._theme.color("ink3"))
        room = QFontMetricsF(painter.font()).horizontalAdvance(str(self._columns.count)) + 24.0
        first, last = self._columns.visible
        step = label_step(self._columns.cell, room, BINARY_STEPS)
        shown = list(range(-(-first // step) * step, last, step))
        end = self._columns.count - 1
        if last > end and shown and shown[-1] != end:
            # The last dimension is always numbered; a neighbour that stands too close makes way.
            if self._columns.centre(end) - self._columns.centre(shown[-1]) < room:
                shown.pop()
            shown.append(end)
        for column in shown:
            place = QRectF(self._columns.centre(column) - 40.0, plot.bottom() + 5.0, 80.0, 14.0)
            painter.drawText(place, int(Qt.AlignmentFlag.AlignCenter), str(column))
        painter.setFont(self._theme.font(11))
        title = QRectF(4.0, plot.bottom() + 5.0, plot.left() - 14.0, 14.0)
        painter.drawText(title, int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter), self._column_title)

    def _paint_legend(self, painter: QPainter, plot: QRectF) -> None:
        theme = self._theme
        bar = QRectF(plot.left(), plot.bottom() + 28.0, self._legend_width(), 10.0)
        draw_colour_bar(painter, bar, packed(theme.lut("signed")), theme.color("line2"))
        painter.setFont(theme.font(11, mono=True))
        painter.setPen(theme.color("ink3"))
        limit = short_number(self._limit)
        line = bar.adjusted(0.0, 12.0, 0.0, 18.0)
        for text, side in ((f"−{limit}", "AlignLeft"), ("0", "AlignHCenter"), (f"+{limit}", "AlignRight")):
            painter.drawText(line, int(Qt.AlignmentFlag[side] | Qt.AlignmentFlag.AlignVCenter), text)
        note = self._note()
        x = bar.right() + 18.0
        if self._clipped:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.color("ink"))
            painter.drawEllipse(QRectF(x, bar.center().y() - 2.0, 4.0, 4.0))
            x += 10.0
        painter.setFont(theme.font(11))
        painter.setPen(theme.color("ink3"))
        place = QRectF(x, bar.center().y() - 7.0, max(1.0, self.width() - x - 4.0), 14.0)
        note = QFontMetricsF(painter.font()).elidedText(note, Qt.TextElideMode.ElideRight, place.width())
        painter.drawText(place, int(Qt.AlignmentFlag.AlignVCenter), note)

    def _legend_width(self) -> float:
        return min(_LEGEND_WIDTH, max(80.0, (self.width() - self._plot().left()) * 0.4))

    def _note(self) -> str:
        parts = ["beyond the scale"] if self._clipped else []
        rows, columns = self.pooled_by()
        if max(rows, columns) > 1:
            parts.append(f"largest of {rows} by {columns}")
        return " · ".join(parts)

    def _paint_marks(self, painter: QPainter) -> None:
        row, column = self._hover if self._hover != NOWHERE else self._selected
        plot, theme = self._plot(), self._theme
        if row >= 0:
            draw_row_frame(painter, theme, (self._rows, self._columns), row, np.arange(self._columns.count))
            if self._row_labels[row]:
                axis_labels.draw_row_mark(painter, theme, self._rows, self._row_labels, row, plot.left())
        if self._selected[0] >= 0 and self._selected[1] >= 0:
            draw_cell_ring(painter, theme, plot, self.cell_rect(*self._selected))
        if self._hover not in (NOWHERE, self._selected):
            painter.setPen(QPen(theme.color("ink"), 1.0))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(self.cell_rect(*self._hover).adjusted(-0.5, -0.5, 0.5, 0.5))
        if row >= 0 and column >= 0:
            self._paint_readout(painter, plot, row, column)

    def _paint_readout(self, painter: QPainter, plot: QRectF, row: int, column: int) -> None:
        """The value in words beside the legend, for when no panel shows it."""
        x = plot.left() + self._legend_width() + 18.0
        place = QRectF(x, plot.bottom() + 41.0, max(1.0, self.width() - x - 4.0), 16.0)
        painter.setFont(self._theme.font(12, mono=True))
        painter.setPen(self._theme.color("ink"))
        text = f"{self._place_text(row, column)} = {short_number(float(self._levels.values[row, column]))}"
        painter.drawText(place, int(Qt.AlignmentFlag.AlignVCenter), text)

    # Words and numbers

    def _place_text(self, row: int, column: int) -> str:
        where = f"{self._column_title} {column}".strip()
        if self._tokens:
            return f"{self._row_labels[row]} #{row}, {where}"
        return f"row {row}, {where}" if self._rows.count > 1 else where

    def _describe(self) -> str:
        row, column = self._hover if self._hover != NOWHERE else self._selected
        start = f"{self._title}: " if self._title else ""
        if self._empty:
            return f"{start}nothing to show"
        if row < 0 or column < 0:
            rows, columns = self._levels.values.shape
            return f"{start}{rows} by {columns} values, colours clipped at ±{short_number(self._limit)}"
        place = self._place_text(row, column).lstrip(_SPACES)
        return f"{start}{place}, value {short_number(float(self._levels.values[row, column]))}"

    def _table(self) -> MatrixTable:
        corner = f"{'token' if self._tokens else 'row'} \\ {self._column_title}"
        return MatrixTable(corner, self._row_labels, self._column_labels, self._levels.values)
