"""How the Evaluate page is laid out: three views under one line."""

from __future__ import annotations

from PySide6.QtCore import Qt, Slot
from PySide6.QtGui import QResizeEvent
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

_LOW = 640
"""Pixels of the three panels under which the text and its curves take turns."""
_CURVE = 170
"""Pixels of a panel with a curve: what more there is belongs to the text."""


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
        self.table = self._table_view()
        self._moved = False
        """The person gave the panels their heights."""
        self.table.splitterMoved.connect(self._splitter_moved)
        for view in (self.table, self._by_hand(), self.metrics):
            self.views.addWidget(view)
        self.bar.below.changed.connect(self._lower_chosen)
        self.loss.resized.connect(self.fit_table)
        self.body.addWidget(self.bar)
        self.body.addWidget(self.views, 1)

    def _table_view(self) -> QSplitter:
        self.results.setMinimumHeight(170)
        self.surprise.setMinimumHeight(150)
        return split(
            "evaluate table", Qt.Orientation.Vertical, (self.results, 300), (self.surprise, 260), (self.loss, _CURVE)
        )

    @Slot()
    def _splitter_moved(self) -> None:
        self._moved = True

    @Slot()
    def fit_table(self) -> None:
        """Give the table what its rows need, up to half of the page; what is left goes to the text and its curve."""
        low = 0 < self.views.height() < _LOW
        self.bar.below.setVisible(low and self.views.currentWidget() is self.table)
        self.surprise.setVisible(not low or self.bar.below.index() == 0)
        self.loss.setVisible(not low or self.bar.below.index() == 1)
        whole = self.views.height() - 2 * self.table.handleWidth()
        if self._moved or whole <= 0:
            return
        needed = self.loss.minimumHeight()
        above = whole - (0 if low else self.surprise.minimumHeight()) - needed
        first = min(max(self.results.wanted_height(), self.results.minimumHeight()), whole // 2, above)
        last = whole - first if low else max(min(_CURVE, (whole - first) * 2 // 5), needed)
        self.table.setSizes([first, whole - first if low else whole - first - last, last])

    @Slot(int)
    def _lower_chosen(self, _index: int) -> None:
        self.fit_table()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.fit_table()

    def _by_hand(self) -> QWidget:
        panel = Panel(self._theme, "Perplexity by hand", "product, geometric mean, reciprocal")
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QScrollArea.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.worked.setProperty("role", "page")
        scroll.setWidget(self.worked)
        panel.body_layout.addWidget(scroll, 1)
        return panel
