"""The one place that knows what is open: model, prompt, selection, decoding settings."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal, Slot

from app.engine.decode.settings import DecodingSettings
from app.engine.models.records import ModelSummary
from app.jobs.board import Board
from app.jobs.job import Job
from app.session import work
from app.session.generation import LANE, Generation
from app.session.inspection import Inspection
from app.session.state import Selection, block_of, part_of

if TYPE_CHECKING:
    from app.engine.models.loaded import LoadedModel

FILES_LANE = "files"


class Session(QObject):
    """Setters change one thing and emit one signal; readings follow from what is chosen."""

    model_changed = Signal()
    opening_changed = Signal()
    prompt_changed = Signal()
    selection_changed = Signal()
    failed = Signal(str, object)
    """A page's key ("model", "inspect", "generate") and the exception."""

    def __init__(self, board: Board, settings: DecodingSettings) -> None:
        super().__init__()
        self._board = board
        self._loaded: LoadedModel | None = None
        self._opening: Job | None = None
        self.prompt = ""
        self.selection = Selection()
        self.inspection = Inspection(board)
        self.generation = Generation(board, settings)
        self.inspection.run_changed.connect(self._read_selected)
        self.inspection.failed.connect(self._inspect_failed)
        self.generation.failed.connect(self._generate_failed)

    @property
    def summary(self) -> ModelSummary | None:
        """The open model's facts, None while there is none."""
        return self._loaded.summary if self._loaded is not None else None

    @property
    def opening(self) -> bool:
        """Whether a model is being opened."""
        return self._opening is not None

    def open_model(self, ref: str | Path) -> None:
        """Open a model in the background; the one that is open stays until the new one stands, and if that fails."""
        if self._opening is not None:
            self._opening.cancel()
        job = self._board.start(FILES_LANE, f"Open {Path(ref).name}", lambda: work.open_model(ref), key="open")
        self._opening = job
        job.finished.connect(self._opened)
        job.failed.connect(self._open_failed)
        self.opening_changed.emit()

    @Slot(object)
    def _opened(self, loaded: LoadedModel) -> None:
        old, self._loaded, self._opening = self._loaded, loaded, None
        self.generation.clear()
        self.inspection.clear()
        if old is not None:
            self._board.start(LANE, "Close model", lambda: work.close_model(old), quiet=True)
        summary = loaded.summary
        # The middle of a model is where heads do recognisable things; the first block mostly looks everywhere.
        layer = summary.layers // 2
        self.selection = Selection(f"blocks.{layer}.attn.pattern", layer, 0)
        self.model_changed.emit()
        self.opening_changed.emit()
        self.selection_changed.emit()
        self.inspection.run(loaded, self.prompt)

    @Slot(object)
    def _open_failed(self, error: BaseException) -> None:
        self._opening = None
        self.opening_changed.emit()
        self.failed.emit("model", error)

    def set_prompt(self, text: str) -> None:
        """Take a new prompt and inspect it."""
        if text == self.prompt:
            return
        self.prompt = text
        if self.selection.query is not None or self.selection.key is not None:
            self.selection = replace(self.selection, query=None, key=None)
            self.selection_changed.emit()
        self.prompt_changed.emit()
        self.inspection.run(self._loaded, text)

    def reinspect(self) -> None:
        """Run the prompt once more."""
        self.inspection.run(self._loaded, self.prompt)

    def generate(self) -> None:
        """Continue the prompt with the settings as they are."""
        if self._loaded is not None:
            self.generation.start(self._loaded, self.prompt)

    def select(self, **changes: Any) -> None:
        """Change fields of the selection. A layer takes the shown tensor along, a tensor's block the layer."""
        if "layer" in changes and "name" not in changes and block_of(self.selection.name) is not None:
            changes["name"] = f"blocks.{changes['layer']}.{part_of(self.selection.name)}"
        if "name" in changes and (block := block_of(changes["name"])) is not None:
            changes["layer"] = block
        selection = replace(self.selection, **changes)
        if selection != self.selection:
            self.selection = selection
            self.selection_changed.emit()
            self._read_selected()

    @property
    def query(self) -> int | None:
        """The token that looks: the chosen one, else the last; None without tokens."""
        count = len(self.inspection.tokens)
        if count == 0:
            return None
        chosen = self.selection.query
        return count - 1 if chosen is None else min(chosen, count - 1)

    @Slot()
    def _read_selected(self) -> None:
        if not self.inspection.ready:
            return
        selection = self.selection
        if part_of(selection.name) in ("attn.pattern", "attn.scores"):
            self.inspection.read_head(selection.layer, selection.head)
        elif selection.name in self.inspection.infos:
            self.inspection.read_tensor(selection.name)
        if self.query is not None:
            self.inspection.read_candidates(self.query)

    @Slot(object)
    def _inspect_failed(self, error: BaseException) -> None:
        self.failed.emit("inspect", error)

    @Slot(object)
    def _generate_failed(self, error: BaseException) -> None:
        self.failed.emit("generate", error)
