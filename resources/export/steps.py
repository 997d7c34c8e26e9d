"""A step as Unembed takes it: its examples and its rate, what of it a process takes, what the model is given."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

IGNORED = -100
"""The label of a token that is not learnt from."""
HIDDEN, AS_MASK, AS_ANY = 0.15, 0.8, 0.1
"""Devlin et al. 2018: the share of tokens that is to be guessed; of these, shown as [MASK], and as any other token."""
Example = tuple[np.ndarray, np.ndarray]
"""Ids and labels, int64 `[token]`."""


def examples_in(file: Path) -> list[Example]:
    """The examples of a file, one a line."""
    rows = map(json.loads, file.read_text(encoding="utf-8").splitlines())
    return [(np.array(row["ids"], np.int64), np.array(row["labels"], np.int64)) for row in rows]


@dataclass(frozen=True, eq=False)
class Batch:
    """A micro-batch: arrays `[example, token]`, and at each place what the logits there should say."""

    inputs: dict[str, np.ndarray]
    labels: np.ndarray

    @property
    def trained(self) -> int:
        """Labels that are learnt from."""
        return int((self.labels != IGNORED).sum())


def steps_of(settings: Any, examples: int) -> Iterator[list[np.ndarray]]:
    """Without end: the places of the examples of each step's micro-batches; a step ends where an epoch does."""
    epoch = 0
    while True:
        places = np.random.default_rng([settings.seed, epoch]).permutation(examples)
        batches = [places[start : start + settings.batch_size] for start in range(0, examples, settings.batch_size)]
        for start in range(0, len(batches), settings.accumulation):
            yield batches[start : start + settings.accumulation]
        epoch += 1


def steps_an_epoch(settings: Any, examples: int) -> int:
    """Optimizer steps in which every example is seen once."""
    return max(1, math.ceil(math.ceil(examples / settings.batch_size) / settings.accumulation))


def rate_at(settings: Any, step: int, steps: int) -> float:
    """The learning rate of step `step`, counted from 0, of `steps`: that of transformers' schedules."""
    warm = math.ceil(settings.warmup * steps)
    if step < warm:
        return settings.learning_rate * step / max(1, warm)
    done = (step - warm) / max(1, steps - warm)
    if settings.schedule == "linear":
        return settings.learning_rate * max(0.0, 1.0 - done)
    if settings.schedule == "cosine":
        return settings.learning_rate * max(0.0, 0.5 * (1.0 + math.cos(math.pi * done)))
    return settings.learning_rate


def parts_of(sizes: Sequence[int], processes: int, process: int) -> list[tuple[int, int, slice]]:
    """What one process takes of a step with micro-batches of these sizes: (micro-batch, its part, rows of that part).

    Whole micro-batches are dealt out in turn; where there are fewer of them than processes each is cut into parts.
    """
    cuts = math.ceil(processes / len(sizes))
    parts = []
    for number, size in enumerate(sizes):
        bounds = pairwise(size * cut // cuts for cut in range(cuts + 1))
        rows = [slice(first, last) for first, last in bounds if last > first]
        parts += [(number, part, each) for part, each in enumerate(rows)]
    return parts[process::processes]


def padded(rows: Sequence[np.ndarray], width: int, value: int) -> np.ndarray:
    """Rows of one width, with `value` behind the shorter ones."""
    made = np.full((len(rows), width), value, np.int64)
    for place, row in enumerate(rows):
        made[place, : len(row)] = row
    return made


def masked(
    ids: np.ndarray, labels: np.ndarray, facts: dict[str, Any], generator: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """BERT's rule: ids with 15 % of the tokens that have a label hidden, at least one; and labels of these alone."""
    there = labels != IGNORED
    taken = there & (generator.random(ids.shape) < HIDDEN)
    if not taken.any() and there.any():
        taken.flat[generator.choice(np.flatnonzero(there))] = True
    kind = generator.random(ids.shape)
    hidden = np.where(taken & (kind < AS_MASK), facts["mask"], ids)
    any_token = generator.integers(0, facts["vocabulary"], ids.shape)
    hidden = np.where(taken & (kind >= AS_MASK) & (kind < AS_MASK + AS_ANY), any_token, hidden)
    return hidden.astype(np.int64), np.where(taken, labels, IGNORED)


def batch_of(examples: Sequence[Example], facts: dict[str, Any], step: int, seed: int) -> Batch:
    """Examples, padded to the longest. A decoder's labels are moved to where they are predicted; a masked model gets
    its gaps here, drawn from seed and step; an encoder-decoder makes its decoder's input from the labels by itself."""
    kind = facts["kind"]
    if kind == "encoder":
        generator = np.random.default_rng([seed, step, 1])
        examples = [masked(ids, labels, facts, generator) for ids, labels in examples]
    rows = [ids for ids, _ in examples]
    inputs = {"input_ids": padded(rows, max(map(len, rows)), facts["pad"])}
    labels = padded([each for _, each in examples], max(len(each) for _, each in examples), IGNORED)
    if kind == "decoder":
        moved = np.full_like(labels, IGNORED)
        moved[:, :-1] = labels[:, 1:]
        return Batch(inputs, moved)
    inputs["attention_mask"] = padded([np.ones(len(row), np.int64) for row in rows], max(map(len, rows)), 0)
    if kind == "encoder-decoder":
        inputs["labels"] = labels
    return Batch(inputs, labels)
