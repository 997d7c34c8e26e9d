"""One text as chips that scroll: its prompt, then its steps, or a prompt whose gaps are filled."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QRect, QTimer, Signal, Slot
from PySide6.QtWidgets import QScrollArea

from app.engine.trace.records import Token
from app.session.branches import Branch
from app.session.generated import GeneratedToken
from app.ui.pages.generate.chip_colours import ATTENTION, COLOURS, UNKNOWN
from app.ui.theme import Theme
from app.ui.widgets.token_chip import GENERATE
from app.ui.widgets.token_strip import TokenStrip

_NEAR_END = 40
"""Pixels from the end within which one follows a text that grows."""
_ABOVE = 10
"""Pixels between two rows of chips, and a little."""


class BranchText(QScrollArea):
    """`step_chosen(index)` and `step_hovered(index)` tell a step, −1 for a token of the prompt and for none."""

    step_chosen = Signal(int)
    step_hovered = Signal(int)

    def __init__(self, theme: Theme, name: str) -> None:
        super().__init__()
        self._branch = Branch("")
        self._colour = next(iter(COLOURS))
        self._looked_from: int | None = None
        self._wanted: int | None = None
        self.strip = TokenStrip(theme, GENERATE)
        self.strip.setAccessibleName(name)
        self.strip.setProperty("role", "page")
        self.strip.clicked.connect(self._chip_clicked)
        self.strip.hovered.connect(self._chip_hovered)
        self.setWidgetResizable(True)
        self.setWidget(self.strip)
        # The ring runs along what is seen of the strip.
        self.verticalScrollBar().valueChanged.connect(self.strip.update)
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(0)
        self._soon.timeout.connect(self._move)

    def focusNextPrevChild(self, forward: bool) -> bool:
        """The keyboard comes and goes without moving the text; Qt would bring the middle of the strip into view."""
        bar = self.verticalScrollBar()
        place = bar.value()
        moved = super().focusNextPrevChild(forward)
        bar.setValue(place)
        return moved

    def branch(self) -> Branch:
        """What is shown."""
        return self._branch

    def show_branch(self, branch: Branch) -> None:
        """Another text, from its beginning."""
        self._branch = branch
        self.strip.set_tokens([])
        self.draw()

    def draw(self) -> list[GeneratedToken]:
        """Bring the chips up to what stands in the branch; the steps that are new."""
        branch = self._branch
        if branch.filled:
            return self._draw_filled()
        lead = self._lead()
        if self.strip.count() < len(lead):
            self.strip.set_tokens((token.shown, token.id, None, True) for token in lead)
            if not branch.ended_by:
                # What is written after a long prompt comes at its end.
                self._soon.start()
        new = branch.steps[self.strip.count() - len(lead) :]
        bar = self.verticalScrollBar()
        at_end = bar.value() >= bar.maximum() - _NEAR_END
        colour = COLOURS[self._colour]
        for step in new:
            self.strip.append(step.shown, step.token_id, step.probability, shade=colour.shade(step))
        if new and at_end and self._wanted is None:
            self._soon.start()
        if new and self._colour == ATTENTION:
            self.recolour()
        return new

    def _draw_filled(self) -> list[GeneratedToken]:
        filled, spaces = {step.position: step for step in self._branch.steps}, self._spaces()
        self.strip.set_tokens(
            (spaces.get(place, "") + filled[place].text, filled[place].token_id, filled[place].probability, False)
            if place in filled
            else (token.shown, token.id, None, True)
            for place, token in enumerate(self._branch.prompt)
        )
        self.recolour()
        return self._branch.steps

    def _spaces(self) -> dict[int, str]:
        """By gap the space before it in the text, which the chips beside it show too."""
        steps, prompt = self._branch.steps, self._branch.prompt
        if not steps or steps[0].position is None:
            return {}
        mask = prompt[steps[0].position].text
        gaps = (place for place, token in enumerate(prompt) if token.text == mask)
        pieces = self._branch.prompt_text.split(mask)
        return {place: " " if piece.endswith(" ") else "" for place, piece in zip(gaps, pieces, strict=False)}

    def _lead(self) -> tuple[Token, ...]:
        """What stands before the new tokens: the prompt, which an encoder-decoder does not continue."""
        return () if self._branch.apart else self._branch.prompt

    def chip_of(self, step: int) -> int:
        """Where a step stands among the chips."""
        if self._branch.filled:
            position = self._branch.steps[step].position
            return position if position is not None else 0
        return step + len(self._lead())

    def step_of(self, chip: int) -> int:
        """The step whose token a chip is, −1 for one of the prompt."""
        if self._branch.filled:
            places = [step.position for step in self._branch.steps]
            return places.index(chip) if chip in places else -1
        return max(chip - len(self._lead()), -1)

    def mark(self, step: int | None) -> None:
        """Mark a step's chip."""
        self.strip.set_selected(None if step is None else self.chip_of(step))
        if step is not None:
            self._show_chip(self.chip_of(step))
        self._looked_from = step
        if self._colour == ATTENTION:
            self.recolour()

    def marked(self) -> int | None:
        """The step whose chip is marked."""
        return self._looked_from

    def ring(self, step: int | None) -> None:
        """Mark where the text parts from another, and bring that into view; None takes the mark away."""
        wanted = None if step is None else self.chip_of(step)
        self.strip.set_ringed(wanted)
        self._wanted = wanted
        if wanted is not None:
            # Only once everything has its place is it known where the chip lies.
            self._soon.start()

    def stand(self, step: int | None) -> None:
        """Stand where a step's chip is in view, at the start for None, however the text came."""
        self._wanted = 0 if step is None or step >= len(self._branch.steps) else self.chip_of(step)
        self._soon.start()

    # Colours

    def colour_by(self, name: str) -> None:
        """Colour the chips by one of COLOURS; attention is that of the marked step, or the newest."""
        self._colour = name
        self.strip.set_scale(COLOURS[name].scale)
        self.recolour()

    def recolour(self) -> None:
        """Colour every chip anew, such as after logits came."""
        if self._colour == ATTENTION:
            self.strip.set_shades(self._attention())
        elif COLOURS[self._colour].measure is None:
            self.strip.set_shades(None)
        else:
            shades: list[float | None] = [None] * self.strip.count()
            for place, step in enumerate(self._branch.steps):
                if (chip := self.chip_of(place)) < len(shades):
                    shades[chip] = COLOURS[self._colour].shade(step)
            self.strip.set_shades(shades)

    def unknown(self) -> int:
        """How many steps have no colour because their logits are not here."""
        colour = COLOURS[self._colour]
        return sum(step.raw is None for step in self._branch.steps) if colour.needs_logits else 0

    def _attention(self) -> list[float | None]:
        """Where the watched head looked when a step was chosen; tokens that came later were not there to look at."""
        steps = self._branch.steps
        row = steps[-1 if self._looked_from is None else self._looked_from].attention if steps else None
        shades: list[float | None] = [UNKNOWN] * self.strip.count()
        if row is not None and self._branch.apart:
            # The decoder's start token is no chip.
            row = row[1:]
        if row is not None and len(row) <= len(shades):
            shades[: len(row)] = np.sqrt(row).tolist()
        return shades

    # Scrolling

    @Slot()
    def _move(self) -> None:
        if self._wanted is None:
            bar = self.verticalScrollBar()
            bar.setValue(bar.maximum())
        elif self._wanted < self.strip.count():
            # One row under the top, so that the marks of two texts stand side by side.
            rect = self._placed(self._wanted)
            self.verticalScrollBar().setValue(rect.top() - rect.height() - _ABOVE)
        self._wanted = None

    def _show_chip(self, chip: int) -> None:
        rect = self._placed(chip)
        self.ensureVisible(rect.center().x(), rect.center().y(), 20, rect.height())

    def _placed(self, chip: int) -> QRect:
        """Where a chip lies, once the strip has the height that it needs at this width."""
        wide, view = self.viewport().width(), self.viewport().height()
        self.strip.resize(wide, max(self.strip.heightForWidth(wide), view))
        return self.strip.chip_rect(chip)

    @Slot(int)
    def _chip_clicked(self, chip: int) -> None:
        self.step_chosen.emit(self.step_of(chip))

    @Slot(int)
    def _chip_hovered(self, chip: int) -> None:
        self.step_hovered.emit(self.step_of(chip))
