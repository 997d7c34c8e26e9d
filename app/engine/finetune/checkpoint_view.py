"""The model as it was at a checkpoint, for as long as somebody looks at it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import torch

from app.engine.finetune.run_folder import read_checkpoint


@contextmanager
def at_checkpoint(loaded: Any, folder: Path | None, step: int | None) -> Iterator[None]:
    """The adapter on, with the weights of checkpoint `step` of the run in `folder`; None leaves them as they are.

    For a LoRA run whose adapter is in the model, and for a full one whose weights the model has. Raises UserError where
    the checkpoint cannot be read.
    """
    with loaded.adapter_set(True) if loaded.adapter is not None else nullcontext():
        if folder is None or step is None:
            yield
            return
        weights, _, _ = read_checkpoint(folder, step)
        own = dict(loaded.model.named_parameters())
        named = {_own_name(name, own): tensor for name, tensor in weights.items()}
        before = {name: own[name].detach().clone() for name in named if name in own}
        with loaded.other_weights():
            _write(own, {name: tensor for name, tensor in named.items() if name in own})
            try:
                yield
            finally:
                _write(own, before)


def _own_name(name: str, own: dict[str, Any]) -> str:
    """The parameter that a stored tensor belongs to: peft stores "….lora_A.weight" of "….lora_A.default.weight"."""
    plain = name.removeprefix("base_model.model.")
    if plain in own:
        return plain
    stem, _, last = plain.rpartition(".")
    return f"{stem}.default.{last}"


def _write(own: dict[str, Any], tensors: dict[str, torch.Tensor]) -> None:
    with torch.no_grad():
        for name, tensor in tensors.items():
            own[name].copy_(tensor)
