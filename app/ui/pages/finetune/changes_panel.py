"""What finetuning changed: heads, weights, the residual stream and the next token, from checkpoint to checkpoint."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QPaintEvent
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLineEdit,
    QStackedWidget,
    QStyle,
    QStyleOptionComboBox,
    QStylePainter,
    QWidget,
)

from app.engine.evaluate.records import Curve
from app.engine.finetune.records import WeightChange
from app.engine.trace.records import Token, TraceComparison
from app.ui.pages.finetune.changed_heads import ChangedHeads
from app.ui.pages.finetune.changed_tokens import NO_TOKENS, ChangedTokens
from app.ui.pages.finetune.changed_weights import ChangedWeights
from app.ui.pages.finetune.forgetting_view import ForgettingView
from app.ui.theme import Theme
from app.ui.widgets.checkpoint_scrubber import CheckpointScrubber
from app.ui.widgets.empty_state import EmptyState
from app.ui.widgets.labels import make_label
from app.ui.widgets.line_chart import LineChart
from app.ui.widgets.panel import Panel
from app.ui.widgets.segmented import Segmented
from app.ui.widgets.slot_badge import SlotBadge

HEADS, WEIGHTS, RESIDUAL, NEXT_TOKEN, FORGETTING = range(5)
VIEWS = ("Heads", "Weights", "Residual", "Next token", "Forgetting")
EMPTY = "Type a text above to see what is different in B."
NO_WEIGHTS = "There are no changed weights to show."
NO_STREAMS = "The streams of the two differ in width, so there is no distance between them."
_APART = "Jensen–Shannon divergence of what the two would say next, mean over the tokens of the text"
_NAME_LETTERS = 13
"""Letters of a side's name that always have room."""
_STACKS = {"": "", "encoder": "encoder ", "decoder": "decoder "}


