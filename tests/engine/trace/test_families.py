"""Eleven architectures: what the trace shows is what the untouched model computes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from engine.tiny_models import FAMILIES, SENTENCES

from app.engine.models.loaded import LoadedModel
from app.engine.trace import trace

Tiny = Callable[[str], LoadedModel]
TEXT = SENTENCES[0]


def ids_of(model: LoadedModel) -> torch.Tensor:
    return torch.tensor([model.tokenizer(TEXT)["input_ids"]])


def eager_run(model: LoadedModel, **options: Any) -> Any:
    """A separate run of the family's own eager attention."""
    before = model.model.config._attn_implementation
    model.model.set_attn_implementation("eager")
    try:
        with torch.no_grad():
            return model.model(ids_of(model), **options)
    finally:
        model.model.set_attn_implementation(before)


@pytest.mark.parametrize("family", FAMILIES)
def test_logits_are_bit_identical_to_the_untouched_model(tiny: Tiny, family: str) -> None:
    model = tiny(family)
    with torch.no_grad():
        untouched = model.model(ids_of(model)).logits[0]
    assert torch.equal(trace(model, TEXT).logits, untouched)
    with torch.no_grad():
        assert torch.equal(model.model(ids_of(model)).logits[0], untouched), "the trace left something behind"


@pytest.mark.parametrize("family", FAMILIES)
def test_patterns_equal_a_separate_eager_run(tiny: Tiny, family: str) -> None:
    model = tiny(family)
    t = trace(model, TEXT)
    eager = eager_run(model, output_attentions=True)
    for layer, expected in enumerate(eager.attentions):
        pattern = t.attention(layer)
        assert pattern.dtype == torch.float32
        assert (pattern - expected[0]).abs().max() <= 5e-5
        assert torch.allclose(pattern.sum(-1), torch.ones(pattern.shape[:2]), atol=1e-5)
        assert (pattern[:, ~t.visible(layer)] == 0).all()


@pytest.mark.parametrize("family", FAMILIES)
def test_patterns_follow_from_q_k_and_mask(tiny: Tiny, family: str) -> None:
    model = tiny(family)
    t = trace(model, TEXT)
    attention = model.model.get_submodule(model.anatomy.blocks[1].attention)
    q, k = t["blocks.1.attn.q"], t["blocks.1.attn.k"]
    k = k.repeat_interleave(q.shape[0] // k.shape[0], dim=0)
    # OPT scales its queries before they reach attention; the others hand the scale over.
    scale = 1.0 if family == "opt" else getattr(attention, "scaling", q.shape[-1] ** -0.5)
    scores = q @ k.transpose(1, 2) * scale
    if family == "gemma2":
        scores = torch.tanh(scores / 0.5) * 0.5
    scores = scores.masked_fill(~t.visible(1), float("-inf"))
    assert torch.equal(torch.isinf(t["blocks.1.attn.scores"]), torch.isinf(scores))
    finite = torch.isfinite(scores)
    assert (t["blocks.1.attn.scores"][finite] - scores[finite]).abs().max() <= 1e-5
    assert (t["blocks.1.attn.pattern"] - scores.softmax(-1)).abs().max() <= 1e-6


@pytest.mark.parametrize("family", FAMILIES)
def test_tensors_equal_hooks_and_add_up(tiny: Tiny, family: str) -> None:
    model = tiny(family)
    t = trace(model, TEXT)
    seen: dict[str, torch.Tensor] = {}
    handles = [
        module.register_forward_hook(
            lambda _m, args, out, name=name: seen.update({name: (out[0] if isinstance(out, tuple) else out)})
        )
        for name, module in model.model.named_modules()
        if name
    ]
    with torch.no_grad():
        model.model(ids_of(model))
    for handle in handles:
        handle.remove()
    parts = model.anatomy.blocks[1]
    for name, path in {
        "blocks.1.attn.out": parts.attention,
        "blocks.1.ln1": parts.first_norm,
        "blocks.1.resid_post": parts.block,
        "blocks.1.mlp.out": parts.mlp or parts.mlp_last,
        "ln_final": model.anatomy.final_norm,
        "embed": model.anatomy.embed,
    }.items():
        assert torch.equal(t[name], seen[path].reshape(-1, seen[path].shape[-1])), name
        assert torch.equal(t[path].reshape(t[name].shape), t[name]), "the module path names the same tensor"
    for name in t.names():
        assert tuple(t[name].shape) == t.info(name).shape, name
    before = t["blocks.1.resid_pre"]
    assert torch.equal(before, t["blocks.0.resid_post"])
    attended = t["blocks.1.ln1_post"] if "blocks.1.ln1_post" in t.names() else t["blocks.1.attn.out"]
    fed = t["blocks.1.ln2_post"] if "blocks.1.ln2_post" in t.names() else t["blocks.1.mlp.out"]
    assert torch.allclose(before + attended + fed, t["blocks.1.resid_post"], atol=2e-4)
    if "blocks.1.resid_mid" in t.names():
        assert torch.allclose(before + attended, t["blocks.1.resid_mid"], atol=1e-4)
    v = t["blocks.1.attn.v"].repeat_interleave(t["blocks.1.attn.q"].shape[0] // t["blocks.1.attn.v"].shape[0], dim=0)
    assert torch.allclose(t.attention(1) @ v, t["blocks.1.attn.z"], atol=1e-4)


@pytest.mark.parametrize("family", ["llama", "qwen2", "qwen3", "mistral", "gemma2", "gemma3_text", "phi3"])
def test_rotary_turns_q_pre_into_q(tiny: Tiny, family: str) -> None:
    model = tiny(family)
    t = trace(model, TEXT)
    for letter in "qk":
        before, after = t[f"blocks.0.attn.{letter}_pre"], t[f"blocks.0.attn.{letter}"]
        assert before.shape == after.shape
        # The angle at position 0 is 0; elsewhere a rotation changes a vector and keeps its length.
        assert torch.allclose(before[:, 0], after[:, 0], atol=1e-6)
        assert not torch.allclose(before[:, 1:], after[:, 1:], atol=1e-2)
        assert torch.allclose(before.norm(dim=-1), after.norm(dim=-1), atol=1e-4)


@pytest.mark.parametrize("family", ["phi", "gpt_neox"])
def test_partial_rotary_leaves_the_other_half_alone(tiny: Tiny, family: str) -> None:
    t = trace(tiny(family), TEXT)
    for letter in "qk":
        before, after = t[f"blocks.2.attn.{letter}_pre"], t[f"blocks.2.attn.{letter}"]
        assert torch.equal(before[..., 4:], after[..., 4:])
        assert not torch.allclose(before[:, 1:, :4], after[:, 1:, :4], atol=1e-2)


def test_windows_bite(tiny: Tiny) -> None:
    for family in ("mistral", "gemma2", "gemma3_text", "phi3", "qwen2"):
        t = trace(tiny(family), TEXT)
        length = len(t.tokens)
        assert length > 6
        assert any(not t.visible(layer)[length - 1, 0] for layer in range(3)), f"no window in {family}"
