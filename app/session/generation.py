"""The texts being generated: branches of steps, the settings that act on the next one, and any step's distribution."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal, Slot

from app.engine.decode.records import BeamTree
from app.engine.decode.settings import BEAMS, DecodingSettings
from app.engine.trace.records import Token
from app.jobs.board import Board
from app.jobs.job import Job, Work
from app.session import writing
from app.session.branches import MOST, Branch, adapter_state, without
from app.session.generated import DistributionReading, GeneratedToken, RunCost
from app.session.pacing import Pacing

if TYPE_CHECKING:
    from app.engine.decode.kept import KeptForward
    from app.engine.models.loaded import LoadedModel

LANE = "model"
Head = tuple[str, int, int]
"""Kind, block and head."""


class Generation(QObject):
    """Starts, pauses and stops runs, and keeps what they wrote. One text is current; its parts are read from here."""

    started = Signal()
    """Another text is current, or it is empty now."""
    prompt_known = Signal()
    grew = Signal(int)
    """So many tokens were added at the end of the current text."""
    branches_changed = Signal()
    """Texts came or went, ended, or another is current."""
    beams_grew = Signal()
    cost_told = Signal()
    state_changed = Signal()
    settings_changed = Signal()
    presets_changed = Signal()
    distribution_read = Signal(object)
    failed = Signal(object)

    def __init__(self, board: Board, settings: DecodingSettings) -> None:
        super().__init__()
        self._board = board
        self._settings = settings
        self.presets: dict[str, DecodingSettings] = {}
        """Settings that the person gave a name."""
        self.branches: list[Branch] = []
        self.current = Branch("")
        self.tree: BeamTree | None = None
        """The last beam search, None when the last run was none."""
        self.cost: RunCost | None = None
        self.watched: Head | None = None
        """The head whose row is recorded at every step, None for none."""
        self.pacing = Pacing()
        self._targets: list[Branch] = []
        self._job: Job | None = None
        self._loaded: LoadedModel | None = None
        self._kept: list[KeptForward] = []

    # What stands

    @property
    def prompt(self) -> tuple[Token, ...]:
        """The prompt's tokens of the current text."""
        return self.current.prompt

    @property
    def prompt_text(self) -> str:
        """What the current text continues."""
        return self.current.prompt_text

    @property
    def steps(self) -> list[GeneratedToken]:
        """The new tokens of the current text."""
        return self.current.steps

    @property
    def ended_by(self) -> str:
        """Why the current text ended, '' before and while it is written."""
        return self.current.ended_by

    @property
    def text(self) -> str:
        """The current prompt and everything written after it."""
        return self.current.text

    @property
    def settings(self) -> DecodingSettings:
        """What acts on the next token."""
        return self._settings

    def keep_preset(self, name: str, settings: DecodingSettings | None) -> None:
        """Give settings a name of the person's own; None forgets the name."""
        if settings is None:
            self.presets.pop(name, None)
        else:
            self.presets[name] = settings
        self.presets_changed.emit()

    @property
    def running(self) -> bool:
        """Whether tokens are being written or the run is paused."""
        return self._job is not None

    @property
    def paused(self) -> bool:
        """Whether the run holds between two tokens because the person wants it."""
        return self._job is not None and self._job.pause_asked and not self.pacing.holding

    def set_settings(self, settings: DecodingSettings) -> None:
        """Replace the settings; a run under way reads them before its next token."""
        if settings != self._settings:
            self._settings = settings
            self.settings_changed.emit()

    # Runs

    def start(self, loaded: LoadedModel, text: str, beside: bool = False, seed: int | None = None) -> None:
        """Write a new continuation of `text`, by the method of the settings; a run under way is stopped.

        What was written before goes, unless it shall stand `beside`. A masked model fills gaps instead. A `seed` is for
        this run alone, whatever the settings say.
        """
        self._stop_quietly()
        self._loaded = loaded
        if not beside:
            self.branches = []
        self.tree = None
        if loaded.kind == "encoder":
            self._write(Branch(text, filled=True), "Fill", lambda: writing.fill(loaded, text, self._ask))
        elif self._settings.method in BEAMS:
            self._search(loaded, text)
        elif self._settings.num_sequences > 1 and self._settings.draws:
            self._write_several(loaded, text, self._settings.num_sequences)
        else:
            ask = self._ask if seed is None else lambda: replace(self._settings, seed=seed)
            self._write_on(Branch(text), (), ask)

    def fork(self, index: int, token: int | None = None) -> None:
        """A branch of the current text from step `index` on: with another `token` there, or drawn anew."""
        if self._loaded is None or not 0 <= index <= len(self.steps) or self.current.filled:
            return
        self._stop_quietly()
        branch = self.current.beside()
        del branch.steps[index:]
        branch.fork = index
        given = branch.ids
        # The same settings with the same random numbers would write the same text again.
        again = token is None and self.written_alike(index)

        def ask() -> DecodingSettings:
            settings = self._settings
            longest = max(settings.max_new_tokens, index + 1)
            if token is None:
                return replace(settings, max_new_tokens=longest, seed=None if again else settings.seed)
            forced = (*given, token, *settings.forced[index + 1 :])
            return replace(settings, max_new_tokens=longest, forced=forced)

        self._write_on(branch, given, ask)

    def written_alike(self, index: int) -> bool:
        """Whether step `index` was chosen under the settings as they are now."""
        if index >= len(self.steps):
            return False
        told = replace(self.steps[index].settings, forced=(), max_new_tokens=1, seed=None)
        return told == replace(self._settings, forced=(), max_new_tokens=1, seed=None)

    def go_on(self) -> None:
        """Write the current text on, by as many tokens as the settings allow a new one."""
        if self._loaded is None or self.running or self.current.filled:
            return
        branch, given = self.current, self.current.ids
        branch.ended_by = ""
        self._write_on(
            branch, given, lambda: replace(self._settings, max_new_tokens=len(given) + self._settings.max_new_tokens)
        )

    def slide(self) -> None:
        """Where the context is full: go on after the last half of the text, which becomes the prompt."""
        if self._loaded is None or self.running or not self.steps:
            return
        ids = [*(token.id for token in self.prompt), *self.current.ids]
        tail = ids[len(ids) // 2 :]
        text = self._loaded.tokenizer.decode(tail, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        self._write_on(Branch(text), (), self._ask)

    def write_out(self, ids: tuple[int, ...]) -> None:
        """Make an ordinary text of one that a beam search found, so that each of its choices can be looked at."""
        if self._loaded is None or self.tree is None:
            return
        self._stop_quietly()
        place = next((at for at, text in enumerate(self.tree.sequences) if text.ids == ids), 0)
        total = self.tree.sequences[place].total if self.tree.sequences else 0.0
        branch = Branch(self.prompt_text, self.prompt, found_by=f"row {place + 1} of the beam search, Σ {total:.2f}")
        plain = DecodingSettings(method="greedy", forced=ids, max_new_tokens=max(len(ids), 1))
        self._write_on(branch, (), lambda: plain)

    def pause(self, paused: bool) -> None:
        """Hold before the next token, or go on."""
        if self._job is not None:
            self.pacing.taken_over()
            self._job.pause(paused)
            self.state_changed.emit()

    def step(self) -> None:
        """One token more of a run that is paused."""
        self.pacing.one_step()

    def stop(self) -> None:
        """End the run; what was written stays."""
        if self._job is not None:
            self._job.cancel()

    def clear(self) -> None:
        """Stop and forget what was written, for instance when its model closes."""
        self.stop()
        self._loaded, self._kept = None, []
        self.branches, self.current, self.tree, self.cost = [], Branch(""), None, None
        self.started.emit()
        self.branches_changed.emit()

    # Branches

    def choose(self, place: int) -> None:
        """Make another text the current one."""
        if 0 <= place < len(self.branches) and self.branches[place] is not self.current:
            self._turn_to(self.branches[place])

    def keep_only(self, models: Sequence[LoadedModel | None]) -> None:
        """A model was closed: what it wrote goes, so that its memory is free."""
        closed = self._loaded is not None and self._loaded not in models
        gone = [each for each in self.branches if each.loaded not in models]
        if not closed and not gone:
            return
        if len(gone) == len(self.branches):
            self.clear()
            return
        for branch in gone:
            self.branches = without(self.branches, branch)
        # The cache of keys and values holds on to its model.
        self._kept = []
        if closed:
            self.stop()
            self.tree = None
            self._turn_to(self.branches[-1])
        self.branches_changed.emit()

    def _turn_to(self, branch: Branch) -> None:
        self.current, self._loaded = branch, branch.loaded
        self._tell_current()

    def remove(self, place: int) -> None:
        """Forget a text; never the only one, nor one that is being written."""
        if len(self.branches) < 2 or self.branches[place] in self._targets:
            return
        gone = self.branches[place]
        self.branches = without(self.branches, gone)
        if gone is self.current:
            self._turn_to(self.branches[min(place, len(self.branches) - 1)])
        self.branches_changed.emit()

    def read_distribution(self, index: int) -> None:
        """Ask how step `index` was chosen, under the settings as they are now; `distribution_read` answers."""
        if self._loaded is None or not 0 <= index < len(self.steps):
            return
        loaded, step, branch = self._loaded, self.steps[index], self.current
        text, given = branch.prompt_text, branch.ids[:index]
        # A token that a fork forced was forced by the fork, not by the settings that are looked at now.
        settings = replace(self._settings, forced=step.settings.forced)
        job = self._board.start(
            LANE,
            "Distribution",
            lambda: writing.distribution(loaded, index, step, settings, text, given),
            key="distribution",
            quiet=True,
        )
        job.finished.connect(lambda reading: self._distribution_came(branch, reading))
        job.failed.connect(self.failed)

    def bring_back(self, branches: list[Branch]) -> None:
        """Texts of an earlier start, the newest of them the current one."""
        if branches and not self.branches:
            self.branches = branches
            self._turn_to(branches[-1])

    def _distribution_came(self, branch: Branch, reading: DistributionReading) -> None:
        if branch is self.current and reading.index < len(branch.steps):
            branch.steps[reading.index] = reading.step
            self.distribution_read.emit(reading)

    # Jobs

    def _ask(self) -> DecodingSettings:
        return self._settings

    def _watched(self) -> Head | None:
        return self.watched

    def _write_on(self, branch: Branch, given: tuple[int, ...], ask: Callable[[], DecodingSettings]) -> None:
        loaded, text = self._loaded, branch.prompt_text
        assert loaded is not None
        watched = self._watched if self.watched is not None else None
        self._write(branch, "Generate", lambda: writing.generate(loaded, text, ask, given, self._kept, watched))

    def _write_several(self, loaded: LoadedModel, text: str, count: int) -> None:
        made = [Branch(text, model=loaded.summary.name) for _ in range(count)]
        job = self._begin("Generate", lambda: writing.generate_batch(loaded, text, self._ask, count, ()), made)
        job.stepped.connect(self._several_stepped)
        job.finished.connect(self._several_finished)

    def _write(self, branch: Branch, name: str, work: Callable[[], Work]) -> None:
        assert self._loaded is not None
        branch.model = self._loaded.summary.name
        job = self._begin(name, work, [branch])
        job.stepped.connect(self._stepped)
        job.finished.connect(self._finished)

    def _search(self, loaded: LoadedModel, text: str) -> None:
        settings = self._settings
        self.tree = BeamTree((), (), False)
        branch = Branch(text, model=loaded.summary.name)
        # The prompt's holder; it becomes a text of the list only when one of the beams is written out.
        job = self._begin("Beam search", lambda: writing.search(loaded, text, settings, ()), [branch], listed=False)
        job.stepped.connect(self._searched)
        job.finished.connect(self._found)

    def _begin(self, name: str, work: Callable[[], Work], targets: list[Branch], listed: bool = True) -> Job:
        job = self._board.start(LANE, name, work, key="generate", hold_after=self.pacing.holds_after)
        self.pacing.follow(job)
        self._job, self._targets, self.cost = job, targets, None
        new = [branch for branch in targets if branch not in self.branches]
        if listed:
            self.branches = [*self.branches, *new][-MOST:]
        for branch in targets:
            branch.loaded = self._loaded
            now = adapter_state(self._loaded)
            mixed = bool(branch.steps) and now != branch.adapter
            branch.adapter = f"partly {now or 'without an adapter'}" if mixed else now
        self.current = targets[0]
        job.failed.connect(self._failed)
        job.cancelled.connect(self._cancelled)
        self._tell_current()
        return job

    def _stop_quietly(self) -> None:
        """A run under way ends for a newer one; its text stays."""
        if self._job is not None:
            for branch in self._targets:
                branch.ended_by = "stopped"
            self._job.cancel()

    def _tell_current(self) -> None:
        self.started.emit()
        if self.current.prompt:
            self.prompt_known.emit()
        if self.current.steps:
            self.grew.emit(len(self.current.steps))
        self.branches_changed.emit()
        self.state_changed.emit()

    @Slot(object)
    def _stepped(self, value: Any) -> None:
        target = self._targets[0]
        if isinstance(value, GeneratedToken):
            target.steps.append(value)
            if target is self.current:
                self.grew.emit(1)
            self._token_came()
        elif isinstance(value, RunCost):
            self.cost = value
            self.cost_told.emit()
        else:
            self._prompt_came(value)

    @Slot(object)
    def _several_stepped(self, value: Any) -> None:
        if value and isinstance(value[0], int):
            row, token = value
            self._targets[row].steps.append(token)
            if self._targets[row] is self.current:
                self.grew.emit(1)
            if row == 0:
                self._token_came()
                self.branches_changed.emit()
        else:
            self._prompt_came(value)

    @Slot(object)
    def _searched(self, value: Any) -> None:
        if isinstance(value, BeamTree):
            self.tree = value
            self.beams_grew.emit()
            self._token_came()
        else:
            self._prompt_came(value)

    def _prompt_came(self, tokens: tuple[Token, ...]) -> None:
        first = not self._targets[0].prompt
        for branch in self._targets:
            branch.prompt = tokens
        if first and self.current in self._targets:
            self.prompt_known.emit()

    def _token_came(self) -> None:
        if self.pacing.came():
            self.state_changed.emit()

    @Slot(object)
    def _finished(self, reason: str) -> None:
        self._end(reason)

    @Slot(object)
    def _several_finished(self, reasons: tuple[str, ...]) -> None:
        for branch, reason in zip(self._targets, reasons, strict=True):
            branch.ended_by = reason
        self._end(reasons[0])

    @Slot(object)
    def _found(self, tree: BeamTree) -> None:
        self.tree = tree
        self.beams_grew.emit()
        self._end("searched")

    @Slot(object)
    def _failed(self, error: BaseException) -> None:
        for branch in self._targets:
            # A run that failed before its first token leaves no text.
            if not branch.steps and len(self.branches) > 1:
                self.branches = without(self.branches, branch)
        if self.branches and self.current not in self.branches:
            self._turn_to(self.branches[-1])
        self._end("")
        self.failed.emit(error)

    @Slot()
    def _cancelled(self) -> None:
        # A run that was stopped because a newer one began has nothing more to say about it.
        if self._job is None or self._job.state.ended:
            for branch in self._targets:
                branch.ended_by = "stopped"
            self._end("stopped")

    def _end(self, reason: str) -> None:
        if self._targets:
            self._targets[0].ended_by = reason
        self._job, self._targets = None, []
        self.pacing.follow(None)
        self.branches_changed.emit()
        self.state_changed.emit()
