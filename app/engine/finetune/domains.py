"""Whether a model that learnt one thing forgot another: perplexity on the new texts and on old ones, on two sides.

The figures are those of `app.engine.evaluate`: every token of a text counts, a prompt's too, where the held-out loss of
a run counts what is learnt alone.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from pathlib import Path

from app.engine.errors import UserError
from app.engine.evaluate.records import Plan, Scores
from app.engine.evaluate.score import Scoring
from app.engine.finetune import run_folder
from app.engine.finetune.dataset import Dataset, read_dataset
from app.engine.finetune.records import DomainFigures, Forgetting
from app.engine.finetune.run import data_of
from app.engine.finetune.settings import FinetuneSettings
from app.engine.finetune.sides import Side
from app.engine.models.kinds import ENCODER, ENCODER_DECODER
from app.engine.models.loaded import LoadedModel
from app.engine.texts.records import Record, TextSource
from app.engine.texts.source import records

MOST, MOST_MASKED = 64, 8
"""Texts that are scored; a masked model reads each once for every token of it."""
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
            new = yield from _measured(sides, *(yield from _held_out(sides[0].loaded, run)), 0.0)
        except UserError as error:
            why_new = str(error)
    known, why_old = None, "No old text is chosen."
    if old is not None:
        try:
            known = yield from _measured(sides, *(yield from _old(sides[0].loaded, old)), 0.5)
        except UserError as error:
            why_old = str(error)
    return Forgetting(new, known, "" if new else why_new, "" if known else why_old)


def _held_out(loaded: LoadedModel, folder: Path) -> Generator[float, None, tuple[list[Record], str]]:
    """The held-out examples of a run, read again, and what they are called."""
    run = run_folder.read_run(folder)
    reading = data_of(loaded, run)
    while True:
        try:
            next(reading)
        except StopIteration as stop:
            dataset: Dataset = stop.value
            break
        yield 0.0
    places = {example.place for example in dataset.held_out}
    if not places:
        raise UserError("The run held no example out.", "Hold a share out, so that learning can be told from memory.")
    found = _records(loaded, dataset, places)
    return found, f"held-out texts of {dataset.preview.name}"


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
            return _records(loaded, dataset, {written.place for written in dataset.records}), f"pairs of {source.name}"
        yield 0.5


def _records(loaded: LoadedModel, dataset: Dataset, places: set[str]) -> list[Record]:
    chosen = [written for written in dataset.records if written.place in places]
    if loaded.kind == ENCODER_DECODER:
        return [Record(written.completion, written.prompt, written.place) for written in chosen]
    # What the template wrote as the beginning the tokenizer writes again.
    begin = loaded.tokenizer.bos_token or ""
    return [
        Record(written.text.removeprefix(begin) if written.closed else written.text, place=written.place)
        for written in chosen
    ]


def _measured(sides: Sides, texts: Sequence[Record], what: str, begin: float) -> Generator[float, None, DomainFigures]:
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
            yield begin + 0.25 * number
        found.append(scoring.result())
    which = f"{len(chosen)} {what}" if len(chosen) == len(texts) else f"the first {len(chosen)} of {len(texts)} {what}"
    if len(texts) == 1:
        which = what.removeprefix("texts of ").removeprefix("pairs of ")
    first, second = found
    return DomainFigures(which, first.scored, (first.perplexity, second.perplexity), first.objective)
