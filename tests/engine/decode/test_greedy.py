"""Greedy text equals `generate()` token for token, in every family and under the model's own rules."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from engine.decode.decode_models import EOS, FAMILIES, SEQ2SEQ, Loaded, build
from transformers import GenerationConfig

from app.engine.decode import DecodingSettings, stream

PROMPT = "The quick brown fox"


def generated(loaded: Loaded, tokens: int = 24, **arguments: Any) -> list[int]:
    """New ids of transformers' own greedy search."""
    ids = torch.tensor([loaded.tokenizer(PROMPT)["input_ids"]])
    out = loaded.model.generate(ids, do_sample=False, max_new_tokens=tokens, **arguments)[0].tolist()
    return out[1:] if loaded.kind == "encoder-decoder" else out[ids.shape[1] :]


def streamed(loaded: Loaded, tokens: int = 24, **settings: Any) -> list[int]:
    chosen = DecodingSettings(method="greedy", max_new_tokens=tokens, **settings)
    return [step.token_id for step in stream(loaded, PROMPT, chosen)]


@pytest.mark.parametrize("add_bos", [False, True])
@pytest.mark.parametrize("family", [*FAMILIES, *SEQ2SEQ])
def test_every_family(family: str, add_bos: bool) -> None:
    loaded = build(family, add_bos)
    assert streamed(loaded) == generated(loaded)


def test_the_random_models_are_worth_comparing() -> None:
    texts = {family: streamed(build(family)) for family in FAMILIES}
    assert len({tuple(ids) for ids in texts.values()}) == len(FAMILIES)
    assert sum(len(set(ids)) > 3 for ids in texts.values()) > len(FAMILIES) // 2


def test_the_window_bites() -> None:
    assert streamed(build("mistral")) != streamed(build("mistral", sliding_window=None))


def test_phi3_changes_its_rope_on_the_way() -> None:
    """Beyond `original_max_position_embeddings` the family throws its cache away and begins again."""
    factors = {"rope_type": "longrope", "short_factor": [1.0] * 4, "long_factor": [4.0] * 4, "rope_theta": 10_000.0}
    loaded = build("phi3", original_max_position_embeddings=32, rope_parameters=factors)
    assert streamed(loaded) == generated(loaded)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (dict(repetition_penalty=1.4), dict(repetition_penalty=1.4)),
        (dict(no_repeat_ngram=2), dict(no_repeat_ngram_size=2)),
        (dict(repetition_penalty=0.8, no_repeat_ngram=3), dict(repetition_penalty=0.8, no_repeat_ngram_size=3)),
        (dict(banned=tuple(range(60, 160))), dict(suppress_tokens=list(range(60, 160)))),
    ],
)
@pytest.mark.parametrize("family", ["llama", "bart"])
def test_penalties(family: str, ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    loaded = build(family)
    assert streamed(loaded, **ours) == generated(loaded, **theirs)


def _rules(name: str, plain: list[int]) -> dict[str, Any]:
    """A generation config that forbids what the model would have written, so that the rule has something to change."""
    return {
        "bad words": {"bad_words_ids": [[plain[0]], plain[2:4]]},
        "suppressed": {"suppress_tokens": [plain[0], plain[-2]]},
        "suppressed first": {"begin_suppress_tokens": [plain[0]]},
        "forced first": {"forced_bos_token_id": 77},
        "forced and suppressed first": {"forced_bos_token_id": 77, "begin_suppress_tokens": [plain[0], plain[1]]},
        "forced last": {"forced_eos_token_id": 55},
    }[name]


@pytest.mark.parametrize(
    "name",
    ["bad words", "suppressed", "suppressed first", "forced first", "forced and suppressed first", "forced last"],
)
@pytest.mark.parametrize("family", ["gpt2", "bart"])
def test_the_models_own_rules(family: str, name: str) -> None:
    loaded = build(family)
    plain = streamed(loaded)
    loaded.model.generation_config.update(**_rules(name, plain))
    written = streamed(loaded)
    assert written == generated(loaded)
    # A decoder's prompt is longer than the lone start token that a forced first token waits for.
    assert (written == plain) == (family == "gpt2" and name == "forced first")


def test_nothing_else_of_the_generation_config_is_read() -> None:
    loaded = build("gpt2")
    plain = streamed(loaded)
    loaded.model.generation_config = GenerationConfig(
        eos_token_id=EOS, repetition_penalty=9.0, no_repeat_ngram_size=1, temperature=0.1, top_k=1, min_new_tokens=5
    )
    assert streamed(loaded) == plain


def test_eos_comes_last_without_text() -> None:
    loaded = build("gpt2")
    plain = streamed(loaded)
    eos = plain[5]
    loaded.model.generation_config.eos_token_id = [eos, EOS]
    steps = list(stream(loaded, PROMPT, DecodingSettings(method="greedy", max_new_tokens=24)))
    assert [step.token_id for step in steps] == plain[: plain.index(eos) + 1] == generated(loaded)
    assert steps[-1].token_id == eos and steps[-1].text == ""


def test_an_empty_prompt_starts_from_bos() -> None:
    loaded = build("gpt2")
    theirs = loaded.model.generate(do_sample=False, max_new_tokens=10)[0, 1:].tolist()
    ours = [step.token_id for step in stream(loaded, "", DecodingSettings(method="greedy", max_new_tokens=10))]
    assert ours == theirs


def test_temperature_zero_is_greedy() -> None:
    loaded = build("llama")
    settings = DecodingSettings(temperature=0, top_k=3, top_p=0.5, max_new_tokens=24)
    steps = list(stream(loaded, PROMPT, settings))
    assert [step.token_id for step in steps] == generated(loaded)
    assert all(step.draw is None for step in steps)
    assert not any(outcome.active for step in steps for outcome in step.stages[5:-1])


def test_logprob_is_the_models_own() -> None:
    loaded = build("qwen3")
    settings = DecodingSettings(temperature=0.5, top_k=3, repetition_penalty=1.3, max_new_tokens=8, seed=3)
    steps = list(stream(loaded, PROMPT, settings))
    ids = loaded.tokenizer(PROMPT)["input_ids"]
    with torch.no_grad():
        logits = loaded.model(torch.tensor([ids + [step.token_id for step in steps]])).logits[0]
    logprobs = torch.log_softmax(logits, dim=-1)
    for place, step in enumerate(steps, start=len(ids) - 1):
        assert step.logprob == pytest.approx(float(logprobs[place, step.token_id]), abs=1e-4)
