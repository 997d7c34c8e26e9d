"""Measuring a text with a model: step by step, and all at once."""

from __future__ import annotations

import re
import time
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from app.engine.errors import ModelClosedError, UserError
from app.engine.evaluate.causal import CausalScorer, check_finite
from app.engine.evaluate.conditional import ConditionalScorer
from app.engine.evaluate.encoding import Encoded, encode_steps, utf8
from app.engine.evaluate.masked import MaskedScorer
from app.engine.evaluate.records import CAUSAL, CONDITIONAL, MASKED, Plan, Scores
from app.engine.evaluate.surprisal import Noted
from app.engine.evaluate.windows import Window, rolling, settled, sliding
from app.engine.texts.records import Record

OBJECTIVE = {"decoder": CAUSAL, "encoder": MASKED, "encoder-decoder": CONDITIONAL}
_SCORERS = {CAUSAL: CausalScorer, MASKED: MaskedScorer, CONDITIONAL: ConditionalScorer}


def perplexity(model: Any, text: str, *, window: int | None = None, stride: int | None = None) -> Scores:
    """How surprised a loaded model is by a text.

    A decoder's perplexity over sliding windows (transformers' documentation, "Perplexity of fixed-length models"):
    they begin at 0, stride, 2·stride… and each scores what no earlier one scored; token 0 is never scored. `window`
    is min(context, 1,024) tokens unless given, `stride` half of it. A masked model gives its pseudo-perplexity.
    Raises UserError for a text of fewer than two tokens, for a stride outside 1 ≤ stride ≤ window − 1, and for a
    model that cannot score a text.
    """
    scoring = Scoring(model, [Record(text)], Plan(window, stride))
    for _ in scoring.steps():
        pass
    return scoring.result()


@dataclass(frozen=True)
class ScoreProgress:
    """How far a measurement is."""

    tokens: int
    """Tokens scored so far."""
    bytes: float
    """Bytes of the text that those stand for, about."""


@dataclass(eq=False)
class _Record:
    """One record while it is measured."""

    encoded: Encoded
    noted: list[Noted]
    places: list[np.ndarray]
    bytes: int
    words: int


