"""Text to tokens, with the text that each token stands for."""

from __future__ import annotations

from typing import Any

from app.engine.trace.records import Token


def tokenize(tokenizer: Any, text: str) -> tuple[Token, ...]:
    """The tokens of `tokenizer(text)` with its default special tokens.

    A token's text is its slice of the input. White space that a tokenizer leaves out of its offsets is given to the
    token after it, so that the slices join to the input; tokens that share a character (byte-level pieces of an
    emoji) share its slice. A tokenizer without offsets is asked to decode each token. Special tokens show their name.
    """
    fast = getattr(tokenizer, "is_fast", False)
    encoded = tokenizer(text, return_offsets_mapping=True) if fast else tokenizer(text)
    ids = list(encoded["input_ids"])
    offsets = encoded["offset_mapping"] if fast else [None] * len(ids)
    special = set(tokenizer.all_special_ids)
    tokens, end = [], 0
    for token_id, span in zip(ids, offsets, strict=True):
        if token_id in special:
            name = tokenizer.convert_ids_to_tokens(token_id)
            tokens.append(Token(token_id, name, special=True))
            if span is not None:
                end = max(end, span[1])
            continue
        if span is None:
            tokens.append(Token(token_id, tokenizer.decode([token_id])))
            continue
        start, stop = span
        if start > end and text[end:start].isspace():
            start = end
        end = max(end, stop)
        tokens.append(Token(token_id, text[start:stop]))
    return tuple(tokens)
