"""What was written comes back at the next start, branches and all, and its choices can still be looked at."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch
from pytestqt.qtbot import QtBot

from app.engine.decode.settings import BALANCED, DecodingSettings
from app.jobs.board import Board
from app.session.generated import DistributionReading
from app.session.saved import Saved, decode, encode
from app.session.session import Session


@pytest.fixture
def board() -> Iterator[Board]:
    made = Board()
    yield made
    made.close()


def settle(qtbot: QtBot, board: Board) -> None:
    qtbot.waitUntil(lambda: board.idle, timeout=60_000)


def written(qtbot: QtBot, board: Board, model: str = "story-gpt") -> Session:
    session = Session(board, replace(BALANCED, max_new_tokens=12, seed=4))
    session.open_model(model)
    settle(qtbot, board)
    session.set_prompt("The cat is on the table.")
    settle(qtbot, board)
    session.generate()
    settle(qtbot, board)
    return session


def started_again(qtbot: QtBot, board: Board, saved: Saved) -> Session:
    session = Session(board, DecodingSettings())
    session.restore(saved)
    session.models.open(saved.models["A"])
    settle(qtbot, board)
    return session


@pytest.mark.parametrize("model", ["story-gpt", "bart-en-fr"])
def test_texts_and_branches_come_back(qtbot: QtBot, board: Board, model: str) -> None:
    session = written(qtbot, board, model)
    other = int(np.argsort(-session.generation.steps[1].raw)[2])
    session.generation.fork(1, other)
    settle(qtbot, board)
    again = started_again(qtbot, board, decode(encode(session.saved())))
    before, after = session.generation, again.generation
    assert [branch.ids for branch in after.branches] == [branch.ids for branch in before.branches]
    assert [branch.text for branch in after.branches] == [branch.text for branch in before.branches]
    assert after.branches[1].parent is after.branches[0] and after.branches[1].fork == 1
    assert after.branches[0].score == pytest.approx(before.branches[0].score)
    read: list[DistributionReading] = []
    after.distribution_read.connect(read.append)
    after.read_distribution(3)
    settle(qtbot, board)
    raw = before.current.steps[3].raw
    assert raw is not None and read[0].step.raw is not None
    assert np.allclose(read[0].step.raw, raw, atol=1e-3), "the model is asked for the logits that were not kept"
    assert after.steps[3].raw is not None
    after.go_on()
    settle(qtbot, board)
    assert len(after.steps) >= len(before.current.ids)


def test_what_other_weights_wrote_is_not_explained_by_these(qtbot: QtBot, board: Board) -> None:
    session = written(qtbot, board)
    branch = session.generation.current
    branch.steps[3] = replace(branch.steps[3], shortened=True, training_step=7)
    branch.found_by, branch.searched = "row 1", DecodingSettings(method="beam", num_beams=3)
    again = started_again(qtbot, board, decode(encode(session.saved())))
    came = again.generation.current
    assert (came.steps[3].shortened, came.steps[3].training_step, came.steps[4].training_step) == (True, 7, None)
    assert came.searched == branch.searched
    loaded = again.models.loaded()
    assert loaded is not None
    with torch.no_grad():
        loaded.model.lm_head.weight.mul_(1.5)
    failures: list[BaseException] = []
    again.generation.failed.connect(failures.append)
    unlikely = min(range(len(came.steps)), key=lambda place: came.steps[place].logprob)
    again.generation.read_distribution(unlikely)
    settle(qtbot, board)
    assert "no longer those that wrote this text" in str(failures[0])


def test_they_wait_for_their_model_and_for_no_other(qtbot: QtBot, board: Board) -> None:
    saved = decode(encode(written(qtbot, board).saved()))
    session = Session(board, DecodingSettings())
    session.restore(saved)
    assert session.saved().texts == saved.texts, "not forgotten while the model opens"
    session.open_model("bart-en-fr")
    settle(qtbot, board)
    assert not session.generation.branches


def test_damaged_texts_are_left_out(qtbot: QtBot, board: Board) -> None:
    saved = decode(encode(written(qtbot, board).saved()))
    broken = replace(saved, texts=({**saved.texts[0], "settings": []},))
    session = started_again(qtbot, board, broken)
    assert session.summary is not None
    assert not session.generation.branches
