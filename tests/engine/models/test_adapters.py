"""Adapters in peft's layout: the same logits as plain peft, switched off the base's, and everything that reads them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from engine.tiny_adapters import GPT, STORY, config, gpt, inputs_of, plainly, said, save_adapter
from engine.tiny_models import save_tiny
from transformers import AutoModelForCausalLM, AutoModelForPreTraining, AutoModelForSeq2SeqLM

from app.engine.decode import DecodingSettings, stream
from app.engine.errors import UserError
from app.engine.models import load
from app.engine.models.catalogue import BUNDLED_FOLDER
from app.engine.models.loaded import LoadedModel
from app.engine.models.modules import module_rows
from app.engine.trace import trace
from app.engine.trace.beyond import attribute_logit, norm_weighted
from app.engine.trace.exactness import measure_exactness
from app.engine.trace.lens import read_lens
from app.engine.trace.recipe import recipe

# peft asks transformers for this by its old name, in `PeftModel` and nowhere in our own loading.
pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A LoRA adapter on the attention of the bundled GPT."""
    with pytest.warns(FutureWarning, match="is_gradient_checkpointing"):
        return save_adapter(tmp_path_factory.mktemp("adapters") / "pirate", gpt(), config(), "story-gpt")


@pytest.fixture
def adapted(folder: Path) -> LoadedModel:
    return load(folder)


def test_it_is_the_bases_class_with_what_its_files_say(adapted: LoadedModel, folder: Path) -> None:
    base = load("story-gpt")
    adapter, summary = adapted.adapter, adapted.summary
    assert adapter is not None
    assert (adapter.type, adapter.rank, adapter.alpha, adapter.targets) == ("LoRA", 8, 16, ("c_attn",))
    assert (adapter.folder, adapter.base, adapter.always_on) == (str(folder), "story-gpt", "")
    assert adapter.words == "LoRA adapter of story-gpt, rank 8"
    assert type(adapted.model) is type(base.model)
    assert adapted.anatomy == base.anatomy
    assert (summary.name, summary.adapter_of, summary.adapter) == ("pirate", "story-gpt", adapter)
    # 4 blocks, a matrix [8, 256] and one [768, 8] each.
    assert adapter.parameters == 4 * 8 * (256 + 768)
    assert summary.parameters == base.summary.parameters + adapter.parameters
    assert summary.block_parameters[0] == base.summary.block_parameters[0] + 8 * (256 + 768)
    own = ("ref", "name", "parameters", "block_parameters", "adapter_of", "adapter")
    assert replace(summary, **{name: getattr(base.summary, name) for name in own}) == base.summary
    assert base.adapter is None
    assert not base.adapter_active
    roles = {row.path: row.role for row in module_rows(adapted)}
    assert roles["transformer.h.2.attn"] == "attention"
    assert roles["transformer.h.2.attn.c_attn"] == "with adapter"


def test_the_logits_are_plain_pefts_and_switched_off_the_bases(adapted: LoadedModel, folder: Path) -> None:
    inputs = inputs_of(adapted)
    base, expected = said(gpt(), inputs), said(plainly(gpt(), folder), inputs)
    assert torch.equal(said(adapted.model, inputs), expected)
    assert not torch.equal(expected, base)
    adapted.set_adapter_active(False)
    assert not adapted.adapter_active
    assert torch.equal(said(adapted.model, inputs), base)
    with adapted.adapter_set(True):
        assert torch.equal(said(adapted.model, inputs), expected)
    assert torch.equal(said(adapted.model, inputs), base)
    adapted.set_adapter_active(True)
    assert adapted.adapter_active
    assert torch.equal(said(adapted.model, inputs), expected)
    adapted.unload()
    with pytest.raises(UserError, match="story-gpt is no adapter"):
        load("story-gpt").set_adapter_active(False)


