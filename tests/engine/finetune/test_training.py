"""The loop: the same losses as transformers' Trainer with peft, stopped and gone on with exactly, undone without a
trace."""

from __future__ import annotations

import contextlib
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch.utils.data import Dataset as TorchDataset
from torch.utils.data import SequentialSampler

from app.engine.errors import DivergedError, UserError
from app.engine.finetune import batches, run_folder
from app.engine.finetune import training as training_module
from app.engine.finetune.batches import steps_of
from app.engine.finetune.loss_watch import LossWatch
from app.engine.finetune.methods import LoraMethod, trainable
from app.engine.finetune.passes import held_out_loss
from app.engine.finetune.records import (
    DIVERGED,
    CheckpointReport,
    Example,
    HeldOutReport,
    RunEnd,
    SampleReport,
    StepReport,
)
from app.engine.finetune.run import run_steps
from app.engine.finetune.settings import FinetuneSettings
from app.engine.finetune.sides import Side
from app.engine.finetune.targets import linear_modules, target_groups, targets_of
from app.engine.finetune.training import Training
from app.engine.models import load, memory
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
]


@pytest.fixture
def story() -> Iterator[LoadedModel]:
    """A model of its own for every test: training changes it."""
    loaded = load("story-gpt")
    yield loaded
    loaded.unload()


def examples(loaded: LoadedModel, sentences: list[str] = SENTENCES) -> list[Example]:
    made = []
    for number, sentence in enumerate(sentences):
        ids = np.array(loaded.tokenizer(sentence)["input_ids"], np.int64)
        labels = ids.copy()
        labels[: 1 + number % 3] = -100
        made.append(Example(ids, labels, f"line {number + 1}"))
    return made


def drain(steps: Any) -> tuple[list[Any], RunEnd]:
    reports = []
    while True:
        try:
            report = next(steps)
        except StopIteration as stop:
            return reports, stop.value
        if report is not None:
            reports.append(report)


def losses(reports: list[Any]) -> list[float]:
    return [report.loss for report in reports if isinstance(report, StepReport)]


def trained(loaded: LoadedModel, settings: FinetuneSettings, folder: Path, held: int = 0) -> tuple[list[Any], RunEnd]:
    run_folder.make(folder)
    every = examples(loaded)
    return drain(Training(loaded, every[held:], every[:held], settings, folder).steps())


class _Rows(TorchDataset):
    """Examples in the order in which our loop takes them."""

    def __init__(self, rows: list[Example]) -> None:
        self.rows = rows

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, place: int) -> dict[str, list[int]]:
        return {"input_ids": self.rows[place].ids.tolist(), "labels": self.rows[place].labels.tolist()}


def with_trainer(
    loaded: LoadedModel, settings: FinetuneSettings, rows: list[Example], folder: Path, start: dict[str, torch.Tensor]
) -> list[float]:
    """The losses of transformers' Trainer with peft from the same first adapter, in the same order."""
    from peft import LoraConfig, get_peft_model
    from peft.utils import set_peft_model_state_dict
    from transformers import DataCollatorForSeq2Seq, Trainer, TrainingArguments

    class InOrder(Trainer):
        def _get_train_sampler(self, train_dataset: Any = None) -> Any:
            return SequentialSampler(train_dataset if train_dataset is not None else self.train_dataset)

    model = loaded.model
    if settings.method == "lora":
        config = LoraConfig(
            r=settings.rank,
            lora_alpha=int(settings.alpha),
            target_modules="all-linear",
            task_type="CAUSAL_LM",
            fan_in_fan_out=True,
        )
        model = get_peft_model(model, config)
        assert not set_peft_model_state_dict(model, start).unexpected_keys
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    loaded.tokenizer.pad_token = loaded.tokenizer.eos_token
    arguments = TrainingArguments(
        output_dir=str(folder), use_cpu=True, report_to="none", disable_tqdm=True, save_strategy="no",
        per_device_train_batch_size=settings.batch_size, gradient_accumulation_steps=settings.accumulation,
        learning_rate=settings.learning_rate, max_steps=settings.max_steps or -1, logging_steps=1,
        warmup_steps=math.ceil(settings.warmup * (settings.max_steps or 0)), lr_scheduler_type=settings.schedule,
        max_grad_norm=settings.clip, weight_decay=settings.weight_decay, seed=0,
    )  # fmt: skip
    trainer = InOrder(
        model=model, args=arguments, train_dataset=_Rows(rows),
        data_collator=DataCollatorForSeq2Seq(loaded.tokenizer),
    )  # fmt: skip
    trainer.train()
    return [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]


