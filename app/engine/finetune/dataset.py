"""A file of examples, read for one model: what is learnt from, what is held out, and everything that is wrong."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import numpy as np

from app.engine.errors import UserError
from app.engine.finetune.chats import chat_template_of
from app.engine.finetune.examples import check, encode_written, longest_of
from app.engine.finetune.records import (
    CHAT,
    COMPLETION,
    CUT,
    DUPLICATE,
    MASKED,
    TEXT,
    DataPreview,
    Example,
    PreviewRow,
    Problem,
    Shape,
)
from app.engine.finetune.records_of import BadRecord, RawRecord, raw_records
from app.engine.finetune.settings import FinetuneSettings
from app.engine.finetune.shapes import kinds_of, shapes_of
from app.engine.finetune.templates import Written, write
from app.engine.models.kinds import ENCODER_DECODER
from app.engine.models.loaded import LoadedModel
from app.engine.texts.records import TextSource

ROWS = 200
"""Records that the table of the data shows."""
_BEGINNING = 200
"""Letters of a record that the table shows."""
_PEEK = 100
"""Records whose columns tell the shape of all."""
_STEP = 32
"""Records between two reports of progress."""


@dataclass(frozen=True, eq=False)
class Dataset:
    """Everything a run needs of its data."""

    train: list[Example]
    held_out: list[Example]
    """Never learnt from. Both in the file's order."""
    preview: DataPreview
    records: list[Written]
    """Every usable record after its template, in the file's order."""


def read_dataset(
    loaded: LoadedModel, source: TextSource, settings: FinetuneSettings, shape: Shape | None = None
) -> Generator[float, None, Dataset]:
    """The examples of a source for a model; yields the share done, 0 while the file is read.

    Without a shape the source's columns are used where it names them, else the best that its columns allow. Raises
    UserError when nothing is left to learn from, or the model cannot learn from such records.
    """
    found: list[RawRecord | Problem] = []
    for record in raw_records(source):
        found.append(record)
        if len(found) % _STEP == 0:
            yield 0.0
    shapes = shapes_of(kinds_of(record.values for record in islice(_good(found), _PEEK)))
    shape = shape or _shape_for(loaded, source, shapes, found)
    check(loaded, shape)
    reading = _Reading(loaded, settings, shape)
    for number, record in enumerate(found):
        if number % _STEP == 0:
            yield number / len(found)
        reading.add(record)
    if not reading.examples:
        raise _nothing(source.name, reading)
    return reading.finish(source.name, shapes)


def held_out_places(count: int, settings: FinetuneSettings) -> np.ndarray:
    """int64, sorted: which of so many examples are held out. At least one of two where a share is; never all."""
    wanted = round(settings.held_out * count)
    wanted = min(max(wanted, 1), count - 1) if settings.held_out > 0 else 0
    return np.sort(np.random.default_rng(settings.seed).permutation(count)[:wanted])


