"""A recorded session writes the identical text again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from app.engine.decode.settings import BALANCED, DecodingSettings
from app.engine.errors import UserError
from app.jobs.board import Board
from app.session.demo import Demo
from app.session.session import Session


@pytest.fixture
def board() -> Iterator[Board]:
    made = Board()
    yield made
    made.close()


def settle(qtbot: QtBot, board: Board) -> None:
    qtbot.waitUntil(lambda: board.idle, timeout=60_000)


def recorded(qtbot: QtBot, board: Board, file: Path) -> str:
    session = Session(board, replace(BALANCED, max_new_tokens=15))
    session.open_model("story-gpt")
    settle(qtbot, board)
    session.set_prompt("Lily found a shiny key")
    settle(qtbot, board)
    session.generate()
    settle(qtbot, board)
    Demo(session).save(file)
    return session.generation.text


def test_it_writes_the_identical_text(qtbot: QtBot, board: Board, tmp_path: Path) -> None:
    file = tmp_path / "demo.unembed.json"
    text = recorded(qtbot, board, file)
    assert json.loads(file.read_text(encoding="utf-8"))["settings"]["seed"] is not None, "a seed that was drawn is kept"
    session = Session(board, DecodingSettings())
    told: list[tuple[bool, str]] = []
    demo = Demo(session)
    demo.replayed.connect(lambda same, words: told.append((same, words)))
    demo.play(file)
    settle(qtbot, board)
    qtbot.waitUntil(lambda: bool(told), timeout=20_000)
    assert session.generation.text == text
    assert told[0][0] and "exactly" in told[0][1]


def test_a_text_that_differs_is_said_to(qtbot: QtBot, board: Board, tmp_path: Path) -> None:
    file = tmp_path / "demo.unembed.json"
    recorded(qtbot, board, file)
    content = json.loads(file.read_text(encoding="utf-8"))
    content["written"] = content["written"][:-4] + "!!!!"
    file.write_text(json.dumps(content), encoding="utf-8")
    session = Session(board, DecodingSettings())
    told: list[tuple[bool, str]] = []
    demo = Demo(session)
    demo.replayed.connect(lambda same, words: told.append((same, words)))
    demo.play(file)
    qtbot.waitUntil(lambda: bool(told), timeout=60_000)
    assert not told[0][0]
    assert f"from character {len(content['written']) - 3} on" in told[0][1]
    settle(qtbot, board)


def test_what_is_no_session_is_refused(board: Board, tmp_path: Path) -> None:
    demo = Demo(Session(board, DecodingSettings()))
    with pytest.raises(UserError, match="could not be read"):
        demo.play(tmp_path / "nothing.json")
    (tmp_path / "other.json").write_text("[1, 2]", encoding="utf-8")
    with pytest.raises(UserError, match="is no session of Unembed"):
        demo.play(tmp_path / "other.json")


def test_the_demo_that_comes_with_the_program_replays(qtbot: QtBot, board: Board) -> None:
    session = Session(board, DecodingSettings())
    told: list[bool] = []
    demo = Demo(session)
    demo.replayed.connect(lambda same, _words: told.append(same))
    demo.play(Path(__file__).parents[2] / "resources" / "demos" / "a-story.unembed.json")
    qtbot.waitUntil(lambda: bool(told), timeout=60_000)
    assert told == [True]
    settle(qtbot, board)


def test_what_one_seed_does_not_write_again_is_left_out(qtbot: QtBot, board: Board, tmp_path: Path) -> None:
    session = Session(board, replace(BALANCED, max_new_tokens=10, seed=2))
    demo, file = Demo(session), tmp_path / "demo.unembed.json"
    session.open_model("story-gpt")
    settle(qtbot, board)
    session.set_prompt("Lily found")
    settle(qtbot, board)
    session.generate()
    settle(qtbot, board)
    session.generation.set_settings(DecodingSettings(temperature=1.9, seed=8))
    assert demo.save(file)
    saved = json.loads(file.read_text(encoding="utf-8"))
    assert (saved["settings"]["temperature"], saved["settings"]["seed"]) == (0.8, 2), "those that wrote it"
    session.generation.fork(4)
    settle(qtbot, board)
    assert not demo.save(file)
    assert json.loads(file.read_text(encoding="utf-8"))["written"] == ""
