"""A whole run: data, training, result; begun, gone on with, and as one plain function."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from app.engine.errors import Cancelled, DivergedError, UserError
from app.engine.finetune import run_folder
from app.engine.finetune.card import versions, write_result
from app.engine.finetune.dataset import Dataset, read_dataset
from app.engine.finetune.methods import left_by, same_place
from app.engine.finetune.records import DIVERGED, Report, RunEnd, Shape, StepReport
from app.engine.finetune.run_lock import in_use, locked
from app.engine.finetune.settings import FinetuneSettings
from app.engine.finetune.training import Training
from app.engine.texts.records import FILE, TextSource


def finetune(
    model: Any,
    dataset_path: str | Path,
    settings: FinetuneSettings,
    out_dir: str | Path,
    on_step: Callable[[StepReport], None] | None = None,
    cancel: Callable[[], bool] | None = None,
) -> RunEnd:
    """Finetune a loaded model on a file and write the result into `out_dir`, which must be new or empty.

    LoRA leaves the base's weights as they are, bit for bit; afterwards the adapter is in the model and active, and
    `out_dir` is an ordinary PEFT adapter folder. `on_step` hears every optimizer step. `cancel` is asked between
    batches; True gives the model back as it was and raises Cancelled. Records are recognised by their keys. Raises
    UserError for a file without a usable record, settings that do not fit the model, a folder that is not empty, and
    whatever goes wrong on the way.
    """
    path = Path(dataset_path)
    source = TextSource(FILE, path.name, path=str(path))
    dataset = _drained(read_dataset(model, source, settings))
    steps = run_steps(begun(model, dataset, source, settings, Path(out_dir)))
    try:
        while True:
            try:
                report = next(steps)
            except StopIteration as stop:
                return stop.value
            if on_step is not None and isinstance(report, StepReport):
                on_step(report)
            if cancel is not None and cancel():
                raise Cancelled
    finally:
        steps.close()


def begun(
    loaded: Any,
    dataset: Dataset,
    source: TextSource,
    settings: FinetuneSettings,
    folder: Path,
) -> Training:
    """A new run in a new folder."""
    training = Training(loaded, dataset.train, dataset.held_out, settings, folder)
    run_folder.make(folder)
    preview = dataset.preview
    run_folder.write_json(
        folder / run_folder.RUN,
        {
            "state": "unfinished",
            "base": loaded.summary.ref,
            "kind": loaded.kind,
            "precision": loaded.summary.precision,
            "settings": asdict(settings),
            "steps": training.total,
            "source": asdict(source),
            "shape": asdict(preview.shape),
            "data": {"name": preview.name, "hash": preview.hash, "usable": preview.usable},
            "versions": versions(),
        },
    )
    return training


def run_steps(training: Training, from_step: int | None = None) -> Generator[Report | None, None, RunEnd]:
    """Train and write the result. Closed before its end it gives the model back as it was; checkpoints stay. A run that
    diverged says so in its folder."""
    with locked(training.folder):
        run = run_folder.read_run(training.folder)
        try:
            end = yield from training.steps(from_step)
        except DivergedError:
            run_folder.write_json(training.folder / run_folder.RUN, {**run, "state": DIVERGED})
            raise
        try:
            write_result(training, end, run)
            run_folder.write_json(training.folder / run_folder.RUN, {**run, "state": end.reason, "end": asdict(end)})
        except BaseException:
            training.method.undo()
            raise
        return end


def gone_on(loaded: Any, folder: Path) -> Generator[float, None, tuple[Training, int]]:
    """A run that was stopped, at its newest whole checkpoint: reads its data again and sees that it is the same.

    Goes on from the base, or from the model with what this run left in it. Returns the training and the step to go on
    from. Raises UserError when the model, the data or the run is another, and when there is no checkpoint.
    """
    run = run_folder.read_run(folder)
    known = run_folder.checkpoints(folder)
    if not known:
        raise UserError(f"The run in {folder} has no checkpoint to go on from.", "Start it anew.")
    if in_use(folder):
        raise UserError(f"Another program is training in {folder}.", "Wait until it has ended.")
    own = left_by(loaded, folder) or same_place(loaded.summary.ref, folder)
    if loaded.summary.ref != run["base"] and not own:
        raise UserError(
            f"This run belongs to {run['base']}; open is {loaded.summary.name}.", f"Open {run['base']} and go on."
        )
    dataset = yield from data_of(loaded, run)
    return Training(loaded, dataset.train, dataset.held_out, settings_of(run), folder), known[-1]


def data_of(loaded: Any, run: dict[str, Any]) -> Generator[float, None, Dataset]:
    """The data of a run, read again. Raises UserError when it is another than the run began with."""
    source = TextSource(**run["source"])
    dataset = yield from read_dataset(loaded, source, settings_of(run), shape_of(run))
    if dataset.preview.hash != run["data"]["hash"]:
        raise UserError(
            f"{source.name} is no longer the file that this run began with.", "Put the old file back, or start anew."
        )
    return dataset


def shape_of(run: dict[str, Any]) -> Shape:
    """How the records of a run were read."""
    return Shape(run["shape"]["kind"], tuple(tuple(pair) for pair in run["shape"]["columns"]))


def settings_of(run: dict[str, Any]) -> FinetuneSettings:
    """The settings in `run.json`; those that this version does not know are left out."""
    known = {each.name for each in fields(FinetuneSettings)}
    found: dict[str, Any] = {name: value for name, value in run["settings"].items() if name in known}
    return FinetuneSettings(**found)


def _drained(steps: Generator[float, None, Dataset]) -> Dataset:
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            return stop.value
