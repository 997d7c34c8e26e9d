"""Architectures of all three kinds, inside and outside the attention interface, each small and random."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
import torch
from engine.family_configs import BOTH, DECODERS, ENCODERS, EVERY, OUTSIDE, WITHOUT_ATTENTION, save

from app.engine.errors import UserError
from app.engine.models import load
from app.engine.models.loaded import LoadedModel
from app.engine.trace import AblateHead, KnockOut, Trace, trace
from app.engine.trace.capture import logits_of, run_plainly
from app.engine.trace.exactness import measure_exactness
from app.engine.trace.readings import read_head, read_weight
from app.engine.trace.tap import ASIDE, way_of

TEXT, TARGET = "The cat saw the moon and the moon saw the cat.", "Ada gave a ball to Tim."
UNSEEN_VALUES = ("xlnet",)
"""It sums in Einstein's notation, which tells neither queries nor values apart."""
SINKS = ("gpt_oss",)
"""Their softmax has one column more than there are keys, so rows sum to less than 1."""
Family = Callable[[str], LoadedModel]


@pytest.fixture(scope="module")
def family(tmp_path_factory: pytest.TempPathFactory) -> Family:
    root: Path = tmp_path_factory.mktemp("families")

    @cache
    def opened(name: str) -> LoadedModel:
        return load(save(root / name, name))

    return opened


def traced(model: LoadedModel, **options: object) -> Trace:
    target = TARGET if model.kind == "encoder-decoder" else None
    return trace(model, TEXT, target=target, **options)  # type: ignore[arg-type]


def test_there_are_enough_of_them() -> None:
    assert len(set(EVERY)) == len(EVERY) >= 45


@pytest.mark.parametrize("name", EVERY)
def test_it_is_exact(family: Family, name: str) -> None:
    model = family(name)
    before = model.model.config._attn_implementation
    measured = measure_exactness(model)
    assert measured.logits == 0
    assert measured.pattern is not None, measured.reason
    assert measured.pattern <= 5e-5
    assert model.model.config._attn_implementation == before


