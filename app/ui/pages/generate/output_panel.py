"""The text as it is written: chips, the scrubber over its steps, what it cost, and another text to compare with."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSignalBlocker, Qt, Signal, Slot
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QMenu,
    QPushButton,
    QSizePolicy,
    QSplitter,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app.session.branches import Branch
from app.session.generation import Generation
from app.ui.icons import icon
from app.ui.pages.generate.branch_text import BranchText
from app.ui.pages.generate.chip_colours import ATTENTION, COLOURS
from app.ui.pages.generate.parting import named, parting_words
from app.ui.theme import Theme
from app.ui.widgets.chip_legend import ChipLegend
from app.ui.widgets.empty_state import EmptyState
from app.ui.widgets.labels import make_label
from app.ui.widgets.panel import Panel
from app.ui.widgets.step_scrubber import StepScrubber

EXAMPLES = (
    "Once upon a time, there was a",
    "Lily found a shiny key under the old tree. She",
    "The little fox was hungry, so he went to the",
)
LOW_FOR_TWO, VERY_LOW_FOR_TWO = 420, 300
"""A panel lower than this has no room for two texts and the scrubber, nor for what stands under it."""
PACES = (("Full speed", 0.0), ("5 a second", 5.0), ("1 a second", 1.0), ("1 in 3 s", 1 / 3))


class OutputPanel(Panel):
    """Shows one branch. `step_chosen(index)` for a chip or the scrubber (−1: a token of the prompt); `stepped(count)`
    for the buttons beside the scrubber; `partner_chosen(branch)` for another text to compare with. `start`, `copy` and
    `edit` are buttons for the page."""

    step_chosen = Signal(int)
    step_hovered = Signal(int)
    """The step under the pointer, −1 for none."""
    stepped = Signal(int)
    partner_chosen = Signal(object)

    def __init__(self, theme: Theme, generation: Generation) -> None:
        super().__init__(theme, "Output")
        self._generation = generation
        self._choices: tuple[Branch, ...] = ()
        self._followed = False
        self._parted: tuple[Branch, Branch, tuple[int, int] | None] | None = None
        self._make_buttons()
        self.ours, self.theirs = BranchText(theme, "Generated text"), BranchText(theme, "Text compared with")
        self.text, self.other = self.ours.strip, self.theirs.strip
        self.ours.step_chosen.connect(self.step_chosen)
        self.ours.step_hovered.connect(self.step_hovered)
        self.empty = EmptyState(
            theme, "Nothing written yet", "Type a prompt above, or continue one of these:", EXAMPLES
        )
        self.scrubber = StepScrubber(theme)
        self.scrubber.chosen.connect(self.step_chosen)
        self.partner = QComboBox()
        self.partner.setAccessibleName("Text to compare with")
        self.partner.setToolTip("The text that stands at the right: any other one of the list of branches")
        self.partner.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.partner.activated.connect(self._partner_activated)
        self._here = make_label(theme, "The current text", 12, role="caption")
        self._here.setFixedHeight(28)
        self._both = both = QSplitter(Qt.Orientation.Horizontal)
        both.setHandleWidth(8)
        both.setChildrenCollapsible(False)
        self._right = _under(self.partner, self.theirs)
        both.addWidget(_under(self._here, self.ours))
        both.addWidget(self._right)
        self._difference = make_label(theme, "", 12, role="caption")
        self._difference.setWordWrap(True)
        self._unknown = make_label(theme, "", 11.5, role="caption")
        self._unknown.setWordWrap(True)
        self._unknown.hide()
        self.facts = make_label(theme, "", 11.5, role="caption")
        self.facts.setMinimumWidth(0)
        self._stack = QStackedWidget()
        self._stack.addWidget(self.empty)
        self._stack.addWidget(both)
        self.body_layout.setContentsMargins(10, 6, 10, 6)
        self.body_layout.setSpacing(4)
        self.body_layout.addWidget(self._stack, 1)
        self._steps, self._row = self._scrubbing(), self._controls(theme)
        for part in (self._difference, self._unknown, self._steps, self._row, self.facts):
            self.body_layout.addWidget(part)
        self._colours_chosen("Probability")
        self._show_sheet(0)
        self.compare_with(None)
        theme.changed.connect(self.tint_icons)
        self.tint_icons()

    def _make_buttons(self) -> None:
        """What runs, holds and ends a text, in the header."""
        self.start = QPushButton("Generate")
        self.start.setProperty("kind", "primary")
        self.start.setToolTip("Continue the prompt (Ctrl+Enter)")
        # As wide as its longest words, so that nothing moves under the pointer when a run ends.
        self.start.setText("Generate again")
        self.start.setMinimumWidth(self.start.sizeHint().width())
        names = ("copy", "edit", "pause", "one", "stop", "back", "forth")
        self.copy, self.edit, self.pause, self.one, self.stop, self.back, self.forth = (QToolButton() for _ in names)
        for button, name, words in (
            (self.copy, "Copy the whole text", "Copy the whole text; from the menu with its settings, or save it"),
            (self.edit, "Edit the whole text", "Edit the whole text and go on from there"),
            (self.one, "One token more", "One token more, then hold again"),
            (self.stop, "Stop", "Stop (Esc)"),
            (self.back, "Step back", "How the token before was chosen (,)"),
            (self.forth, "Step forward", "How the token after was chosen (.)"),
        ):
            button.setAccessibleName(name)
            button.setToolTip(words)
        for widget in (self.pause, self.one, self.stop, self.start):
            self.add_header_widget(widget)
        menu = QMenu(self)
        self.with_settings = menu.addAction("Copy with its settings")
        self.save_text = menu.addAction("Save with its settings…")
        self.copy.setMenu(menu)
        # Room for the arrow of its menu beside the icon.
        self.copy.setMinimumWidth(44)
        self.copy.setPopupMode(QToolButton.ToolButtonPopupMode.MenuButtonPopup)
        self.back.clicked.connect(self._step_back)
        self.forth.clicked.connect(self._step_forth)

    def _scrubbing(self) -> QWidget:
        """The scrubber between its buttons and those for the text."""
        whole = QWidget()
        row = QHBoxLayout(whole)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(2)
        for widget in (self.back, self.forth):
            row.addWidget(widget)
        row.addWidget(self.scrubber, 1)
        column = QVBoxLayout()
        column.setSpacing(2)
        for widget in (self.copy, self.edit):
            column.addWidget(widget, 0, Qt.AlignmentFlag.AlignRight)
        row.addLayout(column)
        return whole

    def _controls(self, theme: Theme) -> QWidget:
        self.colours, self.paces = QComboBox(), QComboBox()
        self.colours.addItems(list(COLOURS))
        self.colours.setAccessibleName("Colour of the tokens")
        self.colours.currentTextChanged.connect(self._colours_chosen)
        self.legend = ChipLegend(theme)
        self.paces.addItems([words for words, _ in PACES])
        self.paces.setAccessibleName("Speed")
        self.paces.setToolTip("Slow motion: so many tokens are written in a second")
        self.paces.currentIndexChanged.connect(self._pace_chosen)
        whole = QWidget()
        row = QHBoxLayout(whole)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        for widget in (self.colours, self.legend, self.paces):
            row.addWidget(widget, 1 if widget is self.legend else 0)
        return whole

    @Slot()
    def tint_icons(self) -> None:
        """Icons in the theme's ink."""
        names = {
            self.copy: "copy",
            self.edit: "edit",
            self.stop: "stop",
            self.one: "step-forward",
            self.back: "chevron-left",
            self.forth: "chevron-right",
        }
        for button, name in names.items():
            button.setIcon(icon(self._theme, name))

    # What is shown

    def show_branch(self, branch: Branch, writing: bool) -> None:
        """Another text, from its beginning."""
        self.scrubber.set_steps([])
        self.scrubber.set_current(None)
        self.scrubber.set_total(0 if branch.filled else self._generation.settings.max_new_tokens)
        self.scrubber.set_marks([branch.fork] if branch.parent is not None else [])
        self._show_sheet(1 if writing or branch.prompt or branch.steps else 0)
        self.text.set_streaming(writing)
        self.ours.mark(None)
        self.ours.show_branch(branch)
        self.scrubber.set_steps([step.probability for step in branch.steps])
        self._parted = None
        self._say_unknown()

    def _show_sheet(self, index: int) -> None:
        """Examples (0) or texts (1); the one that is not seen claims no room."""
        self._stack.setCurrentIndex(index)
        for place, sheet in enumerate((self.empty, self._both)):
            policy = QSizePolicy.Policy.Expanding if place == index else QSizePolicy.Policy.Ignored
            sheet.setSizePolicy(policy, policy)
        self._make_room()

    def draw(self) -> bool:
        """Bring the chips up to what stands in the branch; True when there was something new."""
        new = self.ours.draw()
        if self.ours.branch().filled:
            self.scrubber.set_steps([step.probability for step in new])
        else:
            for step in new:
                self.scrubber.append(step.probability)
        if new and self.comparing is not None:
            self._followed = True
            self._compare()
        return bool(new)

    def chip_of(self, step: int) -> int:
        """Where a step stands among the chips."""
        return self.ours.chip_of(step)

    def set_attends(self, attends: bool) -> None:
        """Whether the attention of a token that is written can be recorded."""
        item = self.colours.model().item(list(COLOURS).index(ATTENTION))  # type: ignore[attr-defined]
        item.setEnabled(attends)

    def mark(self, step: int | None) -> None:
        """Mark a step's chip and its place on the scrubber."""
        self.ours.mark(step)
        self.scrubber.set_current(step)

    def logits_came(self) -> None:
        """A step's choice was looked at: what needs its logits can be coloured now."""
        if self._unknown.isVisibleTo(self):
            self.ours.recolour()
            self._say_unknown()

    def say_facts(self, words: str, tip: str) -> None:
        """The line of figures under the text."""
        self.facts.setText(words)
        self.facts.setToolTip(tip)

    def _say_unknown(self) -> None:
        count, name = self.ours.unknown(), self.colours.currentText().lower()
        tokens = "1 token" if count == 1 else f"{count:,} tokens"
        self._unknown.setText(
            f"Dashed: the {name} of {tokens} is not known, as logits are not kept from start to start. "
            "Click one, and it is computed."
        )
        self._unknown.setVisible(count > 0)

    # Comparing

    @property
    def comparing(self) -> Branch | None:
        """The text at the right, None when there is none."""
        return self.theirs.branch() if self._choices else None

    def compare_with(self, other: Branch | None, choices: Sequence[Branch] = ()) -> None:
        """Show another text at the right of this one, one of the `choices`; None for none."""
        self._choices = tuple(choices) if other is not None else ()
        for part in (self._difference, self._right, self._here):
            part.setVisible(other is not None)
        self._make_room()
        if other is None:
            self._parted = None
            self.ours.ring(None)
            # A text that is gone holds on to its model.
            self.theirs.show_branch(Branch(""))
            return
        if other is not self.theirs.branch():
            self.theirs.show_branch(other)
        else:
            self.theirs.draw()
        self._name_choices(other)
        self._compare()

    def _name_choices(self, other: Branch) -> None:
        names = [named(each, self.ours.branch()) for each in self._choices]
        with QSignalBlocker(self.partner):
            if self.partner.count() != len(names):
                self.partner.clear()
                self.partner.addItems(names)
            for at, name in enumerate(names):
                if self.partner.itemText(at) != name:
                    self.partner.setItemText(at, name)
            self.partner.setCurrentIndex(next(at for at, each in enumerate(self._choices) if each is other))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._make_room()

    def _make_room(self) -> None:
        """Two texts in a low window take the room of the scrubber, in a very low one that of all under it; examples
        need neither steps nor figures."""
        two, high, written = bool(self._choices), self.height(), self._stack.currentIndex() == 1
        self._steps.setVisible(written and (not two or high >= LOW_FOR_TWO))
        for part in (self._row, self.facts):
            part.setVisible(not two or high >= VERY_LOW_FOR_TWO)

    def difference(self) -> str:
        """Where the two texts part, in words."""
        return self._difference.text()

    def _compare(self) -> None:
        """Say and mark where the texts part; the marks are brought into view when they are new, and again when a text
        that grew, and was followed to its end, is complete."""
        branch, other = self.ours.branch(), self.theirs.branch()
        if self._followed and not self._generation.running:
            self._followed, self._parted = False, None
        self._difference.setText(parting_words(branch, other))
        places = branch.differs_from(other)
        if self._parted != (branch, other, places):
            self._parted = (branch, other, places)
            here, there = places or (None, None)
            self.ours.ring(here)
            self.theirs.ring(there)

    # What the person does

    @Slot()
    def _step_back(self) -> None:
        self.stepped.emit(-1)

    @Slot()
    def _step_forth(self) -> None:
        self.stepped.emit(1)

    @Slot(int)
    def _partner_activated(self, place: int) -> None:
        self.partner_chosen.emit(self._choices[place])

    @Slot(str)
    def _colours_chosen(self, name: str) -> None:
        colour = COLOURS[name]
        self.colours.setToolTip(f"What colours the tokens. {colour.tip}")
        self.legend.explain(colour.low, colour.high, colour.scale, colour.tip)
        self.draw()
        for text in (self.ours, self.theirs):
            text.colour_by(name)
        self._say_unknown()

    @Slot(int)
    def _pace_chosen(self, index: int) -> None:
        self._generation.pacing.per_second = PACES[index][1]


def _under(head: QWidget, text: QWidget) -> QWidget:
    """A text with what stands over it."""
    whole = QWidget()
    column = QVBoxLayout(whole)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(4)
    column.addWidget(head)
    column.addWidget(text, 1)
    return whole
