"""One attention weight, step by step: q · k, scale, mask, softmax over the row, · v, with the numbers of the model."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QRectF, QSize, Qt, Signal, Slot
from PySide6.QtGui import QFontMetricsF, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QWidget

from app.engine.trace.records import WeightReading
from app.ui.theme import Theme
from app.ui.widgets.matrix_geometry import symmetric_limit
from app.ui.widgets.number_text import percent_text, signed_number
from app.ui.widgets.painting import fill_round

_LEFT, _RIGHT, _STRIP, _GAP = 116.0, 84.0, 22.0, 9.0
_ROW_HEIGHT = 64.0
_LINE = 21.0
_WRAPPED = int(Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextWordWrap)
_HEIGHT = 450
"""Room for all the steps of a family that adds a bias."""


STEPS = ("Q·Kᵀ", "Scale", "Mask", "Softmax", "·V")
_BIASES = {
    "ALiBi": "by ALiBi: the head’s slope × the key’s place",
    "relative bias": "learned for the distance of the two",
    "relative embeddings": "by relative embeddings: content with distance",
    "": "that the family adds besides the mask",
}


class WeightSteps(QWidget):
    """Strips of q, k and q × k over the dimensions of the head, the sum beside them, the row it competes in, and what
    the weight makes of the key's value. `show_until` stops after one of `STEPS`.

    `key_chosen(index)` when another bar of the row is clicked, or reached with the arrow keys.
    """

    key_chosen = Signal(int)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._reading: WeightReading | None = None
        self._names = ("", "")
        self._why = ""
        self._until = len(STEPS) - 1
        self._row = QRectF()
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMinimumSize(320, _HEIGHT)
        self.setAccessibleName("One weight, step by step")
        theme.changed.connect(self._on_theme)

    def show_weight(self, reading: WeightReading | None, query: str, key: str, why: str = "") -> None:
        """Show a weight; `query` and `key` are the tokens in words. Without one, `why` there is none."""
        self._reading, self._names, self._why = reading, (query, key), why
        self._lines_changed()

    def show_until(self, step: int) -> None:
        """Show the steps up to this one, counted from 0."""
        self._until = step
        self._lines_changed()

    def _lines_changed(self) -> None:
        self.setAccessibleDescription(" ".join(self.lines()))
        self._make_room()
        self.update()

    def _make_room(self) -> None:
        """Lines that a narrow panel wraps make the picture taller."""
        heights = [place.height() for place in self.line_places()]
        self.setMinimumHeight(round(_HEIGHT + sum(heights) - _LINE * len(heights)))

    def line_places(self) -> list[QRectF]:
        """Where the lines stand, each as high as its words need in this width."""
        metrics = QFontMetricsF(self._theme.font(13, mono=True))
        places, y = [], 10.0 + 3 * (_STRIP + _GAP)
        for line in self.lines():
            room = QRectF(_LEFT, y, self.width() - _LEFT - 4, _LINE)
            room.setHeight(max(metrics.boundingRect(room, _WRAPPED, line).height() + 2, _LINE))
            places.append(room)
            y += room.height()
        return places

    def lines(self) -> list[str]:
        """The arithmetic as far as it is shown, a line each, as it is written under the strips."""
        return [line for step in self._steps()[: self._until + 1] for line in step]

    def _steps(self) -> list[list[str]]:
        """The lines of every step."""
        made = self._reading
        if made is None:
            return []
        query, key = self._names
        product = [f"q · k = {signed_number(made.dot, 3)}"]
        if made.scaling is None:
            scale = ["this family does not show its scale and its bias apart"]
        else:
            scale = [f"× {made.scaling:.4g} = {signed_number(made.dot * made.scaling, 3)}"]
        if made.softcap is not None:
            scale.append(f"soft-capped at {made.softcap:g}")
        if np.isneginf(made.score):
            return [product, scale, ["masked: −∞"], [f"weight 0: {query} cannot look at {key}"], []]
        mask = []
        if made.bias:
            sign, size = signed_number(made.bias, 3)[:1], signed_number(made.bias, 3)[1:]
            mask.append(f"{sign} {size}, {_BIASES[made.bias_by]}")
        mask.append(f"no mask on this key: score {signed_number(made.score, 3)}")
        softmax = [*self._softmax(made), f"weight {percent_text(made.weight)}: {query} looks at {key}"]
        return [product, scale, mask, softmax, self._mixing(made)]

    @staticmethod
    def _softmax(made: WeightReading) -> list[str]:
        """The share of the row's sum; a sink takes part in it and is no key."""
        largest = max(float(made.row_scores.max()), made.sink if made.sink is not None else -np.inf)
        with np.errstate(invalid="ignore"):
            total = float(np.exp(made.row_scores - largest).sum())
        share = float(np.exp(made.score - largest))
        if made.sink is None:
            return [f"e^(score − max) ⁄ row's sum = {share:.4f} ⁄ {total:.4f}"]
        sunk = float(np.exp(made.sink - largest))
        return [
            f"sink {signed_number(made.sink, 3)}: e^(sink − max) = {sunk:.4f}",
            f"e^(score − max) ⁄ row's sum = {share:.4f} ⁄ {total + sunk:.4f}",
        ]

    @staticmethod
    def _mixing(made: WeightReading) -> list[str]:
        if made.value_vector is None or made.mixed is None:
            return ["This family does not show its values apart."]
        adds, whole = made.weight * np.linalg.norm(made.value_vector), np.linalg.norm(made.mixed)
        return [f"weight · v: a vector of length {adds:.3f}", f"z, all keys of the row together: {whole:.3f}"]

    def sizeHint(self) -> QSize:
        return QSize(520, _HEIGHT)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._make_room()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        made = self._reading
        if made is None:
            painter.setFont(self._theme.font(13))
            painter.setPen(self._theme.color("ink3"))
            words = self._why or "Choose a cell of the heatmap first."
            flags = int(Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap)
            painter.drawText(QRectF(self.rect()).adjusted(20, 0, -20, 0), flags, words)
            return
        query, key = self._names
        product = made.query_vector * made.key_vector
        y = 10.0
        strips = ((f"q  {query}", made.query_vector), (f"k  {key}", made.key_vector), ("q × k", product))
        for name, values in strips:
            self._paint_strip(painter, y, name, values)
            y += _STRIP + _GAP
        painter.setFont(self._theme.font(13, mono=True))
        painter.setPen(self._theme.color("ink"))
        sum_place = QRectF(self.width() - _RIGHT + 6, y - _STRIP - _GAP, _RIGHT, _STRIP)
        painter.drawText(sum_place, Qt.AlignmentFlag.AlignVCenter, f"Σ {signed_number(made.dot, 2)}")
        for place, line in zip(self.line_places(), self.lines(), strict=True):
            painter.drawText(place, _WRAPPED, line)
            y = place.bottom()
        if self._until >= STEPS.index("Softmax"):
            y = self._paint_row(painter, y + 8, made)
        if self._until >= STEPS.index("·V") and made.value_vector is not None and made.mixed is not None:
            y += _GAP
            limit = symmetric_limit(made.mixed)
            self._paint_strip(painter, y, f"v  {key}", made.value_vector)
            self._paint_strip(painter, y + _STRIP + 6, "weight · v", made.weight * made.value_vector, limit)
            self._paint_strip(painter, y + 2 * (_STRIP + 6), f"z  {query}", made.mixed, limit)

    def _paint_strip(
        self, painter: QPainter, y: float, name: str, values: np.ndarray, limit: float | None = None
    ) -> None:
        """A strip of colours, on a scale of its own or up to `limit`."""
        painter.setFont(self._theme.font(12, mono=True))
        painter.setPen(self._theme.color("ink2"))
        metrics = painter.fontMetrics()
        shown = metrics.elidedText(name, Qt.TextElideMode.ElideMiddle, round(_LEFT - 12))
        painter.drawText(QRectF(4, y, _LEFT - 8, _STRIP), Qt.AlignmentFlag.AlignVCenter, shown)
        room = self.width() - _LEFT - _RIGHT
        limit, each = limit or symmetric_limit(values), room / max(len(values), 1)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        for place, value in enumerate(values):
            colour = self._theme.map_color("signed", max(-1.0, min(1.0, float(value) / limit)))
            painter.fillRect(QRectF(_LEFT + place * each, y, each + 0.5, _STRIP), colour)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(self._theme.color("line"), 1))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(QRectF(_LEFT, y, room, _STRIP))

    def _paint_row(self, painter: QPainter, y: float, made: WeightReading) -> float:
        """Every weight of the row as a bar; the chosen one in the accent colour. Gives back where it ends."""
        height = min(_ROW_HEIGHT, self.height() - y - 18)
        if height < 20:
            return y
        room = self.width() - _LEFT - _RIGHT
        each = room / max(len(made.row_weights), 1)
        self._row = QRectF(_LEFT, y, room, height)
        painter.setFont(self._theme.font(12, mono=True))
        painter.setPen(self._theme.color("ink2"))
        painter.drawText(QRectF(4, y, _LEFT - 8, height), Qt.AlignmentFlag.AlignVCenter, "the row")
        painter.fillRect(QRectF(_LEFT, y, room, height), self._theme.color("sunken"))
        for place, weight in enumerate(made.row_weights):
            tall = max(height * float(weight), 1.0 if weight > 0 else 0.0)
            bar = QRectF(_LEFT + place * each, y + height - tall, max(each - 1, 1), tall)
            colour = self._theme.color("accent") if place == made.key else self._theme.bar_color()
            fill_round(painter, bar, 1, colour)
        return y + height

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if self._reading is not None and self._row.contains(event.position()):
            share = (event.position().x() - self._row.left()) / self._row.width()
            self._choose(int(share * len(self._reading.row_weights)))
        else:
            super().mousePressEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        step = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(Qt.Key(event.key()))
        if step is None or self._reading is None:
            super().keyPressEvent(event)
        else:
            self._choose(self._reading.key + step)

    def _choose(self, key: int) -> None:
        if self._reading is not None and 0 <= key < len(self._reading.row_weights):
            self.key_chosen.emit(key)

    @Slot()
    def _on_theme(self) -> None:
        self._lines_changed()
