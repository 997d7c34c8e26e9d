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
    WeightChange,
)
from app.engine.finetune.settings import FinetuneSettings
from app.engine.texts.records import TextSource
from app.engine.trace.records import Token, TraceComparison
from app.jobs.job import Progress

if TYPE_CHECKING:
    import numpy as np

    from app.engine.finetune.dataset import Dataset
    from app.engine.finetune.training import Training
    from app.engine.models.loaded import LoadedModel


@dataclass(frozen=True)
class Began:
    """A run stands and takes its first step."""

    training: Training
    resumed: tuple[Report, ...] = ()
    """What it had reported before it was stopped."""


@dataclass(frozen=True)
class Written:
    """What the model writes without and with what it learnt."""

    prompt: str
    before: str
    after: str


@dataclass(frozen=True, eq=False)
class Compared:
    """One text through the model before and after."""

    text: str
    step: int | None
    """The checkpoint that stands for "after", None for the model as it is."""
    tokens: tuple[Token, ...]
    comparison: TraceComparison
    weights: tuple[WeightChange, ...]
    patterns: dict[tuple[str, int], tuple[np.ndarray, np.ndarray]]
    """By kind and layer, float32 `[head, query, key]` before and after."""


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
    from app.engine.finetune.run import begun
    from app.engine.models.memory import require_memory

    yield Progress(0.0, "Preparing")
    if costs is not None:
        require_memory(costs.needed, str(loaded.device), f"Training {loaded.summary.name}", LESS_MEMORY)
    training = begun(loaded, dataset, source, settings, folder)
    yield Began(training)
    return (yield from _stepped(training, None))


def go_on(loaded: LoadedModel, folder: Path) -> Generator[Any, None, RunEnd]:
    """A run that was stopped or killed, from its newest checkpoint."""
    from app.engine.finetune import run_folder
    from app.engine.finetune.run import gone_on

    steps = gone_on(loaded, folder)
    while True:
        try:
            share = next(steps)
        except StopIteration as stop:
            training, step = stop.value
            break
        yield Progress(share, "Reading the data again")
    yield Began(training, tuple(run_folder.read_log(folder, step)))
    return (yield from _stepped(training, step))


def _stepped(training: Training, from_step: int | None) -> Generator[Any, None, RunEnd]:
    from app.engine.finetune.run import run_steps

    steps = run_steps(training, from_step)
    recent: list[float] = []
    try:
        while True:
            try:
                report = next(steps)
            except StopIteration as stop:
                return stop.value
            if isinstance(report, StepReport):
                recent = [*recent[-19:], report.seconds]
                left = (report.steps - report.step) * sum(recent) / len(recent)
                words = f"step {report.step:,} of {report.steps:,}, {time_words(left)} left"
                yield Progress(report.step / report.steps, words)
            yield report
    finally:
        steps.close()


def write_both(
    loaded: LoadedModel, base: LoadedModel | None, prompt: str, seed: int, count: int
) -> Generator[Any, None, Written]:
    """The same prompt and random numbers, without and with what was learnt. Raises UserError without a "before"."""
    before = ""
    if loaded.adapter is not None:
        with loaded.adapter_set(False):
            # In one go: between two steps others would find the adapter switched off.
            before = "".join(_pieces(loaded, prompt, seed, count))
        yield Progress(0.5, "before")
    elif base is not None:
        for piece in _pieces(base, prompt, seed, count):
            before += piece
            yield Progress(0.5, "before")
    else:
        raise UserError(
            "There is no model from before the run to compare with.", "Open the one that was trained as model B."
        )
    after = ""
    for piece in _pieces(loaded, prompt, seed, count):
        after += piece
        yield Progress(0.9, "after")
    return Written(prompt, before, after)


def _pieces(loaded: LoadedModel, prompt: str, seed: int, count: int) -> Generator[str, None, None]:
    from app.engine.decode import DecodingSettings, stream

    settings = DecodingSettings(temperature=0.7, top_k=40, max_new_tokens=count, seed=seed)
    for step in stream(loaded, prompt, settings):
        yield step.text


def compare(
    loaded: LoadedModel, base: LoadedModel | None, folder: Path | None, step: int | None, text: str
) -> Generator[Any, None, Compared]:
    """One text before and after: two traces and what is between them, and how far the weights moved.

    "After" is the model as it is, or as it was at a checkpoint. Each trace is made in one go, since the adapter is
    switched for it.
    """
    from app.engine.finetune.changes import weight_changes
    from app.engine.finetune.checkpoint_view import at_checkpoint
    from app.engine.trace import trace
    from app.engine.trace.compare import compare as compare_traces

    if loaded.adapter is None and base is None:
        raise UserError(
            "There is nothing to compare with: this model has no adapter.",
            "Train one, open an adapter, or open the model from before as B.",
        )
    yield Progress(0.1, "before")
    if loaded.adapter is not None:
        with loaded.adapter_set(False):
            first = trace(loaded, text)
            before = {site: first.attention(site[1], kind=site[0]).numpy() for site in loaded.anatomy.sites}
    else:
        assert base is not None
        first = trace(base, text)
        before = {site: first.attention(site[1], kind=site[0]).numpy() for site in base.anatomy.sites}
    yield Progress(0.4, "after")
    with at_checkpoint(loaded, folder, step):
        second = trace(loaded, text)
        after = {site: second.attention(site[1], kind=site[0]).numpy() for site in loaded.anatomy.sites}
        found = compare_traces(first, second)
        changes = weight_changes(loaded) if loaded.adapter is not None else ()
    patterns = {site: (before[site], after[site]) for site in before if site in after}
    return Compared(text, step, tuple(second.tokens), found, changes, patterns)


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


def read_run(folder: Path) -> Generator[Any, None, tuple[FinetuneSettings, TextSource, Shape, tuple[Report, ...]]]:
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


def time_words(seconds: float) -> str:
    """ "48 s", "3 min 20 s", "1 h 5 min"."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def folder_for(root: Path, name: str, taken: Sequence[str] = ()) -> Path:
    """A new folder for a run, by the data's name and the time."""
    stem = f"{Path(name).stem or 'run'}-{time.strftime('%Y%m%d-%H%M%S')}"
    number, folder = 2, root / stem
    while folder.exists() or str(folder) in taken:
        folder, number = root / f"{stem}-{number}", number + 1
    return folder
