"""The reliability diagram: bars, gaps and counts where they belong, what pointer and keys find, what is copied."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor, QGuiApplication, QImage
from ui.widgets.charts import calibration
from ui.widgets.matrices import move

from app.ui.theme import Theme
from app.ui.widgets.reliability_diagram import ReliabilityDiagram
from app.ui.widgets.reliability_picture import CalibrationShown

NAN = float("nan")
SURE = calibration([NAN, 0.375, 0.625, 0.9], [NAN, 0.5, 0.5, 0.8], [0, 100, 300, 600])
MODEST = calibration([0.125, NAN, 0.625, 0.9], [0.25, NAN, 0.75, 1.0], [10, 0, 30, 60])


@pytest.fixture(params=["light", "dark"])
def theme(qapp, request):
    return Theme(request.param)


def shown(qtbot, theme, entries=((SURE, "story-gpt", "A"), (MODEST, "gpt2", "B")), size=(700, 320)):
    view = ReliabilityDiagram(theme)
    qtbot.addWidget(view)
    view.resize(*size)
    view.set_calibrations([CalibrationShown(*entry) for entry in entries])
    view.show()
    return view


def colours_in(image: QImage, rect) -> list[QColor]:
    """Every other pixel inside a rectangle, its rim left out."""
    inside = rect.toRect().adjusted(3, 3, -3, -3)
    return [
        QColor(image.pixel(x, y))
        for x in range(inside.left(), inside.right(), 2)
        for y in range(inside.top(), inside.bottom(), 2)
    ]


def test_bars_are_as_high_as_the_accuracy_and_gaps_reach_to_the_confidence(qtbot, theme):
    picture = shown(qtbot, theme).laid_out()[0]
    height = picture.plot.height()
    assert picture.bar_rect(2).height() == pytest.approx(0.5 * height)
    assert picture.gap_rect(2).height() == pytest.approx(0.125 * height)
    assert picture.gap_rect(2).bottom() == pytest.approx(picture.bar_rect(2).top())
    # Right more often than sure: the gap is the bar's own upper end.
    assert picture.gap_rect(1).top() == pytest.approx(picture.bar_rect(1).top())


def test_counts_stand_below_in_proportion(qtbot, theme):
    picture = shown(qtbot, theme).laid_out()[0]
    assert picture.count_rect(3).height() == pytest.approx(picture.strip.height())
    assert picture.count_rect(2).height() == pytest.approx(picture.strip.height() / 2)


def test_an_empty_bin_stays_empty(qtbot, theme):
    view = shown(qtbot, theme)
    picture = view.laid_out()[0]
    for rect in (picture.bar_rect(0), picture.gap_rect(0), picture.count_rect(0)):
        assert rect.height() == 0
    above_the_diagonal = picture.column(0)
    above_the_diagonal.setBottom(picture.plot.bottom() - picture.plot.height() * 0.3)
    allowed = {theme.color("surface").rgb(), theme.color("line").rgb()}
    assert {colour.rgb() for colour in colours_in(view.grab().toImage(), above_the_diagonal)} <= allowed


def test_the_gap_is_hatched_and_the_bar_is_filled(qtbot, theme):
    view = shown(qtbot, theme, size=(700, 500))
    picture, image = view.laid_out()[1], view.grab().toImage()
    bar = picture.bar_rect(3)
    bar.setTop(picture.gap_rect(3).bottom())
    bar.setTop(bar.center().y())
    assert {colour.rgb() for colour in colours_in(image, bar)} == {theme.color("b").rgb()}
    assert theme.color("bsoft").rgb() in {colour.rgb() for colour in colours_in(image, picture.gap_rect(3))}


def test_the_error_is_said_in_words(qtbot, theme):
    view = shown(qtbot, theme)
    # (0.125·100 + 0.125·300 + 0.1·600) / 1000
    assert view.accessibleDescription() == (
        "A story-gpt: Expected calibration error 11.0%, too sure on the whole; "
        "B gpt2: Expected calibration error 11.0%, too modest on the whole"
    )


def test_the_pointer_finds_a_bins_numbers(qtbot, theme):
    view = shown(qtbot, theme)
    move(view, view.laid_out()[0].column(2).center())
    assert view.pointed() == (0, 2)
    assert view.readout() == [
        ("tokens", "300"),
        ("right", "50.0%"),
        ("mean confidence", "62.5%"),
        ("too sure", "12.5 points"),
    ]
    move(view, view.laid_out()[1].count_rect(0).center())
    assert view.pointed() == (1, 0)
    assert view.readout()[-1] == ("too modest", "12.5 points")
    move(view, view.laid_out()[0].column(0).center())
    assert view.readout() == [("no tokens", "")]
    assert view.accessibleDescription() == "A story-gpt, Confidence 0 to 25%: no tokens"
    view.grab()
    move(view, QPointF(2, 2))
    assert view.pointed() == (-1, -1)


def test_keys_go_through_the_bins_that_hold_tokens(qtbot, theme):
    view = shown(qtbot, theme)
    seen = []
    for _ in range(7):
        qtbot.keyClick(view, Qt.Key.Key_Right)
        seen.append(view.pointed())
    assert seen == [(0, 1), (0, 2), (0, 3), (1, 0), (1, 2), (1, 3), (1, 3)]
    qtbot.keyClick(view, Qt.Key.Key_Left)
    assert view.pointed() == (1, 2)
    qtbot.keyClick(view, Qt.Key.Key_Escape)
    assert view.pointed() == (-1, -1)


@pytest.mark.parametrize("width", [240, 560, 1000])
def test_one_model_has_the_whole_width(qtbot, theme, width):
    view = shown(qtbot, theme, [(SURE, "a-model-with-a-very-long-name/and-a-folder", "A")], size=(width, 240))
    view.grab()
    (picture,) = view.laid_out()
    assert view.rect().contains(picture.plot.toRect()) and view.rect().contains(picture.strip.toRect())
    assert picture.plot.width() > width * 0.6


@pytest.mark.parametrize("entries", [[], [(calibration([NAN], [NAN], [0]), "story-gpt", "A")]])
def test_nothing_to_show_is_said(qtbot, theme, entries):
    view = shown(qtbot, theme, entries)
    view.grab()
    qtbot.keyClick(view, Qt.Key.Key_Right)
    assert view.pointed() == (-1, -1)
    assert view.accessibleDescription() in ("No values yet", "A story-gpt: Nothing scored")


def test_copied_values_are_the_bins(qtbot, theme, tmp_path):
    view = shown(qtbot, theme)
    qtbot.keyClick(view, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    lines = QGuiApplication.clipboard().text().splitlines()
    assert lines[0] == "model and bin\tfrom\tto\ttokens\tconfidence\taccuracy"
    assert lines[1] == "A story-gpt 0\t0\t0.25\t0\t\t"
    assert lines[3] == "A story-gpt 2\t0.5\t0.75\t300\t0.625\t0.5"
    assert len(lines) == 9
    view.save_svg(tmp_path / "out.svg")
    assert "Expected calibration error" in (tmp_path / "out.svg").read_text(encoding="utf-8")
