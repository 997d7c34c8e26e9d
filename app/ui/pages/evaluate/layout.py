"""How the Evaluate page is laid out: three views under one line."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QScrollArea, QSplitter, QStackedWidget, QWidget

from app.session.session import Session
from app.ui.page import Page, split
from app.ui.pages.evaluate.loss_panel import LossPanel
from app.ui.pages.evaluate.results_panel import ResultsPanel
from app.ui.pages.evaluate.run_bar import RunBar
from app.ui.pages.evaluate.surprise_panel import SurprisePanel
from app.ui.pages.evaluate.text_metrics_panel import TextMetricsPanel
from app.ui.theme import Theme
from app.ui.widgets.panel import Panel
from app.ui.widgets.worked_perplexity import WorkedPerplexity


class EvaluateLayout(Page):
    """The panels, without what they show and do: that is the page's."""

    def __init__(self, theme: Theme, session: Session) -> None:
        super().__init__(theme, session)
        self.bar = RunBar(theme)
        self.results = ResultsPanel(theme)
        self.surprise = SurprisePanel(theme)
        self.loss = LossPanel(theme)
        self.worked = WorkedPerplexity(theme)
        self.metrics = TextMetricsPanel(theme)
        self.views = QStackedWidget()
        for view in (self._table_view(), self._by_hand(), self.metrics):
            self.views.addWidget(view)
        self.body.addWidget(self.bar)
        self.body.addWidget(self.views, 1)

    def _table_view(self) -> QSplitter:
        self.results.setMinimumHeight(170)
        self.surprise.setMinimumHeight(150)
        self.loss.setMinimumHeight(140)
        return split(
            "evaluate table", Qt.Orientation.Vertical, (self.results, 300), (self.surprise, 260), (self.loss, 190)
        )

    def _by_hand(self) -> QWidget:
        panel = Panel(self._theme, "Perplexity by hand", "product, geometric mean, reciprocal")
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QScrollArea.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(self.worked)
        panel.body_layout.addWidget(scroll, 1)
        return panel
