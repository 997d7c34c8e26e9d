"""The line above the table: which view, the windows, and the button that measures."""

from __future__ import annotations

from PySide6.QtCore import Signal, Slot
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QPushButton, QSizePolicy, QSpinBox, QWidget

from app.engine.evaluate.records import Plan
from app.ui.theme import Theme
from app.ui.widgets.labels import make_label
from app.ui.widgets.segmented import Segmented

VIEWS = ("Perplexity", "By hand", "BLEU and ROUGE")
PLANS = (("Sliding windows", "sliding"), ("lm-eval blocks", "lm-eval"))
_LARGEST = 1_048_576


class RunBar(QWidget):
    """`view_chosen(index)`, `plan_chosen(Plan)`, and two buttons for the page."""

    view_chosen = Signal(int)
    plan_chosen = Signal(object)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.setAccessibleName("What is measured")
        self._words = ""
        self.views = Segmented(theme, VIEWS, "View")
        self.summary = make_label(theme, "", 12.5, role="caption")
        self.summary.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.below = Segmented(theme, ("Text", "Curves"), "What stands under the table")
        self.below.setToolTip("In a low window the text and its curves take turns")
        self.below.hide()
        self.plans = QComboBox()
        self.plans.addItems([words for words, _ in PLANS])
        self.plans.setAccessibleName("Windows")
        self.plans.setToolTip(
            "Sliding windows: each token is scored once, after at least window − stride tokens of its text.\n"
            "lm-eval blocks: as lm-evaluation-harness does it, disjoint blocks after a start token; for comparing with "
            "published figures."
        )
        self.window_field = _number("Window: tokens that the model sees at once; auto is its context, at most 1,024")
        self.stride_field = _number("Stride: how many tokens further the next window begins; auto is half a window")
        self._stride_label = make_label(theme, "Stride", 12, role="secondary")
        self._window_label = make_label(theme, "Window", 12, role="secondary")
        self.start = QPushButton("Measure")
        self.start.setProperty("kind", "primary")
        self.start.setToolTip("Measure every cell that has no figures for its inputs as they are (Ctrl+Enter)")
        self.cancel = QPushButton("Cancel")
        self.cancel.setToolTip(
            "Stop within one step (Esc); finished cells stay, and the next run goes on from here, "
            "as long as Unembed stays open"
        )
        self.cancel.hide()
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(self.views)
        row.addWidget(self.summary, 1)
        row.addWidget(self.below)
        self.measuring: tuple[QWidget, ...] = (
            self.plans,
            self._window_label,
            self.window_field,
            self._stride_label,
            self.stride_field,
            self.cancel,
            self.start,
        )
        for part in self.measuring:
            row.addWidget(part)
        self.views.changed.connect(self.view_chosen)
        self.plans.currentIndexChanged.connect(self._chosen)
        self.window_field.valueChanged.connect(self._chosen)
        self.stride_field.valueChanged.connect(self._chosen)

    def show_plan(self, plan: Plan) -> None:
        """Show these windows; emits nothing."""
        for field, value in ((self.window_field, plan.window), (self.stride_field, plan.stride)):
            field.blockSignals(True)
            field.setValue(value or 0)
            field.blockSignals(False)
        self.plans.blockSignals(True)
        self.plans.setCurrentIndex([name for _, name in PLANS].index(plan.name))
        self.plans.blockSignals(False)
        self._show_stride()

    def plan(self) -> Plan:
        """The windows as they stand in the fields."""
        name = PLANS[self.plans.currentIndex()][1]
        return Plan(
            self.window_field.value() or None, (self.stride_field.value() or None) if name == "sliding" else None, name
        )

    def show_state(self, running: bool, again: bool, possible: bool, why: str = "") -> None:
        """What the buttons say; `again` when every cell has figures already."""
        self.start.setText("Measuring…" if running else "Measure again" if again else "Measure")
        self.start.setEnabled(possible and not running)
        self.start.setToolTip(why or "Measure every cell that has no figures for its inputs as they are (Ctrl+Enter)")
        self.cancel.setVisible(running and not self.views.index())

    def show_view(self, index: int) -> None:
        """The windows belong to the table alone."""
        self.views.set_index(index)
        self._say()
        if index:
            self.below.hide()
        for part in self.measuring:
            part.setVisible(index == 0 and (part is not self.cancel or not self.start.isEnabled()))

    def set_summary(self, words: str) -> None:
        """How large the table is; said beside it alone."""
        self._words = words
        self._say()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._say()

    def _say(self) -> None:
        """The words, unless they would be cut."""
        fits = self.summary.fontMetrics().horizontalAdvance(self._words) <= self.summary.width()
        self.summary.setText(self._words if fits and not self.views.index() else "")

    @Slot()
    def _chosen(self) -> None:
        self._show_stride()
        self.plan_chosen.emit(self.plan())

    def _show_stride(self) -> None:
        """Blocks have no stride."""
        sliding = PLANS[self.plans.currentIndex()][1] == "sliding"
        self.stride_field.setEnabled(sliding)
        self._stride_label.setEnabled(sliding)


def _number(words: str) -> QSpinBox:
    field = QSpinBox()
    field.setRange(0, _LARGEST)
    field.setSpecialValueText("auto")
    field.setGroupSeparatorShown(True)
    field.setKeyboardTracking(False)
    field.setFixedWidth(84)
    field.setToolTip(words)
    field.setAccessibleName(words.partition(":")[0])
    return field
