"""Through the model and back: the loss of a batch, its gradients, and the loss of what is held out."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

import torch
from torch.nn.functional import cross_entropy

from app.engine.finetune.batches import Batch, batch_of
from app.engine.finetune.records import IGNORED, Example
from app.engine.finetune.settings import FinetuneSettings
from app.engine.trace.capture import logits_of

LESS_MEMORY = "Take a smaller batch (with more accumulation), shorter examples, or gradient checkpointing."


def summed_loss(loaded: Any, batch: Batch) -> torch.Tensor:
    """The sum of −ln p over the batch's labels, in nats, fp32 and differentiable.

    Only the rows that have a label are turned into log-probabilities.
    """
    arguments: dict[str, Any] = dict(batch.inputs)
    if "use_cache" in inspect.signature(loaded.model.forward).parameters:
        arguments["use_cache"] = False
    logits = logits_of(loaded.model(**arguments, return_dict=True))
    assert logits is not None, "what cannot be trained was refused before"
    wanted = batch.labels != IGNORED
    return cross_entropy(logits[wanted].float(), batch.labels[wanted], reduction="sum")


def backward(loaded: Any, batch: Batch, trained: int) -> float:
    """Add this batch's gradients of the mean over a step's `trained` tokens; returns the batch's summed loss."""
    loss = summed_loss(loaded, batch)
    (loss / max(trained, 1)).backward()
    return float(loss.detach())


def held_out_loss(loaded: Any, examples: Sequence[Example], seed: int) -> tuple[float, int]:
    """(summed nats, labels) of some held-out examples at once, without gradients."""
    batch = batch_of(loaded, examples, 0, seed)
    with torch.no_grad():
        return float(summed_loss(loaded, batch)), batch.trained


def optimizer_of(parameters: Sequence[tuple[str, torch.nn.Parameter]], settings: FinetuneSettings) -> torch.optim.AdamW:
    """AdamW as transformers' Trainer makes it: no weight decay on biases and norms, which are vectors."""
    groups = [
        {
            "params": [parameter for _, parameter in parameters if parameter.ndim > 1],
            "weight_decay": settings.weight_decay,
        },
        {"params": [parameter for _, parameter in parameters if parameter.ndim <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(
        [group for group in groups if group["params"]],
        lr=settings.learning_rate,
        betas=(0.9, 0.999),
        eps=1e-8,
        fused=True,
    )
