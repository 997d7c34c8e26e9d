"""A file read for a model: what is used, what is not and why, what is held out, the same every time."""

from __future__ import annotations

import json
from collections.abc import Generator
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pytest

from app.engine.errors import UserError
from app.engine.finetune.chats import CHAT_TEMPLATE
from app.engine.finetune.dataset import ROWS, Dataset, read_dataset
from app.engine.finetune.records import (
    BROKEN,
    CHAT,
    COMPLETION,
    CUT,
    DUPLICATE,
    EMPTY,
    INSTRUCTION,
    MASKED,
    TEXT,
    Shape,
)
from app.engine.finetune.settings import FinetuneSettings
from app.engine.models.loaded import LoadedModel
from app.engine.texts.records import FILE, PASTED, TextSource

T = TypeVar("T")
CAPITALS = [{"prompt": f"Capital {number}?", "completion": f" City {number}."} for number in range(20)]


def done(steps: Generator[float, None, T]) -> tuple[T, list[float]]:
    """The result and the progress."""
    shares = []
    while True:
        try:
            shares.append(next(steps))
        except StopIteration as stop:
            return stop.value, shares


def lines(folder: Path, *rows: dict[str, Any] | str) -> TextSource:
    path = folder / "a.jsonl"
    texts = (row if isinstance(row, str) else json.dumps(row) for row in rows)
    path.write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")
    return TextSource(FILE, path.name, path=str(path))


def read(loaded: LoadedModel, source: TextSource, shape: Shape | None = None, **settings: Any) -> Dataset:
    return done(read_dataset(loaded, source, FinetuneSettings(**settings), shape))[0]


def test_everything_that_is_wrong_is_listed_with_its_line(story: LoadedModel, tmp_path: Path) -> None:
    source = lines(
        tmp_path,
        {"prompt": "What is red?", "completion": " An apple."},
        {"prompt": "What is blue?", "completion": " The sky."},
        '{"prompt": "What',
        {"prompt": "What is red?", "completion": " An apple."},
        {"prompt": "What is green?", "completion": ""},
        {"prompt": "What is long?", "completion": " A snake, and a rope, and a road, and a river."},
        {"prompt": "What is a very long and winding question about a road?", "completion": " This."},
        {"prompt": "What is red?", "completion": " A fire engine."},
        {"prompt": "What is missing?"},
    )
    preview = read(story, source, max_length=11, held_out=0).preview
    said = [(one.place, one.kind, one.used) for one in preview.problems]
    assert said == [
        ("line 3", BROKEN, False),
        ("line 4", DUPLICATE, True),
        ("line 5", EMPTY, False),
        ("line 6", CUT, True),
        ("line 7", MASKED, False),
        ("line 9", BROKEN, False),
    ]
    words = {one.place: one.words for one in preview.problems}
    assert words["line 4"] == "duplicate of line 1"
    assert words["line 5"] == "“completion” is empty"
    assert words["line 6"].startswith("cut at 11, ") and words["line 6"].endswith(" tokens lost")
    assert words["line 7"].startswith("nothing to learn is left of its ")
    assert words["line 9"] == "there is no “completion” here, only prompt"
    assert (preview.records, preview.usable, preview.held_out, preview.longest) == (9, 5, 0, 11)
    assert [row.place for row in preview.rows] == [f"line {number}" for number in range(1, 10)]
    assert [row.problem for row in preview.rows if row.problem] == list(preview.problems)


def test_figures_are_those_of_the_examples(story: LoadedModel, bart: LoadedModel, tmp_path: Path) -> None:
    source = lines(tmp_path, *CAPITALS)
    for loaded in (story, bart):
        found = read(loaded, source)
        examples = found.train + found.held_out
        preview = found.preview
        assert (len(found.train), len(found.held_out), preview.held_out) == (18, 2, 2)
        assert preview.trained == sum(example.trained for example in examples)
        pairs = loaded is bart
        assert preview.tokens == sum(len(example.ids) + pairs * len(example.labels) for example in examples)
        assert sorted(preview.lengths.tolist()) == sorted(example.length for example in examples)
        assert [row.tokens for row in preview.rows] == preview.lengths.tolist()
    assert [(one.place, one.prompt, one.completion) for one in found.records[:1]] == [
        ("line 1", "Capital 0?", " City 0.")
    ]


def test_what_is_held_out_is_drawn_by_the_seed(story: LoadedModel, tmp_path: Path) -> None:
    source = lines(tmp_path, *CAPITALS)
    for seed in (0, 5):
        found = read(story, source, held_out=0.3, seed=seed)
        order = np.random.default_rng(seed).permutation(20)
        held = [f"line {number + 1}" for number in sorted(order[:6].tolist())]
        assert [example.place for example in found.held_out] == held
        places = {example.place for example in found.train}
        assert len(places) == 14 and not places & set(held)
        numbers = [int(example.place.split()[1]) for example in found.train]
        assert numbers == sorted(numbers)
        assert [row.place for row in found.preview.rows if row.held_out] == held


@pytest.mark.parametrize(
    ("count", "share", "held"), [(1, 0.5, 0), (2, 0.01, 1), (2, 0.9, 1), (3, 0.9, 2), (20, 0.0, 0), (20, 0.13, 3)]
)
def test_at_least_one_is_held_out_and_never_all(
    story: LoadedModel, tmp_path: Path, count: int, share: float, held: int
) -> None:
    found = read(story, lines(tmp_path, *CAPITALS[:count]), held_out=share)
    assert (len(found.held_out), len(found.train)) == (held, count - held)


