"""Earlier runs: how they are listed, and what is asked for through buttons, keys and menus."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QMenu
from ui.pages.finetune_runs import entry

from app.engine.finetune.records import DIVERGED, RUNNING
from app.ui.pages.finetune.runs_panel import RunsPanel
from app.ui.theme import Theme

LEFT = Qt.MouseButton.LeftButton
RUNS = (
    entry("old", when=1.0e9),
    entry("halted", "stopped", 310, when=1.2e9),
    entry("crashed", "unfinished", 120, when=1.1e9, method="full", best_held_out=None),
)


@pytest.fixture
def panel(qtbot, theme: Theme) -> RunsPanel:
    panel = RunsPanel(theme)
    qtbot.addWidget(panel)
    panel.show_runs(RUNS)
    panel.resize(640, 260)
    panel.show()
    return panel


def names(panel: RunsPanel) -> list[str]:
    return [each.name for each in panel.list.runs()]


def choose(panel: RunsPanel, name: str) -> None:
    place = panel.list.visualRect(panel.list.model().index(names(panel).index(name), 0)).center()
    QTest.mouseClick(panel.list.viewport(), LEFT, pos=place)


def words_of(menu: QMenu) -> list[str]:
    return [action.text() for action in menu.actions() if not action.isSeparator()]


def why(words: str, menu: QMenu) -> str:
    """Why an action of a menu cannot be done, '' where it can."""
    action = next(each for each in menu.actions() if each.text() == words)
    assert action.isEnabled() != bool(action.toolTip()) and menu.toolTipsVisible()
    return action.toolTip()


def test_without_runs_a_sentence_says_so(qtbot, theme: Theme) -> None:
    panel = RunsPanel(theme)
    qtbot.addWidget(panel)
    panel.show()
    assert not panel.list.isVisible() and not panel.open.isVisible()
    panel.show_runs(RUNS[:1])
    assert panel.list.isVisible() and panel.subtitle() == "1 run"
    panel.show_runs(())
    assert not panel.list.isVisible() and panel.subtitle() == "" and not panel.open.isVisible()


def test_the_newest_comes_first_and_is_chosen(panel: RunsPanel) -> None:
    assert names(panel) == ["halted", "crashed", "old"]
    assert panel.subtitle() == "3 runs"
    current = panel.list.current()
    assert current is not None and current.name == "halted"


def test_a_row_tells_what_a_run_was(panel: RunsPanel) -> None:
    model = panel.list.model()
    told = [model.index(row, 0).data() for row in range(3)]
    words = "halted, stopped, LoRA on story-gpt · tales.jsonl · 310 of 500 steps, held out 3.20 → 1.71, "
    assert told[0].startswith(words)
    assert "full finetune on story-gpt" in told[1] and "held out 3.20, " in told[1]
    assert "500 steps" in told[2] and "of 500" not in told[2]
    tip = model.index(0, 0).data(Qt.ItemDataRole.ToolTipRole)
    assert tip.splitlines() == [
        "/runs/halted",
        "Held-out perplexity 24.5 before, 5.5 at best",
        "Checkpoints at step 100, 200",
    ]


def test_the_chosen_run_stays_chosen(panel: RunsPanel) -> None:
    choose(panel, "old")
    panel.show_runs((*RUNS, entry("new", when=1.5e9)))
    current = panel.list.current()
    assert current is not None and current.name == "old"
    panel.show_runs(RUNS[1:])
    current = panel.list.current()
    assert current is not None and current.name == "halted"


def test_buttons_open_and_resume(panel: RunsPanel, qtbot) -> None:
    with qtbot.waitSignal(panel.resume_wanted) as heard:
        QTest.mouseClick(panel.resume, LEFT)
    assert heard.args == ["/runs/halted"]
    choose(panel, "old")
    assert not panel.resume.isVisible()
    with qtbot.waitSignal(panel.open_wanted) as heard:
        QTest.mouseClick(panel.open, LEFT)
    assert heard.args == ["/runs/old"]


@pytest.mark.parametrize(
    ("words", "signal"),
    [
        ("Open", "open_wanted"),
        ("Resume", "resume_wanted"),
        ("Start from these settings", "settings_wanted"),
        ("Merge into its base…", "merge_wanted"),
        ("Export…", "export_wanted"),
        ("Show in folder", "reveal_wanted"),
        ("Remove…", "remove_wanted"),
    ],
)
def test_the_menu_of_a_run(panel: RunsPanel, qtbot, words: str, signal: str) -> None:
    menu = panel.run_menu()
    action = next(each for each in menu.actions() if each.text() == words)
    with qtbot.waitSignal(getattr(panel, signal)) as heard:
        action.trigger()
    assert heard.args == ["/runs/halted"]
    menu.close()


def test_the_best_weights_are_opened_where_the_result_has_others(panel: RunsPanel, qtbot) -> None:
    assert not any("best" in words for words in words_of(panel.run_menu()))
    panel.show_runs((entry("early", best="/runs/early/best-000120", best_step=120),))
    menu = panel.run_menu()
    with qtbot.waitSignal(panel.open_wanted) as heard:
        next(action for action in menu.actions() if action.text() == "Open the best, step 120").trigger()
    assert heard.args == ["/runs/early/best-000120"]


def test_what_a_run_cannot_do_is_not_offered(panel: RunsPanel) -> None:
    choose(panel, "crashed")
    menu = panel.run_menu()
    assert "Resume" in words_of(menu) and "Merge into its base…" not in words_of(menu)
    menu.close()
    # What came to no end left nothing, unless there is a best: it can be opened, and is no result to merge.
    assert panel.open.toolTip() == why("Open", panel.run_menu()) != "" and not panel.open.isEnabled()
    lost = entry("lost", DIVERGED, 40)
    panel.show_runs((lost,))
    asked: list[str] = []
    panel.open_wanted.connect(asked.append)
    assert panel.list.model().index(0, 0).data().startswith("lost, diverged, ")
    assert not panel.resume.isVisible() and "Resume" not in words_of(panel.run_menu())
    assert panel.open.toolTip() == "This run diverged and left nothing to open."
    QTest.keyClick(panel.list, Qt.Key.Key_Return)
    for words in ("Open", "Merge into its base…"):
        assert why(words, panel.run_menu()) == panel.open.toolTip()
    panel.show_runs((replace(lost, best="/runs/lost/best-000020", best_step=20),))
    assert panel.open.text() == "Open the best" and "of step 20" in panel.open.toolTip()
    assert asked == []
    QTest.mouseClick(panel.open, LEFT)
    assert asked == ["/runs/lost/best-000020"]
    assert words_of(panel.run_menu())[0] == "Open the best, step 20"
    assert "best weights, of step 20, can be opened" in why("Merge into its base…", panel.run_menu())
    panel.show_runs((entry("now", RUNNING, 40, result="/runs/now"),))
    assert "under way" in panel.open.toolTip() and not panel.open.isEnabled() and not panel.resume.isVisible()
    assert why("Merge into its base…", panel.run_menu()) == panel.open.toolTip()
    panel.show_runs(RUNS)
    choose(panel, "old")
    menu = panel.run_menu()
    assert "Resume" not in words_of(menu) and "Merge into its base…" in words_of(menu)
    menu.close()
    panel.more_menu.aboutToShow.emit()
    assert words_of(panel.more_menu)[0] == "Start from these settings"
    panel.show_runs((entry("young", "unfinished", 3, checkpoints=()),))
    assert not panel.resume.isVisible()


def test_keys_open_remove_and_copy(panel: RunsPanel, qtbot) -> None:
    choose(panel, "old")
    for key, signal in ((Qt.Key.Key_Return, panel.open_wanted), (Qt.Key.Key_Delete, panel.remove_wanted)):
        with qtbot.waitSignal(signal) as heard:
            QTest.keyClick(panel.list, key)
        assert heard.args == ["/runs/old"]
    QTest.keyClick(panel.list, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QGuiApplication.clipboard().text().startswith("old, done, LoRA on story-gpt")


def test_a_double_click_opens(panel: RunsPanel, qtbot) -> None:
    place = panel.list.visualRect(panel.list.model().index(2, 0)).center()
    QTest.mouseClick(panel.list.viewport(), LEFT, pos=place)
    with qtbot.waitSignal(panel.open_wanted) as heard:
        QTest.mouseDClick(panel.list.viewport(), LEFT, pos=place)
    assert heard.args == ["/runs/old"]


@pytest.mark.parametrize("choice", ["light", "dark"])
def test_both_themes_are_painted_at_the_least_height(qtbot, choice) -> None:
    panel = RunsPanel(Theme(choice))
    qtbot.addWidget(panel)
    panel.show_runs((*RUNS, entry("a name that goes on and on " * 8, "some other state")))
    panel.resize(640, 150)
    assert not panel.grab().isNull()
    assert panel.height() == 150
