"""The bundled encoders: they open in plain transformers and know what their cards say."""

from __future__ import annotations

import pytest
import torch
from transformers import AutoModelForMaskedLM, AutoModelForSequenceClassification, AutoTokenizer, BertForPreTraining

from app.engine.models import load
from app.engine.models.catalogue import BUNDLED_FOLDER
from app.engine.models.loaded import LoadedModel
from app.engine.trace import trace
from app.engine.trace.readings import read_candidates, read_classes, read_next_sentence

ENCODER, CLASSIFIER = BUNDLED_FOLDER / "story-bert", BUNDLED_FOLDER / "story-bert-sentiment"


@pytest.fixture(scope="module")
def encoder() -> LoadedModel:
    return load("story-bert")


def guesses(model: LoadedModel, text: str) -> list[str]:
    t = trace(model, text)
    place = [token.text for token in t.tokens].index("[MASK]")
    return [candidate.text for candidate in read_candidates(t, model.tokenizer, place, 5)]


def test_they_open_in_plain_transformers(encoder: LoadedModel) -> None:
    inputs = AutoTokenizer.from_pretrained(ENCODER)("Once upon a [MASK] there was a king.", return_tensors="pt")
    plain = BertForPreTraining.from_pretrained(ENCODER).eval()
    with torch.no_grad():
        whole = plain(**inputs).prediction_logits[0]
        masked = AutoModelForMaskedLM.from_pretrained(ENCODER).eval()(**inputs).logits[0]
        judged = AutoModelForSequenceClassification.from_pretrained(CLASSIFIER).eval()(**inputs).logits[0]
    assert torch.equal(trace(encoder, "Once upon a [MASK] there was a king.").logits, whole)
    assert torch.allclose(masked, whole, atol=1e-5)
    assert torch.equal(trace(load("story-bert-sentiment"), "Once upon a [MASK] there was a king.").logits, judged)


def test_it_fills_gaps(encoder: LoadedModel) -> None:
    assert guesses(encoder, "Once upon a [MASK] there was a king.")[0] == "time"
    assert guesses(encoder, "The little girl [MASK] to the door.")[0] in ("went", "came", "ran")


def test_it_compares_sentences(encoder: LoadedModel) -> None:
    t = trace(encoder, "The king was very old.", pair="The battery is too small.")
    shares = {share.label: share.probability for share in read_next_sentence(t)}
    assert sum(shares.values()) == pytest.approx(1.0)
    assert shares["does not follow"] > 0.7
    assert [token.segment for token in t.tokens].count(1) == 7


def test_it_tells_praise_from_complaint() -> None:
    model = load("story-bert-sentiment")
    assert model.summary.labels == ("negative", "positive")
    for text, label in (("A warm and funny film.", "positive"), ("The battery died after two days.", "negative")):
        shares = {share.label: share.probability for share in read_classes(trace(model, text))}
        assert max(shares, key=lambda name: shares[name]) == label


def test_the_folders_are_small_and_described() -> None:
    both = sum(path.stat().st_size for folder in (ENCODER, CLASSIFIER) for path in folder.iterdir())
    assert both <= 20_000_000, "the two share the room of one"
    assert "commonest after the token before" in (ENCODER / "README.md").read_text(encoding="utf-8")
    assert "bag of words" in (CLASSIFIER / "README.md").read_text(encoding="utf-8")
