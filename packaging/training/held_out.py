"""Held-out loss of a causal model, in bits per byte."""

from __future__ import annotations

import math

import numpy as np
import torch
from transformers import PreTrainedModel


@torch.inference_mode()
def bits_per_byte(model: PreTrainedModel, ids: np.ndarray, text_bytes: int, window: int, stride: int) -> float:
    """Sliding windows, each token but the first scored once; windows start at 0, stride, 2·stride…

    A token has at least `window − stride` tokens before it, where the text has that many. The sum of
    −log2 p is divided by the UTF-8 bytes of the whole text, so figures compare across tokenizers.
    """
    model.eval()
    device = next(model.parameters()).device
    nats, scored = 0.0, 1
    for start in range(0, len(ids), stride):
        end = min(start + window, len(ids))
        row = torch.from_numpy(ids[start:end].astype(np.int64)).to(device)[None]
        logits = model(input_ids=row).logits[0].float()
        first = scored - start
        nats += torch.nn.functional.cross_entropy(logits[first - 1 : -1], row[0, first:], reduction="sum").item()
        scored = end
        if end == len(ids):
            break
    return nats / math.log(2) / text_bytes
