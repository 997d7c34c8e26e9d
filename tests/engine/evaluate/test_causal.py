"""Perplexity of decoders: every token once, with the context it should have, and the same by other ways."""

from __future__ import annotations

import math
import tracemalloc
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from engine.evaluate.passages import MIXED, STORY
from engine.evaluate.references import documented_recipe, one_by_one
from hypothesis import given
from hypothesis import strategies as st

from app.engine.errors import UserError
from app.engine.evaluate import causal, perplexity, score
from app.engine.evaluate.align import align, largest_spans
from app.engine.evaluate.curves import by_position, cumulative, overview
from app.engine.evaluate.encoding import encode_pieces
from app.engine.evaluate.records import Plan, Scores
from app.engine.evaluate.score import Scoring
from app.engine.evaluate.significance import compare, standard_error
from app.engine.evaluate.windows import halved, rolling, settled, settled_windows, sliding
from app.engine.evaluate.worked import worked_example
from app.engine.models.loaded import LoadedModel
from app.engine.texts.records import FILE, LongText, Record, TextSource
from app.engine.texts.source import records

LM_EVAL = {
    (512, "STORY"): (-959.2091064453125, 163),
    (512, "MIXED"): (-2127.205078125, 42),
    (64, "STORY"): (-985.6001129150391, 163),
    (64, "MIXED"): (-1938.0120239257812, 42),
    (33, "STORY"): (-985.004753112793, 163),
    (33, "MIXED"): (-2005.8629302978516, 42),
}
"""(log-likelihood, words) of `HFLM(…, dtype="float32", max_length=…).loglikelihood_rolling` on story-gpt."""
TEXTS = {"STORY": STORY, "MIXED": MIXED}


def measured(loaded: LoadedModel, text: str, plan: Plan) -> Scores:
    scoring = Scoring(loaded, [Record(text)], plan)
    for _ in scoring.steps():
        pass
    return scoring.result()


@given(st.integers(0, 300), st.integers(2, 70), st.data())
def test_every_token_is_scored_once_with_enough_context(tokens: int, window: int, data: st.DataObject) -> None:
    stride = data.draw(st.integers(1, window - 1))
    scored: list[int] = []
    for number, cut in enumerate(sliding(tokens, window, stride)):
        assert cut.start == number * stride
        assert cut.stop - cut.start <= window
        assert cut.start < cut.first < cut.last <= cut.stop
        if number:
            assert cut.first - cut.start >= window - stride
        scored += range(cut.first, cut.last)
    assert scored == list(range(1, tokens))


@given(st.integers(1, 300), st.integers(2, 70))
def test_rolling_blocks_score_every_token_of_the_text_once(text: int, window: int) -> None:
    cuts = list(rolling(text + 1, window))
    assert [token for cut in cuts for token in range(cut.first, cut.last)] == list(range(1, text + 1))
    assert all(cut.stop - 1 - cut.start <= window for cut in cuts)
    if text > window:
        assert all(cut.stop - 1 - cut.start == window for cut in cuts), "the last block is shifted back to be full"


@given(st.integers(1, 200), st.integers(2, 30), st.data())
def test_windows_are_the_same_when_tokens_come_bit_by_bit(tokens: int, window: int, data: st.DataObject) -> None:
    stride = data.draw(st.integers(1, window - 1))
    counts = sorted(data.draw(st.sets(st.integers(0, tokens - 1), max_size=6)))
    growing = [*((count, False) for count in counts), (tokens, True)]
    for cut in (
        lambda count, number: sliding(count, window, stride, number),
        lambda count, number: rolling(count, window, number),
        lambda count, number: halved(count, window, stride, number),
    ):
        found = [each for each in settled_windows(cut, growing) if each is not None]
        assert found == list(cut(tokens, 0))


@pytest.mark.parametrize("family", ["gpt2", "llama", "qwen2", "gemma2", "gpt_neox", "opt"])
@pytest.mark.parametrize(("window", "stride"), [(32, 16), (17, 3), (128, 127), (400, 200)])
def test_equals_one_forward_a_token(tiny: Callable[[str], LoadedModel], family: str, window: int, stride: int) -> None:
    loaded = tiny(family)
    text = STORY[:260]
    ids = loaded.tokenizer(text)["input_ids"]
    context = loaded.summary.context
    if context is not None and window > context:
        with pytest.raises(UserError, match=f"context of {context}"):
            perplexity(loaded, text, window=window, stride=stride)
        return
    scores = perplexity(loaded, text, window=window, stride=stride)
    expected = one_by_one(loaded, ids, window, stride)
    np.testing.assert_allclose(scores.token_nats, expected, rtol=1e-4, atol=1e-4)
    assert scores.ids.tolist() == ids
    assert math.isnan(scores.token_nats[0])
    assert scores.token_nats.dtype == np.float64
    assert scores.nats_per_token == pytest.approx(sum(expected[1:]) / (len(ids) - 1), rel=1e-4)
    assert scores.perplexity == pytest.approx(math.exp(sum(expected[1:]) / (len(ids) - 1)), rel=1e-3)
    assert scores.bits_per_byte == pytest.approx(sum(expected[1:]) / math.log(2) / len(text.encode()), rel=1e-4)


