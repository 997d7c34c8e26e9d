"""Every format gives its records with their places, and what is broken stops nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from app.engine.errors import UserError
from app.engine.finetune.records import BROKEN, Problem
from app.engine.finetune.records_of import RawRecord, passages, raw_records
from app.engine.texts.records import FILE, HUB, PASTED, TextSource


def read(folder: Path, name: str, text: str, **options: Any) -> tuple[list[tuple[str, Any]], list[Problem]]:
    """(place, values) of the good records, and the problems."""
    path = folder / name
    path.write_bytes(text.encode())
    found = list(raw_records(TextSource(FILE, name, path=str(path), **options)))
    good = [(one.place, dict(one.values)) for one in found if isinstance(one, RawRecord)]
    return good, [one for one in found if isinstance(one, Problem)]


def test_a_broken_line_of_json_is_named_and_the_others_stay(tmp_path: Path) -> None:
    good, problems = read(tmp_path, "a.jsonl", '{"text": "one"}\n{"text": \n\n[1]\n{"text": "five"}\n{')
    assert good == [("line 1", {"text": "one"}), ("line 5", {"text": "five"})]
    assert [(one.place, one.kind, one.used) for one in problems] == [
        ("line 2", BROKEN, False),
        ("line 4", BROKEN, False),
        ("line 6", BROKEN, False),
    ]
    assert problems[0].words.startswith("this is not valid JSON")
    assert problems[1].words == "expected an object such as {“text”: …}, found a list"


def test_a_json_list_names_its_rows(tmp_path: Path) -> None:
    good, problems = read(tmp_path, "a.json", json.dumps([{"text": "one"}, 2, {"text": "three"}]))
    assert good == [("row 1", {"text": "one"}), ("row 3", {"text": "three"})]
    assert [(one.place, one.words) for one in problems] == [("row 2", "expected an object, found a number")]


def test_a_row_of_csv_with_too_few_fields(tmp_path: Path) -> None:
    good, problems = read(tmp_path, "a.csv", 'prompt,completion\na,b\nc\n"d\nd",e\nf,g,h\ni,j\n')
    places = [("line 2", "a"), ("line 4", "d\nd"), ("line 7", "i")]
    assert [(place, row["prompt"]) for place, row in good] == places
    assert [one.place for one in problems] == ["line 3", "line 6"]
    assert problems[0].words == "1 fields, but the header has 2 (prompt, completion)"


@pytest.mark.parametrize("quote", ['"open', '"a"b'])
def test_a_quote_that_is_wrong_costs_its_line_only(tmp_path: Path, quote: str) -> None:
    good, problems = read(tmp_path, "a.csv", f'text,n\none,1\n{quote},2\nthree,3\n"four\n4",4\nfive,5\n')
    assert [(place, row["text"]) for place, row in good] == [
        ("line 2", "one"),
        ("line 4", "three"),
        ("line 5", "four\n4"),
        ("line 7", "five"),
    ]
    assert [(one.place, one.kind) for one in problems] == [("line 3", BROKEN)]


def test_a_header_that_cannot_be_read_stops_the_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="line 1: the quotes"):
        read(tmp_path, "a.csv", '"text,n\none,1\n')


def test_tabs_are_counted(tmp_path: Path) -> None:
    good, problems = read(tmp_path, "a.tsv", "en\tfr\na\tb\nc\nd\te\n")
    assert [place for place, _ in good] == ["line 2", "line 4"]
    assert [one.place for one in problems] == ["line 3"]


def test_parquet_gives_all_its_columns(tmp_path: Path) -> None:
    rows = [
        {"id": 1, "messages": [{"role": "user", "content": "a"}], "translation": {"en": "x", "fr": "y"}},
        {"id": 2, "messages": None, "translation": {"en": "z", "fr": None}},
    ]
    path = tmp_path / "a.parquet"
    parquet.write_table(pa.Table.from_pylist(rows), path)
    found = list(raw_records(TextSource(FILE, "a", path=str(path))))
    assert found == [RawRecord("row 1", rows[0]), RawRecord("row 2", rows[1])]


def test_a_folder_of_a_dataset_is_read_from_its_train_split(tmp_path: Path) -> None:
    for split in ("train", "test"):
        (tmp_path / f"{split}.jsonl").write_text(json.dumps({"text": split}) + "\n", encoding="utf-8")
    source = TextSource(HUB, "mine", path=str(tmp_path))
    assert list(raw_records(source)) == [RawRecord("row 1", {"text": "train"})]
    source = TextSource(HUB, "mine", path=str(tmp_path), split="test")
    assert list(raw_records(source)) == [RawRecord("row 1", {"text": "test"})]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\n\nOne\ntwo.\n\n \n\nThree.\n", [("line 3", "One\ntwo."), ("line 8", "Three.")]),
        ("One\r\n\r\nTwo\rtwo", [("line 1", "One"), ("line 3", "Two\ntwo")]),
        ("One.\nTwo.\n\n", [("line 1", "One."), ("line 2", "Two.")]),
        ("One.", [("line 1", "One.")]),
        ("\n\n One.\n", [("line 3", " One.")]),
        (
            "One\n\nstill one.\n<|endoftext|>\n\nTwo.\n<|endoftext|>\n<|endoftext|>\n",
            [("line 1", "One\n\nstill one."), ("line 6", "Two.")],
        ),
        (
            "A <|endoftext|> inside\nis no line of its own",
            [("line 1", "A <|endoftext|> inside"), ("line 2", "is no line of its own")],
        ),
        (" \n\n", []),
    ],
)
def test_passages_of_a_plain_text(text: str, expected: list[tuple[str, str]]) -> None:
    assert list(passages(text)) == expected


def test_a_plain_file_and_a_pasted_text_are_passages(tmp_path: Path) -> None:
    expected = [("line 1", {"text": "One."}), ("line 3", {"text": "Two."})]
    assert read(tmp_path, "a.txt", "One.\n\nTwo.\n\nThree.", limit=2) == (expected, [])
    pasted = raw_records(TextSource(PASTED, "One", text="One.\n\nTwo."))
    assert [(one.place, one.values) for one in pasted if isinstance(one, RawRecord)] == expected


def test_a_limit_is_a_number_of_good_rows(tmp_path: Path) -> None:
    good, problems = read(tmp_path, "a.jsonl", 'x\n{"text": "two"}\n{"text": "three"}\n{"text": "four"}\n', limit=2)
    assert [place for place, _ in good] == ["line 2", "line 3"]
    assert [one.place for one in problems] == ["line 1"]
