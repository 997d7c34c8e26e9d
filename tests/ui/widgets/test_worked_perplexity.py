"""Perplexity by hand: what is typed, the numbers on screen, and that a calculator gets the last line."""

from __future__ import annotations

import math
import re
from decimal import Decimal, localcontext
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication

from app.engine.evaluate.records import WorkedExample, WorkedToken
from app.ui.theme import Theme
from app.ui.widgets.worked_perplexity import NUMBERS, SENTENCE, WorkedPerplexity
from app.ui.widgets.worked_words import BadNumbersError, example_of, parse_numbers, steps_text, work

TIM = WorkedExample((WorkedToken(" Tim", 0.41327), WorkedToken(" ran", 0.00001234), WorkedToken(".", 0.9)), "Once")


@pytest.fixture(params=["light", "dark"])
def theme(qapp, request):
    return Theme(request.param)


@pytest.fixture
def worked(qtbot, theme) -> WorkedPerplexity:
    view = WorkedPerplexity(theme)
    qtbot.addWidget(view)
    view.resize(560, 480)
    view.show()
    return view


def type_numbers(qtbot, view: WorkedPerplexity, text: str) -> None:
    view.set_mode(NUMBERS)
    view.numbers_field.selectAll()
    view.numbers_field.insert(text)
    view.numbers_field.textEdited.emit(text)
    qtbot.keyClick(view.numbers_field, Qt.Key.Key_Return)


def on_screen(view: WorkedPerplexity) -> list[str]:
    """The formulas that can be seen, in rich text."""
    return [formula.text() for _, formula in view.lines._rows if formula.isVisible()]


def calculated(number: str) -> Decimal:
    """A number as a person types it into a calculator."""
    plain = number.replace("−", "-").replace(",", "").removesuffix(" nats")
    return Decimal(re.sub(r"·10\^\{?(-?\d+)\}?", r"e\1", plain))


# Typed numbers


@pytest.mark.parametrize(
    "text",
    [
        "0.4, 0.27, 0.55, 0.79",
        "0.4 0.27 0.55 0.79",
        " 0.4;0.27 ;0.55; 0.79,",
        "40%, 27/100, .55, 79 %",
        "0,4; 0,27; 0,55; 0,79",
    ],
)
def test_numbers_may_be_typed_in_many_ways(text):
    assert parse_numbers(text) == pytest.approx((0.4, 0.27, 0.55, 0.79))


def test_fractions_percentages_and_powers_are_numbers():
    assert parse_numbers("1/4 1 / 2, 12.5% 1e-3 1") == (0.25, 0.5, 0.125, 0.001, 1.0)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("0.4, 0", "“0” is no probability here: it must be above 0 and at most 1."),
        ("−0.2", "“−0.2” is no probability"),
        ("0.4 1.2", "“1.2” is no probability"),
        ("140%", "“140%” is no probability"),
        ("0.4, often", "“often” is not a number."),
        ("nan", "“nan” is not a number."),
        ("1_0", "is not a number"),
        ("1/0", "divides by zero"),
        ("1/2/3", "is not a number"),
        ("1e-9999", "is not a number"),
        ("", "at least one probability"),
        (" , ;", "at least one probability"),
        ("0,4", "Write decimals with a point"),
        ("0.5 " * 101, "at most 100"),
    ],
)
def test_what_does_not_fit_is_told_in_a_sentence(text, words):
    with pytest.raises(BadNumbersError, match=re.escape(words)):
        parse_numbers(text)


# The steps


def test_the_steps_of_the_textbook_example():
    worked = work(example_of((0.4, 0.27, 0.55, 0.79)))
    assert [step.plain() for step in worked.steps + worked.log_steps] == [
        "0.4 × 0.27 × 0.55 × 0.79 = 0.046926",
        "0.046926^(1/4) = 0.46543",
        "1 / 0.46543 = 2.1486",
        "0.9163 + 1.3093 + 0.5978 + 0.2357 = 3.0591",
        "3.0591 / 4 = 0.7648 nats",
        "e^0.7648 = 2.1486",
    ]


