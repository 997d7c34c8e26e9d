"""What a run will take: parameters, memory by parts, seconds a step; measured on a few real examples."""

from __future__ import annotations

import time
from collections.abc import Generator, Sequence
from typing import Any

import torch

from app.engine.finetune.batches import batch_of
from app.engine.finetune.methods import method_of, trainable, training_mode
from app.engine.finetune.passes import backward, summed_loss
from app.engine.finetune.records import Costs, Example, MemoryPart
from app.engine.finetune.settings import LORA, FinetuneSettings
from app.engine.models.devices import free_bytes

PROBES = 3
_ADAM = 8
"""Bytes that AdamW keeps of every trained number: two means in fp32."""


def probe(loaded: Any, examples: Sequence[Example], settings: FinetuneSettings) -> Generator[None, None, Costs]:
    """Put the method in, go through a few batches and back without changing a weight, and take it out again.

    Activations are the bytes that autograd keeps of the longest examples' batch (torch's saved-tensor hooks), so they
    are this model's own; a batch that does not fit raises UserError before a run could fail on it.
    """
    free = free_bytes(str(loaded.device))
    method = method_of(loaded, settings)
    method.begin()
    try:
        parameters = trainable(loaded.model)
        if settings.checkpointing:
            loaded.model.activation_checkpointing_enable({"use_reentrant": False})
        size = min(settings.batch_size, len(examples))
        longest = sorted(examples, key=lambda example: -len(example.ids))[:size]
        yield None
        kept = _kept_bytes(loaded, longest, settings)
        times = []
        for number in range(PROBES):
            yield None
            start = time.perf_counter()
            batch = batch_of(loaded, examples[number * size : (number + 1) * size] or examples[:size], 0, settings.seed)
            with training_mode(loaded):
                backward(loaded, batch, batch.trained)
            times.append(time.perf_counter() - start)
        numbers = sum(parameter.numel() for _, parameter in parameters)
        total = sum(parameter.numel() for parameter in loaded.model.parameters())
        size_of = sum(parameter.numel() * parameter.element_size() for _, parameter in parameters)
        whole = sum(parameter.numel() * parameter.element_size() for parameter in loaded.model.parameters())
        lora = settings.method == LORA
        parts = [MemoryPart("weights", whole - size_of if lora else whole)]
        parts.append(MemoryPart("LoRA and Adam" if lora else "Adam", numbers * _ADAM + (size_of if lora else 0)))
        parts.append(MemoryPart("gradients", size_of))
        if not lora:
            parts.append(MemoryPart("the old weights", whole))
        parts.append(MemoryPart("activations", kept))
        return Costs(
            numbers,
            total,
            tuple(parts),
            free,
            settings.steps_of(len(examples)),
            sorted(times)[len(times) // 2] * settings.accumulation,
            method.targets,
        )
    finally:
        if loaded.model is not None:
            if settings.checkpointing:
                loaded.model.activation_checkpointing_disable()
            for parameter in loaded.model.parameters():
                parameter.grad = None
            method.undo()


def _kept_bytes(loaded: Any, examples: Sequence[Example], settings: FinetuneSettings) -> int:
    """Bytes that one batch keeps for the way back, parameters not counted."""
    own = {parameter.untyped_storage().data_ptr() for parameter in loaded.model.parameters()}
    seen: dict[int, int] = {}

    def note(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            seen[storage.data_ptr()] = storage.nbytes()
        return tensor

    batch = batch_of(loaded, examples, 0, settings.seed)
    with training_mode(loaded), torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        loss = summed_loss(loaded, batch)
    del loss
    return sum(seen.values())
