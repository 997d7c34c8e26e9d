"""Figures as CSV, Markdown and JSON, read back."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import asdict, fields, replace
from math import inf, nan

from ui.pages.measured_tables import figures

from app.session.measured import Figures
from app.ui.pages.evaluate.figures_export import HEADERS, PASTED, as_csv, as_json, as_markdown

ODD = replace(
    figures(text='a, "b" | c \\\nd'),
    bits_per_byte=1 / 3,
    standard_error=nan,
    perplexity=inf,
    note="two\nlines \\ and | a bar",
)


def test_every_field_is_exported() -> None:
    assert set(HEADERS) == {field.name for field in fields(Figures)}
    assert len(set(HEADERS.values())) == len(HEADERS)


def test_csv_reads_back() -> None:
    header, first, second = csv.reader(io.StringIO(as_csv([figures(), ODD])))
    assert header == list(HEADERS.values())
    row = dict(zip(HEADERS, second, strict=True))
    assert (row["text"], row["note"]) == (ODD.text, ODD.note)
    assert float(row["bits_per_byte"]) == 1 / 3
    assert (row["standard_error"], row["perplexity"]) == ("", "inf")
    assert row["when"] == "2026-11-25T21:27:08+00:00"
    assert dict(zip(HEADERS, first, strict=True))["tokens"] == "1000"


def test_json_reads_back_with_numbers_and_null() -> None:
    (row,) = json.loads(as_json([ODD]))
    whole = asdict(ODD)
    assert (row.pop("standard_error"), row.pop("perplexity")) == (None, "Infinity")
    assert row.pop("when") == "2026-11-25T21:27:08+00:00"
    assert row == {name: whole[name] for name in row}
    assert len(row) == len(whole) - 3
    assert isinstance(row["bits_per_byte"], float) and isinstance(row["tokens"], int)


def test_markdown_is_one_table() -> None:
    header, rule, row = as_markdown([ODD]).splitlines()
    bars = [line.replace("\\\\", "").replace("\\|", "").count("|") for line in (header, rule, row)]
    assert bars == [len(PASTED) + 1] * 3
    assert header.startswith("| Model | Text | Objective | Bits per byte |")
    assert "| 0.333333 |" in row
    assert '| a, "b" \\| c \\\\ d |' in row
    assert rule.split(" | ")[3] == "---:"


def test_no_file_holds_a_control_character() -> None:
    joined = replace(ODD, cell="story-gpt\x1fauto\x1fcpu")
    assert "story-gpt / auto / cpu" in as_csv([joined]) and "\x1f" not in as_csv([joined])
    assert json.loads(as_json([joined]))[0]["cell"] == "story-gpt / auto / cpu"


def test_nothing_measured_is_a_header_only() -> None:
    assert as_csv([]).count("\n") == 1
    assert as_markdown([]).count("\n") == 2
    assert json.loads(as_json([])) == []