def test_the_other_example_gives_its_perplexity_both_ways():
    worked = work(example_of((0.7, 0.5, 0.6, 0.9)))
    assert (worked.steps[-1].right, worked.log_steps[-1].right) == ("1.5166", "1.5166")


@given(st.lists(st.floats(1e-9, 1.0), min_size=1, max_size=60))
def test_every_line_follows_from_the_numbers_in_the_one_before(numbers):
    example = example_of(numbers)
    worked = work(example)
    with localcontext(prec=60):
        product, mean, perplexity = (calculated(step.right) for step in worked.steps)
        shown = math.prod((calculated(number) for number in worked.numbers), start=Decimal(1))
        assert float(shown / product) == pytest.approx(1, rel=1e-3)
        assert float((product.ln() / len(numbers)).exp() / mean) == pytest.approx(1, rel=1e-3)
        total, average, again = (calculated(step.right) for step in worked.log_steps)
        summands = [calculated(part) for part in (worked.log_steps[0].left or worked.log_steps[0].right).split(" + ")]
        assert sum(summands) == total
    # The last line to its last figure, from what stands before it.
    assert float(f"{1 / mean:.5g}") == pytest.approx(float(perplexity), rel=1e-12)
    assert float(f"{average.exp():.5g}") == pytest.approx(float(again), rel=1e-12)
    assert perplexity == again
    assert float(perplexity) == pytest.approx(example.perplexity, rel=6e-5)


def test_a_product_too_small_for_a_float_is_still_a_number():
    worked = work(example_of([1e-5] * 100))
    assert worked.steps[0].right == "1·10^{−500}"
    assert worked.steps[1].plain() == "(1·10^−500)^(1/100) = 1·10^−5"
    assert worked.steps[-1].right == "100,000"


def test_a_token_held_for_impossible_makes_it_infinite(worked):
    worked.show_example(WorkedExample((WorkedToken(" a", 0.5), WorkedToken(" b", 0.0))), "story-gpt")
    assert "∞" in on_screen(worked)[2]
    assert "infinite" in worked.words.text()
    worked.grab()


def test_copied_steps_name_tokens_and_lines():
    lines = steps_text(TIM).splitlines()
    assert lines[:4] == ["given: Once", "␣Tim\t0.41327", "␣ran\t1.234·10^−5", ".\t0.9"]
    assert lines[5].startswith("product: 0.41327 × 1.234·10^−5 × 0.9 = ")
    assert "The same through logarithms" in lines


# The widget


def test_it_begins_with_a_hint_and_nothing_worked(worked):
    assert worked.mode() == SENTENCE
    assert worked.example() is None and not worked.copy_action.isEnabled()
    assert on_screen(worked) == []
    assert "press Enter" in worked.message.text()


def test_enter_asks_for_the_sentence(qtbot, worked):
    worked.set_sentence("Tim ran.")
    with qtbot.waitSignal(worked.sentence_asked) as asked:
        qtbot.keyClick(worked.sentence_field, Qt.Key.Key_Return)
    assert asked.args == ["Tim ran."]
    worked.set_sentence("  ")
    with qtbot.assertNotEmitted(worked.sentence_asked):
        qtbot.keyClick(worked.sentence_field, Qt.Key.Key_Return)


def test_busy_problem_and_answer(worked):
    worked.show_example(TIM, "story-gpt")
    worked.show_busy()
    assert worked.message.text() == "Asking the model…"
    assert len(on_screen(worked)) == 6
    worked.show_problem("No model is open.")
    assert (worked.message.text(), worked.message.property("role")) == ("No model is open.", "error")
    worked.show_example(TIM, "story-gpt")
    assert (worked.message.text(), worked.message.property("role")) == (
        "The probability that story-gpt gave each token",
        "caption",
    )
    worked.show_example(WorkedExample(()), "story-gpt")
    assert on_screen(worked) == [] and "at least two tokens" in worked.message.text()


