"""Tokens as people can read them: spaces, line breaks and raw bytes made visible."""

from __future__ import annotations

SPACE_SIGN = "␣"
NEWLINE_SIGN = "⏎"
TAB_SIGN = "⇥"
EMPTY_SIGN = "∅"
_SENTENCEPIECE_SPACE = "▁"
_FAINT_SIGNS = (SPACE_SIGN, _SENTENCEPIECE_SPACE)


def visible_token(text: str, raw: bytes = b"") -> str:
    """The token's text with its white space made visible.

    Leading and trailing spaces become "␣", line breaks "⏎", tabs "⇥"; SentencePiece's "▁" stays. Bytes that
    are no character of their own (given as `raw` beside an empty or broken text, or as surrogate escapes inside
    it) and control characters become hexadecimal, such as "E2 82". A token with no text and no bytes is "∅".
    """
    if raw and (not text or "\ufffd" in text):
        return raw.hex(" ").upper()
    if not text:
        return EMPTY_SIGN
    core = text.strip(" ")
    if not core:
        return SPACE_SIGN * len(text)
    lead = len(text) - len(text.lstrip(" "))
    trail = len(text) - len(text.rstrip(" "))
    return SPACE_SIGN * lead + "".join(_visible_character(c) for c in core) + SPACE_SIGN * trail


def set_off(text: str) -> str:
    """A token within a sentence, quoted: a bare comma or dot would be read as the sentence's own."""
    return f"“{visible_token(text)}”"


def faint_prefix(shown: str) -> int:
    """How many signs at the start of a visible token stand for spaces and are drawn faintly."""
    return len(shown) - len(shown.lstrip("".join(_FAINT_SIGNS)))


def _visible_character(character: str) -> str:
    code = ord(character)
    if character == "\n":
        return NEWLINE_SIGN
    if character == "\t":
        return TAB_SIGN
    if 0xDC80 <= code <= 0xDCFF:
        return f"{code - 0xDC00:02X}"
    if code < 0x20 or 0x7F <= code < 0xA0:
        return f"{code:02X}"
    return character
