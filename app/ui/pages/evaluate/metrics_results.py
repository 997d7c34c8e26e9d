"""What was measured: the scores large, how to repeat them, the pairs, and what matched in one of them."""

from __future__ import annotations

from PySide6.QtCore import Qt, Slot
from PySide6.QtGui import QGuiApplication, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QToolButton, QVBoxLayout, QWidget

from app.engine.metrics.records import BLEU, CHRF, ROUGE_1, MetricReport, MetricsReport, PairReport
from app.ui.icons import icon
from app.ui.page import split
from app.ui.pages.evaluate.match_text import MarkedText, MatchLegend, MatchText
from app.ui.pages.evaluate.metrics_words import SHOWN, scores_text, told
from app.ui.pages.evaluate.pair_table import PairTable
from app.ui.theme import Theme
from app.ui.widgets.labels import make_label, make_rule
from app.ui.widgets.number_text import number
from app.ui.widgets.segmented import Segmented

_SIGNED = ((BLEU, "BLEU"), (CHRF, "chrF"), (ROUGE_1, "ROUGE"))
"""Whose signatures are shown, and under which name: the three of ROUGE have one."""
_NGRAMS, _COMMON = "N-grams", "Subsequence"
_LOW = 470
"""Lower than this the signatures wait until they are asked for."""


