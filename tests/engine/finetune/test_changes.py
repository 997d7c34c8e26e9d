"""How far weights moved: against peft's own merging, and by hand."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from engine.family_configs import save
from engine.tiny_adapters import config, gpt, save_adapter
from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM

from app.engine.errors import UserError
from app.engine.finetune.changes import weight_changes, weight_changes_between
from app.engine.models import load
from app.engine.models.catalogue import BUNDLED_FOLDER

# peft asks transformers for this by its old name, in `PeftModel` and nowhere in our own loading.
pytestmark = [
    pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning"),
    pytest.mark.filterwarnings("ignore:Setting `save_embedding_layers`", "ignore:Model has `tie_word_embeddings"),
]
ADAPTERS: dict[str, dict[str, Any]] = {
    "LoRA": {},
    "every projection": {"target_modules": "all-linear"},
    "rsLoRA": {"use_rslora": True},
    "DoRA": {"use_dora": True},
    "biases": {"bias": "all"},
    "a whole module": {"modules_to_save": ["ln_f"]},
    "embeddings": {"target_modules": ["wte", "wpe", "c_attn"]},
    "trained tokens": {"trainable_token_indices": [3, 4]},
}


def merged_state(base: Any, folder: Path) -> dict[str, torch.Tensor]:
    """The weights after peft put the adapter into them."""
    from peft import PeftModel

    merged = PeftModel.from_pretrained(base, str(folder)).merge_and_unload()
    return {name: parameter.detach() for name, parameter in merged.named_parameters()}


@pytest.mark.parametrize("name", ADAPTERS)
def test_changes_are_those_of_pefts_merging(name: str, tmp_path: Path) -> None:
    folder = save_adapter(tmp_path / "adapter", gpt(), config(**ADAPTERS[name]), "story-gpt")
    loaded = load(folder)
    merged, base = merged_state(gpt(), folder), dict(gpt().named_parameters())
    expected = {}
    for path, tensor in base.items():
        delta = (merged[path] - tensor.detach()).norm()
        if delta > 0:
            expected[path.removesuffix(".weight")] = (
                float(delta),
                float(delta / tensor.detach().norm()),
                tuple(tensor.shape),
            )
    before = {path: parameter.clone() for path, parameter in loaded.model.named_parameters()}
    changes = {change.path: change for change in weight_changes(loaded)}
    assert changes.keys() == expected.keys()
    for path, (norm, relative, shape) in expected.items():
        found = changes[path]
        assert found.norm == pytest.approx(norm, rel=1e-5, abs=1e-5)
        assert found.relative == pytest.approx(relative, rel=1e-5, abs=1e-5)
        assert found.shape == shape
    assert loaded.adapter_active
    assert all(torch.equal(parameter, before[path]) for path, parameter in loaded.model.named_parameters())
    loaded.set_adapter_active(False)
    assert [change.norm for change in weight_changes(loaded)] == [change.norm for change in changes.values()]
    assert not loaded.adapter_active


def test_experts_and_other_adapters_are_told_too(tmp_path: Path) -> None:
    from peft import IA3Config

    base = save(tmp_path / "base", "mixtral")

    def fresh() -> Any:
        return AutoModelForCausalLM.from_pretrained(base).eval()

    experts = ["mlp.experts.gate_up_proj", "mlp.experts.down_proj"]
    made = (
        config(target_modules=["q_proj"], target_parameters=experts, fan_in_fan_out=False),
        IA3Config(target_modules=["k_proj", "v_proj"], feedforward_modules=[]),
    )
    for number, each in enumerate(made):
        folder = save_adapter(tmp_path / str(number), fresh(), each, str(base))
        merged, before = merged_state(fresh(), folder), dict(fresh().named_parameters())
        changes = {change.path: change for change in weight_changes(load(folder))}
        moved = [name for name, tensor in before.items() if not torch.equal(tensor, merged[name])]
        assert changes.keys() == {name.removesuffix(".weight") for name in moved}
        for name in moved:
            norm = float((merged[name] - before[name].detach()).norm())
            assert changes[name.removesuffix(".weight")].norm == pytest.approx(norm, rel=1e-5, abs=1e-5)


def test_modules_are_named_by_their_place(tmp_path: Path) -> None:
    made = config(target_modules=["c_attn", "c_fc"], bias="all")
    changes = weight_changes(load(save_adapter(tmp_path / "adapter", gpt(), made, "story-gpt")))
    places = {change.path: (change.layer, change.part) for change in changes}
    assert places["transformer.h.2.attn.c_attn"] == (2, "attn.c_attn")
    assert places["transformer.h.0.mlp.c_fc"] == (0, "mlp.c_fc")
    assert places["transformer.h.3.ln_1.bias"] == (3, "ln_1.bias")
    assert places["transformer.ln_f.bias"] == (None, "final norm.bias")


def test_two_stacks_are_told_apart(tmp_path: Path) -> None:
    base = AutoModelForSeq2SeqLM.from_pretrained(BUNDLED_FOLDER / "bart-en-fr")
    made = config(target_modules=["q_proj", "fc2"], fan_in_fan_out=False)
    changes = weight_changes(load(save_adapter(tmp_path / "adapter", base, made, "bart-en-fr")))
    parts = {change.part for change in changes}
    assert parts == {
        "encoder.self_attn.q_proj",
        "encoder.fc2",
        "decoder.self_attn.q_proj",
        "decoder.encoder_attn.q_proj",
        "decoder.fc2",
    }
    assert {change.layer for change in changes} == set(range(load("bart-en-fr").summary.layers))


def test_a_model_without_an_adapter_is_refused() -> None:
    with pytest.raises(UserError, match="story-gpt is no adapter"):
        weight_changes(load("story-gpt"))


def test_two_states_by_hand() -> None:
    anatomy = load("story-gpt").anatomy
    first = {
        "transformer.wte.weight": torch.tensor([[3.0, 4.0]]),
        "transformer.h.1.mlp.c_fc.weight": torch.tensor([[1.0, 2.0], [2.0, 4.0]]),
        "transformer.h.1.mlp.c_fc.bias": torch.zeros(2),
        "transformer.h.0.ln_1.weight": torch.ones(4),
        "only.here": torch.ones(1),
        "counted": torch.ones(2, dtype=torch.int64),
    }
    second = {
        "transformer.wte.weight": torch.tensor([[3.0, 4.0]]),
        "transformer.h.1.mlp.c_fc.weight": torch.tensor([[1.0, 2.0], [5.0, 8.0]]),
        "transformer.h.1.mlp.c_fc.bias": torch.tensor([0.0, 2.0]),
        "transformer.h.0.ln_1.weight": torch.ones(4, dtype=torch.bfloat16) * 1.5,
        "counted": torch.ones(2, dtype=torch.int64),
    }
    changes = weight_changes_between(first, second, anatomy)
    assert [(change.layer, change.part, change.norm, change.relative) for change in changes] == [
        (None, "token embedding", 0.0, 0.0),
        (1, "mlp.c_fc", 5.0, 1.0),
        (1, "mlp.c_fc.bias", 2.0, math.inf),
        (0, "ln_1", 1.0, 0.5),
    ]
    assert changes[1].path == "transformer.h.1.mlp.c_fc" and changes[1].shape == (2, 2)


def test_tied_tensors_count_once() -> None:
    model, other = gpt(), gpt()
    with torch.no_grad():
        other.transformer.wte.weight.add_(1.0)
    changes = weight_changes_between(model.state_dict(), other.state_dict(), load("story-gpt").anatomy)
    moved = [change for change in changes if change.norm > 0]
    assert [change.part for change in moved] == ["token embedding"]
    assert moved[0].norm == pytest.approx(math.sqrt(model.transformer.wte.weight.numel()), rel=1e-4)


def test_states_of_two_models_are_refused() -> None:
    anatomy = load("story-gpt").anatomy
    with pytest.raises(UserError, match="no tensor of the same name"):
        weight_changes_between({"a": torch.ones(1)}, {"b": torch.ones(1)}, anatomy)
    with pytest.raises(UserError, match="“a” is 2 × 3 in the first and 2 × 4 in the second"):
        weight_changes_between({"a": torch.ones(2, 3)}, {"a": torch.ones(2, 4)}, anatomy)
