"""Independent ways to the same figures, as slow and as plain as they come."""

from __future__ import annotations

import math
from typing import Any

import torch


def one_by_one(loaded: Any, ids: list[int], window: int, stride: int) -> list[float]:
    """nats `[token]`: each token with exactly the context that DESIGN gives it, one full forward pass for each."""
    nats = [math.nan]
    for token in range(1, len(ids)):
        start = 0
        # The first window that reaches beyond the token scores it.
        while start + window <= token:
            start += stride
        with torch.no_grad():
            logits = loaded.model(torch.tensor([ids[start:token]])).logits[0, -1].double()
        nats.append(float(-torch.log_softmax(logits, -1)[ids[token]]))
    return nats


def documented_recipe(model: Any, ids: torch.Tensor, window: int, stride: int) -> tuple[float, int]:
    """(total nats, tokens): the loop of transformers' documentation, "Perplexity of fixed-length models".

    Its known miscount is mended: the model moves the labels by one, so that of the first window's targets one is
    never scored, and multiplying the mean by the number of targets counts it; here the scored ones are counted.
    """
    total, count, before = 0.0, 0, 0
    for start in range(0, ids.shape[1], stride):
        end = min(start + window, ids.shape[1])
        inputs = ids[:, start:end]
        targets = inputs.clone()
        targets[:, : -(end - before)] = -100
        with torch.no_grad():
            loss = model(inputs, labels=targets).loss
        scored = int((targets[:, 1:] != -100).sum())
        total, count, before = total + float(loss) * scored, count + scored, end
        if end == ids.shape[1]:
            break
    return total, count
