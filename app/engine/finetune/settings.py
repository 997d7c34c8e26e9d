"""How a model is finetuned: every setting with its range, its default and a sentence for people. No torch."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import Any

from app.engine.decode.settings import Knob, checked_number
from app.engine.errors import UserError

LORA, FULL = "lora", "full"
METHODS = (LORA, FULL)
SCHEDULES = ("linear", "cosine", "constant")
ALL_LINEAR = "all-linear"
OUTSIDE = "Other"
"""The layers outside the blocks, as a group of targets; ALL_LINEAR leaves them out where there are others."""
_ALL, _LORA = METHODS, (LORA,)


def _number(
    default: Any,
    label: str,
    text: str,
    bounds: tuple[float | None, float | None],
    slider: tuple[float, float],
    step: float,
    **more: Any,
) -> Any:
    knob = Knob(label, text, bounds[0], bounds[1], slider, step, **{"methods": _ALL, **more})
    return field(default=default, metadata={"knob": knob})


def _other(default: Any, label: str, text: str, methods: tuple[str, ...] = _ALL) -> Any:
    return field(default=default, metadata={"knob": Knob(label, text, methods=methods)})


@dataclass(frozen=True)
class FinetuneSettings:
    """Everything that decides a run, beside its data and its model. Raises UserError naming the field and its range.

    The defaults are those of transformers' Trainer where it has them (AdamW with betas 0.9 and 0.999, eps 1e-8, no
    weight decay, gradients clipped to a norm of 1), with the learning rate and rank usual for LoRA.
    """

    method: str = _other(LORA, "Method", "LoRA learns two thin matrices beside each weight, full changes every weight.")
    max_steps: int | None = _number(
        None,
        "Steps",
        "How many times the weights are changed; empty: as many as the epochs make.",
        (1, 10_000_000),
        (10, 2000),
        1,
    )
    epochs: float = _number(
        1.0, "Epochs", "How often every example is seen; steps win where both are given.", (0.001, 10_000), (1, 20), 1
    )
    learning_rate: float = _number(
        2e-4,
        "Learning rate",
        "How far a step goes: too small learns nothing in the time, too large makes the loss jump.",
        (0, 10),
        (1e-5, 1e-2),
        1e-5,
    )
    batch_size: int = _number(
        8, "Batch size", "Examples that go through the model at once; memory grows with it.", (1, 65_536), (1, 64), 1
    )
    accumulation: int = _number(
        1,
        "Accumulation",
        "Batches whose gradients are added up before one step: a larger batch without its memory.",
        (1, 65_536),
        (1, 16),
        1,
        off=1,
    )
    warmup: float = _number(
        0.03,
        "Warm-up",
        "Share of the steps in which the learning rate rises from 0, while the optimizer finds its scale.",
        (0, 1),
        (0, 0.3),
        0.01,
        off=0.0,
    )
    schedule: str = _other("linear", "Schedule", "How the learning rate falls after warm-up: linear, cosine, constant.")
    rank: int = _number(
        8,
        "Rank r",
        "The thin side of LoRA's matrices: more learns more, and forgets more.",
        (1, 4096),
        (1, 64),
        1,
        methods=_LORA,
    )
    alpha: float = _number(
        16.0,
        "Alpha",
        "Scale of what LoRA adds: α/r, or α/√r with rsLoRA. Twice the rank is usual.",
        (0.001, 65_536),
        (1, 128),
        1,
        methods=_LORA,
    )
    dropout: float = _number(
        0.0,
        "Dropout",
        "Share of LoRA's inputs left out at random, against learning by heart.",
        (0, 0.95),
        (0, 0.5),
        0.01,
        off=0.0,
        methods=_LORA,
    )
    targets: str | tuple[str, ...] = _other(
        ALL_LINEAR, "Adapt", "The layers that get LoRA's matrices: all linear ones, or names of modules.", _LORA
    )
    rslora: bool = _other(
        False, "rsLoRA", "Divide alpha by √r and not by r, so that large ranks learn too (Kalajdzievski 2023).", _LORA
    )
    max_length: int | None = _number(
        None,
        "Longest example",
        "Tokens after which an example is cut; empty: the model's context, at most 1,024.",
        (2, 10_000_000),
        (32, 1024),
        1,
    )
    held_out: float = _number(
        0.1,
        "Held out",
        "Share of the examples that is never learnt from, for telling learning from memory.",
        (0, 0.9),
        (0, 0.5),
        0.01,
        off=0.0,
    )
    seed: int = _number(
        0,
        "Seed",
        "Decides the order of the examples, what is held out and LoRA's first numbers.",
        (0, 2**63 - 1),
        (0, 100),
        1,
    )
    weight_decay: float = _number(
        0.0,
        "Weight decay",
        "Pulls the trained weights towards 0 at every step (AdamW).",
        (0, 1),
        (0, 0.3),
        0.01,
        off=0.0,
    )
    clip: float = _number(
        1.0,
        "Clip gradients",
        "The largest norm of a step's gradient; 0 leaves it as it is.",
        (0, 1e6),
        (0, 5),
        0.1,
        off=0.0,
    )
    checkpointing: bool = _other(
        False, "Gradient checkpointing", "Compute activations again on the way back: less memory, a third more time."
    )
    train_on: str = _other(
        "completion", "Learn from", "The answer alone (completion), or the whole text (all) with its prompt."
    )
    evaluate_every: int | None = _number(
        None,
        "Evaluate every",
        "Steps between looks at the held-out examples; empty: ten in a run.",
        (1, 10_000_000),
        (1, 500),
        1,
    )
    save_every: int | None = _number(
        None,
        "Checkpoint every",
        "Steps between checkpoints; empty: as often as evaluated.",
        (1, 10_000_000),
        (1, 500),
        1,
    )
    patience: int = _number(
        0,
        "Stop early",
        "Evaluations without a better held-out loss after which the run ends; 0: never.",
        (0, 10_000),
        (0, 10),
        1,
        off=0,
    )
    sample_tokens: int = _number(
        32,
        "Sample length",
        "Tokens that the model writes for each of your prompts at every evaluation.",
        (1, 4096),
        (8, 128),
        1,
    )
    prompts: tuple[str, ...] = _other((), "Sample prompts", "What the model goes on from at every evaluation.")

    def __post_init__(self) -> None:
        for item in fields(self):
            knob: Knob = item.metadata["knob"]
            if knob.step is not None:
                object.__setattr__(
                    self, item.name, checked_number(item.name, getattr(self, item.name), item.default, knob)
                )
        _one_of("method", self.method, METHODS)
        _one_of("schedule", self.schedule, SCHEDULES)
        _one_of("train_on", self.train_on, ("completion", "all"))
        if not isinstance(self.targets, str):
            object.__setattr__(self, "targets", tuple(str(name) for name in self.targets))
        if not self.targets:
            raise UserError("targets is empty; it must name a module, or be “all-linear”.")
        object.__setattr__(self, "prompts", tuple(str(prompt) for prompt in self.prompts))

    def steps_of(self, examples: int) -> int:
        """How many optimizer steps a run over so many examples takes; a last smaller batch counts."""
        if self.max_steps is not None:
            return self.max_steps
        return max(1, math.ceil(self.epochs * self.steps_an_epoch(examples)))

    def steps_an_epoch(self, examples: int) -> int:
        """Optimizer steps in which every example is seen once."""
        batches = math.ceil(examples / self.batch_size)
        return max(1, math.ceil(batches / self.accumulation))

    def rate_at(self, step: int, steps: int) -> float:
        """The learning rate of step `step`, counted from 0, of `steps`: that of transformers' schedules."""
        warm = math.ceil(self.warmup * steps)
        if step < warm:
            return self.learning_rate * step / max(1, warm)
        done = (step - warm) / max(1, steps - warm)
        if self.schedule == "linear":
            return self.learning_rate * max(0.0, 1.0 - done)
        if self.schedule == "cosine":
            return self.learning_rate * max(0.0, 0.5 * (1.0 + math.cos(math.pi * done)))
        return self.learning_rate

    def evaluates_after(self, step: int, steps: int) -> bool:
        """Whether the held-out examples are looked at after `step` steps."""
        every = self.evaluate_every or max(1, math.ceil(steps / 10))
        return step == steps or step % every == 0

    def saves_after(self, step: int, steps: int) -> bool:
        """Whether a checkpoint is written after `step` steps."""
        if self.save_every is None:
            return self.evaluates_after(step, steps)
        return step == steps or step % self.save_every == 0


def knobs() -> Mapping[str, Knob]:
    """The knob of every setting, by field name, in the order they stand."""
    return MappingProxyType({item.name: item.metadata["knob"] for item in fields(FinetuneSettings)})


def _one_of(name: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise UserError(f"{name} is {value!r}; it must be one of {', '.join(known)}.")