def one_after_the_other(settings: FinetuneSettings, count: int) -> Iterator[np.ndarray]:
    """The order of the Trainer's SequentialSampler."""
    while True:
        for start in range(0, count, settings.batch_size):
            yield np.arange(start, min(start + settings.batch_size, count))


def without_dropout(loaded: LoadedModel) -> LoadedModel:
    for module in loaded.model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    return loaded


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"accumulation": 2, "schedule": "cosine", "warmup": 0.25},
        {"method": "full", "learning_rate": 1e-3, "schedule": "constant", "warmup": 0, "weight_decay": 0.1},
    ],
    ids=["lora", "lora-accumulated", "full"],
)
def test_losses_equal_the_trainers(
    story: LoadedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any]
) -> None:
    """Also over the end of an epoch, whose last batch is smaller."""
    monkeypatch.setattr(batches, "order", one_after_the_other)
    settings = FinetuneSettings(
        **{"max_steps": 10, "batch_size": 4, "learning_rate": 5e-3, "held_out": 0, "evaluate_every": 100, **changes}
    )
    rows = examples(without_dropout(story))
    run_folder.make(tmp_path / "run")
    reports, _ = drain(Training(story, rows, [], settings, tmp_path / "run").steps())
    start: dict[str, torch.Tensor] = {}
    if settings.method == "lora":
        fresh = load("story-gpt")
        method = LoraMethod(fresh, settings)
        method.begin()
        start = method.tensors()
    theirs = with_trainer(without_dropout(load("story-gpt")), settings, rows, tmp_path / "trainer", start)
    np.testing.assert_allclose(losses(reports), theirs, atol=1e-5)
    assert losses(reports)[-1] < losses(reports)[0] - 0.3, "it learns"


def test_the_base_is_untouched_and_comes_back(story: LoadedModel, tmp_path: Path) -> None:
    before = {name: tensor.clone() for name, tensor in story.model.state_dict().items()}
    text = story.tokenizer("Once upon a time", return_tensors="pt")["input_ids"]
    with torch.no_grad():
        logits = story.model(text).logits
    settings = FinetuneSettings(max_steps=4, learning_rate=1e-2, batch_size=4)
    trained(story, settings, tmp_path / "run")
    for name, tensor in story.model.state_dict().items():
        if "lora_" not in name:
            assert torch.equal(tensor, before[name.replace(".base_layer", "")]), name
    assert story.adapter is not None and story.adapter_active
    with torch.no_grad():
        assert not torch.equal(story.model(text).logits, logits)
        with story.adapter_set(False):
            assert torch.equal(story.model(text).logits, logits)
    other = load("story-gpt")
    run_folder.make(tmp_path / "thrown")
    steps = Training(other, examples(other), [], settings, tmp_path / "thrown").steps()
    for _ in range(3):
        next(steps)
    steps.close()
    assert other.adapter is None
    assert [name for name, _ in other.model.named_modules()] == [
        name for name, _ in load("story-gpt").model.named_modules()
    ]
    assert all(torch.equal(tensor, before[name]) for name, tensor in other.model.state_dict().items())
    assert all(parameter.requires_grad for parameter in other.model.parameters())


def test_a_full_finetune_thrown_away_gives_the_weights_back(story: LoadedModel, tmp_path: Path) -> None:
    before = {name: tensor.clone() for name, tensor in story.model.state_dict().items()}
    settings = FinetuneSettings(method="full", max_steps=9, learning_rate=1e-3, batch_size=4, warmup=0)
    run_folder.make(tmp_path / "run")
    steps = Training(story, examples(story), [], settings, tmp_path / "run").steps()
    while not isinstance(next(steps), StepReport):
        pass
    assert any(not torch.equal(tensor, before[name]) for name, tensor in story.model.state_dict().items())
    steps.close()
    assert all(torch.equal(tensor, before[name]) for name, tensor in story.model.state_dict().items())


