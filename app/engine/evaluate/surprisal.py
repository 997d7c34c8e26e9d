"""From logits to what is noted of a token: surprisal, rank, entropy, confidence."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

AT_ONCE = {"cpu": 1 << 18}
AT_ONCE_GPU = 1 << 26
"""Logits that are looked at in one go: on a CPU 1 MB of fp32, so that what the passes leave stays in its cache."""


@dataclass(frozen=True, eq=False)
class Noted:
    """Of every token that was scored; all arrays `[row]`."""

    nats: np.ndarray
    """float64."""
    rank: np.ndarray
    """int32."""
    entropy: np.ndarray
    """float32, nats."""
    confidence: np.ndarray
    """float32."""

    @classmethod
    def joined(cls, parts: list[Noted]) -> Noted:
        """Several, one after the other."""
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in _FIELDS))


_FIELDS = ("nats", "rank", "entropy", "confidence")


def note(logits: torch.Tensor, chosen: torch.Tensor) -> Noted:
    """What `chosen`, int64 `[row]`, cost under `logits`, `[row, vocabulary]` of any precision; computed in fp32.

    Nothing of the size of all logits is made: rows are taken a few at a time. Rank counts the tokens that were
    likelier. A token that the model holds for impossible costs inf; NaN stays NaN for the caller to name.
    """
    step = max(1, AT_ONCE.get(logits.device.type, AT_ONCE_GPU) // logits.shape[-1])
    parts = [_note(logits[at : at + step].float(), chosen[at : at + step]) for at in range(0, len(logits), step)]
    return parts[0] if len(parts) == 1 else Noted.joined(parts)


def _note(logits: torch.Tensor, chosen: torch.Tensor) -> Noted:
    its = logits.gather(-1, chosen[:, None])
    top = logits.amax(-1, keepdim=True)
    rank = (logits > its).sum(-1, dtype=torch.int32)
    shifted = logits - top
    weights = shifted.exp()
    total = weights.sum(-1, keepdim=True)
    moment = torch.linalg.vecdot(weights, shifted)[:, None]
    if moment.isnan().any():
        # Impossible tokens weigh nothing; 0 · −inf made the sum NaN.
        moment = torch.linalg.vecdot(weights, shifted.clamp_min(-1e30))[:, None]
    log_total = total.log()
    nats = (log_total + top - its)[:, 0].double()
    entropy = (log_total - moment / total)[:, 0]
    confidence = (1 / total)[:, 0]
    return Noted(*(each.cpu().numpy() for each in (nats, rank, entropy, confidence)))
