"""Loss along the text, by how much context there was, and how far the model's confidence is right."""

from __future__ import annotations

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QStackedWidget

from app.session.measured import CellReading
from app.ui.theme import Theme
from app.ui.widgets.line_chart import LineChart
from app.ui.widgets.line_picture import Shade
from app.ui.widgets.panel import Panel
from app.ui.widgets.reliability_diagram import ReliabilityDiagram
from app.ui.widgets.reliability_picture import CalibrationShown
from app.ui.widgets.segmented import Segmented

POSITION, CUMULATIVE, CONTEXT, CALIBRATION = range(4)
_FRAME = 61
"""Pixels that the panel takes around its picture."""
_TITLES = ("Loss by position", "Loss up to here", "Loss by context", "Calibration")


class LossPanel(Panel):
    """`byte_chosen(byte)` for a place on a curve along the text; `resized` where another picture needs another height,
    which is the panel's least then."""

    byte_chosen = Signal(int)
    resized = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme, _TITLES[POSITION])
        self._reading: CellReading | None = None
        self.views = Segmented(theme, ("Position", "Cumulative", "Context", "Calibration"), "Which picture")
        self.add_header_widget(self.views)
        self.chart = LineChart(theme)
        self.diagram = ReliabilityDiagram(theme)
        self._stack = QStackedWidget()
        self._stack.addWidget(self.chart)
        self._stack.addWidget(self.diagram)
        self.body_layout.setContentsMargins(12, 8, 12, 8)
        self.body_layout.addWidget(self._stack, 1)
        self.setMinimumHeight(self.chart.minimumHeight() + _FRAME)
        self.views.changed.connect(self._view_chosen)
        self.chart.place_chosen.connect(self._place_chosen)

    def show_reading(self, reading: CellReading | None) -> None:
        """Show a cell, or nothing."""
        self._reading = reading
        self._show()

    @Slot(int)
    def _view_chosen(self, index: int) -> None:
        picture = self.diagram if index == CALIBRATION else self.chart
        self.setMinimumHeight(picture.minimumHeight() + _FRAME)
        self.resized.emit()
        self._show()

    def _show(self) -> None:
        view, reading = self.views.index(), self._reading
        self.set_title(_TITLES[view])
        self._stack.setCurrentIndex(1 if view == CALIBRATION else 0)
        if reading is None:
            self.set_subtitle("")
            self.chart.set_curves((), "bytes", "bits per byte")
            self.diagram.set_calibrations(())
            return
        self.set_subtitle(self._words(view, reading))
        if view == CALIBRATION:
            shown = zip(reading.calibrations, reading.figures, reading.slots, strict=True)
            self.diagram.set_calibrations(
                [CalibrationShown(each, figures.model, slot) for each, figures, slot in shown]
            )
        elif view == CONTEXT:
            self.chart.set_curves(reading.context, "tokens before", "bits per token", doubling=True)
        else:
            curves = reading.position if view == POSITION else reading.cumulative
            shade = Shade(0.0, float(reading.warming), "warming up") if reading.warming else None
            self.chart.set_curves(curves, "bytes", "bits per byte", shade=shade)

    @staticmethod
    def _words(view: int, reading: CellReading) -> str:
        if view == POSITION:
            smoothed = max(140, reading.page.total // 40)
            return f"bits per byte, smoothed over {smoothed:,} bytes, along the text"
        if view == CUMULATIVE:
            return "bits per byte of the text up to each place; it ends at the figure of the table"
        if view == CONTEXT:
            return (
                "bits per token by how many tokens stood before it: 1, 2–3, 4–7, …"
                if reading.context
                else "a masked model sees both sides of every token, so there is no such curve"
            )
        return "how often the first choice was right, by how sure the model was of it (Guo et al. 2017)"

    @Slot(float)
    def _place_chosen(self, place: float) -> None:
        if self._reading is not None and self.views.index() in (POSITION, CUMULATIVE):
            self.byte_chosen.emit(min(int(place), self._reading.page.total - 1))
