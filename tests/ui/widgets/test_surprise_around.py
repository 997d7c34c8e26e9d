"""What stands around the surprise view: the legend, the readout of a stretch, the whole text as a strip."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest

from app.ui.theme import Theme
from app.ui.widgets.span_readout import SpanReadout
from app.ui.widgets.surprise_colours import BOTH, DIFFERENCE, bits_color
from app.ui.widgets.surprise_legend import SurpriseLegend
from app.ui.widgets.surprise_words import bits_text, kind_of, odds_text, probability_text
from app.ui.widgets.text_overview import TextOverview, column_means


@pytest.mark.parametrize(
    ("bits", "words"),
    [
        (0.1, "about 7% more likely"),
        (1.0, "about 2.0 times more likely"),
        (3.3, "about 9.8 times more likely"),
        (8.5, "about 360 times more likely"),
        (15.0, "about 33,000 times more likely"),
        (21.0, "about 2.1 million times more likely"),
        (34.0, "about 17 billion times more likely"),
        (900.0, "more than a trillion times more likely"),
    ],
)
def test_odds_are_rounded_sensibly(bits: float, words: str) -> None:
    assert odds_text(bits) == words


def test_numbers_in_words() -> None:
    assert [bits_text(value, signed=True) for value in (8.54, -0.32, -0.04, float("nan"))] == [
        "+8.5",
        "−0.3",
        "0.0",
        "–",
    ]
    assert [probability_text(bits) for bits in (0.0, 5.0, 10.9, 40.0)] == ["100.0%", "3.1%", "0.052%", "9.1e−11%"]
    assert [kind_of(" tele", "a", "s"), kind_of(" don't", "I", " "), kind_of("ed", "x"), kind_of(" a b")] == [
        "stretch",
        "word",
        "stretch",
        "stretch",
    ]


def test_the_legend_says_and_shows_both_ends(qtbot, theme: Theme) -> None:
    legend = SurpriseLegend(theme)
    qtbot.addWidget(legend)
    assert legend.words() == ("0 bits, expected", "12 bits, surprised")
    legend.set_mode(DIFFERENCE)
    assert legend.words() == ("−8 bits, A better", "+8 bits, B better")
    assert "A better" in legend.accessibleDescription()
    for size in (legend.sizeHint(), legend.minimumSizeHint()):
        legend.resize(size)
        image = legend.grab().toImage()
        seen = [image.pixelColor(x, 12) for x in range(image.width())]
        assert seen.index(bits_color(theme, DIFFERENCE, -8.0)) < seen.index(bits_color(theme, DIFFERENCE, 8.0))


def test_the_readout_compares_two_models(qtbot, theme: Theme) -> None:
    readout = SpanReadout(theme)
    qtbot.addWidget(readout)
    assert readout.lines() == [] and readout.link.isHidden()
    readout.show_span(" telescope", [("A", 3, 17.9), ("B", 1, 9.4)], "In both the first of the line.")
    assert readout.lines() == [("A", "3 tokens", "17.9 bits"), ("B", "1 token", "9.4 bits")]
    assert readout.sentence() == "B finds this word 8.5 bits easier: about 360 times more likely."
    assert "␣telescope. A: 3 tokens, 17.9 bits" in readout.accessibleDescription()
    with qtbot.waitSignal(readout.inspect_wanted):
        readout.link.click()
    readout.show_span(" a", [("A", 1, 2.0), ("B", 1, 2.04)])
    assert readout.sentence() == "A and B find this word equally likely."
    readout.show_span("tel", [("A", 1, 2.0), ("B", 1, 4.0)], kind="stretch")
    assert readout.sentence() == "A finds this stretch 2.0 bits easier: about 4.0 times more likely."
    readout.show_span("Once", [("A", 1, None), ("B", 1, 4.0)])
    assert readout.sentence() == "" and readout.lines()[0] == ("A", "1 token", "not scored")


def test_the_readout_of_one_model_says_what_it_would_have_chosen(qtbot, theme: Theme) -> None:
    readout = SpanReadout(theme)
    qtbot.addWidget(readout)
    readout.show_span("x" * 400, [("A", 1, 5.0)], "the model's rank 12, it would have chosen “x” first")
    assert readout.sentence() == "p = 3.1%, 5.0 bits: the model's rank 12, it would have chosen “x” first."
    assert len(readout.lines()) == 1
    readout.show_span("x", [("A", 1, 5.0)])
    assert readout.sentence() == "p = 3.1%, 5.0 bits."
    readout.clear()
    assert readout.lines() == [] and readout.sentence().startswith("Choose")
    theme.set_choice("dark")
    readout.grab()


def test_columns_are_means_that_leave_out_what_was_not_scored() -> None:
    values = np.array([1.0, 3.0, np.nan, 5.0, np.nan, np.nan])
    assert column_means(values, 3).tolist()[:2] == [2.0, 5.0]
    assert np.isnan(column_means(values, 3)[2])
    assert column_means(np.array([1.0, 2.0]), 4).tolist() == [1.0, 1.0, 2.0, 2.0]
    assert column_means(np.arange(10_000.0), 1).tolist() == [pytest.approx(4999.5)]
    assert np.isnan(column_means(np.zeros(0), 5)).all()


def make_overview(qtbot, theme: Theme, mode: str = BOTH) -> TextOverview:
    overview = TextOverview(theme)
    qtbot.addWidget(overview)
    overview.resize(200, overview.height())
    overview.set_values(np.repeat([-1.0 if mode == DIFFERENCE else 0.5, 2.0, np.nan, 1.0], 100), mode)
    overview.show()
    return overview


@pytest.mark.parametrize("mode", [BOTH, DIFFERENCE])
def test_the_strip_has_the_colours_of_its_parts(qtbot, theme: Theme, mode: str) -> None:
    overview = make_overview(qtbot, theme, mode)
    image = overview.grab().toImage()
    first = -1.0 if mode == DIFFERENCE else 0.5
    for x, value in ((25, first), (75, 2.0), (175, 1.0)):
        assert image.pixelColor(x, 12) == bits_color(theme, mode, value, by_byte=True)
    assert image.pixelColor(125, 12) == theme.color("mask")
    assert ("−1.00" if mode == DIFFERENCE else "0.50") in overview.describe_share(0.1)
    assert "not scored" in overview.describe_share(0.6)


def test_the_open_page_is_framed_and_a_short_one_can_be_seen(qtbot, theme: Theme) -> None:
    overview = make_overview(qtbot, theme)
    assert overview.frame_rect().isEmpty()
    overview.set_place(0.25, 0.5)
    assert (overview.frame_rect().left(), overview.frame_rect().right()) == (50, 100)
    assert overview.grab().toImage().pixelColor(51, 12) == theme.color("accent")
    assert "25.0% to 50.0%" in overview.accessibleDescription()
    overview.set_place(0.999, 1.0)
    assert overview.frame_rect().width() >= 8 and overview.frame_rect().right() <= 200
    overview.set_place(0.0, 0.0)
    assert overview.place() is None


def test_pointer_and_keys_choose_a_place(qtbot, theme: Theme) -> None:
    overview = make_overview(qtbot, theme)
    heard: list[float] = []
    overview.place_chosen.connect(heard.append)
    QTest.mousePress(overview, Qt.MouseButton.LeftButton, pos=QPoint(50, 12))
    QTest.mouseMove(overview, QPoint(100, 12))
    QTest.mouseRelease(overview, Qt.MouseButton.LeftButton, pos=QPoint(100, 12))
    assert heard[0] == 0.25 and heard[-1] == 0.5
    heard.clear()
    overview.set_place(0.5, 0.6)
    keys = Qt.Key
    for key in (keys.Key_Left, keys.Key_Right, keys.Key_Home, keys.Key_End):
        QTest.keyClick(overview, key)
    assert heard == pytest.approx([0.45, 0.65, 0.0, 1.0])
    overview.set_values(None)
    QTest.keyClick(overview, keys.Key_Left)
    assert len(heard) == 4 and "Nothing" in overview.accessibleDescription()
    overview.grab()
