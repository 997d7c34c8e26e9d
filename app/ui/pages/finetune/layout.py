"""How the Finetune page is laid out: data and method at the left, the run or what it changed at the right."""

from __future__ import annotations

from PySide6.QtCore import Qt, Slot
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from app.engine.finetune.settings import FinetuneSettings
from app.session.session import Session
from app.ui.page import Page, split
from app.ui.pages.finetune.before_after_panel import BeforeAfterPanel
from app.ui.pages.finetune.changes_panel import ChangesPanel
from app.ui.pages.finetune.data_panel import DataPanel
from app.ui.pages.finetune.method_panel import MethodPanel
from app.ui.pages.finetune.runs_panel import RunsPanel
from app.ui.pages.finetune.samples_panel import SamplesPanel
from app.ui.pages.finetune.training_panel import TrainingPanel
from app.ui.theme import Theme
from app.ui.widgets.labels import make_label
from app.ui.widgets.segmented import Segmented

HIGH_FOR_BOTH = 720
"""Pixels from which data and method have room above each other."""
VIEWS = ("Run", "What changed", "Runs")


class FinetuneLayout(Page):
    """The panels, without what they show and do: that is the page's."""

    def __init__(self, theme: Theme, session: Session) -> None:
        super().__init__(theme, session)
        self.data = DataPanel(theme)
        self.method = MethodPanel(theme, FinetuneSettings())
        self.training = TrainingPanel(theme)
        self.samples = SamplesPanel(theme)
        self.before_after = BeforeAfterPanel(theme)
        self.changes = ChangesPanel(theme)
        self.runs = RunsPanel(theme)
        self.views = Segmented(theme, VIEWS, "View")
        self.words = make_label(theme, "", 12.5, role="caption")
        self.right = QStackedWidget()
        running = split(
            "finetune run",
            Qt.Orientation.Vertical,
            (self.training, 340),
            (self.samples, 178),
            (self.before_after, 216),
        )
        for view in (running, self.changes, self.runs):
            self.right.addWidget(view)
        self.views.changed.connect(self.show_view)
        self.left = LeftColumn(theme, self.data, self.method)
        self.left.setMinimumWidth(340)
        whole = split("finetune whole", Qt.Orientation.Horizontal, (self.left, 372), (self._right_side(), 640))
        whole.setStretchFactor(0, 0)
        self.body.addWidget(whole, 1)

    def _right_side(self) -> QWidget:
        side = QWidget()
        column = QVBoxLayout(side)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        row = QHBoxLayout()
        row.setSpacing(10)
        row.addWidget(self.views)
        row.addWidget(self.words, 1)
        column.addLayout(row)
        column.addWidget(self.right, 1)
        return side

    def show_view(self, index: int) -> None:
        """Bring the run, what it changed, or the list of runs to the front."""
        self.views.set_index(index)
        self.right.setCurrentIndex(index)
        self.view_shown(index)

    def view_shown(self, index: int) -> None:
        """What the page does when a view comes to the front."""


class LeftColumn(QWidget):
    """Data above method; where the window is too low for both, one at a time."""

    def __init__(self, theme: Theme, data: DataPanel, method: MethodPanel) -> None:
        super().__init__()
        self._panels = (data, method)
        self.tabs = Segmented(theme, ("Data", "Method"), "Which panel")
        self.tabs.changed.connect(self._fit)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(self.tabs, 0, Qt.AlignmentFlag.AlignLeft)
        column.addWidget(split("finetune left", Qt.Orientation.Vertical, (data, 360), (method, 424)), 1)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    @Slot()
    def _fit(self) -> None:
        low = self.height() < HIGH_FOR_BOTH
        self.tabs.setVisible(low)
        for place, panel in enumerate(self._panels):
            panel.setVisible(not low or place == self.tabs.index())
