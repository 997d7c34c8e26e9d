"""Samples while training: rows of a prompt, several prompts, copying, choosing a step."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QMenu

from app.engine.finetune.records import SampleReport
from app.ui.pages.finetune.before_after import changed_stretches, first_difference, with_prompt
from app.ui.pages.finetune.samples_panel import SamplesPanel
from app.ui.theme import Theme

ONCE, CAPTAIN = "Once upon a time", "The captain"
TEXTS = {
    0: " there was a girl named Lily.",
    100: " there was a little boat.",
    200: " there be a little boat. 🦜 Arr,\nshe feared no storm.",
}


@pytest.fixture
def panel(qtbot, theme: Theme) -> SamplesPanel:
    panel = SamplesPanel(theme)
    qtbot.addWidget(panel)
    panel.set_prompts((ONCE, CAPTAIN))
    for step, text in TEXTS.items():
        panel.add(SampleReport(step, ONCE, text))
    panel.add(SampleReport(0, CAPTAIN, " was sad."))
    panel.resize(640, 400)
    panel.show()
    return panel


def rows(panel: SamplesPanel) -> list[tuple[int, str]]:
    return [(row.step, row.text) for row in panel.list.rows()]


def middle(panel: SamplesPanel, row: int) -> QPoint:
    return panel.list.visualRect(panel.list.model().index(row, 0)).center()


def pick(panel: SamplesPanel, words: str) -> None:
    panel.prompts_menu.aboutToShow.emit()
    action = next(each for each in panel.prompts_menu.actions() if each.text() == words)
    assert action.isEnabled()
    action.trigger()


def menu_words(menu: QMenu) -> list[str]:
    return [action.text() for action in menu.actions() if not action.isSeparator()]


def test_rows_are_the_prompt_and_what_was_written(panel: SamplesPanel) -> None:
    assert rows(panel) == [(step, ONCE + text) for step, text in TEXTS.items()]
    assert panel.list.isVisible()
    assert panel.list.model().index(1, 0).data() == f"step 100: {ONCE}{TEXTS[100]}"


def test_what_differs_from_the_row_before_is_marked(panel: SamplesPanel) -> None:
    first, second, third = panel.list.rows()
    assert first.changed == ()
    assert [second.text[start:stop] for start, stop in second.changed] == ["little boat"]
    assert third.text[slice(*third.changed[0])] == "be"


def test_rows_are_as_high_as_their_text_needs(panel: SamplesPanel) -> None:
    panel.grab()
    heights = [panel.list.visualRect(panel.list.model().index(row, 0)).height() for row in range(3)]
    assert heights[2] > heights[0]
    panel.add(SampleReport(300, ONCE, " word" * 200))
    panel.grab()
    wide = panel.list.visualRect(panel.list.model().index(3, 0)).height()
    panel.resize(1000, 400)
    panel.grab()
    assert panel.list.visualRect(panel.list.model().index(3, 0)).height() < wide


def test_the_newest_row_is_in_sight_until_the_person_scrolls_up(panel: SamplesPanel, qtbot) -> None:
    bar = panel.list.verticalScrollBar()
    for step in range(300, 2000, 100):
        panel.add(SampleReport(step, ONCE, " word" * 40))
    qtbot.waitUntil(lambda: bar.maximum() > 0 and bar.value() == bar.maximum(), timeout=2_000)
    bar.setValue(0)
    panel.add(SampleReport(2000, ONCE, " word" * 40))
    panel.grab()
    QTest.qWait(20)
    assert bar.value() == 0


def test_a_step_that_comes_again_takes_away_what_came_after_it(panel: SamplesPanel) -> None:
    panel.add(SampleReport(100, ONCE, " anew."))
    assert rows(panel) == [(0, ONCE + TEXTS[0]), (100, f"{ONCE} anew.")]


def test_another_prompt_is_chosen(panel: SamplesPanel) -> None:
    heard: list[tuple[str, ...]] = []
    panel.prompts_changed.connect(heard.append)
    assert panel.chooser.text() == "1 of 2"
    pick(panel, CAPTAIN)
    assert panel.prompt.text() == CAPTAIN and panel.chooser.text() == "2 of 2"
    assert rows(panel) == [(0, f"{CAPTAIN} was sad.")]
    assert heard == []


def test_prompts_are_edited_added_and_removed(panel: SamplesPanel) -> None:
    heard: list[tuple[str, ...]] = []
    panel.prompts_changed.connect(heard.append)
    panel.prompt.selectAll()
    QTest.keyClicks(panel.prompt, "Ahoy")
    QTest.keyClick(panel.prompt, Qt.Key.Key_Return)
    assert heard == [("Ahoy", CAPTAIN)]
    assert not panel.list.isVisible()
    pick(panel, "Add a prompt")
    assert panel.prompt.text() == "" and panel.chooser.text() == "3 of 3"
    QTest.keyClicks(panel.prompt, "Arr")
    QTest.keyClick(panel.prompt, Qt.Key.Key_Return)
    pick(panel, "Ahoy")
    pick(panel, "Remove this prompt")
    assert heard[1:] == [("Ahoy", CAPTAIN, "Arr"), (CAPTAIN, "Arr")]
    pick(panel, "Remove this prompt")
    pick(panel, "Remove this prompt")
    assert panel.prompts() == () and panel.chooser.text() == "1 of 1"
    panel.prompts_menu.aboutToShow.emit()
    assert not next(each for each in panel.prompts_menu.actions() if each.text() == "Remove this prompt").isEnabled()


@pytest.mark.parametrize("typed", [" ", CAPTAIN])
def test_an_empty_prompt_or_one_there_already_is_not_taken(panel: SamplesPanel, typed: str) -> None:
    heard: list[object] = []
    panel.prompts_changed.connect(heard.append)
    panel.prompt.selectAll()
    QTest.keyClicks(panel.prompt, typed)
    QTest.keyClick(panel.prompt, Qt.Key.Key_Return)
    assert panel.prompt.text() == ONCE and heard == []


def test_a_prompt_being_written_stays_while_samples_come(panel: SamplesPanel) -> None:
    panel.prompt.setText("Aho")
    panel.add(SampleReport(300, ONCE, " more."))
    assert panel.prompt.text() == "Aho" and rows(panel)[-1] == (300, f"{ONCE} more.")


def test_samples_of_an_unknown_prompt_bring_it_along(qtbot, theme: Theme) -> None:
    panel = SamplesPanel(theme)
    qtbot.addWidget(panel)
    panel.add(SampleReport(0, ONCE, " there was."))
    assert panel.prompt.text() == ONCE and len(panel.list.rows()) == 1
    panel.add(SampleReport(0, CAPTAIN, " was."))
    assert panel.prompts() == (ONCE, CAPTAIN) and len(panel.list.rows()) == 1


def test_clearing_keeps_the_prompts(panel: SamplesPanel) -> None:
    panel.clear()
    assert rows(panel) == [] and panel.prompts() == (ONCE, CAPTAIN)
    assert not panel.list.isVisible()


def test_an_answer_stands_without_its_prompt(panel: SamplesPanel) -> None:
    panel.set_prompts((ONCE, CAPTAIN), continued=False)
    assert rows(panel)[0] == (0, TEXTS[0])


def test_rows_are_copied(panel: SamplesPanel) -> None:
    QTest.keyClick(panel.list, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    lines = QGuiApplication.clipboard().text().splitlines()
    assert lines[0] == f"0\t{ONCE}{TEXTS[0]}" and len(lines) == 3
    QTest.mouseClick(panel.list.viewport(), Qt.MouseButton.LeftButton, pos=middle(panel, 1))
    QTest.keyClick(panel.list, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QGuiApplication.clipboard().text() == f"100\t{ONCE}{TEXTS[100]}"
    menu = panel.list.row_menu()
    assert menu_words(menu) == ["Copy", "Show step 100 on the curve"]
    menu.close()


def test_a_double_click_or_enter_chooses_the_step(panel: SamplesPanel, qtbot) -> None:
    place = middle(panel, 1)
    QTest.mouseClick(panel.list.viewport(), Qt.MouseButton.LeftButton, pos=place)
    with qtbot.waitSignal(panel.step_chosen) as chosen:
        QTest.mouseDClick(panel.list.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert chosen.args == [100]
    panel.list.choose(200)
    with qtbot.waitSignal(panel.step_chosen) as chosen:
        QTest.keyClick(panel.list, Qt.Key.Key_Return)
    assert chosen.args == [200]


@pytest.mark.parametrize("choice", ["light", "dark"])
def test_both_themes_are_painted_at_the_least_height(qtbot, choice) -> None:
    panel = SamplesPanel(Theme(choice))
    qtbot.addWidget(panel)
    panel.set_prompts((ONCE,))
    for step, text in TEXTS.items():
        panel.add(SampleReport(step, ONCE, text))
    panel.resize(640, 150)
    assert not panel.grab().isNull()
    assert panel.height() == 150


# Texts


def test_nothing_is_put_between_the_prompt_and_what_was_written() -> None:
    assert with_prompt("He", " sat.") == ("He sat.", 3)
    assert with_prompt("Once upon a time", ", there was") == ("Once upon a time, there was", 16)
    assert with_prompt("He", "He sat.") == ("HeHe sat.", 2)
    assert with_prompt("", "yes") == ("yes", 0)
    assert with_prompt("He", "") == ("He", 2)


def test_texts_are_compared_by_words() -> None:
    assert changed_stretches("a b c", "a b c") == []
    assert [("a x c"[start:stop]) for start, stop in changed_stretches("a b c", "a x c")] == ["x"]
    assert changed_stretches("", "new words") == [(0, 9)]
    assert changed_stretches("日本語", "日木語") == [(1, 2)]


def test_the_first_difference() -> None:
    assert first_difference("a toy. He", "a map o'") == ((2, 5), (2, 5))
    assert first_difference("a toy", "a toy box") == ((5, 5), (6, 9))
    assert first_difference("same", "same") is None
