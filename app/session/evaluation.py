"""Models × texts: what is in the table, what is being measured, and which cell is looked into."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from app.engine.errors import UserError
from app.engine.evaluate.records import Plan, Scores
from app.engine.texts.records import HUB, TextSource
from app.jobs.board import Board
from app.jobs.job import Job, Priority
from app.session import marks, measured_files, measuring
from app.session.measured import Contender, Figures, Table
from app.session.measured_files import KeptTable
from app.session.measured_table import TableParts, table_of
from app.session.models import FILES_LANE, MODEL_LANE, OpenModels
from app.session.state import SLOTS

if TYPE_CHECKING:
    from app.engine.models.loaded import LoadedModel

LANE = "evaluate"
"""Models that are opened for measuring alone have a lane of their own."""
SAVE_AFTER_MS = 400
ASK_HUB_AFTER = 60.0
"""Seconds until the hub is asked again whether a dataset is another; it is asked before every measurement."""
HELD_TOKENS = 20_000_000
"""So many scored tokens stay in memory; older ones are read again from their files."""


class Evaluation(QObject):
    """The table of the Evaluate page. A and B are its first rows while they are open; others are opened when their
    turn comes. Cells are measured row by row; what was measured is known by a key of all its inputs."""

    table_changed = Signal()
    plan_changed = Signal()
    running_changed = Signal()
    measured = Signal(str)
    """The key of a cell that has figures now."""
    failed = Signal(object)
    noted = Signal(str)
    """Something to tell that is no error."""

    def __init__(self, board: Board, models: OpenModels) -> None:
        super().__init__()
        self._board, self._models = board, models
        self.others: tuple[Contender, ...] = ()
        self.texts: tuple[TextSource, ...] = ()
        self.plan = Plan()
        self.table = Table()
        self.path: Path | None = None
        """Where it is kept; None keeps nothing."""
        self._hidden: set[str] = set()
        self._models_found: dict[Contender, tuple[str, str, str]] = {}
        """Of each model its mark, why it is missing and its kind, as they were when last looked at."""
        self._texts_found: dict[TextSource, tuple[str, int, str, str]] = {}
        """Of each text its mark, its size, why it cannot be read, and of a dataset of the hub its commit."""
        self._asked_hub: dict[TextSource, float] = {}
        """When the hub was last asked for a text's commit."""
        self._versions = ""
        self._figures: dict[str, Figures] = {}
        self._scores: OrderedDict[str, Scores] = OrderedDict()
        self._waiting: dict[str, float | None] = {}
        self._failed: dict[str, str] = {}
        self._begun: dict[str, measuring.Begun] = {}
        self._queue: list[tuple[Contender, str, list[measuring.Task]]] = []
        self._whole = self._done = 0.0
        self._job: Job | None = None
        self._wanted: Callable[[], None] | None = None
        """What to do once the files were looked at."""
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(SAVE_AFTER_MS)
        self._soon.timeout.connect(self._save)
        models.changed.connect(self._models_changed)
        models.weights_changed.connect(self._models_changed)

    # What is in the table

    @property
    def contenders(self) -> tuple[Contender, ...]:
        """The models of the table, A and B first."""
        slots = [self._in_slot(slot) for slot in SLOTS if slot not in self._hidden]
        opened = [each for each in slots if each is not None]
        return (*opened, *(each for each in self.others if not any(self._are_one(each, one) for one in opened)))

    def _are_one(self, one: Contender, other: Contender) -> bool:
        """Whether two rows would be the same model, under whatever names it was asked for."""
        first, second = (self._models_found.get(each, ("", "", ""))[0] for each in (one, other))
        asked = (one.precision, one.device) == (other.precision, other.device)
        return asked and (one.ref == other.ref or (first == second != ""))

    def _in_slot(self, slot: str) -> Contender | None:
        """The open model of a slot. With its adapter off it is its base; while it is trained it is no row."""
        request, loaded = self._models.request(slot), self._models.loaded(slot)
        if request is None or loaded is None or loaded is self._models.in_training:
            return None
        off = loaded.adapter is not None and not loaded.adapter_active
        ref = loaded.summary.adapter_of if off else request.ref
        return Contender(ref, request.precision, request.device, slot)

    def add_model(self, contender: Contender) -> None:
        """A model that is opened for measuring; one that stands in the table already stays as it is."""
        known = {(each.ref, each.precision, each.device) for each in (*self.contenders, *self.others)}
        hidden = [
            slot
            for slot in self._hidden
            if (request := self._models.request(slot)) is not None and request.ref == contender.ref
        ]
        if hidden and contender.precision == "auto":
            self._hidden -= set(hidden)
        elif (contender.ref, contender.precision, contender.device) not in known:
            self.others = (*self.others, contender)
        self._inputs_changed()

    def remove_row(self, row: int) -> None:
        """Take a model out of the table; A and B stay open. Its figures are kept for when it comes back."""
        contender = self.contenders[row]
        if contender.slot:
            self._hidden.add(contender.slot)
        self.others = tuple(each for each in self.others if not self._are_one(each, contender))
        self._inputs_changed()

    def add_texts(self, texts: Sequence[TextSource]) -> None:
        """Further columns; a text that is there already is not doubled, one of the same name gets a number."""
        for text in texts:
            if text in self.texts:
                continue
            names = {each.name for each in self.texts}
            name, count = text.name, 2
            while name in names:
                name, count = f"{text.name} ({count})", count + 1
            self.texts = (*self.texts, replace(text, name=name))
        self._inputs_changed()

    def replace_text(self, column: int, text: TextSource) -> None:
        """Another text, or another reading of the same file, in the place of one."""
        self.texts = (*self.texts[:column], text, *self.texts[column + 1 :])
        self._inputs_changed()

    def remove_column(self, column: int) -> None:
        """Take a text out of the table."""
        self.texts = (*self.texts[:column], *self.texts[column + 1 :])
        self._inputs_changed()

    def set_plan(self, plan: Plan) -> None:
        """Other windows; what was measured with the old ones is shown as such."""
        if plan != self.plan:
            self.plan = plan
            self.plan_changed.emit()
            self._changed()

    def note(self, key: str, words: str) -> None:
        """Write the person's note to figures."""
        if key in self._figures:
            self._figures[key] = replace(self._figures[key], note=words)
            self._changed()

    def all_figures(self) -> tuple[Figures, ...]:
        """The figures of the table's cells that hold, row by row."""
        return tuple(
            cell.figures for line in self.table.cells for cell in line if cell.state == "done" and cell.figures
        )

    def scores(self, key: str) -> Scores | None:
        """The tokens of a cell as far as they are in memory."""
        return self._scores.get(key)

    # Looking at files

    def look(self, then: Callable[[], None] | None = None) -> None:
        """See whether models and texts are still what they were; `then` is called once that is known."""
        contenders, texts = self.contenders, self.texts
        now = time.monotonic()
        asked_lately: dict[TextSource, str] = {}
        if then is None:
            asked_lately = {
                text: self._texts_found[text][3]
                for text, when in self._asked_hub.items()
                if text in self._texts_found and now - when < ASK_HUB_AFTER
            }
        else:
            self._wanted = then
        from_hub = {text for text in texts if text.kind == HUB and not asked_lately.get(text)}
        self._asked_hub |= dict.fromkeys(from_hub, now)
        job = self._board.start(
            # A hub that does not answer must not keep models from being opened.
            "hub" if from_hub else FILES_LANE,
            "Look at models and texts",
            lambda: marks.look(contenders, texts, asked_lately),
            key="marks",
            quiet=True,
        )
        job.finished.connect(lambda found: self._looked(contenders, texts, found))
        job.failed.connect(self.failed)

    def _looked(self, contenders: tuple[Contender, ...], texts: tuple[TextSource, ...], found: marks.Marks) -> None:
        self._models_found |= dict(
            zip(contenders, zip(found.models, found.missing, found.kinds, strict=True), strict=True)
        )
        texts_found = zip(found.texts, found.sizes, found.problems, found.revisions, strict=True)
        self._texts_found |= dict(zip(texts, texts_found, strict=True))
        self._versions = found.versions
        self._show()
        then, self._wanted = self._wanted, None
        if then is not None:
            then()

    # Measuring

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
                if not key:
                    # A file is not there: the sentence stands in the cell.
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

    # What is shown and kept

    def _parts(self) -> TableParts:
        summaries = {slot: summary for slot in SLOTS if (summary := self._models.summary(slot)) is not None}
        return TableParts(
            self.contenders,
            self.texts,
            self._known(),
            self.plan,
            self._figures,
            self._waiting,
            self._failed,
            summaries,
        )

    def _known(self) -> marks.Marks | None:
        """What is known of the files of every row and column; '' for what was not looked at yet."""
        if not self._versions:
            return None
        models = [self._models_found.get(each, ("", "", "")) for each in self.contenders]
        texts = [self._texts_found.get(each, ("", 0, "", "")) for each in self.texts]
        return marks.Marks(
            tuple(mark for mark, *_ in models),
            tuple(mark for mark, *_ in texts),
            tuple(size for _, size, *_ in texts),
            tuple(problem for _, _, problem, _ in texts),
            self._versions,
            tuple(revision for *_, revision in texts),
            tuple(missing for _, missing, _ in models),
            tuple(kind for *_, kind in models),
        )

    def _show(self) -> None:
        table = table_of(self._parts())
        if table != self.table:
            self.table = table
            self.table_changed.emit()

    def _changed(self) -> None:
        self._show()
        self._soon.start()

    @Slot()
    def _models_changed(self) -> None:
        self._inputs_changed()

    def _inputs_changed(self) -> None:
        self._changed()
        self.look()

    def keep_in(self, path: Path) -> None:
        """Bring back what was kept in a file and keep it up to date."""
        self.path = path
        job = self._board.start(FILES_LANE, "Read figures", lambda: measured_files.read(path), quiet=True)
        job.finished.connect(self._brought_back)
        job.failed.connect(self.failed)

    @Slot(object)
    def _brought_back(self, found: tuple[KeptTable, str]) -> None:
        kept, note = found
        self.others = (*kept.others, *(each for each in self.others if each not in kept.others))
        self.texts = (*kept.texts, *(each for each in self.texts if each not in kept.texts))
        self.plan = kept.plan
        self._figures = {each.key: each for each in kept.figures} | self._figures
        self.plan_changed.emit()
        self._inputs_changed()
        if note:
            self.noted.emit(note)

    def _kept(self) -> KeptTable:
        return KeptTable(self.others, self.texts, self.plan, measured_files.without_doubles(self._figures.values()))

    @Slot()
    def _save(self) -> None:
        if self.path is not None:
            path, kept = self.path, self._kept()
            job = self._board.start(
                FILES_LANE, "Save figures", lambda: measured_files.save(path, kept), key="figures", quiet=True
            )
            job.failed.connect(self.failed)

    def finish(self) -> None:
        """Write what was not written yet, at the end of the program."""
        if self.path is not None and self._soon.isActive():
            self._soon.stop()
            measured_files.write(self.path, measured_files.encode(self._kept()))