class Readout(QWidget):
    """A metric's name over its score."""

    def __init__(self, theme: Theme, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme, self._name = theme, name
        self.value: QLabel = make_label(theme, "", 22, 650)
        self.value.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(make_label(theme, name, 12, role="caption"))
        layout.addWidget(self.value)

    def show_metric(self, metric: MetricReport) -> None:
        """Show a score; what it is made of is in the tooltip."""
        self.value.setText(number(metric.score, 1))
        self.setToolTip(told(metric))
        self.setAccessibleName(f"{self._name} {self.value.text()}")
        self.setAccessibleDescription(told(metric))

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.value.setFont(self._theme.font(22, 650))


class MetricsResults(QWidget):
    """Shows a report; which pair and which view stand open is the person's choice."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self.report: MetricsReport | None = None
        self._row: PairReport | None = None
        self._signed_by_choice = False
        self.readouts = {name: Readout(theme, name) for name in SHOWN}
        self.note: QLabel = make_label(theme, "", 12, role="secondary")
        self.note.setWordWrap(True)
        self.table = PairTable(theme)
        self.table.chosen.connect(self._choose)
        self.splitter = split(
            "evaluate/text-metrics-pairs", Qt.Orientation.Vertical, (self.table, 110), (self._pair(theme), 150)
        )
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addLayout(self._top())
        layout.addWidget(self._signatures(theme))
        layout.addWidget(self.note)
        layout.addWidget(make_rule())
        layout.addWidget(self.splitter, 1)
        theme.changed.connect(self._tint)
        self._tint()

    def show_report(self, report: MetricsReport) -> None:
        """Show its scores and its pairs, the first one open."""
        self.report = report
        for name, readout in self.readouts.items():
            readout.show_metric(report.metric(name))
        for name, _ in _SIGNED:
            self.signatures[name].setText(report.metric(name).signature)
        self.note.setText(" ".join(report.notes))
        self.note.setVisible(bool(report.notes))
        self.table.show_rows(report.rows)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if not self._signed_by_choice:
            self.signed.setChecked(self.height() >= _LOW)

    def _top(self) -> QHBoxLayout:
        self.signed, self.copy_signatures = QToolButton(), QToolButton()
        self.signed.setCheckable(True)
        for button, words in (
            (self.signed, "Show the signatures: what it takes to compute the same numbers again"),
            (self.copy_signatures, "Copy all scores with their parts and signatures"),
        ):
            button.setToolTip(words)
            button.setAccessibleName(words.partition(":")[0])
        self.signed.clicked.connect(self._sign)
        self.copy_signatures.clicked.connect(self._copy)
        row = QHBoxLayout()
        row.setSpacing(4)
        for readout in self.readouts.values():
            row.addWidget(readout, 1)
        for button in (self.signed, self.copy_signatures):
            row.addWidget(button, 0, Qt.AlignmentFlag.AlignTop)
        return row

    def _signatures(self, theme: Theme) -> QWidget:
        whole = QWidget()
        self.signed.toggled.connect(whole.setVisible)
        whole.hide()
        grid = QGridLayout(whole)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(8)
        grid.setVerticalSpacing(1)
        grid.setColumnStretch(1, 1)
        self.signatures: dict[str, QLabel] = {}
        for line, (name, shown) in enumerate(_SIGNED):
            signature = make_label(theme, "", 11, role="secondary", mono=True)
            signature.setTextInteractionFlags(
                Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
            )
            signature.setWordWrap(True)
            signature.setAccessibleName(f"Signature of {shown}")
            signature.setToolTip("Report this beside the number: whoever has it can compute the same again")
            self.signatures[name] = signature
            grid.addWidget(make_label(theme, shown, 11, role="caption"), line, 0, Qt.AlignmentFlag.AlignTop)
            grid.addWidget(signature, line, 1)
        return whole

    def _pair(self, theme: Theme) -> QWidget:
        self.views = Segmented(theme, (_NGRAMS, _COMMON), "What matched")
        self.views.button(0).setToolTip("Runs of one to four words that stand on the other side too, as BLEU counts")
        self.views.button(1).setToolTip("The longest sequence of words common to both, as ROUGE-L counts")
        self.views.changed.connect(self._show_pair)
        self.legend = MatchLegend(theme)
        self.matches = MatchText(theme)
        self.matches.setMinimumHeight(76)
        top = QHBoxLayout()
        top.setSpacing(8)
        top.addWidget(self.views)
        top.addStretch(1)
        top.addWidget(self.legend)
        whole = QWidget()
        layout = QVBoxLayout(whole)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addLayout(top)
        layout.addWidget(self.matches, 1)
        return whole

    @Slot(int)
    def _choose(self, row: int) -> None:
        if self.report is not None:
            self._row = self.report.rows[row]
            self._show_pair()

    @Slot()
    def _show_pair(self) -> None:
        if self._row is None:
            return
        ngrams = self.views.index() == 0
        self.legend.setVisible(ngrams)
        self.matches.show_texts(_ngram_texts(self._row) if ngrams else _common_texts(self._row))

    @Slot()
    def _sign(self) -> None:
        """From now on the height decides no more."""
        self._signed_by_choice = True

    @Slot()
    def _copy(self) -> None:
        if self.report is not None:
            QGuiApplication.clipboard().setText(scores_text(self.report))

    @Slot()
    def _tint(self) -> None:
        self.copy_signatures.setIcon(icon(self._theme, "copy"))
        self.signed.setIcon(icon(self._theme, "info"))


def _ngram_texts(row: PairReport) -> list[MarkedText]:
    texts = [MarkedText("Hypothesis", row.pair.hypothesis, row.ngrams.runs())]
    for place, (text, marks) in enumerate(zip(row.pair.references, row.reference_ngrams, strict=True)):
        texts.append(MarkedText(_heading(row, place, row.best, "highest BLEU"), text, marks.runs()))
    return texts


def _common_texts(row: PairReport) -> list[MarkedText]:
    texts = [
        MarkedText(
            "Hypothesis, with the words that the reference has in the same order",
            row.pair.hypothesis,
            row.common.runs(),
        )
    ]
    for place, text in enumerate(row.pair.references):
        runs = row.reference_common.runs() if place == row.best_common else ()
        texts.append(MarkedText(_heading(row, place, row.best_common, "highest ROUGE-L"), text, runs))
    return texts


def _heading(row: PairReport, place: int, best: int, why: str) -> str:
    """References are counted as they stand in the line; the one that counts is named where there are several."""
    if len(row.pair.references) == 1:
        return "Reference"
    return f"Reference {place + 1}{f', {why}' if place == best else ''}"
