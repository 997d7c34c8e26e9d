"""Two traces compared: by hand, against plain formulas, and with changes whose effect is known."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from engine.family_configs import save
from engine.tiny_adapters import STORY, config, gpt, save_adapter
from engine.tiny_models import save_tiny

from app.engine.errors import UserError
from app.engine.models import load
from app.engine.models.loaded import LoadedModel
from app.engine.trace import AblateHead, KnockOut, Trace, trace
from app.engine.trace.compare import LIKELIEST, compare, compare_steps, divergence_bits

TARGET = "Il était une fois un petit chien."
Family = Callable[[str], LoadedModel]


@pytest.fixture(scope="module")
def family(tmp_path_factory: pytest.TempPathFactory) -> Family:
    root: Path = tmp_path_factory.mktemp("compare")

    @cache
    def opened(name: str) -> LoadedModel:
        return load(name) if "-" in name else load(save(root / name, name))

    return opened


def made(loaded: LoadedModel, text: str = STORY, **options) -> Trace:
    return trace(loaded, text, target=TARGET if loaded.kind == "encoder-decoder" else None, **options)


def test_divergence_by_hand() -> None:
    first = torch.tensor([[1.0, 0.0], [0.5, 0.5], [1.0, 0.0], [0.0, 0.0]])
    second = torch.tensor([[0.0, 1.0], [0.5, 0.5], [0.5, 0.5], [0.0, 0.0]])
    # m = [0.75, 0.25]: ½·log₂(1 / 0.75) + ½·(½·log₂(0.5 / 0.75) + ½·log₂(0.5 / 0.25)).
    third = 0.5 * math.log2(4 / 3) + 0.25 * math.log2(2 / 3) + 0.25
    assert divergence_bits(first, second).tolist() == pytest.approx([1.0, 0.0, third, 0.0], abs=1e-12)
    assert torch.equal(divergence_bits(first, second), divergence_bits(second, first))


@pytest.mark.parametrize("name", ["story-gpt", "story-bert", "bart-en-fr", "llama", "t5", "gpt_neox"])
def test_a_trace_equals_itself(family: Family, name: str) -> None:
    loaded = family(name)
    comparison = compare(made(loaded), made(loaded))
    assert tuple(comparison.heads) == loaded.anatomy.kinds
    for kind, values in comparison.heads.items():
        assert values.shape == loaded.summary.attention_shape(kind)
        assert values.dtype == np.float32 and (values == 0).all()
    stacks = ("encoder", "decoder") if len(loaded.anatomy.stacks) > 1 else ("",)
    assert tuple(stream.stack for stream in comparison.streams) == stacks
    for stream in comparison.streams:
        assert (stream.relative == 0).all() and stream.cosine == pytest.approx(1.0, abs=1e-5)
    rows = len(made(loaded).target_tokens or made(loaded).tokens)
    assert comparison.next_token is not None and comparison.extra_bits is not None
    assert comparison.next_token.shape == comparison.extra_bits.shape == (rows,)
    assert (comparison.next_token == 0).all() and (comparison.extra_bits == 0).all()
    for pair in comparison.pairs(rows - 1):
        assert pair.first == pair.second


@pytest.mark.parametrize("name", ["story-gpt", "story-bert", "bart-en-fr"])
def test_numbers_are_those_of_the_plain_formulas(family: Family, name: str) -> None:
    loaded = family(name)
    kind = loaded.anatomy.kinds[-1]
    first = made(loaded)
    second = made(loaded, edits=[AblateHead(0, 1, kind), AblateHead(1, 0, loaded.anatomy.kinds[0])])
    comparison = compare(first, second)

    def bits(p: np.ndarray, q: np.ndarray) -> np.ndarray:
        m = (p + q) / 2
        with np.errstate(divide="ignore", invalid="ignore"):
            terms = np.where(p > 0, p * np.log2(p / m), 0) + np.where(q > 0, q * np.log2(q / m), 0)
        return terms.sum(-1) / 2

    for each, values in comparison.heads.items():
        layers = len(values)
        for layer in range(layers):
            p, q = (t.attention(layer, kind=each).double().numpy() for t in (first, second))
            assert values[layer] == pytest.approx(bits(p, q).mean(-1), abs=1e-6)
    p, q = (t.logits.double().softmax(-1).numpy() for t in (first, second))
    assert comparison.next_token == pytest.approx(bits(p, q), abs=1e-6)
    assert comparison.extra_bits == pytest.approx((q * np.log2(q / p)).sum(-1), rel=1e-4, abs=1e-6)
    stack, stream = loaded.anatomy.main, comparison.streams[-1]
    for row in range(len(stack.blocks) + 1):
        where = f"{stack.prefix}blocks.{max(row - 1, 0)}.{'resid_post' if row else 'resid_pre'}"
        a, b = first[where].numpy(), second[where].numpy()
        distance = np.linalg.norm(a - b, axis=-1) / np.linalg.norm(a, axis=-1)
        cosine = (a * b).sum(-1) / (np.linalg.norm(a, axis=-1) * np.linalg.norm(b, axis=-1))
        assert stream.relative[row] == pytest.approx(distance.mean(), abs=1e-5)
        assert stream.cosine[row] == pytest.approx(cosine.mean(), abs=1e-5)


def test_an_ablated_head_shows_after_its_block(family: Family) -> None:
    loaded = family("story-gpt")
    comparison = compare(made(loaded), made(loaded, edits=[AblateHead(1, 2)]))
    heads, stream = comparison.heads["self"], comparison.streams[0]
    # Its pattern is as it was: what it reads is not added to the stream, so blocks behind it look elsewhere.
    assert (heads[:2] == 0).all() and (heads[2:] > 0).all()
    assert (stream.relative[:2] == 0).all() and (stream.relative[2:] > 0).all()
    assert (stream.cosine[2:] < 1).all()
    assert comparison.next_token is not None and comparison.next_token.max() > 0


def test_a_cut_connection_shows_in_its_head_and_from_its_token_on(family: Family) -> None:
    loaded = family("story-gpt")
    first, second = made(loaded), made(loaded, edits=[KnockOut(1, 2, query=6, key=3)])
    comparison = compare(first, second)
    heads = comparison.heads["self"]
    assert (heads[0] == 0).all() and np.flatnonzero(heads[1]).tolist() == [2]
    weight, count = float(first.attention(1, 2)[6, 3]), len(first.tokens)
    # One row differs: w of it moved away, to keys that each grew by 1 / (1 − w).
    p = first.attention(1, 2)[6].double()
    q = torch.where(torch.arange(count) == 3, 0.0, p / (1 - weight))
    assert heads[1, 2] == pytest.approx(float(divergence_bits(p, q)) / count, rel=1e-4)
    assert comparison.next_token is not None
    assert (comparison.next_token[:6] == 0).all() and comparison.next_token[6] > 0


def test_cross_attention_is_compared_apart(family: Family) -> None:
    loaded = family("bart-en-fr")
    comparison = compare(made(loaded), made(loaded, edits=[KnockOut(1, 2, query=3, key=2, kind="cross")]))
    assert (comparison.heads["encoder"] == 0).all()
    cross = comparison.heads["cross"]
    assert (cross[0] == 0).all() and np.flatnonzero(cross[1]).tolist() == [2]
    encoder, decoder = comparison.streams
    assert (encoder.relative == 0).all() and (decoder.relative[:2] == 0).all() and (decoder.relative[2:] > 0).all()


@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")
def test_an_adapter_on_against_off(tmp_path: Path, family: Family) -> None:
    loaded = load(save_adapter(tmp_path / "adapter", gpt(), config(), "story-gpt"))
    on = trace(loaded, STORY, budget=0)
    with loaded.adapter_set(False):
        off = trace(loaded, STORY, budget=0)
    # Nothing was kept, so all is computed now, each as it was traced.
    comparison = compare(off, on)
    assert (comparison.heads["self"] > 0).all()
    assert comparison.streams[0].relative[0] == 0 and (comparison.streams[0].relative[1:] > 0).all()
    base = compare(trace(family("story-gpt"), STORY), trace(loaded, STORY))
    assert np.array_equal(base.heads["self"], comparison.heads["self"])
    assert np.array_equal(base.next_token, comparison.next_token)
    assert (compare(trace(family("story-gpt"), STORY), off).heads["self"] == 0).all()


def test_candidates_are_the_likeliest_of_both(family: Family, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = family("story-gpt")
    first, second = made(loaded), made(loaded, edits=[AblateHead(3, head) for head in range(4)])
    comparison = compare(first, second)
    p, q = (t.logits.double().softmax(-1) for t in (first, second))
    for position in (0, 5, len(first.tokens) - 1):
        pairs = comparison.pairs(position)
        best = {*p[position].topk(LIKELIEST).indices.tolist(), *q[position].topk(LIKELIEST).indices.tolist()}
        assert {pair.token_id for pair in pairs} == best and len(pairs) == len(best)
        for pair in pairs:
            assert pair.text == loaded.tokenizer.decode([pair.token_id])
            assert pair.first == pytest.approx(float(p[position, pair.token_id]))
            assert pair.second == pytest.approx(float(q[position, pair.token_id]))
        for by, sizes in (
            ("first", [pair.first for pair in comparison.pairs(position, "first")]),
            ("second", [pair.second for pair in comparison.pairs(position, "second")]),
            ("change", [abs(pair.second - pair.first) for pair in comparison.pairs(position, "change")]),
        ):
            assert sizes == sorted(sizes, reverse=True), by
    monkeypatch.setattr("app.engine.trace.compare._AT_ONCE", 1)
    again = compare(first, second)
    assert again.candidates == comparison.candidates
    assert np.array_equal(again.next_token, comparison.next_token)


def test_it_is_done_in_steps(family: Family) -> None:
    loaded = family("story-gpt")
    shares = list(compare_steps(made(loaded), made(loaded)))
    assert len(shares) == loaded.summary.layers + 2
    assert shares == sorted(shares) and shares[0] == 0 and shares[-1] < 1


def test_models_of_other_sizes_are_compared_as_far_as_both_go(tmp_path: Path) -> None:
    text = "The cat saw the moon."
    large = trace(load(save_tiny(tmp_path / "large", "gpt2")), text)
    small = trace(load(save_tiny(tmp_path / "small", "gpt2", n_layer=2, n_head=2, n_embd=16, vocab_size=400)), text)
    for comparison in (compare(large, small), compare(small, large)):
        assert comparison.heads["self"].shape == (2, 2) and (comparison.heads["self"] > 0).all()
        assert comparison.streams == ()
        assert (comparison.next_token, comparison.extra_bits, comparison.candidates) == (None, None, ())


def test_what_cannot_be_laid_side_by_side_is_told(family: Family) -> None:
    loaded, bart = family("story-gpt"), family("bart-en-fr")
    with pytest.raises(UserError, match=r"the text has 13 tokens in the first \(story-gpt\) and 14 in the second"):
        compare(made(loaded), made(loaded, f"{STORY} He"))
    with pytest.raises(UserError, match="bart-en-fr has an encoder and a decoder, story-gpt has one stack"):
        compare(made(loaded), made(bart))
    with pytest.raises(UserError, match="the target has"):
        compare(made(bart), trace(bart, STORY, target="Le chien."))


def test_a_classifier_says_no_token(family: Family) -> None:
    loaded = family("story-bert-sentiment")
    comparison = compare(made(loaded), made(loaded, edits=[AblateHead(0, 1)]))
    assert comparison.next_token is None and comparison.candidates == ()
    assert comparison.streams[0].relative[-1] > 0