class Scoring:
    """One measurement that can be stopped and gone on with: `steps` again continues where the last one was left.

    `records` may be any iterable; it is read as the measurement needs it. Every step is one batch of the model.
    """

    def __init__(self, loaded: Any, records: Iterable[Record], plan: Plan) -> None:
        if not loaded.summary.answer or (loaded.kind == "decoder" and loaded.summary.answer != "next token"):
            raise UserError(
                f"{loaded.summary.name} cannot score a text: it has no language-modelling head.",
                "Open a checkpoint saved with one.",
            )
        _require_open(loaded)
        self._loaded = loaded
        self.objective = OBJECTIVE[loaded.kind]
        self._scorer: Any = _SCORERS[self.objective](loaded)
        context = loaded.summary.context
        self.plan = settled(plan, context, self.objective)
        self._records = iter(records)
        self._kept: list[_Record] = []
        self._skipped = 0
        self._seconds = 0.0
        self._tokens = 0
        self._bytes = 0.0
        self._reading: Iterator[ScoreProgress] | None = None
        self.finished = False

    def go_on_with(self, loaded: Any) -> None:
        """Continue with the same model in a new place, after it was closed and opened again."""
        _require_open(loaded)
        self._loaded = loaded
        self._scorer = _SCORERS[self.objective](loaded)

    def steps(self) -> Generator[ScoreProgress, None, None]:
        """Measure; each yield says how far it is. Raises UserError where a text or the model cannot be measured."""
        if self._reading is None:
            kinds = {CAUSAL: self._causal, MASKED: self._masked, CONDITIONAL: self._conditional}
            self._reading = kinds[self.objective]()
        while True:
            _require_open(self._loaded)
            began = time.perf_counter()
            step = next(self._reading, None)
            self._seconds += time.perf_counter() - began
            if step is None:
                self.finished = True
                return
            yield step

    def result(self) -> Scores:
        """What was measured. Raises UserError when no record has two tokens."""
        kept = self._kept
        if not kept or not any(record.noted for record in kept):
            raise UserError(
                "There is nothing to score: the text has fewer than two tokens.",
                "The first token has nothing before it; give a longer text.",
            )
        sizes = [len(record.encoded.ids) for record in kept]
        starts = np.concatenate([[0], np.cumsum(sizes)])
        offsets = np.concatenate([[0], np.cumsum([record.bytes for record in kept])])
        total = int(starts[-1])
        nats, rank = np.full(total, np.nan), np.full(total, -1, np.int32)
        entropy, confidence = np.full(total, np.nan, np.float32), np.full(total, np.nan, np.float32)
        for record, start in zip(kept, starts[:-1].tolist(), strict=True):
            for places, noted in zip(record.places, record.noted, strict=True):
                at = places + start
                nats[at], rank[at], entropy[at] = noted.nats, noted.rank, noted.entropy
                confidence[at] = noted.confidence
        spans = [record.encoded.spans + start for record, start in zip(kept, offsets[:-1].tolist(), strict=True)]
        return Scores(
            self.objective,
            np.concatenate([record.encoded.ids for record in kept]),
            nats,
            np.concatenate(spans),
            entropy,
            rank,
            confidence,
            starts,
            int(offsets[-1]),
            sum(record.words for record in kept),
            self.plan,
            self._seconds,
            self._skipped,
        )

    # Decoders

    def _causal(self) -> Iterator[ScoreProgress]:
        assert self.plan.window is not None
        assert self.plan.stride is not None
        lm_eval = self.plan.name == "lm-eval"
        batch: list[tuple[_Record, Window]] = []
        for text in self._records:
            encoded = yield from self._encoded(text.text, add_special=not lm_eval)
            if lm_eval:
                encoded = _with_prefix(encoded, self._prefix())
            record = self._begin(text.text, encoded)
            if record is None:
                continue
            count = len(encoded.ids)
            cut = rolling(count, self.plan.window) if lm_eval else sliding(count, self.plan.window, self.plan.stride)
            for window in cut:
                if batch and not self._scorer.fits([*(each for _, each in batch), window]):
                    yield self._score_causal(batch)
                    batch = []
                batch.append((record, window))
        if batch:
            yield self._score_causal(batch)

    def _score_causal(self, batch: Sequence[tuple[_Record, Window]]) -> ScoreProgress:
        scored = self._scorer.score([(record.encoded.ids, window) for record, window in batch])
        for (record, window), noted in zip(batch, scored, strict=True):
            self._note(record, noted, np.arange(window.first, window.last), record.encoded.ids)
        return self._progress()

    def _encoded(self, text: str, add_special: bool = True) -> Generator[ScoreProgress, None, Encoded]:
        """The tokens of a record; a long one takes several steps."""
        steps = encode_steps(self._loaded.tokenizer, text, add_special)
        while True:
            try:
                next(steps)
            except StopIteration as stop:
                return stop.value
            yield self._progress()

    def _progress(self) -> ScoreProgress:
        return ScoreProgress(self._tokens, self._bytes)

    def _prefix(self) -> int:
        """The token that lm-evaluation-harness puts before a text: BOS, or the end of text where there is none."""
        tokenizer = self._loaded.tokenizer
        for known in (tokenizer.bos_token_id, tokenizer.eos_token_id):
            if known is not None:
                return int(known)
        raise UserError(
            f"{self._loaded.summary.name} has neither a token for the beginning nor for the end of a text.",
            "Measure with sliding windows instead of the lm-eval plan.",
        )

    # Masked models and encoder-decoders

    def _masked(self) -> Iterator[ScoreProgress]:
        for text in self._records:
            encoded = yield from self._encoded(text.text)
            inner = np.flatnonzero(~encoded.special)
            record = self._begin(text.text, encoded, least=1, count=len(inner))
            if record is None:
                continue
            ids = encoded.ids[inner]
            for cut in self._scorer.windows(len(ids), self.plan):
                for first, last in self._scorer.parts(cut):
                    noted = self._scorer.score(ids, cut, first, last)
                    self._note(record, noted, inner[first:last], encoded.ids)
                    yield self._progress()

    def _conditional(self) -> Iterator[ScoreProgress]:
        for text in self._records:
            encoded = self._scorer.encode(text.text)
            record = self._begin(text.text, encoded, least=1)
            if record is None:
                continue
            noted = self._scorer.score(text.source, encoded.ids, text.place)
            self._note(record, noted, np.arange(len(encoded.ids)), encoded.ids)
            yield self._progress()

    # What is kept

    def _begin(self, text: str, encoded: Encoded, least: int = 2, count: int | None = None) -> _Record | None:
        """Keep a record, scored or not: its bytes are bytes of the text. None when it is too short to be scored."""
        outside = np.flatnonzero(encoded.ids >= self._loaded.summary.vocabulary)
        if outside.size:
            raise UserError(
                f"The tokenizer gives the id {int(encoded.ids[outside[0]]):,}; the model's embedding has "
                f"{self._loaded.summary.vocabulary:,} rows.",
                "Use the tokenizer that belongs to this model.",
            )
        # lm-evaluation-harness counts what lies between stretches of white space, also nothing at the ends.
        lm_eval = self.plan.name == "lm-eval"
        words = _count(r"\s+", text) + 1 if lm_eval else _count(r"\S+", text)
        record = _Record(encoded, [], [], len(utf8(text)), words)
        self._kept.append(record)
        if (len(encoded.ids) if count is None else count) < least:
            self._skipped += 1
            self._bytes += record.bytes
            return None
        return record

    def _note(self, record: _Record, noted: Noted, places: np.ndarray, ids: np.ndarray) -> None:
        chosen = ids[places]
        check_finite(self._loaded.summary.name, noted, chosen, int(places[0]), self._loaded.tokenizer)
        record.noted.append(noted)
        record.places.append(places)
        self._tokens += len(places)
        self._bytes += record.bytes * len(places) / len(record.encoded.ids)


def _require_open(loaded: Any) -> None:
    if loaded.model is None:
        raise ModelClosedError(
            f"{loaded.summary.name} was closed while it was measured.",
            "Open it again and measure: it goes on from where it stopped.",
        )


def _count(pattern: str, text: str) -> int:
    return sum(1 for _ in re.finditer(pattern, text))


def _with_prefix(encoded: Encoded, prefix: int) -> Encoded:
    return Encoded(
        np.concatenate([[prefix], encoded.ids]),
        np.concatenate([np.zeros((1, 2), np.int64), encoded.spans]),
        np.concatenate([[True], encoded.special]),
    )
