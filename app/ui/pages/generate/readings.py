"""What the session says, put on the Generate page: the text as it grows, its choices, counts and branches."""

from __future__ import annotations

from PySide6.QtCore import QTimer, Slot

from app.engine.decode.settings import BEAMS, DecodingSettings
from app.session.branches import MOST, Branch, adapter_state
from app.session.examples import to_write_on
from app.session.session import Session
from app.ui.actions import bound
from app.ui.icons import icon
from app.ui.pages.generate.branches_panel import FORK_TIP, NO_FORK
from app.ui.pages.generate.cost_words import cost_tip, cost_words, count_words, seed_tip, seed_words
from app.ui.pages.generate.invitation import invitation
from app.ui.pages.generate.token_readings import TokenReadings
from app.ui.theme import Theme

REDRAW_MS = 66
"""New tokens are drawn at most 15 times a second, all that came since at once."""
LOOK_EVERY = 6
"""So many redraws of the text to one of the newest token's choice while it is being written."""
ENDINGS = {
    "end of text": "the model ended the text",
    "stop string": "a stop sequence came",
    # That so many of so many stand there says it.
    "length": "",
    "context full": "the context is full",
    "all gaps filled": "all gaps filled",
    "searched": "search finished",
    "stopped": "stopped",
    "": "",
}


