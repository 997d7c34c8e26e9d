"""Measuring a text with a model: step by step, and all at once."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from app.engine.errors import ModelClosedError, UserError
from app.engine.evaluate.causal import CausalScorer, check_finite
from app.engine.evaluate.conditional import ConditionalScorer
from app.engine.evaluate.encoding import Encoded, encode_pieces
from app.engine.evaluate.masked import MaskedScorer
from app.engine.evaluate.record_scores import RecordScores
from app.engine.evaluate.records import CAUSAL, CONDITIONAL, MASKED, Plan, Scores
from app.engine.evaluate.surprisal import Noted
from app.engine.evaluate.windows import Window, moved, rolling, settled, settled_windows, sliding
from app.engine.texts.records import Record
from app.engine.texts.source import sound

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
    scoring = Scoring(model, [Record(sound(text, "The text"))], Plan(window, stride))
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
        self._kept: list[RecordScores] = []
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

    @property
    def progress(self) -> ScoreProgress:
        """How far it is."""
        return ScoreProgress(self._tokens, self._bytes)

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
        sizes = [record.tokens for record in kept]
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
        spans = [
            part.spans + start
            for record, start in zip(kept, offsets[:-1].tolist(), strict=True)
            for part in record.parts
        ]
        return Scores(
            self.objective,
            np.concatenate([part.ids for record in kept for part in record.parts]),
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
        batch: list[tuple[RecordScores, np.ndarray, Window]] = []
        lm_eval = self.plan.name == "lm-eval"
        for text in self._records:
            record = self._begin()
            parts = encode_pieces(self._loaded.tokenizer, record.counted(text.pieces()), add_special=not lm_eval)
            for window in settled_windows(self._cut, self._growing(record, parts)):
                if window is None:
                    yield self.progress
                    continue
                if batch and not self._scorer.fits([*(each for _, _, each in batch), window]):
                    yield self._score_causal(batch)
                    batch = []
                batch.append((record, record.ids(window), window))
        if batch:
            yield self._score_causal(batch)

    def _cut(self, tokens: int, number: int) -> Iterator[Window]:
        """A record's windows from the `number`th on."""
        assert self.plan.window is not None
        assert self.plan.stride is not None
        if self.objective == MASKED:
            return self._scorer.windows(tokens, self.plan, number)
        if self.plan.name == "lm-eval":
            return rolling(tokens, self.plan.window, number)
        return sliding(tokens, self.plan.window, self.plan.stride, number)

    def _score_causal(self, batch: Sequence[tuple[RecordScores, np.ndarray, Window]]) -> ScoreProgress:
        scored = self._scorer.score([(ids, moved(window)) for _, ids, window in batch])
        for (record, ids, window), noted in zip(batch, scored, strict=True):
            self._note(record, noted, window.first, ids[window.first - window.start : window.last - window.start])
        return self.progress

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
            record = self._begin()
            parts = encode_pieces(self._loaded.tokenizer, record.counted(text.pieces()))
            for window in settled_windows(self._cut, self._growing(record, parts)):
                if window is None:
                    yield self.progress
                    continue
                ids, inside = record.ids(window), moved(window)
                for first, last in self._scorer.parts(inside):
                    noted = self._scorer.score(ids, inside, first, last)
                    self._note(record, noted, window.start + first, ids[first:last])
                    yield self.progress

    def _conditional(self) -> Iterator[ScoreProgress]:
        for text in self._records:
            self._scorer.require_source(text.source, text.place)
            record = self._begin()
            labels = self._scorer.encode("".join(record.counted(text.pieces())))
            for _ in self._growing(record, iter(((labels, True),))):
                noted = self._scorer.score(text.source, labels.ids, text.place)
                self._note(record, noted, 0, labels.ids)
                yield self.progress

    # What is kept

    def _begin(self) -> RecordScores:
        """Keep a record, scored or not: its bytes are bytes of the text."""
        record = RecordScores(self.plan.name == "lm-eval", own_only=self.objective == MASKED)
        self._kept.append(record)
        return record

    def _growing(self, record: RecordScores, parts: Iterator[tuple[Encoded, bool]]) -> Iterator[tuple[int, bool]]:
        """How many tokens of a record there are by now, and whether these are all; nothing for one that is too short
        to be scored."""
        least = 2 if self.objective == CAUSAL else 1
        for part, ended in parts:
            if self.objective == CAUSAL and self.plan.name == "lm-eval" and not record.tokens:
                part = _with_prefix(part, self._prefix())  # noqa: PLW2901
            self._require_known(part.ids)
            record.add(part)
            if ended and record.in_windows < least:
                self._skipped += 1
                self._bytes += record.bytes
                return
            yield record.in_windows, ended

    def _require_known(self, ids: np.ndarray) -> None:
        outside = np.flatnonzero(ids >= self._loaded.summary.vocabulary)
        if outside.size:
            raise UserError(
                f"The tokenizer gives the id {int(ids[outside[0]]):,}; the model's embedding has "
                f"{self._loaded.summary.vocabulary:,} rows.",
                "Use the tokenizer that belongs to this model.",
            )

    def _note(self, record: RecordScores, noted: Noted, first: int, ids: np.ndarray) -> None:
        """Keep what the tokens `ids` cost, the first of which is number `first` of the record's windows."""
        record.note(noted, first, first + len(ids))
        check_finite(self._loaded.summary.name, noted, ids, int(record.places[-1][0]), self._loaded.tokenizer)
        self._tokens += len(ids)
        # The bytes that the tokens scored so far stand for, about.
        told = record.settled * (int(record.places[-1][-1]) + 1) / record.tokens
        self._bytes += told - record.told
        record.told = told


def _require_open(loaded: Any) -> None:
    if loaded.model is None:
        raise ModelClosedError(
            f"{loaded.summary.name} was closed while it was measured.",
            "Open it again and measure: it goes on from where it stopped.",
        )


def _with_prefix(encoded: Encoded, prefix: int) -> Encoded:
    return Encoded(
        np.concatenate([[prefix], encoded.ids]),
        np.concatenate([np.zeros((1, 2), np.int64), encoded.spans]),
        np.concatenate([[True], encoded.special]),
    )
