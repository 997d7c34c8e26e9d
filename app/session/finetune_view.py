"""What a run changed: texts written before and after, and one text through both."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot

from app.jobs.board import Board
from app.session import finetune_work as work
from app.session.finetuning import Finetuning
from app.session.models import MODEL_LANE, OpenModels

if TYPE_CHECKING:
    from app.engine.models.loaded import LoadedModel

WRITTEN_TOKENS, SEED = 40, 42


class FinetuneView(QObject):
    """Compares model A with what it was: its adapter off, or model B for a full finetune."""

    written = Signal(object)
    """A Written."""
    compared = Signal(object)
    """A Compared."""
    failed = Signal(object)

    def __init__(self, board: Board, models: OpenModels, finetuning: Finetuning) -> None:
        super().__init__()
        self._board, self._models, self._finetuning = board, models, finetuning
        self.found: work.Compared | None = None
        models.changed.connect(self._forget)
        models.weights_changed.connect(self._forget)

    @property
    def possible(self) -> bool:
        """Whether there is a "before": an adapter that can be switched off, or a model B."""
        loaded = self._models.loaded()
        return loaded is not None and (loaded.adapter is not None or self._base() is not None)

    @property
    def run_folder(self) -> Path | None:
        """The folder of the run that made model A what it is, where its checkpoints lie."""
        loaded, request = self._models.loaded(), self._models.request("A")
        if loaded is None or request is None:
            return None
        if loaded is self._models.in_training:
            return self._finetuning.folder
        return Path(loaded.adapter.folder if loaded.adapter is not None else request.ref)

    @property
    def names(self) -> tuple[str, str]:
        """What is compared: the base and its adapter, or models B and A."""
        loaded, base = self._models.loaded(), self._base()
        if loaded is None:
            return "", ""
        if loaded.adapter is not None:
            return Path(loaded.summary.adapter_of).name, f"with {loaded.adapter.type}"
        return (base.summary.name if base is not None else ""), loaded.summary.name

    def write(self, prompt: str) -> None:
        """Let both go on from a prompt with the same random numbers."""
        loaded, base = self._models.loaded(), self._base()
        if loaded is None:
            return
        job = self._board.start(
            MODEL_LANE,
            "Write before and after",
            lambda: work.write_both(loaded, base, prompt, SEED, WRITTEN_TOKENS),
            key="before and after",
        )
        job.finished.connect(self._written)
        job.failed.connect(self.failed)

    def compare(self, text: str, step: int | None = None) -> None:
        """One text through both; `step` looks at a checkpoint of the run in place of the model as it is."""
        loaded, base = self._models.loaded(), self._base()
        if loaded is None:
            return
        folder = self.run_folder
        job = self._board.start(
            MODEL_LANE,
            "Compare before and after",
            lambda: work.compare(loaded, base, folder, step, text),
            key="changes",
        )
        job.finished.connect(self._compared)
        job.failed.connect(self.failed)

    def _base(self) -> LoadedModel | None:
        return self._models.loaded("B")

    @Slot()
    def _forget(self) -> None:
        """What was compared was another model."""
        self.found = None

    @Slot(object)
    def _written(self, found: work.Written) -> None:
        self.written.emit(found)

    @Slot(object)
    def _compared(self, found: work.Compared) -> None:
        self.found = found
        self.compared.emit(found)
