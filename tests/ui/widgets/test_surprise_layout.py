"""Letters in columns and tokens on them: what is told apart, where lines break, what shares a letter."""

from __future__ import annotations

import pytest
from PySide6.QtGui import QFont
from ui.widgets.surprise_pages import A_ROW, B_ROW, Token, row_of

from app.ui.widgets.surprise_layout import SurpriseLayout
from app.ui.widgets.surprise_letters import measure_letters, mono_grid, split_letters

FAMILY = "👩\u200d👩\u200d👧"


def lay_out(*rows: tuple[Token, ...], columns: int = 1000) -> tuple[SurpriseLayout, float]:
    """Rows over their letters, lines as wide as some columns; and a column's width."""
    font, cell = mono_grid(QFont("monospace", 12))
    text = "".join(text for text, _ in rows[0])
    layout = SurpriseLayout(measure_letters(text, 0, font, cell), [row_of(row) for row in rows])
    layout.set_width(columns * cell)
    return layout, cell


def lines_of(layout: SurpriseLayout) -> list[str]:
    return ["".join(letter.text for letter in layout.letters.letters[slice(*line)]) for line in layout.lines]


@pytest.mark.parametrize(
    ("text", "letters"),
    [
        ("tea", ["t", "e", "a"]),
        ("e\u0301a", ["e\u0301", "a"]),
        (f"x{FAMILY}y", ["x", FAMILY, "y"]),
        ("日本", ["日", "本"]),
        ("🇩🇪!", ["🇩🇪", "!"]),
        ("a\r\nb\nc", ["a", "\r\n", "b", "\n", "c"]),
        ("שם", ["ש", "ם"]),
        ("", []),
    ],
)
def test_a_letter_is_what_a_reader_takes_for_one(qapp, text: str, letters: list[str]) -> None:
    assert split_letters(text) == letters


def test_letters_know_their_bytes_and_fill_columns(qapp) -> None:
    font, cell = mono_grid(QFont("monospace", 12))
    letters = measure_letters("aé日 😀b", 100, font, cell).letters
    assert [letter.byte for letter in letters] == [100, 101, 103, 106, 107, 111]
    assert all(letter.width > 0 and letter.width % cell == 0 for letter in letters)
    assert letters[0].width == letters[-1].width == cell == int(cell)


def test_a_line_breaks_for_all_rows_at_a_word_both_begin(qapp) -> None:
    layout, _ = lay_out(A_ROW, B_ROW, columns=20)
    assert lines_of(layout) == ["Once found a", " telescope in the", " attic."]
    layout.set_width(100_000)
    assert lines_of(layout) == ["Once found a telescope in the attic."]


def test_a_line_breaks_after_a_space_where_no_border_is_common(qapp) -> None:
    layout, _ = lay_out((("one two three", 1.0), (" four", 1.0)), (("one t", 1.0), ("wo three four", 1.0)), columns=11)
    assert lines_of(layout)[0] == "one two "


def test_a_word_longer_than_the_line_is_cut_and_a_newline_ends_its_line(qapp) -> None:
    layout, _ = lay_out((("x" * 25, 1.0), ("\n\nab\r\nc", 1.0)), columns=10)
    assert lines_of(layout) == ["x" * 10, "x" * 10, "x" * 5 + "\n", "\n", "ab\r\n", "c"]
    assert [part.line for part in layout.segments(layout.rows[0], 0)] == [0, 1, 2]
    # The sign of a newline may stand out of a full line, and is never alone because of that.
    layout, _ = lay_out((("x" * 10, 1.0), ("\n", 1.0), ("y", 1.0)), columns=10)
    assert lines_of(layout) == ["x" * 10 + "\n", "y"]


def test_every_letter_belongs_to_a_line_at_any_width(qapp) -> None:
    for columns in range(1, 40):
        layout, _ = lay_out(A_ROW, B_ROW, columns=columns)
        assert "".join(lines_of(layout)) == "".join(text for text, _ in A_ROW)
        for row in layout.rows:
            assert all(layout.segments(row, index) for index in range(len(row.pieces)))


def test_tokens_end_where_their_letters_do_in_both_rows(qapp) -> None:
    layout, cell = lay_out(A_ROW, B_ROW)
    first, second = layout.rows
    tele = layout.segments(second, 3)[0]
    assert layout.segments(first, 3)[0].left == tele.left == 12 * cell
    assert layout.segments(first, 5)[0].right == tele.right == 22 * cell


def test_tokens_inside_a_character_divide_its_column_and_are_counted_together(qapp) -> None:
    row: tuple[Token, ...] = ((" 日", 8.0), ("", 2.0), ("", None), ("b", 1.0))
    layout, _ = lay_out(row)
    tokens = layout.rows[0]
    parts = [layout.segments(tokens, index)[0] for index in range(4)]
    sign = layout.letters.letters[1]
    assert parts[0].right - layout.left[1] == pytest.approx(sign.width / 3)
    assert [part.left for part in parts[1:]] == pytest.approx([part.right for part in parts[:3]])
    assert [part.cuts for part in parts] == [(False, True), (True, True), (True, False), (False, False)]
    assert tokens.group(1) == range(3)
    assert tokens.bits(0) == tokens.bits(2) == 10.0
    assert tokens.bits(3) == 1.0
    assert layout.token_at(tokens, 0, parts[1].left + 0.5) == 1


def test_a_border_inside_joined_characters_divides_them_too(qapp) -> None:
    layout, _ = lay_out((("e", 1.0), ("\u0301", 2.0), ("x", 3.0)))
    tokens = layout.rows[0]
    assert len(layout.letters.letters) == 2
    assert layout.segments(tokens, 0)[0].right == pytest.approx(layout.letters.letters[0].width / 2)
    assert tokens.bits(0) == 3.0


def test_right_to_left_letters_stand_in_a_shaped_word_and_words_in_logical_order(qapp) -> None:
    layout, _ = lay_out((("ab", 1.0), (" של", 1.0), ("ום", 1.0), (" עולם", 1.0)))
    left = layout.left
    assert left[3] > left[4] > left[5] > left[6] > left[2] > left[1]
    assert left[8] > left[3]
    tokens = layout.rows[0]
    # The space stands before the word and the first letters at its right end, so the token is in two parts.
    assert len(layout.segments(tokens, 1)) == 2
    ending = layout.segments(tokens, 2)[0]
    assert ending.left == pytest.approx(left[6]) and ending.right == pytest.approx(left[4])
    assert [word.text for word in layout.letters.words] == ["שלום", "עולם"]


def test_rows_that_do_not_fit_the_text_do_no_harm(qapp) -> None:
    layout, cell = lay_out((("ab", 1.0),), (("abcd", 1.0), ("ef", 1.0)))
    assert 0 < layout.segments(layout.rows[1], 0)[0].right <= 2 * cell
    empty, _ = lay_out((("", 1.0),))
    assert empty.lines == [] and empty.segments(empty.rows[0], 0) == []
