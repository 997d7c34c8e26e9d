"""How a cell of models × texts is painted: a large number, a small one, and in words whatever is not simply done."""

from __future__ import annotations

from math import ceil

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QFont, QFontMetricsF, QPainter
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from app.session.measured import DONE, FAILED, NO_SOURCE, NOT_YET, RUNNING, STALE, Cell, Figures
from app.ui.icons import pixmap
from app.ui.pages.evaluate.results_model import Index, ResultsModel
from app.ui.pages.evaluate.results_words import (
    BITS,
    KIND_WORDS,
    STATE_WORDS,
    error_text,
    large_and_small,
    measured,
)
from app.ui.theme import Theme
from app.ui.widgets.painting import fill_round, outline_round

PADDING = 9
_GAP, _TICK, _SIGN, _BAR = 5, 14, 12, 6
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


class CellPainter(QStyledItemDelegate):
    """Paints the cells of a `ResultsModel`."""

    def __init__(self, theme: Theme, model: ResultsModel, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme, self._model = theme, model
        self.narrowest = 0
        self._beside = 0.0

    def row_height(self) -> int:
        """Room for both numbers."""
        large, small = self._metrics(self._large(True)), self._metrics(self._small())
        return max(ceil(large.height() + small.height()) + 8, 40)

    def prepare(self) -> None:
        """Measure the model's table: the narrowest column in which nothing is cut, and what standard errors take."""
        model, table = self._model, self._model.table
        large, small = self._metrics(self._large(True)), self._metrics(self._small())
        words = self._metrics(self._theme.font(11))
        widest, beside = words.horizontalAdvance(STATE_WORDS[FAILED]) + _TICK + 2 * _GAP, 0.0
        if any(cell.state == NO_SOURCE for line in table.cells for cell in line):
            widest = max(widest, self._metrics(self._theme.font(12)).horizontalAdvance(STATE_WORDS[NO_SOURCE]))
        for row, column, figures in measured(table):
            numbers = large_and_small(figures, model.measure, model.decimals)
            lower = small.horizontalAdvance(numbers[1])
            if word := self._word_of(table.cells[row][column]):
                lower += words.horizontalAdvance(word) + _SIGN + 2 * _GAP
            widest = max(widest, large.horizontalAdvance(numbers[0]) + _TICK + _GAP, lower)
            if error := error_text(figures, model.decimals):
                beside = max(beside, small.horizontalAdvance(error) + _GAP)
        self.narrowest = ceil(widest) + 2 * PADDING
        self._beside = beside

    def sizeHint(self, _option: QStyleOptionViewItem, _index: Index) -> QSize:
        return QSize(self.narrowest, self.row_height())

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        cell, color = self._model.cell(index), self._theme.color
        rect, ticked = QRectF(option.rect), self._model.is_ticked(index)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        # Qt has painted a selected cell in the colour of the best one already.
        hovered = option.state & QStyle.StateFlag.State_MouseOver
        painter.fillRect(rect, color("accentsoft" if ticked else "hover" if hovered else "surface"))
        painter.fillRect(QRectF(rect.left(), rect.bottom() - 1, rect.width(), 1), color("line"))
        inner = rect.adjusted(PADDING, 0, -PADDING, -1)
        if cell.state in (DONE, STALE) and cell.figures is not None:
            self._paint_figures(painter, inner, cell, cell.figures, ticked)
        elif cell.state == RUNNING:
            self._paint_progress(painter, inner, cell)
        else:
            self._paint_state(painter, inner, cell)
        if option.state & QStyle.StateFlag.State_Selected:
            outline_round(painter, rect.adjusted(1, 1, -1, -2), 4, color("accent"), 2.0)
        elif option.state & QStyle.StateFlag.State_HasFocus:
            outline_round(painter, rect.adjusted(1, 1, -1, -2), 4, color("accent"), 1.0, style=Qt.PenStyle.DashLine)
        painter.restore()

    def _paint_figures(self, painter: QPainter, rect: QRectF, cell: Cell, figures: Figures, ticked: bool) -> None:
        model, stale = self._model, cell.state == STALE
        large, small = large_and_small(figures, model.measure, model.decimals)
        upper, lower = self._lines(rect)
        # An error is one of bits per byte, so it stands beside that number, where that is the large one.
        beside = self._beside if model.measure == BITS else 0.0
        if beside and self.narrowest + beside <= rect.width() + 2 * PADDING:
            self._write(painter, upper, error_text(figures, model.decimals), self._small(), "ink3")
            upper.setRight(upper.right() - beside)
            lower.setRight(upper.right())
        ink = "ink3" if stale else "accent" if ticked else "ink"
        taken = self._write(painter, upper, large, self._large(ticked), ink)
        if ticked:
            place = upper.right() - taken - _GAP - _TICK
            painter.drawPixmap(
                round(place), round(upper.center().y() - _TICK / 2), pixmap(self._theme, "check", "accent", _TICK)
            )
        taken = self._write(painter, lower, small, self._small(), "ink3" if stale else "ink2")
        words = lower.adjusted(0, 0, -taken - _GAP, 0)
        taken = self._write(painter, words, self._word_of(cell), self._theme.font(11), "warn" if stale else "ink3")
        if stale:
            place = words.right() - taken - _SIGN - 2
            painter.drawPixmap(
                round(place), round(words.center().y() - _SIGN / 2), pixmap(self._theme, "warn", "warn", _SIGN)
            )

    def _paint_progress(self, painter: QPainter, rect: QRectF, cell: Cell) -> None:
        share = min(max(cell.share, 0.0), 1.0)
        upper, lower = self._lines(rect)
        self._write(painter, upper, f"{100 * share:.0f}%", self._theme.font(12), "ink2")
        width = min(rect.width(), 88.0)
        track = QRectF(rect.right() - width, lower.center().y() - _BAR / 2 - 1, width, _BAR)
        fill_round(painter, track, 3, self._theme.color("line"))
        if share:
            track.setWidth(max(width * share, _BAR))
            fill_round(painter, track, 3, self._theme.color("accent"))

    def _paint_state(self, painter: QPainter, rect: QRectF, cell: Cell) -> None:
        failed = cell.state == FAILED
        words = STATE_WORDS.get(cell.state, cell.state)
        font = self._large(False) if cell.state == NOT_YET else self._theme.font(12, 600 if failed else 400)
        taken = self._write(painter, rect, words, font, "err" if failed else "ink3")
        if failed:
            place = rect.right() - taken - _GAP - _TICK
            painter.drawPixmap(
                round(place), round(rect.center().y() - _TICK / 2), pixmap(self._theme, "error", "err", _TICK)
            )

    def _word_of(self, cell: Cell) -> str:
        """The small word beside the lower number: that it is old, else what kind it is."""
        if cell.state == STALE:
            return STATE_WORDS[STALE]
        return KIND_WORDS[cell.figures.objective] if cell.figures is not None else ""

    def _lines(self, rect: QRectF) -> tuple[QRectF, QRectF]:
        """The upper and the lower line of a cell."""
        large, small = self._metrics(self._large(True)).height(), self._metrics(self._small()).height()
        top = rect.center().y() - (large + small) / 2
        upper = QRectF(rect.left(), top, rect.width(), large)
        return upper, QRectF(rect.left(), top + large, rect.width(), small)

    def _write(self, painter: QPainter, rect: QRectF, words: str, font: QFont, token: str) -> float:
        """Write words at the right end of their room; gives back the pixels they took."""
        metrics = self._metrics(font)
        shown = metrics.elidedText(words, Qt.TextElideMode.ElideRight, max(rect.width(), 0))
        painter.setFont(font)
        painter.setPen(self._theme.color(token))
        painter.drawText(rect, _RIGHT, shown)
        return metrics.horizontalAdvance(shown)

    def _large(self, bold: bool) -> QFont:
        return self._theme.font(14, 700 if bold else 400, mono=True)

    def _small(self) -> QFont:
        return self._theme.font(11, mono=True)

    @staticmethod
    def _metrics(font: QFont) -> QFontMetricsF:
        return QFontMetricsF(font)
