"""A LoRA step against transformers' Trainer with peft: same examples, same order, time a step and peak memory."""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from app.engine.finetune import run_folder
from app.engine.finetune.records import Example, StepReport
from app.engine.finetune.settings import FinetuneSettings
from app.engine.finetune.training import Training
from app.engine.models import load
from tests.bench.measure import ROOT, Budget, Row, compare, hand_over, megabytes, milliseconds, run_child
from tests.bench.models import STORY, one_thread

STEPS, ROUNDS, LENGTH = 30, 3, 96


def rows(loaded: Any) -> list[Example]:
    """Examples of one length from the sample texts."""
    text = "".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "resources" / "texts").glob("*.txt")))
    ids = np.array(loaded.tokenizer(text, verbose=False)["input_ids"], np.int64)
    cut = [ids[start : start + LENGTH] for start in range(0, len(ids) - LENGTH, 7)]
    return [Example(piece, piece, "") for piece in cut]


def ours(settings: FinetuneSettings) -> float:
    """Seconds a step, the first left out."""
    loaded = load(STORY)
    with tempfile.TemporaryDirectory() as folder:
        run_folder.make(Path(folder) / "run")
        taken = []
        last = time.perf_counter()
        for report in Training(loaded, rows(loaded), [], settings, Path(folder) / "run").steps():
            if isinstance(report, StepReport):
                now = time.perf_counter()
                taken.append(now - last)
                last = now
    return float(np.mean(taken[1:]))


def theirs(settings: FinetuneSettings) -> float:
    """Seconds a step of the Trainer, the first left out."""
    from peft import LoraConfig, get_peft_model
    from transformers import DataCollatorForSeq2Seq, Trainer, TrainerCallback, TrainingArguments

    taken: list[float] = []

    class Clock(TrainerCallback):
        last = 0.0

        def on_step_end(self, *_: Any, **__: Any) -> None:
            now = time.perf_counter()
            taken.append(now - self.last)
            self.last = now

    loaded = load(STORY)
    loaded.tokenizer.pad_token = loaded.tokenizer.eos_token
    examples = [{"input_ids": each.ids.tolist(), "labels": each.labels.tolist()} for each in rows(loaded)]
    config = LoraConfig(
        r=settings.rank, lora_alpha=16, target_modules="all-linear", task_type="CAUSAL_LM", fan_in_fan_out=True
    )
    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            output_dir=folder,
            use_cpu=True,
            report_to="none",
            disable_tqdm=True,
            save_strategy="no",
            per_device_train_batch_size=settings.batch_size,
            learning_rate=settings.learning_rate,
            max_steps=STEPS,
            logging_steps=1,
        )
        model: Any = get_peft_model(loaded.model, config)
        collator = DataCollatorForSeq2Seq(loaded.tokenizer)
        Trainer(
            model=model, args=arguments, train_dataset=examples, data_collator=collator, callbacks=[Clock()]
        ).train()
    return float(np.mean(taken[1:]))


def measure(rounds: int = ROUNDS) -> list[Row]:
    """Each side in a process of its own, in turn, since peak memory belongs to a process."""
    found: dict[str, list[dict[str, float]]] = {"ours": [], "theirs": []}
    for each in range(rounds):
        for name in ("ours", "theirs") if each % 2 else ("theirs", "ours"):
            found[name].append(run_child("finetuning", name))
    rows = []
    for key, show in (("seconds", milliseconds), ("peak", megabytes)):
        numbers = {name: [each[key] for each in found[name]] for name in found}
        what = "a LoRA step, batch 8 × 96 tokens" if key == "seconds" else "peak memory of the process, LoRA"
        limit = Budget(1.05) if key == "seconds" else Budget(1.0)
        rows.append(compare(what, numbers["ours"], "Trainer with peft", numbers["theirs"], limit, show))
    return rows


def one_side(name: str) -> dict[str, float]:
    """What one process measures of itself."""
    one_thread()
    settings = FinetuneSettings(max_steps=STEPS, batch_size=8, evaluate_every=10_000, save_every=10_000, held_out=0)
    seconds = ours(settings) if name == "ours" else theirs(settings)
    return {"seconds": seconds, "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}


if __name__ == "__main__":
    torch.set_num_threads(1)
    if sys.argv[1:]:
        print(json.dumps(one_side(sys.argv[1])))
    else:
        hand_over(measure())
