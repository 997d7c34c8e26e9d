"""Which measured cell is looked into, beside which other, and what a sentence costs word by word."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal, Slot

from app.engine.evaluate.records import Scores, TextPage, WorkedExample
from app.jobs.board import Board
from app.session import measured_readings
from app.session.evaluation import Evaluation
from app.session.measured import CellReading, Figures
from app.session.measured_table import objective_of
from app.session.models import MODEL_LANE, OpenModels

if TYPE_CHECKING:
    from app.engine.models.loaded import LoadedModel
    from app.engine.trace.records import Candidate

LANE = "figures"


class EvaluationView(QObject):
    """Follows the table: a cell that was chosen is read again when it was measured anew."""

    reading_changed = Signal()
    page_changed = Signal()
    worked = Signal(object, str, str)
    """A WorkedExample, the model whose numbers they are, and its objective."""
    candidates_read = Signal(int, object)
    """Which model of the reading, and what it held for likely."""
    failed = Signal(object)

    def __init__(self, board: Board, models: OpenModels, evaluation: Evaluation) -> None:
        super().__init__()
        self._board, self._models, self._evaluation = board, models, evaluation
        self.row: int | None = None
        self.column: int | None = None
        self.beside: int | None = None
        """The row of the model that is compared with, None for none."""
        self.reading: CellReading | None = None
        self.page: TextPage | None = None
        self._raw = b""
        self._scores: tuple[Scores, ...] = ()
        self._sources: tuple[str, ...] = ()
        """What an encoder-decoder read beside each record, () where there is no such column."""
        self._keys: tuple[str, ...] = ()
        self._slots: tuple[str, ...] = ()
        evaluation.measured.connect(self._measured)
        evaluation.table_changed.connect(self._table_changed)

    def choose(self, row: int, column: int) -> None:
        """Look into a cell, beside the other of A and B where both were measured, else beside the best other."""
        self.row, self.column = row, column
        self.beside = self._partner(row, column)
        self._read()

    def leave(self) -> None:
        """Show no cell."""
        self.row = self.column = self.beside = None
        self._read()

    def compare_with(self, row: int | None) -> None:
        """Set another model's cell of the same text beside it, or none."""
        self.beside = row if row != self.row else None
        self._read()

    def rivals(self) -> tuple[int, ...]:
        """The rows that can stand beside the chosen cell: measured on the same text, with one objective."""
        if self.row is None or self.column is None:
            return ()
        own = self._figures(self.row, self.column)
        return tuple(
            row
            for row in range(len(self._evaluation.table.rows))
            if row != self.row
            and own is not None
            and (other := self._figures(row, self.column)) is not None
            and (other.objective, other.text_hash) == (own.objective, own.text_hash)
        )

    def turn_to(self, byte: int) -> None:
        """Show the page of the text on which a byte is."""
        raw, scores = self._raw, self._scores
        if not scores:
            return
        job = self._board.start(
            LANE, "Turn the page", lambda: measured_readings.read_page(raw, scores, byte), key="page", quiet=True
        )
        job.finished.connect(self._page_read)

    def read_candidates(self, which: int, index: int) -> None:
        """What one of the reading's models held for likely at a token; only while it is open."""
        loaded = self._loaded(which)
        if loaded is None or which >= len(self._scores):
            self.candidates_read.emit(which, ())
            return
        scores, sources = self._scores[which], self._sources
        job = self._board.start(
            MODEL_LANE, "Read token", lambda: _candidates(loaded, scores, sources, index), key="candidates", quiet=True
        )
        job.finished.connect(lambda found: self.candidates_read.emit(which, found))
        job.failed.connect(self.failed)

    def work(self, sentence: str) -> None:
        """Work a sentence by hand, with the numbers of model A."""
        loaded = self._models.loaded()
        if loaded is not None:
            job = self._board.start(MODEL_LANE, "Work a sentence", lambda: _worked(loaded, sentence), key="work")
            job.finished.connect(lambda example: self._worked(loaded, example))
            job.failed.connect(self.failed)

    def context_before(self, which: int, index: int) -> str:
        """The text that a model saw when it paid for a token, with the token: what Inspect is given."""
        scores = self._scores[which]
        from app.engine.evaluate.curves import context_of

        start = index - int(context_of(scores)[index])
        return self._raw[int(scores.spans[start, 0]) : int(scores.spans[index, 1])].decode("utf-8", "replace")

    def tokens_before(self, which: int, index: int) -> int:
        """How many tokens the model saw before it paid for one."""
        from app.engine.evaluate.curves import context_of

        return int(context_of(self._scores[which])[index])

    def token_at(self, which: int, index: int) -> int:
        """The id of a token of one of the reading's models."""
        return int(self._scores[which].ids[index])

    def is_open(self, which: int) -> bool:
        """Whether a model of the reading is open, so that it can be asked again."""
        return self._loaded(which) is not None

    # Reading

    def _figures(self, row: int, column: int) -> Figures | None:
        cells = self._evaluation.table.cells
        if row >= len(cells) or column >= len(cells[row]):
            return None
        return cells[row][column].figures

    def _partner(self, row: int, column: int) -> int | None:
        table = self._evaluation.table
        rivals = self.rivals()
        slot = table.rows[row].contender.slot
        other = next((each for each in rivals if slot and table.rows[each].contender.slot), None)
        if other is not None or not rivals:
            return other
        return min(rivals, key=lambda each: self._bits(each, column))

    def _rows(self) -> list[int]:
        """The rows that are looked at, the model that is A, or not B, above the other: A − B is one less the other."""
        table, column = self._evaluation.table, self.column
        rows = [
            row
            for row in (self.row, self.beside)
            if row is not None and column is not None and self._figures(row, column) is not None
        ]
        slots = [table.rows[row].contender.slot for row in rows]
        return rows[::-1] if len(rows) > 1 and (slots[1] == "A" or slots == ["B", ""]) else rows

    def _letters(self, rows: Sequence[int]) -> tuple[str, ...]:
        """The letters of two; a model that is looked at alone has its own, '' where it is not open."""
        if len(rows) > 1:
            return "A", "B"
        return tuple(self._evaluation.table.rows[row].contender.slot for row in rows)

    def _bits(self, row: int, column: int) -> float:
        figures = self._figures(row, column)
        return figures.bits_per_byte if figures is not None else float("inf")

    def _read(self) -> None:
        rows, column, evaluation = self._rows(), self.column, self._evaluation
        if column is None or self.row not in rows or column >= len(evaluation.texts):
            self._keys = self._slots = ()
            if self.reading is not None:
                self.reading = self.page = None
                self.reading_changed.emit()
            return
        text, path = evaluation.texts[column], evaluation.path
        figures = [each for row in rows if (each := self._figures(row, column)) is not None]
        slots = self._slots = self._letters(rows)
        held = [evaluation.scores(each.key) for each in figures]
        chosen = rows.index(self.row)
        self._keys = tuple(each.key for each in (figures[chosen], *figures[:chosen], *figures[chosen + 1 :]))
        job = self._board.start(
            LANE,
            "Read cell",
            lambda: measured_readings.read_cell(path, text, figures, held, slots, chosen),
            key="cell",
            quiet=True,
        )
        job.finished.connect(self._cell_read)
        job.failed.connect(self.failed)

    @Slot(object)
    def _cell_read(self, found: tuple[CellReading, bytes, tuple[Scores, ...], tuple[str, ...]]) -> None:
        self.reading, self._raw, self._scores, self._sources = found
        self.page = self.reading.page
        self.reading_changed.emit()

    @Slot(object)
    def _page_read(self, page: TextPage) -> None:
        self.page = page
        self.page_changed.emit()

    def _worked(self, loaded: LoadedModel, example: WorkedExample) -> None:
        if loaded is self._models.loaded():
            name = ", ".join(words for words in (loaded.summary.name, self._models.adapter_words()) if words)
            self.worked.emit(example, name, objective_of(loaded.summary))

    @Slot(str)
    def _measured(self, key: str) -> None:
        table = self._evaluation.table
        place = next(
            (
                (row, column)
                for row, line in enumerate(table.cells)
                for column, cell in enumerate(line)
                if cell.figures is not None and cell.figures.key == key
            ),
            None,
        )
        if place is None:
            return
        if self.reading is None:
            self.choose(*place)
        elif place[1] == self.column and (place[0] in (self.row, self.beside) or self.beside is None):
            self.beside = self.beside if self.beside is not None else self._partner(self.row or 0, place[1])
            self._read()

    @Slot()
    def _table_changed(self) -> None:
        """Rows and columns move; what is shown goes when its cell is gone."""
        if not self._keys:
            return
        places = {
            cell.figures.key: (row, column)
            for row, line in enumerate(self._evaluation.table.cells)
            for column, cell in enumerate(line)
            if cell.figures is not None
        }
        found = [places.get(key) for key in self._keys]
        if found[0] is None:
            self.row = self.column = self.beside = None
            self._read()
            return
        self.row, self.column = found[0]
        if len(found) > 1:
            second = found[1]
            self.beside = second[0] if second is not None else None
            if second is None:
                self._read()
                return
        if self._letters(self._rows()) != self._slots:
            # A model was opened, closed, or changed places with the other.
            self._read()

    def _loaded(self, which: int) -> LoadedModel | None:
        """The model of the reading, when it is open in a slot."""
        rows = self._rows()
        if which >= len(rows) or rows[which] >= len(self._evaluation.table.rows):
            return None
        slot = self._evaluation.table.rows[rows[which]].contender.slot
        return self._models.loaded(slot) if slot else None


def _candidates(
    loaded: LoadedModel, scores: Scores, sources: tuple[str, ...], index: int
) -> Generator[Any, None, tuple[Candidate, ...]]:
    from app.engine.evaluate.worked import candidates_at, record_of

    yield None
    return candidates_at(loaded, scores, index, sources[record_of(scores, index)] if sources else "")


def _worked(loaded: LoadedModel, sentence: str) -> Generator[Any, None, WorkedExample]:
    from app.engine.evaluate.worked import worked_example

    yield None
    return worked_example(loaded, sentence)
