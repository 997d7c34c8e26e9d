"""The line chart: ticks, thinning, names, what pointer and keys find, what is copied."""

from __future__ import annotations

import csv
import time
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QGuiApplication, QImage
from ui.widgets.charts import curve
from ui.widgets.matrices import move, press

from app.ui.theme import Theme
from app.ui.widgets.chart_axes import RightAxis, Scale, doubling_ticks, log_ticks, nice_ticks, tick_texts, widened
from app.ui.widgets.chart_lines import LineStyle, runs, spread, thinned, usual_styles
from app.ui.widgets.line_chart import LineChart
from app.ui.widgets.line_picture import Marks, Shade
from app.ui.widgets.save_dialog import try_saving

NAN = float("nan")


@pytest.fixture(params=["light", "dark"])
def theme(qapp, request):
    return Theme(request.param)


def shown(qtbot, theme, curves, size=(600, 220), x_label="bytes", y_label="bits per byte", **more):
    chart = LineChart(theme)
    qtbot.addWidget(chart)
    chart.resize(*size)
    chart.set_curves(curves, x_label, y_label, **more)
    chart.show()
    return chart


def at(chart, x):
    """A point of the plot above an `x`."""
    picture = chart.laid_out()
    return QPointF(picture.x.pixel(x), picture.plot.center().y())


def has_near(image: QImage, colour: QColor, point: QPointF) -> bool:
    """Whether the colour is within two pixels of a point."""
    near = [(dx, dy) for dx in range(-2, 3) for dy in range(-2, 3)]
    seen = (QColor(image.pixel(int(point.x()) + dx, int(point.y()) + dy)) for dx, dy in near)
    return any(max(abs(a - b) for a, b in zip(one.getRgb(), colour.getRgb(), strict=True)) <= 40 for one in seen)


# Axes


def test_points_that_double_stand_at_equal_distances(qtbot, theme):
    chart = shown(qtbot, theme, [curve([1, 2, 4, 8, 16], [9, 7, 6, 5, 4])], x_label="tokens before", doubling=True)
    places = chart.laid_out().x.pixels(np.array([1.0, 2.0, 4.0, 8.0, 16.0]))
    assert np.diff(places) == pytest.approx([(places[-1] - places[0]) / 4] * 4)
    assert [words for _, words in chart.laid_out().place_texts()] == ["1", "2", "4", "8", "16 tokens before"]
    assert doubling_ticks(1.0, 512.0, 5) == [1.0, 4.0, 16.0, 64.0, 256.0]
    move(chart, at(chart, 4.2))
    qtbot.keyClick(chart, Qt.Key.Key_Right)
    assert (chart.pointed(), chart.readout()) == (8.0, [("A story-gpt", "5.000")])


def test_ticks_are_multiples_of_one_two_and_five():
    assert nice_ticks(0.0, 3400.0, 8) == [0.0, 500.0, 1000.0, 1500.0, 2000.0, 2500.0, 3000.0]
    assert nice_ticks(0.0, 1.0, 5) == pytest.approx([0.0, 0.2, 0.4, 0.6, 0.8, 1.0])
    assert nice_ticks(-3.0, 3.0, 3) == [-2.0, 0.0, 2.0]


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6), st.integers(1, 12))
@example(-0.5, 1.0, 1)
@example(-1.0, 500002.0, 1)
def test_there_are_never_more_parts_than_asked_for(low, span, most):
    ticks = nice_ticks(low, low + span, most)
    assert len(ticks) <= most + 1
    first, last = widened(low, low + span, most, log=False)
    assert first <= low + 1e-6 * span and last >= low + span - 1e-6 * span
    assert len(nice_ticks(first, last, max(most, 2))) <= max(most, 2) + 1


def test_numbers_of_an_axis_have_the_same_decimals_and_thousands_separators():
    assert tick_texts([0.0, 0.5, 1.0]) == ["0", "0.5", "1.0"]
    assert tick_texts([0.0, 1000.0, 2000.0]) == ["0", "1,000", "2,000"]
    assert tick_texts([-0.02, 0.0, 0.02]) == ["−0.02", "0", "0.02"]


