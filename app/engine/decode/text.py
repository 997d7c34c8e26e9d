"""Tokens to text as they come: half characters, stop strings."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from app.engine.decode.prompt import Prompt
from app.engine.decode.records import Step

_UNFINISHED = "\ufffd"
_CHARACTER_TOKENS = 4
"""A character of UTF-8 has at most four bytes, so at most four tokens finish one."""

_TAIL = 6
"""Finished tokens kept in front of the window: enough for the decoder to join words and spaces as in the whole text."""
_WINDOW = 24
_LOOK_BACK = 1000
"""Characters of the text that is out, in which a stop string may have begun."""


class Detokeniser:
    """Turns new ids into the pieces of text they add; joined, the pieces are the decoding of the new ids.

    A piece is decoded behind the end of the prompt, so a SentencePiece word that follows it keeps its leading space;
    without a prompt (an encoder-decoder) the text begins as `tokenizer.decode` begins it. Special tokens give ''.
    """

    def __init__(self, tokenizer: Any, prompt_ids: list[int]) -> None:
        self._tokenizer = tokenizer
        self._ids = list(prompt_ids[-_TAIL:])
        self._shown = self._decode()
        self._waiting = 0

    @property
    def waiting(self) -> bool:
        """Whether the last ids hold a character that is not finished."""
        return self._waiting > 0

    def push(self, token: int) -> str:
        """The text that `token` completes, '' while a character is unfinished."""
        self._ids.append(token)
        text = self._decode()
        if not text.endswith(_UNFINISHED):
            return self._settle(text)
        self._waiting += 1
        if self._waiting < _CHARACTER_TOKENS:
            return ""
        # More bytes than a character has: all but the last mark stands for bytes that no later token can mend.
        piece = text[len(self._shown) : -1]
        self._shown += piece
        return piece

    def finish(self) -> str:
        """What is still owed when no token follows: the marks that `tokenizer.decode` puts for half a character."""
        return self._settle(self._decode())

    def _settle(self, text: str) -> str:
        piece = text[len(self._shown) :]
        self._shown = text
        self._waiting = 0
        if len(self._ids) > _WINDOW:
            del self._ids[:-_TAIL]
            self._shown = self._decode()
        return piece

    def _decode(self) -> str:
        return self._tokenizer.decode(self._ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)


def detokeniser_after(tokenizer: Any, prompt: Prompt) -> Detokeniser:
    """One that goes on after the new tokens that a prompt gives, in the middle of a character if it must."""
    settled = max(0, len(prompt.given) - _TAIL)
    made = Detokeniser(tokenizer, [*prompt.text_ids, *prompt.given[:settled]])
    for token in prompt.given[settled:]:
        made.push(token)
    return made


def gate_after(tokenizer: Any, prompt: Prompt) -> StopGate:
    """One that knows the text of the new tokens that a prompt gives."""
    return StopGate(given_text(tokenizer, prompt))


def given_text(tokenizer: Any, prompt: Prompt) -> str:
    """What the new tokens that a prompt gives say, without a character at their end that they leave unfinished."""
    if not prompt.given:
        return ""
    lead, given = prompt.text_ids[-_TAIL:], list(prompt.given)
    before, whole = (
        str(tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False))
        for ids in (lead, lead + given)
    )
    return whole[len(before) :].rstrip(_UNFINISHED)


class StopGate:
    """Holds tokens back while their text may be the beginning of a stop string.

    When a stop string is complete, the tokens wholly inside it or after its beginning are dropped. The token in whose
    text it begins is handed out with the text before it, if there is any, as `shortened`. A stop string may begin in
    text that is out already (`before` at first: what was given): then nothing more is handed out.
    """

    def __init__(self, before: str = "") -> None:
        self._held: list[Step] = []
        self._text = ""
        self._out = before[-_LOOK_BACK:]

    def push(self, step: Step, stops: tuple[str, ...], waiting: bool) -> tuple[list[Step], bool]:
        """The steps that may be shown now, and whether a stop string is complete.

        `waiting`: the step's text is '' because a character is unfinished, so the character may yet begin a stop.
        """
        if not stops and not self._held:
            self._went_out(step.text)
            return [step], False
        self._held.append(step)
        self._text += step.text
        whole, out = self._out + self._text, len(self._out)
        # What ends in text that is out already was no stop when it was written.
        found = [place for stop in stops if (place := whole.find(stop, max(0, out - len(stop) + 1))) >= 0]
        if found:
            return self._before(min(found) - out), True
        return self._release(len(self._text) - _beginning(whole, stops), waiting and bool(stops)), False

    def flush(self) -> list[Step]:
        """Everything still held: no stop string came of it."""
        steps, self._held, self._text = self._held, [], ""
        return steps

    def _before(self, place: int) -> list[Step]:
        steps: list[Step] = []
        start = 0
        for step in self._held:
            if start >= place:
                break
            text = step.text[: place - start]
            steps.append(replace(step, text=text, shortened=text != step.text))
            start += len(step.text)
        self._held, self._text = [], ""
        return steps

    def _went_out(self, text: str) -> None:
        self._out = (self._out + text)[-_LOOK_BACK:]

    def _release(self, safe: int, waiting: bool) -> list[Step]:
        end = count = 0
        for step in self._held:
            start, end = end, end + len(step.text)
            # A step without text stands where the next character will: it goes with that character.
            undecided = start == safe and (waiting or safe < len(self._text))
            if end > safe or (not step.text and undecided):
                break
            count += 1
        steps, self._held = self._held[:count], self._held[count:]
        length = sum(len(step.text) for step in steps)
        self._went_out(self._text[:length])
        self._text = self._text[length:]
        return steps


def _beginning(text: str, stops: tuple[str, ...]) -> int:
    """How many characters at the end of a text could begin a stop string."""
    longest = min(len(text), max(map(len, stops), default=1) - 1)
    for length in range(longest, 0, -1):
        if any(stop.startswith(text[-length:]) for stop in stops):
            return length
    return 0
