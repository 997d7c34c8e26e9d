"""What opening a model takes in memory, from its config and the headers of its weight files alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from app.engine.errors import UserError
from app.engine.models.adapter_folder import is_adapter, read_adapter
from app.engine.models.catalogue import base_folder, resolve
from app.engine.models.devices import choose_device, free_bytes
from app.engine.models.folder import read_json, stored_dtypes, weight_files
from app.engine.models.records import Estimate

TOKENS = 512
"""The length of text that caches and captured tensors are counted for, unless the model's context is shorter."""
PRECISIONS = ("fp32", "fp16", "bf16")
_BYTES = {"fp32": 4, "fp16": 2, "bf16": 2}
STORED = {"F32": "fp32", "F16": "fp16", "BF16": "bf16", "F64": "fp64"}
_FP32 = 4
ADAPTER_BYTES = 4
"""An adapter's numbers are kept in fp32 whatever the model's precision."""


def estimate(ref: str | Path, device: str = "auto", precision: str = "auto", returned: int = 0) -> Estimate:
    """What `load(ref, device, precision)` and inspecting a text of up to 512 tokens take; an adapter with its base.

    `returned` are the bytes that closing the open models gives back. Nothing is allocated. Raises UserError for a
    folder that cannot be opened, as `load` does.
    """
    folder = resolve(ref)
    adapter = read_adapter(folder) if is_adapter(folder) else None
    if adapter is not None:
        folder = base_folder(adapter)
    config = read_json(folder / "config.json")
    counts = stored_dtypes(weight_files(folder))
    stored = STORED.get(next(iter(counts), ""), "other")
    place = choose_device(device)
    used = precision_used(precision, place, stored)
    parameters = sum(counts.values())
    size = _BYTES[used]
    added = adapter.parameters if adapter is not None else 0
    parts = (("Weights", parameters * size + added * ADAPTER_BYTES), *_running(config, size))
    tokens = min(TOKENS, _number(config, "max_position_embeddings", "n_positions") or TOKENS)
    return Estimate(str(ref), parameters + added, place, used, parts, tokens, free_bytes(place), returned, stored)


def precision_used(precision: str, device: str, stored: str) -> str:
    """The precision that "auto" means: fp32 on a CPU, elsewhere the one the weights are stored in."""
    if precision == "auto":
        return "fp32" if device == "cpu" or stored not in _BYTES else stored
    if precision not in PRECISIONS:
        raise UserError(f"“{precision}” is no precision.", "Choose auto, fp32, fp16 or bf16.")
    return precision


def _running(config: dict[str, Any], size: int) -> tuple[tuple[str, int], ...]:
    """Bytes beyond the weights while a text of `TOKENS` is written and inspected.

    Keys and values of every layer; a trace's tensors (per layer and token about ten of the residual width and two of
    the hidden layer's); the logits in fp32 and two layers' worth of scores.
    """
    inner = config.get("text_config", config)
    layers = _number(inner, "num_hidden_layers", "n_layer", "num_layers") or 0
    layers += _number(inner, "decoder_layers", "num_decoder_layers") or 0
    width = _number(inner, "hidden_size", "n_embd", "d_model") or 0
    heads = _number(inner, "num_attention_heads", "n_head", "num_heads", "encoder_attention_heads") or 1
    kv_heads = _number(inner, "num_key_value_heads") or heads
    head_dim = _number(inner, "head_dim", "d_kv") or width // heads
    hidden = _number(inner, "intermediate_size", "n_inner", "ffn_dim", "d_ff", "encoder_ffn_dim") or 4 * width
    vocabulary = _number(inner, "vocab_size") or 0
    tokens = min(TOKENS, _number(inner, "max_position_embeddings", "n_positions") or TOKENS)
    cache = 2 * layers * kv_heads * head_dim * tokens * size
    captured = layers * tokens * (10 * width + 2 * hidden) * size
    working = tokens * vocabulary * _FP32 + 2 * heads * tokens * tokens * _FP32
    return (("KV cache", cache), ("Captured tensors", captured), ("Working", working))


def _number(config: dict[str, Any], *names: str) -> int | None:
    return next((int(config[name]) for name in names if isinstance(config.get(name), int)), None)
