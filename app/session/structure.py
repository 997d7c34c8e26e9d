"""What model A is made of: its module tree, its tokenizer, its vocabulary."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QObject, Signal, Slot

from app.engine.models.records import ModuleRow, TokenizerFacts, VocabularyEntry
from app.engine.trace.records import Exactness
from app.jobs.board import Board
from app.jobs.job import Priority
from app.session import shelves
from app.session.models import MODEL_LANE, OpenModels


class Structure(QObject):
    """Read once for each model that becomes A."""

    changed = Signal()
    vocabulary_found = Signal()
    exactness_measured = Signal()

    def __init__(self, board: Board, models: OpenModels) -> None:
        super().__init__()
        self._board, self._models = board, models
        self.rows: tuple[ModuleRow, ...] = ()
        self.tokenizer: TokenizerFacts | None = None
        self.vocabulary: tuple[VocabularyEntry, ...] = ()
        self.exactness: Exactness | None = None
        """How far the view of this model lies from the untouched model; None until it was measured."""
        models.changed.connect(self._model_changed)

    @Slot(str)
    def _model_changed(self, slot: str) -> None:
        if slot != "A":
            return
        self.rows, self.tokenizer, self.vocabulary, self.exactness = (), None, (), None
        self.changed.emit()
        self.exactness_measured.emit()
        loaded = self._models.loaded()
        if loaded is not None:
            job = self._board.start(
                MODEL_LANE, "Read structure", lambda: shelves.structure(loaded), key="structure", quiet=True
            )
            job.finished.connect(self._read)
            measuring = self._board.start(
                MODEL_LANE,
                "Measure exactness",
                lambda: shelves.exactness(loaded),
                priority=Priority.BACKGROUND,
                key="exactness",
                quiet=True,
            )
            measuring.finished.connect(self._measured)

    @Slot(object)
    def _read(self, found: Any) -> None:
        self.rows, self.tokenizer = found
        self.changed.emit()

    @Slot(object)
    def _measured(self, found: Exactness) -> None:
        self.exactness = found
        self.exactness_measured.emit()

    def search_vocabulary(self, text: str) -> None:
        """Find entries; `vocabulary_found` answers for the text asked last."""
        loaded = self._models.loaded()
        if loaded is None:
            return
        job = self._board.start(
            MODEL_LANE, "Search vocabulary", lambda: shelves.vocabulary(loaded, text), key="vocabulary", quiet=True
        )
        job.finished.connect(self._found)

    @Slot(object)
    def _found(self, entries: tuple[VocabularyEntry, ...]) -> None:
        self.vocabulary = entries
        self.vocabulary_found.emit()
