"""A head in A, in B, and what is different: three maps with one pointer."""

from __future__ import annotations

from collections.abc import Sequence
from math import floor

import numpy as np
from PySide6.QtCore import QRectF, QSize, Qt, Slot
from PySide6.QtGui import QFontMetricsF, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QWidget

from app.ui.theme import Theme
from app.ui.widgets.chart_axes import nice_step
from app.ui.widgets.compared_map import ComparedMap, DifferenceMap
from app.ui.widgets.matrix_image import draw_colour_bar, packed, probability_colours
from app.ui.widgets.number_text import percent_text, signed_number
from app.ui.widgets.slot_badge import BADGE, paint_slot
from app.ui.widgets.token_text import visible_token

_HEAD, _FOOT, _GAP = 26.0, 40.0, 8.0
_SCALE = 24.0
"""Of the foot, what the scales take; the readout has the rest."""
_WORTH = 1.2
"""Cells that are so much larger are worth reading the maps from top to bottom."""
_BAR = 72.0
_LABELS_FROM = 190.0
"""Maps that have less height than this many pixels need it for their cells."""
_LEAST = 0.01
"""The difference's scale never ends below this, or noise would look like a change."""
_LEFT = int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
_CENTRE = int(Qt.AlignmentFlag.AlignCenter)


