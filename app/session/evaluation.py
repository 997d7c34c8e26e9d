"""Measuring models × texts: row by row, cell by cell, stopped and gone on with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Signal, Slot

from app.engine.errors import UserError
from app.engine.evaluate.records import Scores
from app.jobs.board import Board
from app.jobs.job import Job, Priority
from app.session import measured_files, measuring
from app.session.evaluation_table import EvaluationTable
from app.session.measured import NO_SOURCE, Contender
from app.session.models import FILES_LANE, MODEL_LANE, OpenModels
from app.session.state import SLOTS

if TYPE_CHECKING:
    from app.engine.models.loaded import LoadedModel

LANE = "evaluate"
"""Models that are opened for measuring alone have a lane of their own."""
HELD_TOKENS = 20_000_000
"""So many scored tokens stay in memory; older ones are read again from their files."""


class Evaluation(EvaluationTable):
    """The table of the Evaluate page, cell by cell. Models that are not open are opened when their turn comes; what was
    measured is known by a key of all its inputs."""

    running_changed = Signal()
    measured = Signal(str)
    """The key of a cell that has figures now."""

    def __init__(self, board: Board, models: OpenModels) -> None:
        super().__init__(board, models)
        self._begun: dict[str, measuring.Begun] = {}
        self._queue: list[tuple[Contender, str, list[measuring.Task]]] = []
        self._whole = self._done = 0.0
        self._job: Job | None = None

    @property
    def running(self) -> bool:
        """Whether cells are measured or wait for it."""
        return self._job is not None or bool(self._queue)

    def measure(self, cells: Sequence[tuple[int, int]] | None = None) -> None:
        """Measure these cells, (row, column), anew; None: all that have no figures for their inputs as they are."""
        if not self.running:
            self.look(lambda: self._begin(cells))

    def cancel(self) -> None:
        """Stop within one step. Finished cells stay; one that was begun goes on from there the next time."""
        self._queue.clear()
        if self._job is not None:
            self._job.cancel()

    def _begin(self, cells: Sequence[tuple[int, int]] | None) -> None:
        parts = self._parts()
        found = parts.found
        if found is None:
            return
        contenders = self.contenders
        for row, contender in enumerate(contenders):
            tasks = []
            for column, text in enumerate(self.texts):
                key = parts.key(row, column)
                wanted = (row, column) in cells if cells is not None else key not in self._figures
                if not wanted:
                    continue
                if not key or self.table.cells[row][column].state == NO_SOURCE:
                    # A file is not there, or a translator has nothing to read: the sentence stands in the cell.
                    continue
                self._failed.pop(key, None)
                pinned = replace(text, revision=found.revisions[column])
                tasks.append(
                    measuring.Task(column, pinned, found.sizes[column], key, found.texts[column], self._begun.get(key))
                )
                self._waiting[key] = None
            if tasks:
                self._queue.append((contender, found.models[row], tasks))
        self._whole = float(sum(max(task.size, 1) for _, _, tasks in self._queue for task in tasks)) or 1.0
        self._done = 0.0
        self._next()

    def _next(self) -> None:
        self._job = None
        if not self._queue:
            self._waiting.clear()
            self._show()
            self.running_changed.emit()
            return
        contender, mark, tasks = self._queue.pop(0)
        loaded = self._open_as(contender)
        if loaded is None and contender.slot:
            gone = UserError(f"{contender.name} is no longer open as it was.", "Measure again what is open now.")
            self._lost(measuring.RowLost(tuple(task.key for task in tasks), gone, True))
            self._next()
            return
        contents = next((each.model_contents for each in self._figures.values() if each.model_hash == mark), "")
        begun = sum(min(task.begun.scoring.progress.bytes, task.size) for task in tasks if task.begun is not None)
        began_at = (self._done + begun) / self._whole
        row, plan = measuring.Row(contender, mark, contents, tasks, self._done, self._whole, began_at), self.plan
        self._done += sum(max(task.size, 1) for task in tasks)

        def trained() -> bool:
            return loaded is not None and loaded is self._models.in_training

        job = self._board.start(
            LANE if loaded is None else MODEL_LANE,
            f"Measure {contender.name}",
            lambda: measuring.measure_row(loaded, row, plan, trained),
            priority=Priority.BACKGROUND,
        )
        self._job = job
        job.stepped.connect(self._stepped)
        job.finished.connect(self._row_ended)
        job.failed.connect(self._row_failed)
        job.cancelled.connect(self._cancelled)
        self._show()
        self.running_changed.emit()

    def _open_as(self, contender: Contender) -> LoadedModel | None:
        """The open model of a row whose turn has come: A and B may have changed places since, or be others."""
        for slot in SLOTS:
            if contender.slot and self._in_slot(slot) == replace(contender, slot=slot):
                return self._models.loaded(slot)
        return None

    def _lost(self, lost: measuring.RowLost) -> None:
        """Say it above the table too: a model that was closed, or is another now, has no row to say it in."""
        if not lost.kept:
            self._begun.pop(lost.keys[0], None)
        for key in lost.keys:
            self._waiting.pop(key, None)
            self._failed[key] = str(lost.error)
        self.failed.emit(lost.error)

    @Slot(object)
    def _stepped(self, value: Any) -> None:
        if isinstance(value, measuring.CellBegan):
            self._begun[value.key] = value.begun
            self._waiting[value.key] = 0.0
        elif isinstance(value, measuring.CellStep):
            self._waiting[value.key] = value.share
        elif isinstance(value, measuring.CellFailed):
            self._waiting.pop(value.key, None)
            self._begun.pop(value.key, None)
            self._failed[value.key] = value.why
        elif isinstance(value, measuring.RowLost):
            self._lost(value)
        elif isinstance(value, measuring.CellDone):
            self._cell_done(value)
        self._show()

    def _cell_done(self, done: measuring.CellDone) -> None:
        self._waiting.pop(done.key, None)
        self._begun.pop(done.key, None)
        key = done.figures.key
        before = self._figures.get(key)
        self._figures[key] = replace(done.figures, note=before.note if before else "")
        self._hold(key, done.scores)
        if self.path is not None:
            path, scores = self.path, done.scores
            self._board.start(
                FILES_LANE, "Keep tokens", lambda: measured_files.save_tokens(path, key, scores), quiet=True
            ).failed.connect(self.failed)
        self._show()
        self._soon.start()
        if key != done.key:
            # A model of the hub was fetched: its files are known only now.
            self.look(lambda: self.measured.emit(key))
        else:
            self.measured.emit(key)

    def _hold(self, key: str, scores: Scores) -> None:
        self._scores[key] = scores
        while len(self._scores) > 1 and sum(len(each.ids) for each in self._scores.values()) > HELD_TOKENS:
            self._scores.popitem(last=False)

    @Slot()
    def _row_ended(self) -> None:
        self._next()

    @Slot(object)
    def _row_failed(self, error: BaseException) -> None:
        self._queue.clear()
        self._next()
        self.failed.emit(error)

    @Slot()
    def _cancelled(self) -> None:
        self._queue.clear()
        self._next()