@pytest.mark.parametrize("method", ["lora", "full"])
def test_gone_on_with_from_a_checkpoint_the_losses_are_the_same(tmp_path: Path, method: str) -> None:
    """With dropout on: its random numbers follow from the step."""
    settings = FinetuneSettings(
        method=method, max_steps=9, learning_rate=2e-3, batch_size=3, accumulation=2, save_every=2, dropout=0.2,
        evaluate_every=3, prompts=("Once upon a",), sample_tokens=5,
    )  # fmt: skip
    whole, end = trained(load("story-gpt"), settings, tmp_path / "whole", held=3)
    assert end.reason == "done"
    first = load("story-gpt")
    run_folder.make(tmp_path / "cut")
    every = examples(first)
    steps = Training(first, every[3:], every[:3], settings, tmp_path / "cut").steps()
    while not (isinstance(report := next(steps), StepReport) and report.step == 5):
        pass
    steps.close()
    assert run_folder.checkpoints(tmp_path / "cut") == [2, 4]
    second = load("story-gpt")
    training = Training(second, every[3:], every[:3], settings, tmp_path / "cut")
    rest, end = drain(training.steps(from_step=4))
    assert losses(rest) == losses(whole)[4:]
    held = [report for report in training.reports if isinstance(report, HeldOutReport)]
    assert held == [report for report in whole if isinstance(report, HeldOutReport)]
    samples = [report for report in training.reports if isinstance(report, SampleReport)]
    assert samples == [report for report in whole if isinstance(report, SampleReport)]
    assert losses(run_folder.read_log(tmp_path / "cut")) == losses(whole)
    assert (end.step, end.steps) == (9, 9)


def test_stopped_it_keeps_what_was_learnt(story: LoadedModel, tmp_path: Path) -> None:
    settings = FinetuneSettings(max_steps=50, learning_rate=1e-2, batch_size=4)
    run_folder.make(tmp_path / "run")
    held_out = examples(story)[:4]
    training = Training(story, examples(story)[4:], held_out, settings, tmp_path / "run")
    steps = training.steps()
    while not (isinstance(report := next(steps), StepReport) and report.step == 3):
        pass
    training.stop()
    reports, end = drain(steps)
    assert end.reason == "stopped" and end.step == 3
    measured, saved = reports[-2:]
    assert isinstance(saved, CheckpointReport) and isinstance(measured, HeldOutReport) and measured.step == 3
    nats, labels = held_out_loss(story, held_out, settings.seed)
    assert measured.loss == pytest.approx(nats / labels), "of the weights that are kept"
    assert run_folder.checkpoints(tmp_path / "run") == [3]
    assert story.adapter is not None


def test_others_look_at_a_whole_model_between_two_steps(story: LoadedModel, tmp_path: Path) -> None:
    settings = FinetuneSettings(max_steps=4, batch_size=2, accumulation=3, learning_rate=1e-2)
    text = story.tokenizer("Once upon a time", return_tensors="pt")["input_ids"]
    run_folder.make(tmp_path / "run")
    for _ in Training(story, examples(story), [], settings, tmp_path / "run").steps():
        assert not story.model.training
        torch.manual_seed(torch.initial_seed() + 1)
        with torch.no_grad():
            assert torch.equal(story.model(text).logits, story.model(text).logits), "no dropout here"


