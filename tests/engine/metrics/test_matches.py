"""Matches stand where the words stand, and are as many as the metrics count."""

from __future__ import annotations

import pytest
import sacrebleu
from hypothesis import given, settings
from hypothesis import strategies as st
from rouge_score.rouge_scorer import RougeScorer
from rouge_score.tokenizers import DefaultTokenizer

from app.engine.metrics import MetricSettings, TextPair, measure
from app.engine.metrics.bleu import BleuTally
from app.engine.metrics.matches import bleu_words, rouge_words
from app.engine.metrics.records import LONGEST, TOKENIZERS, Marks, Match, PairReport

SENTENCES = st.lists(st.sampled_from(["the", "the", "the", "cat", "sat", "on", "a", "mat.", ","]), max_size=14).map(
    " ".join
)
"""Few words, so that they repeat and clipping has something to do."""
ANY_TEXT = st.text(alphabet=st.one_of(st.characters(exclude_categories=["Cs"]), st.sampled_from("aİΣ &.,-1 ")))


def row(hypothesis: str, *references: str, **options: object) -> PairReport:
    return measure([TextPair(hypothesis, references)], MetricSettings(**options)).rows[0]  # type: ignore[arg-type]


def found(text: str, marks: Marks, order: int) -> list[str]:
    return [text[match.start : match.stop] for match in marks.matches if match.order == order]


@settings(max_examples=150, deadline=None)
@given(SENTENCES, st.lists(SENTENCES.filter(str.strip), min_size=1, max_size=3), st.sampled_from(TOKENIZERS))
def test_as_many_are_marked_as_sacrebleu_counts(hypothesis: str, references: list[str], tokenizer: str) -> None:
    made = row(hypothesis or "x", *references, tokenizer=tokenizer)
    counts = sacrebleu.BLEU(tokenize=tokenizer, effective_order=True).sentence_score(hypothesis or "x", references)
    assert [made.ngrams.count(order) for order in range(1, LONGEST + 1)] == counts.counts
    if len(references) == 1:
        assert [made.reference_ngrams[0].count(order) for order in range(1, LONGEST + 1)] == counts.counts


@settings(max_examples=100, deadline=None)
@given(SENTENCES.filter(str.strip), SENTENCES.filter(str.strip))
def test_marked_ngrams_read_the_same_in_both_texts(hypothesis: str, reference: str) -> None:
    made = row(hypothesis, reference)
    for order in range(1, LONGEST + 1):
        theirs = found(reference, made.reference_ngrams[0], order)
        assert sorted(found(hypothesis, made.ngrams, order)) == sorted(theirs)


@settings(max_examples=100, deadline=None)
@given(SENTENCES.filter(str.strip), st.lists(SENTENCES.filter(str.strip), min_size=1, max_size=3))
def test_the_common_words_make_rouge_l(hypothesis: str, references: list[str]) -> None:
    made = row(hypothesis, *references)
    reference = references[made.best_common]
    ours, theirs = found(hypothesis, made.common, 1), found(reference, made.reference_common, 1)
    assert ours == theirs
    score = RougeScorer(["rougeL"]).score_multi(references, hypothesis)["rougeL"]
    words = len(DefaultTokenizer().tokenize(hypothesis))
    assert len(ours) / max(words, 1) == pytest.approx(score.precision)


@settings(max_examples=300, deadline=None)
@given(ANY_TEXT, st.sampled_from(TOKENIZERS), st.booleans())
def test_every_word_of_bleu_is_found_in_the_text(text: str, tokenizer: str, lowercase: bool) -> None:
    cut = BleuTally(MetricSettings(tokenizer, lowercase)).words
    words = bleu_words(text, cut, tokenizer, lowercase)
    assert [word.text for word in words] == cut(text)
    for word in words:
        original = text[word.start : word.stop]
        assert len(original) >= 1
        if not lowercase and "&" not in text:
            assert original == word.text


@settings(max_examples=200, deadline=None)
@given(ANY_TEXT, st.booleans())
def test_every_word_of_rouge_is_found_in_the_text(text: str, stemmer: bool) -> None:
    cut = DefaultTokenizer(stemmer).tokenize
    assert [word.text for word in rouge_words(text, cut)] == cut(text)


def test_an_entity_is_marked_whole() -> None:
    made = row("salt &amp; pepper", "salt & pepper")
    assert found("salt &amp; pepper", made.ngrams, 3) == ["salt &amp; pepper"]
    assert made.scores[0] == pytest.approx(100)


def test_a_letter_that_becomes_two_moves_nothing() -> None:
    text = "İstanbul is İstanbul"
    assert found(text, row(text, "it is there", lowercase=True).ngrams, 1) == ["is"]
    assert found(text, row(text, "it is there").common, 1) == ["is"]


def test_stems_are_marked_as_the_words_they_stand_for() -> None:
    made = row("He was walking home", "he walked home", stemmer=True)
    assert found("He was walking home", made.common, 1) == ["He", "walking", "home"]


def test_clipped_matches_stay_inside_the_longer_ones() -> None:
    made = row("the mat and the cat", "the cat")
    assert [match for match in made.ngrams.matches if match.order == 1] == [Match(12, 15, 1), Match(16, 19, 1)]


def test_runs_show_the_longest_match_of_every_place() -> None:
    made = row("a b c d e x a", "a b c d e a")
    assert made.ngrams.runs() == (Match(0, 9, 4), Match(12, 13, 1))
    assert Marks().runs() == ()


def test_the_best_reference_is_the_one_that_alone_scores_highest() -> None:
    made = row("a b c d e", "a x y z w", "a b c d f", "e d c b a")
    assert (made.best, made.best_common) == (1, 1)
    assert made.reference_ngrams[0].runs() == (Match(0, 1, 1),)
