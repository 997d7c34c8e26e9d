"""Text as it comes: half characters, words that keep their space, stop strings over token borders."""

from __future__ import annotations

from typing import Any

import pytest
from engine.decode.decode_models import EOS, Loaded, build, byte_tokenizer
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from app.engine.decode import DecodingSettings, Step, stream
from app.engine.decode.batch import stream_batch
from app.engine.decode.beams import grow_beams
from app.engine.decode.text import Detokeniser, StopGate

BYTES = byte_tokenizer()


def ids_of(text: str) -> tuple[int, ...]:
    return tuple(BYTES(text)["input_ids"])


def write(loaded: Loaded, text: str, **settings: Any) -> list[Step]:
    """Steps of a run that is forced to write `text`."""
    forced = ids_of(text)
    return list(stream(loaded, "Say: ", DecodingSettings(forced=forced, max_new_tokens=len(forced), **settings)))


def word_tokenizer() -> PreTrainedTokenizerFast:
    """Words with the space in front of them, as SentencePiece has them, and single bytes for what it lacks."""
    words = ["<unk>", "▁the", "▁cat", "s", "▁sat", "."] + [f"<0x{byte:02X}>" for byte in range(256)]
    backend = Tokenizer(models.BPE({word: place for place, word in enumerate(words)}, [], byte_fallback=True))
    backend.pre_tokenizer = pre_tokenizers.Metaspace()
    backend.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    return PreTrainedTokenizerFast(tokenizer_object=backend, unk_token="<unk>")


def test_a_character_of_four_bytes_appears_with_its_last(gpt2: Loaded) -> None:
    texts = [step.text for step in write(gpt2, "a😀é!")]
    assert texts == ["a", "", "", "", "😀", "", "é", "!"]


def test_special_tokens_have_no_text(gpt2: Loaded) -> None:
    settings = DecodingSettings(forced=(*ids_of("a"), 0, *ids_of("b"), EOS), max_new_tokens=9)
    assert [step.text for step in stream(gpt2, "x", settings)] == ["a", "", "b", ""]


@pytest.mark.parametrize("family", ["gpt2", "bart"])
def test_pieces_join_to_the_decoding_of_the_new_tokens(family: str) -> None:
    """A random model writes mostly bytes that are no characters, the hardest case."""
    loaded = build(family)
    steps = list(stream(loaded, "Once", DecodingSettings(max_new_tokens=100, seed=1, banned=(EOS,))))
    ids = [step.token_id for step in steps if step.token_id != EOS]
    assert "".join(step.text for step in steps) == loaded.tokenizer.decode(ids, skip_special_tokens=True)


@given(st.lists(st.sampled_from([*ids_of("a é😀€\n"), *ids_of("\u0301ü")]), max_size=60))
def test_any_bytes_join_to_their_decoding(ids: list[int]) -> None:
    text = Detokeniser(BYTES, list(ids_of("vor €")))
    assert "".join([text.push(token) for token in ids] + [text.finish()]) == BYTES.decode(ids)


@given(st.lists(st.sampled_from(["the", " cat", "s", "日本", "😀", " ", "é\n"]), max_size=40))
def test_whole_text_never_shows_a_broken_character(words: list[str]) -> None:
    text = Detokeniser(BYTES, [])
    pieces = [text.push(token) for token in ids_of("".join(words))]
    assert "".join(pieces) == "".join(words)
    assert not text.waiting


def test_a_word_after_the_prompt_keeps_its_space() -> None:
    """The tokenizer drops the space of the first word it decodes; behind a prompt it is not the first."""
    tokenizer = word_tokenizer()
    assert tokenizer.decode([2, 3, 4]) == "cats sat"
    behind, alone = Detokeniser(tokenizer, [1]), Detokeniser(tokenizer, [])
    assert [behind.push(token) for token in (2, 3, 4, 5)] == [" cat", "s", " sat", "."]
    assert [alone.push(token) for token in (2, 3, 4, 5)] == ["cat", "s", " sat", "."]


def test_byte_fallback_waits_for_the_whole_character() -> None:
    tokenizer = word_tokenizer()
    text = Detokeniser(tokenizer, [1])
    ids = [2, *(6 + byte for byte in "é😀".encode()), 3] * 5
    pieces = [text.push(token) for token in ids]
    assert pieces[:8] == [" cat", "", "é", "", "", "", "😀", "s"]
    assert "".join(pieces) == tokenizer.decode([1, *ids]).removeprefix("the")


