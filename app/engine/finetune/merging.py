"""An adapter added to the weights of its base: an ordinary model that needs no peft."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

import torch

from app.engine.errors import UserError
from app.engine.finetune import run_folder
from app.engine.models.adapters import adapted_layers
from app.engine.models.loading import load_steps


def merged(folder: Path, into: Path) -> Generator[Any, None, Path]:
    """Open the adapter in `folder` on its base, add it to the weights, and save model and tokenizer in `into`.

    W' = W + scale · B · A (Hu et al. 2021). Raises UserError where the folder holds no adapter or `into` is not empty.
    """
    steps = load_steps(str(folder), "cpu")
    try:
        while True:
            try:
                yield next(steps)
            except StopIteration as stop:
                loaded = stop.value
                break
    finally:
        steps.close()
    try:
        if loaded.adapter is None:
            raise UserError(f"{folder} holds no adapter to merge.", "Choose the folder of a LoRA run.")
        run_folder.make(into)
        with torch.no_grad():
            for layer in list(adapted_layers(loaded.model)):
                layer.merge(safe_merge=True)
        _replace_layers(loaded.model)
        with run_folder.disk_errors(into):
            loaded.model.save_pretrained(into)
            loaded.tokenizer.save_pretrained(into)
        return into
    finally:
        loaded.unload()


def _replace_layers(model: Any) -> None:
    from app.engine.finetune.methods import detach

    detach(model)
