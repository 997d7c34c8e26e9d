"""One head's attention as a picture: rows look, columns are looked at."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite

import numpy as np
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen
from PySide6.QtWidgets import QWidget

from app.ui.theme import Theme, text_on
from app.ui.widgets import matrix_labels as axis_labels
from app.ui.widgets.heatmap_readout import WIDTH, draw_readout, place_readout, read_cell, readout_height
from app.ui.widgets.matrix_export import MatrixTable
from app.ui.widgets.matrix_geometry import symmetric_limit
from app.ui.widgets.matrix_image import draw_colour_bar, packed, probability_colours, signed_colours
from app.ui.widgets.matrix_marks import draw_broken_key, draw_cell_ring, draw_clip_dots, draw_row_frame
from app.ui.widgets.matrix_pointing import PointedMatrix
from app.ui.widgets.matrix_view import NOWHERE
from app.ui.widgets.number_text import number, short_number, signed_number
from app.ui.widgets.token_text import visible_token

MODES = ("weights", "scores")
VALUES_FROM = 0.10
"""Weights below this are not printed in their cells."""
_VALUE_CELL = {"weights": 24.0, "scores": 30.0}
"""Smallest cell in pixels in which a value is printed; a score has a sign and a point more."""
_VALUE_LINE = 13.0
"""Lowest cell in which a value is printed."""
_STRETCH, _WIDE_ENOUGH = 2.5, 34.0
"""How much wider than high a cell becomes at most, and up to how many pixels."""
_MOST_WITH_VALUES = 40
_SPACES = "␣▁ "
_BAR_GAP, _BAR_WIDTH, _BAR_TEXT = 14.0, 10.0, 46.0
_SHORTEST_BAR = 120.0
_NOTE = 20.0


class Heatmap(PointedMatrix):
    """The attention of one head, `[query, key]`: weights after softmax on 0..1, or scores before it about zero."""

    _most_blocks = (256, 256)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(theme, parent)
        self._weights = np.zeros((0, 0), dtype=np.float32)
        self._visible = np.zeros((0, 0), dtype=bool)
        self._scores: np.ndarray | None = None
        self._limit = 1.0
        self._mode = "weights"
        self._values_shown = True
        self._label_widths = (0.0, 0.0)
        self._broken = False
        """Some cell that the mask leaves holds NaN or infinity."""
        self.setAccessibleName("Attention heatmap")

    @property
    def mode(self) -> str:
        """What is shown: "weights" or "scores"."""
        return self._mode

    def set_attention(
        self,
        values: np.ndarray,
        visible: np.ndarray,
        row_labels: Sequence[str],
        column_labels: Sequence[str],
        scores: np.ndarray | None = None,
    ) -> None:
        """Show one head. `values` float32 and `visible` bool are `[query, key]`; `scores` (float32, masked −inf)
        are those before softmax, needed for the mode "scores". Labels are the tokens' texts.

        Raises ValueError when the shapes and the labels do not agree.
        """
        shape = values.shape
        agree = shape == visible.shape == (len(row_labels), len(column_labels))
        if not agree or (scores is not None and scores.shape != shape):
            raise ValueError(f"Attention {shape} does not fit its mask, scores or labels.")
        self._weights = np.asarray(values, dtype=np.float32)
        self._visible = np.asarray(visible, dtype=bool)
        self._scores = None if scores is None else np.asarray(scores, dtype=np.float32)
        if self._scores is None:
            self._mode = "weights"
        rows = [visible_token(text) for text in row_labels]
        columns = rows if list(row_labels) == list(column_labels) else [visible_token(text) for text in column_labels]
        self._show(rows, columns)

    def clear(self) -> None:
        """Show nothing."""
        self.set_attention(np.zeros((0, 0), dtype=np.float32), np.zeros((0, 0), dtype=bool), [], [])

    def set_mode(self, mode: str) -> None:
        """Show "weights" or "scores". Raises ValueError for others, and for scores when there are none."""
        if mode not in MODES or (mode == "scores" and self._scores is None):
            raise ValueError(f"This attention cannot be shown as {mode!r}.")
        if mode != self._mode:
            self._mode = mode
            self._show(self._row_labels, self._column_labels)

    def set_values_shown(self, shown: bool) -> None:
        """Whether large enough cells print their values."""
        self._values_shown = shown
        self._repaint_all()

    def _show(self, rows: Sequence[str], columns: Sequence[str]) -> None:
        values = self._weights
        if self._mode == "scores" and self._scores is not None:
            values = self._scores
            self._limit = symmetric_limit(np.where(self._visible, values, np.nan))
        bold = self._theme.font(12, 650, mono=True)
        self._label_widths = (axis_labels.widest_label(rows, bold), axis_labels.widest_label(columns, bold))
        self._broken = bool((self._visible & ~np.isfinite(values)).any())
        self._set_matrix(np.where(self._visible, values, np.float32(-np.inf)), rows, columns)

    # Layout and colours

    def _margins(self) -> tuple[float, float, float, float]:
        rows, columns = self._label_widths
        left = max(rows + 20.0, 64.0)
        right = max(_BAR_GAP + _BAR_WIDTH + _BAR_TEXT, axis_labels.column_label_overhang(columns) + 8.0)
        zoomable = max(self._levels.values.shape) > _MOST_WITH_VALUES
        below = _NOTE if zoomable or self._broken else 8.0
        return left, max(axis_labels.column_label_height(columns) + 6.0, 44.0), right, below

    def _fit(self, height: float, width: float) -> tuple[float, float]:
        rows, columns = self._levels.values.shape
        down, across = min(height / rows, self._largest_cells[0]), min(width / columns, self._largest_cells[1])
        # Square, but where rows are low cells may be wide enough for their values.
        stretched = min(across, _STRETCH * down, _WIDE_ENOUGH)
        return min(down, across), max(min(down, across), stretched)

    def _colours(self, values: np.ndarray) -> np.ndarray:
        broken = self._theme.color("err")
        if self._mode == "scores":
            return signed_colours(values, self._limit, self._theme.lut("signed"), broken)
        return probability_colours(values, self._theme.lut("probability"), broken)

    def _colour_of(self, value: float) -> QColor:
        if self._mode == "scores":
            return self._theme.map_color("signed", value / self._limit)
        return self._theme.map_color("probability", value)

    # Painting

    def _paint_around(self, painter: QPainter) -> None:
        plot = self._plot()
        axis_labels.draw_row_labels(painter, self._theme, self._rows, self._row_labels, plot.left())
        axis_labels.draw_column_labels(painter, self._theme, self._columns, self._column_labels, plot.top())
        painter.setFont(self._theme.font(11))
        painter.setPen(self._theme.color("ink3"))
        painter.drawText(QRectF(8.0, 4.0, 60.0, 14.0), "to ↗")
        painter.drawText(QRectF(8.0, 18.0, 60.0, 14.0), "from ↓")
        self._paint_legend(painter, plot)
        note, left = self._note(), plot.left()
        if self._broken:
            left = draw_broken_key(painter, self._theme, left, plot.bottom() + 11.0) + 12.0
        if note:
            painter.setFont(self._theme.font(11))
            painter.setPen(self._theme.color("ink3"))
            # Wider than a narrow plot: the note runs on below the legend instead of being cut.
            painter.drawText(QRectF(left, plot.bottom() + 4.0, self.width() - left, 14.0), note)
        if self._mode == "scores":
            axes = (self._rows, self._columns)
            draw_clip_dots(painter, self._theme, axes, self._levels.values, self._limit, aside=self._prints_values())
        if self._prints_values():
            self._paint_values(painter)

    def _paint_legend(self, painter: QPainter, plot: QRectF) -> None:
        height = max(plot.height(), min(_SHORTEST_BAR, self.height() - plot.top() - 10.0))
        bar = QRectF(plot.right() + _BAR_GAP, plot.top(), _BAR_WIDTH, height)
        steps = np.linspace(0.0, 1.0, 256, dtype=np.float32)
        if self._mode == "scores":
            colours = packed(self._theme.lut("signed"))
            limit = short_number(self._limit)
            ticks = [(0.0, f"−{limit}"), (0.5, "0"), (1.0, f"+{limit}")]
        else:
            colours = probability_colours(steps, self._theme.lut("probability"), QColor())
            ticks = [(0.0, "0"), (0.25, "0.25"), (0.5, "0.5"), (0.75, "0.75"), (1.0, "1")]
        draw_colour_bar(painter, bar, colours, self._theme.color("line2"))
        painter.setFont(self._theme.font(11, mono=True))
        painter.setPen(self._theme.color("ink3"))
        left = int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        for place, text in ticks:
            y = bar.bottom() - place * bar.height()
            y = min(max(y, bar.top() + 4.0), bar.bottom() - 4.0)
            painter.drawText(QRectF(bar.right() + 4.0, y - 7.0, 60.0, 14.0), left, text)

    def _note(self) -> str:
        """What the picture leaves out: pooled cells, rows and columns that are not in view."""
        parts = []
        rows, columns = self.pooled_by()
        if max(rows, columns) > 1:
            parts.append(f"max of {rows}×{columns}")
        if self._zoom > 1.0:
            (top, bottom), (left, right) = self._rows.visible, self._columns.visible
            parts.append(f"rows {top:,}–{bottom - 1:,}, columns {left:,}–{right - 1:,}")
        return " · ".join(parts)

    def _prints_values(self) -> bool:
        few = max(self._rows.in_view, self._columns.in_view) <= _MOST_WITH_VALUES
        roomy = self._columns.cell >= _VALUE_CELL[self._mode] and self._rows.cell >= _VALUE_LINE
        return self._values_shown and few and roomy

    def _paint_values(self, painter: QPainter) -> None:
        (top, bottom), (left, right) = self._rows.visible, self._columns.visible
        painter.setFont(self._theme.font(11, mono=True))
        painter.save()
        painter.setClipRect(self._plot())
        smallest = VALUES_FROM if self._mode == "weights" else VALUES_FROM * self._limit
        values = self._levels.values[top:bottom, left:right]
        for row, column in np.argwhere(np.isfinite(values) & (np.abs(values) >= smallest)):
            value = float(values[row, column])
            painter.setPen(text_on(self._colour_of(value)))
            rect = self.cell_rect(top + int(row), left + int(column))
            painter.drawText(rect, int(Qt.AlignmentFlag.AlignCenter), self._cell_text(value))
        painter.restore()

    def _cell_text(self, value: float) -> str:
        if self._mode == "scores":
            return number(value, 1 if abs(value) < 10.0 else 0)
        return "1.0" if value >= 0.995 else f"{value:.2f}".removeprefix("0")

    def _paint_marks(self, painter: QPainter) -> None:
        row, column = self._hover if self._hover != NOWHERE else self._selected
        plot = self._plot()
        axes = (self._rows, self._columns)
        labels = axis_labels
        if row >= 0:
            draw_row_frame(painter, self._theme, axes, row, np.flatnonzero(self._visible[row]))
            labels.draw_row_mark(painter, self._theme, self._rows, self._row_labels, row, plot.left())
        if column >= 0:
            labels.draw_column_mark(painter, self._theme, self._columns, self._column_labels, column, plot.top())
        if self._selected[0] >= 0 and self._selected[1] >= 0:
            draw_cell_ring(painter, self._theme, plot, self.cell_rect(*self._selected))
        if self._hover != NOWHERE:
            self._paint_hover(painter, plot)

    def _paint_hover(self, painter: QPainter, plot: QRectF) -> None:
        row, column = self._hover
        if self._hover != self._selected:
            painter.setPen(QPen(self._theme.color("ink"), 1.0))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(self.cell_rect(row, column).adjusted(-0.5, -0.5, 0.5, 0.5))
        tokens = (self._row_labels[row], self._column_labels[column])
        readout = read_cell(self._weights, self._visible, self._scores, self._hover, tokens)
        scores_first = self._mode == "scores"
        size = (readout_height(readout, scores_first=scores_first), WIDTH)
        room = QRectF(self.rect()).adjusted(4.0, 4.0, -4.0, -4.0)
        box = place_readout(size, (self._rows, self._columns), self._hover, self._visible, room)
        draw_readout(painter, self._theme, box, readout, scores_first=scores_first)

    # Words and numbers

    def _describe(self) -> str:
        row, column = self._hover if self._hover != NOWHERE else self._selected
        start = f"{self._title}: " if self._title else ""
        if self._empty:
            return f"{start}nothing to show"
        if row < 0 or column < 0:
            rows, columns = self._levels.values.shape
            return f"{start}attention of {rows} tokens to {columns}"
        words = [self._row_labels[row].strip(_SPACES), self._column_labels[column].strip(_SPACES)]
        if not self._visible[row, column]:
            return f"{start}{words[0]} cannot look at {words[1]}, masked"
        if self._mode == "scores" and self._scores is not None:
            return f"{start}{words[0]} looks at {words[1]}, score {signed_number(float(self._scores[row, column]), 2)}"
        weight = float(self._weights[row, column])
        if not isfinite(weight):
            return f"{start}{words[0]} looks at {words[1]}, no number but {number(weight, 0)}"
        return f"{start}{words[0]} looks at {words[1]}, {round(100.0 * weight)} percent"

    def _table(self) -> MatrixTable:
        scores = self._mode == "scores" and self._scores is not None
        values = self._scores if scores and self._scores is not None else self._weights
        return MatrixTable("from \\ to", self._row_labels, self._column_labels, values)

    def _step(self, row: int, column: int, move: tuple[int, int]) -> tuple[int, int]:
        """One cell further among those that can be looked at; in a shorter row the nearest of them."""
        down, across = super()._step(row, column, move)
        seen = np.flatnonzero(self._visible[down])
        if self._visible[down, across] or not seen.size:
            return down, across
        if move[0]:
            return down, int(seen[np.abs(seen - across).argmin()])
        return row, column
