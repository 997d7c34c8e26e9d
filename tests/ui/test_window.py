"""The window around the pages: keys, theme, width, errors, jobs, closing."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from ui.desk import Desk, words

from app.jobs.job import State
from app.ui.defect_dialog import DefectDialog
from app.ui.widgets.top_bar import ModelBox

CONTROL = Qt.KeyboardModifier.ControlModifier


def test_keys_change_pages(desk: Desk) -> None:
    desk.key(desk.window, Qt.Key.Key_3, CONTROL)
    assert desk.generate.isVisible()
    assert desk.window.rail.current() == "generate"
    desk.key(desk.window, Qt.Key.Key_2, CONTROL)
    assert desk.inspect.isVisible()
    desk.key(desk.window, Qt.Key.Key_1, CONTROL)
    assert desk.window.page_key == "model"
    desk.click(desk.window.rail.button("generate"))
    assert desk.window.page_key == "generate"


def test_f1_folds_explain_and_a_narrow_window_does_too(desk: Desk) -> None:
    explain = desk.window.explain
    assert not explain.is_collapsed()
    desk.key(desk.window, Qt.Key.Key_F1)
    assert explain.is_collapsed()
    desk.key(desk.window, Qt.Key.Key_F1)
    assert not explain.is_collapsed()
    desk.window.resize(1120, 720)
    desk.wait(explain.is_collapsed)
    desk.window.resize(1440, 900)
    desk.wait(lambda: not explain.is_collapsed())


def test_the_model_is_named(desk: Desk) -> None:
    assert desk.session.summary is not None
    assert "story-gpt" in desk.window.top_bar.findChild(ModelBox).accessibleName()
    assert "4 blocks" in desk.inspect.flow_panel.subtitle()
    assert desk.inspect.heads.subtitle() == "4 × 4"


def test_a_bad_folder_is_a_sentence_and_the_model_stays(desk: Desk, tmp_path: Path) -> None:
    before = desk.session.summary
    desk.session.open_model(tmp_path)
    desk.settle()
    assert desk.inspect.banner.isVisible()
    assert "has no config.json" in desk.inspect.banner.text()
    assert desk.session.summary is before
    desk.session.set_prompt("The cat sat")
    desk.settle()
    assert desk.session.inspection.ready
    assert not desk.inspect.banner.isVisible()


def long_work() -> Any:
    while True:
        time.sleep(0.005)
        yield None


def test_a_long_job_is_named_and_can_be_cancelled(desk: Desk) -> None:
    job = desk.board.start("files", "Count to infinity", long_work)
    desk.wait(lambda: "Count to infinity" in desk.window.strip.text())
    desk.window.strip.cancel_requested.emit()
    desk.wait(lambda: job.state is State.CANCELLED)
    desk.wait(lambda: "Ready" in desk.window.strip.text())
    assert "Count to infinity" not in desk.window.strip.text()
    assert job not in desk.board.running()


def test_a_defect_opens_a_dialog_and_the_program_goes_on(desk: Desk) -> None:
    def broken() -> Any:
        yield None
        raise RuntimeError("nobody expected this")

    job = desk.board.start("files", "Break", broken)
    job.failed.connect(desk.board.report)
    desk.wait(lambda: bool(desk.window.findChildren(DefectDialog)))
    dialog = desk.window.findChildren(DefectDialog)[0]
    assert "RuntimeError: nobody expected this" in dialog.text.toPlainText()
    dialog._copy()
    assert "nobody expected this" in QGuiApplication.clipboard().text()
    dialog.close()
    assert [str(error) for error in desk.defects] == ["nobody expected this"]
    desk.defects.clear()
    desk.session.set_prompt("The cat sat")
    desk.settle()
    assert desk.session.inspection.ready


def test_the_theme_button_switches(desk: Desk) -> None:
    before = desk.theme.palette.name
    desk.window.top_bar.theme_chosen.emit("dark" if before == "light" else "light")
    assert desk.theme.palette.name != before
    assert desk.theme.palette.surface in desk.window.styleSheet()
    desk.theme.set_choice(before)


@pytest.mark.usefixtures("qtbot")
def test_closing_ends_the_lanes(desk: Desk) -> None:
    desk.session.set_prompt("The cat sat on the mat and")
    desk.session.generate()
    desk.wait(lambda: bool(desk.session.generation.steps))
    desk.window.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("lane")]


def test_explain_says_what_is_on_screen(desk: Desk) -> None:
    desk.session.set_prompt("The cat sat on the mat")
    desk.settle()
    assert "Attention weights" in words(desk.window.explain)
    desk.click_flow("blocks.2.attn.q")
    desk.settle()
    assert "Queries" in words(desk.window.explain)
    desk.click(desk.inspect.bars, desk.inspect.bars.row_rect(0).center())
    assert "Next token" in words(desk.window.explain)
    best = desk.session.inspection.candidates[desk.session.query][0]
    assert f"{best.probability * 100:.1f}%" in words(desk.window.explain)