FAMILIES: dict[str, tuple[Callable[[Path], str], Any, dict[str, Any]]] = {
    "llama": (
        lambda root: str(save_tiny(root / "base", "llama")),
        AutoModelForCausalLM,
        {"target_modules": ["q_proj", "v_proj", "down_proj"], "fan_in_fan_out": False, "task_type": "CAUSAL_LM"},
    ),
    "bart": (
        lambda _: "bart-en-fr",
        AutoModelForSeq2SeqLM,
        {"target_modules": ["q_proj", "v_proj", "fc2"], "fan_in_fan_out": False, "task_type": "SEQ_2_SEQ_LM"},
    ),
    "bert": (
        lambda _: "story-bert",
        AutoModelForPreTraining,
        {"target_modules": ["query", "value", "dense"], "fan_in_fan_out": False},
    ),
    "gpt2, every projection": (lambda _: "story-gpt", AutoModelForCausalLM, {"target_modules": "all-linear"}),
    "gpt2, DoRA": (lambda _: "story-gpt", AutoModelForCausalLM, {"use_dora": True}),
    "gpt2, with biases": (lambda _: "story-gpt", AutoModelForCausalLM, {"bias": "all"}),
    "gpt2, with a whole module": (lambda _: "story-gpt", AutoModelForCausalLM, {"modules_to_save": ["ln_f"]}),
    "gpt2, with embeddings": (
        lambda _: "story-gpt",
        AutoModelForCausalLM,
        {"target_modules": ["wte", "wpe", "c_attn"]},
    ),
    "gpt2, with trained tokens": (lambda _: "story-gpt", AutoModelForCausalLM, {"trainable_token_indices": [3, 4]}),
}


# Said by peft while the adapter is made and saved.
@pytest.mark.filterwarnings("ignore:Setting `save_embedding_layers`", "ignore:Model has `tie_word_embeddings")
@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_equals_plain_peft_and_is_traced(name: str, tmp_path: Path) -> None:
    place, kind, options = FAMILIES[name]
    ref = place(tmp_path)
    base_folder = BUNDLED_FOLDER / ref if "/" not in ref else Path(ref)
    untouched = kind.from_pretrained(base_folder).eval()
    folder = save_adapter(tmp_path / "adapter", kind.from_pretrained(base_folder), config(**options), ref)
    loaded, base = load(folder), load(ref)
    inputs = inputs_of(loaded)
    expected = said(plainly(kind.from_pretrained(base_folder).eval(), folder), inputs)
    assert torch.equal(said(loaded.model, inputs), expected)
    assert not torch.equal(said(untouched, inputs), expected)
    target = "La mer." if loaded.kind == "encoder-decoder" else None
    made, before = trace(loaded, STORY, target=target), trace(base, STORY, target=target)
    assert torch.equal(made.logits, said(loaded.model, dict(made.inputs))[0])
    assert made.names() == before.names()
    prefix = loaded.anatomy.main.prefix
    for part in ("attn.q", "attn.pattern", "attn.out", "mlp.hidden", "mlp.out"):
        assert made[f"{prefix}blocks.0.{part}"].shape == before[f"{prefix}blocks.0.{part}"].shape
    loaded.set_adapter_active(False)
    assert torch.equal(said(loaded.model, inputs), said(untouched, inputs))
    assert torch.equal(trace(loaded, STORY, target=target).logits, before.logits)
    loaded.set_adapter_active(True)
    assert torch.equal(said(loaded.model, inputs), expected)


@pytest.mark.parametrize("type_", ["IA3", "LOHA", "LOKR", "OFT", "HRA", "MISS", "FOURIERFT", "TRAINABLE_TOKENS"])
def test_every_type_equals_plain_peft(type_: str, tmp_path: Path) -> None:
    from peft import (
        FourierFTConfig,
        HRAConfig,
        IA3Config,
        LoHaConfig,
        LoKrConfig,
        MissConfig,
        OFTConfig,
        TrainableTokensConfig,
    )

    made = {
        "IA3": IA3Config(target_modules=["k_proj", "down_proj"], feedforward_modules=["down_proj"]),
        "LOHA": LoHaConfig(target_modules=["q_proj"]),
        "LOKR": LoKrConfig(target_modules=["q_proj"]),
        "OFT": OFTConfig(target_modules=["q_proj"], oft_block_size=4),
        "HRA": HRAConfig(target_modules=["q_proj"]),
        "MISS": MissConfig(target_modules=["q_proj"], r=4),
        "FOURIERFT": FourierFTConfig(target_modules=["q_proj"], n_frequency=20),
        "TRAINABLE_TOKENS": TrainableTokensConfig(target_modules=["embed_tokens"], token_indices=[3, 40]),
    }[type_]
    place = save_tiny(tmp_path / "base", "llama")
    folder = save_adapter(tmp_path / "adapter", AutoModelForCausalLM.from_pretrained(place), made)
    loaded = load(folder)
    base = AutoModelForCausalLM.from_pretrained(place).eval()
    inputs = inputs_of(loaded)
    inputs["input_ids"][0, :2] = torch.tensor([3, 40])
    own = said(base, inputs)
    assert torch.equal(said(loaded.model, inputs), said(plainly(base, folder), inputs))
    assert not torch.equal(said(loaded.model, inputs), own)
    loaded.set_adapter_active(False)
    assert torch.equal(said(loaded.model, inputs), own)


