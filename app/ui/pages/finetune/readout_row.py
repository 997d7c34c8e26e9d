"""Figures beside each other, each a large number under its name: training loss, speed, time left."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Slot
from PySide6.QtGui import QFont, QFontMetricsF, QHelpEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from app.ui.theme import Theme

_MOST_GAP, _LEAST_GAP, _UNIT_GAP = 32.0, 14.0, 5.0
_LEVEL = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter


@dataclass(frozen=True)
class Readout:
    """A figure: "Held-out perplexity", "5.5", "was 24.5"."""

    name: str
    value: str
    unit: str = ""
    """Small, after the value."""
    tip: str = ""


class ReadoutRow(QWidget):
    """Where the width is too small for all, units go first, then the last figures."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._readouts: tuple[Readout, ...] = ()
        self._widest: dict[tuple[str, bool], float] = {}
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Figures of the run")
        theme.changed.connect(self._on_theme)

    def show_readouts(self, readouts: Sequence[Readout]) -> None:
        """Show these. A figure keeps the width it once needed, so that its neighbours stand still."""
        if tuple(readouts) != self._readouts:
            if [each.name for each in readouts] != [each.name for each in self._readouts]:
                self._widest.clear()
            self._readouts = tuple(readouts)
            self.setAccessibleDescription(", ".join(self.words()))
            self.update()

    def words(self) -> list[str]:
        """Every figure in words: "Held-out perplexity 5.5 was 24.5"."""
        return [f"{each.name} {each.value} {each.unit}".strip() for each in self._readouts]

    def tips(self) -> list[str]:
        """What the tooltip of every figure says."""
        return [each.tip for each in self._readouts]

    def shown(self) -> list[str]:
        """The names of the figures that have room."""
        return [each.name for each, _, _ in self._places()]

    def sizeHint(self) -> QSize:
        return QSize(0, ceil(self._name_height() + QFontMetricsF(self._large()).height()))

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        top, large = self._name_height(), QFontMetricsF(self._large())
        baseline = top + large.ascent()
        for each, rect, with_unit in self._places():
            painter.setFont(self._theme.font(11))
            painter.setPen(self._theme.color("ink3"))
            painter.drawText(QRectF(rect.left(), 0.0, rect.width() + 2.0, top), _LEVEL, each.name)
            painter.setFont(self._large())
            painter.setPen(self._theme.color("ink"))
            painter.drawText(QPointF(rect.left(), baseline), each.value)
            if with_unit and each.unit:
                left = rect.left() + large.horizontalAdvance(each.value) + _UNIT_GAP
                painter.setFont(self._theme.font(12))
                painter.setPen(self._theme.color("ink3"))
                painter.drawText(QPointF(left, baseline), each.unit)
        painter.end()

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            under = (each for each, rect, _ in self._places() if rect.contains(event.pos()))
            QToolTip.showText(event.globalPos(), next((each.tip for each in under), ""), self)
            return True
        return super().event(event)

    def _places(self) -> Iterator[tuple[Readout, QRectF, bool]]:
        """Every figure that has room, where it stands, and whether its unit has room."""
        for with_units in (True, False):
            widths = [self._width(each, with_units) for each in self._readouts]
            spare = self.width() - sum(widths)
            between = max(len(widths) - 1, 1)
            if spare >= _LEAST_GAP * between:
                break
        gap, left = min(max(spare / between, _LEAST_GAP), _MOST_GAP), 0.0
        for order, (each, wide) in enumerate(zip(self._readouts, widths, strict=True)):
            if order and left + wide > self.width():
                return
            yield each, QRectF(left, 0.0, wide, self.height()), with_units
            left += wide + gap

    def _width(self, readout: Readout, with_unit: bool) -> float:
        wide = QFontMetricsF(self._large()).horizontalAdvance(readout.value)
        if with_unit and readout.unit:
            wide += _UNIT_GAP + QFontMetricsF(self._theme.font(12)).horizontalAdvance(readout.unit)
        key = readout.name, with_unit
        named = QFontMetricsF(self._theme.font(11)).horizontalAdvance(readout.name)
        self._widest[key] = max(wide, named, self._widest.get(key, 0.0))
        return self._widest[key]

    def _name_height(self) -> float:
        return QFontMetricsF(self._theme.font(11)).height() + 2.0

    def _large(self) -> QFont:
        return self._theme.font(22, 650)

    @Slot()
    def _on_theme(self) -> None:
        self._widest.clear()
        self.update()
