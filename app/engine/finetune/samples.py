"""What a model makes of a prompt, always with the same random numbers: before, while and after it is trained."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from app.engine.decode import DecodingSettings, stream
from app.engine.decode.masks import fill_masks
from app.engine.models.kinds import ENCODER


def answers_to(loaded: Any, prompt: str) -> bool:
    """Whether the model can make something of a prompt: a masked model fills gaps, and needs one."""
    if loaded.kind != ENCODER:
        return True
    mask = loaded.tokenizer.mask_token
    return mask is not None and mask in prompt


def write_sample(loaded: Any, prompt: str, seed: int, tokens: int) -> Generator[None, None, str]:
    """The text that the model writes, one token a step: of a decoder what follows the prompt, of an encoder-decoder
    its own text, of a masked model the prompt with its gaps filled.

    Raises UserError for a masked model and a prompt without a gap.
    """
    settings = DecodingSettings(temperature=0.7, top_k=40, max_new_tokens=tokens, seed=seed)
    if loaded.kind == ENCODER:
        return (yield from _filled(loaded, prompt, settings))
    pieces = []
    for step in stream(loaded, prompt, settings):
        pieces.append(step.text)
        yield None
    return "".join(pieces)


def _filled(loaded: Any, prompt: str, settings: DecodingSettings) -> Generator[None, None, str]:
    words: dict[int, str] = {}
    for filled in fill_masks(loaded, prompt, settings):
        words[filled.position] = filled.step.text.strip()
        yield None
    # All gaps are written alike, and stand in the text in the order of their tokens.
    first, *pieces = prompt.split(loaded.tokenizer.mask_token)
    chosen = [words[place] for place in sorted(words)]
    return first + "".join(word + piece for word, piece in zip(chosen, pieces, strict=True))
