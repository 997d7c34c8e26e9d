"""A model in memory."""

from __future__ import annotations

import gc
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from app.engine.models.parts import Anatomy
from app.engine.models.records import ModelSummary


@dataclass(eq=False)
class LoadedModel:
    """One loaded model: transformers' own model and tokenizer, in eval mode, with what Unembed knows about them."""

    model: Any
    """The transformers model, default attention, eval mode; None after `unload`."""
    tokenizer: Any
    family: str
    kind: str
    folder: Path
    anatomy: Anatomy
    summary: ModelSummary
    _unloaded: bool = field(default=False, repr=False)

    @property
    def device(self) -> torch.device:
        """Where the embeddings lie, hence where input ids go."""
        return self.model.get_input_embeddings().weight.device

    def unload(self) -> None:
        """Give the memory back. The record stays readable; anything that needs weights fails afterwards."""
        if self._unloaded:
            return
        self._unloaded = True
        on_cuda = self.device.type == "cuda"
        self.model = None
        # Where the collector is switched off, whoever did so collects on a thread of his choice.
        if gc.isenabled():
            gc.collect()
        if on_cuda:
            torch.cuda.empty_cache()
