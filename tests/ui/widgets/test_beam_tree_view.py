"""The tree of a beam search: where its boxes lie, and what mouse and keys do."""

from __future__ import annotations

import time
from dataclasses import replace
from itertools import combinations

import pytest
from PySide6.QtCore import QEvent, QPoint, Qt
from PySide6.QtGui import QGuiApplication, QHelpEvent, QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QScrollArea, QToolTip
from ui.widgets.beams import NAMES, all_nodes, at, finished_tree, growing_tree, long_tree

from app.engine.decode.records import BeamTree
from app.ui.theme import Theme
from app.ui.widgets.beam_tree_layout import BeamLayout, BeamSizes
from app.ui.widgets.beam_tree_view import BeamTreeView

COUNTED = ("dog", "cat")
"""Pruned in the first step, behind three others."""


@pytest.fixture
def view(qtbot, theme: Theme) -> BeamTreeView:
    view = BeamTreeView(theme)
    qtbot.addWidget(view)
    view.set_tree(finished_tree(), " shiny")
    view.resize(1000, 560)
    view.show()
    return view


def laid_out(tree: BeamTree, room: float = 0.0) -> BeamLayout:
    layout = BeamLayout(BeamSizes())
    layout.set_nodes(tree.nodes)
    if room:
        layout.set_room(room)
    return layout


@pytest.mark.parametrize("room", [0.0, 400.0, 900.0])
def test_columns_follow_the_steps_and_no_boxes_overlap(room: float) -> None:
    layout, nodes = laid_out(finished_tree(), room), all_nodes()
    assert set(layout.rects) == {at(name) for name in NAMES if name not in COUNTED}
    for index, rect in layout.rects.items():
        node = nodes[index]
        parent = layout.rects[node.parent] if node.parent >= 0 else layout.root_rect
        assert rect.left() == layout.left(node.step)
        assert parent.right() < rect.left()
        assert layout.sizes.header < rect.top() and rect.bottom() <= layout.height - layout.sizes.margin
    assert not any(one.intersects(other) for one, other in combinations(layout.rects.values(), 2))
    more = layout.more_rect(0)
    assert not any(more.intersects(rect) for rect in layout.rects.values())
    assert more.bottom() <= layout.height


def test_no_edges_cross() -> None:
    layout, nodes = laid_out(finished_tree()), all_nodes()
    for column in layout.columns[1:]:
        parents = [layout.rects[nodes[index].parent].top() for index in column.order]
        assert parents == sorted(parents)


def test_siblings_stand_in_the_order_of_their_total_and_kept_ones_first() -> None:
    names = [[NAMES[index] for index in column.order] for column in laid_out(finished_tree()).columns]
    assert names[0] == ["stone", "shell", "key", "coin", "leaf", "red"]
    assert names[1] == ["in", "on", "and", "shell in", "shell on"]


def test_what_is_pruned_beyond_three_is_counted() -> None:
    columns = laid_out(finished_tree()).columns
    assert [column.hidden for column in columns] == [2, 0, 0, 0, 0]
    assert [column.kept for column in columns] == [3, 3, 3, 3, 2]


def test_more_room_parts_the_boxes() -> None:
    def gap(room: float) -> float:
        layout = laid_out(finished_tree(), room)
        return layout.rects[at("leaf")].top() - layout.rects[at("coin")].bottom()

    sizes = BeamSizes()
    assert gap(100.0) == pytest.approx(sizes.gap, abs=1)
    assert sizes.gap + 2 < gap(430.0) < sizes.wide_gap - 2
    assert gap(2000.0) == pytest.approx(sizes.wide_gap, abs=1)


def test_a_growing_tree_lies_where_the_finished_one_does() -> None:
    layout = BeamLayout(BeamSizes())
    for steps in (1, 2, 3, 5):
        layout.set_nodes(growing_tree(steps).nodes)
        assert len(layout.columns) == steps
    assert layout.rects == laid_out(growing_tree(5)).rects
    layout.set_nodes(growing_tree(2).nodes)
    assert layout.rects == laid_out(growing_tree(2)).rects
    layout.set_nodes(())
    assert layout.rects == {} and layout.columns == []


def test_a_step_that_changed_is_laid_out_anew() -> None:
    nodes = all_nodes()
    layout = laid_out(finished_tree())
    layout.set_nodes((*nodes[:-1], replace(nodes[-1], kept=2)))
    assert layout.rects[at("sand,")].height() == layout.sizes.kept