@pytest.mark.parametrize("name", EVERY)
def test_what_is_shown_hangs_together(family: Family, name: str) -> None:
    t = traced(family(name))
    for name_of_tensor in t.names():
        assert tuple(t[name_of_tensor].shape) == t.info(name_of_tensor).shape, name_of_tensor
    for kind, layer in t.loaded.anatomy.sites:
        if not t.has_attention(layer, kind):
            continue
        site = t.loaded.anatomy.sites[kind, layer]
        scores, pattern = t.scores_and_pattern(layer, kind=kind)
        assert (pattern[:, ~t.visible(layer, kind)] == 0).all()
        if name not in SINKS:
            assert (scores.softmax(-1) - pattern).abs().max() <= 1e-6
        if name in UNSEEN_VALUES:
            assert f"{site.prefix}v" not in t.names()
            continue
        v = t[f"{site.prefix}v"]
        v = v.repeat_interleave(pattern.shape[0] // v.shape[0], dim=0)
        assert torch.allclose(pattern @ v, t[f"{site.prefix}z"], atol=1e-4)


@pytest.mark.parametrize("name", ["bert", "bart", "t5", "gptj", "bloom", "gpt_oss", "albert"])
def test_edits_act_where_they_should(family: Family, name: str) -> None:
    model = family(name)
    kind = model.anatomy.kinds[-1]
    plain = traced(model)
    cut = traced(model, edits=[KnockOut(1, 2, 4, 1, kind=kind)])
    assert cut.attention(1, 2, kind)[4, 1] == 0
    assert torch.equal(cut.attention(0, kind=kind), plain.attention(0, kind=kind)), "block 0 comes before"
    others = [head for head in range(4) if head != 2]
    assert torch.equal(cut.attention(1, kind=kind)[others], plain.attention(1, kind=kind)[others])
    ablated = traced(model, edits=[AblateHead(1, 3, kind=kind)])
    z = ablated[f"{model.anatomy.sites[kind, 1].prefix}z"]
    assert (z[3] == 0).all() and not (z[2] == 0).all()
    assert not torch.equal(ablated.logits, plain.logits)
    with torch.no_grad():
        untouched = logits_of(run_plainly(model.model, dict(plain.inputs)))
    assert untouched is not None and torch.equal(untouched[0], plain.logits), "an edit left something behind"


@pytest.mark.parametrize("name", OUTSIDE)
def test_those_outside_the_interface_are_heard_at_their_softmax(family: Family, name: str) -> None:
    assert way_of(family(name).model) == ASIDE


@pytest.mark.parametrize("name", ["gptj", "gpt_neo", "codegen", "megatron-bert"])
def test_queries_and_keys_are_those_of_the_scores(family: Family, name: str) -> None:
    t = traced(family(name))
    q, k = t["blocks.1.attn.q"], t["blocks.1.attn.k"]
    scores = t["blocks.1.attn.scores"]
    seen = torch.isfinite(scores)
    ratio = (scores[seen] / (q @ k.transpose(1, 2))[seen]).median()
    assert torch.allclose(scores[seen], (q @ k.transpose(1, 2) * ratio)[seen], atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("name", [*(name for name in OUTSIDE if name not in UNSEEN_VALUES), "gpt_oss", "granite", "t5"])
def test_one_weight_is_product_scale_bias_and_softmax(family: Family, name: str) -> None:
    """The numbers of one weight lead to it, and what is called a bias is what the family adds and nothing else."""
    t = traced(family(name))
    kind = t.loaded.anatomy.kinds[0]
    site = t.loaded.anatomy.sites[kind, 1]
    made = read_weight(t, 1, 1, 7, 3, kind)
    assert made.scaling is not None
    expected, by = 0.0, ""
    if name in ("bloom", "mpt"):
        expected, by = float(t["position_bias"][1, 3]), "ALiBi"
    elif name in ("mpnet", "t5"):
        bias = t["encoder.position_bias" if name == "t5" else "position_bias"]
        expected, by = float(bias[1, 7, 3]), "relative bias"
    elif name.startswith("deberta"):
        expected, by = made.score - made.dot, "relative embeddings"
        assert expected != 0
    assert made.bias == pytest.approx(expected, abs=1e-4)
    assert made.bias_by == by
    assert made.dot * made.scaling + made.bias == pytest.approx(made.score, rel=1e-4, abs=1e-4)
    q, k = t[f"{site.prefix}q"], t[f"{site.prefix}k"]
    assert made.dot == pytest.approx(float(q[1, 7] @ k[len(k) // len(q), 3]), rel=1e-4)
    sunk = torch.tensor([made.sink] if made.sink is not None else [])
    row = torch.cat([torch.tensor(made.row_scores), sunk]).double()
    assert made.weight == pytest.approx(float(row.softmax(-1)[3]), abs=1e-6)


def test_scales_are_those_that_the_families_are_known_for(family: Family) -> None:
    """GPT-Neo does not scale; Granite has a multiplier of its own; T5 folds the scale into its weights."""
    known = {"gpt_neo": 1.0, "t5": 1.0, "gptj": 8**-0.5, "codegen": 8**-0.5, "openai-gpt": 8**-0.5, "bloom": 8**-0.5}
    for name, scaling in known.items():
        t = traced(family(name))
        assert t.score_arguments(1, t.loaded.anatomy.kinds[0])["scaling"] == pytest.approx(scaling), name
    assert "scaling" not in traced(family("xlnet")).score_arguments(1)


def test_sinks_are_a_score_that_is_no_keys(family: Family) -> None:
    t = traced(family("gpt_oss"))
    scores, pattern = t.scores_and_pattern(1)
    q, k = t["blocks.1.attn.q"], t["blocks.1.attn.k"].repeat_interleave(2, dim=0)
    seen = t.visible(1).expand_as(scores)
    assert torch.allclose(scores[seen], (q @ k.transpose(1, 2) * 8**-0.5)[seen], atol=1e-5), "no row is shifted"
    sinks = t["blocks.1.attn.sinks"]
    assert torch.equal(sinks, t.loaded.model.model.layers[1].self_attn.sinks.detach())
    with_sinks = torch.cat([scores, sinks[:, None, None].expand(-1, len(t.tokens), 1)], dim=-1)
    assert torch.allclose(with_sinks.softmax(-1)[..., :-1], pattern, atol=1e-6)
    assert (pattern.sum(-1) < 0.999).any()
    assert read_head(t, 1, 2).sink == pytest.approx(float(sinks[2]))
    assert "blocks.1.attn.sinks" not in traced(family("llama")).names()


@pytest.mark.parametrize("name", WITHOUT_ATTENTION)
def test_a_family_without_attention_says_so(family: Family, name: str) -> None:
    with pytest.raises(UserError, match="no attention was seen"):
        traced(family(name))


@pytest.mark.parametrize(("names", "kind"), [(DECODERS, "decoder"), (ENCODERS, "encoder"), (BOTH, "encoder-decoder")])
def test_kinds(family: Family, names: list[str], kind: str) -> None:
    assert {family(name).kind for name in names} == {kind}


def test_the_stream_adds_up_in_all_three_kinds(family: Family) -> None:
    for name in ("gpt2", "bert", "bart", "t5", "distilbert", "albert", "olmo2", "bloom"):
        t = traced(family(name))
        for stack in t.loaded.anatomy.stacks:
            block = f"{stack.prefix}blocks.1."
            parts = stack.blocks[1]
            after = f"{block}ln1_post" if parts.attention_norm_after else f"{block}attn.out"
            assert torch.allclose(t[f"{block}resid_pre"] + t[after], t[f"{block}resid_mid"], atol=1e-4), name
            middle = f"{block}cross.resid_post" if parts.cross else f"{block}resid_mid"
            if not parts.norm_first:
                middle = f"{block}cross.ln" if parts.cross else f"{block}ln1"
            if parts.cross:
                before = f"{block}resid_mid" if parts.norm_first else f"{block}ln1"
                assert torch.allclose(t[before] + t[f"{block}cross.out"], t[f"{block}cross.resid_post"], atol=1e-4), (
                    name
                )
            fed = f"{block}ln2_post" if parts.mlp_norm_after else f"{block}mlp.out"
            end = f"{block}resid_post" if parts.norm_first else f"{block}resid_sum"
            assert torch.allclose(t[middle] + t[fed], t[end], atol=1e-4), name


MIXTURES = ("mixtral", "qwen3_moe", "gpt_oss", "granitemoe", "deepseek_v3", "switch_transformers", "nllb-moe")


@pytest.mark.parametrize("name", MIXTURES)
def test_a_router_shows_its_probabilities_of_all_experts(family: Family, name: str) -> None:
    """Softmax of the logits where that is what the router takes, DeepSeek-V3's sigmoid, a reason for those that look
    at the chosen only."""
    t = traced(family(name))
    block = f"{t.loaded.anatomy.main.prefix}blocks.1.mlp."
    if name in ("gpt_oss", "granitemoe"):
        assert "makes no probabilities of the logits of all experts" in t.info(f"{block}router_probs").absent
        return
    probs, logits = t[f"{block}router_probs"], t[f"{block}router"]
    expected = logits.sigmoid() if name == "deepseek_v3" else logits.softmax(-1)
    assert torch.allclose(probs, expected, atol=1e-6)
    assert t.info(f"{block}router_probs").shares


@pytest.mark.parametrize("name", MIXTURES)
def test_a_mixture_shows_which_experts_it_asks(family: Family, name: str) -> None:
    """The sum of the experts' answers, so weighted, is what the model's own mixture gives."""
    model = family(name)
    t = traced(model)
    block = f"{model.anatomy.main.prefix}blocks.1."
    shares, logits = t[f"{block}mlp.experts"], t[f"{block}mlp.router"]
    assert shares.shape == logits.shape == (len(t.target_tokens or t.tokens), 4)
    asked = {"switch_transformers": 1}.get(name, 2)
    assert ((shares > 0).sum(-1) <= asked).all() and (shares > 0).any(), f"at most {asked} of four are asked"
    if name == "switch_transformers":
        best = logits.softmax(-1).max(-1)
        assert torch.equal(shares.max(-1).indices, best.indices) and torch.allclose(shares.max(-1).values, best.values)
    assert t.info(f"{block}mlp.experts").shares == (name != "deepseek_v3"), "its weights are multiplied by 2.5"
    if name == "mixtral":
        chosen = logits.softmax(-1).topk(2)
        expected = torch.zeros_like(shares).scatter(-1, chosen.indices, chosen.values / chosen.values.sum(-1, True))
        assert torch.allclose(shares, expected, atol=1e-6)


def test_positions_are_shown_for_what_they_are(family: Family) -> None:
    t = traced(family("llama"))
    cos, sin = t["rotary_cos"], t["rotary_sin"]
    assert torch.allclose(cos.square() + sin.square(), torch.ones_like(cos), atol=1e-5)
    before, after = t["blocks.0.attn.q_pre"], t["blocks.0.attn.q"]
    half = before.shape[-1] // 2
    turned = torch.cat([-before[..., half:], before[..., :half]], dim=-1)
    assert torch.allclose(before * cos + turned * sin, after, atol=1e-5)
    t = traced(family("t5"))
    q, k = t["encoder.blocks.1.attn.q"], t["encoder.blocks.1.attn.k"]
    bias = t["encoder.position_bias"]
    assert torch.allclose(q @ k.transpose(1, 2) + bias, t["encoder.blocks.1.attn.scores"], atol=1e-4)
    assert torch.equal(traced(family("marian"))["encoder.pos_embed"][0, :16], torch.zeros(16)), "sines of 0"
    t = traced(family("ctrl"))
    added = t["blocks.0.resid_pre"] - t["embed"] * 32**0.5
    assert torch.allclose(t["pos_embed"], added, atol=1e-5), "what is added to the embedding"


@pytest.mark.parametrize(("name", "turned"), [("gptj", 4), ("codegen", 4), ("roformer", 8), ("deepseek_v2", 4)])
def test_angles_that_no_module_of_the_family_gives_apart(family: Family, name: str, turned: int) -> None:
    """Su et al. 2021: neighbours (x, y) become (x cos − y sin, y cos + x sin); the angle of place 0 is 0."""
    t = traced(family(name))
    cos, sin = t["rotary_cos"], t["rotary_sin"]
    assert cos.shape == sin.shape == (len(t.tokens), turned) == t.info("rotary_sin").shape
    if name == "roformer":
        # Its table is a parameter, hence random here: sines in the left half, cosines in the right.
        table = t.loaded.model.roformer.encoder.embed_positions.weight.detach()[: len(t.tokens)]
        assert torch.equal(sin[:, ::2], table[:, :4]) and torch.equal(cos[:, 1::2], table[:, 4:])
        return
    assert torch.allclose(cos.square() + sin.square(), torch.ones_like(cos), atol=1e-5)
    assert (sin[0] == 0).all()
    for letter in "qk" if name in ("gptj", "codegen") else ():
        before, after = t[f"blocks.1.attn.{letter}_pre"], t[f"blocks.1.attn.{letter}"]
        pairs = before[..., :turned].unflatten(-1, (-1, 2))
        swapped = torch.stack([-pairs[..., 1], pairs[..., 0]], dim=-1).flatten(-2)
        assert torch.allclose(before[..., :turned] * cos + swapped * sin, after[..., :turned], atol=1e-5)
        assert torch.allclose(before[..., turned:], after[..., turned:], atol=1e-5)


def test_distances_have_embeddings_where_the_family_has_them(family: Family) -> None:
    """XLNet's are sines of the distance n … −n + 1 (Dai et al. 2019), DeBERTa's a learned table."""
    t = traced(family("xlnet"))
    count, width = len(t.tokens), 32
    distances = torch.arange(count, -count, -1.0)[:, None]
    angles = distances / 10000 ** (torch.arange(0, width, 2.0) / width)
    assert torch.allclose(t["distance_embed"], torch.cat([angles.sin(), angles.cos()], dim=-1), atol=1e-5)
    t = traced(family("deberta"))
    assert torch.equal(t["distance_embed"], t.loaded.model.deberta.encoder.rel_embeddings.weight.detach())
    assert t.loaded.summary.position == "learned table and relative embeddings"
    assert traced(family("mpnet")).loaded.summary.position == "learned table and relative bias"


def test_nothing_is_absent_without_a_reason(family: Family) -> None:
    """Every name that some model has is there or says why it is not, also where a family is unlike the others."""
    for name in ("mobilebert", "gptj", "xlnet", "mixtral", "gpt2", "bart"):
        t = traced(family(name))
        infos = t.infos()
        for stack in t.loaded.anatomy.stacks:
            for part in ("resid_mid", "mlp.out", "mlp.hidden", "ln2", "attn.q_pre"):
                info = infos[f"{stack.prefix}blocks.1.{part}"]
                assert (info.shape is None) == bool(info.absent), info
            info = infos[f"{stack.prefix}pos_embed"]
            assert (info.shape is None) == bool(info.absent), info
    absent = traced(family("mobilebert")).info("blocks.0.mlp.out").absent
    assert "several feed-forwards one after the other" in absent


@pytest.mark.parametrize(("name", "options"), [("bloom", {}), ("mpt", {}), ("falcon", {"alibi": True})])
def test_slopes_of_alibi_are_those_of_the_paper(name: str, options: dict[str, object], tmp_path: Path) -> None:
    """Press et al. 2021: with n heads, a power of two, head i has slope 2^(-8 (i + 1) / n)."""
    t = trace(load(save(tmp_path, name, **options)), TEXT)
    assert torch.allclose(t["alibi_slopes"], torch.tensor([2.0**-2, 2.0**-4, 2.0**-6, 2.0**-8]))
    assert t.info("alibi_slopes").shape == (4,)
    bias, scores = t["position_bias"], t["blocks.1.attn.scores"]
    assert tuple(bias.shape) == (4, len(t.tokens)) == t.info("position_bias").shape
    # Without its bias a score is a product of q and k and nothing else, the same scale for all.
    q, k = t["blocks.1.attn.q"], t["blocks.1.attn.k"]
    products, seen = q @ k.transpose(1, 2), t.visible(1).expand(4, -1, -1)
    scale = q.shape[-1] ** -0.5
    # Falcon scales the sum of both, and its eager attention is handed the bias a second time, inside the mask.
    share = 2 * scale if name == "falcon" else 1.0
    assert torch.allclose((scores - share * bias[:, None])[seen], (scale * products)[seen], atol=1e-4)
