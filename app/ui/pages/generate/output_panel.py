"""The text as it is written: chips, the scrubber over its steps, and another text to compare with."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QTimer, Signal, Slot
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QMenu,
    QPushButton,
    QScrollArea,
    QStackedWidget,
    QToolButton,
    QWidget,
)

from app.engine.trace.records import Token
from app.session.branches import Branch
from app.session.generated import GeneratedToken, RunCost
from app.session.generation import Generation
from app.ui.icons import icon
from app.ui.pages.generate.chip_colours import ATTENTION, COLOUR_TIPS, COLOURS
from app.ui.theme import Theme
from app.ui.widgets.empty_state import EmptyState
from app.ui.widgets.labels import make_label
from app.ui.widgets.panel import Panel
from app.ui.widgets.step_scrubber import StepScrubber
from app.ui.widgets.token_chip import GENERATE
from app.ui.widgets.token_strip import TokenStrip
from app.ui.widgets.token_text import visible_token

EXAMPLES = (
    "Once upon a time, there was a",
    "Lily found a shiny key under the old tree. She",
    "The little fox was hungry, so he went to the",
)
LOW_FOR_TWO = 300
"""A panel lower than this has no room for two texts and the scrubber."""
PACES = (("Full speed", 0.0), ("5 a second", 5.0), ("1 a second", 1.0), ("1 in 3 seconds", 1 / 3))


class OutputPanel(Panel):
    """Shows one branch. `step_chosen(index)` for a chip or the scrubber (−1: a token of the prompt); `start`, `copy`
    and `edit` are buttons for the page."""

    step_chosen = Signal(int)
    step_hovered = Signal(int)
    """The step under the pointer, −1 for none."""

    def __init__(self, theme: Theme, generation: Generation) -> None:
        super().__init__(theme, "Output")
        self._generation = generation
        self._branch = Branch("")
        self._other: Branch | None = None
        self.start = QPushButton("Generate")
        self.start.setProperty("kind", "primary")
        self.start.setToolTip("Continue the prompt (Ctrl+Enter)")
        # As wide as its longest words, so that nothing moves under the pointer when a run ends.
        self.start.setText("Generate again")
        self.start.setMinimumWidth(self.start.sizeHint().width())
        self.copy, self.edit, self.pause, self.one, self.stop = (QToolButton() for _ in range(5))
        for button, words in (
            (self.copy, "Copy the whole text; from the menu with its settings, or save it"),
            (self.edit, "Edit the whole text and go on from there"),
            (self.one, "One token more, then hold again"),
            (self.stop, "Stop (Esc)"),
        ):
            button.setToolTip(words)
        for button, words in (
            (self.copy, "Copy the whole text"),
            (self.edit, "Edit the whole text"),
            (self.one, "One token more"),
            (self.stop, "Stop"),
        ):
            button.setAccessibleName(words)
        for widget in (self.pause, self.one, self.stop, self.start):
            self.add_header_widget(widget)
        menu = QMenu(self)
        self.with_settings = menu.addAction("Copy with its settings")
        self.save_text = menu.addAction("Save with its settings…")
        self.copy.setMenu(menu)
        # Room for the arrow of its menu beside the icon.
        self.copy.setMinimumWidth(44)
        self.copy.setPopupMode(QToolButton.ToolButtonPopupMode.MenuButtonPopup)
        self.text, self.other = TokenStrip(theme, GENERATE), TokenStrip(theme, GENERATE)
        self.text.setAccessibleName("Generated text")
        self.other.setAccessibleName("Text compared with")
        self.text.clicked.connect(self._chip_clicked)
        self.text.hovered.connect(self._chip_hovered)
        self.empty = EmptyState(
            theme, "Nothing written yet", "Type a prompt above, or continue one of these:", EXAMPLES
        )
        self._scroll, self._other_scroll = self._scrolled(self.text), self._scrolled(self.other)
        self._difference = make_label(theme, "", 12, role="caption")
        self._difference.setWordWrap(True)
        self.scrubber = StepScrubber(theme)
        self.scrubber.chosen.connect(self.step_chosen)
        self._stack = QStackedWidget()
        self._stack.addWidget(self.empty)
        self._stack.addWidget(self._scroll)
        self.body_layout.setContentsMargins(10, 6, 10, 6)
        self.body_layout.setSpacing(4)
        self.body_layout.addWidget(self._stack, 3)
        self.body_layout.addWidget(self._difference)
        self.body_layout.addWidget(self._other_scroll, 2)
        self._row = self._controls(theme)
        self.body_layout.addWidget(self._row)
        self.compare_with(None)
        theme.changed.connect(self.tint_icons)
        self.tint_icons()

    def _controls(self, theme: Theme) -> QWidget:
        self.colours = QComboBox()
        self.colours.addItems(list(COLOURS))
        self.colours.setAccessibleName("Colour of the tokens")
        self.colours.currentTextChanged.connect(self._colours_chosen)
        self._colours_chosen("Probability")
        self.paces = QComboBox()
        self.paces.addItems([words for words, _ in PACES])
        self.paces.setAccessibleName("Speed")
        self.paces.setToolTip("Slow motion: so many tokens are written in a second")
        self.paces.currentIndexChanged.connect(self._pace_chosen)
        whole = QWidget()
        row = QHBoxLayout(whole)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        for box in (self.colours, self.paces):
            box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
            box.setMinimumContentsLength(10)
        row.addWidget(self.colours)
        row.addWidget(self.scrubber, 1)
        row.addWidget(self.paces)
        row.addWidget(self.copy)
        row.addWidget(self.edit)
        return whole

    @staticmethod
    def _scrolled(strip: TokenStrip) -> QScrollArea:
        strip.setProperty("role", "page")
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setWidget(strip)
        return scroll

    @Slot()
    def tint_icons(self) -> None:
        """Icons in the theme's ink."""
        names = {self.copy: "copy", self.edit: "edit", self.stop: "stop", self.one: "step-forward"}
        for button, name in names.items():
            button.setIcon(icon(self._theme, name))

    # What is shown

    def show_branch(self, branch: Branch, writing: bool) -> None:
        """Another text, from its beginning."""
        self._branch = branch
        self.text.set_tokens([])
        self._stack.setCurrentIndex(1 if writing or branch.prompt or branch.steps else 0)
        self.scrubber.set_steps([])
        self.scrubber.set_current(None)
        self.scrubber.set_total(0 if branch.filled else self._generation.settings.max_new_tokens)
        self.scrubber.set_marks([branch.fork] if branch.parent is not None else [])
        self.text.set_streaming(writing)
        self.draw()

    def _lead(self, branch: Branch) -> tuple[Token, ...]:
        """What stands before the new tokens: the prompt, which an encoder-decoder does not continue."""
        return () if branch.apart else branch.prompt

    def draw(self) -> bool:
        """Bring the chips up to what stands in the branch; True when there was something new."""
        branch = self._branch
        if branch.filled:
            return self._draw_filled()
        lead = self._lead(branch)
        if self.text.count() < len(lead):
            self.text.set_tokens((token.shown, token.id, None, True) for token in lead)
        drawn = self.text.count() - len(lead)
        new = branch.steps[drawn:]
        bar = self._scroll.verticalScrollBar()
        at_end = bar.value() >= bar.maximum() - 40
        measure = COLOURS[self.colours.currentText()]
        for step in new:
            shade = measure(step) if measure is not None and step.raw is not None else None
            self.text.append(step.text or wordless(step), step.token_id, step.probability, shade=shade)
            self.scrubber.append(step.probability)
        if new and at_end:
            QTimer.singleShot(0, self._follow)
        if new and self._other is not None:
            self._compare()
        if new and self.colours.currentText() == ATTENTION:
            self.shade_by_attention(None)
        return bool(new)

    def _draw_filled(self) -> bool:
        filled = {step.position: step for step in self._branch.steps}
        self.text.set_tokens(
            (filled[place].text, filled[place].token_id, filled[place].probability, False)
            if place in filled
            else (token.shown, token.id, None, True)
            for place, token in enumerate(self._branch.prompt)
        )
        self.scrubber.set_steps([step.probability for step in self._branch.steps])
        return bool(filled)

    def chip_of(self, step: int) -> int:
        """Where a step stands among the chips."""
        if self._branch.filled:
            position = self._branch.steps[step].position
            return position if position is not None else 0
        return step + len(self._lead(self._branch))

    def set_attends(self, attends: bool) -> None:
        """Whether the attention of a token that is written can be recorded."""
        item = self.colours.model().item(list(COLOURS).index(ATTENTION))  # type: ignore[attr-defined]
        item.setEnabled(attends)

    def mark(self, step: int | None) -> None:
        """Mark a step's chip and its place on the scrubber."""
        self.text.set_selected(None if step is None else self.chip_of(step))
        self.scrubber.set_current(step)
        if step is not None:
            rect = self.text.chip_rect(self.chip_of(step))
            self._scroll.ensureVisible(rect.center().x(), rect.center().y(), 20, rect.height())
        if self.colours.currentText() == ATTENTION:
            self.shade_by_attention(step)

    def shade_by_attention(self, step: int | None) -> None:
        """Colour every chip by where the watched head looked when a step (None: the newest) was chosen."""
        steps = self._branch.steps
        row = steps[-1 if step is None else step].attention if steps else None
        shades: list[float | None] = [0.0] * self.text.count()
        if row is not None and self._branch.apart:
            # The decoder's start token is no chip.
            row = row[1:]
        if row is not None and len(row) <= len(shades):
            shades[: len(row)] = np.sqrt(row).tolist()
        self.text.set_shades(shades)

    def say_cost(self, cost: RunCost | None) -> str:
        """What the run took, in words for the subtitle."""
        if cost is None or cost.tokens < 2:
            return ""
        return f"{cost.per_second:,.0f}/s"

    def cost_tip(self, cost: RunCost | None) -> str:
        """All of it, for the tooltip."""
        if cost is None:
            return ""
        reused = f"; {cost.reused:,} tokens of the text were in the cache already" if cost.reused else ""
        return (
            f"First token after {cost.first:.2f} s, then {cost.per_second:,.1f} tokens a second; the cache of keys and "
            f"values takes {cost.cache_bytes / 1e6:,.1f} MB{reused}."
        )

    # Comparing

    def compare_with(self, other: Branch | None) -> None:
        """Show another text under this one, or none."""
        self._other = other
        self._make_room()
        for part in (self._difference, self._other_scroll):
            part.setVisible(other is not None)
        if other is None:
            self.text.set_ringed(None)
            return
        self.other.set_tokens((token.shown, token.id, None, True) for token in self._lead(other))
        for step in other.steps:
            self.other.append(step.text or wordless(step), step.token_id, step.probability)
        self._compare()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._make_room()

    def _make_room(self) -> None:
        """Two texts in a low window take the room of the scrubber."""
        self._row.setVisible(self._other is None or self.height() >= LOW_FOR_TWO)

    def difference(self) -> str:
        """Where the two texts part, in words."""
        return self._difference.text()

    def _compare(self) -> None:
        other, branch = self._other, self._branch
        if other is None:
            return
        whose = f" ({other.model})" if other.model != branch.model else ""
        places = branch.differs_from(other)
        if branch.prompt_text != other.prompt_text:
            self._difference.setText(f"Below: another prompt{whose}, mean log-probability {other.score:.2f}.")
            self.other.set_selected(None)
        elif places is None:
            self._difference.setText(f"Below{whose}: the same tokens as far as both go.")
            self.other.set_selected(None)
        else:
            here, there = places
            ours, theirs = visible_token(branch.steps[here].text), visible_token(other.steps[there].text)
            self._difference.setText(
                f"Below{whose}: parts at new token {here + 1}, {theirs} instead of {ours}. Mean log-probability "
                f"{other.score:.2f}, above {branch.score:.2f}."
            )
            theirs_at, ours_at = there + len(self._lead(other)), here + len(self._lead(branch))
            self.other.set_selected(theirs_at)
            self.text.set_ringed(ours_at)
            for strip, scroll, chip in (
                (self.other, self._other_scroll, theirs_at),
                (self.text, self._scroll, ours_at),
            ):
                rect = strip.chip_rect(chip)
                scroll.ensureVisible(rect.center().x(), rect.center().y(), 20, rect.height())

    # What the person does

    @Slot(int)
    def _chip_clicked(self, chip: int) -> None:
        self.step_chosen.emit(self._step_of(chip))

    @Slot(int)
    def _chip_hovered(self, chip: int) -> None:
        self.step_hovered.emit(self._step_of(chip))

    def _step_of(self, chip: int) -> int:
        """The step whose token a chip is, −1 for one of the prompt."""
        if self._branch.filled:
            places = [step.position for step in self._branch.steps]
            return places.index(chip) if chip in places else -1
        return max(chip - len(self._lead(self._branch)), -1)

    @Slot(str)
    def _colours_chosen(self, name: str) -> None:
        self.colours.setToolTip(f"What colours the tokens. {COLOUR_TIPS[name]}")
        measure = COLOURS[name]
        self.draw()
        if name == ATTENTION:
            self.shade_by_attention(self.scrubber.current())
        elif measure is None:
            self.text.set_shades(None)
        else:
            shades: list[float | None] = [None] * self.text.count()
            for place, step in enumerate(self._branch.steps):
                # A text of an earlier start has logits only where they were looked at.
                shades[self.chip_of(place)] = measure(step) if step.raw is not None else 0.0
            self.text.set_shades(shades)

    @Slot(int)
    def _pace_chosen(self, index: int) -> None:
        self._generation.pacing.per_second = PACES[index][1]

    @Slot()
    def _follow(self) -> None:
        bar = self._scroll.verticalScrollBar()
        bar.setValue(bar.maximum())


def wordless(step: GeneratedToken) -> str:
    """What stands for a token without text: the end, or a part of a character that the next ones complete."""
    return "<end>" if step.ends else "…"
