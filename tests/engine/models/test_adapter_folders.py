"""Adapters' folders: where their base and their tokenizer come from, and what cannot be opened."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from engine.models.fake_hub import our_hub
from engine.tiny_adapters import GPT, STORY, config, gpt, inputs_of, plainly, said, save_adapter, write
from engine.tiny_models import save_tiny, tiny_tokenizer
from transformers import AutoModelForCausalLM

from app.engine.errors import UserError
from app.engine.models import load
from app.engine.models.catalogue import entry_of, is_here
from app.engine.models.estimate import estimate
from app.engine.trace import trace
from app.engine.trace.recipe import recipe

# peft asks transformers for this by its old name, in `PeftModel` and nowhere in our own loading.
pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A LoRA adapter on the attention of the bundled GPT."""
    with pytest.warns(FutureWarning, match="is_gradient_checkpointing"):
        return save_adapter(tmp_path_factory.mktemp("adapters") / "pirate", gpt(), config(), "story-gpt")


# Where the base is


def test_the_base_lies_beside_the_adapter_or_in_a_folder_of_its_own(tmp_path: Path) -> None:
    place = save_tiny(tmp_path / "models" / "base", "llama")
    made = config(target_modules=["q_proj"], fan_in_fan_out=False)
    folder = save_adapter(tmp_path / "models" / "adapter", AutoModelForCausalLM.from_pretrained(place), made)
    for named in ("../base", str(place)):
        write(folder, base_model_name_or_path=named)
        loaded = load(folder)
        assert loaded.adapter is not None and Path(loaded.adapter.base) == place.resolve()
        assert loaded.adapter.words == "LoRA adapter of base, rank 8"
    entry = entry_of(folder, str(folder), "folder")
    assert (entry.family, entry.kind, entry.problem) == ("llama", "decoder", "")
    assert entry.adapter == loaded.adapter
    assert entry.size == (folder / "adapter_model.safetensors").stat().st_size


def test_base_and_adapter_come_from_the_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = save_tiny(tmp_path / "base", "llama")
    made = config(target_modules=["q_proj"], fan_in_fan_out=False)
    folder = save_adapter(tmp_path / "adapter", AutoModelForCausalLM.from_pretrained(place), made, "ada/tiny")
    with our_hub(monkeypatch, tmp_path / "cache") as hub:
        hub.repositories.update({"ada/tiny": place, "ada/adapter": folder})
        entry = entry_of(folder, str(folder), "folder")
        assert (entry.problem, entry.family) == ("", "")
        assert not is_here(folder)
        with pytest.raises(UserError, match=r"adapter and needs its base “ada/tiny”.*no model called"):
            load(folder, local_files_only=True)
        first = load(folder)
        assert is_here(folder)
        assert entry_of(folder, str(folder), "folder").family == "llama"
        hub.sent.clear()
        again = load("ada/adapter")
        assert {name.rpartition("/")[2] for name in hub.sent} == {"adapter_config.json", "adapter_model.safetensors"}
        assert torch.equal(said(again.model, inputs_of(again)), said(first.model, inputs_of(first)))
        hub.broken = 503
        assert load("ada/adapter").summary.adapter_of == "ada/tiny"


def test_its_own_tokenizer_comes_first(folder: Path, tmp_path: Path) -> None:
    assert load(folder).tokenizer.get_vocab() == load("story-gpt").tokenizer.get_vocab()
    own = tmp_path / "own"
    own.mkdir()
    for path in folder.iterdir():
        (own / path.name).write_bytes(path.read_bytes())
    tiny_tokenizer().save_pretrained(own)
    loaded = load(own)
    assert loaded.tokenizer.vocab_size == tiny_tokenizer().vocab_size
    assert torch.equal(trace(loaded, STORY).logits, said(loaded.model, inputs_of(loaded))[0])


@pytest.mark.filterwarnings("ignore:Setting `save_embedding_layers`")
def test_added_tokens_come_with_their_embeddings(tmp_path: Path) -> None:
    base = gpt()
    base.resize_token_embeddings(4100, mean_resizing=False)
    folder = save_adapter(tmp_path / "adapter", base, config(), "story-gpt")
    write(folder, base_model_name_or_path=str(GPT))
    loaded = load(folder)
    expected = gpt()
    expected.resize_token_embeddings(4100, mean_resizing=False)
    inputs = inputs_of(loaded)
    inputs["input_ids"][0, 2] = 4098
    if "transformer.wte.weight" not in _stored(folder):
        pytest.fail("peft did not store the embeddings")
    assert torch.equal(said(loaded.model, inputs), said(plainly(expected, folder), inputs))
    assert (loaded.summary.vocabulary, loaded.adapter.tokens) == (4100, 4100)
    with pytest.raises(UserError, match=r"cannot be switched off, because it knows 4,100 tokens and its base 4,096"):
        loaded.set_adapter_active(False)
    assert "resize_token_embeddings(4100" in recipe(trace(loaded, STORY), "logits", STORY)


