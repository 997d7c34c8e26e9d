"""What the window shows of examples: their tokens, and the table's rows."""

from __future__ import annotations

from typing import Any

import numpy as np

from app.engine.decode.text import Detokeniser
from app.engine.finetune.records import IGNORED, Example, PreviewToken
from app.engine.models.kinds import ENCODER_DECODER
from app.engine.models.loaded import LoadedModel


def preview_tokens(loaded: LoadedModel, example: Example) -> tuple[PreviewToken, ...]:
    """The tokens of an example after its template, and which are learnt; of an encoder-decoder what it reads and then
    what it is to write.

    The texts of the tokens join to the text; of several tokens that make one character the last has it.
    """
    tokenizer = loaded.tokenizer
    if loaded.kind != ENCODER_DECODER:
        return _tokens(tokenizer, example.ids, example.labels != IGNORED)
    read = _tokens(tokenizer, example.ids, np.zeros(len(example.ids), bool))
    return read + _tokens(tokenizer, example.labels, np.ones(len(example.labels), bool))


def _tokens(tokenizer: Any, ids: np.ndarray, trained: np.ndarray) -> tuple[PreviewToken, ...]:
    special = _special_ids(tokenizer)
    text = Detokeniser(tokenizer, [])
    tokens: list[PreviewToken] = []
    for token, learnt in zip(ids.tolist(), trained.tolist(), strict=True):
        if token in special:
            _settle(tokens, text.finish())
            text = Detokeniser(tokenizer, [])
            tokens.append(PreviewToken(tokenizer.convert_ids_to_tokens(token), learnt, special=True))
        else:
            tokens.append(PreviewToken(text.push(token), learnt))
    _settle(tokens, text.finish())
    return tuple(tokens)


def _settle(tokens: list[PreviewToken], owed: str) -> None:
    """Give what a text that ends inside a character still owes to its last token."""
    if owed and tokens:
        tokens[-1] = PreviewToken(tokens[-1].text + owed, tokens[-1].trained, tokens[-1].special)


def _special_ids(tokenizer: Any) -> frozenset[int]:
    added = getattr(tokenizer, "added_tokens_decoder", {})
    return frozenset(tokenizer.all_special_ids) | {id_ for id_, token in added.items() if token.special}
