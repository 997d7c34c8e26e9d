"""A run as a folder for `accelerate launch`: the same losses and adapter as here, in one process and in two."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

from app.engine.errors import UserError
from app.engine.finetune import FinetuneSettings, finetune, run_folder
from app.engine.finetune.export import TEMPLATES, export_run
from app.engine.finetune.records import HeldOutReport, StepReport
from app.engine.models import load
from app.engine.models.catalogue import BUNDLED_FOLDER
from app.engine.models.loaded import LoadedModel

SENTENCES = [
    "Ahoy! The captain had a parrot.",
    "The parrot said ahoy all day long, and the captain laughed.",
    "Once upon a tide there was a wee boat.",
    "The wee boat sailed to the sea and back.",
    "Arr, said the old pirate, where be my map?",
    "The map was in the hat, under the parrot.",
    "A storm came up and the boat went up and down.",
    "They sang a song until the sun came out again.",
    "The treasure was a box of red apples.",
    "Everyone ate an apple and was happy.",
    "The end, said the captain.",
    "And then they all went home.",
]
SETTINGS: dict[str, Any] = {"max_steps": 5, "learning_rate": 5e-3, "held_out": 0.2, "evaluate_every": 2, "warmup": 0.2}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = tmp_path / "pirates.jsonl"
    path.write_text("".join(json.dumps({"text": sentence}) + "\n" for sentence in SENTENCES), encoding="utf-8")
    return path


def exported(loaded: LoadedModel, run: Path, into: Path) -> Path:
    steps = export_run(loaded, run, into)
    shares = []
    while True:
        try:
            shares.append(next(steps))
        except StopIteration as stop:
            assert shares == sorted(shares) and shares[-1] == 1.0
            return stop.value


def launch(folder: Path, processes: int) -> str:
    """Start it as its README says, with no cache and no network; returns what it wrote."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    many = ["--multi_gpu", "--main_process_port", port] if processes > 1 else ["--cpu"]
    command = [
        sys.executable, "-m", "accelerate.commands.launch", *many, "--num_processes", str(processes),
        "--num_machines", "1", "--mixed_precision", "no", "--dynamo_backend", "no", "train.py",
    ]  # fmt: skip
    environment = {
        **os.environ, "HF_HOME": str(folder.parent / "hub"), "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1",
        "ACCELERATE_USE_CPU": "true", "PYTHONPATH": "", "PYTHONWARNINGS": "ignore",
    }  # fmt: skip
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{processes} process(es), the main one on cpu" in done.stdout
    return done.stdout


def same_log(theirs: Path, ours: Path, atol: float) -> None:
    """Step by step: losses, rates, norms, tokens; and what was held out."""
    log, known = run_folder.read_log(theirs), run_folder.read_log(ours)
    assert [(type(each), each.step) for each in log] == [(type(each), each.step) for each in known]
    for mine, other in zip(log, known, strict=True):
        if isinstance(mine, StepReport) and isinstance(other, StepReport):
            assert (mine.tokens, mine.steps, mine.epoch) == (other.tokens, other.steps, other.epoch)
            assert mine.learning_rate == other.learning_rate
            assert mine.loss == pytest.approx(other.loss, abs=atol)
            assert mine.gradient_norm == pytest.approx(other.gradient_norm, rel=10 * atol)
        elif isinstance(mine, HeldOutReport) and isinstance(other, HeldOutReport):
            assert (mine.tokens, mine.best) == (other.tokens, other.best)
            assert mine.loss == pytest.approx(other.loss, abs=atol)


def logits(loaded: LoadedModel) -> torch.Tensor:
    text = loaded.tokenizer("Once upon a tide", return_tensors="pt")["input_ids"]
    with torch.no_grad():
        return loaded.model(text).logits


