"""Which examples make which step, and what the model is given of them. Everything follows from seed and step alone, so
that a run that goes on from a checkpoint needs no memory of the random numbers before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from app.engine.finetune.records import IGNORED, Example
from app.engine.finetune.settings import FinetuneSettings


@dataclass(frozen=True, eq=False)
class Batch:
    """What goes through the model at once."""

    inputs: dict[str, torch.Tensor]
    labels: torch.Tensor
    """int64 `[example, token]`: at each place what the logits there should say, IGNORED elsewhere."""
    trained: int
    """Labels that are not IGNORED."""


def order(settings: FinetuneSettings, examples: int) -> Iterator[np.ndarray]:
    """Without end: the places of the examples of each micro-batch, epoch after epoch, int64 `[example]`.

    Each epoch is a permutation of its own, drawn from the seed and the epoch's number; its last batch may be smaller.
    """
    epoch = 0
    while True:
        places = np.random.default_rng([settings.seed, epoch]).permutation(examples)
        for start in range(0, examples, settings.batch_size):
            yield places[start : start + settings.batch_size]
        epoch += 1


def steps_of(settings: FinetuneSettings, examples: int) -> Iterator[list[np.ndarray]]:
    """Without end: the micro-batches of each optimizer step. A step does not reach over the end of an epoch."""
    batches = order(settings, examples)
    an_epoch = -(-examples // settings.batch_size)
    while True:
        left = an_epoch
        while left:
            count = min(settings.accumulation, left)
            yield [next(batches) for _ in range(count)]
            left -= count


def batch_of(loaded: Any, examples: Sequence[Example], step: int, seed: int) -> Batch:
    """The examples as tensors on the model's device, padded to the longest.

    A decoder's labels are moved by one, so that they stand where they are predicted; it needs no mask, since padding
    comes after everything that is looked at. A masked model gets its gaps here, drawn from seed and step.
    """
    if loaded.kind == "encoder-decoder":
        return _conditional(loaded, examples)
    if loaded.kind == "encoder":
        return _masked(loaded, examples, step, seed)
    width = max(len(example.ids) for example in examples)
    ids = _padded([example.ids for example in examples], width, _pad_id(loaded))
    labels = _padded([example.labels for example in examples], width, IGNORED)
    moved = np.full_like(labels, IGNORED)
    moved[:, :-1] = labels[:, 1:]
    return _on_device(loaded, {"input_ids": ids}, moved)


def _conditional(loaded: Any, examples: Sequence[Example]) -> Batch:
    ids, mask = _with_mask(loaded, [example.ids for example in examples])
    width = max(len(example.labels) for example in examples)
    labels = _padded([example.labels for example in examples], width, IGNORED)
    # The model makes its decoder's input from the labels by itself, as it does in transformers' own training.
    return _on_device(loaded, {"input_ids": ids, "attention_mask": mask, "labels": labels}, labels)


def _masked(loaded: Any, examples: Sequence[Example], step: int, seed: int) -> Batch:
    from app.engine.finetune.examples import mask_tokens

    generator = np.random.default_rng([seed, step, 1])
    hidden = [mask_tokens(example.ids, example.labels, loaded.tokenizer, generator) for example in examples]
    ids, mask = _with_mask(loaded, [each for each, _ in hidden])
    return _on_device(
        loaded,
        {"input_ids": ids, "attention_mask": mask},
        _padded([labels for _, labels in hidden], ids.shape[1], IGNORED),
    )


def _with_mask(loaded: Any, rows: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    width = max(len(row) for row in rows)
    mask = _padded([np.ones(len(row), np.int64) for row in rows], width, 0)
    return _padded(rows, width, _pad_id(loaded)), mask


def _padded(rows: Sequence[np.ndarray], width: int, value: int) -> np.ndarray:
    made = np.full((len(rows), width), value, np.int64)
    for place, row in enumerate(rows):
        made[place, : len(row)] = row
    return made


def _pad_id(loaded: Any) -> int:
    """What stands after the end of shorter examples; never looked at."""
    return int(loaded.tokenizer.pad_token_id or 0)


def _on_device(loaded: Any, inputs: dict[str, np.ndarray], labels: np.ndarray) -> Batch:
    device = loaded.device
    tensors = {name: torch.from_numpy(values).to(device) for name, values in inputs.items()}
    return Batch(tensors, torch.from_numpy(labels).to(device), int((labels != IGNORED).sum()))
