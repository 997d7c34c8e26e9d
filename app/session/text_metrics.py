"""Texts against references, and the texts that model A writes for them."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal, Slot

from app.engine.decode.settings import DecodingSettings
from app.engine.errors import UserError
from app.engine.metrics.pairs import lines
from app.engine.metrics.records import MetricsReport, MetricsRequest
from app.engine.texts.records import FILE, TextSource
from app.jobs.board import Board
from app.jobs.job import Job, Priority, Progress
from app.session.models import MODEL_LANE, OpenModels

if TYPE_CHECKING:
    from app.engine.models.loaded import LoadedModel

LANE = "metrics"
MOST_NEW_TOKENS = 128


class TextMetrics(QObject):
    """BLEU, chrF and ROUGE in the background; the latest request wins."""

    reported = Signal(object)
    """A MetricsReport."""
    written = Signal(str)
    """The hypotheses so far, one a line."""
    write_ended = Signal()
    ended = Signal()
    """Measuring stopped without a report."""
    failed = Signal(object)

    def __init__(self, board: Board, models: OpenModels) -> None:
        super().__init__()
        self._board, self._models = board, models
        self._writing: Job | None = None
        self._lines: list[str] = []

    def measure(self, request: MetricsRequest) -> None:
        """Compare every hypothesis with its references."""
        job = self._board.start(LANE, "Compare texts", lambda: _measured(request), key="metrics")
        job.finished.connect(self._reported)
        job.failed.connect(self._failed)
        job.cancelled.connect(self.ended)

    def write_for(self, path: str) -> None:
        """Let model A write a text for each line of a file, or each row of a table, greedily: a translator its target,
        a decoder how it goes on."""
        loaded = self._models.loaded()
        if loaded is None:
            return
        self._lines = []
        self._writing = self._board.start(
            MODEL_LANE,
            f"Write with {loaded.summary.name}",
            lambda: _written(loaded, path),
            priority=Priority.BACKGROUND,
            key="write",
        )
        self._writing.stepped.connect(self._line_came)
        self._writing.finished.connect(self._all_written)
        self._writing.cancelled.connect(self._write_ended)
        self._writing.failed.connect(self._write_failed)

    @property
    def writing(self) -> bool:
        """Whether hypotheses are being written."""
        return self._writing is not None

    def cancel(self) -> None:
        """Stop writing within one token; what was written stays."""
        if self._writing is not None:
            self._writing.cancel()

    @Slot(object)
    def _reported(self, report: MetricsReport) -> None:
        self.reported.emit(report)

    @Slot(object)
    def _failed(self, error: BaseException) -> None:
        self.ended.emit()
        self.failed.emit(error)

    @Slot(object)
    def _line_came(self, line: str) -> None:
        self._lines.append(line)
        self.written.emit("\n".join(self._lines))

    @Slot(object)
    def _all_written(self, passed_over: UserError | None) -> None:
        self._write_ended()
        if passed_over is not None:
            self.failed.emit(passed_over)

    @Slot()
    def _write_ended(self) -> None:
        self._writing = None
        self.write_ended.emit()

    @Slot(object)
    def _write_failed(self, error: BaseException) -> None:
        self._write_ended()
        self.failed.emit(error)


def _measured(request: MetricsRequest) -> Generator[Any, None, MetricsReport]:
    from app.engine.metrics import measure_lines

    steps = measure_lines(request)
    try:
        while True:
            try:
                step = next(steps)
            except StopIteration as stop:
                return stop.value
            yield Progress(step.done / max(step.total, 1), f"{step.done:,} of {step.total:,} pairs")
    finally:
        steps.close()


def _written(loaded: LoadedModel, path: str) -> Generator[Any, None, UserError | None]:
    """A text for each input, '' where there is none or it cannot be read; returns what is to be said of the latter."""
    from app.engine.decode import stream

    settings = DecodingSettings(method="greedy", max_new_tokens=MOST_NEW_TOKENS, stop=("\n",))
    if loaded.kind == "encoder":
        raise UserError("A masked model writes no texts.", "Open a translator such as bart-en-fr, or a decoder.")
    inputs, failures = _inputs(path), []
    for number, (place, text) in enumerate(inputs, 1):
        pieces: list[str] = []
        try:
            for step in stream(loaded, text, settings) if text.strip() else ():
                pieces.append(step.text)
                yield Progress((number - 1) / len(inputs), f"text {number:,} of {len(inputs):,}")
        except UserError as error:
            # The others still have theirs, each on its own line.
            failures.append(f"{place}: {error}")
            pieces = []
        yield " ".join(lines("".join(pieces).strip()))
    if not failures:
        return None
    return UserError(
        f"For {len(failures):,} of {len(inputs):,} texts nothing was written, and their lines are empty. "
        f"The first is {failures[0]}"
    )


def _inputs(path: str) -> list[tuple[str, str]]:
    """(place, text) of each row of a table, or each line of a plain text."""
    from app.engine.texts.source import records

    found = list(records(TextSource(FILE, path, path=path), empty=True))
    if [record.place for record in found] != [""]:
        return [(record.place, record.text) for record in found]
    written = lines(found[0].text)
    while written and not written[-1].strip():
        written.pop()
    return [(f"line {number:,}", line) for number, line in enumerate(written, 1)]