class ComparedPatterns(QWidget):
    """Pointing at a cell or choosing one does so in all three maps; the foot says its numbers."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._hint = ""
        self._head = ""
        self._limit = _LEAST
        self._under = False
        self._rows: Sequence[str] = ()
        self._columns: Sequence[str] = ()
        self._pointed = (-1, -1)
        self._chosen = (-1, -1)
        self.first = ComparedMap(theme, "Attention in A", labelled=True, parent=self)
        self.second = ComparedMap(theme, "Attention in B", parent=self)
        self.difference = DifferenceMap(theme, "Attention in B less that in A", parent=self)
        self.maps = (self.first, self.second, self.difference)
        for each in self.maps:
            each.hovered.connect(self._hovered)
            each.clicked.connect(self._clicked)
        self.setAccessibleName("One head in both")
        theme.changed.connect(self._on_theme)
        self.clear("")

    def show_patterns(
        self,
        head: str,
        patterns: tuple[np.ndarray, np.ndarray],
        visible: np.ndarray,
        rows: Sequence[str],
        columns: Sequence[str],
    ) -> None:
        """Show a head called `head`. Patterns are float32 `[query, key]`, `visible` bool of the same shape; labels are
        the tokens' texts."""
        same = self._head == head and (len(rows), len(columns)) == (len(self._rows), len(self._columns))
        self._head, self._hint = head, ""
        self._rows, self._columns = ([visible_token(text) for text in texts] for texts in (rows, columns))
        first, second = (np.asarray(each, dtype=np.float32) for each in patterns)
        difference = second - first
        largest = float(np.abs(difference[visible]).max(initial=0.0))
        # Over the checkpoints of one head the scale only grows, so that a change is seen to grow.
        self._limit = max(self._limit if same else 0.0, nice_step(max(largest, _LEAST), 1))
        for each, values, limit in zip(self.maps, (first, second, difference), (1.0, 1.0, self._limit), strict=True):
            each.set_weights(values, visible, self._rows, self._columns, limit)
            each.show()
        if not same:
            self._chosen = self._pointed = (-1, -1)
        self._place()
        self._describe()

    def clear(self, hint: str) -> None:
        """Show a sentence and no head."""
        self._hint, self._head, self._rows, self._columns = hint, "", (), ()
        self._chosen = self._pointed = (-1, -1)
        for each in self.maps:
            each.hide()
        self._describe()

    def head(self) -> str:
        """The head shown, "" for none."""
        return self._head

    def limit(self) -> float:
        """The end of the difference's scale."""
        return self._limit

    def readout(self) -> str:
        """The numbers of the cell that is pointed at, else of the chosen one."""
        row, column = self._pointed if self._pointed != (-1, -1) else self._chosen
        if row < 0 or column < 0 or not self._head:
            return ""
        place = f"{self._rows[row]} → {self._columns[column]}"
        a, b, change = (each.value(row, column) for each in self.maps)
        if np.isneginf(a):
            return f"{place}:  masked"
        return f"{place}:  A {percent_text(a)},  B {percent_text(b)},  B − A {signed_number(100.0 * change, 1)} points"

    def sizeHint(self) -> QSize:
        return QSize(520, 300)

    def minimumSizeHint(self) -> QSize:
        return QSize(320, 140)

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._place()

    def _place(self) -> None:
        """Side by side, or the difference under A where that gives larger cells; the plots are of equal size."""
        extra = self.first.label_room() - self.second.label_room()
        beside, under = self._sizes(3, 1, extra), self._sizes(2, 2, extra)
        self._under = under[2] > _WORTH * beside[2]
        room, high, _ = under if self._under else beside
        labels = self._labels_at(room, high)
        left, top = 0.0, _HEAD
        for each in self.maps:
            if each is self.difference and self._under:
                left, top = extra, self.first.y() + self.first.height() + _SCALE + _HEAD
            wide = room + (extra if each is self.first else 0.0)
            each.show_columns(labels)
            # The scales stand right under the cells, so the map ends with these.
            each.setGeometry(
                round(left), round(top), floor(wide), each.needed_height(floor(wide), floor(max(high, 1.0)))
            )
            left += wide + _GAP
        self.update()

    def _sizes(self, across: int, down: int, extra: float) -> tuple[float, float, float]:
        """Width of a map without its labels of rows, its height, and the side of a cell, in a grid of maps."""
        room = max((self.width() - extra - (across - 1) * _GAP) / across, 1.0)
        high = max((self.height() - (_FOOT - _SCALE) - down * (_HEAD + _SCALE)) / down, 1.0)
        return room, high, self.second.cell_at(room, high, self._labels_at(room, high))

    def _labels_at(self, room: float, high: float) -> bool:
        return high >= _LABELS_FROM and self.second.labels_fit(room)

    @Slot(int, int)
    def _hovered(self, row: int, column: int) -> None:
        self._pointed = (row, column)
        for each in self.maps:
            if each is not self.sender():
                each.set_hovered(row, column)
        self._describe()

    @Slot(int, int)
    def _clicked(self, row: int, column: int) -> None:
        self._chosen = (row, column)
        for each in self.maps:
            if each is not self.sender():
                each.set_selected(row, column)
        self._describe()

    def _describe(self) -> None:
        self.setAccessibleDescription(self._hint or f"{self._head} {self.readout()}".strip())
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(self._theme.font(12))
        painter.setPen(self._theme.color("ink3"))
        if self._hint:
            painter.drawText(self.rect().adjusted(12, 0, -12, 0), _CENTRE | int(Qt.TextFlag.TextWordWrap), self._hint)
        if self._head:
            self._paint_heads(painter)
            self._paint_foot(painter)
        painter.end()

    def _paint_heads(self, painter: QPainter) -> None:
        for each, slots in zip(self.maps, ("A", "B", "B−A"), strict=True):
            left, top = each.x() + each.label_room(), each.y() - _HEAD + 2.0
            for sign in slots:
                if sign == "−":
                    painter.setFont(self._theme.font(13, 650))
                    painter.setPen(self._theme.color("ink2"))
                    painter.drawText(QRectF(left, top, 14.0, BADGE), _CENTRE, sign)
                    left += 16.0
                else:
                    paint_slot(painter, self._theme, QRectF(left, top, BADGE, BADGE), sign)
                    left += BADGE + 2.0
            if each is self.first:
                painter.setFont(self._theme.font(12, 650))
                painter.setPen(self._theme.color("ink"))
                painter.drawText(QRectF(left + 6.0, top, 120.0, BADGE), _LEFT, self._head)

    def _paint_foot(self, painter: QPainter) -> None:
        """Both scales, each under its maps, and the readout under them."""
        plots = [each.plot_rect().translated(each.pos()) for each in self.maps]
        top = plots[0].bottom() + 9.0
        last = plots[2].bottom() + 9.0
        steps = np.linspace(0.0, 1.0, 256, dtype=np.float32)
        colours = probability_colours(steps, self._theme.lut("probability"), self._theme.color("err"))
        limit = f"{self._limit:g}"
        self._paint_scale(painter, plots[0].left(), top, colours, ("0", "1"))
        self._paint_scale(
            painter, plots[2].left(), last, packed(self._theme.lut("against")), (f"−{limit}", f"+{limit}")
        )
        painter.setFont(self._theme.font(12))
        painter.setPen(self._theme.color("ink"))
        room = QRectF(plots[0].left(), last + 14.0, max(self.width() - plots[0].left(), 1.0), 16.0)
        text = QFontMetricsF(painter.font()).elidedText(self.readout(), Qt.TextElideMode.ElideRight, room.width())
        painter.drawText(room, _LEFT, text)

    def _paint_scale(
        self, painter: QPainter, left: float, top: float, colours: np.ndarray, ends: tuple[str, str]
    ) -> None:
        painter.setFont(self._theme.font(11))
        painter.setPen(self._theme.color("ink3"))
        low, high = (QFontMetricsF(painter.font()).horizontalAdvance(text) for text in ends)
        bar = QRectF(left + low + 5.0, top, min(_BAR, self.width() - left - low - high - 12.0), 9.0)
        painter.drawText(QRectF(left, top - 3.0, low + 2.0, 15.0), _LEFT, ends[0])
        painter.drawText(QRectF(bar.right() + 5.0, top - 3.0, high + 2.0, 15.0), _LEFT, ends[1])
        draw_colour_bar(painter, bar, colours, self._theme.color("line2"))

    @Slot()
    def _on_theme(self) -> None:
        self.update()
