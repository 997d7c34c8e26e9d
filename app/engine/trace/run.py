"""Starting a trace."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from app.engine.errors import UserError
from app.engine.models.loaded import LoadedModel
from app.engine.trace.edits import AblateHead, Edit, KnockOut
from app.engine.trace.result import Trace, default_budget
from app.engine.trace.tokens import tokenize


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

    `budget` is how many bytes of tensors it may keep; what does not fit is computed again when asked for. Raises
    UserError for an empty or too long text, a pair or target that this kind of model cannot take, and an edit that
    names no block, head or token of this run.
    """
    if pair is not None:
        raise UserError(f"{model.summary.name} is decoder-only: it takes one text, not a pair.")
    if target is not None:
        raise UserError(f"{model.summary.name} is decoder-only: it continues its text and takes no target.")
    tokens = tokenize(model.tokenizer, text)
    if not tokens:
        raise UserError("There is no text to trace.", "Type at least one character.")
    limit = model.summary.context
    if model.anatomy.position and limit is not None and len(tokens) > limit:
        raise UserError(
            f"The text has {len(tokens):,} tokens; {model.summary.name} has positions for {limit:,}.",
            "Shorten the text, or open a model with a longer context.",
        )
    rows = model.summary.vocabulary
    if outside := next((token for token in tokens if token.id >= rows), None):
        raise UserError(
            f"The tokenizer gives “{outside.text}” the id {outside.id:,}; the model's embedding has {rows:,} rows.",
            "Use the tokenizer that belongs to this model.",
        )
    for edit in edits:
        _check(model, edit, len(tokens))
    ids = torch.tensor([[token.id for token in tokens]], device=model.device)
    inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    return Trace(model, tokens, inputs, edits, default_budget(str(model.device)) if budget is None else budget)


def _check(model: LoadedModel, edit: Edit, length: int) -> None:
    blocks, heads = model.summary.layers, model.summary.heads
    if edit.kind != "self":
        raise UserError(f"{model.summary.name} is decoder-only: it has no “{edit.kind}” attention to edit.")
    if not 0 <= edit.layer < blocks or not model.anatomy.blocks[edit.layer].attention:
        raise UserError(f"There is no attention in a block {edit.layer}; this model has blocks 0 to {blocks - 1}.")
    if isinstance(edit, AblateHead) or edit.head is not None:
        head = edit.head
        if head is None or not 0 <= head < heads:
            raise UserError(f"There is no head {head}; this model has heads 0 to {heads - 1}.")
    if isinstance(edit, KnockOut) and not (0 <= edit.query < length and 0 <= edit.key < length):
        raise UserError(f"There is no query {edit.query} with key {edit.key}; this text has tokens 0 to {length - 1}.")
