"""The bundled model is an ordinary folder, small enough, and has learnt something."""

from __future__ import annotations

import math

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from app.engine.decode import DecodingSettings, stream
from app.engine.models import load
from app.engine.models.catalogue import BUNDLED_FOLDER, bundled_models
from app.engine.models.loaded import LoadedModel
from app.engine.trace import trace

FOLDER = BUNDLED_FOLDER / "story-gpt"
STORY = (
    "Once upon a time, there was a little dog named Max. Max loved to run in the park. One day, he found a red ball. "
    "He was very happy and played with it all day. "
)


@pytest.fixture(scope="module")
def model() -> LoadedModel:
    return load("story-gpt")


def test_it_opens_in_plain_transformers_and_shows_the_same_logits(model: LoadedModel) -> None:
    plain = AutoModelForCausalLM.from_pretrained(FOLDER).eval()
    tokenizer = AutoTokenizer.from_pretrained(FOLDER)
    ids = tokenizer(STORY, return_tensors="pt")["input_ids"]
    with torch.no_grad():
        untouched = plain(ids)
        plain.set_attn_implementation("eager")
        eager = plain(ids, output_attentions=True)
    t = trace(model, STORY)
    assert torch.equal(t.logits, untouched.logits[0])
    for layer, expected in enumerate(eager.attentions):
        assert (t.attention(layer) - expected[0]).abs().max() <= 5e-5


def test_greedy_text_equals_generate(model: LoadedModel) -> None:
    ids = model.tokenizer(STORY, return_tensors="pt")["input_ids"]
    expected = model.model.generate(
        ids, attention_mask=torch.ones_like(ids), max_new_tokens=60, do_sample=False, pad_token_id=0
    )[0, ids.shape[1] :]
    steps = list(stream(model, STORY, DecodingSettings(method="greedy", max_new_tokens=60)))
    assert [step.token_id for step in steps] == expected.tolist()


def test_it_knows_stories(model: LoadedModel) -> None:
    """Far better than 1.3 bits per byte, what a trigram of its tokens reaches, on a story written for this test."""
    t = trace(model, STORY)
    ids = torch.tensor([token.id for token in t.tokens])
    nats = torch.nn.functional.cross_entropy(t.logits[:-1], ids[1:], reduction="sum").item()
    assert nats / math.log(2) / len(STORY.encode()) < 1.0


def test_the_folder_is_small_and_described() -> None:
    assert bundled_models() == ("bart-en-fr", "story-bert", "story-bert-sentiment", "story-gpt")
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) <= 25_000_000
    card = (FOLDER / "README.md").read_text(encoding="utf-8")
    for word in ("bits per byte", "trigram", "induction", "public domain", "CDLA-Sharing-1.0", "L3 H3"):
        assert word in card
