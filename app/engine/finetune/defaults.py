"""What a run begins with on a model of some size, and why: a small model learns from steps that would ruin a large one.

No torch. `FinetuneSettings` alone has the defaults of a script; these are what the window begins with.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from app.engine.finetune.settings import FULL, LORA, FinetuneSettings

SETTINGS = ("learning_rate", "rank", "alpha", "batch_size", "accumulation", "epochs", "checkpointing")
"""Those that a size decides."""


@dataclass(frozen=True)
class _Size:
    """What fits models of fewer than `below` parameters."""

    below: float
    words: str
    rate: dict[str, float]
    rank: int
    batch_size: int
    accumulation: int
    epochs: float
    checkpointing: bool


_SIZES = (
    # Measured with the two sets that come with the program on story-gpt, 4.3M.
    _Size(3e7, "fewer than 30M parameters", {LORA: 5e-3, FULL: 1e-3}, 8, 8, 1, 3.0, False),
    # Hu et al. 2021, table 11: GPT-2 medium with 2e-4, batch 8, 5 epochs; Trainer's own 5e-5 for all weights.
    _Size(1e9, "30M to 1B parameters", {LORA: 5e-4, FULL: 5e-5}, 8, 8, 1, 3.0, False),
    # Dettmers et al. 2023, table 9: 2e-4 up to 13B; Taori et al. 2023 (Alpaca): 2e-5 for all weights of a 7B.
    _Size(2e10, "1B to 20B parameters", {LORA: 2e-4, FULL: 2e-5}, 16, 2, 8, 1.0, True),
    # The same: 1e-4 for 33B and 65B, and 1e-5 for all weights of a 13B.
    _Size(float("inf"), "20B parameters and more", {LORA: 1e-4, FULL: 1e-5}, 16, 1, 16, 1.0, True),
)


def defaults_for(parameters: int, method: str) -> FinetuneSettings:
    """What the panel begins with for a model of so many parameters."""
    size = _size(parameters)
    return FinetuneSettings(
        method=method,
        learning_rate=size.rate[method],
        rank=size.rank,
        alpha=2.0 * size.rank,
        batch_size=size.batch_size,
        accumulation=size.accumulation,
        epochs=size.epochs,
        checkpointing=size.checkpointing,
    )


def reasons_for(parameters: int, method: str) -> dict[str, str]:
    """A sentence for each of SETTINGS: why it begins where it does."""
    size = _size(parameters)
    large = size.checkpointing
    weights = "LoRA's new matrices" if method == LORA else "weights that already know something"
    return {
        "learning_rate": f"For {size.words}: {weights} take steps of about {size.rate[method]:g}; larger models less.",
        "rank": f"For {size.words}: " + ("wide matrices have room for more." if large else "enough for a style."),
        "alpha": "Twice the rank.",
        "batch_size": f"For {size.words}: "
        + ("the activations of few examples fit beside the weights." if large else "a batch fits, and goes faster."),
        "accumulation": f"With batch {size.batch_size}, {size.batch_size * size.accumulation} examples make a step.",
        "epochs": f"For {size.words}: "
        + ("one look at each example; more learns them by heart." if large else "one look is seldom enough."),
        "checkpointing": f"For {size.words}: "
        + ("without it the activations take more than the weights." if large else "the activations fit without it."),
    }


def moved(settings: FinetuneSettings, before: FinetuneSettings, now: FinetuneSettings) -> dict[str, Any]:
    """What changes of `settings` when other defaults hold: what stood at the old ones."""
    return {name: getattr(now, name) for name in SETTINGS if getattr(settings, name) == getattr(before, name)}


def _size(parameters: int) -> _Size:
    return next(size for size in _SIZES if parameters < size.below)
