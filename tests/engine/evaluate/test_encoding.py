"""Ids and bytes of texts, also of those that are split into tokens piece by piece."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from engine.evaluate.passages import MIXED, STORY
from engine.tiny_models import tiny_tokenizer

from app.engine.evaluate.encoding import Encoded, encode, encode_pieces, joined, utf8
from app.engine.models.loaded import LoadedModel


def in_pieces(tokenizer: Any, text: str, piece: int, overlap: int) -> tuple[Encoded, int]:
    """The tokens and in how many parts they came; the letters come in handfuls of other sizes."""
    letters = (text[at : at + 701] for at in range(0, len(text), 701))
    parts = list(encode_pieces(tokenizer, letters, piece=piece, overlap=overlap))
    assert [last for _, last in parts] == [False] * (len(parts) - 1) + [True]
    return joined([part for part, _ in parts]), len(parts)


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
        assert steps >= 3
        assert found.ids.tolist() == whole.ids.tolist()
        assert found.spans.tolist() == whole.spans.tolist()
        assert found.special.tolist() == whole.special.tolist()


def test_a_text_that_is_one_word_is_split_whole(story: LoadedModel) -> None:
    """Pieces that never agree are given up, not glued."""
    for text in ("ab" * 3_000, "One day. " * 200 + "ab" * 3_000 + " The end. é" * 200):
        found, _ = in_pieces(story.tokenizer, text, 1_000, 100)
        assert found.ids.tolist() == story.tokenizer(text)["input_ids"]
        assert found.spans.tolist() == encode(story.tokenizer, text).spans.tolist()


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
