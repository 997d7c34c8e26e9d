"""What a run leaves: an adapter folder as peft writes it, or a model folder, with a card that tells how it was made."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from safetensors.torch import load_file

from app.engine.finetune import run_folder
from app.engine.finetune.methods import LoraMethod
from app.engine.finetune.records import HeldOutReport, Report, RunEnd, SampleReport
from app.engine.finetune.settings import LORA, FinetuneSettings
from app.engine.finetune.training import Training

PACKAGES = ("torch", "transformers", "peft", "numpy")


def versions() -> dict[str, str]:
    """Of the libraries that decide the numbers."""
    return {name: version(name) for name in PACKAGES}


def write_result(training: Training, end: RunEnd, facts: dict[str, Any]) -> None:
    """Put the adapter, or the model, and its card into the run's folder."""
    folder, loaded = training.folder, training.loaded
    with run_folder.disk_errors(folder):
        if isinstance(training.method, LoraMethod):
            training.method.write(folder)
            adapter = replace(loaded.adapter, folder=str(folder))
            loaded.take_adapter(adapter, loaded.adapter_switch)
        else:
            loaded.model.save_pretrained(folder, safe_serialization=True)
            loaded.tokenizer.save_pretrained(folder)
            _write_best(training, end)
            _is_now(loaded, folder)
        (folder / "README.md").write_text(_card(training, end, facts), encoding="utf-8")


def _write_best(training: Training, end: RunEnd) -> None:
    """The best weights as a model for transformers too, where the result has others."""
    found, method, model = run_folder.best_in(training.folder), training.method, training.loaded.model
    if found is None or found[0] == end.result_step:
        return
    method.load(load_file(found[1] / method.file))
    try:
        model.save_pretrained(found[1], safe_serialization=True)
        training.loaded.tokenizer.save_pretrained(found[1])
    finally:
        # Every run ends with a checkpoint.
        method.load(run_folder.read_checkpoint(training.folder, training.step)[0])


def _is_now(loaded: Any, folder: Path) -> None:
    """A model whose own weights were trained is the one in the run's folder from now on."""
    loaded.summary = replace(loaded.summary, ref=str(folder), name=folder.name)
    loaded.folder = folder
    loaded.model.name_or_path = loaded.model.config.name_or_path = str(folder)
    loaded.tokenizer.name_or_path = str(folder)


def _card(training: Training, end: RunEnd, facts: dict[str, Any]) -> str:
    """The card in the form that the hub reads: facts on top, then words."""
    settings, loaded = training.settings, training.loaded
    what = "LoRA adapter" if settings.method == LORA else "Full finetune"
    data = facts.get("data", {})
    held = [report for report in training.reports if isinstance(report, HeldOutReport)]
    top = {
        "base_model": str(facts.get("base", loaded.summary.ref)),
        **({"library_name": "peft"} if settings.method == LORA else {"library_name": "transformers"}),
    }
    lines = ["---", *(f"{name}: {json.dumps(value)}" for name, value in top.items()), "---", ""]
    lines += [f"# {training.folder.name}", "", f"{what} of `{top['base_model']}`, made with Unembed.", ""]
    lines += ["## Data", "", f"- {data.get('name', '')}: {data.get('usable', '')} usable records"]
    lines += [f"- sha256 of all records: `{data.get('hash', '')}`", ""]
    lines += ["## Run", "", f"- {end.reason} after {end.step:,} of {end.steps:,} steps, {end.seconds:,.0f} s"]
    if end.first_held_out is not None and end.last_held_out is not None and end.best_held_out is not None:
        lines.append(
            f"- held-out loss {end.first_held_out:.4f} → {end.last_held_out:.4f} nats per token, "
            f"best {end.best_held_out:.4f} at step {end.best_step}"
        )
    if end.result_step is not None and end.result_step != end.step:
        lines.append(f"- these are the weights after step {end.result_step:,}, the best")
    if end.peak_bytes:
        lines.append(f"- at most {end.peak_bytes / 1e9:.2f} GB {_whose_memory(loaded.device)}")
    lines += ["", "| step | held-out loss | perplexity |", "| --- | --- | --- |"]
    lines += [f"| {report.step:,} | {report.loss:.4f} | {report.perplexity:.2f} |" for report in held]
    lines += ["", "## Settings", "", "```json", json.dumps(_plain(settings), indent=1), "```", ""]
    lines += ["## Samples", "", *_samples(training.reports), ""]
    lines += ["## Versions", "", *(f"- {name} {number}" for name, number in versions().items()), ""]
    lines += ["The losses of every step are in `log.jsonl`.", ""]
    return "\n".join(lines)


def _whose_memory(device: Any) -> str:
    return "of the GPU's memory" if device.type == "cuda" else "held by the whole process since its start"


def _samples(reports: list[Report]) -> list[str]:
    samples = [report for report in reports if isinstance(report, SampleReport)]
    return [f"- step {each.step:,}: {json.dumps(each.prompt + each.text, ensure_ascii=False)}" for each in samples]


def _plain(settings: FinetuneSettings) -> dict[str, Any]:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(settings).items()}
