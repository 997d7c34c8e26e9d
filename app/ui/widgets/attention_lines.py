"""Attention as lines between two columns of tokens: from the one that looks to those it looks at, several heads at
once. The picture is BertViz's head view (Vig 2019, arXiv 1906.05714): a line's width and strength are the weight, its
colour is the head's.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal, Slot
from PySide6.QtGui import QColor, QFontMetricsF, QMouseEvent, QPainter, QPainterPath, QPaintEvent, QPen
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QScrollArea, QVBoxLayout, QWidget

from app.ui.theme import Theme
from app.ui.widgets.labels import make_label
from app.ui.widgets.picture_export import PictureExport
from app.ui.widgets.token_text import visible_token

ROW, LOWEST_ROW = 24.0, 15.0
"""The height of a token's line, and to what it shrinks so that all are seen."""
HIDDEN_BELOW = 0.08
MOST_TOKENS = 256
_TOP, _EDGE = 26.0, 8.0
_WIDEST_LABEL = 150.0
_WIDEST_LINE = 7.0


class AttentionLines(QWidget):
    """The heads' switches above the lines. `query_hovered` comes with −1 when no token is pointed at."""

    query_hovered = Signal(int)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._switches: list[QPushButton] = []
        self._bar = QWidget()
        self._bar.setProperty("role", "page")
        self._bar_row = QHBoxLayout(self._bar)
        self._bar_row.setContentsMargins(0, 0, 0, 0)
        self._bar_row.setSpacing(4)
        self.note: QLabel = make_label(theme, "", 12, role="caption")
        self.picture = _Picture(theme)
        self.picture.setProperty("role", "page")
        self.picture.query_hovered.connect(self.query_hovered)
        self.export = PictureExport(self.picture, "attention-lines", self.picture.table)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(self.picture)
        switches = QScrollArea()
        switches.setWidgetResizable(True)
        switches.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        switches.setFixedHeight(38)
        switches.setWidget(self._bar)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(switches)
        column.addWidget(self.note)
        column.addWidget(scroll, 1)
        theme.changed.connect(self._restyle)

    def show_layer(
        self,
        patterns: np.ndarray,
        rows: Sequence[str],
        columns: Sequence[str],
        shown_rows: Sequence[int],
        shown_columns: Sequence[int],
        head: int,
    ) -> None:
        """All heads of a layer, float32 `[head, query, key]`; of the tokens those whose places are `shown`.

        `head` alone is switched on, unless the same heads are shown already: then the person's choice stays.
        """
        if len(self._switches) != len(patterns):
            self._make_switches(len(patterns))
        on = {place for place, switch in enumerate(self._switches) if switch.isChecked()}
        if head not in on:
            on = {head}
        for place, switch in enumerate(self._switches):
            switch.setChecked(place in on)
        self.picture.set_layer(patterns, rows, columns)
        self.set_shown(shown_rows, shown_columns)
        self._switched()

    def clear(self) -> None:
        """Show nothing."""
        self.picture.set_layer(np.zeros((0, 0, 0), dtype=np.float32), [], [])
        self.picture.set_shown((), ())
        self.note.setText("")

    def set_shown(self, rows: Sequence[int], columns: Sequence[int]) -> None:
        """Draw only these tokens."""
        few = max(len(rows), len(columns)) <= MOST_TOKENS
        self.picture.set_shown(rows if few else (), columns if few else ())
        hidden = f"Weights under {100 * HIDDEN_BELOW:.0f}% are left out. Point at a token to see it alone."
        many = f"Lines are drawn up to {MOST_TOKENS} tokens; the heatmap shows more."
        self.note.setText(hidden if few else many)

    def set_selected(self, query: int) -> None:
        """Let the lines of one token stand out."""
        self.picture.set_selected(query)

    def heads(self) -> list[int]:
        """The heads that are switched on."""
        return [place for place, switch in enumerate(self._switches) if switch.isChecked()]

    def switch(self, head: int) -> QPushButton:
        """The switch of a head."""
        return self._switches[head]

    def _make_switches(self, count: int) -> None:
        for switch in self._switches:
            self._bar_row.removeWidget(switch)
            switch.deleteLater()
        self._switches = []
        while self._bar_row.count():
            self._bar_row.takeAt(0)
        for head in range(count):
            switch = QPushButton(f"H{head}")
            switch.setCheckable(True)
            switch.setFixedSize(44, 26)
            switch.setToolTip(f"Show or hide head {head}")
            switch.toggled.connect(self._switched)
            self._switches.append(switch)
            self._bar_row.addWidget(switch)
        self._bar_row.addStretch(1)
        self._restyle()

    @Slot()
    def _switched(self) -> None:
        self.picture.set_heads(self.heads())
        self._restyle()

    @Slot()
    def _restyle(self) -> None:
        for head, switch in enumerate(self._switches):
            colour = head_colour(self._theme, head, len(self._switches)).name()
            line = f"border-bottom: 4px solid {colour};" if switch.isChecked() else ""
            switch.setStyleSheet(f"QPushButton {{ padding: 0; {line} }}")
        self.picture.update()


def head_colour(theme: Theme, head: int, heads: int) -> QColor:
    """The colour of a head: hues spread over the circle, light enough or dark enough for the theme's surface."""
    dark = theme.color("surface").lightnessF() < 0.5
    return QColor.fromHslF((head / max(heads, 1) + 0.48) % 1.0, 0.62, 0.66 if dark else 0.38)


