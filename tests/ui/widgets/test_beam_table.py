"""The table of finished beams, and the words about greedy decoding."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from ui.widgets.beams import at, finished_tree, growing_tree, sequence

from app.ui.theme import Theme
from app.ui.widgets.beam_table import COLUMNS, PROBABILITY, BeamTable
from app.ui.widgets.beam_words import greedy_reason

USE = len(COLUMNS) - 1


@pytest.fixture
def table(qtbot, theme: Theme) -> BeamTable:
    table = BeamTable(theme)
    qtbot.addWidget(table)
    table.set_tree(finished_tree())
    table.resize(1000, 200)
    table.show()
    return table


def cell(table: BeamTable, row: int, column: int) -> QPoint:
    return table.table.visualRect(table.table.model().index(row, column)).center()


def test_a_row_for_each_text_best_first(table: BeamTable) -> None:
    assert table.lines() == [
        ["1", "␣stone␣on␣the␣ground.", "−3.54", "−0.71", "−0.71", "2.9%", "✓ Use this one"],
        ["2", "␣shell␣in␣the␣sand.", "−3.70", "−0.74", "−0.74", "2.5%", "Use this one"],
        ["3", "␣stone␣in␣the␣grass.", "−3.91", "−0.78", "−0.78", "2.0%", "Use this one"],
    ]
    assert "␣stone␣on␣the␣ground." in table.table.item(0, 1).toolTip()


def test_the_texts_handed_back_are_marked(table: BeamTable) -> None:
    table.set_tree(finished_tree(), 2)
    assert [line[USE] for line in table.lines()] == ["✓ Use this one", "✓ Use this one", "Use this one"]


def test_of_drawn_beams_no_probability_is_shown(table: BeamTable) -> None:
    wide = table.table.columnWidth(1)
    table.set_tree(replace(finished_tree(), seed=4))
    assert table.table.isColumnHidden(PROBABILITY) and table.table.columnWidth(1) > wide
    table.set_tree(finished_tree())
    assert not table.table.isColumnHidden(PROBABILITY)


def test_a_tiny_probability_is_not_nothing(table: BeamTable) -> None:
    tree = finished_tree()
    table.set_tree(replace(tree, sequences=(replace(tree.sequences[0], total=-80.0, score=-2.5),)))
    assert table.lines()[0][2:6] == ["−80.00", "−16.00", "−2.50", "<0.1%"]


def test_a_long_text_is_cut_and_whole_in_the_tooltip(table: BeamTable) -> None:
    tree, text = finished_tree(), " <word>" * 80
    table.set_tree(replace(tree, sequences=(replace(tree.sequences[0], text=text),)))
    assert table.table.item(0, 1).toolTip().count("␣&lt;word&gt;") == 80
    assert table.table.rowHeight(0) < 40
    assert table.table.horizontalScrollBar().maximum() == 0


def test_choosing_by_mouse_and_keys(table: BeamTable) -> None:
    heard: list[int] = []
    table.chosen.connect(heard.append)
    port = table.table.viewport()
    QTest.mouseClick(port, Qt.MouseButton.LeftButton, pos=cell(table, 1, 1))
    assert heard == []
    QTest.keyClick(table.table, Qt.Key.Key_Down)
    QTest.keyClick(table.table, Qt.Key.Key_Return)
    assert heard == [2]
    QTest.mouseClick(port, Qt.MouseButton.LeftButton, pos=cell(table, 1, USE))
    assert heard == [2, 1]
    QTest.mouseClick(port, Qt.MouseButton.LeftButton, pos=cell(table, 0, USE))
    assert heard == [2, 1, 0]
    QTest.mouseClick(port, Qt.MouseButton.LeftButton, pos=cell(table, 0, 1))
    QTest.mouseDClick(port, Qt.MouseButton.LeftButton, pos=cell(table, 0, 1))
    assert heard == [2, 1, 0, 0]


def test_a_double_click_on_the_offer_chooses_once(table: BeamTable) -> None:
    heard: list[int] = []
    table.chosen.connect(heard.append)
    port, place = table.table.viewport(), cell(table, 2, USE)
    QTest.mouseClick(port, Qt.MouseButton.LeftButton, pos=place)
    QTest.mouseDClick(port, Qt.MouseButton.LeftButton, pos=place)
    QTest.mouseRelease(port, Qt.MouseButton.LeftButton, pos=place)
    assert heard == [2]


def test_what_greedy_would_have_written_and_why_it_missed(table: BeamTable) -> None:
    assert table.greedy_line() == "Greedy would have written ␣stone␣in␣the␣grass. at Σ −3.91"
    assert table.reason.isVisible()
    assert table.reason.text() == (
        "At step 2 greedy took ␣in (46.0%), likelier there than the best beam's ␣on (21.0%). "
        "In the end the best beam's total is higher: Σ −3.54 against Σ −3.91."
    )


def test_greedy_that_wrote_the_same(table: BeamTable) -> None:
    tree = finished_tree()
    table.set_tree(replace(tree, greedy=tree.sequences[0]))
    assert table.greedy_line() == "Greedy would have written the same."
    assert not table.reason.isVisible()


def test_a_search_under_way_gives_no_reasons(table: BeamTable) -> None:
    table.set_tree(replace(growing_tree(2), greedy=sequence("grass.")))
    assert table.greedy_line() == "Greedy would have written ␣stone␣in␣the␣grass. at Σ −3.91"
    assert not table.reason.isVisible()
    table.set_tree(None)
    assert table.lines() == []
    assert table.greedy_line() == ""


def test_a_reason_says_when_the_length_decided() -> None:
    tree = finished_tree()
    greedy = replace(sequence("grass."), total=-3.20, score=-0.90)
    assert "total is not higher (Σ −3.54 against Σ −3.20), but its score" in greedy_reason(replace(tree, greedy=greedy))


def test_a_reason_says_when_the_search_lost_greedys_text() -> None:
    greedy = replace(sequence("grass."), total=-3.20, score=-0.64)
    words = greedy_reason(replace(finished_tree(), greedy=greedy))
    assert words.endswith(
        "Greedy's text scores no lower (−0.64, the best beam's −0.71): the search dropped its beginning before the "
        "rest made up for it."
    )


def test_a_reason_without_the_token_in_the_tree() -> None:
    greedy = sequence("grass.")
    strange = replace(greedy, ids=(greedy.ids[0], 999, *greedy.ids[2:]), nodes=(at("stone"),))
    words = greedy_reason(replace(finished_tree(), greedy=strange))
    assert words.startswith("At step 2 greedy took another token than the best beam's ␣on (21.0%).")


def test_a_reason_when_one_text_is_the_others_beginning() -> None:
    tree = finished_tree()
    short = replace(tree.sequences[0], ids=tree.sequences[0].ids[:-1], total=-3.9)
    assert greedy_reason(replace(tree, greedy=short)).startswith("Both begin alike, and one of them stops earlier.")
