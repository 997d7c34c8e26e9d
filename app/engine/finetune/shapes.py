"""What the records of a file are, told from the names of their columns and what stands in them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from app.engine.finetune.records import CHAT, COMPLETION, INSTRUCTION, TEXT, Shape
from app.engine.texts.tables import flat, text_columns

TEXTS, NUMBERS, MESSAGES = "texts", "numbers", "messages"
"""Kinds of columns. Numbers can be learnt as texts, but only a column's name tells that they are meant."""

_CHATS = ("messages", "conversations", "conversation", "chat", "dialog", "dialogue")
_INSTRUCTIONS = ("instruction", "instructions")
_INPUTS = ("input", "context")
_OUTPUTS = ("output", "response", "completion", "answer")
_PROMPTS = ("prompt", "question", "query", "input", "inputs", "source", "src", "premise", "document", "article")
_COMPLETIONS = (
    *("completion", "response", "answer", "output", "outputs", "target", "targets", "tgt", "hypothesis", "summary"),
    *("reply", "highlights"),
)
_PLAIN = ("text", "content", "story", "sentence", "document", "article", "body", "review")


def kinds_of(rows: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """The kind of each column that can be learnt from, by name, in the order in which they first come."""
    opened = [flat(row) for row in rows]
    texts, kinds = set(text_columns(opened)), {}
    for row in opened:
        for column, value in row.items():
            if _are_messages(value):
                kinds[column] = MESSAGES
            elif isinstance(value, (str, int, float)) and not isinstance(value, bool):
                kinds.setdefault(column, TEXTS if column in texts else NUMBERS)
    return kinds


def shapes_of(kinds: Mapping[str, str]) -> tuple[Shape, ...]:
    """The shapes that columns allow, best first; () where there is nothing to learn from. Names count in any case.

    Messages come first, then an instruction with its output, then a prompt with its completion, then a text; two
    columns of texts whose names say nothing are a prompt and a completion, either way round.
    """
    written = tuple(column for column, kind in kinds.items() if kind in (TEXTS, NUMBERS))
    chats = [column for column, kind in kinds.items() if kind == MESSAGES]
    chats.sort(key=lambda column: _place(column, _CHATS))
    shapes = [Shape(CHAT, (("messages", column),)) for column in chats]
    instruction, output = _named(written, _INSTRUCTIONS), _named(written, _OUTPUTS)
    if instruction and output:
        given = _named(written, _INPUTS)
        between = (("input", given),) if given else ()
        shapes.append(Shape(INSTRUCTION, (("instruction", instruction), *between, ("output", output))))
    prompt, completion = _named(written, _PROMPTS), _named(written, _COMPLETIONS)
    pairs = [(prompt, completion)] if prompt and completion else []
    texts = [column for column, kind in kinds.items() if kind == TEXTS or column.lower() in _PLAIN]
    plain = [column for column in texts if column.lower() in _PLAIN]
    if not pairs and not shapes and len(texts) == 2:
        pairs = [(texts[0], texts[1]), (texts[1], texts[0])]
    as_pairs = [Shape(COMPLETION, (("prompt", one), ("completion", other))) for one, other in pairs]
    texts.sort(key=lambda column: _place(column, _PLAIN))
    as_texts = [Shape(TEXT, (("text", column),)) for column in texts]
    by_name = bool(prompt and completion) or not plain
    return (*shapes, *(as_pairs + as_texts if by_name else as_texts + as_pairs))


def is_message(value: object) -> bool:
    """Whether a value is one message: {"role", "content"}, or ShareGPT's {"from", "value"}."""
    return isinstance(value, Mapping) and ({"role", "content"} <= value.keys() or {"from", "value"} <= value.keys())


def _are_messages(value: object) -> bool:
    return isinstance(value, (list, tuple)) and bool(value) and all(is_message(message) for message in value)


def _named(columns: Iterable[str], names: tuple[str, ...]) -> str:
    """The column whose name stands first among `names`, '' for none."""
    known = [column for column in columns if column.lower() in names]
    return min(known, key=lambda column: _place(column, names), default="")


def _place(column: str, names: tuple[str, ...]) -> int:
    """Where a name stands among the usual ones, behind them when it is none."""
    return names.index(column.lower()) if column.lower() in names else len(names)
