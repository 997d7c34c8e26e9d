"""Opening folders, good and bad."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from engine.tiny_models import save_tiny
from transformers import LlamaForCausalLM

from app.engine.errors import Cancelled, UserError
from app.engine.models import load
from app.engine.models.loading import _weights


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return save_tiny(tmp_path / "model", "llama")


def test_a_folder_opens_in_eval_mode_with_the_default_attention(folder: Path) -> None:
    heard: list[float] = []
    model = load(str(folder), progress=lambda step: heard.append(step.fraction))
    assert not model.model.training
    assert model.model.config._attn_implementation == "sdpa"
    assert model.model.dtype == torch.float32
    assert (model.family, model.kind) == ("llama", "decoder")
    summary = model.summary
    assert (summary.layers, summary.heads, summary.kv_heads, summary.head_dim, summary.width) == (3, 4, 2, 8, 32)
    assert summary.parameters == sum(parameter.numel() for parameter in model.model.parameters())
    assert summary.mlp_width == 64
    assert heard == sorted(heard)
    assert len(heard) > 2
    model.unload()
    assert model.model is None
    model.unload()


def test_precision_is_taken(folder: Path) -> None:
    assert load(folder, precision="bf16").model.dtype == torch.bfloat16
    with pytest.raises(UserError, match="no precision"):
        load(folder, precision="int3")
    with pytest.raises(UserError, match="no device"):
        load(folder, device="abacus")


def test_cancel_is_heard_between_steps(folder: Path) -> None:
    with pytest.raises(Cancelled):
        load(folder, cancel=lambda: True)


def test_unknown_name() -> None:
    with pytest.raises(UserError, match="“nobody/nothing” is not on this machine"):
        load("nobody/nothing")


def test_a_file_is_no_folder(folder: Path) -> None:
    with pytest.raises(UserError, match="a model is a folder"):
        load(folder / "config.json")


def test_no_config(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"has no config\.json"):
        load(tmp_path)


def test_broken_config_names_file_and_line(folder: Path) -> None:
    (folder / "config.json").write_text('{\n  "model_type": "llama",\n  oops\n}')
    with pytest.raises(UserError, match=r"config\.json, line 3"):
        load(folder)


def test_pickled_weights_are_refused_with_the_way_out(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    torch.save({}, folder / "pytorch_model.bin")
    with pytest.raises(UserError, match=r"only pickled weights.*save_pretrained"):
        load(folder)


def test_no_weights(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    with pytest.raises(UserError, match="no weights"):
        load(folder)


def test_a_truncated_file_says_how_much_is_there(folder: Path) -> None:
    weights = folder / "model.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match=f"{len(whole) // 2:,} of {len(whole):,} bytes"):
        load(folder)
    weights.write_bytes(whole[:5])
    with pytest.raises(UserError, match="cut short or damaged"):
        load(folder)


def test_a_missing_shard_is_named(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    (folder / "model.safetensors.index.json").write_text(
        json.dumps({"weight_map": {"a": "model-00001-of-00002.safetensors"}})
    )
    with pytest.raises(UserError, match=r"model-00001-of-00002\.safetensors is missing"):
        load(folder)


def test_no_tokenizer(folder: Path) -> None:
    (folder / "tokenizer.json").unlink()
    with pytest.raises(UserError, match="no tokenizer"):
        load(folder)


def test_a_broken_tokenizer(folder: Path) -> None:
    (folder / "tokenizer.json").write_text("{}")
    with pytest.raises(UserError, match=r"tokenizer in .* could not be read"):
        load(folder)


def test_an_unknown_architecture(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"model_type": "brandnew"}))
    with pytest.raises(UserError, match="architecture “brandnew”"):
        load(folder)


def test_weights_that_lack_tensors_are_not_filled_with_random_numbers(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"num_hidden_layers": 5}))
    with pytest.raises(UserError, match=r"lack .* tensors"):
        load(folder)


def test_weights_of_another_size(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"intermediate_size": 48}))
    with pytest.raises(UserError, match="do not fit its config"):
        load(folder)


def test_weights_of_another_family_are_refused(folder: Path) -> None:
    config = {"model_type": "bert", "architectures": ["BertForMaskedLM"], "vocab_size": 320, "hidden_size": 48}
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(UserError, match="they would be random"):
        load(folder)


def test_more_than_fits_is_refused_before_it_is_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.engine.models.memory.free_bytes", lambda device: 1000)
    with pytest.raises(UserError, match=r"needs 0\.0 GB.*bf16"):
        load(folder)


def test_spread_by_accelerate_computes_the_same(folder: Path) -> None:
    # Here there is one device to spread over; that several GPUs work is not checked by this.
    steps = _weights(LlamaForCausalLM, folder, torch.float32, "auto")
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            spread = stop.value.eval()
            break
    ids = torch.arange(10)[None]
    with torch.no_grad():
        assert torch.equal(spread(ids).logits, load(folder).model(ids).logits)
