"""What stands in the table of the Evaluate page, what is known of it, and how it is kept."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from app.engine.evaluate.records import Plan, Scores
from app.engine.texts.records import HUB, TextSource
from app.jobs.board import Board
from app.session import marks, measured_files
from app.session.measured import Contender, Figures, Table
from app.session.measured_files import KeptTable
from app.session.measured_table import TableParts, table_of
from app.session.models import FILES_LANE, OpenModels
from app.session.state import SLOTS

SAVE_AFTER_MS = 400
ASK_HUB_AFTER = 60.0
"""Seconds until the hub is asked again whether a dataset is another; it is asked before every measurement."""


class EvaluationTable(QObject):
    """Models, texts and windows, and the figures that hold for them. A and B are the first rows while they are open."""

    table_changed = Signal()
    plan_changed = Signal()
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
