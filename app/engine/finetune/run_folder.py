"""The folder of a run: what it is made from, how it went, its checkpoints. Nothing in it is a pickle.

`run.json` says what was asked for, `log.jsonl` has a line for each report, `checkpoints/step-000120/` holds the
weights that are trained and the optimizer's state, `best-000120/` the best ones so far. A checkpoint is written beside
its place and renamed, so it is there whole or not at all; a log that was cut short loses its last line at most.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from app.engine.errors import UserError
from app.engine.finetune.records import CheckpointReport, HeldOutReport, Report, RunEntry, SampleReport, StepReport

RUN, LOG, CHECKPOINTS = "run.json", "log.jsonl", "checkpoints"
STATE, WEIGHTS, OPTIMIZER = "state.json", "weights.safetensors", "optimizer.safetensors"
_BEST = "best-"
_KINDS = {kind.__name__: kind for kind in (StepReport, HeldOutReport, SampleReport, CheckpointReport)}


@contextmanager
def disk_errors(folder: Path) -> Iterator[None]:
    """Turn what the disk says into a sentence."""
    try:
        yield
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise UserError(
                f"The disk of {folder} is full.", "Free some space; the last whole checkpoint is kept, go on from it."
            ) from error
        raise UserError(f"{folder} cannot be written: {error.strerror}.", "Choose another folder.") from error


def make(folder: Path) -> None:
    """Make the folder of a new run. Raises UserError for one that is not empty, and where nothing can be written."""
    with disk_errors(folder):
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            held = "go on with the run that is in it" if (folder / RUN).exists() else "empty this one first"
            raise UserError(f"{folder} is not empty.", f"Choose a new folder, or {held}.")
        folder.mkdir(parents=True, exist_ok=True)


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Replace a file in one step."""
    part = path.with_name(f".{path.name}.part")
    with disk_errors(path.parent):
        with part.open("w", encoding="utf-8") as out:
            json.dump(content, out, ensure_ascii=False, indent=1)
            out.flush()
            os.fsync(out.fileno())
        part.replace(path)


def read_run(folder: Path) -> dict[str, Any]:
    """What `run.json` says. Raises UserError where there is none or it cannot be understood."""
    try:
        content = json.loads((folder / RUN).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise UserError(f"{folder} holds no run: it has no {RUN}.", "Choose the folder of a finetune.") from error
    except (OSError, ValueError) as error:
        raise UserError(f"{folder / RUN} cannot be read: {error}.", "The run cannot be gone on with.") from error
    if not isinstance(content, dict):
        raise UserError(f"{folder / RUN} does not describe a run.", "Choose the folder of a finetune.")
    return content


def log(folder: Path, report: Report) -> None:
    """Add a line to the log."""
    line = json.dumps({"kind": type(report).__name__, **asdict(report)}, ensure_ascii=False)
    with disk_errors(folder), (folder / LOG).open("a", encoding="utf-8") as out:
        out.write(line + "\n")


def read_log(folder: Path, until: int | None = None) -> list[Report]:
    """The reports so far, those up to step `until` where one is given. A last line that was cut short is left out."""
    reports: list[Report] = []
    try:
        lines = (folder / LOG).read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
    for line in lines:
        try:
            content = json.loads(line)
            report = _KINDS[content.pop("kind")](**content)
        except (ValueError, KeyError, TypeError):
            continue
        if until is None or report.step <= until:
            reports.append(report)
    return reports


def rewrite_log(folder: Path, reports: Iterable[Report]) -> None:
    """The log up to the checkpoint that a run goes on from; what came after it is computed again."""
    lines = [json.dumps({"kind": type(report).__name__, **asdict(report)}, ensure_ascii=False) for report in reports]
    part = folder / f".{LOG}.part"
    with disk_errors(folder):
        part.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        part.replace(folder / LOG)


def save_checkpoint(
    folder: Path, step: int, weights: dict[str, torch.Tensor], optimizer: torch.optim.Optimizer, facts: dict[str, Any]
) -> Path:
    """Write a checkpoint, whole or not at all. One that is there already is the same, since a step is, and stays."""
    place = folder / CHECKPOINTS / f"step-{step:06d}"

    def write(part: Path) -> None:
        save_tensors(part / WEIGHTS, weights)
        save_tensors(part / OPTIMIZER, _flat(optimizer))

    if step not in checkpoints(folder):
        _place_whole(place, {"step": step, **facts}, write)
    return place


def save_best(folder: Path, step: int, write: Callable[[Path], None]) -> Path:
    """Keep the weights after `step` as the best so far: `write` puts them into a folder. Those before go when they are
    there."""
    place = folder / f"{_BEST}{step:06d}"
    if not (place / STATE).exists():
        _place_whole(place, {"step": step}, write)
    for other in folder.glob(f"{_BEST}*"):
        if other != place:
            shutil.rmtree(other, ignore_errors=True)
    return place


def best_in(folder: Path) -> tuple[int, Path] | None:
    """The best weights so far: after which step, and their folder."""
    places = [(place.name.removeprefix(_BEST), place) for place in folder.glob(f"{_BEST}*") if (place / STATE).exists()]
    return max(((int(step), place) for step, place in places if step.isdecimal()), default=None)


def _place_whole(place: Path, facts: dict[str, Any], write: Callable[[Path], None]) -> None:
    """A folder that is there whole or not at all."""
    part, old = place.with_name(f".{place.name}.part"), place.with_name(f".{place.name}.old")
    with disk_errors(place.parent):
        for leftover in (part, old):
            shutil.rmtree(leftover, ignore_errors=True)
        part.mkdir(parents=True)
        write(part)
        write_json(part / STATE, facts)
        _sync(part)
        if place.exists():
            # What stands there lacks a file: nobody's checkpoint.
            place.replace(old)
        part.replace(place)
        _sync(place.parent)
        shutil.rmtree(old, ignore_errors=True)


def checkpoints(folder: Path) -> list[int]:
    """The steps at which there are whole checkpoints, ascending."""
    files = (STATE, WEIGHTS, OPTIMIZER)
    places = [
        place for place in (folder / CHECKPOINTS).glob("step-*") if all((place / file).exists() for file in files)
    ]
    return sorted(int(place.name[5:]) for place in places if place.name[5:].isdecimal())


def read_checkpoint(folder: Path, step: int) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor], dict[str, Any]]:
    """(weights, the optimizer's tensors, facts). Raises UserError where it cannot be read."""
    place = folder / CHECKPOINTS / f"step-{step:06d}"
    try:
        facts = json.loads((place / STATE).read_text(encoding="utf-8"))
        return load_file(place / WEIGHTS), load_file(place / OPTIMIZER), facts
    except (OSError, ValueError, SafetensorError) as error:
        raise UserError(f"The checkpoint {place} cannot be read: {error}.", "Go on from an earlier one.") from error


