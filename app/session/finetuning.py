"""Changing model A: the run under way, beside what it learns from and the runs there were."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal, Slot

from app.engine.errors import UserError
from app.engine.finetune.records import Report, RunEnd, StepReport
from app.jobs.board import Board
from app.jobs.job import Job, Priority
from app.session import finetune_work as work
from app.session.finetune_data import FinetuneData
from app.session.finetune_runs import FinetuneRuns
from app.session.kept_finetune import KeptFinetune
from app.session.models import MODEL_LANE, OpenModels

if TYPE_CHECKING:
    from app.engine.finetune.training import Training


_RECENT = 20
"""Steps whose mean tells how long the others will take."""


class Finetuning(QObject):
    """One run at a time, of model A, on its lane: whatever looks at the model comes between its steps."""

    state_changed = Signal()
    began = Signal(object)
    """The reports there were before: () for a new run."""
    reported = Signal(object)
    """A Report."""
    ended = Signal(object)
    """A RunEnd; None when the run was thrown away, the error when it failed."""
    failed = Signal(object)
    """Of the run, of the data and of the runs there were."""

    def __init__(self, board: Board, models: OpenModels) -> None:
        super().__init__()
        self._board, self._models = board, models
        self.data, self.runs = FinetuneData(board, models), FinetuneRuns(board, models)
        self.step = 0
        self._recent: tuple[float, ...] = ()
        """Seconds of the last steps."""
        self._training: Training | None = None
        self._job: Job | None = None
        self.data.failed.connect(self.failed)
        self.runs.failed.connect(self.failed)

    def kept(self) -> KeptFinetune:
        """What the next start brings back."""
        data = self.data
        return KeptFinetune(data.source, data.shape, data.settings, data.defaults, self.runs.kept())

    def restore(self, kept: KeptFinetune) -> None:
        """Take back what was kept."""
        self.runs.restore(kept.run)
        self.data.restore(kept)

    @property
    def running(self) -> bool:
        """Whether a run is under way, paused or not."""
        return self._job is not None

    @property
    def paused(self) -> bool:
        """Whether the run waits for the person."""
        return self._job is not None and self._job.pause_asked

    def start(self, folder: Path | None = None) -> None:
        """Begin a run on the data with the settings as they are, in `folder` or a new one."""
        data, root = self.data, self.runs.root
        loaded, dataset, source, settings = self._models.loaded(), data.dataset, data.source, data.settings
        if self.running or loaded is None:
            return
        if dataset is None or source is None:
            self.failed.emit(UserError("There is nothing to learn from yet.", "Choose a file of examples first."))
            return
        if data.base:
            words = f"{loaded.summary.name} carries an adapter already."
            self.failed.emit(UserError(words, f"Open its base {data.base} to train another."))
            return
        if folder is None and root is None:
            self.failed.emit(
                UserError("There is no place to keep the run in.", "Start the program without --screenshot.")
            )
            return
        place = folder if folder is not None else work.folder_for(root or Path(), source.name)
        costs = data.known_costs()
        self._begin(
            f"Finetune {place.name}", place, lambda: work.train(loaded, dataset, source, settings, place, costs)
        )

    def resume(self, folder: Path) -> None:
        """Go on with a run that was stopped or killed."""
        loaded = self._models.loaded()
        if not self.running and loaded is not None:
            self._begin(f"Finetune {folder.name}", folder, lambda: work.go_on(loaded, folder))

    def _begin(self, name: str, folder: Path, make: Any) -> None:
        self.data.stop_estimating()
        self.step, self._recent = 0, ()
        self.runs.begin(folder)
        self._models.train(self._models.loaded())
        self._models.tell_weights()
        self._job = self._board.start(MODEL_LANE, name, make, priority=Priority.BACKGROUND)
        self._job.stepped.connect(self._stepped)
        self._job.finished.connect(self._finished)
        self._job.failed.connect(self._failed)
        self._job.cancelled.connect(self._cancelled)
        self._job.changed.connect(self.state_changed)
        self.state_changed.emit()

    def pause(self, pause: bool = True) -> None:
        """Hold the run between two steps, or let it go on."""
        if self._job is not None:
            self._job.pause(pause)
            self.state_changed.emit()

    def stop(self) -> None:
        """End the run after this step and keep what was learnt; before its first step there is nothing to keep."""
        if self._job is not None and self._training is None:
            self._job.cancel()
        elif self._job is not None and self._training is not None:
            self._training.stop()
            self._job.pause(False)

    def discard(self) -> None:
        """End the run within one step and give the model back as it was; checkpoints stay in its folder."""
        if self._job is not None:
            self._job.cancel()

    @Slot(object)
    def _stepped(self, value: Report | work.Began | None) -> None:
        if isinstance(value, work.Began):
            self._training = value.training
            self.began.emit(value.resumed)
        elif value is not None:
            if isinstance(value, StepReport):
                self.step = value.step
                self._recent = (*self._recent[1 - _RECENT :], value.seconds)
                if self._job is not None:
                    self._job.tell(work.progress_of(value, self._recent))
                self._models.train(self._models.in_training, value.step)
            self.reported.emit(value)

    @Slot(object)
    def _finished(self, end: RunEnd) -> None:
        loaded = self._models.loaded()
        self._over()
        if loaded is not None:
            self._models.became(loaded, end.folder)
        self.ended.emit(end)

    @Slot(object)
    def _failed(self, error: BaseException) -> None:
        began = self._training is not None
        self._over()
        self._models.tell_weights()
        if began:
            # One that could not begin left everything as it was, what stands on screen too.
            self.ended.emit(error)
        self.failed.emit(error)

    @Slot()
    def _cancelled(self) -> None:
        self._over()
        self._models.tell_weights()
        self.ended.emit(None)

    def _over(self) -> None:
        self._job = self._training = None
        self._models.train(None)
        self.state_changed.emit()
        self.runs.over()