@pytest.mark.parametrize(("window", "stride"), [(512, 256), (64, 32), (50, 49), (20, 1)])
def test_equals_the_documented_recipe_with_its_miscount_mended(story: LoadedModel, window: int, stride: int) -> None:
    scores = perplexity(story, STORY, window=window, stride=stride)
    ids = torch.tensor([story.tokenizer(STORY)["input_ids"]])
    total, count = documented_recipe(story.model, ids, window, stride)
    assert scores.scored == count == ids.shape[1] - 1
    assert scores.total_nats == pytest.approx(total, rel=1e-5)
    assert scores.perplexity == pytest.approx(math.exp(total / count), rel=1e-4)


@pytest.mark.parametrize(("window", "name"), LM_EVAL)
def test_equals_lm_evaluation_harness(story: LoadedModel, window: int, name: str) -> None:
    """Recorded with lm_eval 0.4.13, torch 2.13.0, transformers 5.23.0: packages of the group lm-eval."""
    likelihood, words = LM_EVAL[window, name]
    text = TEXTS[name]
    scores = measured(story, text, Plan(window, name="lm-eval"))
    assert scores.total_nats == pytest.approx(-likelihood, rel=1e-5)
    assert scores.word_perplexity == pytest.approx(math.exp(-likelihood / words), rel=1e-3)
    assert scores.byte_perplexity == pytest.approx(math.exp(-likelihood / len(text.encode())), rel=1e-4)


def test_defaults(story: LoadedModel) -> None:
    scores = perplexity(story, STORY)
    assert (scores.plan.window, scores.plan.stride) == (512, 256)
    assert settled(Plan(), None) == Plan(1024, 512)
    assert settled(Plan(), 131_072) == Plan(1024, 512)
    assert settled(Plan(7), 512) == Plan(7, 3)


