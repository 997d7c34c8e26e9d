"""The generators of finetuning, stepped on the model's lane; torch and peft are imported in their bodies."""

from __future__ import annotations

import shutil
import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.engine.errors import UserError
from app.engine.finetune.records import (
    Costs,
    PreviewToken,
    Report,
    RunEnd,
    RunEntry,
    Shape,
    StepReport,
)
from app.engine.finetune.settings import FinetuneSettings
from app.engine.texts.records import TextSource
from app.jobs.job import Progress

if TYPE_CHECKING:
    from app.engine.finetune.dataset import Dataset
    from app.engine.finetune.training import Training
    from app.engine.models.loaded import LoadedModel


@dataclass(frozen=True)
class Began:
    """A run stands and takes its first step."""

    training: Training
    resumed: tuple[Report, ...] = ()
    """What it had reported before it was stopped."""


def read_data(
    loaded: LoadedModel, source: TextSource, settings: FinetuneSettings, shape: Shape | None
) -> Generator[Any, None, Dataset]:
    """The examples of a file for a model."""
    from app.engine.finetune.dataset import read_dataset

    steps = read_dataset(loaded, source, settings, shape)
    while True:
        try:
            share = next(steps)
        except StopIteration as stop:
            return stop.value
        yield Progress(share, f"reading {source.name}")


def tokens_of(loaded: LoadedModel, dataset: Dataset, place: str) -> Generator[Any, None, tuple[PreviewToken, ...]]:
    """One example as the model gets it, token by token."""
    from app.engine.finetune.preview import preview_tokens

    yield None
    example = next((each for each in (*dataset.train, *dataset.held_out) if each.place == place), None)
    return preview_tokens(loaded, example) if example is not None else ()


def estimate(loaded: LoadedModel, dataset: Dataset, settings: FinetuneSettings) -> Generator[Any, None, Costs]:
    """What a run would take, from a few probe steps."""
    from app.engine.finetune.costs import probe

    return (yield from probe(loaded, dataset.train, settings))


def groups_of(loaded: LoadedModel) -> Generator[Any, None, tuple[tuple[str, tuple[str, ...]], ...]]:
    """The layers that LoRA can be put beside, by their role."""
    yield None
    from app.engine.finetune.targets import target_groups

    return target_groups(loaded)


def train(
    loaded: LoadedModel,
    dataset: Dataset,
    source: TextSource,
    settings: FinetuneSettings,
    folder: Path,
    costs: Costs | None = None,
) -> Generator[Any, None, RunEnd]:
    """A new run, from its first step to its result. One whose `costs` are known and do not fit does not begin."""
    from app.engine.finetune.passes import LESS_MEMORY
    from app.engine.finetune.run import begun, run_steps
    from app.engine.models.memory import require_memory

    yield Progress(0.0, "Preparing")
    if costs is not None:
        require_memory(costs.needed, str(loaded.device), f"Training {loaded.summary.name}", LESS_MEMORY)
    training = begun(loaded, dataset, source, settings, folder)
    yield Began(training)
    return (yield from run_steps(training))


def go_on(loaded: LoadedModel, folder: Path) -> Generator[Any, None, RunEnd]:
    """A run that was stopped or killed, from its newest checkpoint."""
    from app.engine.finetune import run_folder
    from app.engine.finetune.run import gone_on, run_steps

    steps = gone_on(loaded, folder)
    while True:
        try:
            share = next(steps)
        except StopIteration as stop:
            training, step = stop.value
            break
        yield Progress(share, "Reading the data again")
    yield Began(training, tuple(run_folder.read_log(folder, step)))
    return (yield from run_steps(training, step))


def progress_of(report: StepReport, recent: Sequence[float]) -> Progress:
    """How far a run is after a step; `recent` are the seconds of the last ones."""
    left = (report.steps - report.step) * sum(recent) / len(recent)
    return Progress(report.step / report.steps, f"step {report.step:,} of {report.steps:,}", seconds_left=left)


def merge(folder: Path, into: Path) -> Generator[Any, None, Path]:
    """The base with the adapter added to its weights, as an ordinary model folder."""
    yield Progress(0.0, "Opening the base")
    from app.engine.finetune.merging import merged

    return (yield from merged(folder, into))


def export(loaded: LoadedModel, folder: Path, into: Path) -> Generator[Any, None, Path]:
    """The run as a folder that `accelerate launch` starts."""
    yield Progress(0.0, "Reading the data")
    from app.engine.finetune.export import export_run

    steps = export_run(loaded, folder, into)
    while True:
        try:
            share = next(steps)
        except StopIteration as stop:
            return stop.value
        yield Progress(share, f"exporting {folder.name}")


def list_runs(folder: Path) -> Generator[Any, None, tuple[RunEntry, ...]]:
    """The runs whose folders lie in a folder."""
    yield None
    from app.engine.finetune.run_folder import runs_in

    return runs_in(folder)


ReadRun = tuple[FinetuneSettings, TextSource, Shape, tuple[Report, ...]]
"""A run's settings, data, how its records were read, and its reports."""


def read_run(folder: Path) -> Generator[Any, None, ReadRun]:
    """A run's settings, data, how its records were read, and its reports."""
    yield None
    from app.engine.finetune import run_folder
    from app.engine.finetune.run import settings_of, shape_of

    run = run_folder.read_run(folder)
    return settings_of(run), TextSource(**run["source"]), shape_of(run), tuple(run_folder.read_log(folder))


def remove_run(folder: Path) -> Generator[Any, None, None]:
    """Delete a run's folder; only one that holds a run."""
    yield None
    from app.engine.finetune.run_folder import disk_errors, read_run
    from app.engine.finetune.run_lock import in_use

    read_run(folder)
    if in_use(folder):
        raise UserError(f"Another program is training in {folder}.", "Wait until it has ended.")
    with disk_errors(folder):
        shutil.rmtree(folder)


def folder_for(root: Path, name: str, taken: Sequence[str] = ()) -> Path:
    """A new folder for a run, by the data's name and the time."""
    stem = f"{Path(name).stem or 'run'}-{time.strftime('%Y%m%d-%H%M%S')}"
    number, folder = 2, root / stem
    while folder.exists() or str(folder) in taken:
        folder, number = root / f"{stem}-{number}", number + 1
    return folder