def test_reading_twice_gives_the_same(story: LoadedModel, tmp_path: Path) -> None:
    source = lines(tmp_path, *CAPITALS, "broken", CAPITALS[0])
    one, other = (read(story, source) for _ in range(2))
    for mine, theirs in zip(one.train + one.held_out, other.train + other.held_out, strict=True):
        assert mine.place == theirs.place
        assert np.array_equal(mine.ids, theirs.ids) and np.array_equal(mine.labels, theirs.labels)
    assert (one.preview.hash, one.preview.problems, one.preview.rows) == (
        other.preview.hash,
        other.preview.problems,
        other.preview.rows,
    )


def test_the_hash_is_of_what_records_say(story: LoadedModel, tmp_path: Path) -> None:
    first = read(story, lines(tmp_path, *CAPITALS), seed=1).preview.hash
    turned = [dict(reversed(row.items())) for row in CAPITALS]
    assert read(story, lines(tmp_path, *turned), seed=2).preview.hash == first
    assert read(story, lines(tmp_path, *CAPITALS[1:], CAPITALS[0])).preview.hash != first
    assert len(first) == 64 and set(first) <= set("0123456789abcdef")


def test_progress_rises(story: LoadedModel, tmp_path: Path) -> None:
    _, shares = done(read_dataset(story, lines(tmp_path, *CAPITALS * 20), FinetuneSettings()))
    assert shares == sorted(shares) and len(shares) > 10 and shares[0] >= 0 and shares[-1] < 1


def test_the_table_holds_the_first_records(story: LoadedModel, tmp_path: Path) -> None:
    found = read(story, lines(tmp_path, *CAPITALS * 20))
    assert len(found.preview.rows) == ROWS and found.preview.records == 400


def test_the_shape_is_found_or_chosen(story: LoadedModel, tmp_path: Path) -> None:
    source = lines(tmp_path, {"instruction": "Name a colour.", "input": "", "output": "Red."}, {"instruction": "x"})
    preview = read(story, source).preview
    assert preview.shape.kind == INSTRUCTION and preview.shape not in preview.shapes
    assert {shape.kind for shape in preview.shapes} == {COMPLETION, TEXT}
    chosen = Shape(TEXT, (("text", "output"),))
    preview = read(story, source, chosen).preview
    assert (preview.shape, preview.rows[0].text, preview.template) == (chosen, "Red.", "")
    named = TextSource(FILE, "a", path=source.path, column="output", source_column="instruction")
    assert dict(read(story, named).preview.shape.columns) == {"prompt": "instruction", "completion": "output"}


def test_a_chat_names_its_template(story: LoadedModel, tmp_path: Path) -> None:
    talk = [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Hello."}]
    preview = read(story, lines(tmp_path, {"conversations": talk})).preview
    assert (preview.shape.kind, preview.template) == (CHAT, CHAT_TEMPLATE)


def test_an_encoder_decoder_takes_the_pair_before_the_text(bart: LoadedModel, tmp_path: Path) -> None:
    source = lines(tmp_path, {"text": "Hello.", "words": "Bonjour."})
    assert dict(read(bart, source).preview.shape.columns) == {"prompt": "text", "completion": "words"}
    with pytest.raises(UserError, match="needs a prompt and a completion"):
        read(bart, TextSource(PASTED, "One", text="One.\n\nTwo."))


def test_paragraphs_of_a_text_are_records(story: LoadedModel, bert: LoadedModel) -> None:
    source = TextSource(PASTED, "One", text="One day.\n\nTwo days.\n\n\nThree.")
    for loaded in (story, bert):
        found = read(loaded, source)
        assert [record.place for record in found.records] == ["line 1", "line 3", "line 6"]
        assert found.preview.shape == Shape(TEXT, (("text", "text"),))


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (['{"text": '], r"a\.jsonl has no record to learn from \(line 1: this is not valid JSON"),
        ([{"text": ""}, {"text": None}], r"no record to learn from"),
        ([{"text": "  "}, {"text": "\n"}], r"no record to learn from"),
        ([{"n": 1}], r"no record to learn from"),
        ([{"prompt": "a", "completion": ""}], r"\(line 1: “completion” is empty\)"),
    ],
)
def test_nothing_to_learn_from(story: LoadedModel, tmp_path: Path, rows: list[Any], words: str) -> None:
    with pytest.raises(UserError, match=words):
        read(story, lines(tmp_path, *rows))


def test_nothing_left_after_cutting(story: LoadedModel, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="anything is left to learn when it is cut at 3 tokens") as error:
        read(story, lines(tmp_path, *CAPITALS), max_length=3)
    assert "line 1" in str(error.value) and error.value.remedy


def test_examples_longer_than_the_context_are_cut(story: LoadedModel, tmp_path: Path) -> None:
    source = lines(tmp_path, {"text": "Once upon a time. " * 400})
    found = read(story, source)
    assert len(found.train[0].ids) == 512 == found.preview.longest
    assert found.preview.lengths[0] == 512 + found.train[0].cut