def test_a_logarithmic_axis_has_powers_of_ten_or_steps_between():
    assert log_ticks(1.0, 10.0, 6) == [1.0, 2.0, 5.0, 10.0]
    assert log_ticks(0.001, 1000.0, 7) == pytest.approx([0.001, 0.01, 0.1, 1.0, 10.0, 100.0, 1000.0])
    assert len(log_ticks(1.1, 1.9, 4)) >= 2
    assert tick_texts([0.001, 1.0, 1000.0], log=True) == ["0.001", "1", "1,000"]


def test_zero_is_shown_where_it_is_near():
    assert widened(0.6, 2.3, 5, log=False) == (0.0, 2.5)
    assert widened(1.5, 3.2, 5, log=False)[0] > 0
    low, high = widened(2.0, 2.0, 5, log=False)
    assert low < 2.0 < high


@pytest.mark.parametrize("log", [False, True])
def test_scales_go_both_ways(log):
    scale = Scale(0.5, 50.0, 200.0, 20.0, log)
    for value in (0.5, 3.0, 50.0):
        assert scale.value(scale.pixel(value)) == pytest.approx(value)


# Lines


def test_thinning_keeps_every_columns_lowest_and_highest():
    rng = np.random.default_rng(1)
    x, y = np.linspace(10.0, 210.0, 50_000), rng.normal(100.0, 20.0, 50_000)
    across, down = thinned(x, y)
    assert len(across) <= 4 * 201
    for column in (10, 100, 209):
        inside, kept = y[np.floor(x) == column], down[np.floor(across) == column]
        assert (kept.min(), kept.max()) == (inside.min(), inside.max())
        assert (kept[0], kept[-1]) == (inside[0], inside[-1])


def test_a_gap_wider_than_a_pixel_survives_thinning():
    x, y = np.linspace(0.0, 100.0, 10_000), np.ones(10_000)
    y[4000:4500] = NAN
    _, down = thinned(x, y)
    assert len(runs(down)) == 2


def test_runs_are_the_stretches_without_a_gap():
    found = runs(np.array([NAN, 1.0, 2.0, NAN, NAN, 3.0]))
    assert [(each.start, each.stop) for each in found] == [(1, 3), (5, 6)]


@given(st.lists(st.floats(0.0, 100.0), max_size=12))
def test_labels_never_overlap_and_stay_inside(wanted):
    places = spread(wanted, 10.0, 0.0, 100.0)
    assert len(places) == min(len(wanted), 10)
    middles = sorted(places.values())
    assert all(second - first >= 10.0 - 1e-6 for first, second in pairwise(middles))
    assert all(5.0 - 1e-6 <= middle <= 95.0 + 1e-6 for middle in middles)


def test_labels_with_room_stay_where_they_are_wanted():
    assert spread([80.0, 20.0], 10.0, 0.0, 100.0) == {0: 80.0, 1: 20.0}
    assert spread([50.0, 52.0], 10.0, 0.0, 100.0) == {0: 46.0, 1: 56.0}


def test_models_differ_by_more_than_colour():
    a, b, c, d = usual_styles([curve([], [], slot=slot) for slot in ("A", "B", "", "")])
    assert (a.colour, a.dash, b.colour, c.colour) == ("a", (), "b", "ink2")
    assert b.dash and c.dash != d.dash


# The widget


def test_lines_have_their_models_colours(qtbot, theme):
    chart = shown(qtbot, theme, [curve([0, 100], [2, 2]), curve([0, 100], [1, 1], "gpt2", "B")])
    image, picture = chart.grab().toImage(), chart.laid_out()
    assert has_near(image, theme.color("a"), QPointF(picture.x.pixel(50), picture.y.pixel(2)))
    assert not has_near(image, theme.color("a"), QPointF(picture.x.pixel(50), picture.y.pixel(1.5)))
    row = [QPointF(picture.x.pixel(50) + step, picture.y.pixel(1)) for step in range(0, 24, 2)]
    assert any(has_near(image, theme.color("b"), point) for point in row)


