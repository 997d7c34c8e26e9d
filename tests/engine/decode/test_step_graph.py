"""Steps taken by a recorded graph against the model's own steps in Python: the same bits, or no graph."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import numpy as np
import pytest
import torch
from engine.decode.decode_models import FAMILIES, GROUPED, build
from peft import LoraConfig, inject_adapter_in_model
from peft.tuners.tuners_utils import BaseTunerLayer
from transformers import DynamicCache

from app.engine.decode import DecodingSettings, step_graph, stream
from app.engine.decode.forward import CachedForward
from app.engine.decode.kept import KeptForward
from app.engine.decode.prompt import read_prompt
from app.engine.decode.step_graph import STRAIGHT, WARM_UP, GraphedSteps, StepGraph

PROMPT = "The model"
STEPS = 60
NO_WINDOW = {"mistral": dict(sliding_window=None), "qwen2": dict(use_sliding_window=False)}
MORE = {"olmo": ("Olmo", GROUPED), "olmo2": ("Olmo2", GROUPED), "stablelm": ("StableLm", GROUPED)}


@pytest.fixture(autouse=True)
def however_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a loaded machine a small model's step may take long too."""
    monkeypatch.setattr(step_graph, "WORTH_IT", 1000.0)


def graphed(model: Any) -> GraphedSteps:
    found = step_graph._of_model[model]
    assert found is not None
    return found


@torch.inference_mode()
def plainly(model: Any, ids: list[int], count: int = STEPS) -> tuple[list[int], list[np.ndarray]]:
    """Greedy ids and the logits that they were chosen from, by the model called as `generate()` calls it."""
    cache, made, every = DynamicCache(config=model.config), [], []
    fresh = torch.tensor([ids])
    for _ in range(count):
        logits = model(input_ids=fresh, past_key_values=cache, use_cache=True, logits_to_keep=1).logits[0, -1]
        every.append(logits.numpy())
        made.append(int(logits.argmax()))
        fresh = torch.tensor([[made[-1]]])
    return made, every


def by_ours(loaded: Any, made: list[int], forward: CachedForward | None = None) -> list[np.ndarray]:
    """Logits for the same ids by our forward pass."""
    prompt = read_prompt(loaded, PROMPT)
    forward = forward or CachedForward(loaded.model, prompt, lambda: loaded.weights_state)
    ids = [*prompt.ids, *made]
    return [forward(np.array(ids[: len(prompt.ids) + place])).numpy() for place in range(len(made))]


def same(ours: list[np.ndarray], theirs: list[np.ndarray]) -> bool:
    """Bit for bit."""
    return len(ours) == len(theirs) and all(map(np.array_equal, ours, theirs))


