"""The slider field: track and number always agree."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from app.ui.theme import Theme
from app.ui.widgets.slider_field import SliderField
from app.ui.widgets.value_scale import ValueScale


def shown(qtbot, field: SliderField) -> SliderField:
    qtbot.addWidget(field)
    field.resize(220, 54)
    field.show()
    qtbot.waitExposed(field)
    return field


@pytest.fixture
def temperature(qtbot, theme: Theme) -> SliderField:
    return shown(qtbot, SliderField(theme, "Temperature", 0.0, 2.0, 0.05, 1.0, help="Higher is wilder."))


@pytest.fixture
def top_k(qtbot, theme: Theme) -> SliderField:
    field = SliderField(theme, "Top-k", 1, 5000, 1, 50, off=0, decimals=0, logarithmic=True)
    return shown(qtbot, field)


def type_number(field: SliderField, text: str) -> None:
    field.field.selectAll()
    field.field.insert(text)  # QTest cannot press "−"
    QTest.keyClick(field.field, Qt.Key.Key_Return)


def wheel(widget: QWidget, notches: int) -> None:
    event = QWheelEvent(
        QPointF(5, 5),
        QPointF(widget.mapToGlobal(QPoint(5, 5))),
        QPoint(),
        QPoint(0, 120 * notches),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(widget, event)


def test_typing_a_number_moves_the_slider(qtbot, temperature: SliderField) -> None:
    with qtbot.waitSignal(temperature.changed) as changed:
        type_number(temperature, "0.5")
    assert changed.args == [0.5]
    assert temperature.track.place() == pytest.approx(0.25)
    assert temperature.track.value() == 250
    assert temperature.field.text() == "0.50"


def test_dragging_moves_the_number(qtbot, temperature: SliderField) -> None:
    track = temperature.track
    middle = track.height() // 2
    QTest.mousePress(track, Qt.MouseButton.LeftButton, pos=QPoint(round(track.x_of(0.5)), middle))
    QTest.mouseMove(track, QPoint(round(track.x_of(0.75)), middle))
    QTest.mouseRelease(track, Qt.MouseButton.LeftButton, pos=QPoint(round(track.x_of(0.75)), middle))
    assert temperature.value() == pytest.approx(1.5)
    assert temperature.field.text() == "1.50"


@pytest.mark.parametrize("text", ["7", "abc", "1e999", "−3"])
def test_a_typed_number_ends_inside_the_range(temperature: SliderField, text: str) -> None:
    type_number(temperature, text)
    assert 0 <= temperature.value() <= 2
    assert float(temperature.field.text()) == temperature.value()


def test_a_comma_is_a_decimal_point(temperature: SliderField) -> None:
    type_number(temperature, "0,7")
    assert temperature.value() == pytest.approx(0.7)


def test_wheel_and_keys_step(temperature: SliderField) -> None:
    wheel(temperature.field, 2)
    assert temperature.value() == 1.0, "a wheel that passes scrolls the page"
    temperature.field.setFocus()
    wheel(temperature.field, 2)
    assert temperature.value() == pytest.approx(1.1)
    QTest.keyClick(temperature.field, Qt.Key.Key_Down)
    assert temperature.value() == pytest.approx(1.05)
    QTest.keyClick(temperature.track, Qt.Key.Key_Right)
    assert temperature.value() == pytest.approx(1.1)
    QTest.keyClick(temperature.track, Qt.Key.Key_End)
    assert temperature.field.text() == "2.00"


def test_the_wheel_over_an_unfocused_track_scrolls_the_page_instead(qtbot, temperature: SliderField) -> None:
    temperature.field.setFocus()
    with qtbot.assertNotEmitted(temperature.changed):
        wheel(temperature.track, 1)
    assert temperature.value() == 1.0


def test_double_click_on_the_label_puts_the_default_back(temperature: SliderField) -> None:
    temperature.set_value(0.8)
    assert temperature.label.is_marked()
    QTest.mouseDClick(temperature.label, Qt.MouseButton.LeftButton, pos=QPoint(10, 8))
    assert temperature.value() == 1.0
    assert not temperature.label.is_marked()


def test_the_dot_marks_a_changed_value(theme: Theme, temperature: SliderField) -> None:
    def dot_pixels() -> int:
        image = temperature.label.grab().toImage()
        accent = theme.color("accent")
        return sum(image.pixelColor(x, y) == accent for x in range(image.width()) for y in range(image.height()))

    assert dot_pixels() == 0
    temperature.set_value(0.3)
    assert dot_pixels() > 5


def test_setting_from_code_is_silent(qtbot, temperature: SliderField) -> None:
    with qtbot.assertNotEmitted(temperature.changed):
        temperature.set_value(0.4)
    assert temperature.field.text() == "0.40"
    assert temperature.track.place() == pytest.approx(0.2)


def test_escape_gives_up_typing(qtbot, temperature: SliderField) -> None:
    temperature.field.selectAll()
    QTest.keyClicks(temperature.field, "0.3")
    with qtbot.assertNotEmitted(temperature.changed):
        QTest.keyClick(temperature.field, Qt.Key.Key_Escape)
        temperature.track.setFocus()
    assert temperature.field.text() == "1.00"


def test_off_is_a_word_and_a_place(top_k: SliderField) -> None:
    type_number(top_k, "0")
    assert top_k.field.text() == "off"
    assert top_k.is_off()
    assert top_k.track.place() == 0.0
    QTest.keyClick(top_k.track, Qt.Key.Key_Right)
    assert top_k.value() == 1
    QTest.keyClick(top_k.track, Qt.Key.Key_Left)
    assert top_k.is_off()
    type_number(top_k, "37")
    assert top_k.value() == 37
    type_number(top_k, "off")
    assert top_k.value() == 0


def test_off_at_the_top_end(qtbot, theme: Theme) -> None:
    top_p = shown(qtbot, SliderField(theme, "Top-p", 0.01, 1.0, 0.01, 1.0, off=1.0))
    assert top_p.field.text() == "off"
    QTest.keyClick(top_p.field, Qt.Key.Key_Down)
    assert top_p.value() == pytest.approx(0.99)
    type_number(top_p, "1")
    assert top_p.is_off()


def test_a_logarithmic_slider_shows_typed_numbers_exactly(top_k: SliderField) -> None:
    type_number(top_k, "1,234")
    assert top_k.value() == 1234
    assert top_k.field.text() == "1,234"
    assert 0.8 < top_k.track.place() < 0.9


def test_a_number_over_powers_of_ten_keeps_its_figures(qtbot, theme: Theme) -> None:
    rate = shown(
        qtbot,
        SliderField(theme, "Rate", 1e-5, 1e-2, 1e-5, 2e-4, logarithmic=True, typed=(0, 10), significant=True),
    )
    assert rate.field.text() == "2e−4"
    for typed, value, words in (("3.25e-4", 3.25e-4, "3.25e−4"), ("0.05", 0.05, "0.05"), ("0", 0.0, "0")):
        with qtbot.assertNotEmitted(rate.refused):
            type_number(rate, typed)
        assert (rate.value(), rate.field.text()) == (value, words)
    QTest.keyClick(rate.track, Qt.Key.Key_Right)
    assert rate.value() == 1e-5
    QTest.keyClick(rate.track, Qt.Key.Key_End)
    QTest.keyClick(rate.track, Qt.Key.Key_Left)
    assert rate.value() == pytest.approx(0.009)
    with qtbot.waitSignal(rate.refused) as refused:
        type_number(rate, "20")
    assert refused.args == ["“20” does not fit: Rate goes from 0 to 10. It is 10 now."]


def test_without_a_default_the_label_clears(qtbot, theme: Theme) -> None:
    steps = shown(qtbot, SliderField(theme, "Steps", 10, 2000, 1, None, decimals=0, logarithmic=True))
    steps.set_value(500)
    assert steps.label.is_marked()
    with qtbot.assertNotEmitted(steps.changed), qtbot.waitSignal(steps.cleared):
        QTest.mouseDClick(steps.label, Qt.MouseButton.LeftButton, pos=QPoint(10, 8))


def test_a_field_without_effect_says_why(qtbot, temperature: SliderField) -> None:
    temperature.set_disabled_reason("Greedy always takes the likeliest token.")
    assert not temperature.track.isEnabled()
    assert "Greedy" in temperature.field.toolTip()
    with qtbot.assertNotEmitted(temperature.changed):
        QTest.mouseClick(temperature.track, Qt.MouseButton.LeftButton, pos=QPoint(5, 10))
    temperature.set_disabled_reason("")
    assert temperature.field.isEnabled()
    assert temperature.field.toolTip().splitlines() == [
        "Higher is wilder.",
        "Delete on the slider, or the right button's menu, puts the default back.",
    ]


SCALES = [
    ValueScale(0.0, 2.0, 0.05),
    ValueScale(1, 5000, 1, decimals=0, off=0, logarithmic=True),
    ValueScale(0.01, 1.0, 0.01, off=1.0),
    ValueScale(-2.0, 2.0, 0.1, decimals=1),
    ValueScale(1e-5, 1e-2, 1e-5, logarithmic=True, lowest=0, highest=10, significant=True),
    ValueScale(0, 0.5, 0.01, off=0, significant=True),
]


@pytest.mark.parametrize("scale", SCALES)
@given(place=st.floats(0, 1), steps=st.integers(-30, 30))
def test_places_values_and_words_agree(scale: ValueScale, place: float, steps: int) -> None:
    value = scale.stepped(scale.at(place), steps)
    assert value == scale.off or scale.minimum <= value <= scale.maximum
    assert 0 <= scale.fraction(value) <= 1
    assert scale.parse(scale.text(value)) == value


@pytest.mark.parametrize("scale", SCALES)
def test_steps_reach_both_ends(scale: ValueScale) -> None:
    start = scale.at(0.5)
    assert scale.fraction(scale.stepped(start, 1000)) == 1.0
    assert scale.fraction(scale.stepped(start, -1000)) == 0.0
