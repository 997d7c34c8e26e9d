"""The bars of the generated steps: clicked, dragged, grown by thousands."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, QRect, Qt
from PySide6.QtGui import QColor, QImage, QPaintEvent
from PySide6.QtTest import QTest
from ui.widgets.matrices import move

from app.ui.theme import Theme
from app.ui.widgets.step_scrubber import StepScrubber

STEPS = [0.9, 0.2, 0.5, 1.0, 0.05]


class Watched(StepScrubber):
    """Remembers what it was asked to paint."""

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme)
        self.painted: list[QRect] = []

    def paintEvent(self, event: QPaintEvent) -> None:
        self.painted.append(event.rect())
        super().paintEvent(event)


@pytest.fixture
def scrubber(qtbot, theme: Theme) -> Watched:
    made = Watched(theme)
    qtbot.addWidget(made)
    made.resize(400, made.sizeHint().height())
    made.set_steps(STEPS)
    made.show()
    qtbot.waitExposed(made)
    return made


def middle(scrubber: StepScrubber, index: int) -> QPoint:
    rect = scrubber.bar_rect(index)
    return QPoint(int(rect.left() + rect.width() * 0.36), 30)


def column_of(image: QImage, x: int, colour: QColor) -> int:
    return sum(image.pixelColor(x, y) == colour for y in range(image.height()))


def heard(scrubber: StepScrubber) -> list[int]:
    said: list[int] = []
    scrubber.chosen.connect(said.append)
    return said


def test_bars_are_as_high_as_their_probability(scrubber: Watched, theme: Theme) -> None:
    image = scrubber.grab().toImage()
    heights = [column_of(image, middle(scrubber, index).x(), theme.bar_color()) for index in range(len(STEPS))]
    assert [height / heights[3] for height in heights] == pytest.approx(STEPS, abs=0.06)


def test_a_click_chooses_and_moves_the_marker(scrubber: Watched, theme: Theme) -> None:
    said = heard(scrubber)
    QTest.mouseClick(scrubber, Qt.MouseButton.LeftButton, pos=middle(scrubber, 2))
    assert said == [2]
    assert scrubber.current() == 2
    image = scrubber.grab().toImage()
    assert column_of(image, middle(scrubber, 2).x(), theme.color("ink")) > 40
    assert column_of(image, middle(scrubber, 4).x(), theme.color("ink")) == 0


def test_a_click_behind_the_last_step_takes_the_last(scrubber: Watched) -> None:
    said = heard(scrubber)
    QTest.mouseClick(scrubber, Qt.MouseButton.LeftButton, pos=QPoint(395, 20))
    assert said == [4]


def test_a_drag_tells_every_step_once(scrubber: Watched) -> None:
    said = heard(scrubber)
    QTest.mousePress(scrubber, Qt.MouseButton.LeftButton, pos=middle(scrubber, 0))
    for index in (0, 1, 1, 2):
        move(scrubber, QPointF(middle(scrubber, index)), Qt.MouseButton.LeftButton)
    QTest.mouseRelease(scrubber, Qt.MouseButton.LeftButton, pos=middle(scrubber, 2))
    move(scrubber, QPointF(middle(scrubber, 4)))
    assert said == [0, 1, 2]


def test_keys(scrubber: Watched) -> None:
    said = heard(scrubber)
    for key in (Qt.Key.Key_Right, Qt.Key.Key_Right, Qt.Key.Key_Left, Qt.Key.Key_Left, Qt.Key.Key_End, Qt.Key.Key_Right):
        QTest.keyClick(scrubber, key)
    QTest.keyClick(scrubber, Qt.Key.Key_Home)
    assert said == [0, 1, 0, 4, 0]


def test_nothing_to_choose_without_steps(scrubber: Watched) -> None:
    said = heard(scrubber)
    scrubber.set_steps([])
    QTest.keyClick(scrubber, Qt.Key.Key_Right)
    QTest.keyClick(scrubber, Qt.Key.Key_End)
    QTest.mouseClick(scrubber, Qt.MouseButton.LeftButton, pos=QPoint(20, 20))
    assert said == []
    assert scrubber.grab().toImage().height() == scrubber.height()


def test_setting_the_marker_tells_nobody(scrubber: Watched) -> None:
    said = heard(scrubber)
    scrubber.set_current(3)
    assert said == [] and scrubber.current() == 3
    scrubber.set_steps([0.5, 0.5])
    assert scrubber.current() is None
    scrubber.set_current(9)
    assert scrubber.current() is None


def test_a_dashed_line_runs_up_to_the_maximum(scrubber: Watched, theme: Theme) -> None:
    def dashes() -> int:
        image, y = scrubber.grab().toImage(), int(scrubber.bar_rect(0).bottom()) - 1
        return sum(image.pixelColor(x, y) == theme.color("line2") for x in range(300, 395))

    assert dashes() == 0
    scrubber.set_total(60)
    assert 30 < dashes() < 80
    scrubber.set_total(5)
    assert dashes() == 0


def test_the_bars_of_few_steps_are_wide(scrubber: Watched) -> None:
    assert scrubber.bar_rect(0).width() < 17
    scrubber.set_total(5)
    assert scrubber.bar_rect(0).width() == 48
    assert scrubber.accessibleDescription().startswith("5 of 5 steps")
    scrubber.set_total(12)
    assert scrubber.bar_rect(11).right() <= scrubber.width()


def test_steps_to_come_have_their_room(scrubber: Watched) -> None:
    scrubber.set_total(60)
    before = scrubber.bar_rect(1)
    for _ in range(20):
        scrubber.append(0.5)
    assert scrubber.bar_rect(1) == before
    assert scrubber.bar_rect(59).right() <= scrubber.width()
    assert scrubber.probabilities() == pytest.approx(STEPS + [0.5] * 20)


def test_an_appended_step_paints_only_itself(scrubber: Watched, qtbot) -> None:
    scrubber.set_total(60)
    qtbot.wait(20)
    scrubber.painted.clear()
    scrubber.append(0.7)
    qtbot.waitUntil(lambda: bool(scrubber.painted))
    assert max(rect.width() for rect in scrubber.painted) < 15
    assert scrubber.painted[0].contains(middle(scrubber, 5))


def test_painting_by_parts_gives_the_same_picture(scrubber: Watched, theme: Theme, qtbot) -> None:
    for total in (60, 0):
        grown = StepScrubber(theme)
        qtbot.addWidget(grown)
        grown.resize(scrubber.size())
        grown.set_total(total)
        grown.show()
        for value in STEPS:
            grown.append(value)
            qtbot.wait(1)
        scrubber.set_total(total)
        scrubber.clearFocus()
        grown.clearFocus()
        assert grown.grab().toImage() == scrubber.grab().toImage()


def test_where_steps_are_many_a_pixel_shows_the_least(scrubber: Watched, theme: Theme) -> None:
    values = np.ones(2000)
    values[1234] = 0.1
    scrubber.set_steps(list(values))
    scrubber.set_total(2000)
    image = scrubber.grab().toImage()
    x = int(scrubber.bar_rect(1234).left())
    assert column_of(image, x, theme.bar_color()) <= 6
    assert column_of(image, x - 2, theme.bar_color()) > 30
    assert scrubber.bar_rect(1999).right() <= scrubber.width()


def test_two_thousand_steps_are_each_appended_cheaply(scrubber: Watched, qtbot) -> None:
    scrubber.set_steps([0.5] * 1000)
    scrubber.set_total(2000)
    qtbot.wait(20)
    scrubber.painted.clear()
    for value in np.linspace(0, 1, 1000):
        scrubber.append(float(value))
        if len(scrubber.probabilities()) % 250 == 0:
            qtbot.wait(2)
    assert scrubber.painted
    assert max(rect.width() for rect in scrubber.painted) < scrubber.width() / 4


def test_marks_are_ticks_under_their_steps(scrubber: Watched, theme: Theme) -> None:
    y = int(scrubber.bar_rect(0).bottom()) + 2

    def ticked() -> list[int]:
        image = scrubber.grab().toImage()
        ticks = [x for x in range(image.width()) if image.pixelColor(x, y) == theme.color("ink2")]
        return [index for index in range(len(STEPS)) if any(abs(x - middle(scrubber, index).x()) < 4 for x in ticks)]

    assert ticked() == []
    scrubber.set_marks([1, 3, 99])
    assert ticked() == [1, 3]


@pytest.mark.parametrize("choice", ["light", "dark"])
@pytest.mark.parametrize("count", [3, 3000])
def test_figures_that_are_none_are_painted_all_the_same(qtbot, choice: str, count: int) -> None:
    theme = Theme(choice)
    scrubber = StepScrubber(theme)
    qtbot.addWidget(scrubber)
    scrubber.resize(400, 64)
    scrubber.set_steps([float("nan"), float("inf"), float("-inf")] * (count // 3))
    scrubber.set_current(0)
    image = scrubber.grab().toImage()
    assert 1 <= column_of(image, middle(scrubber, count - 1).x(), theme.bar_color()) <= 2


def test_it_is_told_in_words(scrubber: Watched) -> None:
    assert scrubber.accessibleName() == "Steps"
    assert scrubber.accessibleDescription() == "5 steps"
    scrubber.set_total(60)
    scrubber.set_current(1)
    assert scrubber.accessibleDescription() == "5 of 60 steps, step 2 is shown, probability 20.0%"
    assert abs(scrubber.sizeHint().height() - 64) <= 4


def test_where_there_is_little_room_it_is_half_as_high(qtbot, theme):
    scrubber = StepScrubber(theme)
    qtbot.addWidget(scrubber)
    scrubber.set_steps([1.0, 0.5])
    high, bar = scrubber.sizeHint().height(), scrubber.bar_rect(0).height()
    scrubber.set_low(True)
    assert high - scrubber.sizeHint().height() == bar - scrubber.bar_rect(0).height() > bar / 3
    scrubber.set_low(False)
    assert scrubber.sizeHint().height() == high
