"""The generators that measure: one row of the table at a time, on a lane. Torch is imported in their bodies."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from app.engine.errors import ModelClosedError, UserError
from app.engine.evaluate.records import Plan, Scores
from app.engine.texts.records import Record, TextSource
from app.jobs.job import Progress
from app.session import marks
from app.session.measured import Contender, Figures

if TYPE_CHECKING:
    from app.engine.evaluate.score import ScoreProgress, Scoring
    from app.engine.models.loaded import LoadedModel
    from app.engine.texts.source import ContentHash


@dataclass(frozen=True, eq=False)
class Task:
    """One cell to measure."""

    column: int
    text: TextSource
    size: int
    """Bytes, about."""
    key: str
    mark: str
    """The text's."""
    begun: Begun | None = None
    """A measurement that was stopped and can be gone on with."""


@dataclass(frozen=True, eq=False)
class Row:
    """A model and the texts that it is measured on."""

    contender: Contender
    mark: str
    """The model's; of one that is fetched from the hub it is known only afterwards."""
    contents: str
    """Its `Figures.model_contents` where they are known, else ''."""
    tasks: Sequence[Task]
    before: float
    """Bytes of all that were asked for, of rows before this one."""
    whole: float
    """Bytes of all that were asked for."""
    began_at: float
    """The share of all that was done before this row began, measurements that it goes on with counted in."""


@dataclass(eq=False)
class Begun:
    """A measurement on its way: what is needed to go on with it, and to make its figures."""

    scoring: Scoring
    hash: ContentHash
    weights: tuple[Any, ...]
    """What `weights_state` the model had when it began."""
    records: int = 0
    column: str = ""
    encoding: str = ""


@dataclass(frozen=True, eq=False)
class CellBegan:
    """A cell is being measured; `begun` outlives the job."""

    key: str
    begun: Begun


@dataclass(frozen=True)
class CellStep:
    """How far a cell is."""

    key: str
    share: float


@dataclass(frozen=True, eq=False)
class CellDone:
    """A cell was measured."""

    key: str
    figures: Figures
    scores: Scores


@dataclass(frozen=True)
class CellFailed:
    """A cell cannot be measured, with the sentence that says why."""

    key: str
    why: str


class WeightsChangedError(UserError):
    """A model had other weights before a measurement of it was done."""


@dataclass(frozen=True, eq=False)
class RowLost:
    """A model can be measured no further: it was closed, or its weights are others now."""

    keys: tuple[str, ...]
    """The cell that was being measured, and those of the same model that waited."""
    error: UserError
    kept: bool
    """What was measured of the first cell still holds and can be gone on with."""


def measure_row(
    loaded: LoadedModel | None, row: Row, plan: Plan, trained: Callable[[], bool]
) -> Generator[Any, None, None]:
    """Measure a model on some texts; a model that is not open is opened for it and closed again.

    A text that cannot be measured fails its own cell alone; a model that is closed meanwhile, or gets other weights,
    ends the row. `trained` says whether the model is being trained.
    """
    opened = None
    done = row.before
    try:
        if loaded is None:
            opened = loaded = yield from _open(row)
            row = replace(row, mark=marks.mark_of_model(row.contender.ref))
        row = replace(row, contents=row.contents or (yield from _contents(row)))
        for place, task in enumerate(row.tasks):
            try:
                yield from _measure(loaded, row, task, plan, done, trained)
            except (ModelClosedError, WeightsChangedError) as error:
                keys = tuple(each.key for each in row.tasks[place:])
                yield RowLost(keys, error, isinstance(error, ModelClosedError))
                return
            except UserError as error:
                yield CellFailed(task.key, str(error))
            done += max(task.size, 1)
    except UserError as error:
        for task in row.tasks:
            yield CellFailed(task.key, str(error))
    finally:
        if opened is not None:
            opened.unload()


def _open(row: Row) -> Generator[Any, None, LoadedModel]:
    from app.engine.models.loading import load_steps

    contender, share = row.contender, row.began_at
    yield Progress(share, f"Opening {contender.name}", share)
    steps = load_steps(contender.ref, contender.device, contender.precision)
    try:
        while True:
            try:
                step = next(steps)
            except StopIteration as stop:
                return stop.value
            yield Progress(share, f"{contender.name}: {step.doing[:1].lower()}{step.doing[1:]}", share)
    finally:
        steps.close()


def _contents(row: Row) -> Generator[Any, None, str]:
    share = row.began_at
    steps = marks.contents_of_model(row.contender.ref)
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            return stop.value
        yield Progress(share, f"Reading the files of {row.contender.name}", share)