@pytest.mark.parametrize("family", STRAIGHT)
def test_the_logits_are_the_models_bit_for_bit(family: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if family in MORE:
        monkeypatch.setitem(FAMILIES, family, MORE[family])
    loaded = build(family, **NO_WINDOW.get(family, {}))
    made, expected = plainly(loaded.model, loaded.tokenizer(PROMPT)["input_ids"])
    assert same(by_ours(loaded, made), expected)
    steps = graphed(loaded.model)
    assert steps._graph is not None and not steps._refused, "the graph was taken"
    assert steps._proven >= len(loaded.tokenizer(PROMPT)["input_ids"]) + STEPS - 2


def test_to_the_end_of_the_context() -> None:
    loaded = build("gpt2", n_positions=48)
    prompt = len(loaded.tokenizer(PROMPT)["input_ids"])
    made, expected = plainly(loaded.model, loaded.tokenizer(PROMPT)["input_ids"], 49 - prompt)
    assert same(by_ours(loaded, made), expected)
    assert graphed(loaded.model)._proven == 47


@pytest.mark.parametrize(
    ("family", "changes"),
    [
        ("mistral", {}),
        ("llama", dict(rope_parameters=dict(rope_type="dynamic", factor=4.0, rope_theta=10000.0))),
        ("gemma2", {}),
    ],
    ids=["a window that slides", "angles that change with the length", "a family not among them"],
)
def test_where_the_way_may_change_the_model_is_called(family: str, changes: dict[str, Any]) -> None:
    if family == "llama":
        changes |= dict(max_position_embeddings=24)
    loaded = build(family, **changes)
    made, expected = plainly(loaded.model, loaded.tokenizer(PROMPT)["input_ids"])
    assert same(by_ours(loaded, made), expected)
    steps = step_graph._of_model[loaded.model]
    assert steps is None or steps._graph is None


def test_a_graph_that_differs_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded, own = build("llama"), StepGraph.__call__
    made, expected = plainly(loaded.model, loaded.tokenizer(PROMPT)["input_ids"])

    def longer_differs(self: StepGraph, inputs: Any, cache: Any, recorder: Any) -> Any:
        logits = own(self, inputs, cache, recorder)
        return logits + (cache[0].shape[-2] > 40) * 1e-6

    monkeypatch.setattr(StepGraph, "__call__", longer_differs)
    assert same(by_ours(loaded, made), expected)
    assert graphed(loaded.model)._refused


def test_somebodys_hook_is_not_passed_by() -> None:
    loaded = build("gpt2")
    settings = DecodingSettings(method="greedy", max_new_tokens=20)
    with torch.inference_mode():
        # Leaves hooks of transformers in the model, which do nothing later.
        loaded.model(torch.tensor([[5]]), output_hidden_states=True)
    assert loaded.model.transformer.h[0]._forward_hooks
    before = [step.token_id for step in stream(loaded, PROMPT, settings)]
    assert graphed(loaded.model)._graph is not None
    heard: list[int] = []
    hook = loaded.model.transformer.h[0].register_forward_hook(lambda *_: heard.append(1))
    try:
        assert [step.token_id for step in stream(loaded, PROMPT, settings)] == before
    finally:
        hook.remove()
    assert len(heard) == 20


def test_the_head_that_is_watched_is_told_by_the_graph_as_by_the_model() -> None:
    from app.engine.models import load

    loaded = load("story-gpt")
    settings = DecodingSettings(method="greedy", max_new_tokens=30)
    rows = [step.attention for step in stream(loaded, "Once upon a time", settings, watch=lambda: ("self", 2, 1))]
    assert graphed(loaded.model)._graph is not None
    assert not graphed(loaded.model)._refused and graphed(loaded.model)._proven > 30
    hook = loaded.model.transformer.h[0].register_forward_hook(lambda *_: None)
    try:
        own = [step.attention for step in stream(loaded, "Once upon a time", settings, watch=lambda: ("self", 2, 1))]
    finally:
        hook.remove()
    assert len(rows) == len(own) == 30
    for row, expected in zip(rows, own, strict=True):
        assert row is not None and expected is not None
        np.testing.assert_array_equal(row, expected)


@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")
def test_an_adapter_has_a_graph_of_its_own() -> None:
    loaded = build("llama")
    inject_adapter_in_model(LoraConfig(r=2, target_modules=["q_proj"], init_lora_weights=False), loaded.model.eval())
    ids = loaded.tokenizer(PROMPT)["input_ids"]
    adapted, expected = plainly(loaded.model, ids)
    assert same(by_ours(loaded, adapted), expected)
    first = graphed(loaded.model)._graph
    layers = [module for module in loaded.model.modules() if isinstance(module, BaseTunerLayer)]
    for layer in layers:
        layer.enable_adapters(False)
    loaded.weights_state = (True, 0)
    plain, expected = plainly(loaded.model, ids)
    assert layers and plain != adapted
    assert same(by_ours(loaded, plain), expected)
    assert graphed(loaded.model)._graph not in (None, first)


def test_a_text_can_be_taken_back_and_gone_on_with() -> None:
    loaded, kept = build("gpt2"), KeptForward()
    settings = DecodingSettings(method="greedy", max_new_tokens=40)
    whole = [step.token_id for step in stream(loaded, PROMPT, settings, kept=kept)]
    again = [step.token_id for step in stream(loaded, PROMPT, settings, given=whole[:15], kept=kept)]
    assert whole[:15] + again == whole
    assert kept.reused >= 15 and graphed(loaded.model)._graph is not None


def test_a_short_text_makes_no_graph_and_a_slow_model_none_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = build("gpt2")
    list(stream(loaded, PROMPT, DecodingSettings(method="greedy", max_new_tokens=WARM_UP)))
    assert graphed(loaded.model)._graph is None
    monkeypatch.setattr(step_graph, "WORTH_IT", 0.0)
    list(stream(loaded, PROMPT, DecodingSettings(method="greedy", max_new_tokens=20)))
    assert graphed(loaded.model)._graph is None and graphed(loaded.model)._refused


def test_nothing_is_left_of_a_model_that_goes() -> None:
    loaded = build("gpt2")
    list(stream(loaded, PROMPT, DecodingSettings(method="greedy", max_new_tokens=20)))
    assert graphed(loaded.model)._graph is not None
    model, weight = weakref.ref(loaded.model), weakref.ref(loaded.model.transformer.wte.weight)
    del loaded
    gc.collect()
    assert model() is None and weight() is None
