"""Ids and bytes of texts, also of those that are split into tokens piece by piece."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from engine.evaluate.passages import MIXED, STORY
from engine.tiny_models import tiny_tokenizer

from app.engine.evaluate.encoding import Encoded, encode, encode_steps, utf8
from app.engine.models.loaded import LoadedModel


def in_pieces(tokenizer: Any, text: str, piece: int, overlap: int) -> tuple[Encoded, int]:
    steps, count = encode_steps(tokenizer, text, piece=piece, overlap=overlap), 0
    while True:
        try:
            next(steps)
            count += 1
        except StopIteration as stop:
            return stop.value, count


@pytest.mark.parametrize("model", ["story", "bert", "bart"])
def test_bytes_follow_each_other_without_gaps(model: str, request: pytest.FixtureRequest) -> None:
    loaded: LoadedModel = request.getfixturevalue(model)
    for text in (STORY, MIXED, "  two  spaces \n\n and a break", "é", "🙂🙂"):
        found = encode(loaded.tokenizer, text)
        assert found.ids.tolist() == loaded.tokenizer(text)["input_ids"]
        own = found.spans[~found.special]
        assert own[0, 0] == 0
        assert (own[1:, 0] == own[:-1, 1]).all()
        assert own[-1, 1] <= len(utf8(text))
        # Every border lies between two characters.
        for stop in own[:, 1].tolist():
            utf8(text)[:stop].decode()


def test_a_token_stands_for_its_letters(story: LoadedModel) -> None:
    text = "Once upon a time, there was a café."
    found = encode(story.tokenizer, text)
    pieces = [utf8(text)[start:stop].decode() for start, stop in found.spans.tolist()]
    assert "".join(pieces) == text
    assert pieces[:4] == ["Once", " upon", " a", " time"]
    emoji = encode(tiny_tokenizer(), "a🦉b")
    assert (np.diff(emoji.spans, axis=1)[:, 0] > 0).sum() == 3, "of the pieces of an owl the first has its four bytes"
    assert np.diff(emoji.spans, axis=1).max() == 4


@pytest.mark.parametrize("model", ["story", "bert", "bart"])
def test_pieces_give_the_tokens_of_the_whole(model: str, request: pytest.FixtureRequest) -> None:
    tokenizer = request.getfixturevalue(model).tokenizer
    text = (STORY + MIXED) * 12
    whole = encode(tokenizer, text)
    for piece, overlap in ((1_000, 300), (777, 200), (4_096, 256)):
        found, steps = in_pieces(tokenizer, text, piece, overlap)
        assert steps >= 2
        assert found.ids.tolist() == whole.ids.tolist()
        assert found.spans.tolist() == whole.spans.tolist()
        assert found.special.tolist() == whole.special.tolist()


def test_a_text_that_is_one_word_is_split_whole(story: LoadedModel) -> None:
    """Pieces that never agree are given up, not glued."""
    text = "ab" * 3_000
    found, _ = in_pieces(story.tokenizer, text, 1_000, 100)
    assert found.ids.tolist() == story.tokenizer(text)["input_ids"]


def test_a_tokenizer_without_offsets() -> None:
    class Slow:
        """Words and marks, as `tokenizer(text)` gives them."""

        is_fast = False
        all_special_ids = (0,)
        words = ("<s>", "Once", "upon", "a", "time", "zzz", ".")

        def __call__(self, _text: str, **_options: Any) -> dict[str, list[int]]:
            return {"input_ids": [0, 1, 2, 3, 4, 5, 6]}

        def decode(self, ids: list[int]) -> str:
            return self.words[ids[0]]

    found = encode(Slow(), "Once upon a time.")
    assert found.spans.tolist() == [[0, 0], [0, 4], [4, 9], [9, 11], [11, 16], [16, 16], [16, 17]]
    assert found.special.tolist() == [True] + [False] * 6