def _stored(folder: Path) -> set[str]:
    from safetensors import safe_open

    with safe_open(folder / "adapter_model.safetensors", "pt") as file:
        return {name.removeprefix("base_model.model.") for name in file.keys()}  # noqa: SIM118 - no mapping


def test_an_adapter_that_took_from_its_base_stays_on(tmp_path: Path) -> None:
    folder = save_adapter(tmp_path / "adapter", gpt(), config(init_lora_weights="pissa"), "story-gpt")
    loaded = load(folder)
    inputs = inputs_of(loaded)
    assert torch.equal(said(loaded.model, inputs), said(plainly(gpt(), folder), inputs))
    with pytest.raises(UserError, match="cannot be switched off, because it took its beginning"):
        loaded.set_adapter_active(False)


def test_base_and_adapter_are_counted_together(folder: Path) -> None:
    alone, both = estimate("story-gpt"), estimate(folder)
    loaded = load(folder)
    assert both.parameters == loaded.model.num_parameters() == alone.parameters + 4 * 8 * (256 + 768)
    assert dict(both.parts)["Weights"] == 4 * both.parameters
    assert both.parts[1:] == alone.parts[1:]


# What cannot be opened


def _bare(folder: Path) -> None:
    (folder / "adapter_model.safetensors").unlink()


def _pickled(folder: Path) -> None:
    _bare(folder)
    torch.save({}, folder / "adapter_model.bin")


def _cut(folder: Path) -> None:
    path = folder / "adapter_model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])


def _beside_a_model(folder: Path) -> None:
    for path in GPT.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())


def _on_an_adapter(folder: Path) -> None:
    below = folder / "below"
    below.mkdir()
    for path in list(folder.glob("adapter_*")):
        (below / path.name).write_bytes(path.read_bytes())
    write(folder, base_model_name_or_path="below")


BAD: dict[str, tuple[Callable[[Path], object], str]] = {
    "pickled": (_pickled, r"only pickled weights \(adapter_model\.bin\).*PeftModel\.from_pretrained"),
    "no weights": (_bare, r"has an adapter_config\.json but no weights"),
    "cut short": (_cut, "cut short"),
    "unknown type": (lambda folder: write(folder, peft_type="NEWEST"), "adapter of the kind “NEWEST”.*LoRA"),
    "a prompt": (lambda folder: write(folder, peft_type="PROMPT_TUNING"), "kind “PROMPT_TUNING”"),
    "outside the layers": (lambda folder: write(folder, layer_replication=[[0, 2], [1, 4]]), "several times"),
    "no base named": (lambda folder: write(folder, base_model_name_or_path=None), "does not say which model"),
    "base not there": (
        lambda folder: write(folder, base_model_name_or_path="/nowhere/llama"),
        r"needs its base “/nowhere/llama”\. There is no model.*base_model_name_or_path",
    ),
    "base is an adapter": (_on_an_adapter, "another adapter"),
    "beside a whole model": (_beside_a_model, "a whole model and an adapter"),
    "broken JSON": (
        lambda folder: (folder / "adapter_config.json").write_text("{\n,"),
        r"adapter_config\.json, line 2",
    ),
}
MISFITS: dict[str, tuple[Callable[[Path], object], str]] = {
    "other modules": (lambda folder: write(folder, target_modules=["q_proj"]), "does not fit its base.*q_proj"),
    "another rank": (lambda folder: write(folder, r=4), "does not fit.*other shapes"),
    "more modules": (lambda folder: write(folder, target_modules=["c_attn", "c_fc"]), r"lacks 8 tensors.*c_fc\.lora_A"),
    "fewer modules": (lambda folder: write(folder, target_modules=["1.attn.c_attn"]), "6 of its tensors have no place"),
    "another base": (lambda folder: write(folder, base_model_name_or_path="story-bert"), "does not fit.*story-bert"),
    "a lacking module": (lambda folder: write(folder, modules_to_save=["ln_f"]), r"lacks transformer\.ln_f"),
    "nonsense": (lambda folder: write(folder, r=-1), "does not fit.*positive"),
}


@pytest.mark.parametrize("name", [*BAD, *MISFITS])
def test_what_cannot_be_opened_says_why(name: str, folder: Path, tmp_path: Path) -> None:
    change, words = (BAD | MISFITS)[name]
    bad = tmp_path / "bad"
    bad.mkdir()
    for path in folder.iterdir():
        (bad / path.name).write_bytes(path.read_bytes())
    change(bad)
    with pytest.raises(UserError, match=words) as refused:
        load(bad)
    assert refused.value.remedy
    if name in BAD:
        assert entry_of(bad, str(bad), "folder").problem == str(refused.value)
        with pytest.raises(UserError):
            estimate(bad)
