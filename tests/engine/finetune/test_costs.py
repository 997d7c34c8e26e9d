"""What a run takes is told beforehand, and asking changes nothing."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from engine.finetune.test_training import examples

from app.engine.errors import UserError
from app.engine.finetune import costs
from app.engine.finetune.costs import probe
from app.engine.finetune.records import Costs
from app.engine.finetune.settings import FinetuneSettings
from app.engine.models import load
from app.engine.models.loaded import LoadedModel


def costs_of(loaded: LoadedModel, settings: FinetuneSettings) -> Costs:
    steps = probe(loaded, examples(loaded), settings)
    state = loaded.weights_state
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            return stop.value
        assert loaded.adapter is None and loaded.weights_state == state, "others look at the model in between"


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


def test_what_cannot_fit_is_told_before_it_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    """All weights by counting them, a batch by its longest example alone."""
    loaded = load("story-gpt")
    settings = FinetuneSettings(batch_size=8)
    usual, tried = costs_of(loaded, settings), list[int]()
    real = costs.summed_loss

    def noted(loaded: LoadedModel, batch: Any) -> Any:
        tried.append(len(batch.labels))
        return real(loaded, batch)

    monkeypatch.setattr(costs, "summed_loss", noted)
    monkeypatch.setattr(costs, "free_bytes", lambda _: usual.needed // 2)
    found = costs_of(loaded, settings)
    assert found.needed > found.free and found.seconds_a_step == 0
    assert tried == [1], "the batch was not run"
    full = costs_of(loaded, FinetuneSettings(method="full", batch_size=8))
    assert full.needed > full.free and tried == [1]
    assert full.needed == loaded.summary.parameters * (4 + 4 + 8)

    def full_up(*_: Any) -> Any:
        raise MemoryError

    monkeypatch.setattr(costs, "summed_loss", full_up)
    with pytest.raises(UserError, match="not enough memory for training story-gpt"):
        costs_of(loaded, settings)
    assert loaded.adapter is None


def test_checkpointing_keeps_less() -> None:
    loaded = load("story-gpt")
    plain = costs_of(loaded, FinetuneSettings(batch_size=8))
    less = costs_of(loaded, FinetuneSettings(batch_size=8, checkpointing=True))
    kept = [{part.name: part.size for part in each.parts}["activations"] for each in (plain, less)]
    assert kept[1] < kept[0]
