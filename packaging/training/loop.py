"""The training loop on CPU or GPU: Muon and AdamW, warm-up, constant rate, then linear decay; resumable at any step."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from transformers import PreTrainedModel

from training.checkpoint import load_checkpoint, save_checkpoint

BLOCKS = (".h.", ".layer.", ".layers.")
"""What the names of a block's parameters hold, in GPT-2, in BERT and in BART."""


@dataclass(frozen=True)
class Recipe:
    """How long and how fast. `decay` is the share of `steps` at the end over which the rate falls to zero."""

    steps: int
    matrix_rate: float = 5e-3
    other_rate: float = 2e-3
    warmup: int = 100
    decay: float = 0.4
    weight_decay: float = 0.05
    seed: int = 0

    @property
    def decay_start(self) -> int:
        """The first step at which the rate falls."""
        return self.steps - int(self.steps * self.decay)

    def rate(self, step: int) -> float:
        """The multiplier of both learning rates at `step`, 0 to 1 (warm-up, stable, decay: Hu et al. 2024)."""
        decay_steps = max(1, self.steps - self.decay_start)
        return min(1.0, (step + 1) / self.warmup, (self.steps - step) / decay_steps)


Loss = Callable[[int, np.random.Generator], tuple[torch.Tensor, int]]
"""The loss of the batch that a step and its generator draw, and how many tokens the batch holds."""


def optimizers(model: PreTrainedModel, recipe: Recipe) -> list[torch.optim.Optimizer]:
    """Muon (Jordan et al. 2024) for the blocks' weight matrices, AdamW for embeddings, norms and biases."""
    matrices: list[torch.nn.Parameter] = []
    others: list[torch.nn.Parameter] = []
    for name, parameter in model.named_parameters():
        in_block = parameter.ndim == 2 and any(part in name for part in BLOCKS)
        (matrices if in_block else others).append(parameter)
    return [
        torch.optim.Muon(
            matrices,
            lr=recipe.matrix_rate,
            weight_decay=recipe.weight_decay,
            momentum=0.95,
            adjust_lr_fn="match_rms_adamw",
        ),
        torch.optim.AdamW(others, lr=recipe.other_rate, betas=(0.9, 0.95), weight_decay=0.0, fused=True),
    ]


def train(
    model: PreTrainedModel,
    loss_of: Loss,
    recipe: Recipe,
    checkpoint: Path,
    evaluate: Callable[[], str],
    evaluate_every: int = 200,
) -> None:
    """Train `model` in place, resuming from `checkpoint`; every random draw depends on the seed and the step alone."""
    chain = optimizers(model, recipe)
    base_rates = [recipe.matrix_rate, recipe.other_rate]
    first = 0
    if state := load_checkpoint(checkpoint):
        model.load_state_dict(state["model"])
        for optimizer, saved in zip(chain, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        first = state["step"]
        print(f"resumed at step {first}", flush=True)
    started, seen, losses = time.monotonic(), 0, []
    for step in range(first, recipe.steps):
        torch.manual_seed(recipe.seed * 1_000_003 + step)
        model.train()
        loss, tokens = loss_of(step, np.random.default_rng([recipe.seed, step]))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimizer, base in zip(chain, base_rates, strict=True):
            for group in optimizer.param_groups:
                group["lr"] = base * recipe.rate(step)
            optimizer.step()
            optimizer.zero_grad()
        losses.append(loss.item())
        seen += tokens
        done = step + 1
        if done % 20 == 0:
            speed = seen / (time.monotonic() - started)
            print(f"step {done}/{recipe.steps} loss {np.mean(losses[-20:]):.4f} {speed:.0f} tokens/s", flush=True)
        if done % evaluate_every == 0 or done == recipe.steps:
            model.eval()
            print(f"step {done} {evaluate()}", flush=True)
        if done % 50 == 0 or done == recipe.steps:
            saved_states = [optimizer.state_dict() for optimizer in chain]
            save_checkpoint(checkpoint, {"model": model.state_dict(), "optimizers": saved_states, "step": done})
