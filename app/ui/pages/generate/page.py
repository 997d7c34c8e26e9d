"""The Generate page: settings at the left, the text as it is written, how a token was chosen, branches and beams."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QEvent, QObject, Qt, Slot
from PySide6.QtGui import QGuiApplication, QKeyEvent, QTextCursor

from app.engine.decode.settings import DecodingSettings
from app.engine.errors import UserError
from app.session.branches import Branch, told_with_settings
from app.session.same_text import same_text
from app.session.session import Session
from app.ui.actions import Command, bound
from app.ui.pages.generate.chip_colours import ATTENTION
from app.ui.pages.generate.page_commands import generate_commands
from app.ui.pages.generate.token_acts import TokenActs
from app.ui.theme import Theme
from app.ui.widgets.save_dialog import ask_where


class GeneratePage(TokenActs):
    """Text streams into chips; a clicked chip shows its choice, otherwise the newest one's is shown."""

    def __init__(self, theme: Theme, session: Session, start: DecodingSettings) -> None:
        super().__init__(theme, session, start)
        self._refusal = False
        """The banner says why a setting was refused."""
        self._second_wanted = False
        """Two texts are to be compared as soon as there are two."""
        self._outdone: Branch | None = None
        """A text that is written once more so that a head is recorded, and goes when that one stands."""
        self._connect_panels()

    def _connect_panels(self) -> None:
        self.prompt.submitted.connect(self._prompt_submitted)
        self.prompt.rewritten.connect(self._session.generation.rewrite)
        self._session.generation.branches_changed.connect(self._second_came)
        self._session.generation.branches_changed.connect(self._once_more_came)
        self.heads.chosen.connect(self._head_chosen)
        self.settings.changed.connect(self._session.generation.set_settings)
        self.settings.refused.connect(self._refused)
        self.settings.changed.connect(self._mended)
        self.settings.typed.connect(self._mended)
        self.settings.preset_kept.connect(self._session.generation.keep_preset)
        self.start.clicked.connect(self.run)
        for button in (self.start, self.beams.start):
            button.installEventFilter(self)
        self.pause.clicked.connect(self._pause_pressed)
        self.output.one.clicked.connect(self._session.generation.step)
        self.stop_button.clicked.connect(self._session.generation.stop)
        self.copy.clicked.connect(self._copy)
        self.output.with_settings.triggered.connect(self._copy_with_settings)
        self.output.save_text.triggered.connect(self._save)
        self.output.edit.clicked.connect(self._edit)
        self.output.step_chosen.connect(self._step_chosen)
        self.output.step_hovered.connect(self._step_hovered)
        self.output.stepped.connect(self.step_by)
        self.output.partner_chosen.connect(self._partner_chosen)
        self.output.colours.currentTextChanged.connect(self._colours_chosen)
        self.empty.chosen.connect(self._prompt_submitted)
        self.branches.fork_wanted.connect(self.fork_here)
        self.branches.compare_wanted.connect(self._compare)
        self.branches.beams_wanted.connect(self._back_to_beams)
        self.branches.second_wanted.connect(self._write_with_b)
        self.choice.taken.connect(self._fork_with)
        self.choice.banned.connect(self._row_banned)
        self.choice.open_wanted.connect(self._session.open_model)
        self.choice.forced.connect(self._row_forced)
        self.settings.bans.ban_typed.connect(self._ban_typed)
        self.settings.bans.begin_typed.connect(self._begin_typed)
        self.tell_exports()
        self.beams.start.clicked.connect(self.run)
        self.beams.texts.clicked.connect(self._back_to_texts)
        self.beams.stop.clicked.connect(self._session.generation.stop)
        self.beams.pause.clicked.connect(self._pause_pressed)
        self.beams.text_chosen.connect(self._session.generation.write_out)
        self.banner.action_triggered.connect(self._way_out)

    # What the person does

    @Slot(str)
    def _prompt_submitted(self, text: str) -> None:
        self._session.set_prompt(text)
        self._write()

    def _write(self, slot: str = "A", seed: int | None = None) -> bool:
        """Write what the settings say, beside the other texts if they are kept; False where it stands among them."""
        generation, beside = self._session.generation, slot != "A" or self.branches.beside.isChecked()
        loaded, request = self._session.models.loaded(slot), self._session.models.request(slot)
        settings = generation.settings_for(loaded)
        settings = settings if seed is None else replace(settings, seed=seed)
        same = None
        if loaded is not None and request is not None and beside:
            same = same_text(generation.branches, loaded, request.ref, self._session.prompt, settings)
        recorded = generation.watched is None or (same and same.steps[-1].head == generation.watched)
        if same is None or not recorded:
            self._outdone = same
            self._session.generate(beside, slot, seed)
            return True
        generation.stop()
        generation.choose(generation.branches.index(same))
        self.banner.show_message(
            "info",
            "The same settings give the same text, which stands here already.",
            "Empty the seed for another one." if settings.draws and seed is None else "Change one for another text.",
        )
        return False

    @Slot()
    def _once_more_came(self) -> None:
        """Of a text that was written twice the newer one is kept, unless forks begin in the older."""
        generation, old = self._session.generation, self._outdone
        if old is None or generation.running:
            return
        self._outdone = None
        again = old is not generation.current and old.ids == generation.current.ids
        if again and old in generation.branches and all(each.parent is not old for each in generation.branches):
            generation.remove(generation.branches.index(old), by_person=False)

    @Slot(object)
    def _refused(self, error: UserError) -> None:
        self._refusal = True
        self.show_error(error)

    @Slot()
    def _mended(self) -> None:
        """A setting that fits takes the word about one that did not away."""
        if self._refusal and self.settings.words.refusal() is None:
            self._refusal = False
            self.banner.clear(including_errors=True)

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
        self._show_row()
        self._ask_distribution()

    @Slot(int)
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
        self._bring_right(1)
        self.explain()

    @Slot()
    def _back_to_texts(self) -> None:
        generation = self._session.generation
        if generation.at_search:
            generation.choose(len(generation.branches) - 1)
        self._bring_right(0)
        self.explain()

    @Slot()
    def _write_with_b(self) -> None:
        """The same prompt and random numbers by the other model, of beam searches the best; then both are shown."""
        generation = self._session.generation
        searched = generation.tree.seed if generation.tree is not None else None
        seed = generation.steps[0].seed if generation.steps else searched
        self._second_wanted = True
        if not self._write("B", seed):
            self._second_wanted = False
            self.branches.compare.setChecked(True)
        self._second_came()

    @Slot()
    def _second_came(self) -> None:
        if self._second_wanted and len(self._session.generation.branches) > 1:
            self._second_wanted = False
            self.branches.compare.setChecked(True)

    @Slot(str, int, int)
    def _head_chosen(self, kind: str, layer: int, head: int) -> None:
        self._session.select(kind=kind, layer=layer, head=head)

    @Slot()
    def fork_here(self) -> None:
        """Write on from the pinned token, or the newest, in a branch of its own."""
        generation = self._session.generation
        if generation.steps:
            generation.fork(len(generation.steps) - 1 if self._pinned is None else self._pinned)

    def go_on(self) -> None:
        """Write the current text on."""
        self._session.generation.go_on()

    @Slot(str)
    def _colours_chosen(self, name: str) -> None:
        self._watch(name == ATTENTION)
        self.explain()

    @Slot()
    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self._session.generation.text)
        self.noted.emit("The text is on the clipboard.")

    @Slot()
    def _copy_with_settings(self) -> None:
        QGuiApplication.clipboard().setText(told_with_settings(self._session.generation.current))
        self.noted.emit("The text with its settings is on the clipboard.")

    @Slot()
    def _save(self) -> None:
        """Ask for a file and write the text with its settings."""
        path = ask_where(self, "text", "txt", "Text")
        if path is not None:
            self.save_to(path)

    def save_to(self, path: Path) -> None:
        """Write the text with its settings into a file."""
        try:
            path.write_text(told_with_settings(self._session.generation.current) + "\n", encoding="utf-8")
        except OSError as error:
            self.show_error(UserError(f"The file {path} could not be written: {error.strerror}.", "Choose another."))
        else:
            self.noted.emit(f"The text with its settings is saved as {path}")

    @Slot()
    def _edit(self) -> None:
        """The whole text into the editor, of an encoder-decoder what it wrote, which it goes on with; what still holds
        of the cache is used."""
        current = self._session.generation.current
        if current.apart:
            self.prompt.edit_instead("Written", current.text)
        else:
            self.prompt.set_text(current.text)
            self.prompt.edit(True)
        self.prompt.editor.moveCursor(QTextCursor.MoveOperation.End)

    def room_after(self, limit: int) -> int:
        """What is written comes after a decoder's prompt, which otherwise would fill the context alone."""
        summary = self._session.summary
        if summary is None or summary.kind != "decoder":
            return 0
        return min(self._session.generation.settings.max_new_tokens, limit // 2)

    @Slot()
    def _way_out(self) -> None:
        """A prompt that is too long was refused as an error, a full context is a note."""
        refused = self.banner.kind() == "error"
        self.banner.clear(including_errors=True)
        if refused:
            self._session.cut_prompt(self.room_after)
        else:
            self._session.generation.slide()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Space pauses while a text is written, also on the button that began it and has the focus since."""
        if (
            isinstance(event, QKeyEvent)
            and event.type() == QEvent.Type.KeyPress
            and event.key() == Qt.Key.Key_Space
            and self._session.generation.running
        ):
            self._pause_pressed()
            return True
        return super().eventFilter(watched, event)

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
        if not self.settings.commit():
            return
        if self.prompt.editing and self.prompt.editor.toPlainText():
            self.prompt.submit()
        elif not self._session.prompt:
            self.show_error(UserError("There is no prompt to continue.", "Type one above, or press an example."))
        else:
            self._write()

    def stop(self) -> None:
        if self.prompt.editing and self._session.prompt:
            self.prompt.set_text(self._session.prompt)
        elif self._session.generation.running:
            self._session.generation.stop()
        elif self._pinned is not None:
            self._pin(None)

    def commands(self) -> list[Command]:
        return generate_commands(self)

    def current_empty(self) -> bool:
        """Whether no text stands here that something could be done with."""
        return not self._session.generation.steps

    def take_focus(self) -> None:
        if self.prompt.editing:
            self.prompt.editor.setFocus()
        else:
            self.start.setFocus()
