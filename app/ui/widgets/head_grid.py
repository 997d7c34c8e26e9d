"""Every head's attention at a glance: layers down, heads across."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QEvent, QPoint, QPointF, QRectF, QSize, Qt, Signal, Slot
from PySide6.QtGui import (
    QFocusEvent,
    QHelpEvent,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
)
from PySide6.QtWidgets import QAbstractScrollArea, QFrame, QToolTip, QWidget

from app.ui.theme import Theme
from app.ui.widgets.focus_reasons import KEYBOARD_REASONS
from app.ui.widgets.head_groups import draw_brackets, group_of
from app.ui.widgets.matrix_export import MatrixTable
from app.ui.widgets.matrix_geometry import pooled
from app.ui.widgets.matrix_image import probability_colours
from app.ui.widgets.number_text import percent_text
from app.ui.widgets.painting import focus_ring, outline_round
from app.ui.widgets.picture_export import Lines, PictureExport

_LEFT, _TOP = 34.0, 24.0
_SPACE = 6.0
_LARGEST, _SMALLEST = 96.0, 12.0
_CAPTION = 15.0
"""Height of the words under a picture while the heads are sorted."""
_ONE_LINE_FROM = 60.0
"""Pictures of at least this many pixels have room for a head's name and its share on one line."""
_PICTURE_FROM = 18.0
"""Heads whose cell is no larger than this many pixels show one value instead of a picture."""
_NOWHERE = (-1, -1)
_MOVES = {Qt.Key.Key_Left: (0, -1), Qt.Key.Key_Right: (0, 1), Qt.Key.Key_Up: (-1, 0), Qt.Key.Key_Down: (1, 0)}


