"""The loop: steps, looks at what is held out, samples, checkpoints; stopped at any moment, gone on with exactly."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Generator, Sequence
from contextlib import AbstractContextManager
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file

from app.engine.errors import DivergedError, UserError
from app.engine.finetune import run_folder
from app.engine.finetune.batches import batch_of, steps_of
from app.engine.finetune.loss_watch import LossWatch
from app.engine.finetune.methods import Method, method_of, trainable, training_mode
from app.engine.finetune.passes import LESS_MEMORY, backward, held_out_loss, optimizer_of
from app.engine.finetune.records import (
    CheckpointReport,
    Example,
    HeldOutReport,
    Report,
    RunEnd,
    SampleReport,
    StepReport,
)
from app.engine.finetune.samples import answers_to, write_sample
from app.engine.finetune.settings import FinetuneSettings
from app.engine.models.memory import memory_errors

QUICK = 16
"""Batches of held-out examples that are still measured when a person stops the run."""


class Training:
    """One run. `steps` is stepped on the model's lane: each yield is a report, or None between two micro-batches.

    Between yields the model is whole, in eval mode and at its current weights, so others may look at it. `stop` ends
    the run at the next yield and keeps what was learnt; closing the generator throws it away and gives the model back
    as it was. Every random number follows from seed and step, so a run that goes on from a checkpoint makes the same
    losses as one that was never interrupted.
    """

    def __init__(
        self,
        loaded: Any,
        train: Sequence[Example],
        held_out: Sequence[Example],
        settings: FinetuneSettings,
        folder: Path,
    ) -> None:
        if not train:
            raise UserError("There is no example to learn from.", "Choose another file, or hold less out.")
        if loaded.kind == "encoder" and loaded.summary.answer != "masked token":
            raise UserError(
                f"{loaded.summary.name} has no language-modelling head to train.", "Open a checkpoint saved with one."
            )
        self.loaded, self.settings, self.folder = loaded, settings, folder
        self._train, self._held_out = train, held_out
        self.total = settings.steps_of(len(train))
        self.step = 0
        """Optimizer steps done."""
        self.reports: list[Report] = []
        self._best: HeldOutReport | None = None
        self._worse = 0
        """Evaluations since the best one."""
        self._result_step: int | None = None
        self._watch = LossWatch()
        self._stop = False
        self._began = time.perf_counter()
        self._seconds_before = 0.0
        self.method: Method = method_of(loaded, settings, folder)

    def stop(self) -> None:
        """End the run at the next yield and keep what was learnt."""
        self._stop = True

    def steps(self, from_step: int | None = None) -> Generator[Report | None, None, RunEnd]:
        """Train; `from_step` goes on from that checkpoint of the folder. Returns how it ended.

        Raises UserError where it cannot begin and when memory or disk run out, DivergedError when the loss is no number
        any more or stays far above its start.
        """
        ended = False
        if self.loaded.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(self.loaded.device)
        self.method.begin()
        self.loaded.training_step = 0
        try:
            parameters = trainable(self.loaded.model)
            optimizer = optimizer_of(parameters, self.settings)
            if self.settings.checkpointing:
                self.loaded.model.activation_checkpointing_enable({"use_reentrant": False})
            if from_step is not None:
                self._go_on_from(from_step, optimizer)
            reason = yield from self._run(optimizer, [parameter for _, parameter in parameters])
            end = self._end(reason)
            ended = True
            return end
        finally:
            self._put_away()
            if not ended:
                self.method.undo()

    def _run(
        self, optimizer: torch.optim.Optimizer, parameters: list[torch.nn.Parameter]
    ) -> Generator[Report | None, None, str]:
        if self.step == 0:
            yield from self._look()
        batches = islice(steps_of(self.settings, len(self._train)), self.step, None)
        while self.step < self.total:
            if self._stop:
                # What is kept is measured too, unless that would keep the person waiting.
                if self.step and not self._looked() and len(self._held_out) <= QUICK * self.settings.batch_size:
                    worse = self._worse
                    yield from self._measure()
                    # A look of its own is none of those that early stopping counts.
                    self._worse = min(self._worse, worse)
                yield from self._save(optimizer)
                return "stopped"
            yield from self._one_step(next(batches), optimizer, parameters)
            if self.settings.evaluates_after(self.step, self.total):
                yield from self._look()
            if self.settings.saves_after(self.step, self.total):
                yield from self._save(optimizer)
            if self.settings.patience and self._worse >= self.settings.patience:
                yield from self._save(optimizer)
                self._take_best()
                return "stopped early"
        return "done"

    def _one_step(
        self, micro: list[np.ndarray], optimizer: torch.optim.Optimizer, parameters: list[torch.nn.Parameter]
    ) -> Generator[Report | None, None, None]:
        started = time.perf_counter()
        paused = 0.0
        settings, rate = self.settings, self.settings.rate_at(self.step, self.total)
        batches = [
            batch_of(self.loaded, [self._train[place] for place in places], self.step * 65_537 + number, settings.seed)
            for number, places in enumerate(micro)
        ]
        trained = sum(batch.trained for batch in batches)
        total = 0.0
        for number, batch in enumerate(batches):
            if number:
                left = time.perf_counter()
                yield None
                paused += time.perf_counter() - left
                if self._stop:
                    # What was added up so far is no whole step.
                    optimizer.zero_grad(set_to_none=True)
                    return
            with training_mode(self.loaded), torch.random.fork_rng(devices=self._devices()):
                # Dropout follows from the step, whatever ran on this thread in between.
                torch.manual_seed((settings.seed * 1_000_003 + self.step * 65_537 + number) % (1 << 63))
                with self._memory("training"):
                    total += backward(self.loaded, batch, trained)
        if not math.isfinite(total):
            raise self._lost(f"The loss is no number any more at step {self.step + 1:,}.")
        with self._memory("training"):
            norm = float(torch.nn.utils.clip_grad_norm_(parameters, settings.clip or math.inf))
        if not math.isfinite(norm):
            raise self._lost(f"The gradients are no numbers any more at step {self.step + 1:,}.")
        for group in optimizer.param_groups:
            group["lr"] = rate
        with self._memory("the optimizer of"):
            optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        self.step += 1
        self.loaded.weights_moved()
        self.loaded.training_step = self.step
        seconds = time.perf_counter() - started - paused
        epoch = self.step / settings.steps_an_epoch(len(self._train))
        loss = total / max(trained, 1)
        yield self._told(StepReport(self.step, self.total, loss, rate, norm, trained, seconds, epoch))
        if self._watch.diverged(self.step, loss):
            raise self._lost(
                f"The loss has stayed far above its start ({self._watch.start:.2f}) for {self._watch.far} steps: "
                f"{loss:,.2f} at step {self.step:,}."
            )

    def _look(self) -> Generator[Report | None, None, None]:
        """The held-out loss, and what the model writes now for the person's prompts."""
        yield from self._measure()
        yield from self._samples()

    def _measure(self) -> Generator[Report | None, None, None]:
        """The loss over the held-out examples, where there are any."""
        if self._held_out:
            nats = labels = 0.0
            size = self.settings.batch_size
            for start in range(0, len(self._held_out), size):
                with self._memory("evaluating"):
                    found, count = held_out_loss(self.loaded, self._held_out[start : start + size], self.settings.seed)
                nats, labels = nats + found, labels + count
                yield None
            loss = nats / max(labels, 1)
            best = self._best is None or loss < self._best.loss
            report = HeldOutReport(self.step, loss, math.exp(min(loss, 700)), int(labels), best)
            self._worse = 0 if best else self._worse + 1
            self._watch.held_out(loss)
            if best:
                self._best = report
                self._keep_best()
            yield self._told(report)

    def _looked(self) -> bool:
        """Whether the weights as they are were measured."""
        held = [report.step for report in self.reports if isinstance(report, HeldOutReport)]
        return bool(held) and held[-1] == self.step

    def _samples(self) -> Generator[Report | None, None, None]:
        for prompt in self.settings.prompts:
            if answers_to(self.loaded, prompt):
                text = yield from write_sample(self.loaded, prompt, self.settings.seed, self.settings.sample_tokens)
                yield self._told(SampleReport(self.step, prompt, text))

    def _told(self, report: Report) -> Report:
        self.reports.append(report)
        run_folder.log(self.folder, report)
        return report

    # Checkpoints

    def _save(self, optimizer: torch.optim.Optimizer) -> Generator[Report | None, None, None]:
        facts = {
            "best": None if self._best is None else {"step": self._best.step, "loss": self._best.loss},
            "worse": self._worse,
            "seconds": self._seconds(),
        }
        place = run_folder.save_checkpoint(self.folder, self.step, self.method.tensors(), optimizer, facts)
        yield self._told(CheckpointReport(self.step, str(place)))

    def _keep_best(self) -> None:
        """The weights with the lowest held-out loss so far, beside the checkpoints; none before the first step."""
        if self.step:
            run_folder.save_best(self.folder, self.step, self.method.write)

    def _take_best(self) -> None:
        """The best weights for the last ones, which were worse; the last ones are in a checkpoint."""
        found = run_folder.best_in(self.folder)
        if found is not None and self._best is not None and found[0] == self._best.step:
            self.method.load(load_file(found[1] / self.method.file))
            self._result_step = found[0]

    def _go_on_from(self, step: int, optimizer: torch.optim.Optimizer) -> None:
        weights, state, facts = run_folder.read_checkpoint(self.folder, step)
        self.method.load(weights)
        if state:
            run_folder.put_back(optimizer, state)
        self.step = self.loaded.training_step = int(facts["step"])
        self._worse, self._seconds_before = int(facts["worse"]), float(facts["seconds"])
        self.reports = run_folder.read_log(self.folder, self.step)
        run_folder.rewrite_log(self.folder, self.reports)
        held = [report for report in self.reports if isinstance(report, HeldOutReport)]
        self._best = min(held, key=lambda report: report.loss, default=None)
        self._watch = LossWatch.after(self.reports)

    def _kept_words(self) -> str:
        """Which checkpoint is the newest one."""
        kept = run_folder.checkpoints(self.folder)
        return f"The checkpoint of step {kept[-1]:,} is kept." if kept else "There was no checkpoint yet."

    def _lost(self, fact: str) -> DivergedError:
        """What went wrong, and what may help: of what was tried already nothing is said."""
        clipping = "" if self.settings.clip else " or clip gradients"
        return DivergedError(
            fact, f"Lower the learning rate ({self.settings.learning_rate:g}){clipping}. {self._sound_words()}"
        )

    def _sound_words(self) -> str:
        """Which checkpoint is worth going back to: the newest whose weights gave a sound loss."""
        kept = [step for step in run_folder.checkpoints(self.folder) if step <= self._watch.sound]
        return (
            f"The checkpoint of step {kept[-1]:,} is kept." if kept else "No checkpoint is from before it went wrong."
        )

    def _memory(self, what: str) -> AbstractContextManager[None]:
        """Out of memory says what helps, and what is kept."""
        return memory_errors(f"{what} {self.loaded.summary.name}", lambda: f"{LESS_MEMORY} {self._kept_words()}")

    # The end

    def _end(self, reason: str) -> RunEnd:
        held = [report for report in self.reports if isinstance(report, HeldOutReport)]
        return RunEnd(
            reason,
            self.step,
            self.total,
            str(self.folder),
            held[0].loss if held else None,
            held[-1].loss if held else None,
            self._best.loss if self._best is not None else None,
            self._best.step if self._best is not None else None,
            self._seconds(),
            sum(report.tokens for report in self.reports if isinstance(report, StepReport)),
            peak_bytes(self.loaded.device),
            self.step if self._result_step is None else self._result_step,
        )

    def _put_away(self) -> None:
        """Whatever training alone needs."""
        model = self.loaded.model
        self.loaded.training_step = None
        if model is None:
            return
        if self.settings.checkpointing:
            model.activation_checkpointing_disable()
        for parameter in model.parameters():
            parameter.grad = None
        model.eval()

    def _seconds(self) -> float:
        return self._seconds_before + time.perf_counter() - self._began

    def _devices(self) -> list[int]:
        device = self.loaded.device
        return [device.index or 0] if device.type == "cuda" else []


def peak_bytes(device: torch.device) -> int:
    """The most memory that was held: of the GPU since training began, else of the process since its start."""
    if device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(device))
    if sys.platform == "win32":
        import psutil

        return int(psutil.Process().memory_info().peak_wset)
    import resource

    # Linux counts in KiB, macOS in bytes.
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
