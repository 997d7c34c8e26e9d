"""The tensor picture on a real widget: pointer, pixels, clipping, margins, export."""

from __future__ import annotations

import csv

import numpy as np
import pytest
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor, QGuiApplication
from ui.widgets.matrices import move, names, press, release

from app.ui.theme import Theme, text_on
from app.ui.widgets.tensor_margins import column_means, row_lengths
from app.ui.widgets.tensor_view import Look, TensorView


@pytest.fixture(params=["light", "dark"])
def theme(qapp, request):
    return Theme(request.param)


def shown(qtbot, theme, values, labels="tokens", size=(780, 460)):
    view = TensorView(theme)
    qtbot.addWidget(view)
    view.set_title("Block 3 q")
    view.set_values(values, names(len(values)) if labels == "tokens" else labels, "dimension")
    view.resize(*size)
    view.show()
    return view


def normal(*shape):
    return np.random.default_rng(4).normal(size=shape).astype(np.float32)


def colour_at(view, point):
    return QColor(view.grab().toImage().pixel(int(point.x()), int(point.y())))


def close(first, second, steps=3):
    return max(abs(a - b) for a, b in zip(first.getRgb(), second.getRgb(), strict=True)) <= steps


def test_the_pointer_finds_token_and_dimension(qtbot, theme):
    view = shown(qtbot, theme, normal(8, 64))
    for cell in [(0, 0), (7, 63), (3, 40)]:
        with qtbot.waitSignal(view.hovered) as hovered:
            move(view, view.cell_rect(*cell).center())
        assert hovered.args == list(cell)
    with qtbot.waitSignal(view.hovered) as hovered:
        move(view, QPointF(1, 1))
    assert hovered.args == [-1, -1]


def test_a_click_on_a_pooled_block_finds_its_largest_value_also_below_zero(qtbot, theme):
    values = np.zeros((1024, 768), dtype=np.float32)
    values[513, 301] = -5.0
    values[512, 300] = 2.0
    view = shown(qtbot, theme, values)
    rows, columns = view.pooled_by()
    assert rows > 1
    assert columns > 1
    with qtbot.waitSignal(view.clicked) as clicked:
        press(view, view.cell_rect(512, 300).center())
        release(view, view.cell_rect(512, 300).center())
    assert clicked.args == [513, 301]


def test_a_pooled_block_has_the_colour_of_its_largest_magnitude(qtbot, theme):
    values = np.full((1024, 768), 0.05, dtype=np.float32)
    values[::4] = -1.0
    view = shown(qtbot, theme, values)
    assert close(colour_at(view, view.cell_rect(400, 300).center()), theme.map_color("signed", -1.0))


def test_a_zoomed_cell_is_found_and_has_its_colour(qtbot, theme):
    values = normal(1024, 768)
    view = shown(qtbot, theme, values)
    view.zoom_by(60.0)
    assert view.pooled_by() == (1, 1)
    row = next(r for r in range(505, 520) if abs(values[r, 384]) < 1.0)
    point = view.cell_rect(row, 384).center()
    assert close(colour_at(view, point), theme.map_color("signed", float(values[row, 384]) / view.limit))
    with qtbot.waitSignal(view.clicked) as clicked:
        press(view, point)
        release(view, point)
    assert clicked.args == [row, 384]


def test_values_beyond_the_99th_percentile_carry_a_dot(qtbot, theme):
    values = normal(10, 40)
    values[4, 20] = 30.0
    view = shown(qtbot, theme, values)
    assert view.limit == pytest.approx(float(np.percentile(np.abs(values), 99)))
    rect = view.cell_rect(4, 20)
    assert close(colour_at(view, rect.center()), text_on(theme.map_color("signed", 1.0)), 12)
    assert close(colour_at(view, QPointF(rect.left() + 2, rect.top() + 3)), theme.map_color("signed", 1.0))


def test_what_is_no_finite_number_has_a_colour_of_its_own_and_no_mask(qtbot, theme):
    values = normal(6, 6)
    for place, broken in enumerate((-np.inf, np.nan, np.inf)):
        values[2 + place, 3] = broken
    view = shown(qtbot, theme, values, size=(500, 420))
    for row in (2, 3, 4):
        assert close(colour_at(view, view.cell_rect(row, 3).center()), theme.color("err"))
    key = QPointF(view._plot().left() + view._legend_width() + 22, view._plot().bottom() + 33)
    assert close(colour_at(view, key), theme.color("err")), "the legend says what the colour is"
    assert np.array_equal(view.table().values, values, equal_nan=True), "and the numbers are as they were"


