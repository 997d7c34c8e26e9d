"""Going on from kept tokens: the same text, less work, the same random numbers; and a head watched meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from engine.decode.decode_models import FAMILIES, SEQ2SEQ, build
from engine.tiny_models import SENTENCES

from app.engine.decode import DecodingSettings, stream
from app.engine.decode.batch import stream_batch
from app.engine.decode.kept import KeptForward
from app.engine.errors import ContextFullError, TooLongError, UserError
from app.engine.models.loaded import LoadedModel
from app.engine.trace.exactness import eager_attentions

PROMPT = "The quick brown fox"
GREEDY = DecodingSettings(method="greedy", max_new_tokens=16)
SAMPLED = DecodingSettings(temperature=1.2, seed=5, max_new_tokens=16)


def ids(loaded: Any, settings: DecodingSettings, **more: Any) -> list[int]:
    return [step.token_id for step in stream(loaded, PROMPT, settings, **more)]


@pytest.mark.parametrize("settings", [GREEDY, SAMPLED])
@pytest.mark.parametrize("family", [*FAMILIES, *SEQ2SEQ])
def test_the_text_goes_on_as_it_would_have(family: str, settings: DecodingSettings) -> None:
    loaded = build(family)
    whole = ids(loaded, settings)
    assert ids(loaded, settings, given=whole[:7]) == whole[7:]


@pytest.mark.parametrize("family", [*FAMILIES, *SEQ2SEQ])
def test_with_the_cache_of_the_run_before_too(family: str) -> None:
    """Also where a sliding window has slid, whose cache cannot forget its end."""
    loaded, kept = build(family), KeptForward()
    whole = ids(loaded, GREEDY, kept=kept)
    assert ids(loaded, GREEDY, given=whole[:7], kept=kept) == whole[7:]
    other = [*whole[:4], 99]
    assert ids(loaded, GREEDY, given=other, kept=kept) == ids(loaded, GREEDY, given=other)


def test_what_still_holds_is_not_computed_again() -> None:
    loaded, kept = build("gpt2"), KeptForward()
    whole = ids(loaded, GREEDY, kept=kept)
    prompt = len(loaded.tokenizer(PROMPT)["input_ids"])
    lengths: list[int] = []
    hook = loaded.model.transformer.wte.register_forward_hook(lambda _m, args, _o: lengths.append(args[0].shape[1]))
    try:
        list(stream(loaded, PROMPT, GREEDY, given=whole[:9], kept=kept))
        assert kept.reused == prompt + 8 and lengths[0] == 1
        lengths.clear()
        list(stream(loaded, "The quick red fox", GREEDY, kept=kept))
        assert lengths[0] == len("red fox"), "the beginning of an edited text is kept"
    finally:
        hook.remove()
    assert kept.bytes == 2 * 2 * 32 * 4 * (prompt - 2 + 16 - 1), "keys and values of two layers, float32, width 32"


def test_a_cache_of_other_weights_is_no_use() -> None:
    """Between two runs the model may have been trained."""
    loaded, kept = build("gpt2"), KeptForward()
    whole = ids(loaded, GREEDY, kept=kept)
    optimizer = torch.optim.AdamW(loaded.model.parameters(), lr=0.05)
    loaded.model(torch.tensor([whole]), labels=torch.tensor([whole])).loss.backward()
    optimizer.step()
    loaded.weights_state = (False, 1)
    assert ids(loaded, GREEDY, given=whole[:7], kept=kept) == ids(loaded, GREEDY, given=whole[:7])
    assert kept.reused == 0


def test_half_a_character_is_finished() -> None:
    loaded = build("gpt2")
    euro = loaded.tokenizer("€")["input_ids"]
    settings = replace(GREEDY, forced=(*euro, *loaded.tokenizer("!")["input_ids"]), max_new_tokens=4)
    text = "".join(step.text for step in stream(loaded, PROMPT, settings, given=euro[:2]))
    assert text == "€!"


def test_penalties_count_what_is_given() -> None:
    loaded = build("gpt2")
    settings = replace(GREEDY, frequency_penalty=3.0)
    whole = ids(loaded, settings)
    assert ids(loaded, settings, given=whole[:6]) == whole[6:]
    assert whole != ids(loaded, GREEDY)


def test_too_much_given_is_refused() -> None:
    loaded = build("gpt2", n_positions=24)
    with pytest.raises(ContextFullError, match=r"29 tokens.*holds 24"):
        stream(loaded, PROMPT, GREEDY, given=[5] * 10)
    with pytest.raises(TooLongError, match=r"38 tokens.*holds 24") as found:
        stream(loaded, PROMPT * 2, GREEDY)
    assert found.value.limit == 24


def test_the_text_may_not_end_too_early() -> None:
    loaded = build("gpt2")
    plain = ids(loaded, GREEDY)
    eos = plain[3]
    loaded.model.generation_config.eos_token_id = eos
    assert len(ids(loaded, GREEDY)) == plain.index(eos) + 1
    prompt = torch.tensor([loaded.tokenizer(PROMPT)["input_ids"]])
    theirs = loaded.model.generate(prompt, do_sample=False, max_new_tokens=16, min_new_tokens=8)
    assert ids(loaded, replace(GREEDY, min_new_tokens=8)) == theirs[0, prompt.shape[1] :].tolist()
    endless = ids(loaded, replace(GREEDY, ignore_eos=True))
    assert len(endless) == 16 and eos not in endless


def test_logits_that_are_no_numbers_say_where_that_began(tiny: Callable[[str], LoadedModel]) -> None:
    loaded = tiny("llama")
    weight = loaded.model.model.layers[1].mlp.down_proj.weight
    before = weight.detach().clone()
    try:
        with torch.no_grad():
            weight[0, 0] = float("nan")
        with pytest.raises(UserError, match=r"not finite numbers \(it begins in block 1\)"):
            next(stream(loaded, SENTENCES[0], GREEDY))
    finally:
        with torch.no_grad():
            weight.copy_(before)


@pytest.mark.parametrize("family", ["gpt2", "llama", "gemma2", "opt"])
def test_the_watched_row_is_the_traces(tiny: Callable[[str], LoadedModel], family: str) -> None:
    loaded = tiny(family)
    plain = ids_of(loaded, None)
    steps = list(stream(loaded, SENTENCES[0], GREEDY, watch=lambda: ("self", 1, 2)))
    assert [step.token_id for step in steps] == plain, "watching changes nothing"
    text_ids = loaded.tokenizer(SENTENCES[0])["input_ids"]
    whole = {"input_ids": torch.tensor([[*text_ids, *plain]])}
    pattern = eager_attentions(loaded.model, whole)["self", 1][2]
    for place, step in enumerate(steps):
        assert step.attention is not None
        row = pattern[len(text_ids) + place - 1, : len(text_ids) + place].numpy()
        assert np.allclose(step.attention, row, atol=1e-5)


def test_each_of_several_texts_has_its_own_row(tiny: Callable[[str], LoadedModel]) -> None:
    loaded, seeded = tiny("llama"), DecodingSettings(temperature=1.2, seed=5, max_new_tokens=5)
    rows: dict[int, list[Any]] = {0: [], 1: []}
    for row, step in stream_batch(loaded, SENTENCES[0], seeded, 2, watch=lambda: ("self", 1, 2)):
        rows[row].append(step)
    for row, steps in rows.items():
        alone = list(stream(loaded, SENTENCES[0], replace(seeded, seed=5 + row), watch=lambda: ("self", 1, 2)))
        assert [step.token_id for step in steps] == [step.token_id for step in alone]
        for ours, theirs in zip(steps, alone, strict=True):
            assert np.allclose(ours.attention, theirs.attention, atol=1e-6)
    assert not np.allclose(rows[0][-1].attention, rows[1][-1].attention, atol=1e-6)


def test_a_head_that_is_not_there_gives_no_row(tiny: Callable[[str], LoadedModel]) -> None:
    steps = list(stream(tiny("gpt2"), "The cat", GREEDY, watch=lambda: ("cross", 0, 0)))
    assert all(step.attention is None for step in steps)


def ids_of(loaded: Any, watch: Any) -> list[int]:
    return [step.token_id for step in stream(loaded, SENTENCES[0], GREEDY, watch=watch)]
