"""The loss of an encoder-decoder that translates."""

from __future__ import annotations

import numpy as np
import torch
from transformers import BartForConditionalGeneration

from training.loop import Loss
from training.pairs import EncodedPairs, PairBatch

_LEFT_OUT = -100


def logits_and_labels(model: BartForConditionalGeneration, batch: PairBatch) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits `[pair, token, vocabulary]` with the right words so far given, and what should come `[pair, token]`.

    Padding is −100 among the labels. The decoder begins with the configured start token.
    """
    device = next(model.parameters()).device
    source, target = (torch.from_numpy(side).to(device) for side in (batch.source, batch.target))
    labels = target.masked_fill(target == model.config.pad_token_id, _LEFT_OUT)
    attention = (source != model.config.pad_token_id).long()
    return model(input_ids=source, attention_mask=attention, labels=labels).logits, labels


def translation_loss(
    model: BartForConditionalGeneration, pairs: EncodedPairs, size: int, smoothing: float = 0.1
) -> Loss:
    """Mean nats per target token with label smoothing (Vaswani et al. 2017, section 5.4), `size` pairs a batch."""

    def loss_of(step: int, generator: np.random.Generator) -> tuple[torch.Tensor, int]:
        batch = pairs.draw(size, generator)
        with torch.autocast(next(model.parameters()).device.type, torch.bfloat16):
            logits, labels = logits_and_labels(model, batch)
        loss = torch.nn.functional.cross_entropy(
            logits.flatten(0, 1).float(), labels.flatten(), ignore_index=_LEFT_OUT, label_smoothing=smoothing
        )
        return loss, batch.source.size + batch.target.size

    return loss_of


@torch.inference_mode()
def held_out_loss(model: BartForConditionalGeneration, pairs: EncodedPairs) -> float:
    """Mean nats per target token over all `pairs`, without smoothing."""
    total, count = 0.0, 0
    for first in range(0, len(pairs), 100):
        logits, labels = logits_and_labels(model, pairs.take(range(first, min(first + 100, len(pairs)))))
        total += torch.nn.functional.cross_entropy(
            logits.flatten(0, 1), labels.flatten(), ignore_index=_LEFT_OUT, reduction="sum"
        ).item()
        count += int((labels != _LEFT_OUT).sum())
    return total / count
