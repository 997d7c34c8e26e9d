"""Pairs read from lines and from rows, and what is said when they do not fit."""

from __future__ import annotations

import pytest

from app.engine.errors import UserError
from app.engine.metrics import TextPair, measure, pairs_from_lines, pairs_from_rows


def test_lines_belong_together_and_tabs_or_bars_part_references() -> None:
    pairs = pairs_from_lines("one\r\ntwo\n", "1\teins\n2\t \tdeux ||| zwei\n\n")
    assert pairs == (TextPair("one", ("1", "eins"), 1), TextPair("two", ("2", "deux", "zwei"), 2))


def test_lines_break_where_editors_break_them() -> None:
    assert len(pairs_from_lines("a\u2028b\x0cc\rd", "x\ny")) == 2


def test_an_empty_hypothesis_stays_and_a_line_blank_in_both_goes() -> None:
    pairs = pairs_from_lines("\n\nc\n\n", "a\n\nc")
    assert pairs == (TextPair("", ("a",), 1), TextPair("c", ("c",), 3))
    assert [pair.line for pair in pairs_from_lines("a\n\n", "a\nb")] == [1, 2]


def test_a_different_number_of_lines_names_both() -> None:
    with pytest.raises(UserError) as error:
        pairs_from_lines("a\nb\nc", "a")
    assert error.value.fact == "There are 3 hypotheses and 1 line of references."
    assert "same number" in error.value.remedy


@pytest.mark.parametrize(
    ("hypotheses", "references", "words"),
    [
        ("a", "", "no references"),
        ("", " \n", "no references"),
        ("a\nb", "\nb", "Line 1 has no reference"),
        ("", "a", "Every hypothesis is empty"),
        (" \n\t", "a\nb", "Every hypothesis is empty"),
    ],
)
def test_what_is_missing_is_said(hypotheses: str, references: str, words: str) -> None:
    with pytest.raises(UserError, match=words):
        pairs_from_lines(hypotheses, references)


def test_rows_give_columns_with_lists_and_gaps() -> None:
    rows = [{"mt": "a", "ref": ["b", None], "other": "c"}, {"mt": None, "ref": "d", "other": None}]
    assert pairs_from_rows([*rows, {"mt": 5, "ref": 5}], "mt", ["ref", "other"]) == (
        TextPair("a", ("b", "c"), 1),
        TextPair("", ("d",), 2),
        TextPair("5", ("5",), 3),
    )


def test_rows_without_the_column_name_those_there_are() -> None:
    with pytest.raises(UserError, match=r"Row 1 has no column “mt”\. Its columns are a, b\."):
        pairs_from_rows([{"a": 1, "b": 2}], "mt", ["a"])
    with pytest.raises(UserError, match="No column is named"):
        pairs_from_rows([{"a": 1}], "a", [])
    with pytest.raises(UserError, match="Line 1 has no reference"):
        pairs_from_rows([{"a": 1}], "a", ["b"])


def test_nothing_to_measure_is_said() -> None:
    with pytest.raises(UserError, match="no text to measure"):
        measure([])
    with pytest.raises(UserError, match="Pair 2 has no reference"):
        measure([TextPair("a", ("a",)), TextPair("b", ())])
