"""A and B: opening, swapping, making room, and coming back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from engine.tiny_models import save_tiny
from pytestqt.qtbot import QtBot

from app.engine.decode.settings import DecodingSettings
from app.engine.finetune.settings import FinetuneSettings
from app.engine.models.records import Estimate
from app.jobs.board import Board
from app.session.keeper import Keeper
from app.session.saved import read
from app.session.session import Session
from app.session.state import RoomWanted


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("models")
    return {family: save_tiny(root / family, family) for family in ("gpt2", "llama")}


@pytest.fixture
def board() -> Iterator[Board]:
    made = Board()
    yield made
    made.close()


@pytest.fixture
def session(board: Board) -> Session:
    return Session(board, DecodingSettings())


@pytest.fixture
def settle(qtbot: QtBot, board: Board) -> Callable[[], None]:
    return lambda: qtbot.waitUntil(lambda: board.idle, timeout=60_000)


def names(session: Session) -> tuple[str | None, ...]:
    return tuple(summary.name if (summary := session.models.summary(slot)) else None for slot in "AB")


def test_two_models_are_open_and_change_places(
    session: Session, folders: dict[str, Path], settle: Callable[[], None]
) -> None:
    session.set_prompt("The cat saw")
    session.open_model(folders["gpt2"])
    settle()
    session.open_model(folders["llama"], slot="B")
    settle()
    assert names(session) == ("gpt2", "llama")
    before = session.inspection.head
    session.models.swap()
    settle()
    assert names(session) == ("llama", "gpt2")
    assert session.inspection.head is not None and session.inspection.head is not before
    assert session.inspection.tokens
    session.models.close("B")
    settle()
    assert names(session) == ("llama", None)
    session.models.swap()
    assert names(session) == ("llama", None)


def test_b_is_closed_first_and_only_after_asking(
    session: Session, folders: dict[str, Path], settle: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    session.open_model(folders["gpt2"])
    settle()
    session.open_model(folders["gpt2"], slot="B")
    settle()
    asked: list[RoomWanted] = []
    session.models.room_wanted.connect(asked.append)

    def too_big_without(returned: int) -> Estimate:
        return Estimate("llama", 1, "cpu", "fp32", (("Weights", 100),), 8, 90, returned, "fp32")

    monkeypatch.setattr("app.engine.models.estimate.estimate", lambda *_: too_big_without(_[-1]))
    session.open_model(folders["llama"])
    settle()
    assert asked and asked[0].closing == ("B",)
    assert names(session) == ("gpt2", "gpt2"), "nothing was closed without asking"
    monkeypatch.setattr("app.engine.models.estimate.estimate", lambda *_: replace(too_big_without(0), free=1 << 40))
    session.models.make_room(asked[0])
    settle()
    assert names(session) == ("llama", None)


def test_a_is_back_when_what_it_made_room_for_fails(
    session: Session, folders: dict[str, Path], settle: Callable[[], None], tmp_path: Path
) -> None:
    session.open_model(folders["gpt2"])
    settle()
    failed: list[object] = []
    session.failed.connect(lambda where, error: failed.append((where, str(error))))
    wanted = RoomWanted(
        session.models.request("A").__class__(str(tmp_path)),  # an empty folder
        Estimate("x", 1, "cpu", "fp32", (), 8, 1, 1, "fp32"),
        ("A",),
    )
    session.models.make_room(wanted)
    settle()
    assert failed and "config.json" in str(failed[0])
    assert names(session) == ("gpt2", None)


def test_cancelling_leaves_what_was_open(
    session: Session, folders: dict[str, Path], settle: Callable[[], None]
) -> None:
    session.open_model(folders["gpt2"])
    settle()
    session.open_model(folders["llama"])
    session.models.cancel_opening()
    settle()
    assert names(session) == ("gpt2", None)
    assert not session.opening


def test_undo_and_redo_through_the_session(
    session: Session, folders: dict[str, Path], settle: Callable[[], None]
) -> None:
    session.open_model(folders["gpt2"])
    session.set_prompt("The cat saw")
    settle()
    session.select(layer=2)
    session.generation.set_settings(DecodingSettings(temperature=0.2))
    session.set_prompt("Tim went to the park")
    settle()
    session.undo()
    settle()
    assert session.prompt == "The cat saw"
    assert session.inspection.ready
    session.undo()
    assert session.generation.settings.temperature == 1.0
    session.undo()
    assert session.selection.layer == 1
    session.redo()
    session.redo()
    session.redo()
    settle()
    assert (session.prompt, session.selection.layer) == ("Tim went to the park", 2)
    assert session.generation.settings.temperature == 0.2


def test_the_session_is_saved_and_comes_back(
    qtbot: QtBot, board: Board, session: Session, folders: dict[str, Path], settle: Callable[[], None], tmp_path: Path
) -> None:
    path = tmp_path / "session.json"
    keeper = Keeper(session, board, path)
    keeper.begin()
    session.open_model(folders["gpt2"], precision="bf16")
    session.set_prompt("The moon")
    settle()
    session.select(layer=2, head=3)
    qtbot.waitUntil(lambda: path.exists() and read(path)[0].selection.head == 3, timeout=5_000)
    settle()
    session.finetuning.data.set_settings(FinetuneSettings(rank=3))
    qtbot.waitUntil(lambda: read(path)[0].finetune.settings.rank == 3, timeout=5_000)
    settle()
    saved, note = read(path)
    assert note == ""
    other = Session(board, DecodingSettings())
    other.restore(saved)
    assert other.prompt == "The moon"
    request = saved.models["A"]
    other.models.open(request)
    settle()
    assert other.summary is not None and other.summary.precision == "bf16"
    assert (other.selection.layer, other.selection.head) == (2, 3)
    assert other.recent == (str(folders["gpt2"]),)
