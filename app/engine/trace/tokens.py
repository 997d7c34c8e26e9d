"""Text to tokens, with the text that each token stands for."""

from __future__ import annotations

import re
from typing import Any

from transformers.convert_slow_tokenizer import bytes_to_unicode

from app.engine.trace.records import Token

_BROKEN = "\ufffd"
_SENTENCEPIECE_BYTE = re.compile(r"<0x([0-9A-F]{2})>")
_BYTE_OF = {letter: byte for byte, letter in bytes_to_unicode().items()}


def tokenize(tokenizer: Any, text: str) -> tuple[Token, ...]:
    """The tokens of `tokenizer(text)` with its default special tokens.

    A token's text is its slice of the input. White space that a tokenizer leaves out of its offsets is given to the
    token after it, so that the slices join to the input; tokens that share a character (byte-level pieces of an
    emoji) share its slice. A tokenizer without offsets is asked to decode each token. Special tokens show their name.
    """
    fast = getattr(tokenizer, "is_fast", False)
    # A text that is too long gets a sentence from us; transformers' own warning would only stand in the terminal.
    encoded = tokenizer(text, return_offsets_mapping=True, verbose=False) if fast else tokenizer(text, verbose=False)
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
        raw = _bytes_of(tokenizer, token_id) if not text[start:stop].isascii() else b""
        tokens.append(Token(token_id, text[start:stop], raw=raw))
    return tuple(tokens)


def _bytes_of(tokenizer: Any, token_id: int) -> bytes:
    """The bytes of a token that is only a part of a character, b"" of every other.

    Byte-level BPE writes bytes as letters of its own (`bytes_to_unicode` of GPT-2), SentencePiece as "<0xE7>".
    """
    if _BROKEN not in tokenizer.decode([token_id], clean_up_tokenization_spaces=False):
        return b""
    written = tokenizer.convert_ids_to_tokens(token_id)
    if found := _SENTENCEPIECE_BYTE.fullmatch(written):
        return bytes([int(found[1], 16)])
    if all(letter in _BYTE_OF for letter in written):
        return bytes(_BYTE_OF[letter] for letter in written)
    return b""
