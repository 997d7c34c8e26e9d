"""Putting the mask in the place of a token."""

from __future__ import annotations

from collections.abc import Sequence

from app.engine.trace.records import Token


def masked_texts(tokens: Sequence[Token], place: int, mask: str) -> tuple[str, str]:
    """The text and the second text ('' without one) with token `place` replaced by `mask`; spaces stay."""
    texts = ["", ""]
    for index, token in enumerate(tokens):
        if token.special and token.text != mask:
            continue
        written = token.text
        if index == place:
            written = token.text[: len(token.text) - len(token.text.lstrip())] + mask
        elif token.text == mask and texts[token.segment]:
            written = f" {mask}"
        texts[token.segment] += written
    return texts[0], texts[1]
