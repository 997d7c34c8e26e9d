"""What a run will take: parameters, memory by parts, seconds a step; measured on a few real examples."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch

from app.engine.finetune.batches import batch_of
from app.engine.finetune.methods import ADAM_BYTES, Method, method_of, trainable, training_mode
from app.engine.finetune.passes import LESS_MEMORY, backward, summed_loss
from app.engine.finetune.records import Costs, Example, MemoryPart
from app.engine.finetune.settings import LORA, FinetuneSettings
from app.engine.models.devices import free_bytes
from app.engine.models.memory import memory_errors

PROBES = 3


def probe(loaded: Any, examples: Sequence[Example], settings: FinetuneSettings) -> Generator[None, None, Costs]:
    """Go through a few batches and back without changing a weight; between two steps the model is as it was.

    Activations are the bytes that autograd keeps of the longest examples' batch (torch's saved-tensor hooks), so they
    are this model's own. One example is tried first: where a batch of such would not fit, or all the rest does not,
    nothing more is run, and the costs say that it is too big. Raises UserError where even one example does not fit.
    """
    free = free_bytes(str(loaded.device))
    size = min(settings.batch_size, len(examples))
    longest = sorted(examples, key=lambda example: -len(example.ids))[:size]
    own = list(loaded.model.parameters())
    if settings.method != LORA:
        parts = _parts(loaded, own, lora=False)
        if _beside_weights(parts) > free:
            return _costs((_count(own), _count(own)), parts, free, settings, examples)
    with _put_in(loaded, settings) as method:
        parameters = [parameter for _, parameter in trainable(loaded.model)]
        counts = _count(parameters), _count(loaded.model.parameters())
        parts, targets = _parts(loaded, parameters, settings.method == LORA), method.targets
        kept = size * _kept_bytes(loaded, longest[:1], settings)
    times: list[float] = []
    if _beside_weights(parts) + kept <= free:
        yield None
        with _put_in(loaded, settings):
            kept = _kept_bytes(loaded, longest, settings)
        for number in range(PROBES):
            yield None
            some = examples[number * size : (number + 1) * size] or examples[:size]
            with _put_in(loaded, settings):
                times.append(_seconds(loaded, some, settings))
    parts = [*parts, MemoryPart("activations", kept)]
    return _costs(counts, parts, free, settings, examples, times, targets)


@contextmanager
def _put_in(loaded: Any, settings: FinetuneSettings) -> Iterator[Method]:
    """The model as it is trained. Never across a yield: whoever looks in between finds the model as it is."""
    with memory_errors(f"training {loaded.summary.name}", LESS_MEMORY):
        method = method_of(loaded, settings)
        method.begin()
        try:
            if settings.checkpointing:
                loaded.model.activation_checkpointing_enable({"use_reentrant": False})
            yield method
        finally:
            if loaded.model is not None:
                if settings.checkpointing:
                    loaded.model.activation_checkpointing_disable()
                for parameter in loaded.model.parameters():
                    parameter.grad = None
                method.undo()


def _count(parameters: Iterable[torch.nn.Parameter]) -> int:
    return sum(parameter.numel() for parameter in parameters)


def _costs(
    counts: tuple[int, int], parts: Sequence[MemoryPart], free: int, settings: FinetuneSettings,
    examples: Sequence[Example], times: Sequence[float] = (), targets: tuple[str, ...] = (),
) -> Costs:  # fmt: skip
    seconds = sorted(times)[len(times) // 2] * settings.accumulation if times else 0.0
    return Costs(*counts, tuple(parts), free, settings.steps_of(len(examples)), seconds, targets)


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
