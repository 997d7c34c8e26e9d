"""What a run takes is told beforehand, and asking changes nothing."""

from __future__ import annotations

import torch
from engine.finetune.test_training import examples

from app.engine.finetune.costs import probe
from app.engine.finetune.records import Costs
from app.engine.finetune.settings import FinetuneSettings
from app.engine.models import load
from app.engine.models.loaded import LoadedModel


def costs_of(loaded: LoadedModel, settings: FinetuneSettings) -> Costs:
    steps = probe(loaded, examples(loaded), settings)
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            return stop.value


def test_parameters_and_parts() -> None:
    loaded = load("story-gpt")
    before = {name: tensor.clone() for name, tensor in loaded.model.state_dict().items()}
    found = costs_of(loaded, FinetuneSettings(rank=4, batch_size=4, max_steps=7))
    width, blocks = 256, loaded.summary.layers
    # c_attn 256→768, c_proj 256→256, c_fc 256→1024, c_proj 1024→256: rank × (inputs + outputs) each.
    assert found.trainable == blocks * 4 * ((width + 768) + (width + width) + (width + 1024) + (1024 + width))
    assert found.total == loaded.summary.parameters + found.trainable
    assert found.steps == 7 and found.seconds_a_step > 0
    sizes = {part.name: part.size for part in found.parts}
    assert sizes["weights"] == loaded.summary.parameters * 4
    assert sizes["LoRA and Adam"] == found.trainable * 12
    more = costs_of(loaded, FinetuneSettings(rank=4, batch_size=8))
    assert {part.name: part.size for part in more.parts}["activations"] > 1.5 * sizes["activations"]
    full = costs_of(loaded, FinetuneSettings(method="full", batch_size=4))
    assert full.trainable == full.total == loaded.summary.parameters
    assert full.needed > found.needed
    assert loaded.adapter is None
    assert all(torch.equal(tensor, before[name]) for name, tensor in loaded.model.state_dict().items())


def test_checkpointing_keeps_less() -> None:
    loaded = load("story-gpt")
    plain = costs_of(loaded, FinetuneSettings(batch_size=8))
    less = costs_of(loaded, FinetuneSettings(batch_size=8, checkpointing=True))
    kept = [{part.name: part.size for part in each.parts}["activations"] for each in (plain, less)]
    assert kept[1] < kept[0]
