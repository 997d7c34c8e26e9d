"""Any two-dimensional slice of a tensor as a picture about zero: rows are usually tokens, columns dimensions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPen
from PySide6.QtWidgets import QWidget

from app.ui.theme import Theme, text_on
from app.ui.widgets import matrix_labels as axis_labels
from app.ui.widgets.matrix_export import MatrixTable
from app.ui.widgets.matrix_geometry import BINARY_STEPS, label_step, symmetric_limit
from app.ui.widgets.matrix_image import draw_colour_bar, probability_colours, signed_colours
from app.ui.widgets.matrix_marks import draw_broken_key, draw_cell_ring, draw_clip_dots, draw_row_frame
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
_PRINTED_FROM = 32.0
"""Cells of at least this many pixels across have room for a number."""


@dataclass(frozen=True)
class Look:
    """How values are coloured, and what stands beside them."""

    limit: float | None = None
    """Where the colours end on both sides; None for the 99th percentile of |x|."""
    from_zero: bool = False
    """Nothing here is below zero: the scale begins there and ends at the largest."""
    shares: bool = False
    """Shares of something, 0 to 1, on the map of probabilities."""
    margins: bool = True
    """Means of the columns and lengths of the rows say something here."""
    printed: bool = False
    """Cells that are large enough print their values."""
    rows: str = "token"
    """What a named row is."""


PLAIN = Look()


class TensorView(PointedMatrix):
    """Values `[row, column]` on the signed map, clipped at the 99th percentile of |x|; clipped cells carry a dot.

    Above the cells stands the mean of every column, to the right the length (L2 norm) of every row. Many cells are
    pooled by the value of largest magnitude. What is no finite number is no mask here: it has a colour of its own.
    """

    _signed = True
    _masked = False
    _most_blocks = (256, 512)
    _largest_cells = (40.0, 40.0)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(theme, parent)
        self._look = PLAIN
        self._limit = 1.0
        self._means = np.zeros(1)
        self._lengths = np.zeros(1)
        self._column_title = ""
        self._named, self._columns_named = False, False
        self._clipped, self._broken = False, False
        self._label_widths = (0.0, 0.0)
        self.setAccessibleName("Tensor values")

    @property
    def limit(self) -> float:
        """The value at which the colours are clipped, usually the 99th percentile of |x|."""
        return self._limit

    def set_values(
        self,
        values: np.ndarray,
        row_labels: Sequence[str] | None,
        column_title: str,
        column_labels: Sequence[str] | None = None,
        look: Look = PLAIN,
    ) -> None:
        """Show float32 `[row, column]`, or `[column]` as one row.

        `row_labels` and `column_labels` are the tokens' texts where rows or columns are tokens, None otherwise (they
        are numbered then); `column_title` says what columns are, for instance "dimension". Raises ValueError for more
        axes and for labels that do not fit.
        """
        values = np.asarray(values, dtype=np.float32)
        if values.ndim not in (1, 2):
            raise ValueError(f"A slice with one or two axes can be shown, not {values.ndim}.")
        values = values.reshape(1, -1) if values.ndim == 1 else values
        rows, columns = values.shape
        for labels, count, what in ((row_labels, rows, "rows"), (column_labels, columns, "columns")):
            if labels is not None and len(labels) != count:
                raise ValueError(f"{len(labels)} labels do not fit {count} {what}.")
        self._look, self._column_title = look, column_title
        self._named, self._columns_named = row_labels is not None, column_labels is not None
        numbered = [str(row) for row in range(rows)] if rows != 1 else [""]
        down = [visible_token(text) for text in row_labels] if row_labels is not None else numbered
        across = [str(column) for column in range(columns)]
        if column_labels is not None:
            across = [visible_token(text) for text in column_labels]
        bold = self._theme.font(12, 650, mono=True)
        wide = axis_labels.widest_label(across, bold) if column_labels is not None else 0.0
        self._label_widths = axis_labels.widest_label(down, bold), wide
        finite = np.isfinite(values)
        self._broken = not finite.all()
        self._limit = 1.0 if look.shares else look.limit or symmetric_limit(values, 100.0 if look.from_zero else 99.0)
        with np.errstate(invalid="ignore"):
            self._clipped = bool((finite & (np.abs(values) > self._limit * (1.0 + 1e-6))).any())
        self._means, self._lengths = column_means(values), row_lengths(values)
        self._set_matrix(values, down, across)

    def clear(self) -> None:
        """Show nothing."""
        self._title, self._tensor, self._column_title = "", None, ""
        self._named, self._columns_named = False, False
        self._set_matrix(np.zeros((0, 0), dtype=np.float32), [], [])

    # Layout and colours

    def _has_margins(self) -> bool:
        return self._look.margins and self._levels.values.shape[0] > 1

    def _margins(self) -> tuple[float, float, float, float]:
        left, across = self._label_widths
        above = _STRIP + _STRIP_GAP + 6.0 if self._has_margins() else 10.0
        right = _LENGTHS if self._has_margins() else 16.0
        if self._columns_named:
            above += axis_labels.column_label_height(across)
            right = max(right, axis_labels.column_label_overhang(across) + 8.0)
        return max(left + 20.0, _LEAST_LEFT), above, right, _BELOW

    def _fit(self, height: float, width: float) -> tuple[float, float]:
        rows, columns = self._levels.values.shape
        return min(height / rows, 26.0), min(width / columns, 46.0 if self._look.printed else 40.0)

    def _colours(self, values: np.ndarray) -> np.ndarray:
        broken = self._theme.color("err")
        if self._look.shares:
            return probability_colours(values, self._theme.lut("probability"), broken)
        return signed_colours(values, self._limit, self._theme.lut("signed"), broken)

    def _colour_of(self, value: float) -> QColor:
        if self._look.shares:
            return self._theme.map_color("probability", value)
        return self._theme.map_color("signed", min(max(value / self._limit, -1.0), 1.0))

    # Painting

    def _paint_around(self, painter: QPainter) -> None:
        plot, theme = self._plot(), self._theme
        if self._named:
            axis_labels.draw_row_labels(painter, theme, self._rows, self._row_labels, plot.left())
        elif len(self._row_labels) > 1:
            axis_labels.draw_row_numbers(painter, theme, self._rows, plot.left())
        self._paint_columns(painter, plot)
        if self._has_margins():
            caption = "per dim" if self._column_title.startswith("dim") else "per column"
            strip = QRectF(plot.left(), 6.0, plot.width(), _STRIP)
            draw_means(painter, theme, strip, self._columns, self._means, caption)
            side = QRectF(plot.right() + 10.0, plot.top(), _LENGTHS - 14.0, plot.height())
            caption = f"per {self._look.rows}" if self._named else "per row"
            draw_lengths(painter, theme, side, self._rows, self._lengths, caption, strip.top() + 6.0)
        if self._look.printed:
            self._paint_values(painter)
        values, limit = self._levels.values, self._limit * (1.0 + 1e-6)
        draw_clip_dots(painter, theme, (self._rows, self._columns), values, limit, aside=self._look.printed)
        self._paint_legend(painter, plot)

    def _paint_columns(self, painter: QPainter, plot: QRectF) -> None:
        if self._columns_named:
            axis_labels.draw_column_labels(painter, self._theme, self._columns, self._column_labels, plot.top())
        else:
            self._paint_column_numbers(painter, plot)
        painter.setFont(self._theme.font(11))
        painter.setPen(self._theme.color("ink3"))
        title = QRectF(4.0, plot.bottom() + 5.0, plot.left() - 14.0, 14.0)
        painter.drawText(title, int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter), self._column_title)

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

    def _paint_values(self, painter: QPainter) -> None:
        """The numbers, in cells that have room for them."""
        if min(self._columns.cell / _PRINTED_FROM, self._rows.cell / 16.0) < 1.0:
            return
        (top, bottom), (left, right) = self._rows.visible, self._columns.visible
        painter.save()
        painter.setClipRect(self._plot())
        painter.setFont(self._theme.font(11, mono=True))
        values = self._levels.values[top:bottom, left:right]
        for row, column in np.argwhere(np.isfinite(values)):
            value = float(values[row, column])
            painter.setPen(text_on(self._colour_of(value)))
            text = short_number(value) if abs(value) >= 1.0 or value == 0.0 else f"{value:.2f}".replace("0.", ".")
            place = self.cell_rect(top + int(row), left + int(column))
            painter.drawText(place, int(Qt.AlignmentFlag.AlignCenter), text.replace("-", "−"))
        painter.restore()

    def _paint_legend(self, painter: QPainter, plot: QRectF) -> None:
        theme = self._theme
        bar = QRectF(plot.left(), plot.bottom() + 28.0, self._legend_width(), 10.0)
        from_zero = self._look.from_zero or self._look.shares
        ends = np.linspace(0.0 if from_zero else -self._limit, self._limit, 256, dtype=np.float32)
        draw_colour_bar(painter, bar, self._colours(ends), theme.color("line2"))
        painter.setFont(theme.font(11, mono=True))
        painter.setPen(theme.color("ink3"))
        limit = short_number(self._limit)
        line = bar.adjusted(0.0, 12.0, 0.0, 18.0)
        ticks = ("0", short_number(self._limit / 2.0), limit) if from_zero else (f"−{limit}", "0", f"+{limit}")
        for text, side in zip(ticks, ("AlignLeft", "AlignHCenter", "AlignRight"), strict=True):
            painter.drawText(line, int(Qt.AlignmentFlag[side] | Qt.AlignmentFlag.AlignVCenter), text)
        note = self._note()
        x = bar.right() + 18.0
        if self._broken:
            x = draw_broken_key(painter, theme, x, bar.center().y()) + 12.0
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
        if column >= 0 and self._columns_named:
            axis_labels.draw_column_mark(painter, theme, self._columns, self._column_labels, column, plot.top())
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
        named = f"{self._column_labels[column]} #{column}" if self._columns_named else f"{self._column_title} {column}"
        where = named.strip()
        if self._named:
            return f"{self._row_labels[row]}{f' #{row}' if self._look.rows == 'token' else ''}, {where}"
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
        corner = f"{self._look.rows if self._named else 'row'} \\ {self._column_title}"
        return MatrixTable(corner, self._row_labels, self._column_labels, self._levels.values)