def test_nothing_is_drawn_in_a_gap(qtbot, theme):
    chart = shown(qtbot, theme, [curve(range(9), [1, 1, 1, NAN, NAN, NAN, 1, 1, 1])])
    image, picture = chart.grab().toImage(), chart.laid_out()
    assert has_near(image, theme.color("a"), QPointF(picture.x.pixel(1), picture.y.pixel(1)))
    assert not has_near(image, theme.color("a"), QPointF(picture.x.pixel(4), picture.y.pixel(1)))


def test_names_stand_apart_inside_the_widget(qtbot, theme):
    curves = [curve([0, 9], [1, 1 + index / 500], f"model {index}", "") for index in range(5)]
    chart = shown(qtbot, theme, curves, size=(560, 160))
    places = list(chart.laid_out().names().values())
    assert len(places) == 5
    for index, place in enumerate(places):
        assert QRectF(chart.rect()).contains(place)
        assert not any(place.intersects(other) for other in places[index + 1 :])


@pytest.mark.parametrize("width", [240, 560, 1000])
def test_numbers_under_the_axis_stand_apart_and_the_last_has_the_unit(qtbot, theme, width):
    chart = shown(qtbot, theme, [curve([0, 3400], [1, 2])], size=(width, 150))
    texts = chart.laid_out().place_texts()
    assert texts[-1][1].endswith(" bytes") and "," in texts[-1][1]
    for (one, _), (other, _) in pairwise(texts):
        assert one.right() < other.left()
    assert all(QRectF(chart.rect()).contains(place) for place, _ in texts)


def test_while_training_the_names_stand_where_the_lines_end(qtbot, theme):
    chart = shown(qtbot, theme, [curve([0, 100], [3, 2], "training", "")], shade=Shade(100, 500, "to go", quiet=True))
    picture = chart.laid_out()
    assert picture.x.high == 500
    assert picture.names()[0].left() < picture.x.pixel(150)


def test_the_pointer_finds_the_nearest_point_of_any_curve(qtbot, theme):
    chart = shown(qtbot, theme, [curve([0, 10, 20], [1, 2, 3]), curve([0, 20], [5, 7], "gpt2", "B")])
    move(chart, at(chart, 11))
    assert chart.pointed() == 10.0
    assert chart.readout() == [("A story-gpt", "2.000"), ("B gpt2", "≈6.000")]
    assert chart.accessibleDescription() == "At 10 bytes: A story-gpt 2.000, B gpt2 about 6.000"
    move(chart, QPointF(1, 1))
    assert chart.pointed() is None


def test_in_a_gap_and_beyond_the_end_there_is_no_value(qtbot, theme):
    chart = shown(
        qtbot, theme, [curve([0, 10, 20, 30], [1, NAN, 3, 4]), curve([0, 10], [5, 6], "gpt2", "B")], size=(700, 200)
    )
    move(chart, at(chart, 10))
    assert chart.readout() == [("A story-gpt", "–"), ("B gpt2", "6.000")]
    move(chart, at(chart, 30))
    assert chart.readout() == [("A story-gpt", "4.000"), ("B gpt2", "–")]


def test_a_click_gives_the_place_of_the_nearest_point(qtbot, theme):
    chart = shown(qtbot, theme, [curve([0, 10, 20], [1, 2, 3])])
    with qtbot.waitSignal(chart.place_chosen) as chosen:
        press(chart, at(chart, 18))
    assert chosen.args == [20.0]


