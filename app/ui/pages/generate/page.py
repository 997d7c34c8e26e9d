"""The Generate page: settings at the left, the text as it is written, how a token was chosen, branches and beams."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt, QTimer, Slot
from PySide6.QtGui import QGuiApplication, QKeyEvent, QTextCursor
from PySide6.QtWidgets import QFileDialog

from app.engine.decode.settings import DecodingSettings
from app.engine.errors import UserError
from app.session.branches import told_with_settings
from app.session.generated import DistributionReading
from app.session.session import Session
from app.ui.actions import bound
from app.ui.icons import icon
from app.ui.pages.generate import explanations
from app.ui.pages.generate.layout import GenerateLayout
from app.ui.pages.generate.output_panel import ATTENTION
from app.ui.theme import Theme

REDRAW_MS = 66
"""New tokens are drawn at most 15 times a second, all that came since at once."""
LOOK_EVERY = 6
"""So many redraws of the text to one of the newest token's choice while it is being written."""
ENDINGS = {
    "end of text": "the model ended the text",
    "stop string": "a stop sequence came",
    "length": "max new tokens reached",
    "context full": "the context is full",
    "all gaps filled": "all gaps filled",
    "searched": "search finished",
    "stopped": "stopped",
    "": "",
}


class GeneratePage(GenerateLayout):
    """Text streams into chips; a clicked chip shows its choice, otherwise the newest one's is shown."""

    def __init__(self, theme: Theme, session: Session, start: DecodingSettings) -> None:
        super().__init__(theme, session, start)
        self._pinned: int | None = None
        self._hovered: int | None = None
        self._redraws = 0
        self._shown: DistributionReading | None = None
        self._tick = QTimer(self)
        self._tick.setSingleShot(True)
        self._tick.setInterval(REDRAW_MS)
        self._tick.timeout.connect(self._draw_new)
        self._connect_panels()
        self._connect_session()
        self._tint_icons()

    def _connect_panels(self) -> None:
        self.prompt.submitted.connect(self._prompt_submitted)
        self.settings.changed.connect(self._session.generation.set_settings)
        self.settings.refused.connect(self.show_error)
        self.start.clicked.connect(self.run)
        self.pause.clicked.connect(self._pause_pressed)
        self.output.one.clicked.connect(self._session.generation.step)
        self.stop_button.clicked.connect(self._session.generation.stop)
        self.copy.clicked.connect(self._copy)
        self.output.with_settings.triggered.connect(self._copy_with_settings)
        self.output.save_text.triggered.connect(self._save)
        self.output.edit.clicked.connect(self._edit)
        self.output.step_chosen.connect(self._step_chosen)
        self.output.step_hovered.connect(self._step_hovered)
        self.output.colours.currentTextChanged.connect(self._colours_chosen)
        self.empty.chosen.connect(self._prompt_submitted)
        self.branches.fork_wanted.connect(self.fork_here)
        self.branches.compare_wanted.connect(self._compare)
        self.branches.beams_wanted.connect(self._back_to_beams)
        self.branches.second_wanted.connect(self._write_with_b)
        self.choice.taken.connect(self._fork_with)
        self.choice.banned.connect(self._ban)
        self.choice.forced.connect(self._force)
        self.beams.start.clicked.connect(self.run)
        self.beams.stop.clicked.connect(self._session.generation.stop)
        self.beams.pause.clicked.connect(self._pause_pressed)
        self.beams.text_chosen.connect(self._session.generation.write_out)
        self.banner.action_triggered.connect(self._way_out)
        self._theme.changed.connect(self._tint_icons)

    def _connect_session(self) -> None:
        session, generation = self._session, self._session.generation
        session.prompt_changed.connect(self._prompt_changed)
        session.inspection.tokens_changed.connect(self._tokens_changed)
        session.model_changed.connect(self._model_changed)
        session.second_changed.connect(self._model_changed)
        session.selection_changed.connect(self._selection_changed)
        generation.started.connect(self._started)
        generation.prompt_known.connect(self._prompt_known)
        generation.grew.connect(self._grew)
        generation.beams_grew.connect(self._say_counts)
        generation.branches_changed.connect(self._branches_changed)
        generation.cost_told.connect(self._say_counts)
        generation.state_changed.connect(self._state_changed)
        generation.settings_changed.connect(self._settings_changed)
        generation.distribution_read.connect(self._distribution_read)

    @Slot()
    def _tint_icons(self) -> None:
        self._state_changed()

    # What the session says

    @Slot()
    def _prompt_changed(self) -> None:
        self.prompt.set_text(self._session.prompt)
        self._say_counts()

    @Slot()
    def _tokens_changed(self) -> None:
        self.prompt.set_tokens(self._session.inspection.tokens)
        self.prompt.strip.set_dim_after(False)

    @Slot()
    def _model_changed(self) -> None:
        self.branches.second.setVisible(self._session.models.summary("B") is not None)
        self._state_changed()

    @Slot()
    def _selection_changed(self) -> None:
        if self._session.generation.watched is not None:
            self._watch(True)

    @Slot()
    def _started(self) -> None:
        generation = self._session.generation
        self._pinned = self._hovered = None
        self._shown = None
        self.choice.clear()
        self.banner.clear(including_errors=True)
        self.right.setCurrentIndex(1 if generation.tree is not None and not generation.current.steps else 0)
        self.output.show_branch(generation.current, generation.running)
        self.explain()

    @Slot()
    def _prompt_known(self) -> None:
        self.output.draw()
        self.text.set_streaming(self._session.generation.running)
        if self._session.generation.tree is not None:
            self.beams.show_tree()

    @Slot(int)
    def _grew(self, _count: int) -> None:
        if self._session.generation.running:
            self.right.setCurrentIndex(0)
        if not self._tick.isActive():
            self._tick.start()

    @Slot()
    def _draw_new(self) -> None:
        """Append the tokens that came since the last time."""
        if not self.output.draw():
            return
        self._say_counts()
        self._redraws += 1
        slow = self._session.generation.pacing.per_second > 0 or self._session.generation.paused
        if self._pinned is None and (slow or self._redraws % LOOK_EVERY == 0):
            self._ask_distribution()
        if slow:
            self.branches.show_branches()

    @Slot()
    def _branches_changed(self) -> None:
        self._compare(self.branches.compare.isChecked())

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
        self.output.edit.setEnabled(bool(generation.steps) and not generation.running)
        self.branches.fork.setEnabled(bool(generation.steps) and not generation.current.filled)
        words = "Go on" if generation.paused else "Pause before the next token"
        for button in (self.pause, self.beams.pause):
            button.setEnabled(generation.running)
            button.setIcon(icon(self._theme, "play" if generation.paused else "pause"))
            button.setToolTip(words)
            button.setAccessibleName(words)
        self.beams.stop.setEnabled(generation.running)
        self.beams.stop.setIcon(icon(self._theme, "stop"))
        self.beams.start.setEnabled(ready)
        self.beams.start.setText("Restart" if generation.running else "Search again")
        self.text.set_streaming(generation.running)
        self._draw_new()
        self._say_counts()
        if (generation.paused or not generation.running) and generation.steps:
            self._ask_distribution()
        if not generation.running and generation.ended_by == "context full":
            self.banner.show_message("info", "The context is full: the model has no position left.", "Slide the window")
        elif not generation.running and generation.ended_by == "length" and not generation.current.filled:
            self.start.setToolTip("Write another continuation of the prompt (Ctrl+Enter); G goes on with this one")

    @Slot()
    def _say_counts(self) -> None:
        generation = self._session.generation
        if not generation.steps:
            self.output.set_subtitle("")
            return
        count = len(generation.steps)
        words = f"{count} token{'' if count == 1 else 's'}"
        if generation.current.filled:
            words = f"{count} gap{'' if count == 1 else 's'} filled"
        ending = "paused" if generation.paused else ENDINGS[generation.ended_by]
        seed = generation.steps[0].seed
        old = "of the prompt before" if generation.prompt_text != self._session.prompt else ""
        speed = self.output.say_cost(generation.cost)
        told = " · ".join(
            part for part in (words, ending, old, f"seed {seed}" if seed is not None else "", speed) if part
        )
        self.output.set_subtitle(told)
        self.output.setToolTip(f"{told}. {self.output.cost_tip(generation.cost)}")

    @Slot()
    def _settings_changed(self) -> None:
        self.settings.show_settings(self._session.generation.settings)
        self.scrubber.set_total(self._session.generation.settings.max_new_tokens)
        self._say_counts()
        self._ask_distribution()

    @Slot()
    def _ask_distribution(self) -> None:
        generation = self._session.generation
        if generation.steps:
            looked_at = self._hovered if self._pinned is None else self._pinned
            generation.read_distribution(len(generation.steps) - 1 if looked_at is None else looked_at)

    @Slot(object)
    def _distribution_read(self, reading: DistributionReading) -> None:
        generation = self._session.generation
        if reading.index >= len(generation.steps) or (self._pinned is not None and reading.index != self._pinned):
            return
        self._shown = reading
        found = reading.distribution
        self.settings.bans.name_tokens({row.token_id: row.text for row in found.rows})
        pinned = ", pinned" if self._pinned is not None else ", under the pointer" if self._hovered is not None else ""
        drawn = f" · random draw {found.draw:.3f}" if found.draw is not None and generation.settings.draws else ""
        place = self._place_of(reading.index)
        new = "" if generation.current.filled else f" · new token {reading.index + 1}"
        seed = generation.steps[reading.index].seed if generation.settings.draws else None
        self.choice.show_reading(reading, generation.settings, f"token #{place}{pinned}{new}{drawn}", seed)
        if self._pinned is not None or not generation.running or generation.paused:
            # Words that change with every token cannot be read, and laying them out costs more than the token.
            self.explain()

    def _place_of(self, step: int) -> int:
        """Where a step's token stands in its text."""
        generation = self._session.generation
        position = generation.steps[step].position
        if position is not None:
            return position
        # The decoder of an encoder-decoder begins with its start token.
        return step + (1 if generation.current.apart else len(generation.prompt))

    # What the person does

    @Slot(str)
    def _prompt_submitted(self, text: str) -> None:
        self._session.set_prompt(text)
        self._session.generate(self.branches.beside.isChecked())

    @Slot()
    def _pause_pressed(self) -> None:
        self._session.generation.pause(not self._session.generation.paused)

    @Slot(int)
    def _step_chosen(self, step: int) -> None:
        self._pin(step if step >= 0 else None)

    @Slot(int)
    def _step_hovered(self, step: int) -> None:
        """Preview a token's choice while nothing is pinned and nothing is written."""
        wanted = step if step >= 0 else None
        if wanted != self._hovered:
            self._hovered = wanted
            if self._pinned is None and not self._session.generation.running:
                self._ask_distribution()

    def _pin(self, step: int | None) -> None:
        self._pinned = None if step is None or step == self._pinned else step
        self.output.mark(self._pinned)
        self._ask_distribution()

    def step_by(self, count: int) -> None:
        """Pin the step so many further on, from the newest where none is pinned."""
        steps = self._session.generation.steps
        if steps:
            at = len(steps) if self._pinned is None else self._pinned
            wanted = min(max(at + count, 0), len(steps) - 1)
            if wanted != self._pinned:
                self._pin(wanted)

    @Slot()
    def _back_to_beams(self) -> None:
        self.right.setCurrentIndex(1)
        self.explained.emit(explanations.BEAMS)

    @Slot()
    def _write_with_b(self) -> None:
        """The same prompt and random numbers by the other model; then both are shown."""
        generation = self._session.generation
        seed = generation.steps[0].seed if generation.steps else None
        self._session.generate(beside=True, slot="B", seed=seed)
        self.branches.compare.setChecked(True)

    @Slot()
    def fork_here(self) -> None:
        """Write on from the pinned token, or the newest, in a branch of its own."""
        generation = self._session.generation
        if generation.steps:
            generation.fork(len(generation.steps) - 1 if self._pinned is None else self._pinned)

    def go_on(self) -> None:
        """Write the current text on."""
        self._session.generation.go_on()

    @Slot(int)
    def _fork_with(self, token: int) -> None:
        if self._shown is not None:
            self._session.generation.fork(self._shown.index, token)

    @Slot(int)
    def _ban(self, token: int) -> None:
        settings = self._session.generation.settings
        if token not in settings.banned:
            self._session.generation.set_settings(replace(settings, banned=(*settings.banned, token)))

    @Slot(int)
    def _force(self, token: int) -> None:
        settings = self._session.generation.settings
        self._session.generation.set_settings(replace(settings, forced=(*settings.forced, token)))

    @Slot(bool)
    def _compare(self, wanted: bool) -> None:
        """Show under the current text the one it branched from, or the newest other."""
        generation = self._session.generation
        others = [branch for branch in generation.branches if branch is not generation.current]
        parent = generation.current.parent
        other = parent if parent in others else others[-1] if others else None
        self.output.compare_with(other if wanted else None)

    @Slot(str)
    def _colours_chosen(self, name: str) -> None:
        self._watch(name == ATTENTION)

    def _watch(self, wanted: bool) -> None:
        """Record a head's rows while text is written: the one chosen on Inspect, of the decoder itself."""
        selection, generation = self._session.selection, self._session.generation
        generation.watched = ("self", selection.layer, selection.head) if wanted else None
        if wanted and generation.steps and generation.steps[-1].attention is None:
            head = f"L{selection.layer} H{selection.head}"
            self.banner.show_message("info", f"Attention of {head} is recorded from the next run on.")

    @Slot()
    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self._session.generation.text)

    @Slot()
    def _copy_with_settings(self) -> None:
        QGuiApplication.clipboard().setText(told_with_settings(self._session.generation.current))

    @Slot()
    def _save(self) -> None:
        """Ask for a file and write the text with its settings."""
        path, _ = QFileDialog.getSaveFileName(self, "Save the text", "text.txt", "Text (*.txt)")
        if path:
            self.save_to(Path(path))

    def save_to(self, path: Path) -> None:
        """Write the text with its settings into a file."""
        try:
            path.write_text(told_with_settings(self._session.generation.current) + "\n", encoding="utf-8")
        except OSError as error:
            self.show_error(UserError(f"The file {path} could not be written: {error.strerror}.", "Choose another."))

    @Slot()
    def _edit(self) -> None:
        """The whole text into the editor, of an encoder-decoder its source; what still holds of the cache is used."""
        current = self._session.generation.current
        self.prompt.set_text(current.prompt_text if current.apart else current.text)
        self.prompt.edit(True)
        self.prompt.editor.moveCursor(QTextCursor.MoveOperation.End)

    @Slot()
    def _way_out(self) -> None:
        if self._session.generation.ended_by == "context full":
            self.banner.clear(including_errors=True)
            self._session.generation.slide()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        acts = {
            Qt.Key.Key_F: self.fork_here,
            Qt.Key.Key_G: self.go_on,
            Qt.Key.Key_Comma: bound(self.step_by, -1),
            Qt.Key.Key_Period: bound(self.step_by, 1),
            Qt.Key.Key_Space: self._pause_pressed,
        }
        act = acts.get(Qt.Key(event.key())) if not event.modifiers() else None
        if act is None:
            super().keyPressEvent(event)
        else:
            act()

    # What the window asks

    @Slot()
    def run(self) -> None:
        if self.prompt.editing and self.prompt.editor.toPlainText():
            self.prompt.submit()
        elif not self._session.prompt:
            self.show_error(UserError("There is no prompt to continue.", "Type one above, or press an example."))
        else:
            self._session.generate(self.branches.beside.isChecked())

    def stop(self) -> None:
        if self.prompt.editing and self._session.prompt:
            self.prompt.set_text(self._session.prompt)
        elif self._session.generation.running:
            self._session.generation.stop()
        elif self._pinned is not None:
            self._pin(None)

    def take_focus(self) -> None:
        if self.prompt.editing:
            self.prompt.editor.setFocus()
        else:
            self.start.setFocus()

    def explain(self) -> None:
        self.explained.emit(self._explanation())

    def _explanation(self) -> Any:
        summary, generation = self._session.summary, self._session.generation
        if generation.tree is not None and not generation.steps:
            return explanations.BEAMS
        if summary is None or self._shown is None or self._shown.index >= len(generation.steps):
            return explanations.INTRODUCTION
        return explanations.explain_choice(
            summary,
            self._shown.distribution,
            generation.settings,
            self._place_of(self._shown.index),
            found_by=generation.current.found_by,
            under_others=not generation.written_alike(self._shown.index),
        )
