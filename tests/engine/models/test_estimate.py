"""What is said of a model before it is loaded, against what loading it shows."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from engine.tiny_models import save_tiny

from app.engine.models import load
from app.engine.models.estimate import estimate


@pytest.mark.parametrize("family", ["gpt2", "llama", "gemma2", "opt", "gpt_neox"])
def test_parameters_and_weights_from_the_header_alone(family: str, tmp_path: Path) -> None:
    folder = save_tiny(tmp_path / family, family)
    said = estimate(folder)
    loaded = load(folder)
    count = loaded.model.num_parameters()
    assert said.parameters == count
    assert dict(said.parts)["Weights"] == count * 4
    assert (said.precision, said.device, said.stored) == ("fp32", "cpu", "fp32")


def test_the_kv_cache_of_a_grouped_model_by_hand(tmp_path: Path) -> None:
    said = estimate(save_tiny(tmp_path / "llama", "llama"), precision="bf16")
    # 3 layers, key and value, 2 KV heads of 8, 128 tokens, 2 bytes.
    assert dict(said.parts)["KV cache"] == 3 * 2 * 2 * 8 * 128 * 2
    assert said.tokens == 128
    assert dict(said.parts)["Weights"] == 2 * said.parameters


def test_the_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    total = estimate("story-gpt").total
    for free, verdict in ((10 * total, "fits"), (int(1.1 * total), "tight"), (total - 1, "too big")):
        monkeypatch.setattr("app.engine.models.estimate.free_bytes", lambda _, free=free: free)
        assert estimate("story-gpt").verdict == verdict
    assert not estimate("story-gpt").fits_after_closing
    assert estimate("story-gpt", returned=1).fits_after_closing


def test_auto_takes_the_stored_precision_on_a_gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "half"
    loaded = load(save_tiny(tmp_path / "whole", "llama"))
    loaded.model.to(torch.bfloat16).save_pretrained(folder)
    loaded.tokenizer.save_pretrained(folder)
    assert estimate(folder).precision == "fp32"
    monkeypatch.setattr("app.engine.models.estimate.choose_device", lambda _: "cuda")
    monkeypatch.setattr("app.engine.models.estimate.free_bytes", lambda _: 1 << 40)
    assert estimate(folder).precision == estimate(folder).stored == "bf16"