class HeadGrid(QAbstractScrollArea):
    """Thumbnails `[layer, head, rows, columns]`, painted by one widget. Click or arrow keys choose a head.

    By place, or sorted by a share of each head, which then stands under its picture.
    """

    chosen = Signal(int, int)
    """Layer and head that was clicked or reached with the arrow keys."""
    matrix_changed = Signal()
    selected_changed = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._patterns = np.zeros((0, 0, 1, 1), dtype=np.float32)
        self._focus = np.zeros((0, 0))
        self._shares: np.ndarray | None = None
        self._measure = ""
        """What the shares are shares of."""
        self._groups = 0
        """How many groups of heads share keys and values, 0 where each has its own."""
        self._order: list[tuple[int, int]] = []
        """The heads as they stand, row by row, while they are sorted."""
        self._pictures: dict[tuple[int, int], QImage] = {}
        self._selected = _NOWHERE
        self._hover = _NOWHERE
        self._cell = _LARGEST
        self._focus_shown = False
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("All heads")
        self.export = PictureExport(self, "all-heads", self._lines)
        self.viewport().setMouseTracking(True)
        self.verticalScrollBar().setSingleStep(24)
        theme.changed.connect(self._restyle)

    def sizeHint(self) -> QSize:
        return QSize(260, 440)

    def set_patterns(self, patterns: np.ndarray) -> None:
        """Show float32 `[layer, head, rows, columns]`, masked cells −inf, NaN where a layer has no attention."""
        values = np.array(patterns, dtype=np.float32)
        self._patterns = values
        # Weights of a row sum to 1, so their plain mean says nothing; the mean of each row's largest weight says
        # how sharply a head looks.
        self._focus = np.where(np.isneginf(values), 0.0, values).max(axis=3, initial=0.0).mean(axis=2)
        self._selected = self._selected if self._has(*self._selected) else _NOWHERE
        self._hover = _NOWHERE
        self._pictures.clear()
        self._sort()
        self._layout()
        self.matrix_changed.emit()

    def set_groups(self, groups: int) -> None:
        """Heads side by side share keys and values, in so many groups; as many as heads: each has its own."""
        self._groups = groups
        self.viewport().update()

    def group_of(self, head: int) -> tuple[int, int, int] | None:
        """The key-value group of a head with its first and its last head; None where each has its own."""
        return group_of(head, self._patterns.shape[1], self._groups)

    def _brackets(self) -> list[tuple[float, float]]:
        """Where the groups begin and end across, in pixels of the viewport."""
        groups = dict.fromkeys(group[1:] for head in range(self._patterns.shape[1]) if (group := self.group_of(head)))
        return [(self.cell_rect(0, first).left(), self.cell_rect(0, last).right()) for first, last in groups]

    def set_shares(self, shares: np.ndarray | None, measure: str = "") -> None:
        """Sort by `[layer, head]`, the largest first and NaN left out; None puts every head in its place again.
        `measure` heads the table of them."""
        self._shares, self._measure = shares, measure
        self._sort()
        self._layout()
        self.matrix_changed.emit()

    def _sort(self) -> None:
        shares = self._shares
        if shares is None or shares.shape != self._patterns.shape[:2]:
            self._order = []
            return
        places = [(int(layer), int(head)) for layer, head in np.argwhere(~np.isnan(shares))]
        self._order = sorted(places, key=lambda place: -shares[place])

    def order(self) -> list[tuple[int, int]]:
        """Layer and head of every picture as they stand, row by row."""
        layers, heads = self._patterns.shape[:2]
        return self._order or [(layer, head) for layer in range(layers) for head in range(heads)]

    def _spot(self, layer: int, head: int) -> tuple[int, int]:
        """The row and column in which a head stands now."""
        if not self._order:
            return layer, head
        place = self._order.index((layer, head)) if (layer, head) in self._order else len(self._order)
        return divmod(place, self._patterns.shape[1])

    def _caption(self) -> float:
        """Room under each picture: a line, or two where name and share do not fit beside each other."""
        return 0.0 if not self._order else _CAPTION if self._cell >= _ONE_LINE_FROM else 2.0 * _CAPTION - 2.0

    def set_selected(self, layer: int, head: int) -> None:
        """Mark a head and scroll to it; (−1, −1) marks none. Emits nothing."""
        self._selected = (layer, head) if self._has(layer, head) else _NOWHERE
        if self._selected != _NOWHERE:
            self._reveal()
            self.setAccessibleDescription(self._words(*self._selected))
        self.viewport().update()
        self.selected_changed.emit()

    def selected(self) -> tuple[int, int]:
        """Layer and head that are marked, (−1, −1) when none is."""
        return self._selected

    def table(self) -> MatrixTable:
        """Per head what it is sorted by, by place the largest weight of a row, averaged over rows; NaN where a head
        has none."""
        layers, heads = self._focus.shape
        labels = [f"L{layer}" for layer in range(layers)], [f"H{head}" for head in range(heads)]
        sorts = self._shares is not None and self._shares.shape == self._focus.shape
        measure, values = (self._measure, self._shares) if sorts else ("largest weight", self._focus)
        return MatrixTable(f"{measure}: block \\ head", *labels, np.asarray(values, dtype=np.float32))

    def _lines(self) -> Lines:
        """The table as text, a NaN where a head has no figure."""
        table = self.table()
        rows = zip(table.row_labels, table.values.astype(str), strict=True)
        return [[table.corner, *table.column_labels], *([label, *row] for label, row in rows)]

    def cell_rect(self, layer: int, head: int) -> QRectF:
        """Where a head's picture is now, in pixels of the viewport."""
        row, column = self._spot(layer, head)
        x = _LEFT + column * (self._cell + _SPACE) - self.horizontalScrollBar().value()
        y = _TOP + row * (self._cell + _SPACE + self._caption()) - self.verticalScrollBar().value()
        return QRectF(x, y, self._cell, self._cell)

    def shows_pictures(self) -> bool:
        """Whether heads are pictures; small ones show one value each."""
        return self._cell > _PICTURE_FROM

    # Layout

    def _layout(self) -> None:
        layers, heads = self._patterns.shape[:2]
        size = self.viewport().size()
        across = (size.width() - _LEFT - 8.0) / max(1, heads) - _SPACE
        caption = 2.0 * _CAPTION if self._order else 0.0
        down = (size.height() - _TOP - 8.0) / max(1, layers) - _SPACE - caption
        # Many layers scroll instead of making the pictures too small to read.
        self._cell = float(int(min(max(min(across, max(down, 44.0)), _SMALLEST), _LARGEST)))
        pitch = self._cell + _SPACE
        for bar, content, seen in (
            (self.horizontalScrollBar(), _LEFT + heads * pitch + 4.0, size.width()),
            (self.verticalScrollBar(), _TOP + layers * (pitch + self._caption()) + 4.0, size.height()),
        ):
            bar.setPageStep(seen)
            bar.setRange(0, max(0, int(content) - seen))
        self._pictures.clear()
        self.viewport().update()

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._layout()

    @Slot()
    def _restyle(self) -> None:
        self._pictures.clear()
        self.viewport().update()

    def _has(self, layer: int, head: int) -> bool:
        """Whether there is such a head and it has attention."""
        layers, heads = self._patterns.shape[:2]
        return 0 <= layer < layers and 0 <= head < heads and not np.isnan(self._patterns[layer, head]).all()

    def _at(self, position: QPointF) -> tuple[int, int]:
        """The place in the grid under a point, also one without attention; (−1, −1) outside."""
        layers, heads = self._patterns.shape[:2]
        pitch = self._cell + _SPACE
        if position.x() < _LEFT - _SPACE / 2 or position.y() < _TOP - _SPACE / 2:
            return _NOWHERE
        head = int((position.x() + self.horizontalScrollBar().value() - _LEFT + _SPACE / 2) // pitch)
        down = position.y() + self.verticalScrollBar().value() - _TOP + _SPACE / 2
        layer = int(down // (pitch + self._caption()))
        if not (0 <= layer < layers and 0 <= head < heads):
            return _NOWHERE
        place = layer * heads + head
        if not self._order:
            return layer, head
        return self._order[place] if place < len(self._order) else _NOWHERE

    def _reveal(self) -> None:
        rect = self.cell_rect(*self._selected)
        for bar, low, high, begin, end in (
            (self.horizontalScrollBar(), rect.left(), rect.right(), _LEFT, self.viewport().width()),
            (self.verticalScrollBar(), rect.top(), rect.bottom(), _TOP, self.viewport().height()),
        ):
            bar.setValue(bar.value() + int(min(0.0, low - begin - 2.0) + max(0.0, high + 4.0 - end)))

    # Painting

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self.viewport())
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(self.viewport().rect(), self._theme.color("surface"))
        layers, heads = self._patterns.shape[:2]
        inside = QRectF(self.viewport().rect())
        for layer, head in self.order():
            rect = self.cell_rect(layer, head)
            if rect.intersects(inside):
                self._paint_head(painter, layer, head, rect)
        self._paint_outlines(painter)
        self._paint_labels(painter, layers, heads)
        if self._focus_shown and self.hasFocus():
            focus_ring(painter, inside, self._theme.color("accent"))
        painter.end()

    def _paint_head(self, painter: QPainter, layer: int, head: int, rect: QRectF) -> None:
        if not self._has(layer, head):
            painter.setFont(self._theme.font(12))
            painter.setPen(self._theme.color("ink3"))
            painter.drawText(rect, int(Qt.AlignmentFlag.AlignCenter), "–")
            return
        if self.shows_pictures():
            painter.fillRect(rect, self._theme.color("mask"))
            painter.drawImage(rect.topLeft(), self._picture(layer, head))
        else:
            painter.fillRect(rect, self._theme.map_color("probability", float(self._focus[layer, head])))
        outline_round(painter, rect.adjusted(-1, -1, 1, 1), 0.0, self._theme.color("line"))
        if self._order and self._shares is not None:
            painter.setFont(self._theme.font(11))
            painter.setPen(self._theme.color("ink2"))
            share, under = f"{100 * self._shares[layer, head]:.0f}%", rect.adjusted(-6, 0, 6, 0)
            lines = (f"L{layer} H{head}", share) if self._cell < _ONE_LINE_FROM else (f"L{layer} H{head}  {share}",)
            for line, words in enumerate(lines):
                place = QRectF(under.left(), rect.bottom() + 1 + line * (_CAPTION - 2.0), under.width(), _CAPTION)
                painter.drawText(place, int(Qt.AlignmentFlag.AlignCenter), words)

    def _picture(self, layer: int, head: int) -> QImage:
        """One head at the size of its cell, max-pooled where it has more cells than pixels."""
        if (layer, head) not in self._pictures:
            ratio = self.devicePixelRatioF()
            size = int(self._cell * ratio)
            values, factor = self._patterns[layer, head], 1
            while -(-max(values.shape) // factor) > size:
                factor *= 2
            values = pooled(values, factor, factor)
            colours = probability_colours(values, self._theme.lut("probability"), self._theme.color("err"))
            rows, columns = ((np.arange(size) * count) // size for count in values.shape)
            pixels = np.ascontiguousarray(colours[np.ix_(rows, columns)])
            image = QImage(pixels.data, size, size, size * 4, QImage.Format.Format_ARGB32).copy()
            image.setDevicePixelRatio(ratio)
            self._pictures[layer, head] = image
        return self._pictures[layer, head]

    def _paint_outlines(self, painter: QPainter) -> None:
        if self._hover != _NOWHERE and self._has(*self._hover):
            rect = self.cell_rect(*self._hover)
            outline_round(painter, rect.adjusted(-2, -2, 2, 2), 2.0, self._theme.color("line2"), 1.5)
        if self._selected != _NOWHERE:
            rect = self.cell_rect(*self._selected)
            outline_round(painter, rect.adjusted(-4, -4, 4, 4), 3.0, self._theme.color("accent"), 3.0)

    def _paint_labels(self, painter: QPainter, layers: int, heads: int) -> None:
        """The axes stay in place while the heads scroll beneath them."""
        surface, viewport = self._theme.color("surface"), self.viewport().rect()
        painter.fillRect(QRectF(0, 0, viewport.width(), _TOP - 5.0), surface)
        painter.fillRect(QRectF(0, 0, _LEFT - 5.0, viewport.height()), surface)
        if self._order:
            return
        pitch = self._cell + _SPACE
        step = max(1, int(-(-22.0 // pitch)))
        for head in range(0, heads, step):
            x = self.cell_rect(0, head).center().x()
            if x > _LEFT - 4.0:
                place = QRectF(x - 24.0, 3.0, 48.0, 14.0)
                self._paint_label(painter, place, f"H{head}", Qt.AlignmentFlag.AlignHCenter, head == self._selected[1])
        draw_brackets(painter, self._theme, self._brackets(), _LEFT - _SPACE)
        step = max(1, int(-(-14.0 // pitch)))
        for layer in range(0, layers, step):
            y = self.cell_rect(layer, 0).center().y()
            if y > _TOP - 4.0:
                place = QRectF(0.0, y - 7.0, _LEFT - 10.0, 14.0)
                self._paint_label(painter, place, f"L{layer}", Qt.AlignmentFlag.AlignRight, layer == self._selected[0])

    def _paint_label(self, painter: QPainter, place: QRectF, text: str, side: Qt.AlignmentFlag, current: bool) -> None:
        painter.setFont(self._theme.font(11, 650 if current else 400))
        painter.setPen(self._theme.color("accent" if current else "ink2"))
        painter.drawText(place, int(side | Qt.AlignmentFlag.AlignVCenter), text)

    # Pointer and keys

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._point_at(self._at(event.position()))

    def viewportEvent(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Leave:
            self._point_at(_NOWHERE)
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            place = self._at(QPointF(event.pos()))
            self._show_tip(event.globalPos(), self._words(*place) if place != _NOWHERE else "")
            return True
        return super().viewportEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        event.accept()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        event.accept()
        place = self._at(event.position())
        if event.button() == Qt.MouseButton.LeftButton and self._has(*place):
            self.choose(*place)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() not in _MOVES:
            event.ignore()
            return
        down, across = _MOVES[Qt.Key(event.key())]
        if self._selected == _NOWHERE:
            first = np.argwhere(~np.isnan(self._patterns).all(axis=(2, 3)))
            if len(first):
                self.choose(int(first[0][0]), int(first[0][1]))
            return
        row, column = self._spot(*self._selected)
        row, column = row + down, column + across
        layers, heads = self._patterns.shape[:2]
        order = self.order()
        # Layers without attention are stepped over.
        while 0 <= row < layers and 0 <= column < heads and row * heads + column < len(order):
            if self._has(*order[row * heads + column]):
                self.choose(*order[row * heads + column])
                return
            row, column = row + down, column + across

    def focusInEvent(self, event: QFocusEvent) -> None:
        self._focus_shown = event.reason() in KEYBOARD_REASONS
        self.viewport().update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        self.viewport().update()

    def choose(self, layer: int, head: int) -> None:
        """Mark a head as a click on it does; a place without attention stays as it is."""
        if not self._has(layer, head):
            return
        changed = (layer, head) != self._selected
        self.set_selected(layer, head)
        if changed:
            self.chosen.emit(layer, head)

    def _point_at(self, place: tuple[int, int]) -> None:
        if place != self._hover:
            self._hover = place
            self.viewport().update()

    def _show_tip(self, where: QPoint, text: str) -> None:
        QToolTip.showText(where, text, self.viewport())

    def _words(self, layer: int, head: int) -> str:
        if not self._has(layer, head):
            return f"Block {layer} has no attention"
        if (group := self.group_of(head)) is not None:
            shared = f" · reads the keys and values of group {group[0]}, as heads {group[1]} to {group[2]} do"
            return self._own_words(layer, head) + shared
        return self._own_words(layer, head)

    def _own_words(self, layer: int, head: int) -> str:
        if not np.isfinite(self._focus[layer, head]):
            return f"Block {layer}, head {head}: its weights are no numbers (NaN or ∞)"
        if self._order and self._shares is not None:
            return f"Block {layer}, head {head}: {percent_text(float(self._shares[layer, head]))}"
        if self.shows_pictures():
            return f"Block {layer}, head {head}"
        average = percent_text(float(self._focus[layer, head]))
        return f"Block {layer}, head {head}: largest weight of a row {average} on average"
