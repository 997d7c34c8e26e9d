"""Masked models' pseudo-perplexity, encoder-decoders' conditional perplexity, and models that can score nothing."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from engine.evaluate.passages import STORY

from app.engine.errors import UserError
from app.engine.evaluate import masked, perplexity
from app.engine.evaluate.records import CONDITIONAL, MASKED, Plan, Scores
from app.engine.evaluate.score import Scoring
from app.engine.models import load
from app.engine.models.loaded import LoadedModel
from app.engine.texts.records import Record

PAIR = Record("Je suis très content.", "I am very happy.")


def measured(loaded: LoadedModel, *records: Record, plan: Plan = Plan()) -> Scores:  # noqa: B008 - frozen
    scoring = Scoring(loaded, records, plan)
    for _ in scoring.steps():
        pass
    return scoring.result()


def test_pseudo_perplexity_hides_each_token_in_turn(bert: LoadedModel) -> None:
    text = STORY[:150]
    ids = bert.tokenizer(text)["input_ids"]
    expected = [math.nan] * len(ids)
    for place in range(1, len(ids) - 1):
        hidden = torch.tensor([ids])
        hidden[0, place] = bert.tokenizer.mask_token_id
        with torch.no_grad():
            logits = bert.model(hidden).prediction_logits[0, place].double()
        expected[place] = float(-torch.log_softmax(logits, -1)[ids[place]])
    scores = measured(bert, Record(text))
    assert scores.objective == MASKED
    np.testing.assert_allclose(scores.token_nats, expected, rtol=1e-4, atol=1e-4)
    assert scores.scored == len(ids) - 2, "special tokens are not scored"


def test_a_long_text_gives_every_hidden_token_context_on_both_sides(
    bert: LoadedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[list[int], int]] = []
    real = masked.MaskedScorer.score

    def noted(self: object, ids: np.ndarray, window: masked.Window, first: int, last: int) -> object:
        seen.extend((ids[window.start : window.stop].tolist(), token - window.start) for token in range(first, last))
        return real(self, ids, window, first, last)

    monkeypatch.setattr(masked.MaskedScorer, "score", noted)
    scores = measured(bert, Record(STORY), plan=Plan(32, 10))
    own = scores.ids[1:-1].tolist()
    assert len(seen) == scores.scored == len(own)
    for token, (ids, before) in enumerate(seen):
        assert ids == own[token - before : token - before + len(ids)], (
            "what is hidden is this token among its neighbours"
        )
        after = len(ids) - 1 - before
        assert before >= min(token, (30 - 10) // 2) and after >= min(len(own) - 1 - token, (30 - 10) // 2)
    assert max(len(ids) for ids, _ in seen) == 30, "two of the window's 32 tokens are special"


def test_conditional_equals_the_models_own_loss(bart: LoadedModel) -> None:
    scores = measured(bart, PAIR)
    source = bart.tokenizer(PAIR.source, return_tensors="pt")["input_ids"]
    labels = bart.tokenizer(text_target=PAIR.text, return_tensors="pt")["input_ids"]
    with torch.no_grad():
        loss = float(bart.model(input_ids=source, labels=labels).loss)
    assert scores.objective == CONDITIONAL
    assert scores.ids.tolist() == labels[0].tolist()
    assert scores.nats_per_token == pytest.approx(loss, rel=1e-5)
    assert scores.bytes == len(PAIR.text.encode())
    other = measured(bart, Record(PAIR.text, "The house is green."))
    assert other.nats_per_token > scores.nats_per_token, "the target is given its own source"


def test_conditional_without_a_source_or_too_long(bart: LoadedModel) -> None:
    with pytest.raises(UserError, match="no source"):
        perplexity(bart, PAIR.text)
    with pytest.raises(UserError, match=r"row 7.*positions for"):
        measured(bart, Record("Oui. " * 80, "Yes.", "row 7"))


def test_a_classifier_scores_nothing() -> None:
    with pytest.raises(UserError, match="cannot score"):
        perplexity(load("story-bert-sentiment"), STORY)
