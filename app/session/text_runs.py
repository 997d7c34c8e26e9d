"""A run that writes text, from its first step to its last: held, stepped, ended, failed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Signal, Slot

from app.engine.decode.records import BeamTree
from app.engine.decode.settings import DecodingSettings
from app.engine.errors import ContextFullError
from app.engine.trace.records import Token
from app.jobs.board import Board
from app.jobs.job import Job, Work
from app.session import writing
from app.session.branches import MOST, WITH_LOGITS, Branch, adapter_state, without
from app.session.generated import GeneratedToken, RunCost
from app.session.pacing import Pacing
from app.session.texts import LANE, Texts

if TYPE_CHECKING:
    from app.engine.decode.kept import KeptForward
    from app.engine.models.loaded import LoadedModel

Head = tuple[str, int, int]
"""Kind, block and head."""


@dataclass(frozen=True)
class Before:
    """A text as it was when its run began, for one that fails before its first token."""

    steps: tuple[GeneratedToken, ...]
    ended_by: str
    begun: int
    """So many of the steps the run goes on after."""
    fresh: bool
    """It was none of the list."""


class TextRuns(Texts):
    """Takes what one run at a time gives into the texts it writes."""

    beams_grew = Signal()
    cost_told = Signal()
    dropped = Signal(int)
    """So many of the oldest texts made room for newer ones."""

    def __init__(self, board: Board, settings: DecodingSettings) -> None:
        super().__init__(board, settings)
        self.watched: Head | None = None
        """The head whose row is recorded at every step, None for none."""
        self.pacing = Pacing()
        self._refs: Mapping[LoadedModel, str] = {}
        """What opens the models that are open."""
        self._kept: list[KeptForward] = []
        self._told_paused = False
        self._before: dict[Branch, Before] = {}
        self._looked_at: tuple[BeamTree | None, Branch] = (None, self.current)
        """What stood when a text was begun anew."""
        self._then: Callable[[], None] | None = None
        """What follows when the run under way has ended well."""

    @property
    def running(self) -> bool:
        """Whether tokens are being written or the run is paused."""
        return self._job is not None

    @property
    def paused(self) -> bool:
        """Whether the run holds between two tokens because the person wants it."""
        return self._job is not None and self._job.pause_asked and not self._job.held

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
        self._then = None
        if self._job is not None:
            self._job.cancel()

    # What a run begins with

    def _means(self) -> writing.Means:
        return writing.Means(self._kept, lambda: self.watched)

    def _write(self, branch: Branch, name: str, work: Callable[[], Work]) -> None:
        job = self._begin(name, work, [branch])
        job.stepped.connect(self._stepped)
        job.finished.connect(self._finished)

    def _prepare(self, name: str, work: Callable[[], Work], then: Callable[[Any], None]) -> None:
        """Something to be read on the lane before a run can begin."""
        job = self._board.start(LANE, name, work, key="generate")
        self._job, self._targets, self._before = job, [], {}

        def go_on(value: Any) -> None:
            self._job = None
            then(value)

        job.finished.connect(go_on)
        job.failed.connect(self._failed)
        job.cancelled.connect(self._cancelled)
        self.state_changed.emit()

    def _begin(self, name: str, work: Callable[[], Work], targets: list[Branch], listed: bool = True) -> Job:
        # The scores of a search are sums over its steps: training waits until it has ended, or holds.
        alone = not listed
        job = self._board.start(LANE, name, work, key="generate", hold_after=self.pacing.holds_after, alone=alone)
        self.pacing.follow(job)
        self._job, self._targets, self.cost = job, targets, None
        new = [branch for branch in targets if branch not in self.branches]
        self._before = {
            branch: Before(tuple(branch.steps), branch.ended_by, len(branch.steps), branch in new) for branch in targets
        }
        if listed:
            texts = [*self.branches, *new]
            self.branches = texts[-MOST:]
            for branch in self.branches[:-WITH_LOGITS]:
                branch.forget_logits()
            if len(texts) > MOST:
                self.dropped.emit(len(texts) - MOST)
        assert self._loaded is not None
        for branch in targets:
            branch.attach(self._loaded, self._refs.get(self._loaded, self._loaded.summary.ref))
            now = adapter_state(self._loaded)
            mixed = bool(branch.steps) and now != branch.adapter
            branch.adapter = f"partly {now or 'without an adapter'}" if mixed else now
        self.current = targets[0]
        job.failed.connect(self._failed)
        job.cancelled.connect(self._cancelled)
        job.changed.connect(self._job_changed)
        self._tell_current()
        return job

    def _stop_quietly(self) -> None:
        """A run under way ends for a newer one; its text stays."""
        self._then = None
        if self._job is not None:
            for branch in self._targets:
                branch.ended_by = "stopped"
            self._job.cancel()

    @Slot()
    def _job_changed(self) -> None:
        """The job may be paused elsewhere, too: in the strip at the foot of the window."""
        if self.paused != self._told_paused:
            self._told_paused = self.paused
            self.state_changed.emit()

    # What it gives

    @Slot(object)
    def _stepped(self, value: Any) -> None:
        target = self._targets[0]
        if isinstance(value, GeneratedToken):
            target.steps.append(value)
            if target is self.current:
                self.grew.emit(1)
            self._token_came()
        else:
            self._other_came(value)

    @Slot(object)
    def _several_stepped(self, value: Any) -> None:
        if isinstance(value, tuple) and value and isinstance(value[0], int):
            row, token = value
            self._targets[row].steps.append(token)
            if self._targets[row] is self.current:
                self.grew.emit(1)
            self._token_came()
            if row == 0:
                self.branches_changed.emit()
        else:
            self._other_came(value)

    @Slot(object)
    def _searched_on(self, value: Any) -> None:
        if isinstance(value, BeamTree):
            self.tree = value
            self.beams_grew.emit()
            self._token_came()
        else:
            self._other_came(value)

    def _other_came(self, value: RunCost | tuple[Token, ...]) -> None:
        """What the run has cost so far, or the tokens of its prompt."""
        if isinstance(value, RunCost):
            self.cost = value
            self.cost_told.emit()
            return
        first = not self._targets[0].prompt
        for branch in self._targets:
            branch.prompt = value
        if first and self.current in self._targets:
            self.prompt_known.emit()

    def _token_came(self) -> None:
        if self.pacing.came():
            self.state_changed.emit()

    @Slot(object)
    def _finished(self, reason: str) -> None:
        self._end(reason)
        self._follow_up()

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
        self._follow_up()

    def _follow_up(self) -> None:
        then, self._then = self._then, None
        if then is not None:
            then()

    @Slot(object)
    def _failed(self, error: BaseException) -> None:
        self._then, reason, full = None, "", isinstance(error, ContextFullError)
        parent, tree, looked_at = self.current.parent, *self._looked_at
        if self._targets and self._targets[0].searched is not None:
            # A search that failed has taken the place of the one before.
            tree = None
        for branch, before in self._before.items():
            full = full and not before.fresh
            if len(branch.steps) > before.begun:
                continue
            # A run that failed before its first token leaves everything as it was.
            branch.steps[:] = before.steps
            reason = before.ended_by
            if before.fresh and (len(self.branches) > 1 or tree is not None):
                self.branches = without(self.branches, branch)
        if self.tree is not None and not self.tree.nodes:
            self.tree = None
        if self.current not in self.branches and (self.branches or tree is not None):
            # One that was refused before it wrote anything takes nothing away.
            self.tree = self.tree or tree
            stands = looked_at in self.branches or tree is not None
            self._turn_to(parent if parent in self.branches else looked_at if stands else self.branches[-1])
        self._end("context full" if full else reason)
        # Of a full context the state tells, with the way out.
        if not full:
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
        self._job, self._targets, self._before, self._looked_at = None, [], {}, (None, self.current)
        self.pacing.follow(None)
        self.branches_changed.emit()
        self.state_changed.emit()
