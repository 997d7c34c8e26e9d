"""Masks are filled with what the model says, the surest gap first."""

from __future__ import annotations

import pytest
import torch

from app.engine.decode import DecodingSettings
from app.engine.decode.masks import fill_masks
from app.engine.errors import UserError
from app.engine.models import load
from app.engine.models.loaded import LoadedModel

GREEDY = DecodingSettings(method="greedy")
TEXT = "Mia and Tom went to the [MASK]. They [MASK] a big [MASK]."


@pytest.fixture(scope="module")
def bert() -> LoadedModel:
    return load("story-bert")


def test_greedy_filling_is_transformers_step_by_step(bert: LoadedModel) -> None:
    inputs = bert.tokenizer(TEXT, return_tensors="pt")
    ids, mask = inputs["input_ids"].clone(), bert.tokenizer.mask_token_id
    special = bert.tokenizer.all_special_ids
    filled = list(fill_masks(bert, TEXT, GREEDY))
    assert len(filled) == 3
    for one in filled:
        with torch.no_grad():
            output = bert.model(**{**inputs, "input_ids": ids})
        logits = getattr(output, "prediction_logits", None)
        logits = (logits if logits is not None else output.logits)[0]
        gaps = (ids[0] == mask).nonzero()[:, 0]
        surest = gaps[torch.softmax(logits[gaps], -1).amax(-1).argmax()]
        assert one.position == int(surest)
        row = logits[surest].clone()
        assert one.step.logprob == pytest.approx(float(torch.log_softmax(row, -1)[one.step.token_id]), abs=1e-4)
        row[special] = float("-inf")
        assert one.step.token_id == int(row.argmax())
        ids[0, one.position] = one.step.token_id
    assert mask not in ids


def test_sampling_reproduces_with_its_seed(bert: LoadedModel) -> None:
    def run(seed: int) -> list[int]:
        settings = DecodingSettings(temperature=1.5, seed=seed)
        return [one.step.token_id for one in fill_masks(bert, TEXT, settings)]

    assert run(4) == run(4)
    assert len({tuple(run(seed)) for seed in range(5)}) > 1


def test_what_it_refuses(bert: LoadedModel) -> None:
    with pytest.raises(UserError, match=r"holds no \[MASK\]"):
        fill_masks(bert, "Mia went home.", GREEDY)
    with pytest.raises(UserError, match="does not fill masks"):
        fill_masks(load("story-bert-sentiment"), TEXT, GREEDY)
    with pytest.raises(UserError, match="does not fill masks"):
        fill_masks(load("story-gpt"), TEXT, GREEDY)


def test_no_gap_is_forced(bert: LoadedModel) -> None:
    plain = [one.step.token_id for one in fill_masks(bert, TEXT, GREEDY)]
    forced = DecodingSettings(method="greedy", forced=(plain[0] + 1,))
    assert [one.step.token_id for one in fill_masks(bert, TEXT, forced)] == plain


def test_logits_that_are_no_numbers_say_where_that_began() -> None:
    loaded = load("story-bert")
    name = next(name for name, each in loaded.model.named_parameters() if ".1." in name and each.ndim > 1)
    with torch.no_grad():
        loaded.model.get_parameter(name).fill_(float("nan"))
    with pytest.raises(UserError, match=r"not finite numbers \(it begins in block 1\)"):
        next(fill_masks(loaded, TEXT, GREEDY))