def _measure(
    loaded: LoadedModel, row: Row, task: Task, plan: Plan, done: float, trained: Callable[[], bool]
) -> Generator[Any, None, None]:
    from app.engine.evaluate.score import Scoring
    from app.engine.texts.source import ContentHash

    began = task.begun
    if began is None or began.weights != loaded.weights_state:
        began = Begun(None, ContentHash(), loaded.weights_state)  # type: ignore[arg-type]
        began.scoring = Scoring(loaded, _hashed(task.text, began), _fitted(plan, loaded))
    else:
        began.scoring.go_on_with(loaded)
    yield CellBegan(task.key, began)
    last, before = 0.0, row.began_at
    for step in _guarded(loaded, began, trained):
        size = max(task.size, 1)
        share = min(1.0, step.bytes / size)
        text = f"{row.contender.name} on {task.text.name}: {step.tokens:,} tokens"
        yield Progress(min(1.0, (done + share * size) / row.whole), text, before)
        if time.monotonic() - last > 0.1:
            last = time.monotonic()
            yield CellStep(task.key, share)
    scores = began.scoring.result()
    yield CellStep(task.key, 1.0)
    yield CellDone(task.key, _figures(loaded, row, task, plan, scores, began), scores)


def _guarded(loaded: LoadedModel, began: Begun, trained: Callable[[], bool]) -> Iterator[ScoreProgress]:
    """The measurement's steps; before each it is seen that the model's weights are still those it began with."""
    steps = began.scoring.steps()
    while True:
        if trained() or loaded.weights_state != began.weights:
            why = "it is being trained" if trained() else "it was trained, or its adapter was switched"
            raise WeightsChangedError(
                f"The weights of {loaded.summary.name} changed while it was measured: {why}.",
                "Measure it again; tokens of two models make no figure.",
            )
        step = next(steps, None)
        if step is None:
            return
        yield step


def _fitted(plan: Plan, loaded: LoadedModel) -> Plan:
    """Windows that one table asks of all its models, no longer than this one's context; the figures say which."""
    context = loaded.summary.context
    if plan.window is None or context is None or plan.window <= context:
        return plan
    stride = None if plan.stride is None else min(plan.stride, context - 1)
    return Plan(context, stride, plan.name)


def _hashed(text: TextSource, began: Begun) -> Iterator[Record]:
    """The records as they are read."""
    from app.engine.texts.source import records

    read = records(text, whole=False)
    for record in read:
        began.records += 1
        began.column, began.encoding = read.column, read.encoding
        yield began.hash.passing(record)


def _figures(loaded: LoadedModel, row: Row, task: Task, plan: Plan, scores: Scores, began: Begun) -> Figures:
    from app.engine.evaluate.curves import calibration
    from app.engine.evaluate.significance import standard_error

    summary, contender, read = loaded.summary, row.contender, task.text
    column = f", {began.column}" if began.column else ""
    return Figures(
        model=contender.name,
        ref=contender.ref,
        text=task.text.name,
        objective=scores.objective,
        perplexity=scores.perplexity,
        nats_per_token=scores.nats_per_token,
        bits_per_byte=scores.bits_per_byte,
        word_perplexity=scores.word_perplexity,
        byte_perplexity=scores.byte_perplexity,
        tokens=scores.scored,
        bytes=scores.bytes,
        words=scores.words,
        records=began.records,
        skipped=scores.skipped,
        window=scores.plan.window or 0,
        stride=scores.plan.stride or 0,
        plan=scores.plan.name,
        precision=summary.precision,
        device=summary.device,
        seconds=scores.seconds,
        standard_error=standard_error(scores),
        accuracy=scores.accuracy,
        top5=scores.top5,
        entropy=scores.mean_entropy,
        calibration_error=calibration(scores).error,
        family=summary.family,
        parameters=summary.parameters,
        vocabulary=summary.vocabulary,
        text_hash=began.hash.hexdigest(),
        model_hash=row.mark,
        tokenizer_hash=_tokenizer_mark(loaded.tokenizer),
        versions=marks.versions(),
        source=f"{task.text.path or 'pasted'}{column}",
        text_mark=task.mark,
        when=time.time(),
        key=marks.key(contender, row.mark, task.mark, plan, marks.versions()),
        cell=marks.cell(contender, task.text),
        asked=marks.asked(plan),
        revision=read.revision,
        config=read.config,
        split=read.split,
        limit=read.limit or 0,
        column=began.column,
        source_column=read.source_column,
        encoding=began.encoding,
        model_contents=row.contents,
        model_commit=marks.commit_of_model(contender.ref),
    )


def _tokenizer_mark(tokenizer: Any) -> str:
    backend = getattr(tokenizer, "backend_tokenizer", None)
    content = backend.to_str() if backend is not None else repr(sorted(tokenizer.get_vocab().items()))
    return hashlib.sha256(content.encode("utf-8", "surrogatepass")).hexdigest()