class ChangesPanel(Panel):
    """Two readings of the same text against each other. It asks; whoever owns it answers with the `show_…` methods."""

    prompt_asked = Signal(str)
    """A text was entered."""
    sides_chosen = Signal(int, int)
    """Others of the names are to stand for A and B."""
    step_chosen = Signal(int)
    """The checkpoint of this step is to be B."""
    head_chosen = Signal(str, int, int)
    """Kind, layer and head whose patterns are wanted."""
    position_chosen = Signal(int)

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme, "What changed")
        self._comparison: TraceComparison | None = None
        self._words = EMPTY
        self._summary = ""
        self.views = Segmented(theme, VIEWS, "Which picture of the change")
        self.views.changed.connect(self._show_view)
        self.add_header_widget(self.views)
        self.heads = ChangedHeads(theme)
        self.heads.head_chosen.connect(self.head_chosen)
        self.weights = ChangedWeights(theme)
        self.chart = LineChart(theme)
        self.tokens = ChangedTokens(theme)
        self.tokens.position_chosen.connect(self.position_chosen)
        self.forgetting = ForgettingView(theme)
        self.empty = EmptyState(theme)
        for twin in (self.heads.twin, self.weights.twin):
            self.add_header_widget(twin.button)
        self._sheets = QStackedWidget()
        for sheet in (self.heads, self.weights, self.chart, self.tokens, self.forgetting, self.empty):
            self._sheets.addWidget(sheet)
        self.body_layout.setContentsMargins(12, 8, 12, 6)
        self.body_layout.setSpacing(6)
        self.body_layout.addLayout(self._top(theme))
        self.body_layout.addWidget(self._scrubbing(theme))
        self.body_layout.addWidget(self._sheets, 1)
        self._show_view()

    def _top(self, theme: Theme) -> QHBoxLayout:
        self.choosers = (_Chooser(), _Chooser())
        self.prompt = QLineEdit()
        self.prompt.setPlaceholderText("Text for both, then Enter")
        self.prompt.setAccessibleName("Text that both read")
        self.prompt.setMinimumWidth(120)
        self.prompt.returnPressed.connect(self._asked)
        row = QHBoxLayout()
        row.setSpacing(6)
        for slot, chooser in zip("AB", self.choosers, strict=True):
            chooser.setAccessibleName(f"What stands for {slot}")
            chooser.setFont(theme.font(12.5, 500))
            chooser.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
            chooser.setMinimumContentsLength(_NAME_LETTERS)
            chooser.activated.connect(self._side_chosen)
            row.addWidget(SlotBadge(theme, slot))
            row.addWidget(chooser)
            row.addSpacing(6)
        row.addWidget(self.prompt, 1)
        return row

    def _scrubbing(self, theme: Theme) -> QWidget:
        self.scrubber = CheckpointScrubber(theme)
        self.scrubber.chosen.connect(self._step_moved)
        self.step = make_label(theme, "", 12, 500)
        self._steps_row = QWidget()
        row = QHBoxLayout(self._steps_row)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        for label in (make_label(theme, "B at step", 12, role="secondary"), self.step):
            # Level with the line, under which the numbers stand.
            row.addWidget(label, 0, Qt.AlignmentFlag.AlignTop)
            label.setMinimumHeight(24)
        row.addWidget(self.scrubber, 1)
        self._steps_row.hide()
        return self._steps_row

    # What the owner says

    def set_sides(self, names: Sequence[str], first: int, second: int) -> None:
        """What can stand for A and for B ("story-gpt", "with LoRA, step 300"), and what does; emits nothing."""
        for chooser, chosen in zip(self.choosers, (first, second), strict=True):
            chooser.clear()
            chooser.addItems(list(names))
            chooser.setCurrentIndex(chosen)
            chooser.setEnabled(len(names) > 1)
            # The list is as wide as the longest name, whatever the field has room for.
            chooser.view().setMinimumWidth(chooser.view().sizeHintForColumn(0) + 24)
            chooser.setToolTip(chooser.currentText())

    def set_prompt(self, text: str) -> None:
        """The text that is compared on; emits nothing."""
        self.prompt.setText(text)
        self.prompt.setCursorPosition(0)

    def set_steps(self, steps: tuple[int, ...], current: int | None) -> None:
        """The steps at which B has checkpoints, ascending, and the one that is compared; () hides the line."""
        self.scrubber.set_steps(steps, current)
        self._steps_row.setVisible(bool(steps))
        self._say_step()

    def show_comparison(
        self, comparison: TraceComparison, tokens: Sequence[Token], target_tokens: Sequence[Token] = ()
    ) -> None:
        """Show a comparison on these tokens; an encoder-decoder's target is what its decoder was fed. The chosen head
        and token stay; `chosen_head` says whose patterns are wanted anew."""
        self._comparison, self._words = comparison, EMPTY
        apart = comparison.next_token
        self._summary = "" if apart is None else f"{float(np.mean(apart)):.3f} bits apart in what comes next"
        self.set_subtitle(self._summary)
        self._subtitle.setToolTip(_APART if apart is not None else "")
        self.heads.show_comparison(comparison, tokens, target_tokens)
        self._draw_streams(comparison)
        if apart is None:
            self.tokens.clear()
        else:
            self.tokens.show_comparison(comparison, target_tokens or tokens)
        self._show_view()

    def show_weights(self, changes: tuple[WeightChange, ...]) -> None:
        """Show how far weights moved; needs no text."""
        self.weights.show_changes(changes)
        self._show_view()

    def show_patterns(
        self,
        layer: int,
        head: int,
        first: np.ndarray,
        second: np.ndarray,
        kind: str = "self",
        visible: np.ndarray | None = None,
    ) -> None:
        """The patterns of the chosen head in A and in B, float32 `[query, key]`; those of another head are dropped.
        Without `visible`, bool of the same shape, cells without any weight count as masked."""
        self.heads.show_patterns(layer, head, (first, second), kind, visible)

    def chosen_head(self) -> tuple[str, int, int] | None:
        """Kind, layer and head whose patterns are wanted, None before one is chosen."""
        return self.heads.chosen()

    def show_busy(self) -> None:
        """A comparison is on its way; what is shown stays until it comes."""
        self.set_subtitle("comparing…")

    def show_idle(self) -> None:
        """Nothing is on its way any more, and nothing came."""
        self.set_subtitle(self._summary)

    def clear(self, words: str = EMPTY) -> None:
        """Nothing stays; `words` say why and what to do."""
        self._comparison, self._words, self._summary = None, words, ""
        self.set_subtitle("")
        self.heads.clear()
        self.tokens.clear()
        self.weights.show_changes(())
        self.chart.set_curves((), "", "")
        self.forgetting.show_figures(None)
        self._show_view()

    # What the person does

    @Slot()
    def _asked(self) -> None:
        if self.prompt.text().strip():
            self.prompt_asked.emit(self.prompt.text())

    @Slot(int)
    def _side_chosen(self, _index: int) -> None:
        first, second = (chooser.currentIndex() for chooser in self.choosers)
        self.sides_chosen.emit(first, second)

    @Slot(int)
    def _step_moved(self, step: int) -> None:
        self._say_step()
        self.step_chosen.emit(step)

    def _say_step(self) -> None:
        current = self.scrubber.current()
        self.step.setText("–" if current is None else f"{current:,}")

    @Slot()
    def _show_view(self) -> None:
        view = self.views.index()
        lacking = self._lacking(view)
        self.heads.twin.button.setVisible(view == HEADS and not lacking)
        self.weights.twin.button.setVisible(view == WEIGHTS and not lacking)
        self.empty.set_text("", lacking)
        self._sheets.setCurrentIndex(self._sheets.indexOf(self.empty) if lacking else view)

    def _lacking(self, view: int) -> str:
        """Why there is nothing to show, "" where there is."""
        if view == WEIGHTS:
            return "" if self.weights.changes() else self._words if self._words != EMPTY else NO_WEIGHTS
        if view == FORGETTING:
            return "" if self._words == EMPTY else self._words
        if self._comparison is None:
            return self._words
        if view == RESIDUAL and not self._comparison.streams:
            return NO_STREAMS
        return NO_TOKENS if view == NEXT_TOKEN and self._comparison.next_token is None else ""

    def _draw_streams(self, comparison: TraceComparison) -> None:
        curves = []
        for stream in comparison.streams:
            blocks = np.arange(len(stream.relative), dtype=np.float64)
            stack = _STACKS[stream.stack]
            curves.append(Curve(blocks, stream.relative.astype(np.float64), f"{stack}distance"))
            curves.append(Curve(blocks, 1.0 - stream.cosine.astype(np.float64), f"{stack}1 − cosine"))
        self.chart.set_curves(
            curves, "blocks passed", "distance ‖A − B‖ / ‖A‖ and 1 − cosine of the residual stream, mean over tokens"
        )


class _Chooser(QComboBox):
    """A long name is cut in its middle: runs of the same data differ by the time at their end."""

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, option = QStylePainter(self), QStyleOptionComboBox()
        self.initStyleOption(option)
        style, field = self.style(), QStyle.SubControl.SC_ComboBoxEditField
        room = style.subControlRect(QStyle.ComplexControl.CC_ComboBox, option, field, self).width() - 4
        option.currentText = self.fontMetrics().elidedText(option.currentText, Qt.TextElideMode.ElideMiddle, room)
        painter.drawComplexControl(QStyle.ComplexControl.CC_ComboBox, option)
        painter.drawControl(QStyle.ControlElement.CE_ComboBoxLabel, option)
        painter.end()