def test_written_text_is_what_generate_writes(adapted: LoadedModel, folder: Path) -> None:
    settings = DecodingSettings(method="greedy", max_new_tokens=40)
    ids = adapted.tokenizer(STORY, return_tensors="pt")["input_ids"]
    given = dict(attention_mask=torch.ones_like(ids), max_new_tokens=40, do_sample=False, pad_token_id=0)
    own = [step.token_id for step in stream(load("story-gpt"), STORY, settings)]
    for active, expected in ((True, plainly(gpt(), folder)), (False, gpt())):
        adapted.set_adapter_active(active)
        written = [step.token_id for step in stream(adapted, STORY, settings)]
        assert written == expected.generate(input_ids=ids, **given)[0, ids.shape[1] :].tolist()
        assert written == adapted.model.generate(ids, **given)[0, ids.shape[1] :].tolist()
        assert (written == own) != active


def test_a_trace_stays_what_it_was_when_the_adapter_is_switched(adapted: LoadedModel) -> None:
    whole = trace(adapted, STORY)
    late = trace(adapted, STORY, budget=0)
    lens, row = read_lens(whole, 3).rows, recipe(whole, "logits", STORY)
    adapted.set_adapter_active(False)
    for name in ("blocks.2.attn.q", "blocks.3.mlp.hidden", "blocks.1.attn.pattern"):
        assert torch.equal(late[name], whole[name])
    assert not adapted.adapter_active
    assert read_lens(whole, 3).rows == lens
    assert recipe(whole, "logits", STORY) == row
    assert not torch.equal(trace(adapted, STORY).logits, whole.logits)


def test_readings_take_the_adapter_into_account(tmp_path: Path) -> None:
    """The output projection too is changed here; heads and feed-forwards still add up to the logit."""
    loaded = load(save_adapter(tmp_path / "all", gpt(), config(target_modules="all-linear"), "story-gpt"))
    made = trace(loaded, STORY)
    found = attribute_logit(made, 5)
    assert found.logit == pytest.approx(found.embedding + found.heads.sum() + found.mlps.sum() + found.rest, abs=1e-2)
    changed = norm_weighted(made, 0)
    loaded.set_adapter_active(False)
    assert not torch.equal(norm_weighted(trace(loaded, STORY), 0), changed)
    assert torch.allclose(norm_weighted(made, 0), changed)
    loaded.set_adapter_active(True)
    exact = measure_exactness(loaded)
    assert exact.logits == 0
    assert exact.pattern is not None and exact.pattern < 5e-5


def test_the_recipe_gives_the_same_tensor_in_plain_peft(adapted: LoadedModel) -> None:
    made = trace(adapted, STORY)
    for name in ("logits", "blocks.1.attn.q"):
        names: dict[str, Any] = {}
        lines = recipe(made, name, STORY)
        assert "PeftModel" in lines
        exec(lines, names)
        assert torch.equal(names["tensor"], made[name])
    adapted.set_adapter_active(False)
    assert "peft" not in recipe(trace(adapted, STORY), "logits", STORY)


def test_a_weight_goes_by_its_old_name(adapted: LoadedModel) -> None:
    name = "transformer.h.0.attn.c_attn.weight"
    assert torch.equal(trace(adapted, STORY)[name], gpt().get_parameter(name))


def test_peft_is_not_read_for_other_models() -> None:
    lines = "import sys; from app.engine.models import load; load('story-gpt'); print('peft' in sys.modules)"
    said = subprocess.check_output([sys.executable, "-c", lines], cwd=BUNDLED_FOLDER.parents[1], text=True)
    assert said.strip() == "False"


def test_half_precision_is_plain_pefts(folder: Path) -> None:
    loaded = load(folder, precision="bf16")
    inputs = inputs_of(loaded)
    base = AutoModelForCausalLM.from_pretrained(GPT, dtype=torch.bfloat16).eval()
    assert loaded.summary.precision == "bf16"
    assert torch.equal(said(loaded.model, inputs), said(plainly(base, folder), inputs))
