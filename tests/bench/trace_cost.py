"""What a trace costs on top of the run it watches, and against the usual way to get every pattern."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import contextmanager
from typing import Any

import torch

from app.engine.models import load
from app.engine.models.loaded import LoadedModel
from app.engine.trace import trace
from tests.bench.measure import Budget, Row, compare, hand_over, in_turn, milliseconds, seconds
from tests.bench.models import STORY, one_thread, random_gpt2, text_of


def sides(loaded: LoadedModel, text: str) -> dict[str, Callable[[], float]]:
    """Our two and the two they are held against, each from text or ids to patterns or logits."""
    ids = loaded.tokenizer(text, return_tensors="pt")["input_ids"]
    layers = range(loaded.summary.layers)
    middle = loaded.summary.layers // 2

    def plain() -> Any:
        with torch.no_grad():
            return loaded.model(ids, use_cache=False)

    def one_layer() -> Any:
        made = trace(loaded, text)
        return made, made.attention(middle)

    def all_layers() -> Any:
        made = trace(loaded, text)
        return made, [made.attention(layer) for layer in layers]

    def eager() -> Any:
        with torch.no_grad():
            return loaded.model(ids, use_cache=False, output_attentions=True, output_hidden_states=True)

    def eager_side() -> float:
        with attention(loaded.model, "eager"):
            return seconds(eager)()

    return {"plain": seconds(plain), "one": seconds(one_layer), "all": seconds(all_layers), "eager": eager_side}


@contextmanager
def attention(model: Any, way: str) -> Any:
    """Let the model use another attention for a while."""
    before = model.config._attn_implementation
    model.set_attn_implementation(way)
    try:
        yield
    finally:
        model.set_attn_implementation(before)


def measure_one(loaded: LoadedModel, name: str, tokens: int, repeats: int) -> list[Row]:
    """Two rows for one model and length."""
    numbers = in_turn(sides(loaded, text_of(loaded.tokenizer, tokens)), repeats)
    where = f"{name}, {tokens:,} tokens"
    eager = "eager with attentions and hidden states"
    return [
        compare(
            f"trace with one layer's patterns; {where}",
            numbers["one"],
            "plain forward pass",
            numbers["plain"],
            Budget(1.05),
            milliseconds,
        ),
        compare(
            f"trace with all layers' patterns; {where}",
            numbers["all"],
            eager,
            numbers["eager"],
            Budget(1.15),
            milliseconds,
        ),
    ]


def measure() -> list[Row]:
    """Two rows for each of three settings."""
    one_thread()
    big = random_gpt2()
    rows = measure_one(big, "random GPT-2 (12 layers, 12 heads, 768 wide)", 512, 9)
    rows += measure_one(big, "random GPT-2 (12 layers, 12 heads, 768 wide)", 1024, 7)
    big.unload()
    return rows + measure_one(load(STORY), STORY, 128, 61)


if __name__ == "__main__":
    hand_over(measure())