@dataclass
class _Reading:
    """Examples, rows and problems as they come."""

    loaded: LoadedModel
    settings: FinetuneSettings
    shape: Shape
    examples: list[Example] = field(default_factory=list)
    records: list[Written] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    rows: list[tuple[PreviewRow, int | None]] = field(default_factory=list)
    """With the number of its example, None where it is not used."""
    count: int = 0

    def __post_init__(self) -> None:
        self._seen: dict[tuple[str, tuple[tuple[int, int], ...]], str] = {}
        self._hash = hashlib.sha256()

    def add(self, record: RawRecord | Problem) -> None:
        """Take the next record of the file."""
        self.count += 1
        if isinstance(record, Problem):
            self._leave_out(record, "")
            return
        self._hash.update(_canonical(record.values) + b"\n")
        text = ""
        try:
            written = write(self.shape, record, self.loaded.tokenizer, self.loaded.kind == ENCODER_DECODER)
            text = written.text
            example = encode_written(self.loaded, written, self.settings)
            if not example.trained:
                left = "is left of" if example.cut else "among"
                raise BadRecord(MASKED, f"nothing to learn {left} its {example.length:,} tokens")
        except BadRecord as error:
            self._leave_out(Problem(record.place, error.kind, error.fact, used=False), text)
            return
        self._use(written, example)

    def finish(self, name: str, shapes: tuple[Shape, ...]) -> Dataset:
        """The whole, parted into what is learnt from and what is held out."""
        held = set(held_out_places(len(self.examples), self.settings).tolist())
        of_pairs = self.loaded.kind == ENCODER_DECODER
        preview = DataPreview(
            name=name,
            shape=self.shape,
            shapes=tuple(other for other in shapes if other != self.shape),
            rows=tuple(
                PreviewRow(row.place, row.text, row.tokens, row.problem, number in held) for row, number in self.rows
            ),
            records=self.count,
            usable=len(self.examples),
            held_out=len(held),
            problems=tuple(self.problems),
            lengths=np.array([example.length for example in self.examples], np.int64),
            longest=longest_of(self.loaded, self.settings),
            tokens=sum(len(example.ids) + of_pairs * len(example.labels) for example in self.examples),
            trained=sum(example.trained for example in self.examples),
            hash=self._hash.hexdigest(),
            template=chat_template_of(self.loaded.tokenizer) if self.shape.kind == CHAT else "",
        )
        train = [example for number, example in enumerate(self.examples) if number not in held]
        held_out = [example for number, example in enumerate(self.examples) if number in held]
        return Dataset(train, held_out, preview, self.records)

    def _use(self, written: Written, example: Example) -> None:
        problem = None
        if example.cut:
            longest = longest_of(self.loaded, self.settings)
            problem = Problem(example.place, CUT, f"cut at {longest:,}, {example.cut:,} tokens lost", used=True)
            self.problems.append(problem)
        first = self._seen.setdefault((written.text, written.answers), example.place)
        if first != example.place:
            problem = Problem(example.place, DUPLICATE, f"duplicate of {first}", used=True)
            self.problems.append(problem)
        self._show(PreviewRow(example.place, written.text[:_BEGINNING], example.length, problem), len(self.examples))
        self.examples.append(example)
        self.records.append(written)

    def _leave_out(self, problem: Problem, text: str) -> None:
        self.problems.append(problem)
        self._show(PreviewRow(problem.place, text[:_BEGINNING], 0, problem), None)

    def _show(self, row: PreviewRow, number: int | None) -> None:
        if len(self.rows) < ROWS:
            self.rows.append((row, number))


def _good(found: list[RawRecord | Problem]) -> Generator[RawRecord, None, None]:
    yield from (record for record in found if isinstance(record, RawRecord))


def _shape_for(
    loaded: LoadedModel, source: TextSource, shapes: tuple[Shape, ...], found: list[RawRecord | Problem]
) -> Shape:
    """The shape that the source's columns name, or the first that the model can learn from."""
    if source.column and source.source_column:
        return Shape(COMPLETION, (("prompt", source.source_column), ("completion", source.column)))
    if source.column:
        return Shape(TEXT, (("text", source.column),))
    if not shapes:
        problem = next((one for one in found if isinstance(one, Problem)), None)
        said = f" ({problem.place}: {problem.words})" if problem else ""
        raise UserError(
            f"{source.name} has no record to learn from{said}.",
            "Records need a text, a prompt and its completion, an instruction and its output, or messages.",
        )
    pairs = [shape for shape in shapes if shape.kind != TEXT or loaded.kind != ENCODER_DECODER]
    return (pairs or shapes)[0]


def _nothing(name: str, reading: _Reading) -> UserError:
    """What is said when no record is usable."""
    first = reading.problems[0]
    said = f"{first.place}: {first.words}"
    if all(problem.kind == MASKED for problem in reading.problems):
        longest = longest_of(reading.loaded, reading.settings)
        return UserError(
            f"In no record of {name} anything is left to learn when it is cut at {longest:,} tokens ({said}).",
            "Shorten the prompts, let examples be longer, or learn from the whole text.",
        )
    return UserError(
        f"{name} has no record to learn from: the first is left out ({said}).",
        "Mend the file, or choose other columns.",
    )


def _canonical(values: Mapping[str, Any]) -> bytes:
    """A record as the same bytes wherever it was read from."""
    return json.dumps(values, sort_keys=True, default=str).encode()
