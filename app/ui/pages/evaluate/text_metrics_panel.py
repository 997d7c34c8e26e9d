"""Texts against references: BLEU, chrF and ROUGE, with what matched in every pair."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QMenu, QPushButton, QStackedWidget

from app.engine.metrics.records import MetricsReport, MetricsRequest
from app.ui.page import split
from app.ui.pages.evaluate.metrics_results import MetricsResults
from app.ui.pages.evaluate.metrics_words import as_csv, as_markdown
from app.ui.pages.evaluate.pair_fields import PairFields
from app.ui.theme import Theme
from app.ui.widgets.empty_state import EmptyState
from app.ui.widgets.panel import Panel

_IDLE, _BUSY = "Measure", "Measuring…"


class TextMetricsPanel(Panel):
    """`measure_wanted(MetricsRequest)` for the page, which answers with `show_report`, or with `show_idle` when it
    failed; `generate_wanted` for hypotheses, which come back through `set_hypotheses`; `problem(UserError)` is said
    where the page says such things."""

    measure_wanted = Signal(object)
    generate_wanted = Signal()
    problem = Signal(object)

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme, "Texts against references")
        self._asked: MetricsRequest | None = None
        self._answered: MetricsRequest | None = None
        self.fields, self.results = PairFields(theme), MetricsResults(theme)
        self.copy = QPushButton("Copy")
        self.copy.setToolTip("Copy the table of pairs as it is sorted")
        self.copy_menu = QMenu(self)
        self.copy_menu.addAction("Table as Markdown", self._copy_markdown)
        self.copy_menu.addAction("Table as CSV", self._copy_csv)
        self.copy.setMenu(self.copy_menu)
        self.copy.setEnabled(False)
        self.start = QPushButton(_BUSY)
        self.start.setProperty("kind", "primary")
        self.start.setToolTip("Compare every hypothesis with its references (Ctrl+Enter)")
        # As wide as its longest words, so that nothing moves under the pointer.
        self.start.setMinimumWidth(self.start.sizeHint().width())
        self.add_header_widget(self.copy)
        self.add_header_widget(self.start)
        self.empty = EmptyState(
            theme,
            "Nothing measured yet",
            "Measure the example, or put texts of your own into the two fields.",
        )
        self._stack = QStackedWidget()
        self._stack.addWidget(self.empty)
        self._stack.addWidget(self.results)
        self.splitter = split(
            "evaluate/text-metrics", Qt.Orientation.Horizontal, (self.fields, 300), (self._stack, 560)
        )
        self.fields.setMinimumWidth(264)
        self._stack.setMinimumWidth(360)
        self.body_layout.addWidget(self.splitter, 1)
        self.start.clicked.connect(self.measure)
        self.fields.generate_wanted.connect(self.generate_wanted)
        self.fields.problem.connect(self.problem)
        self.fields.changed.connect(self._say_whether_current)
        self.show_idle()

    @Slot()
    def measure(self) -> None:
        """Ask for the texts in the fields; while one answer is under way nothing more is asked."""
        if self.start.isEnabled():
            self._asked = self.fields.request()
            self.measure_wanted.emit(self._asked)

    @Slot()
    def show_busy(self, done: int = 0, total: int = 0) -> None:
        """Measuring is under way; with a total, how far it is."""
        self.start.setEnabled(False)
        self.start.setText(_BUSY)
        self.set_subtitle(f"{done:,} of {total:,} pairs" if total else "")

    @Slot()
    def show_idle(self) -> None:
        """Nothing is under way: after a failure what was shown before stands."""
        self.start.setEnabled(True)
        self.start.setText(_IDLE)
        self._say_whether_current()

    def show_report(self, report: MetricsReport) -> None:
        """Show the answer to the last request."""
        self._answered = self._asked
        self.results.show_report(report)
        self._stack.setCurrentWidget(self.results)
        self.copy.setEnabled(True)
        self.show_idle()

    def set_hypotheses(self, text: str) -> None:
        """Put these, one a line, where hypotheses are written."""
        self.fields.set_texts(hypotheses=text)

    @Slot()
    def _say_whether_current(self) -> None:
        """Figures stand beside texts that can be edited: say when they are of other texts."""
        report = self.results.report
        if report is None:
            self.set_subtitle("")
        elif self._answered is not None and self._answered != self.fields.request():
            self.set_subtitle("changed since it was measured")
        else:
            self.set_subtitle(f"{len(report.rows):,} pair{'' if len(report.rows) == 1 else 's'}")

    @Slot()
    def _copy_markdown(self) -> None:
        if self.results.report is not None:
            QGuiApplication.clipboard().setText(as_markdown(self.results.report, self.results.table.rows()))

    @Slot()
    def _copy_csv(self) -> None:
        QGuiApplication.clipboard().setText(as_csv(self.results.table.rows()))