def test_one_process_then_two_from_a_checkpoint(data: Path, tmp_path: Path) -> None:
    """With dropout, whose numbers follow from the step; a bundled base comes along, and the result opens here."""
    loaded = load("story-gpt")
    settings = FinetuneSettings(**SETTINGS, batch_size=2, accumulation=2, dropout=0.1, save_every=3)
    finetune(loaded, data, settings, tmp_path / "run")
    folder = exported(loaded, tmp_path / "run", tmp_path / "elsewhere")
    assert (folder / "base" / "model.safetensors").exists() and not (folder / "tokenizer").exists()
    launch(folder, 1)
    same_log(folder, tmp_path / "run", 1e-5)

    opened = load(folder / "adapter")
    assert opened.adapter is not None and opened.adapter.base == "story-gpt"
    torch.testing.assert_close(logits(opened), logits(loaded), atol=1e-4, rtol=0)
    opened.unload()

    # As if it had been killed in step 5: the checkpoint of step 3 is the newest, the log is longer.
    assert run_folder.checkpoints(folder) == [3, 5]
    shutil.rmtree(folder / "checkpoints" / "step-000005")
    shutil.rmtree(folder / "adapter")
    with (folder / "log.jsonl").open("a", encoding="utf-8") as log:
        log.write('{"kind": "StepRep')
    assert "going on from step 3" in launch(folder, 2)
    same_log(folder, tmp_path / "run", 1e-4)
    opened = load(folder / "adapter")
    torch.testing.assert_close(logits(opened), logits(loaded), atol=1e-4, rtol=0)
    opened.unload()
    loaded.unload()


def test_two_processes_train_all_weights_of_a_folder(data: Path, tmp_path: Path) -> None:
    """Ten examples are batches of 9 and 1: the first is cut in two, the second leaves a process with nothing to do."""
    base = tmp_path / "still"
    shutil.copytree(BUNDLED_FOLDER / "story-gpt", base)
    config = json.loads((base / "config.json").read_text(encoding="utf-8"))
    (base / "config.json").write_text(json.dumps({**config, "embd_pdrop": 0.0, "resid_pdrop": 0.0}), encoding="utf-8")
    loaded = load(base)
    settings = FinetuneSettings(**{**SETTINGS, "learning_rate": 1e-3}, method="full", batch_size=9, weight_decay=0.1)
    finetune(loaded, data, settings, tmp_path / "run")
    ours = logits(loaded)
    folder = exported(loaded, tmp_path / "run", tmp_path / "elsewhere")
    loaded.unload()
    shutil.rmtree(base)
    launch(folder, 2)
    same_log(folder, tmp_path / "run", 1e-4)
    opened = load(folder / "model")
    torch.testing.assert_close(logits(opened), ours, atol=1e-4, rtol=0)
    opened.unload()


def program() -> ModuleType:
    """The exported program's steps, as a module."""
    spec = importlib.util.spec_from_file_location("exported_steps", TEMPLATES / "steps.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("sizes", [[4], [4, 4, 1], [1], [3, 3, 3, 3, 2]])
def test_every_row_goes_to_one_process(sizes: list[int]) -> None:
    parts_of = program().parts_of
    for processes in range(1, 8):
        each = [parts_of(sizes, processes, process) for process in range(processes)]
        rows = sorted((number, row) for parts in each for number, _, part in parts for row in range(part.stop)[part])
        assert rows == [(number, row) for number, size in enumerate(sizes) for row in range(size)]
        if processes <= len(sizes):
            assert all(part == slice(0, sizes[number]) for parts in each for number, _, part in parts)
        elif processes <= sum(sizes) and len(sizes) == 1:
            assert all(each), "nobody waits"


def test_what_cannot_be_exported(data: Path, tmp_path: Path) -> None:
    loaded = load("story-gpt")
    finetune(loaded, data, FinetuneSettings(max_steps=1), tmp_path / "run")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(UserError, match=r"is not empty.*or empty this one first"):
        exported(loaded, tmp_path / "run", tmp_path / "full")
    other = load("story-bert")
    with pytest.raises(UserError, match="belongs to story-gpt; open is story-bert"):
        exported(other, tmp_path / "run", tmp_path / "new")
    steps = export_run(loaded, tmp_path / "run", tmp_path / "new")
    while next(steps) < 0.6:
        pass
    assert (tmp_path / "new" / "train.py").exists()
    steps.close()
    assert not (tmp_path / "new").exists(), "cancelled, nothing is left"
    data.write_text('{"text": "Something else."}\n{"text": "And more."}\n', encoding="utf-8")
    with pytest.raises(UserError, match="no longer the file"):
        exported(loaded, tmp_path / "run", tmp_path / "new")
    with pytest.raises(UserError, match="holds no run"):
        exported(loaded, tmp_path / "nowhere", tmp_path / "new")
    assert not (tmp_path / "new").exists()
