"""The loop around the choice: live settings, cancel, limits, and what it refuses."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from engine.decode.decode_models import Loaded, build, byte_tokenizer
from transformers import BertConfig, BertForMaskedLM, GPT2ForSequenceClassification

from app.engine.decode import DecodingSettings, stream
from app.engine.errors import UserError

GREEDY = DecodingSettings(method="greedy", max_new_tokens=12)


def test_one_token_a_next_and_nothing_before(gpt2: Loaded) -> None:
    calls = 0

    def count(*_: Any) -> None:
        nonlocal calls
        calls += 1

    hook = gpt2.model.register_forward_hook(count)
    try:
        steps = stream(gpt2, "abc", GREEDY)
        assert calls == 0
        next(steps)
        next(steps)
        assert calls == 2
    finally:
        hook.remove()


def test_a_moved_slider_acts_on_the_next_token(gpt2: Loaded) -> None:
    now = [DecodingSettings(seed=1, max_new_tokens=6)]
    steps = stream(gpt2, "abc", lambda: now[0])
    assert not next(steps).stages[5].active
    now[0] = replace(now[0], temperature=0.5)
    step = next(steps)
    assert step.stages[5].active
    assert np.array_equal(step.stages[5].logits, step.stages[0].logits / np.float32(0.5))
    now[0] = replace(now[0], method="greedy")
    assert next(steps).draw is None
    now[0] = replace(now[0], method="sample", seed=99)
    assert next(steps).seed == 1
    now[0] = replace(now[0], max_new_tokens=4)
    assert list(steps) == []


def test_settings_are_asked_once_a_token(gpt2: Loaded) -> None:
    asked = 0

    def ask() -> DecodingSettings:
        nonlocal asked
        asked += 1
        return GREEDY

    assert len(list(stream(gpt2, "abc", ask))) == asked == 12


def test_cancel_ends_it_quietly_and_drops_what_is_held(gpt2: Loaded) -> None:
    stop = False
    steps = stream(gpt2, "abc", GREEDY, cancel=lambda: stop)
    next(steps)
    stop = True
    assert list(steps) == []
    assert list(stream(gpt2, "abc", GREEDY, cancel=lambda: True)) == []


def test_runs_on_one_model_do_not_meet(gpt2: Loaded) -> None:
    """Two texts and plain forward passes take turns on one model, as inspection does between the steps."""
    alone = [[step.token_id for step in stream(gpt2, text, GREEDY)] for text in ("abc", "xyz")]
    first, second = stream(gpt2, "abc", GREEDY), stream(gpt2, "xyz", GREEDY)
    mixed: list[list[int]] = [[], []]
    for one, two in zip(first, second, strict=True):
        assert torch.is_grad_enabled()
        gpt2.model(torch.tensor([[5, 6, 7]]))
        mixed[0].append(one.token_id)
        mixed[1].append(two.token_id)
    assert mixed == alone


def test_the_raw_logits_of_a_step_stay_what_they_were(gpt2: Loaded) -> None:
    steps, copies = [], []
    for step in stream(gpt2, "abc", GREEDY):
        steps.append(step)
        copies.append(step.stages[0].logits.copy())
    assert all(np.array_equal(step.stages[0].logits, copy) for step, copy in zip(steps, copies, strict=True))
    assert len({step.stages[0].logits.tobytes() for step in steps}) == len(steps)
    whole = [*byte_tokenizer()("abc")["input_ids"], *(step.token_id for step in steps)]
    assert [step.context.ids.tolist() for step in steps if step.context] == [whole[:end] for end in range(3, 15)]


def test_the_text_ends_where_the_positions_end() -> None:
    loaded = build("gpt2", n_positions=16)
    steps = list(stream(loaded, "0123456789", replace(GREEDY, max_new_tokens=60)))
    assert len(steps) == 16 + 1 - 10
    theirs = loaded.model.generate(
        torch.tensor([loaded.tokenizer("0123456789")["input_ids"]]), do_sample=False, max_new_tokens=7
    )
    assert [step.token_id for step in steps] == theirs[0, 10:].tolist()


def test_a_prompt_beyond_the_context_is_refused() -> None:
    loaded = build("gpt2", n_positions=16)
    with pytest.raises(UserError, match=r"17 tokens.*context holds 16"):
        stream(loaded, "0123456789abcdefg", GREEDY)
    assert len(list(stream(loaded, "0123456789abcdef", GREEDY))) == 1


@pytest.mark.parametrize("method", ["beam", "beam_sample"])
def test_a_beam_method_is_refused(gpt2: Loaded, method: str) -> None:
    with pytest.raises(UserError, match=method):
        stream(gpt2, "abc", DecodingSettings(method=method))
    steps = stream(gpt2, "abc", lambda: DecodingSettings(method=method))
    with pytest.raises(UserError, match=method):
        next(steps)


def test_a_masked_model_is_refused() -> None:
    config = BertConfig(
        vocab_size=259, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16
    )
    loaded = Loaded(BertForMaskedLM(config), byte_tokenizer(), "bert", "encoder")
    with pytest.raises(UserError, match="cannot generate"):
        stream(loaded, "abc", GREEDY)


def test_a_model_without_a_language_head_is_refused(gpt2: Loaded) -> None:
    headless = Loaded(GPT2ForSequenceClassification(gpt2.model.config), gpt2.tokenizer, "gpt2", "decoder")
    with pytest.raises(UserError, match="cannot generate"):
        stream(headless, "abc", GREEDY)


def test_an_empty_prompt_without_bos_is_refused() -> None:
    loaded = build("gpt2")
    loaded.model.generation_config.bos_token_id = None
    with pytest.raises(UserError, match="empty"):
        stream(loaded, "", GREEDY)


def test_ids_beyond_the_vocabulary_are_refused(gpt2: Loaded) -> None:
    with pytest.raises(UserError, match=r"banned.*259.*258"):
        stream(gpt2, "abc", DecodingSettings(banned=(259,)))
    with pytest.raises(UserError, match="forced"):
        stream(gpt2, "abc", DecodingSettings(forced=(1, 4000)))


def test_settings_that_leave_nothing_are_an_error(gpt2: Loaded) -> None:
    steps = stream(gpt2, "abc", DecodingSettings(banned=tuple(range(259))))
    with pytest.raises(UserError, match="none is left"):
        next(steps)
