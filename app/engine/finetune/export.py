"""A run as a folder of its own that `accelerate launch` starts: program, data as tokens, base; without Unembed."""

from __future__ import annotations

import json
import shutil
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from string import Template
from typing import Any

from app.engine.errors import UserError
from app.engine.finetune import run_folder
from app.engine.finetune.dataset import Dataset
from app.engine.finetune.methods import same_place
from app.engine.finetune.records import Example
from app.engine.finetune.run import data_of, settings_of
from app.engine.finetune.settings import LORA, FinetuneSettings
from app.engine.models.catalogue import bundled_models, resolve
from app.engine.models.folder import weight_files

TEMPLATES = Path(__file__).resolve().parents[3] / "resources" / "export"
PACKAGES = ("torch", "transformers", "peft", "accelerate", "safetensors", "numpy")
_BASE, _TOKENIZER = "base", "tokenizer"
_KEPT = (".json", ".txt", ".model", ".spm", ".jinja")
"""Files of a model beside its weights: config, generation config, tokenizer, chat template."""
_PIECE = 1 << 24
"""Bytes that are copied between two reports of progress."""


def export_run(loaded: Any, folder: Path, into: Path) -> Generator[float, None, Path]:
    """Write the run in `folder` into a new or empty folder; yields the share done.

    The base is copied where it is bundled or a folder, and stays a name where it is on the hub. It is never what
    training made of it: the exported run begins at the beginning. Raises UserError where the run belongs to another
    model, its data is no longer what it was, or the folder cannot be written; then nothing is left in it.
    """
    run = run_folder.read_run(folder)
    settings = settings_of(run)
    # What a full finetune made of its base has the base's name in its run.
    own = same_place(loaded.summary.ref, folder) and settings.method != LORA
    base = run["base"] if own else loaded.summary.adapter_of or loaded.summary.ref
    if not _same(base, run["base"]):
        raise UserError(
            f"This run belongs to {run['base']}; open is {loaded.summary.name}.",
            f"Open {run['base']} and export it then.",
        )
    copied = base in bundled_models() or Path(base).expanduser().is_dir()
    place = resolve(base)
    files = _model_files(place) if copied else []
    dataset = yield from _halved(data_of(loaded, run))
    run_folder.make(into)
    with _whole_or_nothing(into):
        for part in sorted(TEMPLATES.glob("*.py")):
            shutil.copyfile(part, into / part.name)
        _write_examples(into / "train.jsonl", dataset.train)
        _write_examples(into / "held_out.jsonl", dataset.held_out)
        pins = [f"{name}=={version(name).partition('+')[0]}\n" for name in PACKAGES]
        (into / "requirements.txt").write_text("".join(pins), encoding="utf-8")
        if settings.method != LORA:
            loaded.tokenizer.save_pretrained(into / _TOKENIZER)
        (into / "README.md").write_text(_readme(folder.name, base, copied, settings, dataset), encoding="utf-8")
        run.pop("end", None)
        facts = _facts(loaded, base, None if copied else place)
        run_folder.write_json(into / run_folder.RUN, {**run, "state": "exported", "export": facts})
        for share in _copied(files, into / _BASE):
            yield 0.5 + share / 2
    return into


def _same(one: str, other: str) -> bool:
    """Whether two names mean one model; an adapter tells its base's folder in full."""
    return one == other or (Path(one).is_dir() and Path(other).is_dir() and Path(one).samefile(other))


def _facts(loaded: Any, base: str, snapshot: Path | None) -> dict[str, Any]:
    """What the program must know that only the open model tells; `snapshot` is the folder of a model of the hub."""
    tokenizer, chosen = loaded.tokenizer, type(loaded.model)
    from_cache = snapshot is not None and snapshot.parent.name == "snapshots"
    return {
        "class": chosen.__name__,
        # As when it was opened: families outside transformers' attention interface need eager attention.
        "attention": None if chosen._can_set_attn_implementation() else "eager",
        "hub": None if snapshot is None else base,
        "revision": snapshot.name if snapshot is not None and from_cache else None,
        # What opens the result's base: beside the adapter where it was a folder of this machine only.
        "adapter_base": base if snapshot is not None or base in bundled_models() else f"../{_BASE}",
        "pad": int(tokenizer.pad_token_id or 0),
        "mask": tokenizer.mask_token_id,
        "vocabulary": len(tokenizer),
    }


def _model_files(folder: Path) -> list[Path]:
    """The files of a model folder, without what else lies in it, such as the run that made it."""
    others = [path for path in sorted(folder.iterdir()) if path.is_file() and path.suffix in _KEPT]
    return [path for path in others if path.name != run_folder.RUN] + weight_files(folder)


def _copied(files: list[Path], into: Path) -> Iterator[float]:
    """Copy files; yields the share of their bytes that is done."""
    total = sum(path.stat().st_size for path in files)
    done = 0
    for path in files:
        into.mkdir(exist_ok=True)
        with path.open("rb") as read, (into / path.name).open("wb") as written:
            while piece := read.read(_PIECE):
                written.write(piece)
                done += len(piece)
                yield done / total


def _write_examples(path: Path, examples: Iterable[Example]) -> None:
    with path.open("w", encoding="utf-8") as out:
        for example in examples:
            out.write(json.dumps({"ids": example.ids.tolist(), "labels": example.labels.tolist()}) + "\n")


def _readme(name: str, base: str, copied: bool, settings: FinetuneSettings, dataset: Dataset) -> str:
    lora = settings.method == LORA
    files = [f"- `{_BASE}/`: the base"] if copied else []
    files += [] if lora else [f"- `{_TOKENIZER}/`: the tokenizer, which is put beside the trained model"]
    return Template((TEMPLATES / "README.md").read_text(encoding="utf-8")).substitute(
        name=name,
        method=f"LoRA, rank {settings.rank}" if lora else "all weights",
        base=f"{Path(base).name}, in `{_BASE}/`" if copied else f"`{base}`, from the hub",
        data=dataset.preview.name,
        train=f"{len(dataset.train):,}",
        held=f"{len(dataset.held_out):,}",
        steps=f"{settings.steps_of(len(dataset.train)):,}",
        batch=settings.batch_size,
        accumulation=settings.accumulation,
        outside="" if copied else f" but `{base}`, which each machine fetches from the hub",
        result="adapter" if lora else "model",
        result_words="the adapter as peft writes it" if lora else "the model and its tokenizer",
        files="\n".join(files),
    )


def _halved(steps: Generator[float, None, Dataset]) -> Generator[float, None, Dataset]:
    """Reading the data is the first half."""
    while True:
        try:
            share = next(steps)
        except StopIteration as stop:
            return stop.value
        yield share / 2


@contextmanager
def _whole_or_nothing(into: Path) -> Iterator[None]:
    """Take away what was written when the rest cannot be, or somebody cancels."""
    try:
        with run_folder.disk_errors(into):
            yield
    except BaseException:
        shutil.rmtree(into, ignore_errors=True)
        raise