def test_neither_batches_nor_segments_change_anything(
    tiny: Callable[[str], LoadedModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    records = [Record(STORY[at : at + size]) for at, size in ((0, 300), (100, 40), (200, 2), (210, 1), (211, 250))]
    for family in ("gpt2", "llama", "qwen2", "gemma2"):
        loaded = tiny(family)
        found = []
        for tokens, logit_bytes in ((1024, 256 << 20), (1, 256 << 20), (100_000, 256 << 20), (1024, 5 * 4 * 320)):
            monkeypatch.setattr(causal, "BATCH_TOKENS", {"cpu": tokens})
            monkeypatch.setattr(causal, "LOGIT_BYTES", logit_bytes)
            scoring = Scoring(loaded, records, Plan(48, 24))
            for _ in scoring.steps():
                pass
            found.append(scoring.result())
        for other in found[1:]:
            np.testing.assert_allclose(other.token_nats, found[0].token_nats, rtol=1e-4, atol=1e-4)
            assert other.ids.tolist() == found[0].ids.tolist()
        alone = [perplexity(loaded, record.text, window=48, stride=24) for record in (records[0], records[4])]
        starts = found[0].starts
        np.testing.assert_allclose(
            found[0].token_nats[starts[0] : starts[1]], alone[0].token_nats, rtol=1e-4, atol=1e-4
        )
        assert np.nansum(found[0].token_nats) == pytest.approx(found[0].total_nats)
        assert found[0].bytes == sum(len(record.text.encode()) for record in records)
        assert found[0].skipped == (1 if family in ("gpt2", "qwen2") else 0), "one letter, and a start token or none"


def test_what_does_not_fit_into_memory_is_done_in_halves(
    story: LoadedModel, bert: LoadedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(causal, "BATCH_TOKENS", {"cpu": 1_000})
    sizes: list[int] = []

    def refuse(_module: object, _given: object, named: dict[str, torch.Tensor]) -> None:
        sizes.append(named["input_ids"].numel())
        if sizes[-1] > 100:
            raise torch.OutOfMemoryError("CUDA out of memory.")

    for loaded, text, plan in (
        (story, STORY, Plan(32, 16)),
        (story, STORY, Plan(256, 100)),
        (bert, STORY[:200], Plan()),
    ):
        expected = measured(loaded, text, plan)
        handle = loaded.model.register_forward_pre_hook(refuse, with_kwargs=True)
        sizes.clear()
        try:
            found = measured(loaded, text, plan)
        finally:
            handle.remove()
        np.testing.assert_allclose(found.token_nats, expected.token_nats, rtol=1e-4, atol=1e-4)
        refused = [place for place, size in enumerate(sizes) if size > 100]
        assert refused and refused[-1] < 12, "once it is known how much fits, no more is tried"
    monkeypatch.setattr(causal, "free_bytes", lambda _device: 4 << 20)
    room = causal.Room(story)
    assert room.tokens < 100 and room.rows * story.summary.vocabulary * 4 <= 1 << 20


def test_a_window_is_never_held_as_logits_as_a_whole(story: LoadedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    """With room for 8 places of logits the model is asked for no more than 8 at once."""
    monkeypatch.setattr(causal, "LOGIT_BYTES", 8 * 4 * story.summary.vocabulary)
    seen: list[int] = []
    handle = story.model.lm_head.register_forward_hook(lambda *call: seen.append(call[2].shape[1]))
    try:
        scores = perplexity(story, STORY, window=128, stride=64)
    finally:
        handle.remove()
    assert max(seen) == 8
    monkeypatch.undo()
    np.testing.assert_allclose(
        scores.token_nats, perplexity(story, STORY, window=128, stride=64).token_nats, rtol=1e-4, atol=1e-4
    )


@pytest.mark.parametrize("plan", [Plan(64, 32), Plan(64, name="lm-eval")])
def test_a_text_that_comes_in_pieces_is_the_same_text(
    story: LoadedModel, monkeypatch: pytest.MonkeyPatch, plan: Plan
) -> None:
    text = (STORY + MIXED) * 3
    whole = measured(story, text, plan)
    monkeypatch.setattr(score, "encode_pieces", partial(encode_pieces, piece=1_000, overlap=300))
    pieces = LongText(len(text.encode()), lambda: (text[at : at + 137] for at in range(0, len(text), 137)))
    scoring = Scoring(story, [Record("", long=pieces), Record(STORY)], plan)
    steps = list(scoring.steps())
    found, own = scoring.result(), measured(story, STORY, plan)
    assert steps[-1].bytes == pytest.approx(found.bytes, rel=0.01)
    assert found.ids.tolist() == [*whole.ids.tolist(), *own.ids.tolist()]
    assert found.spans[: len(whole.ids)].tolist() == whole.spans.tolist()
    assert (found.bytes, found.words) == (whole.bytes + own.bytes, whole.words + own.words)
    np.testing.assert_allclose(found.token_nats[: len(whole.ids)], whole.token_nats, rtol=1e-4, atol=1e-4)
    assert found.total_nats == pytest.approx(whole.total_nats + own.total_nats, rel=1e-6)


def test_a_long_file_is_scored_while_it_is_read(
    story: LoadedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(score, "encode_pieces", partial(encode_pieces, piece=20_000))
    path, text = tmp_path / "long.txt", (STORY + MIXED) * 3_000
    path.write_text(text, encoding="utf-8", newline="")
    read = 0

    def seen(record: Record) -> Record:
        long = record.long
        assert long is not None and record.text == ""

        def pieces() -> Iterator[str]:
            nonlocal read
            for piece in long.read():
                read += len(piece)
                yield piece

        return replace(record, long=LongText(long.bytes, pieces))

    tracemalloc.start()
    scoring = Scoring(story, map(seen, records(TextSource(FILE, "long", path=str(path)), whole=False)), Plan())
    first = next(step for step in scoring.steps() if step.tokens)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert 0 < first.bytes < 5_000
    assert read < 300_000 < len(text) / 8, "two stretches, and what was read with their last letters"
    assert peak < 12e6, "what stretches of this size take; the text is held nowhere"


def test_what_is_noted_besides_the_surprisal(story: LoadedModel) -> None:
    scores = perplexity(story, STORY[:200])
    with torch.no_grad():
        logits = story.model(torch.tensor([scores.ids.tolist()])).logits[0, :-1].double()
    shares = torch.softmax(logits, -1).numpy()
    chosen = scores.ids[1:]
    own = shares[np.arange(len(chosen)), chosen]
    np.testing.assert_array_equal(scores.rank[1:], (shares > own[:, None]).sum(-1))
    np.testing.assert_allclose(scores.confidence[1:], shares.max(-1), rtol=1e-4)
    np.testing.assert_allclose(scores.entropy[1:], -(shares * np.log(shares)).sum(-1), rtol=1e-3)
    assert scores.rank[0] == -1
    assert scores.accuracy == np.mean(shares.argmax(-1) == chosen)
    assert scores.top5 == np.mean((shares > own[:, None]).sum(-1) < 5)


def test_a_stopped_measurement_goes_on_where_it_stopped(story: LoadedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(causal, "BATCH_TOKENS", {"cpu": 64})
    scoring = Scoring(story, [Record(STORY), Record(MIXED)], Plan(64, 32))
    first = scoring.steps()
    steps = [next(first) for _ in range(3)]
    first.close()
    runs: list[int] = []
    handle = story.model.register_forward_pre_hook(lambda *_: runs.append(1))
    rest = list(scoring.steps())
    handle.remove()
    assert len(runs) == len(rest), "every step is one run of the model, and none is done again"
    assert rest[0].tokens > steps[-1].tokens
    expected = perplexity(story, STORY, window=64, stride=32).total_nats
    expected += perplexity(story, MIXED, window=64, stride=32).total_nats
    assert scoring.result().total_nats == pytest.approx(expected, rel=1e-6)


def test_half_a_letter_is_said(story: LoadedModel) -> None:
    for measure in (perplexity, worked_example):
        with pytest.raises(UserError, match=r"letter 4 is half of a surrogate pair"):
            measure(story, "One\ud83d day.")


@pytest.mark.parametrize("text", ["", "a"])
def test_too_short(story: LoadedModel, text: str) -> None:
    with pytest.raises(UserError, match="fewer than two tokens"):
        perplexity(story, text)


@pytest.mark.parametrize(("window", "stride"), [(64, 0), (64, 64), (64, 100), (1, 1), (600, 10), (64, -1), (0, None)])
def test_windows_that_do_not_work(story: LoadedModel, window: int, stride: int | None) -> None:
    with pytest.raises(UserError, match="Take"):
        perplexity(story, STORY, window=window, stride=stride)


def test_nan_names_the_token(tiny: Callable[[str], LoadedModel]) -> None:
    loaded = tiny("gpt2")
    ids = loaded.tokenizer(STORY[:100])["input_ids"]

    def spoil(_module: object, _given: object, output: torch.Tensor) -> torch.Tensor:
        output[:, 5:] = math.nan
        return output

    handle = loaded.model.lm_head.register_forward_hook(spoil)
    try:
        with pytest.raises(UserError, match="NaN") as caught:
            perplexity(loaded, STORY[:100])
    finally:
        handle.remove()
    assert "token 6," in str(caught.value)
    assert loaded.tokenizer.decode([ids[6]]) in str(caught.value)


def test_an_impossible_token_costs_infinity(tiny: Callable[[str], LoadedModel]) -> None:
    loaded = tiny("gpt2")
    ids = loaded.tokenizer(STORY[:60])["input_ids"]

    def forbid(_module: object, _given: object, output: torch.Tensor) -> torch.Tensor:
        output[..., ids[3]] = -math.inf
        return output

    handle = loaded.model.lm_head.register_forward_hook(forbid)
    scores = perplexity(loaded, STORY[:60])
    handle.remove()
    assert math.isinf(scores.token_nats[3])
    assert scores.perplexity == math.inf
    assert np.isfinite(scores.entropy[1:]).all()
    text = STORY * 2
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        handle = loaded.model.lm_head.register_forward_hook(forbid)
        endless = perplexity(loaded, text)
        handle.remove()
        finite = perplexity(loaded, text)
        assert math.isnan(standard_error(endless)) and compare(endless, finite) is None
        curve, run, parts = by_position(endless, "a"), cumulative(endless, "a"), overview(endless, 20)
        first = next(span for span, nats in zip(endless.spans, endless.token_nats, strict=True) if math.isinf(nats))
        assert np.isfinite(run.y[run.x < first[0]]).all() and np.isnan(run.y[run.x > first[1]]).all()
        assert np.isnan(curve.y).any() and np.isnan(parts).any()
        spans = largest_spans(align(endless, finite), text.encode())
        assert math.isinf(spans[0].bits[0]) and math.isfinite(spans[0].bits[1])


def test_a_model_that_is_closed_meanwhile(tiny: Callable[[str], LoadedModel], monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = tiny("llama")
    monkeypatch.setattr(causal, "BATCH_TOKENS", {"cpu": 1})
    scoring = Scoring(loaded, [Record(STORY)], Plan(32, 16))
    steps = scoring.steps()
    next(steps)
    kept, loaded.model = loaded.model, None
    try:
        with pytest.raises(UserError, match="was closed"):
            next(steps)
    finally:
        loaded.model = kept
