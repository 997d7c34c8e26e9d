"""The runs there were: listed from their folders, read, merged, exported, deleted; the last one comes back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QObject, Signal, Slot

from app.engine.finetune.records import RUNNING, Report, RunEntry
from app.jobs.board import Board
from app.session import finetune_work as work
from app.session.models import FILES_LANE, MODEL_LANE, OpenModels


class FinetuneRuns(QObject):
    """Told of the run under way by `begin` and `over`."""

    changed = Signal()
    read = Signal(object)
    """(entry's folder, settings, source, shape, reports) of an old run."""
    last_found = Signal()
    """The last run of the start before is there again: `last` has it."""
    done = Signal(str)
    """Something to tell: a folder was written."""
    failed = Signal(object)

    def __init__(self, board: Board, models: OpenModels) -> None:
        super().__init__()
        self._board, self._models = board, models
        self.entries: tuple[RunEntry, ...] = ()
        self.root: Path | None = None
        """Where new runs go."""
        self.folder: Path | None = None
        """Of the run under way, or the last one."""
        self.last: tuple[RunEntry, tuple[Report, ...]] | None = None
        """The run of the start before, with what it reported; None as soon as another begins or it is another
        model's."""
        self._wanted: Path | None = None
        """The folder of that run, until it is found among those that are listed."""
        self._running = False
        models.changed.connect(self._model_changed)

    def begin(self, folder: Path) -> None:
        """A run is under way."""
        self.folder, self._running = folder, True
        self.last = self._wanted = None

    def over(self) -> None:
        """It is no more."""
        self._running = False
        self.list_runs()

    # Which there are

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
        own = str(self.folder) if self._running else ""
        self.entries = tuple(replace(run, state=RUNNING) if run.folder == own else run for run in runs)
        self.changed.emit()
        self._find_last()

    def belongs(self, run: RunEntry) -> bool:
        """Whether a run is one of model A: begun with it, or what made it what it is."""
        summary, request = self._models.summary(), self._models.request()
        return summary is not None and request is not None and (run.base == summary.ref or run.folder == request.ref)

    def of_open_model(self, folder: Path) -> bool:
        """Whether the run in a folder is listed, and one of model A."""
        return any(Path(run.folder) == folder and self.belongs(run) for run in self.entries)

    # The last one of the start before

    def kept(self) -> str:
        """The folder of the last run, '' without one, for the next start."""
        return str(self.folder or self._wanted or "")

    def restore(self, folder: str) -> None:
        """Bring it back once it is listed and there is a model."""
        self._wanted = Path(folder) if folder else None

    def _find_last(self) -> None:
        entry = next((run for run in self.entries if Path(run.folder) == self._wanted), None)
        if self._running or entry is None or self._models.loaded() is None:
            return
        self._wanted = None
        if self.belongs(entry):
            folder = self.folder = Path(entry.folder)
            job = self._board.start(FILES_LANE, "Read run", lambda: work.read_run(folder), key="last run", quiet=True)
            job.finished.connect(lambda found: self._last_read(entry, found[3]))

    def _last_read(self, entry: RunEntry, reports: tuple[Report, ...]) -> None:
        if not self._running:
            self.last = entry, reports
            self.last_found.emit()

    @Slot(str)
    def _model_changed(self, slot: str) -> None:
        if slot != "A" or self._models.loaded() is None:
            return
        if self.last is not None and not self.belongs(self.last[0]):
            self.last = None
        self._find_last()

    # What can be done with one

    def read_run(self, folder: Path) -> None:
        """An old run's settings, data and curves."""
        job = self._board.start(FILES_LANE, "Read run", lambda: work.read_run(folder), key="read run", quiet=True)
        job.finished.connect(lambda found: self._read(folder, found))
        job.failed.connect(self.failed)

    def _read(self, folder: Path, found: work.ReadRun) -> None:
        self.read.emit((folder, *found))

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
        if not (self._running and folder == self.folder):
            job = self._board.start(FILES_LANE, f"Delete {folder.name}", lambda: work.remove_run(folder))
            job.finished.connect(self.list_runs)
            job.failed.connect(self.failed)

    @Slot(object)
    def _written(self, folder: Path) -> None:
        self.done.emit(f"Written into {folder}.")
