"""The small tree of branches: rows, lines, and what mouse and keys do."""

from __future__ import annotations

from itertools import pairwise

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest

from app.ui.theme import Theme
from app.ui.widgets.branch_layout import BranchAxis, rows_of, way_to
from app.ui.widgets.branch_tree import BranchShown, BranchTree

MAIN = BranchShown(None, 0, 60, " a", -1.21)
RABBIT = BranchShown(0, 10, 48, " rabbit", -1.34)
KEY = BranchShown(0, 24, 46, " key", -1.58)
GOLD = BranchShown(1, 30, 58, " gold", -1.47)
BRANCHES = [MAIN, RABBIT, KEY, GOLD]


@pytest.fixture
def tree(qtbot, theme: Theme) -> BranchTree:
    tree = BranchTree(theme)
    qtbot.addWidget(tree)
    tree.set_branches(BRANCHES, 3)
    tree.resize(260, 200)
    tree.show()
    return tree


def row_centre(tree: BranchTree, index: int) -> QPoint:
    return tree.row_rect(index).center().toPoint()


def test_late_forks_stand_nearer_so_that_no_lines_cross() -> None:
    assert rows_of(BRANCHES) == [0, 2, 1, 3]
    assert rows_of([MAIN, RABBIT, BranchShown(0, 10, 50, " dog", -2.0)]) == [0, 1, 2]
    assert rows_of([]) == []


def test_the_way_to_a_branch_runs_along_its_parents() -> None:
    assert way_to(BRANCHES, 3) == {3: 58, 1: 30, 0: 10}
    assert way_to(BRANCHES, 0) == {0: 60}


def test_the_longest_branch_takes_the_width() -> None:
    axis = BranchAxis(12, 212, 60)
    assert axis.place(0) == axis.left
    assert axis.place(30) - axis.left == pytest.approx((axis.place(60) - axis.left) / 2)
    assert axis.place(60) < axis.end(BranchShown(0, 60, 60, "", 0.0)) <= axis.right


def test_knots_lie_on_the_parents_line(tree: BranchTree) -> None:
    for index in (1, 2, 3):
        parent = BRANCHES[index].parent
        assert tree.knot(index).y() == tree.end(parent).y()
        assert tree.knot(index).x() < tree.end(parent).x()
        assert tree.end(index).y() > tree.knot(index).y()
    assert tree.knot(1).x() < tree.knot(2).x()
    ends = [tree.end(index).x() for index in range(4)]
    assert sorted(ends, reverse=True) == [ends[0], ends[3], ends[1], ends[2]]


def test_rows_do_not_overlap_and_ask_for_their_height(tree: BranchTree) -> None:
    tops = sorted(tree.row_rect(index).top() for index in range(4))
    assert all(later - earlier >= 40 for earlier, later in pairwise(tops))
    assert tree.minimumHeight() >= tops[-1] + 40
    tree.set_branches([MAIN], 0)
    assert tree.minimumHeight() < tops[-1]


def test_the_current_way_is_in_the_accent_colour_and_thicker(theme: Theme, tree: BranchTree) -> None:
    image = tree.grab().toImage()

    def thickness(index: int, x: float, color: str) -> int:
        y = round(tree.end(index).y())
        return sum(image.pixelColor(round(x), row) == theme.color(color) for row in range(y - 4, y + 5))

    before, after = tree.knot(1).x() - 9, tree.knot(2).x() + 20
    assert thickness(0, before, "accent") > thickness(0, after, "line2") > 0
    assert thickness(0, after, "accent") == 0
    assert thickness(3, tree.end(3).x() - 12, "accent") >= 2
    tree.set_branches(BRANCHES, 0)
    image = tree.grab().toImage()
    assert thickness(0, after, "accent") >= 2
    assert thickness(3, tree.end(3).x() - 12, "accent") == 0


