"""A whole run by the plain function: its folder opens in plain peft and transformers, its card says how it was made."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import torch

from app.engine.errors import Cancelled, UserError
from app.engine.evaluate import perplexity
from app.engine.finetune import FinetuneSettings, finetune, run_folder
from app.engine.finetune.changes import changes_of
from app.engine.finetune.dataset import read_dataset
from app.engine.finetune.domains import measure_forgetting
from app.engine.finetune.merging import merged
from app.engine.finetune.records import LEARNT, Forgetting, HeldOutReport, RunEnd, SampleReport, StepReport
from app.engine.finetune.run import begun, gone_on, run_steps
from app.engine.finetune.run_lock import in_use, locked
from app.engine.finetune.sides import BEFORE, Side
from app.engine.models import load
from app.engine.texts.records import FILE, PASTED, TextSource
from app.engine.trace import trace
from app.engine.trace.recipe import recipe

PAIRS = [("The colour of the sky is", " blue."), ("The colour of grass is", " green."), ("A dog says", " woof.")] * 6


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = tmp_path / "pairs.jsonl"
    path.write_text(
        "".join(json.dumps({"prompt": f"{number}: {prompt}", "completion": answer}) + "\n"
                for number, (prompt, answer) in enumerate(PAIRS)),
        encoding="utf-8",
    )  # fmt: skip
    return path


def stopped(loaded: Any, data: Path, settings: FinetuneSettings, folder: Path, step: int) -> RunEnd:
    """A run that is stopped after a step and kept."""
    source = TextSource(FILE, data.name, path=str(data))
    training = begun(loaded, drained(read_dataset(loaded, source, settings)), source, settings, folder)
    steps = run_steps(training)
    while not (isinstance(report := next(steps), StepReport) and report.step == step):
        pass
    training.stop()
    return drained(steps)


def drained(steps: Any) -> Any:
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            return stop.value


def losses(folder: Path) -> list[float]:
    return [report.loss for report in run_folder.read_log(folder) if isinstance(report, StepReport)]


def logits_of(model: Any, ids: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        return model(ids).logits


@pytest.mark.filterwarnings("ignore")
def test_the_result_is_an_ordinary_adapter(tmp_path: Path, data: Path) -> None:
    from peft import PeftModel

    loaded, out = load("story-gpt"), tmp_path / "new" / "run"
    heard: list[StepReport] = []
    settings = FinetuneSettings(max_steps=6, learning_rate=5e-3, batch_size=4, prompts=("A dog",), sample_tokens=4)
    end = finetune(loaded, data, settings, out, heard.append)
    assert [report.step for report in heard] == [1, 2, 3, 4, 5, 6]
    assert heard[-1].loss < heard[0].loss
    assert end.reason == "done" and end.first_held_out is not None and end.last_held_out < end.first_held_out
    ids = loaded.tokenizer("A dog says", return_tensors="pt")["input_ids"]
    ours = logits_of(loaded.model, ids)
    plain = PeftModel.from_pretrained(load("story-gpt").model, str(out)).eval()
    assert torch.equal(logits_of(plain, ids), ours)
    again = load(out)
    assert torch.equal(logits_of(again.model, ids), ours)
    assert again.summary.adapter_of == "story-gpt"
    card = (out / "README.md").read_text(encoding="utf-8")
    run = json.loads((out / "run.json").read_text(encoding="utf-8"))
    assert run["state"] == "done" and run["data"]["hash"] in card
    assert "library_name" in card and "held-out loss" in card and '"rank": 8' in card
    assert f"{end.first_held_out:.4f}" in card
    assert run_folder.entry_of(out).best_held_out == end.best_held_out
    t = trace(loaded, "A dog says")
    assert torch.equal(t.logits, ours[0]), "names and numbers hold for a model that was trained while it is open"
    with pytest.raises(UserError, match=r"not empty.*or go on with the run that is in it"):
        finetune(load("story-gpt"), data, settings, out)


@pytest.mark.filterwarnings("ignore")
def test_merged_it_is_an_ordinary_model(tmp_path: Path, data: Path) -> None:
    loaded, out = load("story-gpt"), tmp_path / "run"
    finetune(loaded, data, FinetuneSettings(max_steps=3, learning_rate=5e-3, batch_size=4, held_out=0), out)
    steps = merged(out, tmp_path / "merged")
    for _ in steps:
        pass
    ids = loaded.tokenizer("A dog says", return_tensors="pt")["input_ids"]
    whole = load(tmp_path / "merged")
    assert whole.adapter is None
    torch.testing.assert_close(logits_of(whole.model, ids), logits_of(loaded.model, ids), atol=2e-4, rtol=1e-4)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("model", "method"), [("story-bert", "lora"), ("bart-en-fr", "lora"), ("bart-en-fr", "full")])
def test_the_other_kinds_learn_too(tmp_path: Path, data: Path, model: str, method: str) -> None:
    loaded = load(model)
    heard: list[float] = []
    settings = FinetuneSettings(
        method=method, max_steps=25, learning_rate=5e-3 if method == "lora" else 1e-3, batch_size=8, held_out=0.2,
        prompts=("The [MASK] says [MASK].", "No gap here") if model == "story-bert" else (),
    )  # fmt: skip
    end = finetune(loaded, data, settings, tmp_path / "run", lambda report: heard.append(report.loss))
    assert sum(heard[-5:]) < sum(heard[:5])
    assert end.last_held_out is not None and end.first_held_out is not None
    assert end.last_held_out < end.first_held_out
    samples = [each for each in run_folder.read_log(tmp_path / "run") if isinstance(each, SampleReport)]
    if loaded.kind == "encoder":
        # Gaps are filled; where there is none, there is nothing that a masked model could write.
        assert {each.prompt for each in samples} == {"The [MASK] says [MASK]."}
        assert all(re.fullmatch(r"The \S+ says \S+\.", each.text) and "[" not in each.text for each in samples)
    again = load(tmp_path / "run")
    inputs = dict(loaded.tokenizer("The colour of grass is", return_tensors="pt"))
    inputs = {name: value for name, value in inputs.items() if name in ("input_ids", "attention_mask")}
    with torch.no_grad():
        first, second = loaded.model(**inputs), again.model(**inputs)
    assert torch.equal(first[0], second[0])


def test_cancelled_nothing_stays(tmp_path: Path, data: Path) -> None:
    loaded = load("story-gpt")
    heard: list[StepReport] = []
    with pytest.raises(Cancelled):
        finetune(loaded, data, FinetuneSettings(max_steps=50), tmp_path / "run", heard.append, lambda: len(heard) >= 2)
    assert len(heard) == 2
    assert loaded.adapter is None
    assert not any("lora" in name for name, _ in loaded.model.named_parameters())


def test_a_run_goes_on_with_its_own_model_and_data_only(tmp_path: Path, data: Path) -> None:
    folder, heard = tmp_path / "run", list[StepReport]()
    settings = FinetuneSettings(max_steps=6, batch_size=4, save_every=2)
    with pytest.raises(Cancelled):
        finetune(load("story-gpt"), data, settings, folder, heard.append, lambda: len(heard) >= 5)

    def resumed(model: str) -> Any:
        steps = gone_on(load(model), folder)
        while True:
            try:
                next(steps)
            except StopIteration as stop:
                return stop.value

    with pytest.raises(UserError, match="belongs to story-gpt"):
        resumed("story-bert")
    training, step = resumed("story-gpt")
    assert step == 4
    steps = run_steps(training, step)
    for _ in steps:
        pass
    assert run_folder.entry_of(folder).state == "done"
    assert [report.step for report in training.reports if isinstance(report, StepReport)] == [1, 2, 3, 4, 5, 6]
    data.write_text(data.read_text(encoding="utf-8") + '{"prompt": "x", "completion": " y"}\n', encoding="utf-8")
    with pytest.raises(UserError, match="no longer the file"):
        resumed("story-gpt")


def test_a_full_finetune_as_it_was_at_a_checkpoint(tmp_path: Path, data: Path) -> None:
    loaded, folder = load("story-gpt"), tmp_path / "run"
    settings = FinetuneSettings(method="full", max_steps=4, learning_rate=1e-3, batch_size=4, save_every=2)
    finetune(loaded, data, settings, folder)
    ids = loaded.tokenizer("A dog says", return_tensors="pt")["input_ids"]
    now = logits_of(loaded.model, ids)
    with Side(loaded, 2, folder).entered():
        assert not torch.equal(logits_of(loaded.model, ids), now)
    assert torch.equal(logits_of(loaded.model, ids), now)
    before, untouched = Side(loaded, BEFORE, folder), load("story-gpt")
    with before.entered():
        assert torch.equal(logits_of(loaded.model, ids), logits_of(untouched.model, ids)), "before is the base"
    assert torch.equal(logits_of(loaded.model, ids), now)
    moved = {change.path: change for change in changes_of(before, Side(loaded))}
    name = "transformer.h.1.mlp.c_fc"
    new, old = (model.model.get_parameter(f"{name}.weight").detach() for model in (loaded, untouched))
    assert moved[name].norm == pytest.approx(float((new - old).norm()), rel=1e-5)
    assert moved[name].relative == pytest.approx(float((new - old).norm() / old.norm()), rel=1e-5)
    with pytest.raises(UserError, match="not the result of a run"):
        Side(untouched, 2).entered().__enter__()


def test_the_model_as_it_was_at_a_checkpoint(tmp_path: Path, data: Path) -> None:
    loaded, folder = load("story-gpt"), tmp_path / "run"
    finetune(loaded, data, FinetuneSettings(max_steps=4, learning_rate=5e-3, batch_size=4, save_every=2), folder)
    ids = loaded.tokenizer("A dog says", return_tensors="pt")["input_ids"]
    now = logits_of(loaded.model, ids)
    with Side(loaded, 4, folder).entered():
        assert torch.equal(logits_of(loaded.model, ids), now)
    with Side(loaded, 2, folder).entered():
        assert not torch.equal(logits_of(loaded.model, ids), now)
    assert torch.equal(logits_of(loaded.model, ids), now)
    # From one checkpoint to another, against what peft puts into each weight.
    moved, states = changes_of(Side(loaded, 2, folder), Side(loaded, 4, folder)), []
    layer = loaded.model.get_submodule("transformer.h.0.mlp.c_fc")
    for step in (2, 4):
        with Side(loaded, step, folder).entered():
            states.append(layer.get_delta_weight("default").detach().clone())
    assert len(moved) == 16
    told = next(change for change in moved if change.path == "transformer.h.0.mlp.c_fc")
    assert told.norm == pytest.approx(float((states[1] - states[0]).norm()), rel=1e-3)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("method", ["lora", "full"])
def test_stopped_and_kept_it_goes_on_in_the_model_that_carries_it(tmp_path: Path, data: Path, method: str) -> None:
    """With the losses of a run that was never stopped; thrown away then, the model is as it was: with what was kept."""
    rate = 5e-3 if method == "lora" else 1e-3
    settings = FinetuneSettings(method=method, max_steps=5, learning_rate=rate, batch_size=4, evaluate_every=9)
    finetune(load("story-gpt"), data, settings, tmp_path / "whole")
    loaded, folder = load("story-gpt"), tmp_path / "run"
    assert stopped(loaded, data, settings, folder, 3).step == 3
    ids = loaded.tokenizer("A dog says", return_tensors="pt")["input_ids"]
    kept = logits_of(loaded.model, ids)
    for model in (loaded, load(folder))[: 2 if method == "lora" else 1]:
        summary = model.summary
        training, step = drained(gone_on(model, folder))
        assert step == 3
        steps = run_steps(training, step)
        next(steps)
        with pytest.raises(UserError, match="Another program is training"):
            drained(gone_on(model, folder))
        steps.close()
        assert not in_use(folder)
        assert torch.equal(logits_of(model.model, ids), kept) and model.summary == summary
        assert (model.adapter is not None) == (method == "lora")
    training, step = drained(gone_on(loaded, folder))
    assert drained(run_steps(training, step)).reason == "done"
    assert losses(folder) == losses(tmp_path / "whole")
    again = load(folder)
    assert torch.equal(logits_of(again.model, ids), logits_of(loaded.model, ids))
    assert json.loads((folder / "run.json").read_text(encoding="utf-8"))["base"] == "story-gpt"
    with locked(folder), pytest.raises(UserError, match="Another program"), locked(folder):
        pass


@pytest.mark.filterwarnings("ignore")
def test_an_adapter_on_a_full_finetune_names_it_as_its_base(tmp_path: Path, data: Path) -> None:
    """And the best weights of the full one open as a model of their own."""
    loaded, full, lora = load("story-gpt"), tmp_path / "full", tmp_path / "lora"
    settings = FinetuneSettings(method="full", max_steps=8, learning_rate=0.02, schedule="constant", batch_size=8,
                                warmup=0, held_out=0.3, evaluate_every=1, save_every=8)  # fmt: skip
    end = finetune(loaded, data, settings, full)
    ids = loaded.tokenizer("A dog says", return_tensors="pt")["input_ids"]
    now = logits_of(loaded.model, ids)
    assert (loaded.summary.ref, loaded.summary.name) == (str(full), "full")
    assert torch.equal(logits_of(load(full).model, ids), now), "writing the best left the last in the model"
    assert end.result_step == 8 and end.peak_bytes > 50e6
    entry = run_folder.entry_of(full)
    assert entry.best_step == end.best_step and entry.best_step not in (0, 8), "it was too fast towards the end"
    best = load(entry.best)
    assert not torch.equal(logits_of(best.model, ids), now)
    assert f"folder = {str(full)!r}" in recipe(trace(loaded, "A dog"), "logits", "A dog")
    finetune(loaded, data, FinetuneSettings(max_steps=3, learning_rate=5e-3, batch_size=4, held_out=0), lora)
    assert json.loads((lora / "adapter_config.json").read_text(encoding="utf-8"))["base_model_name_or_path"] == str(
        full
    )
    assert json.loads((lora / "run.json").read_text(encoding="utf-8"))["base"] == str(full)
    assert torch.equal(logits_of(load(lora).model, ids), logits_of(loaded.model, ids))


def test_what_is_forgotten_is_measured_on_both_sides(tmp_path: Path, data: Path) -> None:
    loaded, folder, old = load("story-gpt"), tmp_path / "run", "Once upon a time, there was a little dog named Max."
    finetune(loaded, data, FinetuneSettings(max_steps=12, learning_rate=1e-2, held_out=0.1), folder)
    between: list[bool] = []
    steps = measure_forgetting((Side(loaded, BEFORE), Side(loaded)), [folder], TextSource(PASTED, "dog", text=old))
    while True:
        try:
            next(steps)
            between.append(loaded.adapter_active)
        except StopIteration as stop:
            found: Forgetting = stop.value
            break
    assert between and all(between), "between two steps the model is as it is"
    # The new texts: what the run itself said of them, before and after; of the old ones every token counts.
    looks = [report for report in run_folder.read_log(folder) if isinstance(report, HeldOutReport)]
    assert found.new is not None and found.new.texts == "2 held-out texts of pairs.jsonl"
    assert found.new.perplexities == pytest.approx((looks[0].perplexity, looks[-1].perplexity), rel=1e-5)
    assert (found.new.tokens, found.new.objective) == (looks[0].tokens, LEARNT)
    assert found.old is not None and found.old.texts == "dog"
    with loaded.adapter_set(False):
        before = perplexity(loaded, old).perplexity
    after = perplexity(loaded, old).perplexity
    assert found.old.perplexities == pytest.approx((before, after), rel=1e-6)
    assert looks[-1].loss < looks[0].loss and after > before, "the new was learnt, and some of the old forgotten"


@pytest.mark.parametrize("name", ["story-gpt", "story-bert"])
def test_the_new_figure_is_the_runs_own_for_texts_and_a_masked_model_too(name: str, tmp_path: Path) -> None:
    data, folder, loaded = tmp_path / "texts.jsonl", tmp_path / "run", load(name)
    lines = [json.dumps({"text": f"{number}. The dog ran to the big red house."}) for number in range(12)]
    data.write_text("\n".join(lines), encoding="utf-8")
    settings = FinetuneSettings(method="full", max_steps=2, learning_rate=1e-3, held_out=0.4, batch_size=2, seed=3)
    finetune(loaded, data, settings, folder)
    found: Forgetting = drained(measure_forgetting((Side(loaded, BEFORE, folder), Side(loaded)), [folder], None))
    looks = [report for report in run_folder.read_log(folder) if isinstance(report, HeldOutReport)]
    assert found.new is not None and found.new.tokens == looks[-1].tokens
    assert found.new.perplexities == pytest.approx((looks[0].perplexity, looks[-1].perplexity), rel=1e-5)
