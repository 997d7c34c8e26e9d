"""Looking at a model between two steps of its training: what is shown belongs to one state of it, and says to which."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from engine.finetune.test_training import examples

from app.engine.decode import DecodingSettings, stream
from app.engine.decode.batch import stream_batch
from app.engine.decode.beams import grow_beams
from app.engine.decode.kept import KeptForward
from app.engine.errors import UserError, WeightsGoneError
from app.engine.finetune import run_folder
from app.engine.finetune.costs import probe
from app.engine.finetune.records import StepReport
from app.engine.finetune.settings import FinetuneSettings
from app.engine.finetune.sides import Side
from app.engine.finetune.training import Training
from app.engine.models import load
from app.engine.models.loaded import LoadedModel
from app.engine.trace import trace
from app.engine.trace.lens import read_lens
from app.engine.trace.recipe import recipe

TEXT = "Once upon a time there was a parrot."


@pytest.fixture
def story() -> Iterator[LoadedModel]:
    loaded = load("story-gpt")
    yield loaded
    loaded.unload()


@pytest.fixture(params=["lora", "full"])
def go_on(request: pytest.FixtureRequest, story: LoadedModel, tmp_path: Path) -> Iterator[Callable[[], None]]:
    """Trains the model by one step."""
    settings = FinetuneSettings(
        method=request.param,
        max_steps=90,
        learning_rate=2e-3,
        schedule="constant",
        batch_size=2,
        save_every=2,
        warmup=0,
    )
    run_folder.make(tmp_path / "run")
    steps = Training(story, examples(story), [], settings, tmp_path / "run").steps()

    def step() -> None:
        while not isinstance(next(steps), StepReport):
            pass

    yield step
    steps.close()


def plain(loaded: LoadedModel, ids: Any) -> torch.Tensor:
    with torch.no_grad():
        return loaded.model(torch.as_tensor(ids)[None]).logits[0, -1]


def test_a_trace_never_mixes_two_states(story: LoadedModel, go_on: Callable[[], None], tmp_path: Path) -> None:
    before = trace(story, TEXT)
    go_on()
    go_on()
    made = trace(story, TEXT)
    assert made.training_step == 2 and before.training_step is None
    assert torch.equal(made["transformer.h.3.mlp"][0], made["blocks.3.mlp.out"])
    held = made["blocks.3.mlp.out"].clone()
    go_on()
    assert torch.equal(made["blocks.3.mlp.out"], held), "what the run captured stays readable"
    for late in ("transformer.h.2.mlp", "transformer.h.3.mlp.c_fc.weight"):
        with pytest.raises(WeightsGoneError, match="other weights now than when it ran this text, at step 2 of its"):
            made[late]
    with pytest.raises(WeightsGoneError):
        read_lens(made, 3)
    with pytest.raises(UserError, match="being trained"):
        recipe(made, "logits", TEXT)
    if story.adapter is None:
        with pytest.raises(WeightsGoneError, match=r"this text\. Run"):
            before["transformer.h.2.mlp"]
    else:
        fresh = trace(load("story-gpt"), TEXT)
        assert torch.equal(before["transformer.h.2.mlp"], fresh["transformer.h.2.mlp"]), "the base is as it was"
    with Side(story, 2, tmp_path / "run").entered():
        then = trace(story, TEXT)
        assert torch.equal(then["blocks.3.mlp.out"], held) and then["transformer.h.2.mlp"] is not None
    with pytest.raises(WeightsGoneError):
        then["transformer.h.1.mlp"]


def test_every_token_is_of_the_weights_at_its_step(story: LoadedModel, go_on: Callable[[], None]) -> None:
    """With the cache of an earlier text, and with the cache of the tokens before."""
    settings, kept = DecodingSettings(method="greedy", max_new_tokens=4), KeptForward()
    for _ in stream(story, TEXT, settings, kept=kept):
        pass
    go_on()
    for step in stream(story, TEXT, settings, kept=kept):
        assert step.context is not None
        torch.testing.assert_close(
            torch.as_tensor(step.stages[0].logits), plain(story, step.context.ids), atol=1e-4, rtol=0
        )
        go_on()
    assert kept.reused == 0
    for row, step in stream_batch(story, TEXT, DecodingSettings(seed=1, max_new_tokens=3), 2):
        assert step.context is not None
        if row == 0:
            torch.testing.assert_close(
                torch.as_tensor(step.stages[0].logits), plain(story, step.context.ids), atol=1e-4, rtol=0
            )
        else:
            go_on()


def test_a_beam_search_does_not_add_up_two_states(story: LoadedModel, go_on: Callable[[], None]) -> None:
    steps = grow_beams(story, TEXT, DecodingSettings(method="beam", num_beams=2, max_new_tokens=4))
    next(steps)
    go_on()
    with pytest.raises(UserError, match="sums of both"):
        next(steps)


def test_asking_what_a_run_takes_leaves_a_trace_readable(story: LoadedModel) -> None:
    made = trace(story, TEXT)
    steps = probe(story, examples(story), FinetuneSettings(method="full", batch_size=2))
    next(steps)
    between = trace(story, TEXT)
    for _ in steps:
        pass
    assert torch.equal(made["transformer.h.2.mlp"], between["transformer.h.2.mlp"])