def test_no_pooling_hides_minus_infinity(qtbot, theme):
    values = normal(1024, 768)
    values[513, 301] = -np.inf
    view = shown(qtbot, theme, values)
    assert view.pooled_by() != (1, 1)
    assert close(colour_at(view, view.cell_rect(512, 300).center()), theme.color("err"))
    with qtbot.waitSignal(view.clicked) as clicked:
        press(view, view.cell_rect(512, 300).center())
        release(view, view.cell_rect(512, 300).center())
    assert clicked.args == [513, 301]


def test_of_a_few_values_none_lies_beyond_the_scale(qtbot, theme):
    view = shown(qtbot, theme, np.array([0.25, 0.0625, 0.015, 0.004], dtype=np.float32), labels=None)
    assert view.limit == 0.25 and not view._clipped


def test_shares_stand_on_the_map_of_probabilities(qtbot, theme):
    values = np.array([[0.75, 0.25, 0.0, 0.0], [0.0, 0.5, 0.5, 0.0]], dtype=np.float32)
    view = shown(qtbot, theme, values)
    view.set_values(values, names(2), "expert", None, Look(shares=True, margins=False))
    for cell in ((0, 0), (1, 2), (1, 3)):
        wanted = theme.map_color("probability", float(values[cell]))
        assert close(colour_at(view, view.cell_rect(*cell).center()), wanted)


def test_columns_have_names_and_lengths_a_scale_from_zero(qtbot, theme):
    values = np.abs(normal(3, 5)) * 10
    view = shown(qtbot, theme, values, labels=None)
    look = Look(from_zero=True, margins=False, printed=True, rows="block")
    view.set_values(values, ["before", "L0", "L1"], "token", names(5), look)
    assert view.limit == pytest.approx(values.max())
    move(view, view.cell_rect(1, 2).center())
    assert "L0, ␣w2 #2, value" in view.accessibleDescription()
    table = view.table()
    assert (table.corner, list(table.column_labels)) == ("block \\ token", [f"␣w{place}" for place in range(5)])


def test_arrow_keys_move_the_cell(qtbot, theme):
    view = shown(qtbot, theme, normal(4, 16))
    view.set_selected(0, 0)
    reached = []
    view.clicked.connect(lambda row, column: reached.append((row, column)))
    for key in (Qt.Key.Key_Up, Qt.Key.Key_Right, Qt.Key.Key_Down, Qt.Key.Key_Left):
        qtbot.keyClick(view, key)
    assert reached == [(0, 1), (1, 1), (1, 0)]
    assert view.accessibleDescription().startswith("Block 3 q: w1 #1, dimension 0, value ")


def test_one_axis_is_shown_as_one_row_and_exported(qtbot, theme, tmp_path):
    values = normal(256)
    view = shown(qtbot, theme, values, labels=None)
    with qtbot.waitSignal(view.hovered) as hovered:
        move(view, view.cell_rect(0, 200).center())
    assert hovered.args == [0, 200]
    view.save_csv(tmp_path / "out.csv")
    with (tmp_path / "out.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0][1:] == [str(i) for i in range(256)]
    assert np.array_equal(np.array(rows[1][1:], dtype=np.float32), values)


def test_copied_values_are_the_tensor(qtbot, theme):
    values = normal(3, 5)
    view = shown(qtbot, theme, values)
    view.copy_values()
    lines = QGuiApplication.clipboard().text().splitlines()
    assert lines[0].split("\t") == ["token \\ dimension", "0", "1", "2", "3", "4"]
    assert np.array_equal(np.array([line.split("\t")[1:] for line in lines[1:]], dtype=np.float32), values)


def test_a_matrix_too_large_for_the_clipboard_gives_what_is_in_view(qtbot, theme):
    values = normal(1200, 1000)
    view = shown(qtbot, theme, values)
    view.zoom_by(60.0)
    assert "Copy values in view" in [action.text() for action in view.context_menu().actions()]
    view.copy_values()
    lines = [line.split("\t") for line in QGuiApplication.clipboard().text().splitlines()]
    row, column = int(lines[1][0].removeprefix("␣w")), int(lines[0][1])
    assert 0 < len(lines) < 100
    assert np.float32(lines[1][1]) == values[row, column]
    assert view.rect().intersects(view.cell_rect(row, column).toRect())


def test_means_and_lengths_by_hand():
    values = np.array([[3.0, -4.0], [0.0, -np.inf], [np.nan, 2.0]], dtype=np.float32)
    assert column_means(values[:1]).tolist() == [3.0, -4.0]
    assert np.isnan(column_means(values)).all(), "a mean of what is no number is none"
    assert row_lengths(values)[0] == 5.0 and np.isnan(row_lengths(values)[1:]).all()


def test_wrong_shapes_are_refused(qtbot, theme):
    view = TensorView(theme)
    qtbot.addWidget(view)
    with pytest.raises(ValueError, match="axes"):
        view.set_values(normal(2, 3, 4), None, "dimension")
    with pytest.raises(ValueError, match="labels"):
        view.set_values(normal(2, 3), ["a"], "dimension")
