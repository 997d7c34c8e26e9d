"""Norm-weighted attention, rollout and direct logit attribution against what the models themselves compute."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from engine.family_configs import save

from app.engine.errors import UserError
from app.engine.models import load
from app.engine.models.loaded import LoadedModel
from app.engine.trace import AblateHead, trace
from app.engine.trace.beyond import attribute_logit, norm_weighted, rollout

TEXT, TARGET = "The cat saw the moon and the moon saw the cat.", "Ada gave a ball to Tim."
Family = Callable[[str], LoadedModel]


@pytest.fixture(scope="module")
def family(tmp_path_factory: pytest.TempPathFactory) -> Family:
    root: Path = tmp_path_factory.mktemp("beyond")

    @cache
    def opened(name: str) -> LoadedModel:
        return load("story-gpt") if name == "story-gpt" else load(save(root / name, name))

    return opened


@pytest.mark.parametrize("name", ["story-gpt", "llama", "bert", "t5", "bart", "gptj", "phi", "opt"])
def test_norms_are_those_of_what_a_head_writes(family: Family, name: str) -> None:
    model = family(name)
    t = trace(model, TEXT, target=TARGET if model.kind == "encoder-decoder" else None)
    kind = model.anatomy.kinds[-1]
    site = model.anatomy.sites[kind, 1]
    weighted = norm_weighted(t, 1, kind)
    assert weighted.shape == t.attention(1, kind=kind).shape
    # A query that looked at one key only would write exactly that key's vector: compare with the ablated difference.
    without = trace(
        model, TEXT, target=TARGET if model.kind == "encoder-decoder" else None, edits=[AblateHead(1, 2, kind)]
    )
    written = t[f"{site.prefix}out"] - without[f"{site.prefix}out"]
    pattern = t.attention(1, 2, kind)
    single = pattern.max(-1).values > 0.999
    lengths = weighted[2].sum(-1)
    assert torch.all(written.norm(dim=-1) <= lengths + 1e-4), "a mixture is no longer than its parts together"
    for query in single.nonzero().flatten().tolist():
        assert written[query].norm() == pytest.approx(float(lengths[query]), rel=1e-2)


def test_one_token_writes_what_it_weighs(family: Family) -> None:
    """The first row of causal attention has one key, so the head's output is that key's vector itself."""
    model = family("story-gpt")
    t, without = trace(model, TEXT), trace(model, TEXT, edits=[AblateHead(2, 1)])
    written = (t["blocks.2.attn.out"] - without["blocks.2.attn.out"])[0]
    assert float(norm_weighted(t, 2)[1, 0, 0]) == pytest.approx(float(written.norm()), rel=1e-4)


def test_rollout_is_the_product_of_the_mixed_layers(family: Family) -> None:
    t = trace(family("story-gpt"), TEXT)
    expected = torch.eye(len(t.tokens))
    for layer in range(3):
        expected = (0.5 * t.attention(layer).mean(0) + 0.5 * torch.eye(len(t.tokens))) @ expected
    made = rollout(t, 2)
    assert torch.allclose(made, expected, atol=1e-6)
    assert torch.allclose(made.sum(-1), torch.ones(len(made)), atol=1e-5)
    assert (made.triu(1) == 0).all()


def test_rollout_by_hand() -> None:
    """Two tokens, one layer with A = [[1, 0], [0.5, 0.5]]: 0.5 A + 0.5 I = [[1, 0], [0.25, 0.75]]."""

    class Two:
        def has_attention(self, _layer: int, _kind: str) -> bool:
            return True

        def attention(self, _layer: int, kind: str) -> torch.Tensor:
            return torch.tensor([[[1.0, 0.0], [0.5, 0.5]]])

    once = torch.tensor([[1.0, 0.0], [0.25, 0.75]])
    assert torch.equal(rollout(Two(), 0), once)  # type: ignore[arg-type]
    # Twice: second row 0.25·[1, 0] + 0.75·[0.25, 0.75] = [0.4375, 0.5625].
    assert rollout(Two(), 1)[1].tolist() == [0.4375, 0.5625]  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["story-gpt", "llama", "phi", "gpt_neox", "gemma", "t5", "mbart", "olmo2", "bloom"])
def test_the_parts_add_up_to_the_logit(family: Family, name: str) -> None:
    model = family(name)
    t = trace(model, TEXT, target=TARGET if model.kind == "encoder-decoder" else None)
    position = t.logits.shape[0] - 2
    made = attribute_logit(t, position)
    assert made.token_id == int(t.logits[position].argmax())
    assert made.logit == float(t.logits[position, made.token_id])
    parts = (made.heads, made.mlps, made.attentions, made.cross_heads, made.crosses)
    total = made.embedding + sum(float(np.nansum(part)) for part in parts) + made.rest
    assert total == pytest.approx(made.logit, rel=5e-3, abs=5e-3)
    assert np.isnan(made.crosses).all(), "cross-attention is seen by head in these"
    assert np.isfinite(made.cross_heads).all() == (model.kind == "encoder-decoder")
    assert np.isnan(made.attentions).all() == (name != "olmo2"), "OLMo 2 norms its joined heads"


def test_cross_attention_has_parts_of_its_own(family: Family) -> None:
    """T5's cross-attention is no bias: a head's part is its direct path, W_O and the frozen norm worked out here."""
    model = family("t5")
    t = trace(model, TEXT, target=TARGET)
    made = attribute_logit(t, 4)
    decoder = model.model.decoder
    z = t["decoder.blocks.1.cross.z"][2, 4]
    written = z @ decoder.block[1].layer[1].EncDecAttention.o.weight.T[2 * 8 : 3 * 8].detach()
    stream = t["decoder.blocks.1.resid_post"][4]
    norm = decoder.final_layer_norm
    scaled = written / (stream.square().mean() + norm.variance_epsilon).sqrt() * norm.weight.detach()
    row = model.model.lm_head.weight[made.token_id].detach()
    factor = float(t.logits[4, made.token_id] / (t["decoder.ln_final"][4] @ row))
    assert float(made.cross_heads[1, 2]) == pytest.approx(float(scaled @ row) * factor, rel=1e-3, abs=1e-5)
    assert abs(made.rest) < 1e-4, "T5 has no biases"


def test_a_head_is_given_what_its_direct_path_is_worth(family: Family) -> None:
    """A head of the last block reaches the logits only directly: freezing the norm, its part is the difference."""
    model = family("story-gpt")
    t = trace(model, TEXT)
    made = attribute_logit(t, 5)
    last = model.summary.layers - 1
    norm, head = model.model.transformer.ln_f, model.model.lm_head
    stream = t[f"blocks.{last}.resid_post"][5]
    z = t[f"blocks.{last}.attn.z"][2, 5]
    written = z @ model.model.transformer.h[last].attn.c_proj.weight[2 * 64 : 3 * 64].detach()
    scale = (stream.var(unbiased=False) + norm.eps).sqrt()
    direct = ((written - written.mean()) / scale * norm.weight) @ head.weight[made.token_id]
    assert float(made.heads[last, 2]) == pytest.approx(float(direct.detach()), abs=1e-4)


def test_where_it_would_mean_nothing_it_says_so(family: Family) -> None:
    with pytest.raises(UserError, match="after each addition"):
        attribute_logit(trace(family("bert"), TEXT), 3)
    with pytest.raises(UserError, match="caps its logits: each is 30 · tanh"):
        attribute_logit(trace(family("gemma2"), TEXT), 3)
    with pytest.raises(UserError, match="between two texts"):
        rollout(trace(family("bart"), TEXT, target=TARGET), 1, "cross")
