"""The attention heatmap on a real widget: pointer, keys, pixels, clipboard, files."""

from __future__ import annotations

import csv

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QColor, QGuiApplication, QImage, QWheelEvent
from PySide6.QtWidgets import QApplication
from safetensors.numpy import load_file
from ui.widgets.matrices import causal_attention, move, names, press, release

from app.engine.errors import UserError
from app.ui.theme import Theme
from app.ui.widgets.heatmap import Heatmap


@pytest.fixture(params=["light", "dark"])
def theme(qapp, request):
    return Theme(request.param)


def shown(qtbot, theme, tokens, size=(620, 600)):
    view = Heatmap(theme)
    qtbot.addWidget(view)
    view.set_title("Block 3 head 2")
    weights, visible, scores = causal_attention(tokens)
    view.set_attention(weights, visible, names(tokens), names(tokens), scores)
    view.resize(*size)
    view.show()
    return view, weights


def centre(view, row, column):
    return view.cell_rect(row, column).center()


def colour_at(view, point):
    return QColor(view.grab().toImage().pixel(int(point.x()), int(point.y())))


def close(first, second, steps=3):
    return max(abs(a - b) for a, b in zip(first.getRgb(), second.getRgb(), strict=True)) <= steps


@pytest.mark.parametrize("tokens", [1, 8, 200])
def test_the_pointer_finds_every_corner_cell(qtbot, theme, tokens):
    view, _ = shown(qtbot, theme, tokens)
    last = tokens - 1
    for cell in [(last, 0), (last, last), (0, 0), (last // 2, last // 3)]:
        with qtbot.waitSignal(view.clicked) as clicked:
            press(view, centre(view, *cell))
            release(view, centre(view, *cell))
        assert clicked.args == list(cell)


def test_hover_is_told_once_per_cell_and_when_it_leaves(qtbot, theme):
    view, _ = shown(qtbot, theme, 8)
    told = []
    view.hovered.connect(lambda query, key: told.append((query, key)))
    move(view, centre(view, 5, 2))
    move(view, centre(view, 5, 2) + QPointF(2, 1))
    move(view, centre(view, 6, 2))
    move(view, QPointF(2, 2))
    assert told == [(5, 2), (6, 2), (-1, -1)]


def test_at_1024_tokens_the_pointer_finds_the_weight_that_the_block_shows(qtbot, theme):
    view, _ = shown(qtbot, theme, 1024)
    assert view.pooled_by() == (4, 4)
    weights = np.zeros((1024, 1024), dtype=np.float32)
    weights[701, 302] = 0.8
    view.set_attention(weights, np.tril(np.ones((1024, 1024), dtype=bool)), names(1024), names(1024))
    with qtbot.waitSignal(view.hovered) as hovered:
        move(view, centre(view, 702, 301))
    assert hovered.args == [701, 302]


def test_at_1024_tokens_zoomed_in_the_pointer_finds_single_cells(qtbot, theme):
    view, _ = shown(qtbot, theme, 1024)
    anchor = centre(view, 700, 300)
    wheel = QWheelEvent(
        anchor,
        view.mapToGlobal(anchor),
        QPoint(),
        QPoint(0, 120 * 22),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(view, wheel)
    assert view.pooled_by() == (1, 1)
    for cell in [(700, 300), (702, 298)]:
        with qtbot.waitSignal(view.clicked) as clicked:
            press(view, centre(view, *cell))
            release(view, centre(view, *cell))
        assert clicked.args == list(cell)


def test_dragging_moves_the_matrix_and_clicks_nothing(qtbot, theme):
    view, _ = shown(qtbot, theme, 200)
    view.zoom_by(6.0)
    clicks = []
    view.clicked.connect(lambda query, key: clicks.append((query, key)))
    before = view.cell_rect(100, 100)
    start = QPointF(300, 300)
    press(view, start)
    for step in range(1, 5):
        move(view, start + QPointF(-10 * step, -5 * step), Qt.MouseButton.LeftButton)
    release(view, start + QPointF(-40, -20))
    after = view.cell_rect(100, 100)
    assert abs(before.left() - after.left() - 40) <= 1
    assert abs(before.top() - after.top() - 20) <= 1
    assert clicks == []
    qtbot.keyClick(view, Qt.Key.Key_0)
    assert view.cell_rect(0, 0).left() == pytest.approx(view.cell_rect(199, 0).left())


def test_a_cell_has_the_colour_of_its_weight(qtbot, theme):
    view, weights = shown(qtbot, theme, 8)
    view.set_values_shown(False)
    for cell in [(0, 0), (3, 1), (7, 4), (7, 7)]:
        assert close(colour_at(view, centre(view, *cell)), theme.map_color("probability", float(weights[cell])))


def test_zoomed_cells_keep_their_colours(qtbot, theme):
    view, weights = shown(qtbot, theme, 1024)
    view.zoom_by(40.0)
    row, column = 512, 505
    assert close(
        colour_at(view, centre(view, row, column)), theme.map_color("probability", float(weights[row, column]))
    )


def test_a_pooled_block_has_the_colour_of_its_largest_weight(qtbot, theme):
    view, _ = shown(qtbot, theme, 1024)
    weights = np.zeros((1024, 1024), dtype=np.float32)
    weights[703, 300] = 1.0
    view.set_attention(weights, np.ones((1024, 1024), dtype=bool), names(1024), names(1024))
    assert close(colour_at(view, centre(view, 700, 302)), theme.map_color("probability", 1.0))
    assert close(colour_at(view, centre(view, 708, 302)), theme.map_color("probability", 0.0))


def test_masked_cells_are_hatched_and_not_the_colour_of_zero(qtbot, theme):
    view, _ = shown(qtbot, theme, 8)
    image = view.grab().toImage()
    rect = view.cell_rect(1, 6).toRect()
    seen = {image.pixel(x, y) for x in range(rect.left(), rect.right()) for y in range(rect.top(), rect.bottom())}
    assert QColor(theme.palette.mask).rgb() in seen
    assert theme.map_color("probability", 0.0).rgb() not in seen
    assert len(seen) > 2


def test_scores_are_drawn_about_zero_and_masked_ones_stay_hatched(qtbot, theme):
    view, _ = shown(qtbot, theme, 8)
    view.set_mode("scores")
    view.set_values_shown(False)
    _, visible, scores = causal_attention(8)
    limit = float(np.percentile(np.abs(scores[visible]), 99))
    row, column = 6, int(np.abs(scores[6, :7]).argmin())
    expected = theme.map_color("signed", float(scores[row, column]) / limit)
    assert close(colour_at(view, centre(view, row, column)), expected)
    image = view.grab().toImage()
    rect = view.cell_rect(1, 6).toRect()
    seen = {image.pixel(x, y) for x in range(rect.left(), rect.right()) for y in range(rect.top(), rect.bottom())}
    assert QColor(theme.palette.mask).rgb() in seen


def test_scores_need_scores(qtbot, theme):
    view, weights = shown(qtbot, theme, 3)
    view.set_attention(weights, weights > 0, names(3), names(3))
    with pytest.raises(ValueError, match="scores"):
        view.set_mode("scores")


def test_arrow_keys_walk_over_visible_cells_only(qtbot, theme):
    view, _ = shown(qtbot, theme, 8)
    view.set_selected(3, 2)
    reached = []
    view.clicked.connect(lambda query, key: reached.append((query, key)))
    for key in ("Right", "Right", "Down", "Right", "Up", "Left"):
        qtbot.keyClick(view, getattr(Qt.Key, f"Key_{key}"))
    assert reached == [(3, 3), (4, 3), (4, 4), (3, 3), (3, 2)]
    assert "w3 looks at w2" in view.accessibleDescription()


def test_arrow_keys_bring_the_cell_into_view(qtbot, theme):
    view, _ = shown(qtbot, theme, 200)
    view.zoom_by(100.0)
    view.set_selected(0, 0)
    qtbot.keyClick(view, Qt.Key.Key_Down)
    assert view.rect().contains(view.cell_rect(1, 0).toRect())


def test_screen_readers_hear_tokens_and_percent(qtbot, theme):
    view = Heatmap(theme)
    qtbot.addWidget(view)
    view.set_title("Block 3 head 2")
    weights = np.array([[1.0, 0.0], [0.22, 0.78]], dtype=np.float32)
    view.set_attention(weights, np.tril(np.ones((2, 2), dtype=bool)), [" and", " Tim"], [" and", " Tim"])
    view.set_selected(1, 0)
    assert view.accessibleDescription() == "Block 3 head 2: Tim looks at and, 22 percent"
    view.set_selected(0, 1)
    assert "masked" in view.accessibleDescription()


def test_copied_values_are_the_weights_with_labels(qtbot, theme):
    view, weights = shown(qtbot, theme, 5)
    view.copy_values()
    lines = QGuiApplication.clipboard().text().splitlines()
    assert lines[0].split("\t") == ["from \\ to", *[f"␣w{i}" for i in range(5)]]
    assert [line.split("\t")[0] for line in lines[1:]] == [f"␣w{i}" for i in range(5)]
    numbers = np.array([line.split("\t")[1:] for line in lines[1:]], dtype=np.float32)
    assert np.array_equal(numbers, weights)


def test_csv_holds_the_same_numbers_and_quotes_commas(qtbot, theme, tmp_path):
    view, weights = shown(qtbot, theme, 3)
    view.set_attention(weights, np.tril(np.ones((3, 3), dtype=bool)), ["a", ",", '"'], ["a", ",", '"'])
    view.save_csv(tmp_path / "out.csv")
    with (tmp_path / "out.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0][1:] == ["a", ",", '"']
    assert np.array_equal(np.array([row[1:] for row in rows[1:]], dtype=np.float32), weights)


def test_a_file_that_cannot_be_written_is_told(qtbot, theme, tmp_path):
    view, _ = shown(qtbot, theme, 3)
    with pytest.raises(UserError, match="could not be written"):
        view.save_csv(tmp_path / "nowhere" / "out.csv")
    with pytest.raises(UserError, match="could not be written"):
        view.save_png(tmp_path / "nowhere" / "out.png")


def test_the_picture_is_saved_at_twice_its_size(qtbot, theme, tmp_path):
    view, weights = shown(qtbot, theme, 8)
    view.set_values_shown(False)
    view.save_png(tmp_path / "out.png")
    image = QImage(str(tmp_path / "out.png"))
    assert (image.width(), image.height()) == (view.width() * 2, view.height() * 2)
    point = centre(view, 5, 1) * 2
    assert close(
        QColor(image.pixel(int(point.x()), int(point.y()))), theme.map_color("probability", float(weights[5, 1]))
    )


def test_zoomed_in_the_whole_stands_small_in_a_corner(qtbot, theme):
    view, _ = shown(qtbot, theme, 200)
    assert view.overview() is None
    view.zoom_by(8.0)
    place = view.overview()
    assert place is not None
    view.pan_by(10_000, 10_000)
    corner = place.topLeft() + QPointF(0.0, 5.0)
    assert close(colour_at(view, corner), theme.color("accent"), 60), "the part in view is framed"
    view.pan_by(-10_000, -10_000)
    assert not close(colour_at(view, corner), theme.color("accent"), 60)
    view.reset_zoom()
    assert view.overview() is None


def test_numbers_are_saved_as_they_are(qtbot, theme, tmp_path):
    view, weights = shown(qtbot, theme, 4)
    view.save_npy(tmp_path / "out.npy")
    saved = np.load(tmp_path / "out.npy")
    seen = np.tril(np.ones((4, 4), dtype=bool))
    assert np.array_equal(saved[seen], weights[seen])
    assert (saved[~seen] == 0).all()
    whole = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    view.set_tensor("blocks.1.attn.q", whole)
    view.save_safetensors(tmp_path / "out.safetensors")
    assert np.array_equal(load_file(tmp_path / "out.safetensors")["blocks.1.attn.q"], whole)
    for save in (view.save_npy, view.save_safetensors, view.save_svg):
        with pytest.raises(UserError, match="could not be written"):
            save(tmp_path / "nowhere" / "out.x")


def test_the_svg_holds_letters(qtbot, theme, tmp_path):
    view, _ = shown(qtbot, theme, 4)
    view.save_svg(tmp_path / "out.svg")
    text = (tmp_path / "out.svg").read_text(encoding="utf-8")
    assert text.lstrip().startswith("<?xml")
    assert "<text" in text


def test_the_menu_offers_copies_and_files(qtbot, theme):
    view, weights = shown(qtbot, theme, 4)
    menu = view.context_menu()
    actions = {action.text(): action for action in menu.actions() if action.text()}
    assert list(actions) == [
        "Copy values",
        "Copy picture",
        "Save picture as PNG…",
        "Save picture as SVG…",
        "Save values as CSV…",
        "Save values as NPY…",
        "Save tensor as safetensors…",
    ]
    QGuiApplication.clipboard().clear()
    actions["Copy values"].trigger()
    assert str(weights[3, 3]) in QGuiApplication.clipboard().text()


def test_a_new_theme_is_painted_at_once(qtbot, qapp):
    theme = Theme("light")
    view, weights = shown(qtbot, theme, 8)
    view.set_values_shown(False)
    assert close(colour_at(view, centre(view, 4, 2)), theme.map_color("probability", float(weights[4, 2])))
    theme.set_choice("dark")
    assert close(colour_at(view, centre(view, 4, 2)), theme.map_color("probability", float(weights[4, 2])))


@pytest.mark.parametrize("tokens", [1, 2, 4096])
def test_any_length_can_be_shown(qtbot, qapp, tokens):
    view = Heatmap(Theme("light"))
    qtbot.addWidget(view)
    weights = np.tril(np.full((tokens, tokens), 0.5, dtype=np.float32))
    view.set_attention(weights, weights > 0, names(tokens), names(tokens))
    view.resize(500, 480)
    view.show()
    assert close(colour_at(view, centre(view, tokens - 1, 0)), colour_at(view, centre(view, tokens - 1, tokens // 2)))


def test_nothing_to_show_is_no_trouble(qtbot, theme):
    view, _ = shown(qtbot, theme, 4)
    view.clear()
    view.grab()
    move(view, QPointF(300, 300))
    qtbot.keyClick(view, Qt.Key.Key_Down)
    assert "nothing to show" in view.accessibleDescription()


def test_low_cells_are_wide_enough_for_their_values(qtbot, theme):
    view, _ = shown(qtbot, theme, 10, size=(620, 230))
    cell = view.cell_rect(9, 0)
    assert cell.height() < 24 < cell.width() and view._prints_values()
    view.resize(620, 600)
    cell = view.cell_rect(9, 0)
    assert cell.height() == cell.width(), "with room they are square"


def test_weights_that_are_no_number_are_read_as_such(qtbot, theme):
    view, weights = shown(qtbot, theme, 8)
    weights = weights.copy()
    weights[5, 2] = np.nan
    visible = np.tril(np.ones((8, 8), dtype=bool))
    view.set_attention(weights, visible, names(8), names(8), np.where(visible, weights, -np.inf))
    assert close(colour_at(view, centre(view, 5, 2)), theme.color("err"))
    move(view, centre(view, 5, 2))
    assert "no number but NaN" in view.accessibleDescription()
    view.grab()
