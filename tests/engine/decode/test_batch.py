"""Several texts in one batch: the first is the stream's, each has its seed, those that end leave."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import Any

import pytest
from engine.decode.decode_models import FAMILIES, SEQ2SEQ, build

from app.engine.decode import DecodingSettings, stream
from app.engine.decode.batch import stream_batch

PROMPT = "The quick brown fox"
SETTINGS = DecodingSettings(temperature=0.9, seed=3, max_new_tokens=12)


def texts(loaded: Any, settings: DecodingSettings, count: int, **more: Any) -> list[list[int]]:
    found: dict[int, list[int]] = defaultdict(list)
    for row, step in stream_batch(loaded, PROMPT, settings, count, **more):
        found[row].append(step.token_id)
    return [found[row] for row in range(count)]


@pytest.mark.parametrize("family", [*FAMILIES, *SEQ2SEQ])
def test_each_is_the_stream_of_its_seed(family: str) -> None:
    loaded = build(family)
    alone = [[step.token_id for step in stream(loaded, PROMPT, replace(SETTINGS, seed=3 + row))] for row in range(3)]
    assert texts(loaded, SETTINGS, 3) == alone
    assert len({tuple(ids) for ids in alone}) == 3


def test_one_that_ends_leaves_the_batch() -> None:
    loaded = build("llama")
    plain = texts(loaded, SETTINGS, 3)
    eos = plain[1][4]
    loaded.model.generation_config.eos_token_id = eos
    after = texts(loaded, SETTINGS, 3)
    assert after[1] == plain[1][: plain[1].index(eos) + 1]
    for row in (0, 2):
        end = plain[row].index(eos) + 1 if eos in plain[row] else 12
        assert after[row] == plain[row][:end]


def test_they_go_on_after_what_is_given() -> None:
    loaded = build("gpt2")
    plain = texts(loaded, replace(SETTINGS, method="greedy"), 2)
    assert plain[0] == plain[1]
    assert texts(loaded, replace(SETTINGS, method="greedy"), 2, given=plain[0][:5])[1] == plain[1][5:]


def test_a_stop_string_ends_one_text() -> None:
    loaded = build("opt")
    steps: dict[int, list[str]] = defaultdict(list)
    for row, step in stream_batch(loaded, PROMPT, SETTINGS, 3):
        steps[row].append(step.text)
    whole = ["".join(steps[row]) for row in range(3)]
    stop = next(char for char in whole[2] if char.isascii())
    cut: dict[int, str] = defaultdict(str)
    for row, step in stream_batch(loaded, PROMPT, replace(SETTINGS, stop=(stop,)), 3):
        cut[row] += step.text
    assert [cut[row] for row in range(3)] == [text.split(stop)[0] for text in whole]
