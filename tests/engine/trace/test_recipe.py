"""Copied Python, run as it stands, gives the tensor that the trace shows."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from engine.family_configs import build, save
from engine.tiny_models import VOCABULARY

from app.engine.errors import UserError
from app.engine.models import load
from app.engine.models.loaded import LoadedModel
from app.engine.trace import AblateHead, trace
from app.engine.trace.recipe import recipe

TEXT, OTHER = "The cat saw the moon.", "Ada gave a ball to Tim."
Family = Callable[[str], LoadedModel]


@pytest.fixture(scope="module")
def family(tmp_path_factory: pytest.TempPathFactory) -> Family:
    root: Path = tmp_path_factory.mktemp("recipes")

    @cache
    def opened(name: str) -> LoadedModel:
        return load(save(root / name, name))

    return opened


def run(code: str) -> torch.Tensor:
    space: dict[str, Any] = {}
    exec(code, space)
    return space["tensor"]


@pytest.mark.parametrize(
    ("name", "tensors"),
    [
        ("gpt2", ["embed", "pos_embed", "blocks.1.resid_pre", "blocks.1.ln1", "blocks.1.mlp.hidden", "logits"]),
        ("llama", ["blocks.1.attn.q", "blocks.1.attn.k", "blocks.1.attn.v", "blocks.1.attn.z", "blocks.0.attn.scores"]),
        ("llama", ["blocks.1.attn.pattern", "blocks.1.resid_mid", "ln_final", "model.layers.0.mlp.up_proj.weight"]),
        ("albert", ["blocks.1.attn.pattern", "blocks.1.ln1", "blocks.1.resid_post"]),
        ("t5", ["encoder.blocks.0.attn.pattern", "decoder.blocks.1.cross.pattern", "decoder.embed", "logits"]),
        (
            "bart",
            ["decoder.blocks.1.cross.q", "decoder.blocks.1.cross.v", "encoder.ln_embed", "decoder.blocks.0.attn.z"],
        ),
        ("bloom", ["blocks.1.attn.pattern", "blocks.1.attn.out", "blocks.1.mlp.out", "resid_norms"]),
        ("mistral", ["blocks.0.attn.scores", "resid_norms", "model.layers.1.mlp", "model.layers.1.mlp.input"]),
        ("llama", ["model.rotary_emb.inv_freq"]),
        ("albert", ["resid_norms"]),
        ("t5", ["encoder.resid_norms", "decoder.resid_norms"]),
        ("bert", ["blocks.0.attn.scores"]),
        ("gpt_oss", ["blocks.1.attn.sinks"]),
    ],
)
def test_the_code_gives_the_tensor(family: Family, name: str, tensors: list[str]) -> None:
    model = family(name)
    target = OTHER if model.kind == "encoder-decoder" else None
    t = trace(model, TEXT, target=target)
    for tensor in tensors:
        made = run(recipe(t, tensor, TEXT, target=target))
        assert made.shape == t[tensor].shape, tensor
        assert torch.allclose(made, t[tensor], atol=1e-5), tensor


def test_it_runs_in_the_precision_that_is_open_here(tmp_path: Path) -> None:
    """A checkpoint in bf16 opens in fp32 on a CPU; plain transformers alone would keep bf16."""
    folder = save(tmp_path / "half", "gpt2")
    build("gpt2", vocab_size=VOCABULARY + 8).to(torch.bfloat16).save_pretrained(folder)
    t = trace(load(folder), TEXT)
    made = run(recipe(t, "blocks.1.resid_post", TEXT))
    assert made.dtype == torch.float32
    assert torch.allclose(made, t["blocks.1.resid_post"], atol=1e-5)


def test_of_a_pair(family: Family) -> None:
    t = trace(family("bert"), TEXT, pair=OTHER)
    for tensor in ("blocks.0.attn.pattern", "type_embed", "logits"):
        assert torch.allclose(run(recipe(t, tensor, TEXT, pair=OTHER)), t[tensor], atol=1e-5)


def test_what_plain_transformers_does_not_give_is_said(family: Family) -> None:
    with pytest.raises(UserError, match="switched off"):
        recipe(trace(family("gpt2"), TEXT, edits=[AblateHead(0, 0)]), "logits", TEXT)
    with pytest.raises(UserError, match="adds to its scores"):
        recipe(trace(family("t5"), TEXT, target=OTHER), "encoder.blocks.0.attn.scores", TEXT)
    with pytest.raises(UserError, match="its own"):
        recipe(trace(family("bloom"), TEXT), "blocks.0.attn.scores", TEXT)


def test_inputs_of_modules_and_weights_are_tensors_too(family: Family) -> None:
    model = family("llama")
    t = trace(model, TEXT)
    assert torch.equal(t["model.layers.1.mlp.input"][0], t["blocks.1.ln2"])
    assert torch.equal(t["lm_head.weight"], model.model.lm_head.weight.detach())
    assert torch.equal(t["model.layers.1.self_attn.o_proj.input"][0], t["blocks.1.attn.z"].transpose(0, 1).flatten(1))
    with pytest.raises(UserError, match="no such module"):
        t["model.layers.9.mlp"]
