"""Tables give their texts row by row, and a row that is wrong is named by its line."""

from __future__ import annotations

import json
import time
import tracemalloc
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from app.engine.errors import UserError
from app.engine.texts.records import FILE, Record, TextSource
from app.engine.texts.source import Records, look, records


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_bytes(text.encode())
    return path


def of(path: Path, **options: Any) -> Records:
    return records(TextSource(FILE, path.name, path=str(path), **options))


def texts(path: Path, **options: Any) -> list[str]:
    return [record.text for record in of(path, **options)]


def stories(folder: Path, rows: list[dict[str, Any]], name: str = "stories.jsonl") -> Path:
    return written(folder, name, "".join(json.dumps(row) + "\n" for row in rows))


def test_jsonl_gives_a_record_a_line_with_its_place(tmp_path: Path) -> None:
    path = written(tmp_path, "a.jsonl", '{"text": "one\\r\\n", "n": 1}\r\n\n{"text": "two\u2028"}\n')
    assert list(of(path)) == [Record("one\r\n", "", "line 1"), Record("two\u2028", "", "line 3")]
    facts = look(path)
    assert (facts.format, facts.columns, facts.preview) == ("jsonl", ("text",), "one\r\n")


def test_empty_rows_are_passed_over_and_counted(tmp_path: Path) -> None:
    path = stories(tmp_path, [{"text": "one"}, {"text": None}, {"text": ""}, {"text": " \n"}, {"text": "two"}])
    found = of(path)
    assert [record.text for record in found] == ["one", "two"]
    assert found.skipped == 3


def test_a_limit_is_a_number_of_rows(tmp_path: Path) -> None:
    path = written(tmp_path, "a.jsonl", '{"text": "one"}\n{"text": ""}\n{"text": "three"}\nbroken\n')
    assert texts(path, limit=3) == ["one", "three"]


def test_a_model_that_reads_gets_what_it_reads(tmp_path: Path) -> None:
    rows = [
        {"translation": {"en": "a cat", "fr": "un chat"}},
        {"translation": {"en": None, "fr": "rien"}},
        {"translation": {"en": "a dog", "fr": "un chien"}},
    ]
    path = stories(tmp_path, rows)
    assert look(path).columns == ("translation.en", "translation.fr")
    found = of(path, column="translation.fr", source_column="translation.en")
    assert list(found) == [Record("un chat", "a cat", "line 1"), Record("un chien", "a dog", "line 3")]
    assert found.skipped == 1


@pytest.mark.parametrize(
    ("columns", "meant"),
    [
        ({"id": "a", "text": "x"}, "text"),
        ({"n": 1, "Story": "x", "author": "Ada"}, "Story"),
        ({"label": 1, "words": "x"}, "words"),
        ({"id": "17", "words": "x"}, "words"),
        ({"title": "t", "content": "x"}, "content"),
    ],
)
def test_the_column_that_is_meant_is_found(tmp_path: Path, columns: dict[str, Any], meant: str) -> None:
    (text,) = texts(stories(tmp_path, [columns]))
    assert text == columns[meant]


def test_a_column_that_cannot_be_told_has_to_be_chosen(tmp_path: Path) -> None:
    path = stories(tmp_path, [{"left": "a", "right": "b"}])
    with pytest.raises(UserError, match=r"2 columns of texts.*Choose one of: left, right"):
        texts(path)
    assert texts(path, column="right") == ["b"]
    assert texts(path, source_column="right") == ["a"]
    with pytest.raises(UserError, match="no column of texts"):
        texts(stories(tmp_path, [{"n": 1}]))


