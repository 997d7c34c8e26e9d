"""Starting a trace."""

from __future__ import annotations

import inspect
from collections.abc import Sequence

import torch

from app.engine.errors import TooLongError, UserError
from app.engine.models.kinds import DECODER, ENCODER_DECODER, KIND_WORDS
from app.engine.models.loaded import LoadedModel
from app.engine.trace.edits import AblateHead, Edit, KnockOut
from app.engine.trace.records import Token
from app.engine.trace.result import Trace, default_budget
from app.engine.trace.tokens import encode, target_tokens


def trace(
    model: LoadedModel,
    text: str,
    *,
    pair: str | None = None,
    target: str | None = None,
    edits: Sequence[Edit] = (),
    budget: int | None = None,
) -> Trace:
    """Run `model` once on `text` under `edits` and return the trace.

    An encoder takes one text or a `pair`, an encoder-decoder a `target` that its decoder is fed (None: the start token
    alone). `budget` is how many bytes of tensors it may keep; what does not fit is computed again when asked for.
    Raises UserError for an empty or too long text, a pair or target that this kind of model cannot take, and an edit
    that names no block, head or token of this run.
    """
    if not text:
        raise UserError("There is no text to trace.", "Type at least one character.")
    tokens, given, fed = model_input(model, text, pair, target)
    for edit in edits:
        _check(model, edit, len(tokens), len(fed))
    inputs = {name: torch.tensor([numbers], device=model.device) for name, numbers in given.items()}
    budget = default_budget(str(model.device)) if budget is None else budget
    return Trace(model, tokens, inputs, edits, budget, fed)


def model_input(
    model: LoadedModel, text: str, pair: str | None = None, target: str | None = None
) -> tuple[tuple[Token, ...], dict[str, list[int]], tuple[Token, ...]]:
    """The tokens, what the model is given by argument, and the tokens its decoder is fed (encoder-decoder only).

    Raises UserError for what this kind of model cannot take and for a text that is longer than its positions.
    """
    name = model.summary.name
    if pair is not None and not model.summary.takes_pair:
        raise UserError(
            f"{name} is {KIND_WORDS[model.kind]}: it takes one text, not a pair.",
            "Open an encoder, for instance of the BERT family, for two sentences.",
        )
    if target is not None and model.kind != ENCODER_DECODER:
        does = "continues its text" if model.kind == DECODER else "fills in its text"
        raise UserError(
            f"{name} is {KIND_WORDS[model.kind]}: it {does} and takes no target.",
            "Open an encoder-decoder, for instance of the BART or T5 family, for a source and a target.",
        )
    tokens, given = encode(model.tokenizer, text, pair)
    if not tokens:
        raise UserError("There is no text to trace.", "Type at least one character.")
    _fits(model, tokens, "text")
    given.setdefault("attention_mask", [1] * len(tokens))
    accepted = inspect.signature(model.model.forward).parameters
    given = {name: numbers for name, numbers in given.items() if name in accepted}
    if model.kind != ENCODER_DECODER:
        return tokens, given, ()
    fed = target_tokens(model.tokenizer, target, decoder_start(model))
    _fits(model, fed, "target")
    return tokens, {**given, "decoder_input_ids": [token.id for token in fed]}, fed


def decoder_start(model: LoadedModel) -> int:
    """The id with which the decoder begins. Raises UserError when the model's files name none."""
    generation = getattr(model.model, "generation_config", None)
    for holder in (generation, model.model.config):
        if (start := getattr(holder, "decoder_start_token_id", None)) is not None:
            return int(start[0] if isinstance(start, list) else start)
    raise UserError(
        f"The files of {model.summary.name} do not say with which token its decoder begins.",
        "Add decoder_start_token_id to config.json.",
    )


def _fits(model: LoadedModel, tokens: Sequence[Token], what: str) -> None:
    limit = model.summary.context
    if model.anatomy.position and limit is not None and len(tokens) > limit:
        raise TooLongError(
            f"The {what} has {len(tokens):,} tokens; {model.summary.name} has positions for {limit:,}.",
            "Shorten the text, or open a model with a longer context.",
            limit,
        )
    rows = model.summary.vocabulary
    if outside := next((token for token in tokens if token.id >= rows), None):
        raise UserError(
            f"The tokenizer gives “{outside.text}” the id {outside.id:,}; the model's embedding has {rows:,} rows.",
            "Use the tokenizer that belongs to this model.",
        )


def _check(model: LoadedModel, edit: Edit, sources: int, targets: int) -> None:
    name, anatomy = model.summary.name, model.anatomy
    if edit.kind not in anatomy.kinds:
        raise UserError(f"{name} is {KIND_WORDS[model.kind]}: it has no “{edit.kind}” attention to edit.")
    blocks, heads = model.summary.attention_shape(edit.kind)
    if (edit.kind, edit.layer) not in anatomy.sites:
        raise UserError(f"There is no attention in a block {edit.layer}; this model has blocks 0 to {blocks - 1}.")
    if isinstance(edit, AblateHead) or edit.head is not None:
        head = edit.head
        if head is None or not 0 <= head < heads:
            raise UserError(f"There is no head {head}; this model has heads 0 to {heads - 1}.")
    if isinstance(edit, KnockOut):
        two = len(anatomy.stacks) > 1
        queries = targets if two and edit.kind != "encoder" else sources
        keys = targets if two and edit.kind == "self" else sources
        if not (0 <= edit.query < queries and 0 <= edit.key < keys):
            length = f"tokens 0 to {queries - 1}" + (f" and keys 0 to {keys - 1}" if keys != queries else "")
            raise UserError(f"There is no query {edit.query} with key {edit.key}; this text has {length}.")