def put_back(optimizer: torch.optim.Optimizer, tensors: dict[str, torch.Tensor]) -> None:
    """The optimizer's state as `save_checkpoint` wrote it."""
    state = optimizer.state_dict()
    found: dict[int, dict[str, torch.Tensor]] = {}
    for name, tensor in tensors.items():
        number, _, kind = name.partition(".")
        found.setdefault(int(number), {})[kind] = tensor
    optimizer.load_state_dict({**state, "state": found})


def runs_in(folder: Path) -> tuple[RunEntry, ...]:
    """The runs whose folders lie in a folder, the newest first; what cannot be read is left out."""
    entries = []
    for place in folder.iterdir() if folder.is_dir() else ():
        if (place / RUN).exists():
            try:
                entries.append(entry_of(place))
            except (UserError, OSError):
                continue
    return tuple(sorted(entries, key=lambda entry: -entry.when))


def entry_of(folder: Path) -> RunEntry:
    """One run as its files tell."""
    run = read_run(folder)
    reports = read_log(folder)
    held = [report for report in reports if isinstance(report, HeldOutReport)]
    steps = [report.step for report in reports if isinstance(report, StepReport)]
    best_step, best = _openable_best(folder, run)
    return RunEntry(
        folder=str(folder),
        name=folder.name,
        base=str(run.get("base", "")),
        method=str(run.get("settings", {}).get("method", "")),
        data=str(run.get("data", {}).get("name", "")),
        step=max(steps, default=0),
        steps=int(run.get("steps", 0)),
        state=str(run.get("state", "unfinished")),
        when=(folder / RUN).stat().st_mtime,
        first_held_out=held[0].loss if held else None,
        best_held_out=min((report.loss for report in held), default=None),
        checkpoints=tuple(checkpoints(folder)),
        # One that was stopped, gone on with and broken off then has what it had when it was stopped.
        result=str(folder) if run.get("end") else "",
        best=best,
        best_step=best_step,
    )


def _openable_best(folder: Path, run: dict[str, Any]) -> tuple[int | None, str]:
    """The best weights as a model or adapter of their own, where they are another than the result: a full finetune
    writes it at its end."""
    found = best_in(folder)
    end = run.get("end") or {}
    if found is None or end.get("result_step") == found[0]:
        return None, ""
    whole = (found[1] / "adapter_config.json").exists() or (bool(end) and (found[1] / "config.json").exists())
    return (found[0], str(found[1])) if whole else (None, "")


def _flat(optimizer: torch.optim.Optimizer) -> dict[str, torch.Tensor]:
    """AdamW's state by parameter and kind: "3.exp_avg"."""
    return {
        f"{number}.{kind}": (value if isinstance(value, torch.Tensor) else torch.tensor(float(value))).detach().cpu()
        for number, values in optimizer.state_dict()["state"].items()
        for kind, value in values.items()
    }


def save_tensors(path: Path, tensors: dict[str, torch.Tensor], metadata: dict[str, str] | None = None) -> None:
    """Write a safetensors file to the disk itself. Raises OSError where it cannot be written."""
    try:
        save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, path, metadata)
    except SafetensorError as error:
        # It wraps what the disk said in words of its own.
        code = errno.ENOSPC if "No space left" in str(error) else errno.EIO
        raise OSError(code, str(error)) from error
    with path.open("rb") as written:
        os.fsync(written.fileno())


def _sync(folder: Path) -> None:
    """Let a rename survive a power cut; where folders cannot be opened (Windows) there is nothing to do."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