BROKEN = {
    "broken JSON": ("s.jsonl", '{"text": "a"}\n\n{"text": \n', "", r"^s\.jsonl, line 3: .*valid JSON.*Mend"),
    "nested without end": ("s.jsonl", "[" * 100_000, "", r"line 1: .*nested too deeply"),
    "a line that is no object": ("s.jsonl", '{"text": "a"}\n"b"\n', "", r"line 2: .*found a text"),
    "no such key": (
        "s.jsonl",
        '{"text": "a"}\n{"words": "b", "n": 1}\n',
        "",
        r"line 2: there is no “text”.*: words, n\.",
    ),
    "a number": ("s.jsonl", '{"text": "a"}\n{"text": 7}\n', "", "line 2: “text” is not a text but a number"),
    "a list": ("s.jsonl", '{"text": ["a"]}\n', "text", "line 1: “text” is not a text but a list"),
    "half a letter": ("s.jsonl", '{"text": "a\\ud83d"}\n', "", r"line 1: letter 2 is half of a surrogate pair"),
    "nothing but nulls": ("s.jsonl", '{"text": null}\n', "text", "no row with a text in “text”"),
    "no rows": ("s.jsonl", "\n\n", "", "has no rows"),
    "JSON cut short": ("s.json", '[{"text": "a"},\n{"text"', "", r"s\.json, line 2: .*valid JSON"),
    "JSON that is a text": ("s.json", '"a"', "", "holds a text; expected a list of objects"),
    "JSON without a list": ("s.json", '{"text": "a"}', "", r"no list inside.*\[\{“text”"),
    "JSON with two lists": ("s.json", '{"a": [], "b": []}', "", r"2 lists \(a, b\)"),
    "JSON of texts": ("s.json", '[{"text": "a"}, "b"]', "", "row 2: expected an object, found a text"),
    "an empty JSON list": ("s.json", "[]", "", "no rows"),
    "a short CSV row": ("s.csv", 'id,text\n1,"a\nb"\n2\n', "", r"s\.csv, line 4: 1 fields, .* has 2 \(id, text\)"),
    "a long CSV row": ("s.csv", "id,text\n1,Hello, world\n", "", "line 2: 3 fields.*quotes around a field"),
    "no such CSV column": ("s.csv", "id,story\n1,a\n", "text", "no “text”.*id, story"),
    "a quote left open": ("s.csv", 'id,text\n1,a\n2,"b\n3,c\n', "", "line 3: the quotes do not add up"),
    "a letter after a quote": ("s.csv", 'id,text\n1,"a"b\n', "", "line 2: the quotes do not add up"),
    "a CSV column twice": ("s.csv", "text,text\na,b\n", "", "more than one column “text”"),
    "a CSV header alone": ("s.csv", "id,text\n", "", "has no rows"),
    "a short TSV row": ("s.tsv", "id\ttext\n1\ta\n2\n", "", "line 3: 1 fields.*cannot hold tabs"),
    "no Parquet": ("s.parquet", "PAR1 and nothing more", "", "cannot be read as Parquet.*again"),
    "a byte that is no letter": ("s.jsonl", '{"text": "a"}\n{"text": "\udce9"}\n', "", r"line 2: byte 24 \(0xE9\)"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_wrong_with_a_table_is_said(name: str, tmp_path: Path) -> None:
    file, content, column, said = BROKEN[name]
    path = tmp_path / file
    path.write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(UserError, match=said) as caught:
        texts(path, column=column, encoding="" if file.endswith("parquet") else "utf-8")
    assert caught.value.remedy


@pytest.mark.parametrize(
    "wrapped", ['[{"text": "a"}, {"text": "b"}]', '{"of": "me", "data": [{"text":"a"},{"text":"b"}]}']
)
def test_json_lists_give_their_objects(tmp_path: Path, wrapped: str) -> None:
    path = written(tmp_path, "s.json", wrapped)
    assert list(of(path)) == [Record("a", "", "row 1"), Record("b", "", "row 2")]
    assert (look(path).format, look(path).columns, look(path).preview) == ("json", ("text",), "a")


def test_lines_of_json_under_the_name_of_json_are_read(tmp_path: Path) -> None:
    path = stories(tmp_path, [{"text": "a"}, {"text": "b"}], "s.json")
    assert look(path).format == "jsonl"
    assert texts(path) == ["a", "b"]


def test_a_long_json_list_is_looked_at_by_its_beginning(tmp_path: Path) -> None:
    rows = [{"text": f"story {number} " + "x" * 2_000, "n": number} for number in range(3_000)]
    path = written(tmp_path, "s.json", json.dumps({"version": "1", "data": rows}))
    facts = look(path)
    assert facts.columns == ("text",) and facts.preview.startswith("story 0 ")
    assert len(texts(path)) == 3_000


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_csv_with_quotes_is_read_as_it_was_meant(tmp_path: Path, delimiter: str) -> None:
    row = f'7{delimiter}"He said ""no"", then;{delimiter},\r\nleft."{delimiter}x\r\n'
    path = written(tmp_path, "s.csv", f"id{delimiter}text{delimiter}note\r\n\r\n{row}")
    (record,) = of(path)
    assert record == Record(f'He said "no", then;{delimiter},\r\nleft.', "", "line 3")


def test_csv_of_one_column_and_huge_fields(tmp_path: Path) -> None:
    book = "word, " * 1_000_000
    path = written(tmp_path, "s.csv", f'text\n"{book}"\nplain\n')
    assert texts(path) == [book, "plain"]


def test_csv_whose_beginning_ends_inside_quotes_is_looked_at(tmp_path: Path) -> None:
    path = written(tmp_path, "s.csv", 'id,text\n1,short\n2,"' + "long\n" * 1_000_000 + '"\n')
    assert look(path).columns == ("text",)
    assert [len(text) for text in texts(path)] == [5, 5_000_000]


def test_quotes_are_letters_in_tsv(tmp_path: Path) -> None:
    path = written(tmp_path, "s.tsv", 'id\ttext\n1\t"Well, he said\n2\ta "b" c"\r\n')
    assert texts(path) == ['"Well, he said', 'a "b" c"']


def test_an_old_encoding_holds_for_tables(tmp_path: Path) -> None:
    path = tmp_path / "s.csv"
    path.write_bytes("id;text\n1;Le café était fermé à côté.\n".encode("cp1252"))
    assert texts(path) == ["Le café était fermé à côté."]
    assert look(path).encoding == "cp1252"
    path.write_bytes("\ufeffid;text\n1;a\n".encode("utf-16-le"))
    assert texts(path) == ["a"]


def test_large_jsonl_is_read_in_little_memory(tmp_path: Path) -> None:
    line = json.dumps({"text": "word " * 600}) + "\n"
    path = written(tmp_path, "s.jsonl", line * (30_000_000 // len(line)))
    start = time.monotonic()
    tracemalloc.start()
    try:
        assert look(path).columns == ("text",)
        looked = tracemalloc.get_traced_memory()[1]
        tracemalloc.reset_peak()
        count = sum(1 for _ in of(path))
        held = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert count == 30_000_000 // len(line)
    assert max(looked, held) < 15_000_000, "the beginning and a few rows, four bytes a letter at the most"
    assert time.monotonic() - start < 20


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    """2,000 rows in row groups of 500."""
    rows = [{"id": number, "text": f"story {number}", "both": {"en": f"e{number}"}} for number in range(2_000)]
    rows[3]["text"] = None
    path = tmp_path / "shelf.parquet"
    parquet.write_table(pa.Table.from_pylist(rows), path, row_group_size=500)
    return path


def test_parquet_gives_its_texts_in_batches(shelf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    batches, read = [], parquet.ParquetFile.iter_batches

    def counted(self: Any, **options: Any) -> Any:
        for batch in read(self, **options):
            batches.append((batch.num_rows, batch.schema.names))
            yield batch

    monkeypatch.setattr(parquet.ParquetFile, "iter_batches", counted)
    facts = look(shelf)
    assert (facts.format, facts.columns, facts.encoding) == ("parquet", ("text", "both.en"), "")
    assert batches == []
    found = of(shelf)
    assert [record.place for record in islice(found, 4)] == ["row 1", "row 2", "row 3", "row 5"]
    assert found.skipped == 1
    assert len(batches) == 1 and batches[0][0] <= 500 and batches[0][1] == ["text"]
    assert len(list(found)) == 1_995
    (first, *_) = of(shelf, column="both.en", source_column="text", limit=2)
    assert first == Record("e0", "story 0", "row 1")


def test_parquet_says_which_columns_there_are(shelf: Path) -> None:
    with pytest.raises(UserError, match=r"no column “words”.*id, text, both\.en"):
        texts(shelf, column="words")
    with pytest.raises(UserError, match="row 1: “id” is not a text but a number"):
        texts(shelf, column="id")


def test_parquet_is_known_by_its_bytes_and_damage_is_said(shelf: Path) -> None:
    renamed = shelf.rename(shelf.with_suffix(".dat"))
    assert look(renamed).format == "parquet"
    data = bytearray(renamed.read_bytes())
    footer = 8 + int.from_bytes(data[-8:-4], "little")
    data[4:-footer] = b"\xff" * (len(data) - footer - 4)
    renamed.write_bytes(data)
    with pytest.raises(UserError, match="cannot be read as Parquet"):
        texts(renamed, column="text")
