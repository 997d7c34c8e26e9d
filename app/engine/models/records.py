"""What a loaded model is, in records that need no torch."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ModelSummary:
    """The sizes and facts of one loaded model that the window shows."""

    ref: str
    name: str
    family: str
    """The config's `model_type`, for instance "gpt2"."""
    architecture: str
    """The class transformers built, for instance "GPT2LMHeadModel"."""
    kind: str
    """"decoder", "encoder" or "encoder-decoder"."""
    parameters: int
    block_parameters: tuple[int, ...]
    """Parameters of each block, `[layer]`."""
    precision: str
    """"fp32", "fp16" or "bf16"."""
    device: str
    context: int | None
    """The most tokens the model's positions allow, None when the config names no limit."""
    vocabulary: int
    layers: int
    heads: int
    kv_heads: int
    width: int
    head_dim: int
    mlp_width: int | None
    position: str
    """"learned table", "rotary" or what else the family uses, in words."""


@dataclass(frozen=True)
class LoadProgress:
    """What loading does next, and the share done so far, 0 to 1."""

    doing: str
    fraction: float
