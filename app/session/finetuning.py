"""Changing model A: its data, its settings, the run under way, and the runs there were."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from app.engine.errors import UserError
from app.engine.finetune.defaults import defaults_for, moved, reasons_for
from app.engine.finetune.records import (
    RUNNING,
    Costs,
    DataPreview,
    PreviewToken,
    Report,
    RunEnd,
    RunEntry,
    Shape,
    StepReport,
)
from app.engine.finetune.settings import FinetuneSettings
from app.engine.texts.records import TextSource
from app.jobs.board import Board
from app.jobs.job import Job, Priority
from app.session import finetune_work as work
from app.session.kept_finetune import KeptFinetune
from app.session.models import FILES_LANE, MODEL_LANE, OpenModels

if TYPE_CHECKING:
    from app.engine.finetune.dataset import Dataset
    from app.engine.finetune.training import Training

ASK_AFTER_MS = 500
"""Data and costs are read again so long after the last change of a setting that they depend on."""
_READING = ("max_length", "held_out", "seed", "train_on")
"""Settings that change the examples."""
_COSTING = (
    *_READING,
    "method",
    "rank",
    "targets",
    "batch_size",
    "accumulation",
    "checkpointing",
    "max_steps",
    "epochs",
)


class Finetuning(QObject):
    """One run at a time, of model A, on its lane: whatever looks at the model comes between its steps."""

    data_changed = Signal()
    tokens_read = Signal(str, object)
    """A record's place, and its tokens after the template."""
    groups_changed = Signal()
    settings_changed = Signal()
    defaults_changed = Signal()
    """Other defaults hold: for another model, or another method."""
    costs_changed = Signal()
    state_changed = Signal()
    began = Signal(object)
    """The reports there were before: () for a new run."""
    reported = Signal(object)
    """A Report."""
    ended = Signal(object)
    """A RunEnd; None when the run was thrown away, the error when it failed."""
    runs_changed = Signal()
    run_read = Signal(object)
    """(settings, source, shape, reports) of an old run."""
    last_found = Signal()
    """The last run of the start before is there again: `last` has it."""
    done = Signal(str)
    """Something to tell: a folder was written."""
    failed = Signal(object)

    def __init__(self, board: Board, models: OpenModels) -> None:
        super().__init__()
        self._board, self._models = board, models
        self.source: TextSource | None = None
        self.shape: Shape | None = None
        self.settings = self.defaults = FinetuneSettings()
        """What the next run is made with, and what an untouched panel holds for this model and method."""
        self.reasons: dict[str, str] = {}
        """Why a default is what it is, by setting, where the model's size decides it."""
        self.preview: DataPreview | None = None
        self.costs: Costs | None = None
        self.groups: tuple[tuple[str, tuple[str, ...]], ...] = ()
        self.runs: tuple[RunEntry, ...] = ()
        self.folder: Path | None = None
        """Of the run under way, or the last one."""
        self.step = 0
        self.root: Path | None = None
        """Where new runs go."""
        self.reading = False
        self.last: tuple[RunEntry, tuple[Report, ...]] | None = None
        """The run of the start before, with what it reported; None as soon as another begins or it is another
        model's."""
        self._wanted: Path | None = None
        """The folder of that run, until it is found among those that are listed."""
        self._dataset: Dataset | None = None
        self._costs_of: FinetuneSettings | None = None
        self._training: Training | None = None
        self._job: Job | None = None
        self._ask = QTimer(self)
        self._ask.setSingleShot(True)
        self._ask.setInterval(ASK_AFTER_MS)
        self._ask.timeout.connect(self._read_again)
        self._stale = False
        models.changed.connect(self._model_changed)

    # Data and settings

    def choose(self, source: TextSource, shape: Shape | None = None) -> None:
        """Take another file of examples."""
        self.source, self.shape = source, shape
        self._read()

    def choose_shape(self, shape: Shape) -> None:
        """Read the same file in another way."""
        self.shape = shape
        self._read()

    def set_settings(self, settings: FinetuneSettings) -> None:
        """Other settings for the next run; what depends on them is read again in a moment."""
        if settings == self.settings:
            return
        before, self.settings = self.settings, settings
        self.settings_changed.emit()
        changed = {name for name in _COSTING if getattr(before, name) != getattr(settings, name)}
        if changed:
            self._stale = self._stale or bool(changed & set(_READING))
            self._ask.start()
        self._find_defaults()

    def change_settings(self, settings: FinetuneSettings) -> None:
        """What the person changed on the panel: with another method, what stood at the old one's defaults goes to its
        own."""
        if settings.method != self.settings.method:
            now = self._defaults_of(settings.method)
            settings = replace(settings, **moved(settings, self.defaults, now))
        self.set_settings(settings)

    def _defaults_of(self, method: str) -> FinetuneSettings:
        summary = self._models.summary()
        return defaults_for(summary.parameters, method) if summary is not None else FinetuneSettings(method=method)

    def _find_defaults(self) -> None:
        summary, method = self._models.summary(), self.settings.method
        defaults = self._defaults_of(method)
        reasons = reasons_for(summary.parameters, method) if summary is not None else {}
        if (defaults, reasons) != (self.defaults, self.reasons):
            self.defaults, self.reasons = defaults, reasons
            self.defaults_changed.emit()

    def kept(self) -> KeptFinetune:
        """What the next start brings back."""
        folder = self.folder or self._wanted
        return KeptFinetune(self.source, self.shape, self.settings, self.defaults, str(folder or ""))

    def restore(self, kept: KeptFinetune) -> None:
        """Take back what was kept. The data are read when there is a model to read them for."""
        self.source, self.shape, self.settings, self.defaults = kept.source, kept.shape, kept.settings, kept.defaults
        self._wanted = Path(kept.run) if kept.run else None
        self.defaults_changed.emit()
        self.settings_changed.emit()

    def read_tokens(self, place: str) -> None:
        """One record as the model gets it."""
        loaded, dataset = self._models.loaded(), self._dataset
        if loaded is None or dataset is None:
            return
        job = self._board.start(
            MODEL_LANE, "Read example", lambda: work.tokens_of(loaded, dataset, place), key="example", quiet=True
        )
        job.finished.connect(lambda found: self._tokens_read(place, found))
        job.failed.connect(self.failed)

    def _tokens_read(self, place: str, found: tuple[PreviewToken, ...]) -> None:
        self.tokens_read.emit(place, found)

    @Slot()
    def _read_again(self) -> None:
        if self._stale:
            self._read()
        else:
            self._estimate()

    def _read(self) -> None:
        loaded, source, settings, shape = self._models.loaded(), self.source, self.settings, self.shape
        self._stale = False
        if loaded is None or source is None:
            return
        self.reading = True
        self.data_changed.emit()
        job = self._board.start(
            MODEL_LANE,
            f"Read {source.name}",
            lambda: work.read_data(loaded, source, settings, shape),
            priority=Priority.BACKGROUND,
            key="finetune data",
        )
        job.finished.connect(self._data_read)
        job.failed.connect(self._data_failed)

    @Slot(object)
    def _data_read(self, dataset: Dataset) -> None:
        self._dataset, self.preview, self.reading = dataset, dataset.preview, False
        self.data_changed.emit()
        self._estimate()

    @Slot(object)
    def _data_failed(self, error: BaseException) -> None:
        self._dataset, self.preview, self.reading = None, None, False
        self.data_changed.emit()
        self.failed.emit(error)

    def _estimate(self) -> None:
        loaded, dataset, settings = self._models.loaded(), self._dataset, self.settings
        if loaded is None or dataset is None or self.running or self.base:
            return
        job = self._board.start(
            MODEL_LANE,
            "Estimate the run",
            lambda: work.estimate(loaded, dataset, settings),
            priority=Priority.BACKGROUND,
            key="finetune costs",
            quiet=True,
        )
        self._costs_of = settings
        job.finished.connect(self._costs_found)
        job.failed.connect(self._costs_failed)

    @Slot(object)
    def _costs_found(self, costs: Costs) -> None:
        self.costs = costs
        self.costs_changed.emit()

    @Slot(object)
    def _costs_failed(self, error: BaseException) -> None:
        self.costs = None
        self.costs_changed.emit()
        self.failed.emit(error)

    # The run

    @property
    def running(self) -> bool:
        """Whether a run is under way, paused or not."""
        return self._job is not None

    @property
    def base(self) -> str:
        """What opens the base of model A where it carries an adapter, else ''. One that is in it for a moment, to find
        what a run costs, lies in no folder and is none."""
        loaded = self._models.loaded()
        adapter = loaded.adapter if loaded is not None else None
        return adapter.base if adapter is not None and adapter.folder else ""

    @property
    def paused(self) -> bool:
        """Whether the run waits for the person."""
        return self._job is not None and self._job.pause_asked

    def start(self, folder: Path | None = None) -> None:
        """Begin a run on the data with the settings as they are, in `folder` or a new one."""
        loaded, dataset, source, settings = self._models.loaded(), self._dataset, self.source, self.settings
        if self.running or loaded is None:
            return
        if dataset is None or source is None:
            self.failed.emit(UserError("There is nothing to learn from yet.", "Choose a file of examples first."))
            return
        if self.base:
            words = f"{loaded.summary.name} carries an adapter already."
            self.failed.emit(UserError(words, f"Open its base {self.base} to train another."))
            return
        if folder is None and self.root is None:
            self.failed.emit(
                UserError("There is no place to keep the run in.", "Start the program without --screenshot.")
            )
            return
        place = folder if folder is not None else work.folder_for(self.root or Path(), source.name)
        costs = self.costs if self._costs_of == settings else None
        self._begin(
            f"Finetune {place.name}", place, lambda: work.train(loaded, dataset, source, settings, place, costs)
        )

    def resume(self, folder: Path) -> None:
        """Go on with a run that was stopped or killed."""
        loaded = self._models.loaded()
        if not self.running and loaded is not None:
            self._begin(f"Finetune {folder.name}", folder, lambda: work.go_on(loaded, folder))

    def _begin(self, name: str, folder: Path, make: Any) -> None:
        self._board.start(MODEL_LANE, "Stop estimating", _nothing, key="finetune costs", quiet=True)
        self.folder, self.step = folder, 0
        self.last = self._wanted = None
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
        self.list_runs()

    # Runs there were

    def keep_in(self, root: Path) -> None:
        """Where runs are kept; lists those that are there."""
        self.root = root
        self.list_runs()

    def list_runs(self) -> None:
        """Look at the folders again."""
        root = self.root
        if root is not None:
            job = self._board.start(FILES_LANE, "List runs", lambda: work.list_runs(root), key="runs", quiet=True)
            job.finished.connect(self._listed)

    @Slot(object)
    def _listed(self, runs: tuple[RunEntry, ...]) -> None:
        own = str(self.folder) if self.running else ""
        self.runs = tuple(replace(run, state=RUNNING) if run.folder == own else run for run in runs)
        self.runs_changed.emit()
        self._find_last()

    def belongs(self, run: RunEntry) -> bool:
        """Whether a run is one of model A: begun with it, or what made it what it is."""
        summary, request = self._models.summary(), self._models.request()
        return summary is not None and request is not None and (run.base == summary.ref or run.folder == request.ref)

    def _find_last(self) -> None:
        """Look for the run of the start before, once there is a model and the runs are listed."""
        entry = next((run for run in self.runs if Path(run.folder) == self._wanted), None)
        if self.running or entry is None or self._models.loaded() is None:
            return
        self._wanted = None
        if self.belongs(entry):
            folder = self.folder = Path(entry.folder)
            job = self._board.start(FILES_LANE, "Read run", lambda: work.read_run(folder), key="last run", quiet=True)
            job.finished.connect(lambda found: self._last_read(entry, found[3]))

    def _last_read(self, entry: RunEntry, reports: tuple[Report, ...]) -> None:
        if not self.running:
            self.last = entry, reports
            self.last_found.emit()

    def read_run(self, folder: Path) -> None:
        """An old run's settings, data and curves."""
        job = self._board.start(FILES_LANE, "Read run", lambda: work.read_run(folder), key="read run", quiet=True)
        job.finished.connect(self.run_read)
        job.failed.connect(self.failed)

    def merge(self, folder: Path, into: Path) -> None:
        """Write the base with the adapter added to its weights."""
        job = self._board.start(FILES_LANE, f"Merge {folder.name}", lambda: work.merge(folder, into))
        job.finished.connect(self._written)
        job.failed.connect(self.failed)

    def export(self, folder: Path, into: Path) -> None:
        """Write the run as a folder that `accelerate launch` starts."""
        loaded = self._models.loaded()
        if loaded is not None:
            job = self._board.start(MODEL_LANE, f"Export {folder.name}", lambda: work.export(loaded, folder, into))
            job.finished.connect(self._written)
            job.failed.connect(self.failed)

    def remove(self, folder: Path) -> None:
        """Delete a run with everything in its folder; the one under way stays."""
        if not (self.running and folder == self.folder):
            job = self._board.start(FILES_LANE, f"Delete {folder.name}", lambda: work.remove_run(folder))
            job.finished.connect(self.list_runs)
            job.failed.connect(self.failed)

    @Slot(object)
    def _written(self, folder: Path) -> None:
        self.done.emit(f"Written into {folder}.")

    # The model

    @Slot(str)
    def _model_changed(self, slot: str) -> None:
        if slot != "A":
            return
        loaded = self._models.loaded()
        self.costs, self.groups, self._dataset, self.preview = None, (), None, None
        self.costs_changed.emit()
        self.data_changed.emit()
        if loaded is None:
            return
        before = self.defaults
        self.set_settings(
            replace(self.settings, **moved(self.settings, before, self._defaults_of(self.settings.method)))
        )
        self._find_defaults()
        if self.last is not None and not self.belongs(self.last[0]):
            self.last = None
        self._find_last()
        job = self._board.start(
            MODEL_LANE, "Find layers", lambda: work.groups_of(loaded), key="groups", priority=Priority.BACKGROUND,
            quiet=True,
        )  # fmt: skip
        job.finished.connect(self._groups_found)
        self._read()

    @Slot(object)
    def _groups_found(self, groups: tuple[tuple[str, tuple[str, ...]], ...]) -> None:
        self.groups = groups
        self.groups_changed.emit()


def _nothing() -> Any:
    """A job that takes the place of one with the same key."""
    yield None
