"""The trace as a function of model, text and edits."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from engine.tiny_models import FAMILIES, SENTENCES, save_tiny

from app.engine.errors import UserError
from app.engine.models import load
from app.engine.models.loaded import LoadedModel
from app.engine.trace import AblateHead, KnockOut, trace

Tiny = Callable[[str], LoadedModel]
TEXT = SENTENCES[0]


def test_attention_of_three_tokens_by_hand(tiny: Tiny) -> None:
    """softmax of q·k/√8 over what each of three tokens may see, worked with plain floats."""
    t = trace(tiny("gpt2"), "a b")
    assert len(t.tokens) == 3 or len(t.tokens) == 2
    q, k = t["blocks.0.attn.q"][2].tolist(), t["blocks.0.attn.k"][2].tolist()
    for row in range(len(t.tokens)):
        scores = [
            sum(a * b for a, b in zip(q[row], k[column], strict=True)) / math.sqrt(8) for column in range(row + 1)
        ]
        total = sum(math.exp(score) for score in scores)
        for column, score in enumerate(scores):
            assert t.attention(0, 2)[row, column].item() == pytest.approx(math.exp(score) / total, abs=1e-6)


@pytest.mark.parametrize("family", FAMILIES)
def test_one_head_is_a_slice_of_all_heads(tiny: Tiny, family: str) -> None:
    t = trace(tiny(family), TEXT)
    for head in range(4):
        assert torch.allclose(t.attention(1, head), t.attention(1)[head], atol=1e-6)
        assert torch.allclose(t.scores(1, head), t.scores(1)[head], atol=1e-5)


@pytest.mark.parametrize("family", ["gpt2", "llama", "gemma2"])
def test_without_memory_it_runs_again_and_shows_the_same(tiny: Tiny, family: str) -> None:
    model = tiny(family)
    full, poor = trace(model, TEXT), trace(model, TEXT, budget=0)
    assert full.names() == poor.names()
    for name in full.names():
        assert torch.equal(full[name], poor[name]), name
        assert full.info(name) == poor.info(name)


def test_out_of_memory_in_a_run_again_is_told_too(tiny: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    def none_left(*_args: object, **_options: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory.")

    t = trace(tiny("gpt2"), TEXT, budget=0)
    monkeypatch.setattr("app.engine.trace.result.run", none_left)
    for ask in (lambda: t["blocks.1.attn.q"], lambda: t["blocks.1.resid_mid"], lambda: t.attention(1)):
        with pytest.raises(UserError, match="not enough memory for running this text"):
            ask()


def test_a_tensor_handed_out_is_the_callers_own(tiny: Tiny) -> None:
    t = trace(tiny("gpt2"), TEXT)
    t["blocks.0.resid_post"].zero_()
    t.logits.zero_()
    assert t["blocks.0.resid_post"].abs().sum() > 0
    assert t.logits.abs().sum() > 0


@pytest.mark.parametrize("family", ["gpt2", "opt", "llama", "gemma2", "gpt_neox"])
def test_ablating_a_head_equals_zeroing_its_part_before_the_output_projection(tiny: Tiny, family: str) -> None:
    model = tiny(family)
    edited = trace(model, TEXT, edits=[AblateHead(1, 2)])
    attention = model.model.get_submodule(model.anatomy.blocks[1].attention)
    projection = next(
        getattr(attention, name) for name in ("c_proj", "out_proj", "o_proj", "dense") if hasattr(attention, name)
    )

    def zero(_module: object, args: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
        changed = args[0].clone()
        changed[..., 16:24] = 0
        return (changed,)

    handle = projection.register_forward_pre_hook(zero)
    with torch.no_grad():
        expected = model.model(torch.tensor([[token.id for token in edited.tokens]])).logits[0]
    handle.remove()
    assert torch.equal(edited.logits, expected)
    assert (edited["blocks.1.attn.z"][2] == 0).all()
    assert not torch.equal(edited.logits, trace(model, TEXT).logits)


@pytest.mark.parametrize("family", ["gpt2", "llama", "gemma2"])
def test_a_knocked_out_row_renormalises(tiny: Tiny, family: str) -> None:
    model = tiny(family)
    plain, edited = trace(model, TEXT), trace(model, TEXT, edits=[KnockOut(0, 1, 4, 2)])
    before, after = plain.attention(0), edited.attention(0)
    row = before[1, 4].clone()
    row[2] = 0
    assert torch.allclose(after[1, 4], row / row.sum(), atol=1e-6)
    assert after[1, 4, 2] == 0
    assert edited.scores(0, 1)[4, 2] == float("-inf")
    untouched = torch.ones_like(before, dtype=torch.bool)
    untouched[1, 4] = False
    assert torch.allclose(after[untouched], before[untouched], atol=1e-6)
    everywhere = trace(model, TEXT, edits=[KnockOut(0, None, 4, 2)])
    assert (everywhere.attention(0)[:, 4, 2] == 0).all()


def test_edits_that_make_no_sense(tiny: Tiny) -> None:
    model = tiny("gpt2")
    with pytest.raises(UserError, match="sees no key but 0"):
        trace(model, TEXT, edits=[KnockOut(0, None, 0, 0)])
    with pytest.raises(UserError, match="no attention in a block 3"):
        trace(model, TEXT, edits=[AblateHead(3, 0)])
    with pytest.raises(UserError, match="no head 4"):
        trace(model, TEXT, edits=[AblateHead(0, 4)])
    with pytest.raises(UserError, match="no query 99"):
        trace(model, TEXT, edits=[KnockOut(0, 0, 99, 0)])
    assert model.model.config._attn_implementation == "sdpa"


def test_what_cannot_be_traced_says_why(tiny: Tiny) -> None:
    model = tiny("gpt2")
    with pytest.raises(UserError, match="no text"):
        trace(model, "")
    with pytest.raises(UserError, match="positions for 128"):
        trace(model, "park " * 200)
    with pytest.raises(UserError, match=r"its character 5 is half of a pair \(U\+D83D"):
        trace(model, "park \ud83d ball")
    with pytest.raises(UserError, match="takes no target"):
        trace(model, TEXT, target="x")
    with pytest.raises(UserError, match="not a pair"):
        trace(model, TEXT, pair="x")
    t = trace(model, TEXT)
    with pytest.raises(UserError, match="blocks 0 to 2"):
        t.attention(3)
    with pytest.raises(UserError, match="heads 0 to 3"):
        t.attention(0, 4)
    with pytest.raises(UserError, match="no cross-attention"):
        t.attention(0, kind="cross")
    with pytest.raises(UserError, match="rotary"):
        t["blocks.0.attn.q_pre"]
    with pytest.raises(UserError, match="no tensor called"):
        t["blocks.0.attn.nonsense"]
    assert t.info("blocks.0.attn.q_pre").absent


def test_tokens_are_slices_of_the_text(tiny: Tiny) -> None:
    plain = trace(tiny("gpt2"), TEXT).tokens
    assert "".join(token.text for token in plain) == TEXT
    assert [token.id for token in plain] == tiny("gpt2").tokenizer(TEXT)["input_ids"]
    special = trace(tiny("llama"), TEXT).tokens
    assert (special[0].text, special[0].special) == ("<s>", True)
    assert "".join(token.text for token in special[1:]) == TEXT


def test_a_thousand_tokens_with_a_window(tmp_path_factory: pytest.TempPathFactory) -> None:
    model = load(
        save_tiny(tmp_path_factory.mktemp("long"), "mistral", max_position_embeddings=2048, sliding_window=100)
    )
    text = (TEXT + " ") * 80
    t = trace(model, text)
    assert len(t.tokens) > 1024
    row = t.attention(2, 3)[1000]
    assert row.sum().item() == pytest.approx(1, abs=1e-4)
    assert (row[:900] == 0).all()
    assert t.visible(2)[1000].sum() == 100
