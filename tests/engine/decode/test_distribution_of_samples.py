"""Sampling matches transformers in distribution: Pearson's chi-square on a small vocabulary."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from engine.decode.decode_models import build
from transformers.generation.logits_process import (
    LogitsProcessorList,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from app.engine.decode import DecodingSettings
from app.engine.decode.batch import stream_batch

PROMPT = "The quick brown fox"
BATCH, RUNS = 500, 6


def critical(freedom: int) -> float:
    """The 99.9% point of chi-square, by Wilson and Hilferty's cube (1931)."""
    part = 2 / (9 * freedom)
    return freedom * (1 - part + 3.0902 * math.sqrt(part)) ** 3


@pytest.mark.parametrize(
    ("settings", "warpers"),
    [
        (DecodingSettings(), []),
        (
            DecodingSettings(temperature=1.5, top_k=30, top_p=0.9),
            [TemperatureLogitsWarper(1.5), TopKLogitsWarper(30), TopPLogitsWarper(0.9)],
        ),
    ],
)
@pytest.mark.parametrize("family", ["gpt2", "t5"])
def test_first_tokens_fall_as_transformers_would_draw_them(
    family: str, settings: DecodingSettings, warpers: list[object]
) -> None:
    loaded = build(family)
    ids = torch.tensor([loaded.tokenizer(PROMPT)["input_ids"]])
    inputs = {"input_ids": ids}
    if family == "t5":
        inputs["decoder_input_ids"] = torch.tensor([[loaded.model.generation_config.decoder_start_token_id]])
    with torch.no_grad():
        logits = loaded.model(**inputs).logits[:, -1]
    expected = torch.softmax(LogitsProcessorList(warpers)(ids, logits), -1)[0].double().numpy()
    counts = np.zeros(len(expected))
    for run in range(RUNS):
        one = DecodingSettings(**{**vars(settings), "seed": run * BATCH, "max_new_tokens": 1})
        for _, step in stream_batch(loaded, PROMPT, one, BATCH):
            counts[step.token_id] += 1
    total = BATCH * RUNS
    assert counts.sum() == total
    assert counts[expected == 0].sum() == 0, "a token that is cut is never drawn"
    often = expected * total >= 5
    seen = np.append(counts[often], counts[~often].sum())
    wanted = np.append(expected[often], expected[~often].sum()) * total
    kept = wanted > 0
    statistic = float(((seen - wanted)[kept] ** 2 / wanted[kept]).sum())
    assert kept.sum() > 3, "otherwise there is nothing to compare"
    assert statistic < critical(int(kept.sum()) - 1)
