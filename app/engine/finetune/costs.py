"""What a run will take: parameters, memory by parts, seconds a step; measured on a few real examples."""

from __future__ import annotations

import time
from collections.abc import Generator, Sequence
from typing import Any

import torch

from app.engine.finetune.batches import batch_of
from app.engine.finetune.methods import ADAM_BYTES, method_of, trainable, training_mode
from app.engine.finetune.passes import LESS_MEMORY, backward, summed_loss
from app.engine.finetune.records import Costs, Example, MemoryPart
from app.engine.finetune.settings import LORA, FinetuneSettings
from app.engine.models.devices import free_bytes
from app.engine.models.memory import memory_errors

PROBES = 3


def probe(loaded: Any, examples: Sequence[Example], settings: FinetuneSettings) -> Generator[None, None, Costs]:
    """Put the method in, go through a few batches and back without changing a weight, and take it out again.

    Activations are the bytes that autograd keeps of the longest examples' batch (torch's saved-tensor hooks), so they
    are this model's own. One example is tried first: where a batch of such would not fit, or all the rest does not,
    nothing more is run, and the costs say that it is too big. Raises UserError where even one example does not fit.
    """
    free = free_bytes(str(loaded.device))
    size = min(settings.batch_size, len(examples))
    longest = sorted(examples, key=lambda example: -len(example.ids))[:size]
    if settings.method != LORA:
        parts = _parts(loaded, list(loaded.model.parameters()), lora=False)
        if _beside_weights(parts) > free:
            return _costs(loaded, list(loaded.model.parameters()), parts, free, settings, examples)
    method = method_of(loaded, settings)
    method.begin()
    try:
        parameters = [parameter for _, parameter in trainable(loaded.model)]
        parts = _parts(loaded, parameters, settings.method == LORA)
        if settings.checkpointing:
            loaded.model.activation_checkpointing_enable({"use_reentrant": False})
        yield None
        with memory_errors(f"training {loaded.summary.name}", LESS_MEMORY):
            kept = size * _kept_bytes(loaded, longest[:1], settings)
            times: list[float] = []
            if _beside_weights(parts) + kept <= free:
                yield None
                kept = _kept_bytes(loaded, longest, settings)
                for number in range(PROBES):
                    yield None
                    some = examples[number * size : (number + 1) * size] or examples[:size]
                    times.append(_seconds(loaded, some, settings))
        parts = [*parts, MemoryPart("activations", kept)]
        return _costs(loaded, parameters, parts, free, settings, examples, times, method.targets)
    finally:
        if loaded.model is not None:
            if settings.checkpointing:
                loaded.model.activation_checkpointing_disable()
            for parameter in loaded.model.parameters():
                parameter.grad = None
            method.undo()


def _costs(
    loaded: Any, parameters: Sequence[torch.nn.Parameter], parts: Sequence[MemoryPart], free: int,
    settings: FinetuneSettings, examples: Sequence[Example], times: Sequence[float] = (),
    targets: tuple[str, ...] = (),
) -> Costs:  # fmt: skip
    total = sum(parameter.numel() for parameter in loaded.model.parameters())
    seconds = sorted(times)[len(times) // 2] * settings.accumulation if times else 0.0
    numbers = sum(parameter.numel() for parameter in parameters)
    return Costs(numbers, total, tuple(parts), free, settings.steps_of(len(examples)), seconds, targets)


def _parts(loaded: Any, parameters: Sequence[torch.nn.Parameter], lora: bool) -> list[MemoryPart]:
    """What training takes whatever the examples are."""
    numbers = sum(parameter.numel() for parameter in parameters)
    size = sum(parameter.numel() * parameter.element_size() for parameter in parameters)
    whole = sum(parameter.numel() * parameter.element_size() for parameter in loaded.model.parameters())
    parts = [MemoryPart("weights", whole - size if lora else whole)]
    parts.append(MemoryPart("LoRA and Adam" if lora else "Adam", numbers * ADAM_BYTES + (size if lora else 0)))
    parts.append(MemoryPart("gradients", size))
    return parts if lora else [*parts, MemoryPart("the old weights", whole)]


def _beside_weights(parts: Sequence[MemoryPart]) -> int:
    return sum(part.size for part in parts if part.name != "weights")


def _seconds(loaded: Any, examples: Sequence[Example], settings: FinetuneSettings) -> float:
    """How long a batch takes there and back."""
    start = time.perf_counter()
    batch = batch_of(loaded, examples, 0, settings.seed)
    with training_mode(loaded):
        backward(loaded, batch, batch.trained)
    return time.perf_counter() - start


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
