"""The palette, the jobs panel, zoom, undo by key, About."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication
from ui.desk import Desk, words

from app.ui.about_dialog import AboutDialog
from app.ui.actions import Command, matching
from app.ui.window_commands import window_commands
from app.ui.zoom import ZOOMS, stepped, stored_zoom

CONTROL = Qt.KeyboardModifier.ControlModifier


def test_words_find_commands_the_ones_that_begin_so_first() -> None:
    commands = [Command(title, lambda: None) for title in ("Undo", "Redo", "Zoom in", "Close model B")]
    assert [command.title for command in matching(commands, "do")] == ["Undo", "Redo"]
    assert [command.title for command in matching(commands, "zo IN")] == ["Zoom in"]
    assert matching(commands, "nothing") == []


def test_a_command_is_found_typed_and_run(desk: Desk) -> None:
    desk.key(desk.window, Qt.Key.Key_K, CONTROL)
    palette = desk.window.palette_popup
    assert palette.isVisible()
    desk.qtbot.keyClicks(palette.field, "go to gen")
    assert palette.shown() == ["Go to Generate"]
    desk.key(palette.field, Qt.Key.Key_Return)
    assert not palette.isVisible()
    assert desk.window.page_key == "generate"


def test_models_are_opened_from_the_palette_and_arrows_move(desk: Desk) -> None:
    palette = desk.window.palette_popup
    palette.open()
    desk.qtbot.keyClicks(palette.field, "zoom")
    desk.key(palette.field, Qt.Key.Key_Down)
    assert palette.list.currentRow() == 1
    palette.field.clear()
    desk.qtbot.keyClicks(palette.field, "open story")
    assert palette.shown() == ["Open story-gpt"]
    before = desk.session.models.loaded()
    desk.key(palette.field, Qt.Key.Key_Return)
    desk.wait(lambda: desk.session.models.loaded() is not before and desk.board.idle)


def test_every_command_with_keys_has_its_own(desk: Desk) -> None:
    keys = [command.keys for command in window_commands(desk.window) if command.keys]
    assert len(keys) == len(set(keys))


def test_undo_and_redo_by_key(desk: Desk) -> None:
    desk.session.set_prompt("The cat")
    desk.settle()
    desk.session.set_prompt("The dog")
    desk.settle()
    # The heatmap has the focus; in a text field the same keys undo typing.
    desk.inspect.attention.heatmap.setFocus()
    desk.key(desk.inspect.attention.heatmap, Qt.Key.Key_Z, CONTROL)
    desk.settle()
    assert desk.inspect.prompt.strip.text() == "The cat"
    desk.key(desk.inspect.attention.heatmap, Qt.Key.Key_Y, CONTROL)
    desk.settle()
    assert desk.inspect.prompt.strip.text() == "The dog"


def test_jobs_are_listed_with_their_outcome_and_can_be_cancelled(desk: Desk) -> None:
    desk.window.show_page("generate")
    desk.session.set_prompt("Once upon a time")
    desk.settle()
    desk.session.generate()
    desk.key(desk.window, Qt.Key.Key_J, CONTROL)
    panel = desk.window.jobs
    row = next(row for row in panel.rows if row.job.name == "Generate")
    assert row.cancel.isVisible()
    desk.click(row.cancel)
    desk.wait(lambda: desk.board.idle)
    panel.refresh()
    row = next(row for row in panel.rows if row.job.name == "Generate")
    assert "cancelled" in words(row)
    assert any("Open story-gpt" in words(row) and "done" in words(row) for row in panel.rows)
    panel.hide()


def test_a_failed_job_keeps_its_reason(desk: Desk) -> None:
    desk.session.open_model("/nowhere/at/all")
    desk.settle()
    desk.window.jobs.refresh()
    assert "failed" in words(desk.window.jobs.rows[0])
    assert "no model called" in words(desk.window.jobs.rows[0])


def test_zoom_is_stored_and_offers_a_new_start(desk: Desk) -> None:
    asked: list[bool] = []
    desk.window.restart_wanted.connect(lambda: asked.append(True))
    desk.window.zoom_by(1)
    assert stored_zoom() == 110
    banner = desk.inspect.banner
    assert "110%" in banner.text()
    desk.click(banner.action)
    assert asked
    assert (stepped(200, 1), stepped(80, -1)) == (ZOOMS[-1], ZOOMS[0])


def test_about_names_versions_and_can_be_copied(desk: Desk) -> None:
    desk.window.about()
    dialog = next(widget for widget in QApplication.topLevelWidgets() if isinstance(widget, AboutDialog))
    text = dialog.text.toPlainText()
    assert "torch 2.13.0" in text
    assert "the log" in text
    dialog._copy()
    assert QGuiApplication.clipboard().text() == text
    dialog.close()
