"""What the job strip says while jobs end under it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest
from pytestqt.qtbot import QtBot

from app.jobs.board import Board
from app.jobs.job import Job, State
from app.ui.job_status import JobStatus
from app.ui.theme import Theme
from app.ui.widgets.job_strip import JobStrip
from app.ui.widgets.top_bar import TopBar


def job(name: str, quiet: bool = False) -> Job:
    made: Any = SimpleNamespace(name=name, quiet=quiet, progress=None, seconds_left=None, state=State.RUNNING)
    return cast(Job, made)


def test_others_are_counted_without_the_job_that_is_named(
    qtbot: QtBot, theme: Theme, monkeypatch: pytest.MonkeyPatch
) -> None:
    board, strip, bar = Board(), JobStrip(theme), TopBar(theme)
    for widget in (strip, bar):
        qtbot.addWidget(widget)
    status = JobStatus(board, strip, bar)
    named, other, unseen = job("Inspect"), job("Load"), job("Read head", quiet=True)
    for running, words in (([named, unseen, other], "1 more"), ([named], ""), ([], ""), ([other, unseen], "1 more")):
        monkeypatch.setattr(board, "running", lambda running=running: running)
        status._describe(named)
        assert strip._queue.text() == words
    board.close()
