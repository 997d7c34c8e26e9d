"""The folder of a run: what it is made from, how it went, its checkpoints. Nothing in it is a pickle.

`run.json` says what was asked for, `log.jsonl` has a line for each report, `checkpoints/step-000120/` holds the
weights that are trained and the optimizer's state. A checkpoint is written beside its place and renamed, so it is there
whole or not at all; a log that was cut short loses its last line at most.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from app.engine.errors import UserError
from app.engine.finetune.records import CheckpointReport, HeldOutReport, Report, RunEntry, SampleReport, StepReport

RUN, LOG, CHECKPOINTS, BEST = "run.json", "log.jsonl", "checkpoints", "best"
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
            raise UserError(f"{folder} is not empty.", "Choose a new folder, or go on with the run that is in it.")
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
    """Write a checkpoint, whole or not at all."""
    place = folder / CHECKPOINTS / f"step-{step:06d}"
    part = place.with_name(f".{place.name}.part")
    with disk_errors(folder):
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        _save(part / "weights.safetensors", weights)
        _save(part / "optimizer.safetensors", _flat(optimizer))
        write_json(part / "state.json", {"step": step, **facts})
        _sync(part)
        if place.exists():
            shutil.rmtree(place)
        part.replace(place)
        _sync(place.parent)
    return place


def save_weights(place: Path, weights: dict[str, torch.Tensor], facts: dict[str, Any]) -> None:
    """Replace the weights in a folder of their own; what it held before is there until they are written."""
    part = place.with_name(f".{place.name}.part")
    with disk_errors(place.parent):
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        _save(part / "weights.safetensors", weights)
        write_json(part / "state.json", facts)
        shutil.rmtree(place, ignore_errors=True)
        part.replace(place)


def checkpoints(folder: Path) -> list[int]:
    """The steps at which there are whole checkpoints, ascending."""
    places = [place for place in (folder / CHECKPOINTS).glob("step-*") if (place / "state.json").exists()]
    return sorted(int(place.name[5:]) for place in places if place.name[5:].isdecimal())


def read_checkpoint(folder: Path, step: int) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor], dict[str, Any]]:
    """(weights, the optimizer's tensors, facts). Raises UserError where it cannot be read."""
    place = folder / CHECKPOINTS / f"step-{step:06d}"
    try:
        facts = json.loads((place / "state.json").read_text(encoding="utf-8"))
        return load_file(place / "weights.safetensors"), load_file(place / "optimizer.safetensors"), facts
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
    )


def _flat(optimizer: torch.optim.Optimizer) -> dict[str, torch.Tensor]:
    """AdamW's state by parameter and kind: "3.exp_avg"."""
    return {
        f"{number}.{kind}": (value if isinstance(value, torch.Tensor) else torch.tensor(float(value))).detach().cpu()
        for number, values in optimizer.state_dict()["state"].items()
        for kind, value in values.items()
    }


def _save(path: Path, tensors: dict[str, torch.Tensor]) -> None:
    try:
        save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, path)
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
