"""The surprise view, pressed and looked at."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QEvent, QPoint, Qt
from PySide6.QtGui import QGuiApplication, QHelpEvent, QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QToolTip
from ui.widgets.surprise_pages import A_ROW, page_of, telescope

from app.engine.evaluate.records import TextPage
from app.ui.theme import Theme
from app.ui.widgets.surprise_colours import BOTH, DIFFERENCE, bits_color
from app.ui.widgets.surprise_view import SurpriseView

TELESCOPE = 12
"""The byte where " telescope" begins."""


def make_view(qtbot, theme: Theme, page: TextPage | None, width: int = 1000, height: int = 300) -> SurpriseView:
    view = SurpriseView(theme)
    view.set_page(page)
    qtbot.addWidget(view)
    view.resize(width, height)
    view.show()
    return view


def long_page() -> TextPage:
    row = [(f" word{place % 90}", place % 13 + 0.5) for place in range(600)]
    return page_of(row, row)


def fill_of(image: QImage, chip: object) -> str:
    """The colour of a chip, at its upper edge where no letter is."""
    return image.pixelColor(chip.left() + 5, chip.top() + 1).name()


def press(view: SurpriseView, *keys: Qt.Key, control: bool = False) -> None:
    for key in keys:
        QTest.keyClick(view, key, Qt.KeyboardModifier.ControlModifier if control else Qt.KeyboardModifier.NoModifier)


def test_letters_of_both_rows_stand_above_each_other(qtbot, theme: Theme) -> None:
    view = make_view(qtbot, theme, telescope())
    assert view.token_rect(0, 3).left() == view.token_rect(1, 3).left()
    assert view.token_rect(0, 5).right() == view.token_rect(1, 3).right()
    assert view.token_rect(0, 9).right() == view.token_rect(1, 6).right()
    assert view.token_rect(0, 0).bottom() < view.token_rect(1, 0).top()


def test_chips_have_the_colours_of_their_bits_and_the_unscored_one_is_hatched(qtbot, theme: Theme) -> None:
    view = make_view(qtbot, theme, telescope())
    image = view.grab().toImage()
    assert fill_of(image, view.token_rect(0, 3)) == theme.map_color("surprise", 10.9).name()
    assert fill_of(image, view.token_rect(1, 3)) == theme.map_color("surprise", 9.4).name()
    assert fill_of(image, view.token_rect(1, 6)) == theme.map_color("surprise", 12.0).name()
    chip = view.token_rect(0, 0)
    row = {image.pixelColor(x, chip.top() + 2).name() for x in range(chip.left() + 4, chip.right() - 4)}
    assert theme.color("mask").name() in row and len(row) > 1
    assert "not scored" in view.describe_token(0, 0)


def test_numbers_stand_under_wide_chips_only(qtbot, theme: Theme) -> None:
    view = make_view(qtbot, theme, telescope())
    image, ground = view.grab().toImage(), None
    inked = []
    for row, index in ((0, 4), (0, 2), (0, 9), (0, 0)):
        chip = view.token_rect(row, index)
        under = [
            image.pixelColor(x, y).name()
            for x in range(chip.left(), chip.right() + 1)
            for y in range(chip.bottom() + 3, chip.bottom() + 12)
        ]
        ground = ground or max(set(under), key=under.count)
        inked.append(any(colour != ground for colour in under))
    wide = [view.token_rect(0, index).width() + 1 > 22 for index in (4, 2, 9)]
    assert inked == [*wide, False]


def test_a_click_chooses_and_the_common_stretch_is_framed_across_both_rows(qtbot, theme: Theme) -> None:
    view = make_view(qtbot, theme, telescope())
    with qtbot.waitSignal(view.chosen) as chosen:
        QTest.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=view.token_rect(0, 4).center())
    assert chosen.args == [0, 4]
    assert view.selected_byte() == TELESCOPE + 3
    piece, stretch = view.selected_piece(), view.selected_stretch()
    assert piece is not None and piece.text == "les"
    assert stretch is not None and stretch.text == " telescope" and stretch.tokens == (3, 1)
    assert view.selected_kind() == "word"
    image, accent = view.grab().toImage(), theme.color("accent")
    upper, lower = view.token_rect(0, 3), view.token_rect(1, 3)
    for y in (upper.center().y(), lower.center().y(), lower.bottom() + 4):
        assert image.pixelColor(upper.left() - 2, y) == accent
    assert image.pixelColor(upper.center().x(), upper.top() - 5) == accent
    assert image.pixelColor(upper.center().x(), upper.bottom() + 1) != accent


def test_a_place_beside_the_chips_is_none(qtbot, theme: Theme) -> None:
    view = make_view(qtbot, theme, telescope())
    with qtbot.assertNotEmitted(view.chosen):
        for place in (QPoint(10, 20), QPoint(990, 20), QPoint(200, 290), QPoint(200, 1)):
            QTest.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=place)


def test_bytes_choose_without_a_signal_and_stay_chosen_in_the_other_mode(qtbot, theme: Theme) -> None:
    view = make_view(qtbot, theme, telescope())
    with qtbot.assertNotEmitted(view.chosen):
        view.set_selected_byte(TELESCOPE + 5)
        assert view.selected_piece().text == "les"
        view.set_mode(DIFFERENCE)
        assert view.selected_byte() == TELESCOPE + 5
        assert view.selected_stretch().text == " telescope"
        assert view.selected_piece().text == " te"
        view.set_selected_byte(9_999)
    assert view.selected_byte() is None and view.selected_piece() is None and view.selected_stretch() is None
    view.set_selected_byte(None)
    with pytest.raises(ValueError, match="both"):
        view.set_mode("all")


def test_keys_move_by_token_and_between_the_rows(qtbot, theme: Theme) -> None:
    view = make_view(qtbot, theme, telescope())
    heard: list[tuple[int, int]] = []
    view.chosen.connect(lambda row, index: heard.append((row, index)))
    press(view, Qt.Key.Key_Right, Qt.Key.Key_Right, Qt.Key.Key_Left, Qt.Key.Key_Left)
    assert heard == [(0, 0), (0, 1), (0, 0), (0, 0)]
    heard.clear()
    press(view, Qt.Key.Key_End, Qt.Key.Key_Down, Qt.Key.Key_Home, Qt.Key.Key_Up, Qt.Key.Key_Up)
    assert heard == [(0, 9), (1, 6), (1, 0), (0, 0), (0, 0)]
    view.set_selected_byte(TELESCOPE + 3)
    heard.clear()
    press(view, Qt.Key.Key_Down, Qt.Key.Key_Right, Qt.Key.Key_Up)
    assert heard == [(1, 3), (1, 4), (0, 6)]


def test_keys_go_through_the_lines_and_scroll_along(qtbot, theme: Theme) -> None:
    view = make_view(qtbot, theme, long_page(), width=560, height=220)
    press(view, Qt.Key.Key_Right, *[Qt.Key.Key_Down] * 6)
    assert view.verticalScrollBar().value() > 0
    assert view.viewport().rect().contains(view.token_rect(0, view.selected_piece().index))
    press(view, Qt.Key.Key_End, control=True)
    assert view.selected_piece().index == 599
    assert view.verticalScrollBar().value() == view.verticalScrollBar().maximum()
    press(view, Qt.Key.Key_Home, control=True)
    assert view.selected_piece().index == 0
    assert view.verticalScrollBar().value() < 20


def test_the_difference_is_violet_where_a_paid_less_and_orange_where_b_did(qtbot, theme: Theme) -> None:
    view = make_view(qtbot, theme, telescope())
    view.set_mode(DIFFERENCE)
    assert view.mode() == DIFFERENCE
    image = view.grab().toImage()
    shown = {
        stretch.text: fill_of(image, view.token_rect(0, place)) for place, stretch in enumerate(view.page().stretches)
    }
    # " telescope": 17.9 − 9.4 bits, more than the map's end; "Once": 0 − 5.5.
    assert shown[" telescope"] == theme.map_color("against", 1.0).name()
    assert shown[" attic."] == theme.map_color("against", -7.0 / 8).name()
    violet, orange = bits_color(theme, DIFFERENCE, -6.0), bits_color(theme, DIFFERENCE, 6.0)
    assert violet.blue() > violet.red() and orange.red() > orange.blue()
    words = view.describe_token(0, 2)
    assert "A 17.9 bits in 3 tokens · B 9.4 bits in 1 token · A − B +8.5" in words
    assert "−7.0" in view.describe_token(0, 5)


def test_a_stretch_of_the_difference_stands_for_the_first_token_of_a(qtbot, theme: Theme) -> None:
    view = make_view(qtbot, theme, telescope())
    view.set_mode(DIFFERENCE)
    with qtbot.waitSignal(view.chosen) as chosen:
        QTest.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=view.token_rect(0, 2).center())
    assert chosen.args == [0, 3]
    assert view.selected_stretch().text == " telescope"


def test_one_model_has_one_row_and_no_difference(qtbot, theme: Theme) -> None:
    view = make_view(qtbot, theme, page_of(A_ROW))
    view.set_mode(DIFFERENCE)
    assert view.mode() == BOTH
    view.set_selected_byte(TELESCOPE)
    assert view.selected_stretch() is None and view.selected_kind() == "stretch"
    assert view.grab().toImage().pixelColor(view.token_rect(0, 3).center().x(), 3) == theme.color("accent")
    assert view.table()[:3] == [["Text", "A bits"], ["Once", ""], ["␣found", "3.2000"]]


def test_the_copied_table_has_the_common_stretches(qtbot, theme: Theme) -> None:
    view = make_view(qtbot, theme, telescope())
    press(view, Qt.Key.Key_C, control=True)
    lines = [line.split("\t") for line in QGuiApplication.clipboard().text().split("\n")]
    assert lines[0] == ["Text", "A bits", "B bits"]
    assert lines[3] == ["␣telescope", "17.9000", "9.4000"]
    assert len(lines) == 1 + len(view.page().stretches)
    menu = view.menu_for(1, 3)
    menu.actions()[2].trigger()
    assert QGuiApplication.clipboard().text() == "␣telescope · B · 9.4 bits · p 0.148% · bytes 12–21"
    menu.actions()[1].trigger()
    assert QGuiApplication.clipboard().text() == "Once found a telescope in the attic."
    assert len(view.menu_for(-1, -1).actions()) == 2


def test_cut_characters_are_read_out_with_all_their_bits(qtbot, theme: Theme) -> None:
    cut = [(" 日", 8.0), ("", 2.5), ("", 1.5), ("é", 3.0)]
    view = make_view(qtbot, theme, page_of(cut, [(" ", 1.0), ("日é", 6.0)], start=500))
    heard: list[int] = []
    view.chosen.connect(lambda _row, index: heard.append(index))
    press(view, *[Qt.Key.Key_Right] * 3)
    assert heard == [0, 1, 2]
    words = view.describe_token(0, 2)
    assert (
        words == "日 · A · 1.5 bits · p 35.4% · bytes 501–503 · token 3 of 3 that share a character, together 12.0 bits"
    )
    assert view.selected_stretch().bits == (15.0, 7.0)
    assert [view.token_rect(0, place).left() for place in range(4)] == sorted(
        view.token_rect(0, place).left() for place in range(4)
    )


@pytest.mark.parametrize(
    "text",
    [
        "日本語のテキスト",
        "👩\u200d👩\u200d👧 😀🇩🇪",
        "שלום עולם",
        "مرحبا بالعالم",
        "e\u0301\u0301 \u0301x",
        "\t\x07\u200b",
    ],
)
def test_every_script_is_painted_in_every_mode(qtbot, theme: Theme, text: str) -> None:
    half = len(text) // 2
    view = make_view(qtbot, theme, page_of([(text, 4.0)], [(text[:half], 1.0), (text[half:], 20.0)]), width=120)
    for mode in (BOTH, DIFFERENCE):
        view.set_mode(mode)
        view.set_selected_byte(0)
        view.grab()
        assert view.text() == text
        assert view.token_rect(0, 0).left() < view.viewport().width()


def test_hovering_outlines_and_names_the_token(qtbot, theme: Theme) -> None:
    view = make_view(qtbot, theme, telescope())
    before, chip = view.grab().toImage(), view.token_rect(1, 3)
    QTest.mouseMove(view.viewport(), chip.center())
    QTest.mouseMove(view.viewport(), chip.center() + QPoint(1, 1))
    edge = chip.center().x(), chip.top() - 1
    assert view.grab().toImage().pixelColor(*edge) != before.pixelColor(*edge)
    help_event = QHelpEvent(QEvent.Type.ToolTip, chip.center(), view.viewport().mapToGlobal(chip.center()))
    QApplication.sendEvent(view.viewport(), help_event)
    assert "9.4 bits" in QToolTip.text()
    QToolTip.hideText()
    QApplication.sendEvent(view.viewport(), QEvent(QEvent.Type.Leave))
    assert view.grab().toImage().pixelColor(*edge) == before.pixelColor(*edge)


def test_only_the_lines_in_view_are_painted(qtbot, theme: Theme) -> None:
    view = make_view(qtbot, theme, long_page(), width=560, height=220)
    painted: list[int] = []
    whole = view._painter.paint_token
    view._painter.paint_token = lambda *given: (painted.append(given[3]), whole(*given))  # type: ignore[method-assign]
    view.verticalScrollBar().setValue(600)
    view.grab()
    assert painted and max(painted) - min(painted) <= 3
    assert min(painted) > 0


def test_the_page_is_as_high_as_its_lines(qtbot, theme: Theme) -> None:
    view = make_view(qtbot, theme, long_page(), width=560, height=220)
    assert view.full_height(560) > view.full_height(1000) > view.full_height(5000)
    view.resize(560, view.full_height(560))
    QApplication.processEvents()
    assert view.verticalScrollBar().maximum() == 0
    view.set_page(telescope())
    assert view.full_height(5000) < 160


def test_the_view_describes_itself(qtbot, theme: Theme) -> None:
    view = make_view(qtbot, theme, None)
    assert view.accessibleDescription() == "No text has been measured yet."
    view.grab()
    press(view, Qt.Key.Key_Right)
    view.set_page(telescope())
    assert view.accessibleDescription().startswith("Bytes 0–35 of 10,000. A: 10 tokens, 30.9 bits; most for ␣te, 10.9.")
    view.set_selected_byte(TELESCOPE)
    assert "Chosen: ␣te · A · 10.9 bits" in view.accessibleDescription()
    view.set_page(telescope(), ("B", "A"))
    assert "B: 10 tokens" in view.accessibleDescription() and "Chosen" not in view.accessibleDescription()


def test_a_new_theme_repaints(qtbot, theme: Theme) -> None:
    view = make_view(qtbot, theme, telescope())
    theme.set_choice("dark")
    assert fill_of(view.grab().toImage(), view.token_rect(1, 3)) == theme.map_color("surprise", 9.4).name()