class _Picture(QWidget):
    """The two columns and the lines between them."""

    query_hovered = Signal(int)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._patterns = np.zeros((0, 0, 0), dtype=np.float32)
        self._labels: tuple[Sequence[str], Sequence[str]] = ((), ())
        self._rows: Sequence[int] = ()
        self._columns: Sequence[int] = ()
        self._heads: Sequence[int] = ()
        self._selected = -1
        self._hovered: tuple[str, int] = ("", -1)
        self.setMouseTracking(True)
        self.setAccessibleName("Attention lines")

    def set_layer(self, patterns: np.ndarray, rows: Sequence[str], columns: Sequence[str]) -> None:
        self._patterns = patterns
        self._labels = [visible_token(text) for text in rows], [visible_token(text) for text in columns]
        self._hovered = ("", -1)

    def set_shown(self, rows: Sequence[int], columns: Sequence[int]) -> None:
        # The filters may be set before a layer is shown: what has no label yet is not drawn.
        self._rows = [place for place in rows if place < len(self._labels[0])]
        self._columns = [place for place in columns if place < len(self._labels[1])]
        self.setMinimumHeight(round(_TOP + LOWEST_ROW * max(len(rows), len(columns)) + 6))
        self.update()

    def set_heads(self, heads: Sequence[int]) -> None:
        self._heads = heads
        self.setAccessibleDescription(f"heads {', '.join(map(str, heads))}")
        self.update()

    def set_selected(self, query: int) -> None:
        self._selected = query
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(420, self.minimumHeight())

    def _row(self) -> float:
        """The height of a line now."""
        count = max(len(self._rows), len(self._columns), 1)
        return min(ROW, max(LOWEST_ROW, (self.height() - _TOP - 6.0) / count))

    def lines(self) -> list[tuple[int, int, int, float]]:
        """(head, query, key, weight) of every line drawn."""
        side, token = self._hovered
        found = []
        for head in self._heads:
            for query in self._rows:
                if side == "query" and query != token:
                    continue
                for key in self._columns:
                    weight = float(self._patterns[head, query, key])
                    if weight >= HIDDEN_BELOW and (side != "key" or key == token):
                        found.append((head, query, key, weight))
        return found

    def table(self) -> list[list[str]]:
        """The lines drawn, as text: head, the token that looks, the one looked at, the weight."""
        rows, columns = self._labels
        return [
            ["head", "from", "token", "to", "token", "weight"],
            *(
                [str(head), str(query), rows[query], str(key), columns[key], str(np.float32(weight))]
                for head, query, key, weight in self.lines()
            ),
        ]

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        row_height = self._row()
        font = self._theme.font(12.5, mono=True)
        metrics = QFontMetricsF(font)
        widths = [
            min(max((metrics.horizontalAdvance(labels[place]) for place in places), default=0.0), _WIDEST_LABEL)
            for labels, places in zip(self._labels, (self._rows, self._columns), strict=True)
        ]
        left, right = _EDGE + widths[0] + 8, self.width() - _EDGE - widths[1] - 8
        painter.setFont(self._theme.font(11))
        painter.setPen(self._theme.color("ink3"))
        painter.drawText(QRectF(_EDGE, 2, 160, 18), "looks (query)")
        align_right = int(Qt.AlignmentFlag.AlignRight)
        painter.drawText(QRectF(self.width() - _EDGE - 160, 2, 160, 18), align_right, "is looked at (key)")
        self._paint_lines(painter, left, right)
        painter.setFont(font)
        for labels, places, box, side in (
            (self._labels[0], self._rows, QRectF(_EDGE, 0, widths[0], row_height), "query"),
            (self._labels[1], self._columns, QRectF(right + 8, 0, widths[1], row_height), "key"),
        ):
            for line, place in enumerate(places):
                chosen = (side == "query" and place == self._selected) or self._hovered == (side, place)
                painter.setPen(self._theme.color("accent" if chosen else "ink"))
                room = box.translated(0, _TOP + line * row_height)
                text = metrics.elidedText(labels[place], Qt.TextElideMode.ElideRight, room.width() + 1)
                flag = Qt.AlignmentFlag.AlignRight if side == "query" else Qt.AlignmentFlag.AlignLeft
                painter.drawText(room, int(flag | Qt.AlignmentFlag.AlignVCenter), text)

    def _paint_lines(self, painter: QPainter, left: float, right: float) -> None:
        row_height = self._row()
        rows = {place: _TOP + (line + 0.5) * row_height for line, place in enumerate(self._rows)}
        columns = {place: _TOP + (line + 0.5) * row_height for line, place in enumerate(self._columns)}
        bend = (right - left) * 0.4
        painter.setBrush(Qt.BrushStyle.NoBrush)
        alone = self._hovered[1] >= 0
        for head, query, key, weight in sorted(self.lines(), key=lambda line: line[3]):
            colour = QColor(head_colour(self._theme, head, len(self._patterns)))
            faint = not alone and self._selected in rows and query != self._selected
            colour.setAlphaF((0.18 if faint else 0.35) + (0.3 if faint else 0.65) * weight)
            start, end = QPointF(left, rows[query]), QPointF(right, columns[key])
            path = QPainterPath(start)
            path.cubicTo(start + QPointF(bend, 0), end - QPointF(bend, 0), end)
            painter.setPen(QPen(colour, 1.0 + (_WIDEST_LINE - 1.0) * weight))
            painter.drawPath(path)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        line = int((event.position().y() - _TOP) // self._row())
        found = ("", -1)
        if event.position().x() < self.width() * 0.3 and 0 <= line < len(self._rows):
            found = ("query", self._rows[line])
        elif event.position().x() > self.width() * 0.7 and 0 <= line < len(self._columns):
            found = ("key", self._columns[line])
        self._point_at(found)

    def leaveEvent(self, event: QEvent) -> None:
        self._point_at(("", -1))

    def _point_at(self, place: tuple[str, int]) -> None:
        if place != self._hovered:
            self._hovered = place
            self.query_hovered.emit(place[1] if place[0] == "query" else -1)
            self.update()
