"""The loss of a causal language model on windows drawn from several streams."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from transformers import PreTrainedModel

from training.loop import Loss, Recipe
from training.windows import WindowSampler


def causal_loss(
    model: PreTrainedModel,
    sampler: WindowSampler,
    batch: int,
    recipe: Recipe,
    shares: Sequence[float],
    decay_shares: Sequence[float],
) -> Loss:
    """Mean nats per token of the next one. The streams' `shares` hold until the rate decays, then `decay_shares`."""
    device = next(model.parameters()).device

    def loss_of(step: int, generator: np.random.Generator) -> tuple[torch.Tensor, int]:
        now = shares if step < recipe.decay_start else decay_shares
        ids = torch.from_numpy(sampler.batch(batch, now, generator)).to(device)
        with torch.autocast(device.type, torch.bfloat16):
            logits = model(input_ids=ids).logits
        loss = torch.nn.functional.cross_entropy(logits[:, :-1].flatten(0, 1).float(), ids[:, 1:].flatten())
        return loss, ids.numel()

    return loss_of
