"""What records are is told from their columns."""

from __future__ import annotations

from typing import Any

import pytest

from app.engine.finetune.records import CHAT, COMPLETION, INSTRUCTION, TEXT, Shape
from app.engine.finetune.shapes import MESSAGES, NUMBERS, TEXTS, kinds_of, shapes_of


def shapes(*rows: dict[str, Any]) -> tuple[Shape, ...]:
    return shapes_of(kinds_of(rows))


@pytest.mark.parametrize(
    ("row", "kind", "columns"),
    [
        ({"text": "a"}, TEXT, {"text": "text"}),
        ({"Story": "a"}, TEXT, {"text": "Story"}),
        ({"whatever": "a"}, TEXT, {"text": "whatever"}),
        ({"title": "t", "content": "a", "author": "b"}, TEXT, {"text": "content"}),
        ({"title": "t", "story": "a"}, TEXT, {"text": "story"}),
        ({"prompt": "a", "completion": "b"}, COMPLETION, {"prompt": "prompt", "completion": "completion"}),
        ({"Question": "a", "ANSWER": "b"}, COMPLETION, {"prompt": "Question", "completion": "ANSWER"}),
        ({"question": "1+1", "answer": "2"}, COMPLETION, {"prompt": "question", "completion": "answer"}),
        ({"question": "1+1", "answer": 2}, COMPLETION, {"prompt": "question", "completion": "answer"}),
        ({"input": "a", "output": "b"}, COMPLETION, {"prompt": "input", "completion": "output"}),
        ({"source": "a", "target": "b"}, COMPLETION, {"prompt": "source", "completion": "target"}),
        ({"prompt": "a", "response": "b", "text": "c"}, COMPLETION, {"prompt": "prompt", "completion": "response"}),
        ({"premise": "a", "hypothesis": "b"}, COMPLETION, {"prompt": "premise", "completion": "hypothesis"}),
        (
            {"translation": {"en": "a", "fr": "b"}},
            COMPLETION,
            {"prompt": "translation.en", "completion": "translation.fr"},
        ),
        (
            {"instruction": "a", "input": "", "output": "b", "text": "c"},
            INSTRUCTION,
            {"instruction": "instruction", "input": "input", "output": "output"},
        ),
        (
            {"instruction": "a", "context": "", "response": "b", "category": "c"},
            INSTRUCTION,
            {"instruction": "instruction", "input": "context", "output": "response"},
        ),
        ({"Instruction": "a", "output": "b"}, INSTRUCTION, {"instruction": "Instruction", "output": "output"}),
        (
            {"prompt": "a", "messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]},
            CHAT,
            {"messages": "messages"},
        ),
        ({"id": "x", "conversations": [{"from": "human", "value": "a"}]}, CHAT, {"messages": "conversations"}),
    ],
)
def test_the_best_shape(row: dict[str, Any], kind: str, columns: dict[str, str]) -> None:
    best = shapes(row)[0]
    assert (best.kind, dict(best.columns)) == (kind, columns)


def test_two_texts_without_telling_names_go_either_way() -> None:
    found = [(shape.kind, dict(shape.columns)) for shape in shapes({"en": "a", "fr": "b"})]
    assert found == [
        (COMPLETION, {"prompt": "en", "completion": "fr"}),
        (COMPLETION, {"prompt": "fr", "completion": "en"}),
        (TEXT, {"text": "en"}),
        (TEXT, {"text": "fr"}),
    ]


def test_other_shapes_are_offered_behind_the_best() -> None:
    found = [shape.kind for shape in shapes({"instruction": "a", "input": "x", "output": "b", "text": "c"})]
    assert found == [INSTRUCTION, COMPLETION, TEXT, TEXT, TEXT, TEXT]


def test_numbers_alone_are_nothing_to_learn_from() -> None:
    assert shapes({"id": 1, "score": "0.5", "good": True, "tags": ["a"], "nothing": None}) == ()


def test_kinds_are_told_from_all_rows() -> None:
    rows = [
        {"a": None, "n": "12", "m": []},
        {"a": "word", "n": "13", "m": [{"role": "user", "content": "x"}]},
        {"late": "z", "n": 14.5},
    ]
    assert kinds_of(rows) == {"a": TEXTS, "n": NUMBERS, "m": MESSAGES, "late": TEXTS}
