"""The distribution of values: counts by hand, bars on screen."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtGui import QColor

from app.ui.theme import Theme
from app.ui.widgets.histogram import Histogram, count_values, round_ticks


@pytest.fixture(params=["light", "dark"])
def theme(qapp, request):
    return Theme(request.param)


def shown(qtbot, theme, values):
    view = Histogram(theme)
    qtbot.addWidget(view)
    view.set_values(values)
    view.resize(300, 200)
    view.show()
    return view


def test_only_finite_values_are_counted():
    bins = count_values(np.array([0.0, 1.0, 1.0, 4.0, np.nan, np.inf, -np.inf], dtype=np.float32), bins=4)
    assert bins.counts.tolist() == [1, 2, 0, 1]
    assert bins.edges.tolist() == [0.0, 1.0, 2.0, 3.0, 4.0]


def test_bars_grow_with_the_logarithm_of_the_count(qtbot, theme):
    values = np.repeat(np.array([-1.0, 1.0], dtype=np.float32), [3, 15])
    view = shown(qtbot, theme, values)
    low, high = view.bar_rect(0), view.bar_rect(55)
    assert low.height() / high.height() == pytest.approx(np.log(4) / np.log(16))


def test_bars_have_the_colours_of_the_signed_map(qtbot, theme):
    view = shown(qtbot, theme, np.repeat(np.array([-1.0, 1.0], dtype=np.float32), 20))
    for bar, value in ((0, -1.0), (55, 1.0)):
        point = view.bar_rect(bar).center()
        seen = QColor(view.grab().toImage().pixel(int(point.x()), int(point.y()) + 20))
        wanted = theme.map_color("signed", value * 55 / 56)
        assert max(abs(a - b) for a, b in zip(seen.getRgb(), wanted.getRgb(), strict=True)) <= 4


@pytest.mark.parametrize("values", [[], [np.nan, np.inf]])
def test_nothing_finite_is_said(qtbot, theme, values):
    view = shown(qtbot, theme, np.array(values, dtype=np.float32))
    view.grab()
    assert view.accessibleDescription() == "No finite values"


def test_equal_values_are_one_bar(qtbot, theme):
    view = shown(qtbot, theme, np.full(9, 2.0, dtype=np.float32))
    view.set_marker(2.0)
    view.grab()
    assert [bar for bar in range(56) if view.bar_rect(bar).height() > 0] == [28]


def test_ticks_are_round():
    assert round_ticks(-6.1, 6.2, 5) == [-6.0, -3.0, 0.0, 3.0, 6.0]
    assert round_ticks(0.0, 0.01, 5) == pytest.approx([0.0, 0.002, 0.004, 0.006, 0.008, 0.01])
