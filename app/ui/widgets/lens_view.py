"""The raw logit lens at every position: a cell for what the stream after a block would say at a token."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite, log10

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPen
from PySide6.QtWidgets import QWidget

from app.engine.trace.records import LensMap
from app.ui.theme import Theme, text_on
from app.ui.widgets import matrix_labels as axis_labels
from app.ui.widgets.matrix_export import MatrixTable
from app.ui.widgets.matrix_image import draw_colour_bar, probability_colours
from app.ui.widgets.matrix_marks import draw_cell_ring, draw_row_frame
from app.ui.widgets.matrix_pointing import PointedMatrix
from app.ui.widgets.matrix_view import NOWHERE
from app.ui.widgets.number_text import percent_text
from app.ui.widgets.token_text import visible_token

READABLE = 54.0
"""Pixels across that a cell takes at first, so that its token can be read; the rest is scrolled to."""
_WORDS_FROM = 30.0
"""Narrower cells are coloured only."""
_TALLEST, _WIDEST = 44.0, 96.0
_RANKS, _BELOW = 104.0, 46.0
_LINE = int(Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextSingleLine)


class LensView(PointedMatrix):
    """Blocks down, tokens across, on the probability map; beside it the rank of the model's own answer at the chosen
    token from block to block, on a logarithmic scale."""

    _most_blocks = (256, 256)
    _largest_cells = (_TALLEST, _WIDEST)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(theme, parent)
        self._lens: LensMap | None = None
        self._token_width = 0.0
        self._readable = True
        """Cells are kept wide enough to read; ends when the person zooms."""
        self.setAccessibleName("Raw logit lens at every position")

    def set_lens(self, lens: LensMap | None, tokens: Sequence[str]) -> None:
        """Show what was read of these tokens; None clears."""
        self._lens = lens
        labels = [visible_token(text) for text in tokens]
        self._token_width = axis_labels.widest_label(labels, self._theme.font(12, 650, mono=True))
        self._readable = True
        if lens is None:
            self._set_matrix(np.zeros((0, 0), dtype=np.float32), [], [])
        else:
            self._set_matrix(lens.probabilities, [f"L{layer}" for layer in range(len(lens.ids))], labels)

    def mark(self, layer: int, position: int) -> None:
        """Mark a cell and scroll to it."""
        self.set_selected(layer, position)
        if self._inside(layer, position):
            self._rows, self._columns = self._rows.revealing(layer), self._columns.revealing(position)
            self._repaint_all()

    def zoom_by(self, factor: float, anchor: QPointF | None = None) -> bool:
        self._readable = False
        return super().zoom_by(factor, anchor)

    def reset_zoom(self) -> None:
        self._readable = False
        super().reset_zoom()

    def overview(self) -> QRectF | None:
        return None  # It would cover cells: nothing is masked here.

    # Layout and colours

    def _margins(self) -> tuple[float, float, float, float]:
        right = max(_RANKS, axis_labels.column_label_overhang(self._token_width) + 8.0)
        return 58.0, axis_labels.column_label_height(self._token_width) + 4.0, right, _BELOW

    def _fit(self, height: float, width: float) -> tuple[float, float]:
        rows, columns = self._levels.values.shape
        return min(height / rows, _TALLEST), min(width / columns, _WIDEST)

    def _layout(self) -> None:
        if self._readable:
            self._zoom = max(1.0, READABLE / self._fit_now()[1])
        super()._layout()

    def _colours(self, values: np.ndarray) -> np.ndarray:
        return probability_colours(values, self._theme.lut("probability"), self._theme.color("err"))

    # Painting

    def _paint_around(self, painter: QPainter) -> None:
        plot, theme = self._plot(), self._theme
        axis_labels.draw_row_labels(painter, theme, self._rows, self._row_labels, plot.left())
        axis_labels.draw_column_labels(painter, theme, self._columns, self._column_labels, plot.top())
        painter.setFont(theme.font(11))
        painter.setPen(theme.color("ink3"))
        for line, words in enumerate(("at →", "after ↓")):
            painter.drawText(QRectF(8.0, 4.0 + 14.0 * line, 60.0, 14.0), words)
        if self._lens is not None and self._columns.cell >= _WORDS_FROM and self._rows.cell >= 15.0:
            self._paint_words(painter, self._lens)
        bar = QRectF(plot.left(), plot.bottom() + 12.0, min(160.0, plot.width()), 10.0)
        steps = np.linspace(0.0, 1.0, 256, dtype=np.float32)
        draw_colour_bar(
            painter, bar, probability_colours(steps, theme.lut("probability"), QColor()), theme.color("line2")
        )
        painter.setFont(theme.font(11, mono=True))
        painter.setPen(theme.color("ink3"))
        for text, side in (("0", "AlignLeft"), ("0.5", "AlignHCenter"), ("1", "AlignRight")):
            flags = int(Qt.AlignmentFlag[side] | Qt.AlignmentFlag.AlignVCenter)
            painter.drawText(bar.adjusted(0.0, 12.0, 0.0, 18.0), flags, text)

    def _paint_words(self, painter: QPainter, lens: LensMap) -> None:
        """The likeliest token of every cell in view and, where there are two lines, how likely it is."""
        (top, bottom), (left, right) = self._rows.visible, self._columns.visible
        font, small = self._theme.font(11.5, 600, mono=True), self._theme.font(11, mono=True)
        metrics, two = QFontMetricsF(font), self._rows.cell >= 30.0
        painter.save()
        painter.setClipRect(self._plot())
        for row in range(top, bottom):
            for column in range(left, right):
                share = float(lens.probabilities[row, column])
                rect = self.cell_rect(row, column)
                ink = text_on(
                    self._theme.map_color("probability", share) if isfinite(share) else self._theme.color("err")
                )
                painter.setPen(ink)
                painter.setFont(font)
                word = visible_token(lens.texts[row][column])
                word = metrics.elidedText(word, Qt.TextElideMode.ElideRight, rect.width() - 2.0)
                half = rect.height() / 2.0
                first = rect.adjusted(0.0, 1.0, 0.0, -half + 1.0) if two else rect
                painter.drawText(first, _LINE, word)
                if two:
                    painter.setFont(small)
                    painter.drawText(rect.adjusted(0.0, half - 1.0, 0.0, -1.0), _LINE, _share(share))
        painter.restore()

    def _paint_marks(self, painter: QPainter) -> None:
        row, column = self._hover if self._hover != NOWHERE else self._selected
        plot, theme, lens = self._plot(), self._theme, self._lens
        if lens is None:
            return
        if row >= 0:
            draw_row_frame(painter, theme, (self._rows, self._columns), row, np.arange(self._columns.count))
            axis_labels.draw_row_mark(painter, theme, self._rows, self._row_labels, row, plot.left())
        if column >= 0:
            axis_labels.draw_column_mark(painter, theme, self._columns, self._column_labels, column, plot.top())
            self._paint_ranks(painter, plot, lens, column)
        if self._selected[0] >= 0 and self._selected[1] >= 0:
            draw_cell_ring(painter, theme, plot, self.cell_rect(*self._selected))
        if row >= 0 and column >= 0:
            place = QRectF(plot.left() + 176.0, plot.bottom() + 10.0, self.width() - plot.left() - 180.0, 16.0)
            painter.setFont(theme.font(12, mono=True))
            painter.setPen(theme.color("ink"))
            words = QFontMetricsF(painter.font()).elidedText(
                self._cell_words(lens, row, column), Qt.TextElideMode.ElideRight, place.width()
            )
            painter.drawText(place, int(Qt.AlignmentFlag.AlignVCenter), words)

    def _paint_ranks(self, painter: QPainter, plot: QRectF, lens: LensMap, column: int) -> None:
        """How far from first place the model's own answer at a token stands after each block."""
        theme = self._theme
        left, room = plot.right() + 14.0, 34.0
        answer = visible_token(lens.texts[-1][column])
        painter.setFont(theme.font(11))
        painter.setPen(theme.color("ink3"))
        words = QFontMetricsF(painter.font()).elidedText(
            f"rank of {answer}", Qt.TextElideMode.ElideRight, _RANKS - 10.0
        )
        painter.drawText(QRectF(self.width() - _RANKS + 4.0, 2.0, _RANKS - 8.0, 14.0), 0, words)
        span = log10(max(lens.vocabulary, 10))
        points = [
            QPointF(left + room * log10(float(rank) + 1.0) / span, self._rows.centre(row))
            for row, rank in enumerate(lens.ranks[:, column])
        ]
        painter.save()
        painter.setClipRect(QRectF(plot.right(), plot.top(), self.width() - plot.right(), plot.height()))
        painter.setPen(QPen(theme.color("ink2"), 1.5))
        painter.drawPolyline(points)
        painter.setFont(theme.font(11, mono=True))
        for row, point in enumerate(points):
            painter.setPen(QPen(theme.color("ink2"), 1.5))
            painter.setBrush(theme.color("surface"))
            painter.drawEllipse(point, 3.0, 3.0)
            if self._rows.cell >= 13.0:
                painter.setPen(theme.color("ink"))
                number = QRectF(point.x() + 7.0, point.y() - 7.0, 60.0, 14.0)
                painter.drawText(number, int(Qt.AlignmentFlag.AlignVCenter), f"{int(lens.ranks[row, column]) + 1:,}")
        painter.restore()

    # Words and numbers

    def _cell_words(self, lens: LensMap, row: int, column: int) -> str:
        said, share = visible_token(lens.texts[row][column]), float(lens.probabilities[row, column])
        return f"L{row}, {self._column_labels[column]} #{column}: {said} {_share(share)}"

    def _describe(self) -> str:
        row, column = self._hover if self._hover != NOWHERE else self._selected
        if self._empty or self._lens is None:
            return "Raw logit lens: nothing to show"
        if row < 0 or column < 0:
            layers, tokens = self._lens.ids.shape
            return f"Raw logit lens: {layers} blocks at {tokens} tokens"
        rank = int(self._lens.ranks[row, column]) + 1
        return f"Raw logit lens: {self._cell_words(self._lens, row, column)}, rank of the final answer {rank:,}"

    def _table(self) -> MatrixTable:
        return MatrixTable("after \\ at", self._row_labels, self._column_labels, self._levels.values)


def _share(share: float) -> str:
    """A share in whole percent where that says something."""
    return percent_text(share) if not share >= 0.1 else f"{100.0 * share:.0f}%"
