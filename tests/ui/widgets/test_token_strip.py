"""The token strip, pressed and looked at."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QColor, QGuiApplication, QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QScrollArea

from app.ui.theme import Theme
from app.ui.widgets.token_chip import GENERATE, INSPECT
from app.ui.widgets.token_strip import TokenStrip
from app.ui.widgets.token_text import visible_token

WORDS = ("When", " Tim", " and", " Ada", " went", " to", " the", " park", ",", " Tim")


def make_strip(qtbot, theme: Theme, style: str = INSPECT, width: int = 300, **options: bool) -> TokenStrip:
    strip = TokenStrip(theme, style, **options)
    strip.set_tokens((word, 100 + i, None, True) for i, word in enumerate(WORDS))
    qtbot.addWidget(strip)
    strip.resize(width, strip.heightForWidth(width))
    strip.show()
    return strip


def colours_in(image: QImage, x: range, y: range) -> set[str]:
    return {image.pixelColor(i, j).name() for i in x for j in y}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (" the", "␣the"),
        ("  a", "␣␣a"),
        (" ", "␣"),
        ("\n", "⏎"),
        ("\n\n", "⏎⏎"),
        ("a\tb", "a⇥b"),
        ("▁the", "▁the"),
        ("", "∅"),
        ("\x00", "00"),
        ("\udce2\udc82", "E282"),
        ("don't stop", "don't stop"),
    ],
)
def test_white_space_and_bytes_are_made_visible(text: str, shown: str) -> None:
    assert visible_token(text) == shown


def test_raw_bytes_are_shown_where_the_text_is_no_character() -> None:
    assert visible_token("\ufffd", b"\xe2\x82") == "E2 82"
    assert visible_token("", b"\xe2") == "E2"
    assert visible_token("ok", b"ok") == "ok"


def test_chips_wrap_inside_the_width_and_do_not_overlap(qtbot, theme: Theme) -> None:
    strip = make_strip(qtbot, theme)
    rects = [strip.chip_rect(i) for i in range(len(WORDS))]
    assert len({rect.top() for rect in rects}) > 1
    assert all(rect.left() >= 0 and rect.right() < strip.width() for rect in rects)
    assert rects[-1].bottom() < strip.heightForWidth(strip.width())
    for first, second in pairwise(rects):
        assert not first.intersects(second)
    assert strip.heightForWidth(150) > strip.heightForWidth(300) > strip.heightForWidth(3000)


def test_a_click_selects_and_says_which(qtbot, theme: Theme) -> None:
    strip = make_strip(qtbot, theme)
    with qtbot.waitSignal(strip.clicked) as clicked:
        QTest.mouseClick(strip, Qt.MouseButton.LeftButton, pos=strip.chip_rect(6).center())
    assert clicked.args == [6]
    assert strip.selected() == 6
    image = strip.grab().toImage()
    chip = strip.chip_rect(6)
    assert image.pixelColor(chip.left() + 10, chip.top() + 1) == theme.color("accent")
    with qtbot.assertNotEmitted(strip.clicked):
        QTest.mouseClick(strip, Qt.MouseButton.LeftButton, pos=strip.chip_rect(0).topRight() + QPoint(3, 0))


def test_hover_names_the_chip_and_leaving_says_minus_one(qtbot, theme: Theme) -> None:
    strip = make_strip(qtbot, theme)
    heard: list[int] = []
    strip.hovered.connect(heard.append)
    QTest.mouseMove(strip, strip.chip_rect(2).center())
    QTest.mouseMove(strip, strip.chip_rect(2).center() + QPoint(2, 1))
    QTest.mouseMove(strip, strip.chip_rect(5).center())
    QTest.mouseMove(strip, QPoint(strip.width() - 1, strip.height() - 1))
    assert heard == [2, 5, -1]


def test_keys_move_the_selection(qtbot, theme: Theme) -> None:
    strip = make_strip(qtbot, theme)
    heard: list[int] = []
    strip.clicked.connect(heard.append)
    for key in (Qt.Key.Key_Right, Qt.Key.Key_Right, Qt.Key.Key_End, Qt.Key.Key_Left, Qt.Key.Key_Home, Qt.Key.Key_Left):
        QTest.keyClick(strip, key)
    assert heard == [0, 1, 9, 8, 0, 0]
    strip.set_selected(None)
    assert strip.selected() is None


def test_weights_are_bars_as_long_as_the_weight(qtbot, theme: Theme) -> None:
    strip = make_strip(qtbot, theme, width=900)
    weights = np.zeros(len(WORDS))
    weights[3] = 0.5
    strip.set_weights(weights)
    image, chip, bar = strip.grab().toImage(), strip.chip_rect(3), theme.bar_color().name()
    row = range(chip.bottom() - 1, chip.bottom())
    half = chip.left() + chip.width() // 2
    assert bar in colours_in(image, range(chip.left() + 4, half - 3), row)
    assert bar not in colours_in(image, range(half + 3, chip.right()), row)
    strip.set_weights(None)
    assert bar not in colours_in(strip.grab().toImage(), range(chip.left(), chip.right()), row)


def test_generated_chips_show_their_probability_twice(qtbot, theme: Theme) -> None:
    strip = make_strip(qtbot, theme, GENERATE, width=900)
    strip.append(" fox", 7, 0.5)
    image, chip = strip.grab().toImage(), strip.chip_rect(10)
    assert image.pixelColor(chip.left() + 2, chip.center().y()) == theme.chip_fill(0.5)
    underline = [
        x for x in range(chip.left(), chip.right()) if image.pixelColor(x, chip.bottom() - 2) == theme.chip_underline()
    ]
    assert len(underline) == pytest.approx((chip.width() - 6) * 0.5, abs=2)
    assert "50.0%" in strip.describe_token(10)
    assert "id 7" in strip.describe_token(10)


def test_the_caret_stands_after_the_last_token_while_streaming(qtbot, theme: Theme) -> None:
    strip = make_strip(qtbot, theme, GENERATE, width=900)
    place = strip.chip_rect(9).right() + 9, strip.chip_rect(9).center().y()
    assert strip.grab().toImage().pixelColor(*place) != theme.color("accent")
    strip.set_streaming(True)
    assert strip.grab().toImage().pixelColor(*place) == theme.color("accent")


def test_appending_paints_only_what_is_new(qtbot, theme: Theme) -> None:
    strip = TokenStrip(theme, GENERATE)
    strip.set_tokens((f" word{i}", i, 0.3, False) for i in range(2000))
    qtbot.addWidget(strip)
    strip.resize(600, strip.heightForWidth(600))
    strip.show()
    QApplication.processEvents()
    before = [strip.chip_rect(i) for i in range(2000)]
    painted: list[int] = []
    whole = strip._painter.paint
    strip._painter.paint = lambda *arguments: (painted.append(1), whole(*arguments))  # type: ignore[method-assign]
    strip.append(" x", 1, 0.9)
    QApplication.processEvents()
    assert 1 <= len(painted) < 40
    assert [strip.chip_rect(i) for i in range(2000)] == before
    assert strip.text().endswith(" word1999 x")


def test_appended_rows_grow_the_strip_inside_a_scroll_area(qtbot, theme: Theme) -> None:
    area = QScrollArea()
    strip = TokenStrip(theme, GENERATE)
    area.setWidgetResizable(True)
    area.setWidget(strip)
    qtbot.addWidget(area)
    area.resize(300, 100)
    area.show()
    for i in range(200):
        strip.append(f" word{i}", i, 0.2)
    qtbot.waitUntil(lambda: area.verticalScrollBar().maximum() > 0)
    assert strip.chip_rect(199).bottom() <= strip.height()


def test_one_line_is_cut_and_follows_the_selection(qtbot, theme: Theme) -> None:
    strip = make_strip(qtbot, theme, width=250, single_line=True)
    assert strip.heightForWidth(250) == strip.heightForWidth(2500)
    strip.set_selected(9)
    assert strip.chip_rect(9).left() >= 0
    assert strip.chip_rect(9).right() < strip.width()
    strip.set_selected(0)
    assert strip.chip_rect(0).left() < 10


def test_a_token_wider_than_the_strip_is_elided(qtbot, theme: Theme) -> None:
    strip = make_strip(qtbot, theme, width=200)
    strip.set_tokens([("x" * 500, 1, None, True), (" y", 2, None, True)])
    assert strip.chip_rect(0).right() < 200
    strip.grab()


def test_copy_gives_the_text(qtbot, theme: Theme) -> None:
    strip = make_strip(qtbot, theme)
    QTest.keyClick(strip, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QGuiApplication.clipboard().text() == "".join(WORDS)


def test_the_strip_describes_itself(qtbot, theme: Theme) -> None:
    strip = make_strip(qtbot, theme)
    strip.set_selected(1)
    assert strip.accessibleDescription().startswith("10 tokens")
    assert "␣Tim" in strip.accessibleDescription()


def test_a_new_theme_repaints(qtbot, theme: Theme) -> None:
    strip = make_strip(qtbot, theme)
    strip.set_selected(0)
    theme.set_choice("dark")
    chip = strip.chip_rect(0)
    pixel = strip.grab().toImage().pixelColor(chip.left() + 10, chip.top() + 1)
    assert pixel == QColor("#45CBBF")