def test_keys_go_from_point_to_point(qtbot, theme):
    chart = shown(qtbot, theme, [curve([0, 10, 20, 30], [1, NAN, 3, 4]), curve([0, 15], [5, 6], "gpt2", "B")])
    seen = []
    for key in (Qt.Key.Key_Right, Qt.Key.Key_Right, Qt.Key.Key_Right, Qt.Key.Key_Left, Qt.Key.Key_End, Qt.Key.Key_Home):
        qtbot.keyClick(chart, key)
        seen.append(chart.pointed())
    assert seen == [0.0, 15.0, 20.0, 15.0, 30.0, 0.0]
    qtbot.keyClick(chart, Qt.Key.Key_PageDown)
    assert chart.pointed() == 15.0
    with qtbot.waitSignal(chart.place_chosen) as chosen:
        qtbot.keyClick(chart, Qt.Key.Key_Return)
    assert chosen.args == [15.0]
    qtbot.keyClick(chart, Qt.Key.Key_Escape)
    assert chart.pointed() is None


def test_the_readout_stays_while_points_come(qtbot, theme):
    chart = shown(qtbot, theme, [curve(range(10), range(10))])
    move(chart, at(chart, 5))
    chart.set_curves([curve(range(20), range(20))], "steps", "loss")
    assert chart.pointed() == 5.0


def test_on_a_logarithmic_axis_values_up_to_zero_are_gaps(qtbot, theme):
    chart = shown(qtbot, theme, [curve([0, 1, 2, 3], [100, 0, -1, 0.1])], log=True)
    picture = chart.laid_out()
    assert picture.y.pixel(0.1) > picture.y.pixel(1) > picture.y.pixel(10)
    assert picture.y.pixel(0.1) - picture.y.pixel(1) == pytest.approx(picture.y.pixel(1) - picture.y.pixel(10))
    move(chart, at(chart, 1))
    assert chart.pointed() == 0.0 or chart.pointed() == 3.0
    chart.grab()


def test_a_place_can_be_marked(qtbot, theme):
    chart = shown(qtbot, theme, [curve([0, 100], [1, 1])])
    where = QPointF(at(chart, 50).x(), chart.laid_out().plot.top() + 2)
    assert not has_near(chart.grab().toImage(), theme.color("accent"), where)
    chart.set_marked(50.0)
    assert has_near(chart.grab().toImage(), theme.color("accent"), where)
    chart.set_marked(None)
    assert chart.marked() is None


def test_a_right_axis_has_the_same_ticks_in_another_unit(qtbot, theme):
    right = RightAxis("doubled", lambda ticks: [f"{2 * tick:g}" for tick in ticks])
    chart = shown(qtbot, theme, [curve([0, 100], [1, 3])], right=right)
    picture = chart.laid_out()
    assert [float(text) / 2 for _, text in picture.right_texts()] == [value for value, _ in picture.right_texts()]
    assert picture.plot.right() < picture.names()[0].left() < chart.width()
    chart.grab()


def test_marks_are_triangles_that_are_found_like_points(qtbot, theme):
    chart = shown(qtbot, theme, [curve([0, 100], [1, 3])], marks=Marks((40.0,), "checkpoint"))
    rect = chart.laid_out().mark_rects()[0]
    assert has_near(chart.grab().toImage(), theme.color("ink2"), rect.center() - QPointF(0, 2))
    with qtbot.waitSignal(chart.place_chosen) as chosen:
        press(chart, rect.center())
    assert chosen.args == [40.0]
    assert chart.accessibleDescription() == "At 40 bytes, checkpoint: A story-gpt about 1.800"
    chart.set_curves([curve([0, 100], [1, 3])], "bytes", "bits per byte", marks=Marks((40.0,), "checkpoint"))
    assert chart.pointed() == 40.0
    chart.set_curves([curve([0, 100], [1, 3])], "bytes", "bits per byte")
    assert chart.pointed() == 0.0


def test_words_of_what_is_to_come_stand_alone_in_its_middle(qtbot, theme, tmp_path):
    style = LineStyle("accent", named=False)
    for stop, told in ((500, True), (101, False)):
        shade = Shade(100, stop, "steps to go", quiet=True)
        chart = shown(qtbot, theme, [curve([0, 100], [3, 2], "training", "")], styles=[style], shade=shade)
        chart.save_svg(tmp_path / "out.svg")
        assert ("steps to go" in (tmp_path / "out.svg").read_text(encoding="utf-8")) == told


