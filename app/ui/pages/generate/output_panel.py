"""The text as it is written: chips, the scrubber over its steps, what it cost, and another text to compare with."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSignalBlocker, Signal, Slot

from app.session.branches import Branch
from app.session.generation import Generation
from app.ui.pages.generate.chip_colours import ATTENTION, COLOURS
from app.ui.pages.generate.output_layout import PACES, OutputLayout
from app.ui.pages.generate.parting import named, parting_words
from app.ui.theme import Theme


class OutputPanel(OutputLayout):
    """Shows one branch. `step_chosen(index)` for a chip or the scrubber (−1: a token of the prompt); `stepped(count)`
    for the buttons beside the scrubber; `partner_chosen(branch)` for another text to compare with. `start`, `copy` and
    `edit` are buttons for the page."""

    step_chosen = Signal(int)
    step_hovered = Signal(int)
    """The step under the pointer, −1 for none."""
    stepped = Signal(int)
    partner_chosen = Signal(object)

    def __init__(self, theme: Theme, generation: Generation) -> None:
        super().__init__(theme)
        self._generation = generation
        self._choices: tuple[Branch, ...] = ()
        self._followed = False
        self._parted: tuple[Branch, Branch, tuple[int, int] | None] | None = None
        self.ours.step_chosen.connect(self.step_chosen)
        self.ours.step_hovered.connect(self.step_hovered)
        self.scrubber.chosen.connect(self.step_chosen)
        self.back.clicked.connect(self._step_back)
        self.forth.clicked.connect(self._step_forth)
        self.partner.activated.connect(self._partner_activated)
        self.colours.currentTextChanged.connect(self._colours_chosen)
        self.paces.currentIndexChanged.connect(self._pace_chosen)
        self._colours_chosen("Probability")
        self._show_sheet(0)
        self.compare_with(None)

    # What is shown

    def show_branch(self, branch: Branch, writing: bool) -> None:
        """Another text, from its beginning."""
        self.scrubber.set_steps([])
        self.scrubber.set_current(None)
        self.scrubber.set_marks([branch.fork] if branch.parent is not None else [])
        self._show_sheet(1 if writing or branch.prompt or branch.steps else 0)
        self.text.set_streaming(writing)
        self.ours.mark(None)
        self.ours.show_branch(branch)
        self.scrubber.set_steps([step.probability for step in branch.steps])
        self.show_total()
        self._parted = None
        self._say_unknown()

    def draw(self) -> bool:
        """Bring the chips up to what stands in the branch; True when there was something new."""
        new = self.ours.draw()
        if self.ours.branch().filled:
            self.scrubber.set_steps([step.probability for step in new])
        else:
            for step in new:
                self.scrubber.append(step.probability)
        if new:
            self.show_total()
        if new and self.comparing is not None:
            self._followed = True
            self._compare()
        return bool(new)

    def show_total(self) -> None:
        """How many steps there can be: what the newest was asked for, which is more where a text is gone on with."""
        branch = self.ours.branch()
        open_yet = len(branch.steps) if branch.filled else self._generation.settings.max_new_tokens
        self.scrubber.set_total(branch.most or open_yet)

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

    def _say_unknown(self) -> None:
        count, name = self.ours.unknown(), self.colours.currentText().lower()
        tokens = "1 token" if count == 1 else f"{count:,} tokens"
        branch = self.ours.branch()
        why = "as logits are kept of the newest texts of this start alone. Click one, and it is computed."
        if branch.loaded is None:
            why = f"while {branch.model} is closed."
        self._unknown.setText(f"Dashed: the {name} of {tokens} is not known, {why}")
        self._unknown.setVisible(count > 0)

    # Comparing

    @property
    def comparing(self) -> Branch | None:
        """The text at the right, None when there is none."""
        return self.theirs.branch() if self._choices else None

    def compare_with(self, other: Branch | None, choices: Sequence[Branch] = ()) -> None:
        """Show another text at the right of this one, one of the `choices`; None for none."""
        self._choices, self._two = tuple(choices) if other is not None else (), other is not None
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
            self.partner.fit_list()
            self.partner.setCurrentIndex(next(at for at, each in enumerate(self._choices) if each is other))

    def difference(self) -> str:
        """Where the two texts part, in words."""
        return self._difference.text()

    def _compare(self) -> None:
        """Say and mark where the texts part; the marks, else the same place of both, are brought into view when they
        are new, and again when a text that grew, and was followed to its end, is complete."""
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
            if places is None and not self._generation.running:
                # Without a difference to stand at, both stand where the person looks, or at the start.
                for text in (self.ours, self.theirs):
                    text.stand(self.ours.marked())

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