class GenerateReadings(TokenReadings):
    """The panels kept true to the session. What the person does with them is the page's."""

    def __init__(self, theme: Theme, session: Session, start: DecodingSettings) -> None:
        super().__init__(theme, session, start)
        self._redraws = 0
        self._partner: Branch | None = None
        """The text that the person chose to compare with."""
        self._former: Branch | None = None
        self._current: Branch | None = None
        self._costed: Branch | None = None
        """The text that the last run's cost is of."""
        self._tick = QTimer(self)
        self._tick.setSingleShot(True)
        self._tick.setInterval(REDRAW_MS)
        self._tick.timeout.connect(self._draw_new)
        self._connect_session()
        self._theme.changed.connect(self._tint_icons)
        self._tint_icons()

    def _connect_session(self) -> None:
        session, generation = self._session, self._session.generation
        session.prompt_changed.connect(self._prompt_changed)
        session.inspection.tokens_changed.connect(self._tokens_changed)
        session.model_changed.connect(self._model_changed)
        session.opening_changed.connect(self._ask_distribution)
        session.second_changed.connect(self._model_changed)
        session.selection_changed.connect(self._selection_changed)
        session.models.weights_changed.connect(self._say_counts)
        self.output.paces.currentIndexChanged.connect(bound(self.explain))
        generation.started.connect(self._started)
        generation.prompt_known.connect(self._prompt_known)
        generation.grew.connect(self._grew)
        generation.beams_grew.connect(self._say_counts)
        generation.branches_changed.connect(self._branches_changed)
        generation.cost_told.connect(self._cost_told)
        generation.dropped.connect(self._dropped)
        generation.told.connect(self.noted)
        generation.state_changed.connect(self._state_changed)
        generation.settings_changed.connect(self._settings_changed)
        generation.distribution_read.connect(self._distribution_read)
        generation.presets_changed.connect(self._presets_changed)
        self._presets_changed()

    @Slot()
    def _tint_icons(self) -> None:
        self._state_changed()

    @Slot()
    def _prompt_changed(self) -> None:
        self.prompt.set_text(self._session.prompt)
        self._say_counts()

    @Slot()
    def _tokens_changed(self) -> None:
        self.prompt.set_tokens(self._session.inspection.tokens)
        self.prompt.strip.set_dim_after(False)
        self._show_row()

    @Slot()
    def _model_changed(self) -> None:
        self.empty.set_text("Nothing written yet", invitation(self._session.summary))
        self.empty.set_examples(to_write_on(self._session.summary))
        self.branches.second.setVisible(self._session.models.summary("B") is not None)
        self._name_bans()
        self.settings.show_settings(self._session.generation.settings)
        self._state_changed()
        self.explain()

    def _name_bans(self) -> None:
        """Bans of an earlier start, or taken back, are known by their ids alone."""
        self.settings.bans.name_tokens(self._session.generation.ban_names())

    @Slot()
    def _selection_changed(self) -> None:
        if not self.heads.isHidden():
            self._watch(True)

    @Slot()
    def _started(self) -> None:
        generation = self._session.generation
        if generation.current is not self._current:
            self._former, self._current = self._current, generation.current
        self._pinned = self._hovered = None
        self._shown = None
        self.choice.clear()
        self.banner.clear(including_errors=True)
        self._bring_right(1 if generation.at_search else 0)
        self.output.show_branch(generation.current, generation.running)
        self._show_row()
        self.explain()

    @Slot()
    def _prompt_known(self) -> None:
        self.output.draw()
        self.text.set_streaming(self._session.generation.running)
        if self._session.generation.tree is not None:
            self.beams.show_tree()

    def _bring_right(self, sheet: int) -> None:
        """The text with its branches, or the beam search; the keyboard goes from one's button to the other's."""
        starts = (self.start, self.beams.start)
        # Also while another window is active.
        moves = self.window().focusWidget() is starts[1 - sheet]
        self.right.setCurrentIndex(sheet)
        if moves:
            starts[sheet].setFocus()

    @Slot(int)
    def _grew(self, _count: int) -> None:
        if self._session.generation.running:
            self._bring_right(0)
        if not self._tick.isActive():
            self._tick.start()

    @Slot()
    def _draw_new(self) -> None:
        """Append the tokens that came since the last time."""
        if not self.output.draw():
            return
        self._say_counts()
        self._show_row()
        self._redraws += 1
        slow = self._session.generation.pacing.per_second > 0 or self._session.generation.paused
        if self._pinned is None and (slow or self._redraws % LOOK_EVERY == 0):
            self._ask_distribution()
        if slow:
            self.branches.show_branches()

    @Slot()
    def _branches_changed(self) -> None:
        # A text that is gone holds on to its model.
        generation = self._session.generation
        there = (*generation.branches, generation.current)
        self._partner, self._former, self._current, self._costed = (
            each if each in there else None for each in (self._partner, self._former, self._current, self._costed)
        )
        self._compare(self.branches.compare.isChecked())
        self.beams.texts.setVisible(bool(generation.branches))

    @Slot()
    def _state_changed(self) -> None:
        generation = self._session.generation
        summary = self._session.summary
        ready = summary is not None
        filling = summary is not None and summary.kind == "encoder"
        self.start.setEnabled(ready)
        self.settings.set_filling(filling)
        self.output.set_attends(not filling)
        first = "Fill the masks" if filling else "Generate"
        again = "Fill again" if filling else "Generate again"
        self.start.setText("Restart" if generation.running else again if generation.steps else first)
        self.output.one.setEnabled(generation.paused)
        self.stop_button.setEnabled(generation.running)
        self.copy.setEnabled(bool(generation.steps))
        at_hand = generation.current.loaded is not None or not generation.current.apart
        self.output.edit.setEnabled(bool(generation.steps) and not generation.running and at_hand)
        self._say_fork()
        if generation.running and self._hurries():
            # What was said of a token before is not true of those that come.
            self.explain()
        words = "Go on" if generation.paused else "Pause before the next token"
        for button in (self.pause, self.beams.pause):
            button.setEnabled(generation.running)
            button.setIcon(icon(self._theme, "play" if generation.paused else "pause"))
            button.setToolTip(words)
            button.setAccessibleName(words)
        self.beams.stop.setEnabled(generation.running)
        self.beams.stop.setIcon(icon(self._theme, "stop"))
        self.beams.start.setEnabled(ready)
        self._name_search()
        self.text.set_streaming(generation.running)
        self._draw_new()
        self._say_counts()
        if (generation.paused or not generation.running) and generation.steps:
            self._ask_distribution()
        if not generation.running and generation.ended_by == "context full":
            slides = "" if generation.current.apart else "Slide the window"
            self.banner.show_message("info", "The context is full: the model has no position left.", action=slides)
        elif not generation.running and generation.ended_by == "length" and not generation.current.filled:
            self.start.setToolTip("Write another continuation of the prompt (Ctrl+Enter); G goes on with this one")

    def _name_search(self) -> None:
        """Over the beams: by another method the button writes a text."""
        generation = self._session.generation
        again = "Search again" if generation.settings.method in BEAMS else "Generate"
        self.beams.start.setText("Restart" if generation.running else again)

    def _say_fork(self) -> None:
        generation = self._session.generation
        beams, current = generation.settings.method in BEAMS, generation.current
        possible = bool(current.steps) and not current.filled and current.loaded is not None
        self.branches.fork.setEnabled(possible and not beams)
        self.branches.fork.setToolTip(NO_FORK if beams else FORK_TIP)

    @Slot()
    def _say_counts(self) -> None:
        generation = self._session.generation
        if not generation.steps:
            self.output.say((), (), "")
            return
        current, old = generation.current, generation.prompt_text != self._session.prompt
        adapter, now = current.adapter, adapter_state(current.loaded)
        told = (
            "" if current.batch is None else f"text {current.batch[0]} of {current.batch[1]}",
            count_words(current, generation.running),
            self._writer_words(),
            # A text stays what it is when its model's adapter is switched; it says so.
            ""
            if adapter == now or current.loaded is None
            else f"written {adapter or 'without the adapter'}, which is not the state now",
            "paused" if generation.paused else ENDINGS[generation.ended_by],
            "written from the prompt before" if old else "",
        )
        cost, seeds = generation.cost, seed_words(generation.steps)
        speed, *others = cost_words(cost).split(" · ")
        figures = [speed, seeds, *others] if self._costed is current else [seeds, f"last run: {speed}", *others]
        figures = figures if speed else [seeds]
        words = " · ".join(part for part in (*told, *figures) if part)
        tip = " ".join(part for part in (f"{words}.", seed_tip(generation.steps), cost_tip(cost)) if part)
        self.output.say([part for part in told if part], [part for part in figures if part], tip)

    def _writer_words(self) -> str:
        """Which model wrote the text, where that is not A."""
        current = self._session.generation.current
        if current.loaded is None:
            return f"by {current.model} {current.precision}".rstrip() + ", not open"
        return "" if current.loaded is self._session.models.loaded() else f"by {current.model} {current.precision}"

    @Slot()
    def _cost_told(self) -> None:
        self._costed = self._session.generation.current
        self._say_counts()

    @Slot(int)
    def _dropped(self, count: int) -> None:
        oldest = "oldest text" if count == 1 else f"{count} oldest texts"
        self.noted.emit(f"The {oldest} made room: {MOST} are kept.")

    @Slot()
    def _presets_changed(self) -> None:
        self.settings.set_own_presets(self._session.generation.presets)

    @Slot()
    def _settings_changed(self) -> None:
        self._name_bans()
        self.settings.show_settings(self._session.generation.settings)
        self.output.show_total()
        self._say_counts()
        self._say_fork()
        self._name_search()
        self._ask_distribution()

    @Slot(bool)
    def _compare(self, wanted: bool) -> None:
        """Show beside the current text the one that was chosen for it, else the one looked at before, its parent, or
        the newest other."""
        generation = self._session.generation
        others = [branch for branch in generation.branches if branch is not generation.current]
        first = (self._partner, self._former, generation.current.parent)
        other = next((each for each in first if each in others), others[-1] if others else None)
        self.output.compare_with(other if wanted else None, others)

    @Slot(object)
    def _partner_chosen(self, other: Branch) -> None:
        self._partner = other
        self._compare(True)
