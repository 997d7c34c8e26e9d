"""What a run changed: texts written by two sides, one text through both, and how surprised they are by others."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot

from app.engine.finetune.records import RunEntry
from app.engine.finetune.settings import FULL
from app.engine.texts.records import TextSource
from app.jobs.board import Board
from app.jobs.job import Priority
from app.session import comparing as work
from app.session.comparing import BEFORE, Choice, Pair
from app.session.finetuning import Finetuning
from app.session.models import MODEL_LANE, OpenModels
from app.session.state import SLOTS

if TYPE_CHECKING:
    from app.engine.models.loaded import LoadedModel

WRITTEN_TOKENS, SEED = 40, 42


class FinetuneView(QObject):
    """Compares two sides: a model with and without what it learnt, two checkpoints, or models A and B."""

    written = Signal(object)
    """A Written."""
    compared = Signal(object)
    """A Compared."""
    measured = Signal(object)
    """A Measured."""
    sides_changed = Signal()
    """Other sides are compared, or others can be chosen."""
    forgotten = Signal()
    """What was compared was of other weights."""
    failed = Signal(object)

    def __init__(self, board: Board, models: OpenModels, finetuning: Finetuning) -> None:
        super().__init__()
        self._board, self._models, self._finetuning = board, models, finetuning
        self.found: work.Compared | None = None
        self.figures: work.Measured | None = None
        self._sides: Pair | None = None
        self._old: TextSource | None = None
        models.changed.connect(self._forget)
        models.weights_changed.connect(self._forget)
        finetuning.runs.changed.connect(self.sides_changed)

    # What can be compared

    @property
    def possible(self) -> bool:
        """Whether there are two sides: a model with a "before", or models A and B."""
        return self.before_after is not None

    def choices(self) -> tuple[Choice, ...]:
        """Every side that can be chosen, those of A first."""
        both = all(self._models.loaded(slot) is not None for slot in SLOTS)
        found: list[Choice] = []
        for slot in SLOTS:
            found += self._choices_of(slot, f"{slot}: " if both else "")
        return tuple(found)

    @property
    def before_after(self) -> Pair | None:
        """Model A before and after; where it has no before, A and B."""
        choices = self.choices()
        of_a = [choice for choice in choices if choice.slot == "A"]
        before = next((choice for choice in of_a if choice.step == BEFORE), None)
        after = next((choice for choice in of_a if choice.step is None), None)
        second = next((choice for choice in choices if choice.slot == "B" and choice.step is None), None)
        if after is None:
            return None
        if before is not None:
            return before, after
        return (after, second) if second is not None else None

    @property
    def sides(self) -> Pair | None:
        """What is compared: what was chosen; else A and B where both are open and alike, else before and after."""
        choices = self.choices()
        if self._sides is not None and all(side in choices for side in self._sides):
            return self._sides
        loaded, second = self._models.loaded("A"), self._models.loaded("B")
        if loaded is not None and second is not None and loaded.family == second.family:
            now = {choice.slot: choice for choice in choices if choice.step is None}
            return now["A"], now["B"]
        return self.before_after

    def choose(self, first: Choice, second: Choice) -> None:
        """Compare these two from now on."""
        self._sides = (first, second)
        self.sides_changed.emit()

    def choose_step(self, step: int) -> None:
        """Let the second side be its model at a checkpoint; the first stays."""
        sides = self.sides
        if sides is None:
            return
        slot = sides[1].slot
        found = next((each for each in self.choices() if (each.slot, each.step) == (slot, step)), None)
        if found is not None:
            self.choose(sides[0], found)

    def look_at_run(self, step: int) -> None:
        """Compare model A before its run with a checkpoint of it."""
        pair = self.before_after
        if pair is not None and pair[0].step == BEFORE:
            self._sides = pair
            self.choose_step(step)

    def steps_of(self, choice: Choice) -> tuple[int, ...]:
        """The checkpoints of the model that a side shows."""
        return tuple(
            each.step for each in self.choices() if each.slot == choice.slot and each.step not in (None, BEFORE)
        )  # fmt: skip

    def run_folder(self, slot: str = "A") -> Path | None:
        """The folder of the run that made a model what it is, where its checkpoints lie."""
        loaded, request = self._models.loaded(slot), self._models.request(slot)
        if loaded is None or request is None:
            return None
        if loaded is self._models.in_training:
            return self._finetuning.runs.folder
        folder = loaded.adapter.folder if loaded.adapter is not None else ""
        return Path(folder or request.ref)

    # What is asked

    def write(self, prompt: str) -> None:
        """Let both, before and after, make something of a prompt with the same random numbers."""
        pair = self.before_after
        if pair is None:
            return
        opened = self._opened(pair)
        job = self._board.start(
            MODEL_LANE,
            "Write before and after",
            lambda: work.write_both(opened, pair, prompt, SEED, WRITTEN_TOKENS),
            key="before and after",
        )
        job.finished.connect(self.written)
        job.failed.connect(self.failed)

    def compare(self, text: str) -> None:
        """One text through both sides."""
        pair = self.sides
        if pair is None:
            return
        opened = self._opened(pair)
        job = self._board.start(
            MODEL_LANE, "Compare two sides", lambda: work.compare(opened, pair, text), key="changes"
        )
        job.finished.connect(self._compared)
        job.failed.connect(self.failed)

    def measure(self, pair: Pair | None = None) -> None:
        """Perplexity of both sides on new texts and on old ones, in the background."""
        pair = pair or self.sides
        if pair is None:
            return
        opened, old = self._opened(pair), self.old
        # What the second side learnt is the new domain.
        runs = tuple(folder for side in reversed(pair) if (folder := self.run_folder(side.slot)) is not None)
        job = self._board.start(
            MODEL_LANE,
            "Measure what was forgotten",
            lambda: work.measure(opened, pair, runs, old),
            priority=Priority.BACKGROUND,
            key="forgetting",
        )
        job.finished.connect(self._measured)
        job.failed.connect(self.failed)

    @property
    def old(self) -> TextSource | None:
        """The old text: the chosen one, else a bundled one that suits model A."""
        summary = self._models.summary("A")
        if self._old is not None or summary is None:
            return self._old
        return work.old_domain(summary.kind, self._base_name("A"))

    def set_old(self, source: TextSource) -> None:
        """Measure on another old text from now on."""
        self._old, self.figures = source, None

    # Behind it

    def _choices_of(self, slot: str, lead: str) -> list[Choice]:
        loaded, entry = self._models.loaded(slot), self._entry(slot)
        if loaded is None:
            return []
        full = loaded.adapter is None and entry is not None and entry.method == FULL
        base, now = self._base_name(slot), loaded.summary.name
        at = now
        if loaded.adapter is not None:
            alone = now == base or not lead
            now = f"with {loaded.adapter.type}" if alone else f"{now} with {loaded.adapter.type}"
            at = now if alone else at
        elif full and entry is not None:
            now = at = entry.name
        found = [Choice(slot, None, f"{lead}{now}")]
        switched = loaded.adapter is not None and not loaded.adapter.always_on
        if switched or full:
            found.insert(0, Choice(slot, BEFORE, f"{lead}{base}"))
        if entry is not None and (loaded.adapter is not None or full):
            found += [Choice(slot, step, f"{lead}{at}, step {step:,}") for step in entry.checkpoints]
        return found

    def _base_name(self, slot: str) -> str:
        summary, entry = self._models.summary(slot), self._entry(slot)
        if summary is None:
            return ""
        base = summary.adapter_of or (entry.base if entry is not None else "") or summary.ref
        return Path(base).name

    def _entry(self, slot: str) -> RunEntry | None:
        """The run that made a model what it is, where it is one of those that are listed."""
        folder = self.run_folder(slot)
        return next((run for run in self._finetuning.runs.entries if Path(run.folder) == folder), None)

    def _opened(self, pair: Pair) -> tuple[work.Opened, work.Opened]:
        first, second = (self._one(side) for side in pair)
        return first, second

    def _one(self, side: Choice) -> work.Opened:
        loaded: LoadedModel | None = self._models.loaded(side.slot)
        assert loaded is not None, "a side is of an open model"
        return loaded, side.step, self.run_folder(side.slot)

    @Slot()
    def _forget(self) -> None:
        """What was compared was another model."""
        self.found = self.figures = None
        self.sides_changed.emit()
        self.forgotten.emit()

    @Slot(object)
    def _compared(self, found: work.Compared) -> None:
        self.found = found
        self.compared.emit(found)

    @Slot(object)
    def _measured(self, found: work.Measured) -> None:
        self.figures = found
        self.measured.emit(found)