def test_early_stopping_and_the_best_weights(story: LoadedModel, tmp_path: Path) -> None:
    settings = FinetuneSettings(
        max_steps=200, learning_rate=0.05, batch_size=8, evaluate_every=1, patience=3, save_every=1000, warmup=0
    )
    reports, end = trained(story, settings, tmp_path / "run", held=3)
    assert end.reason == "stopped early" and end.step < 200
    held = [report for report in reports if isinstance(report, HeldOutReport)]
    best = min(held, key=lambda report: report.loss)
    assert (end.best_step, end.best_held_out) == (best.step, best.loss)
    assert held[-1].step - best.step == 3
    assert best.step, "it learnt something before it got worse"
    step, place = run_folder.best_in(tmp_path / "run") or (0, tmp_path)
    assert step == best.step == end.result_step and end.step == run_folder.checkpoints(tmp_path / "run")[-1]
    ids = story.tokenizer("Ahoy! The captain", return_tensors="pt")["input_ids"]
    with torch.no_grad():
        assert torch.equal(load(place).model(ids).logits, story.model(ids).logits), "the best are the result"
        with Side(story, end.step, tmp_path / "run").entered():
            assert not torch.equal(load(place).model(ids).logits, story.model(ids).logits)


def test_a_loss_that_is_no_number_ends_the_run(story: LoadedModel, tmp_path: Path) -> None:
    settings = FinetuneSettings(method="full", max_steps=30, learning_rate=1e-4, clip=0, save_every=1, warmup=0)
    before = {name: tensor.clone() for name, tensor in story.model.state_dict().items()}
    run_folder.make(tmp_path / "run")
    training = Training(story, examples(story), [], settings, tmp_path / "run")
    monkey = training._one_step

    def poisoned(*arguments: Any) -> Any:
        if training.step == 2:
            with torch.no_grad():
                story.model.transformer.ln_f.weight.fill_(math.nan)
        return monkey(*arguments)

    training._one_step = poisoned  # type: ignore[method-assign]
    advice = r"no number any more at step 3.*Lower the learning rate \(0\.0001\) or clip gradients.*step 1 is kept"
    with pytest.raises(DivergedError, match=advice):
        drain(training.steps())
    assert all(torch.equal(tensor, before[name]) for name, tensor in story.model.state_dict().items())


def test_a_loss_that_stays_far_above_its_start_ends_the_run(story: LoadedModel, tmp_path: Path) -> None:
    """A learning rate of 10 ruins the weights at once, with losses that are numbers all the way."""
    settings = FinetuneSettings(
        method="full", max_steps=60, learning_rate=10.0, clip=1.0, schedule="constant", warmup=0.1, save_every=1
    )
    before = {name: tensor.clone() for name, tensor in story.model.state_dict().items()}
    run_folder.make(tmp_path / "run")
    run_folder.write_json(tmp_path / "run" / "run.json", {"state": "unfinished", "steps": 60})
    training = Training(story, examples(story), [], settings, tmp_path / "run")
    # Gradients are clipped already, so that is no advice.
    with pytest.raises(
        DivergedError, match=r"far above its start .* for 10 steps.*Lower the learning rate \(10\)\..*step 1 is"
    ):
        drain(run_steps(training))
    entry = run_folder.entry_of(tmp_path / "run")
    assert (entry.state, entry.step, entry.result, entry.best) == (DIVERGED, training.step, "", "")
    assert training.step < 20
    assert all(torch.equal(tensor, before[name]) for name, tensor in story.model.state_dict().items())
    assert story.weights_version == 0 and story.training_step is None


def test_a_loss_that_jumps_and_comes_back_does_not_end_the_run() -> None:
    watch = LossWatch()
    watch.held_out(2.0)
    told = [watch.diverged(step, loss) for step, loss in enumerate([1.8, *[9.0] * 9, 3.9, *[9.0] * 9, 1.5], 1)]
    assert not any(told) and watch.start == 2.0
    assert [watch.diverged(22 + step, 4.01) for step in range(10)] == [False] * 9 + [True]
    assert watch.sound == 20, "the weights after step 20 gave step 21's loss"