def test_a_long_search_stays_quick(qtbot, theme: Theme) -> None:
    view = BeamTreeView(theme)
    qtbot.addWidget(view)
    tree = long_tree(200, 8)
    view.set_tree(replace(tree, nodes=tree.nodes[:-16]), " end")
    begin = time.perf_counter()
    view.set_tree(tree, " end")
    assert time.perf_counter() - begin < 0.03
    before = view.node_rect(0)
    assert view.minimumWidth() >= view.node_rect(len(tree.nodes) - 16).right()
    assert view.node_rect(0) == before


def test_only_what_is_seen_is_painted(view: BeamTreeView, monkeypatch: pytest.MonkeyPatch) -> None:
    tree, painted = long_tree(200, 8), []
    view.set_tree(tree, " end")
    monkeypatch.setattr(view._painter, "paint_node", lambda _painter, _rect, node, _states: painted.append(node.step))
    left = view.node_rect(100 * 16).left()
    image = QImage(300, 300, QImage.Format.Format_RGB32)
    view.render(image, QPoint(), view.rect().adjusted(round(left), 0, 300 + round(left) - view.width(), 0))
    assert set(painted) <= {99, 100, 101, 102}
    assert 100 in painted


def test_the_best_path_is_in_the_accent_colour(theme: Theme, view: BeamTreeView) -> None:
    image = view.grab().toImage()

    def accent_beside(name: str) -> int:
        rect = view.node_rect(at(name))
        x = round(rect.left()) - 3
        ys = range(round(rect.center().y()) - 6, round(rect.center().y()) + 6)
        return sum(image.pixelColor(x, y) == theme.color("accent") for y in ys)

    for name in ("stone", "on", "on the", "ground", "ground."):
        assert accent_beside(name) >= 2, name
    for name in ("shell", "in", "the", "grass", "coin", "sand,"):
        assert accent_beside(name) == 0, name


def test_the_end_sign_stands_behind_what_ended(theme: Theme, view: BeamTreeView) -> None:
    image = view.grab().toImage()

    def behind(name: str) -> str:
        rect = view.node_rect(at(name))
        return image.pixelColor(round(rect.right()) + 4, round(rect.center().y()) - 8).name().upper()

    assert behind("ground.") == theme.palette.accent
    assert behind("sand.") != theme.palette.res


def test_pruned_boxes_are_hatched_and_lower(view: BeamTreeView) -> None:
    image = view.grab().toImage()

    def colours(name: str) -> set[int]:
        rect = view.node_rect(at(name)).toRect()
        # Under the words, between token and sum.
        line = rect.bottom() - 4
        return {image.pixel(x, line) for x in range(rect.left() + 10, rect.right() - 10)}

    assert len(colours("shell on")) > 3
    assert len(colours("key")) == 1
    assert view.node_rect(at("shell on")).height() < view.node_rect(at("key")).height()


def test_fill_follows_the_probability(theme: Theme, view: BeamTreeView) -> None:
    image = view.grab().toImage()
    for name, probability in (("stone", 0.40), ("on the", 0.90)):
        corner = view.node_rect(at(name)).bottomLeft()
        assert image.pixelColor(round(corner.x()) + 12, round(corner.y()) - 4) == theme.chip_fill(probability)


def test_a_click_tells_the_node(view: BeamTreeView) -> None:
    heard: list[int] = []
    view.node_clicked.connect(heard.append)
    for name in ("on the", "water"):
        QTest.mouseClick(view, Qt.MouseButton.LeftButton, pos=view.node_rect(at(name)).center().toPoint())
    QTest.mouseClick(view, Qt.MouseButton.LeftButton, pos=QPoint(3, 540))
    assert heard == [at("on the"), at("water")]
    assert view.current() == at("water")


def test_hovering_tells_the_node_and_leaving(view: BeamTreeView) -> None:
    heard: list[int] = []
    view.hovered.connect(heard.append)
    QTest.mouseMove(view, view.node_rect(at("key")).center().toPoint())
    QTest.mouseMove(view, view.node_rect(at("grass")).center().toPoint())
    QApplication.sendEvent(view, QEvent(QEvent.Type.Leave))
    assert heard[-3:] == [at("key"), at("grass"), -1]


