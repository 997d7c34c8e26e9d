"""One token of the text: how it was chosen, where the watched head looked, and what Explain says of it."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Slot

from app.engine.decode.settings import DecodingSettings
from app.session.branches import Branch
from app.session.generated import DistributionReading
from app.session.session import Session
from app.ui.explanation import Explanation
from app.ui.pages.generate import explanations
from app.ui.pages.generate.colour_words import colour_words
from app.ui.pages.generate.head_chooser import head_words, watched_head
from app.ui.pages.generate.layout import GenerateLayout
from app.ui.pages.generate.stop_words import stop_note
from app.ui.theme import Theme
from app.ui.widgets.token_text import set_off


class TokenReadings(GenerateLayout):
    """Asks for the choice of the token that is looked at, the pinned one, the one under the pointer or the newest, and
    shows what comes."""

    def __init__(self, theme: Theme, session: Session, start: DecodingSettings) -> None:
        super().__init__(theme, session, start)
        self._pinned: int | None = None
        self._hovered: int | None = None
        self._shown: DistributionReading | None = None

    @Slot()
    def _ask_distribution(self) -> None:
        generation = self._session.generation
        closed = generation.current if generation.steps and generation.current.loaded is None else None
        self.choice.say_closed(closed, closed is not None and self._is_opening(closed))
        if generation.steps:
            looked_at = self._hovered if self._pinned is None else self._pinned
            generation.read_distribution(len(generation.steps) - 1 if looked_at is None else looked_at)

    def _is_opening(self, branch: Branch) -> bool:
        opening = self._session.models.opening
        return opening is not None and opening.ref == branch.ref

    @Slot(object)
    def _distribution_read(self, reading: DistributionReading) -> None:
        generation = self._session.generation
        if reading.index >= len(generation.steps) or (self._pinned is not None and reading.index != self._pinned):
            return
        self._shown = reading
        self.output.logits_came()
        found = reading.distribution
        if generation.current.loaded is self._session.models.loaded():
            # To another model than A the same ids are other tokens.
            self.settings.bans.name_tokens({row.token_id: row.text for row in found.rows})
        pinned = ", pinned" if self._pinned is not None else ", under the pointer" if self._hovered is not None else ""
        drawn = f" · random draw {found.draw:.3f}" if found.draw is not None else ""
        place = self._place_of(reading.index)
        new = "" if generation.current.filled else f" · new token {reading.index + 1}"
        if reading.funnel.supposed and found.chosen != reading.step.token_id:
            new += f" · in the text: {set_off(reading.step.shown)}"
        seed = reading.settings.seed if generation.current.found_by else reading.step.seed
        drew = reading.settings.draws and not reading.funnel.forced and not reading.funnel.undrawn
        seed = seed if drew else None
        self.choice.show_reading(reading, f"token #{place}{pinned}{new}{drawn}", seed)
        self.choice.say(*stop_note(generation.current, reading.index))
        if not self._hurries():
            self.explain()

    def _hurries(self) -> bool:
        """Whether tokens come so fast that words about each could not be read, and would cost more than the token."""
        generation = self._session.generation
        held = generation.paused or generation.pacing.per_second > 0
        return generation.running and not held and self._pinned is None

    def _place_of(self, step: int) -> int:
        """Where a step's token stands in its text."""
        generation = self._session.generation
        position = generation.steps[step].position
        if position is not None:
            return position
        # The decoder of an encoder-decoder begins with its start token.
        return step + (1 if generation.current.apart else len(generation.prompt))

    def _watch(self, wanted: bool) -> None:
        """Record a head's rows while text is written: the chosen one, which is that of every page, if it can be."""
        selection, generation, summary = self._session.selection, self._session.generation, self._session.summary
        chosen = (selection.kind, selection.layer, selection.head)
        generation.watched = watched_head(summary, chosen) if wanted and summary is not None else None
        self.heads.setVisible(generation.watched is not None)
        if generation.watched is not None and summary is not None:
            self.heads.show_head(summary, generation.watched)
            if generation.steps and generation.steps[-1].head is None and not generation.running:
                self.noted.emit(f"{head_words(generation.watched)}, is recorded from the next token on.")
        self._show_row()

    def _show_row(self) -> None:
        """What the watched head did at the marked step, or the newest: where it looked in the source, and in words."""
        generation = self._session.generation
        steps, watched = generation.steps, generation.watched
        step = steps[-1 if self._pinned is None else self._pinned] if steps and watched is not None else None
        row = step.source_attention if step is not None else None
        source = self.prompt.strip
        fits = row is not None and len(row) == source.count() and generation.prompt_text == self._session.prompt
        if fits or source.weighted:
            source.set_weights(row if fits else None)
        if watched is not None:
            self.heads.say_row(step, watched)

    def explain(self) -> None:
        self.explained.emit(self._explanation())

    def _of_beams(self) -> Explanation:
        generation = self._session.generation
        tree = generation.tree
        # A search that has only begun has drawn nothing yet.
        drawn = tree.seed is not None if tree and tree.nodes else generation.settings.method == "beam_sample"
        return explanations.DRAWN_BEAMS if drawn else explanations.BEAMS

    def _explanation(self) -> Any:
        generation = self._session.generation
        if self.right.currentIndex() == 1:
            return self._of_beams()
        colour, current, step = self.output.colours.currentText(), generation.current, self._pinned
        if step is None and generation.steps and not generation.running:
            step = len(generation.steps) - 1
        colours = colour_words(colour, current, step)
        if self._shown is None or self._shown.index >= len(generation.steps) or self._hurries():
            summary = self._session.summary
            return explanations.introduction(colours, summary is not None and summary.kind == "encoder")
        return explanations.explain_choice(self._shown, current, self._place_of(self._shown.index), colours)
