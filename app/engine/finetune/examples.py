"""From a record to what the model is given: ids, and labels that say which tokens are learnt."""

from __future__ import annotations

from typing import Any

import numpy as np

from app.engine.errors import UserError
from app.engine.evaluate.conditional import ConditionalScorer
from app.engine.evaluate.encoding import Encoded, encode, utf8
from app.engine.finetune.records import IGNORED, TEXT, Example, Shape
from app.engine.finetune.records_of import RawRecord
from app.engine.finetune.settings import FinetuneSettings
from app.engine.finetune.templates import Written, write
from app.engine.models.kinds import ENCODER, ENCODER_DECODER
from app.engine.models.loaded import LoadedModel

LONGEST = 1024
"""Tokens after which an example is cut when neither the settings nor the model say less."""
HIDDEN, AS_MASK, AS_ANY = 0.15, 0.8, 0.1
"""Devlin et al. 2018: the share of tokens that is to be guessed; of these, shown as [MASK], and as any other token."""


def encode_example(loaded: LoadedModel, shape: Shape, record: RawRecord, settings: FinetuneSettings) -> Example:
    """A record as the model is given it; `trained` is 0 when nothing to learn is left after cutting.

    A decoder reads prompt and completion as one text and learns the completion with one end of text behind it. An
    encoder-decoder reads the prompt and learns the completion with one end. A masked model reads it all, and every
    token of it that is not special can be hidden. Raises BadRecord for a record that cannot be used, and UserError for
    a model that cannot learn from such records.
    """
    check(loaded, shape)
    return encode_written(loaded, write(shape, record, loaded.tokenizer, loaded.kind == ENCODER_DECODER), settings)


def check(loaded: LoadedModel, shape: Shape) -> None:
    """Raises UserError for a model without a language-modelling head, and for texts where pairs are needed."""
    name = loaded.summary.name
    if loaded.summary.answer not in ("next token", "masked token"):
        raise UserError(
            f"{name} cannot be finetuned here: it has no head that predicts tokens.",
            "Open a decoder, a masked model such as story-bert, or an encoder-decoder.",
        )
    if loaded.kind == ENCODER_DECODER and shape.kind == TEXT:
        raise UserError(
            f"{name} writes one text from another, so each record needs a prompt and a completion.",
            "Choose two columns, or another file.",
        )


def longest_of(loaded: LoadedModel, settings: FinetuneSettings) -> int:
    """Tokens after which an example is cut; never more than the model's context."""
    wanted = settings.max_length or LONGEST
    return min(wanted, loaded.summary.context or wanted)


def encode_written(loaded: LoadedModel, written: Written, settings: FinetuneSettings) -> Example:
    """A record after its template as the model is given it."""
    longest = longest_of(loaded, settings)
    if loaded.kind == ENCODER_DECODER:
        return _pair(loaded, written, longest)
    if loaded.kind == ENCODER:
        return _hideable(loaded.tokenizer, written, longest)
    return _going_on(loaded.tokenizer, written, longest, settings.train_on == "all")