def test_powers_are_real_superscripts(worked):
    worked.show_example(TIM, "story-gpt")
    lines = on_screen(worked)
    assert "1.234·10<sup>−5</sup>" in lines[0]
    assert "<sup>1/3</sup>" in lines[1]
    assert lines[-1].startswith("e<sup>")


def test_typed_numbers_are_worked_the_same_way(qtbot, worked):
    with qtbot.waitSignal(worked.numbers_typed) as typed:
        type_numbers(qtbot, worked, "1/2; 25%; 1/8")
    assert typed.args == [(0.5, 0.25, 0.125)]
    assert "<b>4</b>" in on_screen(worked)[2]
    assert worked.columns.accessibleDescription() == "p₁ 0.5, p₂ 0.25, p₃ 0.125"


@pytest.mark.parametrize(("button", "result"), [(0, "2.1486"), (1, "1.5166")])
def test_the_examples_are_one_press_away(qtbot, worked, button, result):
    worked.set_mode(NUMBERS)
    type_numbers(qtbot, worked, "0.5")
    qtbot.mouseClick(worked.example_buttons[button], Qt.MouseButton.LeftButton)
    lines = on_screen(worked)
    assert f"<b>{result}</b>" in lines[2] and f"<b>{result}</b>" in lines[5]


def test_a_number_that_does_not_fit_shows_no_sum_of_others(qtbot, worked):
    type_numbers(qtbot, worked, "0.7, 0.5, 0.6, 0.9")
    with qtbot.assertNotEmitted(worked.numbers_typed):
        type_numbers(qtbot, worked, "0.7, 5, 0.6")
    assert worked.message.isVisible() and worked.message.text().startswith("“5” is no probability")
    assert worked.message.property("role") == "error"
    assert not worked.lines.isVisible() and not worked.copy_action.isEnabled()
    type_numbers(qtbot, worked, "0.7, 0.5, 0.6, 0.9")
    assert not worked.message.isVisible()
    assert worked.lines.isVisible() and "<b>1.5166</b>" in on_screen(worked)[2]


def test_half_a_number_is_no_mistake_until_typing_rests(qtbot, worked):
    worked.set_mode(NUMBERS)
    worked.numbers_field.clear()
    qtbot.keyClicks(worked.numbers_field, "0.5, 0")
    assert not worked.message.isVisible()
    qtbot.waitUntil(worked.message.isVisible, timeout=3000)


def test_sentence_and_numbers_share_the_steps(qtbot, worked):
    type_numbers(qtbot, worked, "0.5, 0.5")
    worked.show_example(TIM, "story-gpt")
    assert worked.mode() == NUMBERS and "<b>2</b>" in on_screen(worked)[2]
    qtbot.mouseClick(worked.choice.button(SENTENCE), Qt.MouseButton.LeftButton)
    assert worked.columns.accessibleDescription() == "␣Tim 0.41327, ␣ran 1.234·10 to the power of −5, . 0.9"
    assert worked.sentence_field.isVisible() and not worked.numbers_field.isVisible()


def test_the_copy_action_gives_the_steps_as_text(worked):
    worked.set_mode(NUMBERS)
    worked.copy_action.trigger()
    assert "geometric mean: 0.046926^(1/4) = 0.46543" in QGuiApplication.clipboard().text()


@pytest.mark.parametrize("width", [560, 1000])
def test_a_long_sentence_scrolls_and_wraps_without_being_cut(qtbot, worked, width):
    tokens = tuple(WorkedToken(f" word{index}", 0.123456 / (index + 1)) for index in range(40))
    worked.show_example(
        WorkedExample(tokens, "A beginning that is longer than any chip could be on a screen"), "story-gpt"
    )
    worked.resize(width, 300)
    qtbot.waitUntil(lambda: worked.lines.height() >= worked.lines.layout().totalHeightForWidth(worked.lines.width()))
    assert worked.columns.width() > width
    for _, formula in worked.lines._rows:
        assert formula.height() >= formula.heightForWidth(formula.width())
    columns = [worked.columns.column_rect(index) for index in range(40)]
    assert all(one.right() < other.left() for one, other in pairwise(columns))
    worked.columns.grab()