def test_a_click_on_a_row_chooses_it(tree: BranchTree) -> None:
    heard: list[int] = []
    tree.chosen.connect(heard.append)
    QTest.mouseClick(tree, Qt.MouseButton.LeftButton, pos=row_centre(tree, 2))
    QTest.mouseClick(tree, Qt.MouseButton.LeftButton, pos=QPoint(100, 190))
    assert heard == [2]


def test_keys_walk_the_rows(tree: BranchTree) -> None:
    heard: list[int] = []
    tree.chosen.connect(heard.append)
    walked = []
    for key in (Qt.Key.Key_Down, Qt.Key.Key_Up, Qt.Key.Key_Up, Qt.Key.Key_Up, Qt.Key.Key_Up):
        QTest.keyClick(tree, key)
        walked.append(tree.marked())
    assert walked == [3, 1, 2, 0, 0]
    assert heard == []
    QTest.keyClick(tree, Qt.Key.Key_Return)
    assert heard == [0]


def test_delete_removes_but_never_the_only_one(tree: BranchTree) -> None:
    heard: list[int] = []
    tree.removed.connect(heard.append)
    QTest.keyClick(tree, Qt.Key.Key_Up)
    QTest.keyClick(tree, Qt.Key.Key_Delete)
    assert heard == [1]
    tree.set_branches([MAIN], 0)
    QTest.keyClick(tree, Qt.Key.Key_Delete)
    assert heard == [1]


def test_the_menu_switches_and_removes(tree: BranchTree) -> None:
    chosen: list[int] = []
    removed: list[int] = []
    tree.chosen.connect(chosen.append)
    tree.removed.connect(removed.append)
    switch, remove = tree.menu_for(2).actions()
    switch.trigger()
    remove.trigger()
    assert (chosen, removed) == ([2], [2])
    assert not tree.menu_for(3).actions()[0].isEnabled()
    tree.set_branches([MAIN], 0)
    assert not tree.menu_for(0).actions()[1].isEnabled()


def test_it_says_what_it_shows(tree: BranchTree) -> None:
    assert tree.accessibleName() == "Branches"
    assert tree.accessibleDescription() == (
        "4 branches, current ␣gold · forks at token 31 · 58 tokens · mean log-probability −1.47"
    )
    QTest.keyClick(tree, Qt.Key.Key_Up)
    assert tree.accessibleDescription().endswith(
        ", on ␣rabbit · forks at token 11 · 48 tokens · mean log-probability −1.34"
    )
    tree.set_branches([BranchShown(None, 0, 9, " Lily had a", -1.0, 4, "greedy")], 0)
    assert tree.describe_branch(0) == (
        "␣Lily had a · parts from the others at token 5 · 9 tokens · mean log-probability −1.00 · greedy"
    )
    tree.set_branches([], -1)
    assert tree.accessibleDescription() == "No branches yet."


def test_a_long_label_of_a_late_branch_leaves_the_scores_free(tree: BranchTree) -> None:
    def picture(label: str) -> QImage:
        tree.set_branches([MAIN, BranchShown(0, 59, 60, label, -1.0)], 1)
        return tree.grab().toImage()

    short, long = picture(" x"), picture(" extraordinarily long-winded and more of it")
    scores = tree.width() - 45
    assert short.copy(scores, 0, 45, tree.height()) == long.copy(scores, 0, 45, tree.height())
    assert short.copy(0, 40, 100, 40) != long.copy(0, 40, 100, 40)


def test_a_label_before_the_bend_leaves_passing_lines_free(theme: Theme, tree: BranchTree) -> None:
    late = BranchShown(0, 59, 60, " extraordinarily long-winded and more of it", -1.0)
    tree.set_branches([MAIN, RABBIT, late], 1)
    image, row = tree.grab().toImage(), tree.row_rect(2)
    x = round(tree.knot(1).x())
    beside = {
        image.pixel(place, y) for place in range(x - 8, x - 3) for y in range(round(row.top()), round(row.bottom()))
    }
    assert beside == {image.pixel(x - 8, round(row.top()) + 2)}
    assert tree.knot(2).x() > x