def test_the_tooltip_names_token_percent_sum_and_text(view: BeamTreeView) -> None:
    point = view.node_rect(at("on the")).center().toPoint()
    QApplication.sendEvent(view, QHelpEvent(QEvent.Type.ToolTip, point, view.mapToGlobal(point)))
    assert QToolTip.text() == "<qt>␣the · 90.0% · Σ −2.58 · beam 2 · after ␣shiny␣stone␣on</qt>"
    assert view.describe_node(at("ground.")).startswith(". · 74.0% · Σ −3.54 · ended")
    assert "pruned" in view.describe_node(at("coin"))


def test_arrows_walk_the_tree_and_enter_clicks(view: BeamTreeView) -> None:
    walk = (
        (Qt.Key.Key_Right, "stone"),
        (Qt.Key.Key_Up, "stone"),
        (Qt.Key.Key_Right, "on"),
        (Qt.Key.Key_Down, "and"),
        (Qt.Key.Key_Right, "and"),
        (Qt.Key.Key_Down, "shell in"),
        (Qt.Key.Key_Right, "shell the"),
        (Qt.Key.Key_Right, "sand"),
        (Qt.Key.Key_Right, "sand."),
        (Qt.Key.Key_Left, "sand"),
        (Qt.Key.Key_Up, "ground"),
    )
    for key, name in walk:
        QTest.keyClick(view, key)
        assert NAMES[view.current()] == name
    heard: list[int] = []
    view.node_clicked.connect(heard.append)
    QTest.keyClick(view, Qt.Key.Key_Return)
    assert heard == [at("ground")]
    assert "␣ground · 52.0%" in view.accessibleDescription()


def test_the_current_node_is_scrolled_to(qtbot, theme: Theme) -> None:
    area = QScrollArea()
    qtbot.addWidget(area)
    view = BeamTreeView(theme)
    area.setWidget(view)
    area.setWidgetResizable(True)
    area.resize(500, 300)
    area.show()
    view.set_tree(long_tree(30, 3), " end")
    QApplication.processEvents()
    for _ in range(10):
        QTest.keyClick(view, Qt.Key.Key_Right)
    seen = view.visibleRegion().boundingRect()
    assert seen.contains(view.node_rect(view.current()).toRect())
    assert area.horizontalScrollBar().value() > 0


def test_the_tree_is_copied_as_a_table(view: BeamTreeView) -> None:
    QTest.keyClick(view, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    lines = QGuiApplication.clipboard().text().splitlines()
    assert len(lines) == 1 + len(NAMES)
    assert lines[:2] == ["step\ttoken\tpercent\ttotal\tbeam", "1\t␣stone\t40\t-0.92\t1"]
    assert lines[1 + at("dog")] == "1\t␣dog\t1\t-4.61\tpruned"
    assert lines[1 + at("ground.")] == "5\t.\t74\t-3.54\tended"


def test_a_counted_node_has_no_place(view: BeamTreeView) -> None:
    assert view.node_rect(at("dog")).isEmpty()
    assert not view.node_rect(at("red")).isEmpty()


def test_it_says_what_it_shows(view: BeamTreeView) -> None:
    assert view.accessibleName() == "Beam tree"
    assert view.accessibleDescription() == "5 steps, 14 tokens kept, best text ␣stone␣on␣the␣ground."
    view.set_tree(growing_tree(1), " shiny")
    assert view.accessibleDescription() == "1 step, 3 tokens kept, best text ␣stone"
    view.set_tree(None, "")
    assert view.tree() is None
    assert "while a beam search runs" in view.accessibleDescription()
    assert view.table_text() == ""


def test_a_new_search_forgets_the_node(view: BeamTreeView) -> None:
    QTest.mouseClick(view, Qt.MouseButton.LeftButton, pos=view.node_rect(at("sand")).center().toPoint())
    view.set_tree(growing_tree(1), " shiny")
    assert view.current() == -1
    QTest.keyClick(view, Qt.Key.Key_Left)
    assert view.current() == at("stone")


def test_both_themes_are_painted(theme: Theme, view: BeamTreeView) -> None:
    light = view.grab().toImage()
    theme.set_choice("dark")
    try:
        assert view.grab().toImage() != light
    finally:
        theme.set_choice("light")
