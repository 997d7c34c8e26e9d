"""How a record is written out for a model, and which of its letters are learnt from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.engine.finetune.chats import answer_spans, last_answer, messages_of, rendered
from app.engine.finetune.records import BROKEN, CHAT, COMPLETION, EMPTY, INSTRUCTION, TEXT, Shape
from app.engine.finetune.records_of import BadRecord, RawRecord
from app.engine.texts.tables import flat, kind_of, named

INSTRUCTION_PROMPT = "### Instruction:\n{instruction}\n\n### Response:\n"
INSTRUCTION_PROMPT_WITH_INPUT = "### Instruction:\n{instruction}\n\n### Input:\n{input}\n\n### Response:\n"
"""Alpaca's template (Taori et al. 2023) without the two sentences before it, which cost a small context 30 tokens."""


@dataclass(frozen=True)
class Written:
    """A record after its template."""

    place: str
    text: str
    """All of it, as the tokenizer reads it."""
    answers: tuple[tuple[int, int], ...]
    """The letters that are the answer, from and to: all of a plain text, the completion, every turn of the assistant
    with its end."""
    closed: bool = False
    """The template wrote beginning, ends of turns and end itself; the tokenizer adds nothing."""

    @property
    def prompt(self) -> str:
        """What stands before the first answer."""
        return self.text[: self.answers[0][0]]

    @property
    def completion(self) -> str:
        """The first answer and all that follows."""
        return self.text[self.answers[0][0] :]


def write(shape: Shape, record: RawRecord, tokenizer: Any, pair: bool = False) -> Written:
    """A record after its template. Raises BadRecord when it is broken or empty, or has no answer to learn.

    `pair`: for a model that reads one text and writes another, so a chat ends before its last answer's end of turn,
    which is the tokenizer's to write.
    """
    values = record.values
    if shape.kind == CHAT:
        messages = messages_of(_value(values, shape.column("messages")))
        if pair:
            before, answer = last_answer(tokenizer, messages)
            return _joined(record.place, before, answer)
        text = rendered(tokenizer, messages)
        return Written(record.place, text, answer_spans(tokenizer, messages, text), closed=True)
    if shape.kind == TEXT:
        text = _filled(values, shape.column("text"))
        return Written(record.place, text, ((0, len(text)),))
    if shape.kind == INSTRUCTION:
        instruction, given = _filled(values, shape.column("instruction")), _text(values, shape.column("input"))
        template = INSTRUCTION_PROMPT_WITH_INPUT if given.strip() else INSTRUCTION_PROMPT
        prompt = template.format(instruction=instruction, input=given)
        return _joined(record.place, prompt, _filled(values, shape.column("output")))
    assert shape.kind == COMPLETION, f"no such shape: {shape.kind}"
    prompt = (_filled if pair else _text)(values, shape.column("prompt"))
    return _joined(record.place, prompt, _filled(values, shape.column("completion")))


def _joined(place: str, prompt: str, completion: str) -> Written:
    return Written(place, prompt + completion, ((len(prompt), len(prompt) + len(completion)),))


def _value(values: Mapping[str, Any], column: str) -> Any:
    if column in values:
        return values[column]
    opened = flat(values)
    if column not in opened:
        raise BadRecord(BROKEN, f"there is no “{column}” here, only {named(opened) or 'nothing'}")
    return opened[column]


def _text(values: Mapping[str, Any], column: str) -> str:
    """The text of a column, '' where it is null or no column is named; a number is written out."""
    value = _value(values, column) if column else None
    if value is None:
        return ""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str):
        raise BadRecord(BROKEN, f"“{column}” is not a text but {kind_of(value)}")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        half = f"\\u{ord(value[error.start]):04x}"
        words = f"letter {error.start + 1:,} of “{column}” is half of a surrogate pair ({half})"
        raise BadRecord(BROKEN, words) from None
    return value


def _filled(values: Mapping[str, Any], column: str) -> str:
    """The text of a column that may not be empty."""
    text = _text(values, column)
    if not text.strip():
        raise BadRecord(EMPTY, f"“{column}” is empty")
    return text