def mask_tokens(
    ids: np.ndarray, labels: np.ndarray, tokenizer: Any, generator: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """BERT's rule, drawn anew at every step: ids with tokens hidden, labels of these alone; int64, shaped as given.

    Of the tokens with a label 15 % are to be guessed; 80 % of them read [MASK], 10 % any token of the vocabulary, 10 %
    what they are. At least one is always taken: without any, a batch of short texts would have no loss.
    """
    there = labels != IGNORED
    taken = there & (generator.random(ids.shape) < HIDDEN)
    if not taken.any() and there.any():
        taken.flat[generator.choice(np.flatnonzero(there))] = True
    kind = generator.random(ids.shape)
    hidden = np.where(taken & (kind < AS_MASK), tokenizer.mask_token_id, ids)
    any_token = generator.integers(0, len(tokenizer), ids.shape)
    hidden = np.where(taken & (kind >= AS_MASK) & (kind < AS_MASK + AS_ANY), any_token, hidden)
    return hidden.astype(np.int64), np.where(taken, labels, IGNORED)


def _going_on(tokenizer: Any, written: Written, longest: int, everything: bool) -> Example:
    """For a decoder: what comes after each token is learnt where that is an answer's, or everywhere."""
    encoded = encode(tokenizer, written.text, add_special=not written.closed)
    trained = np.ones(len(encoded.ids), bool) if everything else _in_answers(encoded, written)
    ids = encoded.ids
    if not written.closed:
        ids, trained = _ended(ids, trained, tokenizer.eos_token_id)
    labels = np.where(trained, ids, IGNORED)
    # Nothing stands before the first token, so nothing predicts it.
    labels[:1] = IGNORED
    return Example(ids[:longest], labels[:longest], written.place, max(0, len(ids) - longest), len(ids))


def _pair(loaded: LoadedModel, written: Written, longest: int) -> Example:
    """For an encoder-decoder; both texts are cut alike."""
    tokenizer = loaded.tokenizer
    source = encode(tokenizer, written.prompt)
    target = ConditionalScorer(loaded).encode(written.completion)
    labels = target.ids
    # Some tokenizers put a language's code behind the end of text; then it stays there.
    content = np.flatnonzero(~target.special)
    tail = labels[content[-1] + 1 : -1] if content.size else labels[:0]
    if tokenizer.eos_token_id not in tail:
        labels, _ = _ended(labels, np.ones(len(labels), bool), tokenizer.eos_token_id)
    ids = _cut_inside(source.ids, source.special, longest)
    cut = len(source.ids) - len(ids) + max(0, len(labels) - longest)
    return Example(ids, labels[:longest], written.place, cut, max(len(source.ids), len(labels)))


def _hideable(tokenizer: Any, written: Written, longest: int) -> Example:
    """For a masked model: labels are the tokens themselves; `mask_tokens` hides some of them at every step."""
    encoded = encode(tokenizer, written.text)
    ids = _cut_inside(encoded.ids, encoded.special, longest)
    special = np.isin(ids, tokenizer.all_special_ids)
    labels = np.where(special, IGNORED, ids)
    return Example(ids, labels, written.place, len(encoded.ids) - len(ids), len(encoded.ids))


def _in_answers(encoded: Encoded, written: Written) -> np.ndarray:
    """bool `[token]`: tokens of which a letter, or a part of one, stands in an answer.

    One that lies across the border, the end of a prompt and the beginning of its completion in one, is among them.
    """
    starts, stops = encoded.spans[:, 0], encoded.spans[:, 1]
    # Of several tokens inside one character, those after the first have no bytes of their own, but that character's.
    own = np.maximum.accumulate(np.where(stops > starts, np.arange(len(starts)), 0))
    starts = starts[own]
    inside = np.zeros(len(starts), bool)
    for first, last in written.answers:
        begin = len(utf8(written.text[:first]))
        end = begin + len(utf8(written.text[first:last]))
        inside |= (stops > begin) & (starts < end)
    return inside


def _ended(ids: np.ndarray, trained: np.ndarray, end: int | None) -> tuple[np.ndarray, np.ndarray]:
    """Ids with exactly one end-of-text token behind them, which is learnt; as they are without such a token."""
    if end is None:
        return ids, trained
    content = np.flatnonzero(ids != end)
    keep = int(content[-1]) + 1 if content.size else 0
    return np.append(ids[:keep], end), np.append(trained[:keep], True)


def _cut_inside(ids: np.ndarray, special: np.ndarray, longest: int) -> np.ndarray:
    """The first `longest` ids, with the special tokens behind the text kept: an encoder knows texts only with them."""
    content = np.flatnonzero(~special)
    tail = len(ids) - (int(content[-1]) + 1) if content.size else 0
    if len(ids) <= longest or tail >= longest:
        return ids[:longest]
    return np.append(ids[: longest - tail], ids[len(ids) - tail :])