def test_points_of_a_sparse_curve_are_circles(qtbot, theme):
    style = LineStyle("ink", circles=True)
    chart = shown(qtbot, theme, [curve([0, 50, 100], [1, 2, 1], "held out", "")], styles=[style])
    picture = chart.laid_out()
    middle = QPointF(picture.x.pixel(50), picture.y.pixel(2))
    assert QColor(chart.grab().toImage().pixel(int(middle.x()), int(middle.y()))) == theme.color("surface")


@pytest.mark.parametrize("curves", [[], [curve([], [])], [curve([0, 1], [NAN, NAN])]])
def test_nothing_to_show_is_said(qtbot, theme, curves):
    chart = shown(qtbot, theme, curves)
    chart.grab()
    move(chart, QPointF(200, 100))
    qtbot.keyClick(chart, Qt.Key.Key_Right)
    assert chart.pointed() is None
    assert chart.accessibleDescription() == "No values yet"


def test_one_point_and_infinities_are_no_trouble(qtbot, theme):
    chart = shown(qtbot, theme, [curve([5], [1.5]), curve([1, 5], [np.inf, 2], "gpt2", "B")])
    chart.grab()
    assert chart.accessibleDescription() == "A story-gpt from 1.500 to 1.500; B gpt2 from 2.000 to 2.000"


def test_copied_values_are_the_points(qtbot, theme, tmp_path):
    chart = shown(qtbot, theme, [curve([0, 10, 20], [1.5, NAN, 0.1]), curve([0, 1500], [2, 3], "gpt2, small", "B")])
    qtbot.keyClick(chart, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    lines = QGuiApplication.clipboard().text().splitlines()
    assert lines[0] == "bytes\tA story-gpt\tB gpt2, small"
    assert lines[1:] == ["0\t1.5\t2", "10\t\t", "20\t0.1\t", "1500\t\t3"]
    chart.save_csv(tmp_path / "out.csv")
    with (tmp_path / "out.csv").open(encoding="utf-8-sig", newline="") as file:
        assert next(iter(csv.reader(file))) == ["bytes", "A story-gpt", "B gpt2, small"]


def test_pictures_are_saved_and_a_wrong_path_is_told(qtbot, theme, tmp_path):
    chart = shown(qtbot, theme, [curve([0, 10], [1, 2])], shade=Shade(0, 5, "warming up"))
    chart.save_png(tmp_path / "out.png")
    assert QImage(str(tmp_path / "out.png")).size() == chart.size() * 2
    chart.save_svg(tmp_path / "out.svg")
    assert "warming up" in (tmp_path / "out.svg").read_text(encoding="utf-8")
    words = [action.text() for action in chart.context_menu().actions()]
    assert "Copy values" in words and "Save picture as SVG…" in words
    with qtbot.waitSignal(chart.failed) as failed:
        try_saving(chart.save_csv, tmp_path / "none" / "out.csv", chart.done.emit, chart.failed.emit)
    assert "could not be written" in failed.args[0]
    with qtbot.waitSignal(chart.done) as done:
        try_saving(chart.save_csv, tmp_path / "out.csv", chart.done.emit, chart.failed.emit)
    assert done.args == [f"Saved as {tmp_path / 'out.csv'}"]


def test_many_points_are_taken_and_painted_quickly(qtbot, theme):
    rng = np.random.default_rng(0)
    x = np.arange(100_000.0)
    curves = [curve(x, rng.normal(5, 1, len(x))), curve(x, rng.normal(3, 1, len(x)), "gpt2", "B")]
    chart = shown(qtbot, theme, curves, size=(1000, 300))
    chart.grab()
    begin = time.perf_counter()
    chart.set_curves(curves, "steps", "loss")
    chart.grab()
    # About 30 ms on a quiet machine; without thinning it takes minutes.
    assert time.perf_counter() - begin < 2.0
