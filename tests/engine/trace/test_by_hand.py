"""A model of three tokens, one head and two dimensions, worked out with a pencil."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from engine.tiny_models import save_tiny
from safetensors.torch import load_file, save_file

from app.engine.models import load
from app.engine.trace import trace
from app.engine.trace.readings import read_weight

E = 2.718281828459045


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A GPT-2 of one block, one head, width 2, whose layer norms and biases do nothing that a pencil could not follow.

    The text is "abc". Token a is (3, −1), b (−1, 3), c (2, −2); positions add nothing. A layer norm over two numbers
    x, y gives (1, −1) where x > y and (−1, 1) where x < y. So the normed stream is a (1, −1), b (−1, 1), c (1, −1).
    """
    folder = save_tiny(
        tmp_path / "pencil", "gpt2", n_embd=2, n_layer=1, n_head=1, n_positions=4, layer_norm_epsilon=0.0
    )
    weights = load_file(folder / "model.safetensors")
    for name, tensor in weights.items():
        tensor.zero_()
        if name.endswith(("ln_1.weight", "ln_2.weight", "ln_f.weight")):
            tensor.fill_(1.0)
    ids = load(folder).tokenizer("abc")["input_ids"]
    assert len(set(ids)) == 3
    embedding = weights["transformer.wte.weight"]
    for token, row in zip(ids, ((3.0, -1.0), (-1.0, 3.0), (2.0, -2.0)), strict=True):
        embedding[token] = torch.tensor(row)
    # Columns: q, q, k, k, v, v. q = (x, 0), k = (√2 · x, 0), v = (x, 2 · x), all of the first dimension x.
    weights["transformer.h.0.attn.c_attn.weight"].copy_(torch.tensor([[1, 0, 2**0.5, 0, 1, 2], [0, 0, 0, 0, 0, 0]]))
    # W_O hands z over, its dimensions exchanged.
    weights["transformer.h.0.attn.c_proj.weight"].copy_(torch.tensor([[0.0, 1.0], [1.0, 0.0]]))
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def test_scores_pattern_and_output(folder: Path) -> None:
    t = trace(load(folder), "abc")
    # q · k / √2: the first dimensions are 1, −1, 1, so every score is their product.
    scores = t["blocks.0.attn.scores"][0]
    assert torch.equal(torch.isinf(scores), torch.ones(3, 3).triu(1).bool())
    lower = [[1.0, 0.0, 0.0], [-1.0, 1.0, 0.0], [1.0, -1.0, 1.0]]
    assert torch.allclose(scores.tril().nan_to_num(neginf=0.0), torch.tensor(lower), atol=1e-6)
    # Row 1: e^−1 and e^1. Row 2: e, e^−1, e.
    two, three = 1 / E + E, 2 * E + 1 / E
    pattern = torch.tensor([[1.0, 0.0, 0.0], [1 / E / two, E / two, 0.0], [E / three, 1 / E / three, E / three]])
    assert torch.allclose(t.attention(0, 0), pattern, atol=1e-6)
    # v = (x, 2x). Row 1: (e^−1 − e) / (e^−1 + e) = −tanh 1 = −0.761594. Row 2: (2e − e^−1) / (2e + e^−1) = 0.873247.
    mixed = torch.tensor([1.0, -0.761594, 0.873247])
    assert torch.allclose(t["blocks.0.attn.z"][0], torch.stack([mixed, 2 * mixed], dim=1), atol=1e-5)
    assert torch.allclose(t["blocks.0.attn.out"], torch.stack([2 * mixed, mixed], dim=1), atol=1e-5)
    # Added to the stream: a (3, −1) + (2, 1).
    assert torch.allclose(t["blocks.0.resid_mid"][0], torch.tensor([5.0, 0.0]), atol=1e-5)


def test_one_weight_of_it(folder: Path) -> None:
    made = read_weight(trace(load(folder), "abc"), 0, 0, 2, 1)
    assert made.query_vector.tolist() == pytest.approx([1.0, 0.0])
    assert made.key_vector.tolist() == pytest.approx([-(2**0.5), 0.0])
    assert made.dot == pytest.approx(-(2**0.5))
    assert made.scaling == pytest.approx(2**-0.5)
    assert made.score == pytest.approx(-1.0)
    assert made.weight == pytest.approx(1 / E / (2 * E + 1 / E), abs=1e-6)
