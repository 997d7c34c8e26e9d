"""Text to tokens, with the text that each token stands for."""

from __future__ import annotations

import re
from typing import Any

from transformers.convert_slow_tokenizer import bytes_to_unicode

from app.engine.errors import UserError
from app.engine.trace.records import Token

_BROKEN = "\ufffd"
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_SENTENCEPIECE_BYTE = re.compile(r"<0x([0-9A-F]{2})>")
_BYTE_OF = {letter: byte for byte, letter in bytes_to_unicode().items()}


def tokenize(tokenizer: Any, text: str, pair: str | None = None) -> tuple[Token, ...]:
    """The tokens of `tokenizer(text)`, or of `tokenizer(text, pair)`, with its default special tokens.

    A token's text is its slice of the input. White space that a tokenizer leaves out of its offsets is given to the
    token after it, so that the slices join to the input; tokens that share a character (byte-level pieces of an
    emoji) share its slice. A tokenizer without offsets is asked to decode each token. Special tokens show their name.
    """
    return encode(tokenizer, text, pair)[0]


def encode(tokenizer: Any, text: str, pair: str | None = None) -> tuple[tuple[Token, ...], dict[str, list[int]]]:
    """`tokenize`, and what `tokenizer(text, pair)` gives for the model, a list of numbers an argument.

    Raises UserError for a text that the tokenizer does not take.
    """
    texts = (text,) if pair is None else (text, pair)
    fast = getattr(tokenizer, "is_fast", False)
    encoded = ask_tokenizer(tokenizer, texts, **dict(zip(("text", "text_pair"), texts, strict=False)))
    given = {name: list(encoded[name]) for name in ("input_ids", "attention_mask", "token_type_ids") if name in encoded}
    sides = encoded.sequence_ids() if fast else None
    if sides is None:
        sides = given.get("token_type_ids") if pair is not None else None
    return _tokens(tokenizer, texts, given["input_ids"], encoded["offset_mapping"] if fast else None, sides), given


def cut(tokenizer: Any, text: str, limit: int) -> str:
    """The longest beginning of `text` that ends between two tokens and has at most `limit`, special ones included."""
    tokens = tokenize(tokenizer, text) if text else ()
    if len(tokens) <= limit:
        return text
    room = limit - sum(token.special for token in tokens)
    pieces = [token.text for token in tokens if not token.special]
    # Cut off, the last word may fall into more tokens than before.
    while room > 0 and len(tokenize(tokenizer, "".join(pieces[:room]))) > limit:
        room -= 1
    return "".join(pieces[: max(room, 0)])


def target_tokens(tokenizer: Any, target: str | None, start: int) -> tuple[Token, ...]:
    """What a decoder is fed: its start token, then `tokenizer(text_target=target)` without the final end of text."""
    first = Token(start, tokenizer.convert_ids_to_tokens(start), special=True)
    if not target:
        return (first,)
    fast = getattr(tokenizer, "is_fast", False)
    encoded = ask_tokenizer(tokenizer, (target,), text_target=target)
    ids = list(encoded["input_ids"])
    tokens = _tokens(tokenizer, (target,), ids, encoded["offset_mapping"] if fast else None, None)
    return (first, *(tokens[:-1] if ids and ids[-1] == tokenizer.eos_token_id else tokens))


def ask_tokenizer(tokenizer: Any, texts: tuple[str, ...], **given: str) -> Any:
    """What the tokenizer makes of `texts`, handed over as the arguments `given`, with offsets where it has them."""
    offsets = {"return_offsets_mapping": True} if getattr(tokenizer, "is_fast", False) else {}
    try:
        # A text that is too long gets a sentence from us; transformers' own warning would only stand in the terminal.
        return tokenizer(**given, verbose=False, **offsets)
    except Exception as error:
        for text in texts:
            if (half := _LONE_SURROGATE.search(text)) is not None:
                raise UserError(
                    f"The tokenizer cannot take this text: its character {half.start()} is half of a pair "
                    f"(U+{ord(half[0]):04X}, a lone surrogate) and stands for nothing by itself.",
                    "Delete that character, or type it again.",
                ) from error
        # Each library raises what it likes, the tokenizers of Hugging Face plain Exceptions too.
        raise UserError(
            f"The tokenizer cannot take this text: {error}.", "Take out characters that are not ordinary text."
        ) from error


def _tokens(
    tokenizer: Any, texts: tuple[str, ...], ids: list[int], offsets: Any, sides: list[int | None] | None
) -> tuple[Token, ...]:
    special = set(tokenizer.all_special_ids)
    tokens: list[Token] = []
    segment, end = 0, 0
    for place, token_id in enumerate(ids):
        side = sides[place] if sides is not None else None
        if side is not None and side != segment and side < len(texts):
            segment, end = side, 0
        text, span = texts[segment], offsets[place] if offsets is not None else None
        if token_id in special:
            name = tokenizer.convert_ids_to_tokens(token_id)
            tokens.append(Token(token_id, name, special=True, segment=segment))
            if span is not None and side is not None:
                end = max(end, span[1])
            continue
        if span is None:
            tokens.append(Token(token_id, tokenizer.decode([token_id]), segment=segment))
            continue
        start, stop = span
        if start > end and text[end:start].isspace():
            start = end
        end = max(end, stop)
        raw = _bytes_of(tokenizer, token_id) if not text[start:stop].isascii() else b""
        tokens.append(Token(token_id, text[start:stop], segment=segment, raw=raw))
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
