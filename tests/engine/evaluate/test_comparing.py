"""Two models on the same bytes, significance, curves, calibration, and perplexity by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from engine.evaluate.passages import MIXED, STORY

from app.engine.errors import UserError
from app.engine.evaluate import perplexity
from app.engine.evaluate.align import align, largest_spans, page
from app.engine.evaluate.curves import by_context, by_position, calibration, context_of, cumulative, overview
from app.engine.evaluate.records import CAUSAL, LN2, Plan, Scores, WorkedExample, WorkedToken
from app.engine.evaluate.score import Scoring
from app.engine.evaluate.significance import compare, standard_error
from app.engine.evaluate.worked import candidates_at, record_of, worked_example
from app.engine.models.loaded import LoadedModel
from app.engine.texts.records import Record


def made(cuts: list[int], nats: list[float], plan: Plan = Plan(100, 50)) -> Scores:  # noqa: B008 - frozen
    """Scores of tokens that end at the bytes `cuts`; a NaN was not scored."""
    ends = np.array(cuts)
    values = np.array(nats)
    scored = ~np.isnan(values)
    return Scores(
        CAUSAL,
        np.arange(len(cuts)),
        values,
        np.stack([np.concatenate([[0], ends[:-1]]), ends], 1),
        np.where(scored, 1.0, np.nan).astype(np.float32),
        np.where(scored, 0, -1).astype(np.int32),
        np.where(scored, 0.5, np.nan).astype(np.float32),
        np.array([0, len(cuts)]),
        cuts[-1],
        1,
        plan,
    )


NAN = math.nan
TEXT = b"one two three four"
A = made([3, 7, 10, 13, 18], [NAN, 1.0, 2.0, 3.0, 4.0])
B = made([3, 5, 7, 13, 18], [NAN, 0.5, 0.5, 4.0, 1.0])


def test_stretches_lie_between_common_borders() -> None:
    found = align(A, B)
    assert found.borders.tolist() == [0, 3, 7, 13, 18]
    np.testing.assert_allclose(found.nats, [[0, 1, 5, 4], [0, 1, 4, 1]])
    assert found.tokens.tolist() == [[1, 1, 2, 1], [1, 2, 1, 1]]
    assert found.whole.tolist() == [False, True, True, True]
    np.testing.assert_allclose(found.bits, np.array([NAN, 0, 1, 3]) / LN2)
    assert found.nats[0].sum() == pytest.approx(A.total_nats)


def test_the_largest_spans_do_not_overlap() -> None:
    spans = largest_spans(align(A, B), TEXT, count=2, size=4)
    assert [span.text for span in spans] == [" four", " three"]
    assert spans[0].bits == pytest.approx((4 / LN2, 1 / LN2))


def test_a_page_has_the_letters_of_the_text_in_every_row() -> None:
    found = page(TEXT, [A, B], 5, 6)
    assert (found.start, found.stop, found.total) == (3, 13, 18)
    assert ["".join(piece.text for piece in row) for row in found.rows] == [" two three"] * 2
    assert [piece.text for piece in found.rows[1]] == [" t", "wo", " three"]
    assert [stretch.text for stretch in found.stretches] == [" two", " three"]
    whole = page(TEXT, [A], 0, 1000)
    assert whole.rows[0][0].bits is None
    assert [piece.index for piece in whole.rows[0]] == [0, 1, 2, 3, 4]


def test_pages_of_a_real_text_join_to_it(story: LoadedModel, bert: LoadedModel) -> None:
    text = STORY + MIXED
    raw = text.encode()
    both = [perplexity(story, text), perplexity(bert, text)]
    at, rows = 0, ["", ""]
    while at < len(raw):
        found = page(raw, both, at, 200)
        assert found.start == at < found.stop
        for place, row in enumerate(found.rows):
            rows[place] += "".join(piece.text for piece in row)
        at = found.stop
    assert rows == [text, text]
    aligned = align(*both)
    assert aligned.nats.sum(1) == pytest.approx([each.total_nats for each in both])
    assert aligned.tokens.sum(1).tolist() == [len(each.ids) for each in both]


def test_texts_of_different_length_do_not_align() -> None:
    with pytest.raises(ValueError, match="18 and 9"):
        align(A, made([4, 9], [NAN, 1.0]))


def test_standard_error_matches_the_formula_for_equal_parts() -> None:
    """For parts of equal size the bootstrap of a mean has the error s/√n (with n, not n − 1: Efron 1979)."""
    rng = np.random.default_rng(1)
    per_part = rng.normal(300, 40, 64)
    tokens = np.repeat(per_part / 16, 16)
    scores = made([8 * (place + 1) for place in range(len(tokens))], tokens.tolist())
    expected = per_part.std() / math.sqrt(64) / 128 / LN2
    assert standard_error(scores) == pytest.approx(expected, rel=0.08)
    assert math.isnan(standard_error(A)), "18 bytes are too few to say anything"


def test_a_real_difference_is_told_from_noise() -> None:
    rng = np.random.default_rng(5)
    cuts = [4 * (place + 1) for place in range(4096)]
    base = rng.gamma(2, 1, 4096)
    better, noisy = base - 0.05 + rng.normal(0, 0.1, 4096), base + rng.normal(0, 0.5, 4096)
    clear = compare(made(cuts, better.tolist()), made(cuts, base.tolist()))
    assert clear is not None and clear.clear and clear.high < 0 and clear.share == 1
    assert clear.difference == pytest.approx((better - base).sum() / LN2 / cuts[-1])
    assert clear.low < clear.difference < clear.high
    unclear = compare(made(cuts, noisy.tolist()), made(cuts, base.tolist()))
    assert unclear is not None and not unclear.clear
    swapped = compare(made(cuts, base.tolist()), made(cuts, better.tolist()))
    assert swapped is not None and swapped.low == pytest.approx(-clear.high)
    assert compare(A, B) is None


def test_parts_are_records_where_there_are_enough(story: LoadedModel) -> None:
    records = [Record(sentence + ".") for sentence in STORY.split(".") if len(sentence) > 5]
    scoring = Scoring(story, records, Plan(64, 32))
    for _ in scoring.steps():
        pass
    found = compare(scoring.result(), scoring.result())
    assert found is not None
    assert found.parts == len(records) >= 10
    assert found.difference == found.low == found.high == 0


def test_curves_end_where_the_table_says() -> None:
    rng = np.random.default_rng(3)
    scores = made([3 * (place + 1) for place in range(2000)], [NAN, *rng.gamma(2, 1, 1999).tolist()])
    along = cumulative(scores, "A")
    assert along.y[-1] == pytest.approx(scores.bits_per_byte)
    assert overview(scores, 10).mean() == pytest.approx(scores.bits_per_byte)
    flat = made([2, 4, 6, 8] * 1, [1.0, 1.0, 1.0, 1.0])
    np.testing.assert_allclose(by_position(flat, "A").y, 0.5 / LN2)


def test_context_is_what_the_windows_gave(story: LoadedModel) -> None:
    scores = perplexity(story, STORY, window=20, stride=8)
    expected = [0]
    for token in range(1, len(scores.ids)):
        start = 0
        while start + 20 <= token:
            start += 8
        expected.append(token - start)
    assert context_of(scores).tolist() == expected
    curve = by_context(scores, "A")
    assert curve.x.tolist() == [1, 2, 4, 8, 16]
    first = scores.token_nats[1:2].mean() / LN2
    assert curve.y[0] == pytest.approx(first)


def test_calibration_error_by_hand() -> None:
    """Two bins: 0.85 sure and right 1 of 2, 0.25 sure and right 1 of 2: (0.35 · 2 + 0.25 · 2) / 4 = 0.3."""
    scores = made([1, 2, 3, 4, 5], [NAN, 1.0, 1.0, 1.0, 1.0])
    object.__setattr__(scores, "confidence", np.array([NAN, 0.85, 0.85, 0.25, 0.25], np.float32))
    object.__setattr__(scores, "rank", np.array([-1, 0, 3, 0, 2], np.int32))
    found = calibration(scores)
    assert found.error == pytest.approx(0.3, rel=1e-5)
    assert found.count.tolist() == [0, 0, 2, 0, 0, 0, 0, 0, 2, 0]
    assert scores.accuracy == 0.5 and scores.top5 == 1


@pytest.mark.parametrize(("numbers", "expected"), [((0.4, 0.27, 0.55, 0.79), 2.1486), ((0.7, 0.5, 0.6, 0.9), 1.5166)])
def test_perplexity_by_hand(numbers: tuple[float, ...], expected: float) -> None:
    example = WorkedExample(tuple(WorkedToken("", number) for number in numbers))
    assert example.product == pytest.approx(math.prod(numbers))
    assert example.mean == pytest.approx(math.prod(numbers) ** 0.25)
    assert example.perplexity == pytest.approx(expected, abs=5e-5)


def test_a_sentence_is_worked_with_the_models_numbers(story: LoadedModel) -> None:
    sentence = "Once upon a time there was a dog."
    example = worked_example(story, sentence)
    ids = torch.tensor([story.tokenizer(sentence)["input_ids"]])
    with torch.no_grad():
        shares = torch.softmax(story.model(ids).logits[0].double(), -1)
    own = [float(shares[place, token]) for place, token in enumerate(ids[0, 1:].tolist())]
    assert [token.probability for token in example.tokens] == pytest.approx(own, rel=1e-4)
    assert example.context + "".join(token.text for token in example.tokens) == sentence
    assert example.perplexity == pytest.approx(perplexity(story, sentence).perplexity)
    with pytest.raises(UserError, match="shorter"):
        worked_example(story, STORY)


def test_the_distribution_behind_a_token(story: LoadedModel) -> None:
    scores = perplexity(story, STORY, window=64, stride=32)
    found = candidates_at(story, scores, 100)
    chosen = next(each for each in found if each.token_id == scores.ids[100])
    assert chosen.probability == pytest.approx(math.exp(-scores.token_nats[100]), rel=1e-4)
    assert found[0].probability == pytest.approx(float(scores.confidence[100]), rel=1e-4)
    with pytest.raises(UserError, match="not scored"):
        candidates_at(story, scores, 0)


def test_the_distribution_is_the_measured_one_for_every_kind_of_model(
    story: LoadedModel, bert: LoadedModel, bart: LoadedModel
) -> None:
    """In every window and block, at its borders too; and a decoder is asked for one row of logits alone."""
    rows: list[int] = []
    handle = story.model.lm_head.register_forward_hook(lambda *call: rows.append(call[2].shape[1]))
    pair = [Record("Oui.", "Yes."), Record("Je suis très content.", "I am very happy.")]
    for loaded, records, plan, places in (
        (story, [Record(STORY)], Plan(64, 32), (1, 63, 64, 96, 170)),
        (story, [Record(STORY)], Plan(64, name="lm-eval"), (1, 64, 65, 150, 170)),
        (bert, [Record("Short."), Record(STORY)], Plan(32, 10), (1, 4, 30, 100)),
        (bart, pair, Plan(), (0, 4, 8)),
    ):
        scoring = Scoring(loaded, records, plan)
        for _ in scoring.steps():
            pass
        scores = scoring.result()
        rows.clear()
        for index in (*places, int(np.flatnonzero(scores.rank >= 0)[-1])):
            if scores.rank[index] < 0:
                continue
            source = records[record_of(scores, index)].source
            found = candidates_at(loaded, scores, index, source)
            own = next(each for each in found if each.token_id == scores.ids[index])
            assert own.probability == pytest.approx(math.exp(-scores.token_nats[index]), rel=1e-3), (plan, index)
            assert found[0].probability == pytest.approx(float(scores.confidence[index]), rel=1e-3)
        assert set(rows) <= {1}
    handle.remove()
