"""The grid of heads on a real widget."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QColor, QHelpEvent
from PySide6.QtWidgets import QApplication, QToolTip
from ui.widgets.matrices import causal_attention, move

from app.ui.theme import Theme
from app.ui.widgets.head_grid import HeadGrid

# Tooltips are raised above the window, which the offscreen platform cannot do.
pytestmark = pytest.mark.qt_log_ignore("does not support raise")


@pytest.fixture(params=["light", "dark"])
def theme(qapp, request):
    return Theme(request.param)


def patterns(layers, heads, side):
    made = [causal_attention(side, seed)[0] for seed in range(layers * heads)]
    values = np.stack(made).reshape(layers, heads, side, side)
    values[..., np.triu(np.ones((side, side), dtype=bool), 1)] = -np.inf
    return values


def shown(qtbot, theme, values, size=(300, 440)):
    grid = HeadGrid(theme)
    qtbot.addWidget(grid)
    grid.set_patterns(values)
    grid.resize(*size)
    grid.show()
    return grid


def colour_at(grid, point):
    return QColor(grid.viewport().grab().toImage().pixel(int(point.x()), int(point.y())))


def close(first, second, steps=3):
    return max(abs(a - b) for a, b in zip(first.getRgb(), second.getRgb(), strict=True)) <= steps


def click(qtbot, grid, layer, head):
    qtbot.mouseClick(grid.viewport(), Qt.MouseButton.LeftButton, pos=grid.cell_rect(layer, head).center().toPoint())


def test_a_click_chooses_the_head_under_it(qtbot, theme):
    grid = shown(qtbot, theme, patterns(6, 4, 14))
    for place in [(3, 2), (0, 0), (5, 3)]:
        with qtbot.waitSignal(grid.chosen) as chosen:
            click(qtbot, grid, *place)
        assert chosen.args == list(place)


def test_the_chosen_head_has_an_accent_outline(qtbot, theme):
    grid = shown(qtbot, theme, patterns(6, 4, 14))
    edge = QPointF(grid.cell_rect(3, 2).left() - 2.5, grid.cell_rect(3, 2).center().y())
    assert not close(colour_at(grid, edge), theme.color("accent"))
    grid.set_selected(3, 2)
    assert close(colour_at(grid, edge), theme.color("accent"))


def test_thumbnails_have_the_colours_of_weights_and_mask(qtbot, theme):
    values = patterns(2, 2, 4)
    grid = shown(qtbot, theme, values)
    rect = grid.cell_rect(1, 0)
    step = rect.width() / 4
    for query, key in [(3, 0), (2, 1), (0, 0)]:
        point = rect.topLeft() + QPointF((key + 0.5) * step, (query + 0.5) * step)
        assert close(colour_at(grid, point), theme.map_color("probability", float(values[1, 0, query, key])))
    masked = rect.topLeft() + QPointF(3.5 * step, 0.5 * step)
    assert close(colour_at(grid, masked), theme.color("mask"), 0)


def test_arrow_keys_step_over_layers_without_attention(qtbot, theme):
    values = patterns(4, 3, 8)
    values[1] = np.nan
    grid = shown(qtbot, theme, values)
    grid.set_selected(0, 1)
    reached = []
    grid.chosen.connect(lambda layer, head: reached.append((layer, head)))
    for key in (Qt.Key.Key_Down, Qt.Key.Key_Right, Qt.Key.Key_Right, Qt.Key.Key_Up):
        qtbot.keyClick(grid, key)
    assert reached == [(2, 1), (2, 2), (0, 2)]


def test_a_layer_without_attention_cannot_be_chosen_and_says_why(qtbot, theme):
    values = patterns(3, 2, 8)
    values[1] = np.nan
    grid = shown(qtbot, theme, values)
    with qtbot.assertNotEmitted(grid.chosen):
        click(qtbot, grid, 1, 0)
    assert tip(grid, 1, 0) == "Block 1 has no attention"
    assert tip(grid, 2, 1) == "Block 2, head 1"


def tip(grid, layer, head):
    point = grid.cell_rect(layer, head).center().toPoint()
    event = QHelpEvent(QHelpEvent.Type.ToolTip, point, grid.viewport().mapToGlobal(point))
    QApplication.sendEvent(grid.viewport(), event)
    text = QToolTip.text()
    QToolTip.hideText()
    return text


def test_pointing_outlines_a_head(qtbot, theme):
    grid = shown(qtbot, theme, patterns(6, 4, 14))
    edge = QPointF(grid.cell_rect(2, 1).left() - 1.5, grid.cell_rect(2, 1).center().y())
    before = colour_at(grid, edge)
    move(grid.viewport(), grid.cell_rect(2, 1).center())
    assert colour_at(grid, edge) != before
    move(grid.viewport(), QPointF(2, 2))
    assert colour_at(grid, edge) == before


def test_many_heads_show_one_value_each(qtbot, theme):
    values = np.zeros((12, 12, 8, 8), dtype=np.float32)
    values[..., 0] = 1.0
    values[3, 4] = np.tril(np.full((8, 8), 0.125, dtype=np.float32))
    grid = shown(qtbot, theme, values, (240, 300))
    assert not grid.shows_pictures()
    assert close(colour_at(grid, grid.cell_rect(0, 0).center()), theme.map_color("probability", 1.0))
    assert close(colour_at(grid, grid.cell_rect(3, 4).center()), theme.map_color("probability", 0.125))
    assert "12.5%" in tip(grid, 3, 4)


def test_choosing_a_far_head_scrolls_to_it(qtbot, theme):
    grid = shown(qtbot, theme, patterns(30, 4, 6))
    assert not grid.viewport().rect().contains(grid.cell_rect(29, 3).toRect())
    grid.set_selected(29, 3)
    assert grid.viewport().rect().contains(grid.cell_rect(29, 3).toRect())
    with qtbot.waitSignal(grid.chosen) as chosen:
        click(qtbot, grid, 28, 1)
    assert chosen.args == [28, 1]


def test_large_patterns_are_max_pooled(qtbot, theme):
    values = np.zeros((1, 1, 256, 256), dtype=np.float32)
    values[0, 0, 129, 1] = 1.0
    grid = shown(qtbot, theme, values, (200, 200))
    rect = grid.cell_rect(0, 0)
    image = grid.viewport().grab().toImage()
    column = [QColor(image.pixel(int(rect.left()), y)) for y in range(int(rect.top()), int(rect.bottom()))]
    assert any(close(colour, theme.map_color("probability", 1.0)) for colour in column)


def test_an_empty_grid_is_no_trouble(qtbot, theme):
    grid = HeadGrid(theme)
    qtbot.addWidget(grid)
    grid.show()
    grid.grab()
    qtbot.keyClick(grid, Qt.Key.Key_Down)
    qtbot.mouseClick(grid.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(60, 60))
    assert grid.viewport().isVisible()


def test_heads_that_share_keys_and_values_are_told_as_a_group(qtbot, theme):
    grid = shown(qtbot, theme, patterns(2, 4, 8))
    grid.set_groups(4)
    assert grid.group_of(1) is None, "as many groups as heads: none shares"
    before = grid.viewport().grab().toImage()
    grid.set_groups(2)
    assert [grid.group_of(head) for head in range(4)] == [(0, 0, 1), (0, 0, 1), (1, 2, 3), (1, 2, 3)]
    bracket = [QPointF((grid.cell_rect(0, head).center().x()), 18) for head in (0, 3)]
    between = QPointF((grid.cell_rect(0, 1).right() + grid.cell_rect(0, 2).left()) / 2, 18)
    after = grid.viewport().grab().toImage()
    for point in bracket:
        assert QColor(after.pixel(point.toPoint())) != QColor(before.pixel(point.toPoint()))
    assert QColor(after.pixel(between.toPoint())) == QColor(before.pixel(between.toPoint()))
    grid.set_selected(1, 2)
    assert "keys and values of group 1, as heads 2 to 3 do" in grid.accessibleDescription()


def test_small_sorted_heads_say_their_share_on_a_second_line(qtbot, theme):
    grid = shown(qtbot, theme, patterns(3, 4, 8), size=(230, 440))
    assert not grid._caption()
    grid.set_shares(np.linspace(0.0, 0.9, 12).reshape(3, 4))
    assert grid.cell_rect(0, 0).width() < 60 and grid._caption() > 20