def test_out_of_memory_says_what_is_kept(story: LoadedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The optimizer takes its memory at the first step; a batch may come that is larger than those before."""
    settings = FinetuneSettings(max_steps=6, batch_size=4, save_every=1)
    run_folder.make(tmp_path / "first")

    def full(*_: Any) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(torch.optim.AdamW, "step", full)
    with pytest.raises(UserError, match=r"memory for the optimizer of story-gpt.*smaller batch.*no checkpoint yet"):
        drain(Training(story, examples(story), [], settings, tmp_path / "first").steps())
    monkeypatch.undo()
    run_folder.make(tmp_path / "later")
    real = training_module.backward
    calls = iter(range(9))

    def large(loaded: Any, batch: Any, trained: int) -> float:
        if next(calls) == 3:
            raise RuntimeError("[enforce fail at alloc_cpu.cpp:114] DefaultCPUAllocator: not enough memory")
        return real(loaded, batch, trained)

    monkeypatch.setattr(training_module, "backward", large)
    with pytest.raises(UserError, match=r"training story-gpt.*The checkpoint of step 3 is kept"):
        drain(Training(story, examples(story), [], settings, tmp_path / "later").steps())
    assert story.adapter is None and story.training_step is None
    assert all(parameter.grad is None for parameter in story.model.parameters())
    monkeypatch.setattr(memory, "free_bytes", lambda _device: 1 << 20)
    with pytest.raises(UserError, match=r"A full finetune of story-gpt needs .* LoRA takes far less"):
        Training(story, examples(story), [], FinetuneSettings(method="full"), tmp_path).method.begin()


@pytest.mark.parametrize("killed_at", ["mkdir", "save_file", "write_json", "replace", "rmtree"])
def test_killed_while_it_writes_what_was_there_stays(
    story: LoadedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, killed_at: str
) -> None:
    """Whatever call is the last one, both a whole checkpoint and whole best weights are there."""

    class Killed(BaseException):
        pass

    method = LoraMethod(story, FinetuneSettings())
    method.begin()
    optimizer = torch.optim.AdamW([parameter for _, parameter in trainable(story.model)])

    def save(step: int) -> None:
        run_folder.save_checkpoint(tmp_path, step, method.tensors(), optimizer, {"worse": 0})
        run_folder.save_best(tmp_path, step, method.write)

    def die(*_: Any, **__: Any) -> None:
        raise Killed

    save(2)
    stamp = (tmp_path / "checkpoints" / "step-000002" / "state.json").stat().st_mtime_ns
    owner = {"mkdir": Path, "replace": Path, "rmtree": run_folder.shutil}.get(killed_at, run_folder)
    for step in (2, 4):
        with monkeypatch.context() as patch:
            patch.setattr(owner, killed_at, die)
            with contextlib.suppress(Killed):
                save(step)
        assert run_folder.checkpoints(tmp_path)[0] == 2
        run_folder.read_checkpoint(tmp_path, 2)
        best = run_folder.best_in(tmp_path)
        assert best is not None and load_file(best[1] / method.file).keys() == method.tensors().keys()
    assert (tmp_path / "checkpoints" / "step-000002" / "state.json").stat().st_mtime_ns == stamp, "it was not replaced"
    save(4)
    assert run_folder.checkpoints(tmp_path) == [2, 4]
    assert [place.name for place in sorted(tmp_path.glob("best-*"))] == ["best-000004"]
    method.undo()


def test_what_does_not_fit(story: LoadedModel, tmp_path: Path) -> None:
    def begin(**changes: Any) -> None:
        Training(story, examples(story), [], FinetuneSettings(max_steps=1, **changes), tmp_path).method.begin()

    with pytest.raises(UserError, match=r"called nonsense.*c_attn"):
        begin(targets=("nonsense",))
    with pytest.raises(UserError, match="Rank 300 is larger"):
        begin(rank=300)
    with pytest.raises(UserError, match="no example"):
        Training(story, [], [], FinetuneSettings(), tmp_path)
    begin()
    with pytest.raises(UserError, match="carries an adapter already"):
        begin()
    with pytest.raises(UserError, match="no language-modelling head"):
        Training(load("story-bert-sentiment"), examples(story), [], FinetuneSettings(), tmp_path)
    for name, value in (("rank", 0), ("learning_rate", -1), ("schedule", "zigzag"), ("targets", ())):
        with pytest.raises(UserError, match=name):
            FinetuneSettings(**{name: value})


def test_targets_by_role(story: LoadedModel) -> None:
    """Every linear layer is in one group, and what a group's names adapt is that group."""
    assert dict(target_groups(story)) == {
        "Q, K, V": ("c_attn",), "Attention out": ("attn.c_proj",), "MLP": ("c_fc", "mlp.c_proj"),
    }  # fmt: skip
    bert, bart = load("story-bert"), load("bart-en-fr")
    roles = dict(target_groups(bert))
    assert roles["Attention out"] == ("attention.output.dense",) and "intermediate.dense" in roles["MLP"]
    assert roles["Other"] == ("pooler.dense", "transform.dense", "seq_relationship")
    for loaded in (story, bert, bart):
        adapted = [targets_of(loaded, FinetuneSettings(targets=names, rank=2)) for _, names in target_groups(loaded)]
        assert sorted(path for paths in adapted for path in paths) == sorted(linear_modules(loaded))


def test_every_example_is_seen_once_an_epoch() -> None:
    settings = FinetuneSettings(batch_size=4, accumulation=2, epochs=2)
    steps = steps_of(settings, 11)
    first = [next(steps) for _ in range(settings.steps_an_epoch(11))]
    second = [next(steps) for _ in range(settings.steps_an_epoch(11))]
    assert [len(step) for step in first] == [2, 1]
    for epoch in (first, second):
        assert sorted(int(place) for step in epoch for batch in step for place in batch) == list(range(11))
    assert [batch.tolist() for step in first for batch in step] != [batch.tolist() for step in second for batch in step]
    assert settings.steps_of(11) == 4


KILLED = """
import sys
from pathlib import Path
sys.path[:0] = [{root!r}, {tests!r}]
from engine.finetune.test_training import examples
from app.engine.finetune.settings import FinetuneSettings
from app.engine.finetune.sides import Side
from app.engine.finetune.training import Training
from app.engine.finetune import run_folder
from app.engine.models import load
loaded = load("story-gpt")
every = examples(loaded)
folder = Path(sys.argv[1])
run_folder.make(folder)
settings = FinetuneSettings(max_steps=40, learning_rate=2e-3, batch_size=3, save_every=1, held_out=0)
for report in Training(loaded, every, [], settings, folder).steps():
    print(type(report).__name__, flush=True)
"""


def test_killed_at_any_moment_it_goes_on_exactly(tmp_path: Path) -> None:
    root = Path(__file__).resolve().parents[3]
    script = KILLED.format(root=str(root), tests=str(root / "tests"))
    settings = FinetuneSettings(max_steps=40, learning_rate=2e-3, batch_size=3, save_every=1, held_out=0)
    child = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path / "killed")], stdout=subprocess.PIPE, text=True, cwd=root
    )
    assert child.stdout is not None
    for number, _ in enumerate(child.stdout):
        if number == 13:
            break
    time.sleep(0.01)
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    child.stdout.close()
    known = run_folder.checkpoints(tmp_path / "killed")
    assert known and known[-1] < 40
    whole, _ = trained(load("story-gpt"), settings, tmp_path / "whole")
    loaded = load("story-gpt")
    training = Training(loaded, examples(loaded), [], settings, tmp_path / "killed")
    drain(training.steps(from_step=known[-1]))
    assert losses(training.reports) == losses(whole)


def test_a_full_disk_keeps_the_last_checkpoint(
    story: LoadedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = FinetuneSettings(max_steps=10, batch_size=4, save_every=1)
    real = run_folder.save_file

    def full(tensors: Any, path: Path, metadata: Any) -> None:
        if "step-000003" in str(path):
            path.write_bytes(b"half")
            raise OSError(28, "No space left on device")
        real(tensors, path, metadata)

    monkeypatch.setattr(run_folder, "save_file", full)
    run_folder.make(tmp_path / "run")
    with pytest.raises(UserError, match=r"disk of .* is full"):
        drain(Training(story, examples(story), [], settings, tmp_path / "run").steps())
    assert run_folder.checkpoints(tmp_path / "run") == [1, 2]
    run_folder.read_checkpoint(tmp_path / "run", 2)
    with pytest.raises(UserError, match="not empty"):
        run_folder.make(tmp_path / "run")
