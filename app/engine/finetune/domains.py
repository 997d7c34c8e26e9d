"""Whether a model that learnt one thing forgot another: perplexity on the new texts and on old ones, on two sides.

The new texts are a run's held-out examples, and scored of them are the tokens that the run learns, in the batches and
with the hidden tokens of its own looks: the figure of the run. Of the old texts every token counts, as
`app.engine.evaluate` scores them.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Sequence
from pathlib import Path

from app.engine.errors import UserError
from app.engine.evaluate.records import Plan, Scores
from app.engine.evaluate.score import Scoring
from app.engine.finetune import run_folder
from app.engine.finetune.dataset import Dataset, read_dataset
from app.engine.finetune.passes import held_out_loss
from app.engine.finetune.records import LEARNT, DomainFigures, Example, Forgetting
from app.engine.finetune.run import data_of, settings_of
from app.engine.finetune.settings import FinetuneSettings
from app.engine.finetune.sides import Side
from app.engine.models.kinds import ENCODER, ENCODER_DECODER
from app.engine.models.loaded import LoadedModel
from app.engine.texts.records import Record, TextSource
from app.engine.texts.source import records

MOST, MOST_MASKED = 64, 8
"""Old texts that are scored; a masked model reads each once for every token of it."""
Sides = tuple[Side, Side]


def measure_forgetting(
    sides: Sides, folders: Sequence[Path], old: TextSource | None
) -> Generator[float, None, Forgetting]:
    """Both sides on the held-out examples of the first of the folders that holds a run, and on an old text; yields the
    share done. What cannot be measured is told in words.
    """
    new, why_new = None, "Neither side is the result of a run, so there are no held-out examples to measure on."
    run = next((folder for folder in folders if (folder / run_folder.RUN).exists()), None)
    if run is not None:
        try:
            new = yield from _on_held_out(sides, run)
        except UserError as error:
            why_new = str(error)
    known, why_old = None, "No old text is chosen."
    if old is not None:
        try:
            known = yield from _on_old(sides, *(yield from _old(sides[0].loaded, old)))
        except UserError as error:
            why_old = str(error)
    return Forgetting(new, known, "" if new else why_new, "" if known else why_old)


def _on_held_out(sides: Sides, folder: Path) -> Generator[float, None, DomainFigures]:
    """What the run's looks at its held-out examples find, for both sides."""
    run = run_folder.read_run(folder)
    settings = settings_of(run)
    texts, places = "", set[str]()
    examples: list[Example] = []
    losses: list[float] = []
    counts: list[int] = []
    for number, side in enumerate(sides):
        if number == 0 or side.loaded is not sides[0].loaded:
            # Another model has tokens of its own for the same records.
            dataset = yield from _read(side.loaded, run)
            places = places or {example.place for example in dataset.held_out}
            known = (*dataset.train, *dataset.held_out)
            examples = dataset.held_out if number == 0 else [each for each in known if each.place in places]
            many = "" if len(places) == 1 else "s"
            texts = texts or f"{len(places):,} held-out text{many} of {dataset.preview.name}"
        if not examples:
            raise UserError(
                "The run held no example out.", "Hold a share out, so that learning can be told from memory."
            )
        nats = labels = 0.0
        for start in range(0, len(examples), settings.batch_size):
            # Left again at every step, so that whoever comes between finds the model as it is.
            with side.entered():
                batch = examples[start : start + settings.batch_size]
                found, count = held_out_loss(side.loaded, batch, settings.seed)
            nats, labels = nats + found, labels + count
            yield 0.25 * number
        losses.append(nats / max(labels, 1))
        counts.append(int(labels))
    first, second = (math.exp(min(loss, 700)) for loss in losses)
    return DomainFigures(texts, counts[0], (first, second), LEARNT)


def _read(loaded: LoadedModel, run: dict[str, object]) -> Generator[float, None, Dataset]:
    """The data of a run, read again for a model."""
    reading = data_of(loaded, run)
    while True:
        try:
            next(reading)
        except StopIteration as stop:
            dataset: Dataset = stop.value
            return dataset
        yield 0.0


def _old(loaded: LoadedModel, source: TextSource) -> Generator[float, None, tuple[list[Record], str]]:
    """The texts of a source: of an encoder-decoder its pairs, else as they stand."""
    if loaded.kind != ENCODER_DECODER:
        yield 0.5
        return list(records(source)), f"texts of {source.name}"
    reading = read_dataset(loaded, source, FinetuneSettings(held_out=0.0))
    while True:
        try:
            next(reading)
        except StopIteration as stop:
            dataset: Dataset = stop.value
            pairs = [Record(each.completion, each.prompt, each.place) for each in dataset.records]
            return pairs, f"pairs of {source.name}"
        yield 0.5


def _on_old(sides: Sides, texts: Sequence[Record], what: str) -> Generator[float, None, DomainFigures]:
    most = MOST_MASKED if sides[0].loaded.kind == ENCODER else MOST
    chosen = list(texts[:most])
    found: list[Scores] = []
    for number, side in enumerate(sides):
        scoring = Scoring(side.loaded, chosen, Plan())
        steps = scoring.steps()
        while True:
            # Left again at every step, so that whoever comes between finds the model as it is.
            with side.entered():
                step = next(steps, None)
            if step is None:
                break
            yield 0.5 + 0.25 * number
        found.append(scoring.result())
    which = f"{len(chosen)} {what}" if len(chosen) == len(texts) else f"the first {len(chosen)} of {len(texts)} {what}"
    if len(texts) == 1:
        which = what.removeprefix("texts of ").removeprefix("pairs of ")
    first, second = found
    return DomainFigures(which, first.scored, (first.perplexity, second.perplexity), first.objective)