@pytest.mark.parametrize(
    ("text", "stop", "shown"),
    [
        ("one STOP two", "STOP", "one "),
        ("one STOP two", ["never", "STO"], "one "),
        ("a\n\nb", "\n\n", "a"),
        ("ababac", "abac", "ab"),
        ("aaaab", "aab", "aa"),
        ("now", "now", ""),
        ("wait é!", "é", "wait "),
        ("wait è!", "é", "wait è!"),
        ("ends in STO", "STOP", "ends in STO"),
        ("x END", ("END", "D"), "x "),
    ],
)
def test_stop_strings_over_token_borders(gpt2: Loaded, text: str, stop: Any, shown: str) -> None:
    steps = write(gpt2, text, stop=stop)
    assert "".join(step.text for step in steps) == shown
    assert [step.token_id for step in steps] == list(ids_of(shown))


def test_nothing_is_shown_before_it_is_decided(gpt2: Loaded) -> None:
    """While "ST" may become "STOP", neither token comes out; the third, which decides, brings both."""
    given_out: list[str] = []
    asked_at: list[str] = []
    forced = ids_of("aSTb")

    def settings() -> DecodingSettings:
        asked_at.append("".join(given_out))
        return DecodingSettings(forced=forced, max_new_tokens=4, stop="STOP")

    steps = stream(gpt2, "x", settings)
    while (step := next(steps, None)) is not None:
        given_out.append(step.text)
    assert asked_at == ["", "a", "a", "a"]
    assert given_out == ["a", "S", "T", "b"]


def test_eos_lets_the_held_tokens_go(gpt2: Loaded) -> None:
    settings = DecodingSettings(forced=(*ids_of("ST"), EOS), max_new_tokens=9, stop="STOP")
    assert [step.text for step in stream(gpt2, "x", settings)] == ["S", "T", ""]


def test_a_token_is_cut_where_the_stop_string_begins_in_it() -> None:
    gate = StopGate()

    def push(text: str) -> tuple[list[str], bool]:
        steps, stopped = gate.push(Step(0, text, 0.0, ()), ("END",), False)
        return [step.text for step in steps], stopped

    assert push("well") == (["well"], False)
    assert push(" then E") == ([], False)
    assert push("N") == ([], False)
    assert push("DED") == ([" then "], True)


@pytest.mark.parametrize(
    ("given", "rest", "stop", "shown"),
    [
        ("as Tim", ". She ran", ". She", ""),
        ("as Tim. ", "She ran", ". She", ""),
        ("as Tim. ", "He ran. She", (". She", "He r"), ""),
        ("well. ", "I said. It", ".", "I said"),
        ("é", " is", "é i", ""),
    ],
)
def test_a_stop_string_may_begin_in_what_is_given_but_not_end_there(
    gpt2: Loaded, given: str, rest: str, stop: Any, shown: str
) -> None:
    forced = ids_of(given + rest)
    settings = DecodingSettings(forced=forced, max_new_tokens=len(forced), stop=stop)
    kept = ids_of(given)
    assert "".join(step.text for step in stream(gpt2, "Say: ", settings, given=kept)) == shown
    rows = stream_batch(gpt2, "Say: ", settings, 2, given=kept)
    assert "".join(step.text for row, step in rows if row == 1) == shown
    beams = DecodingSettings(method="beam", forced=forced, max_new_tokens=len(forced), stop=stop)
    *_, tree = grow_beams(gpt2, "Say: ", beams, given=kept)
    assert tree.sequences[0].text == given + shown


def test_only_a_token_that_is_cut_says_so() -> None:
    gate = StopGate("so ")
    steps, stopped = gate.push(Step(0, "the END", 0.0, ()), ("END", "o t"), False)
    assert (steps, stopped) == ([], True), "it began before"
    gate = StopGate("so")
    steps, stopped = gate.push(Step(0, " the END", 0.0, ()), ("END",), False)
    assert stopped and [(step.text, step.shortened) for step in steps] == [(" the ", True)]
    gate = StopGate()
    steps, _ = gate.push(Step(0, "whole", 0.0, ()), ("END",), False)
    assert not steps[0].shortened
