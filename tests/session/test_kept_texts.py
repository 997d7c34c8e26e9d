"""What was written comes back at the next start, branches and all, and its choices can still be looked at."""

from __future__ import annotations

import json
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


def test_they_stay_without_their_model_until_it_opens(qtbot: QtBot, board: Board) -> None:
    saved = decode(encode(written(qtbot, board).saved()))
    session = Session(board, DecodingSettings())
    session.restore(saved)
    generation = session.generation
    before = generation.text
    assert decode(encode(session.saved())).texts == saved.texts, "not forgotten while the model opens"
    assert before.startswith("The cat is on the table.") and generation.current.loaded is None
    session.open_model("bart-en-fr")
    settle(qtbot, board)
    assert [branch.text for branch in generation.branches] == [before] and not generation.steps
    failures: list[BaseException] = []
    generation.failed.connect(failures.append)
    generation.choose(0)
    assert generation.text == before, "it can be read"
    generation.go_on()
    generation.fork(2)
    assert [str(failure) for failure in failures] == [
        "story-gpt, which wrote this, is not open. Open story-gpt to go on with it."
    ] * 2
    session.open_model("story-gpt")
    settle(qtbot, board)
    assert generation.text == before and generation.current.loaded is session.models.loaded()
    generation.fork(2)
    settle(qtbot, board)
    assert len(generation.branches) == 2


def test_the_text_looked_at_and_the_last_search_come_back(qtbot: QtBot, board: Board) -> None:
    session = written(qtbot, board)
    session.generate(beside=True)
    settle(qtbot, board)
    session.generation.choose(0)
    again = started_again(qtbot, board, decode(encode(session.saved()))).generation
    assert again.current is again.branches[0] and len(again.branches) == 2
    generation = session.generation
    generation.set_settings(DecodingSettings(method="beam", num_beams=3, num_sequences=2, max_new_tokens=6))
    session.generate(beside=True)
    settle(qtbot, board)
    again = started_again(qtbot, board, decode(encode(session.saved()))).generation
    assert again.at_search and again.tree == generation.tree and generation.tree is not None
    assert again.search.prompt == generation.search.prompt
    second = generation.tree.sequences[1]
    again.write_out(second.ids)
    settle(qtbot, board)
    assert again.text.endswith(second.text) and again.current.found_by.startswith("row 2")


def test_a_closed_model_takes_its_logits_but_not_its_texts(qtbot: QtBot, board: Board) -> None:
    session = written(qtbot, board)
    generation, text = session.generation, session.generation.text
    ids = generation.current.ids
    session.open_model("story-bert", slot="B")
    settle(qtbot, board)
    session.models.close("A")
    settle(qtbot, board)
    assert generation.text == text and generation.current.loaded is None
    assert all(step.raw is None and step.context is None for step in generation.steps)
    session.open_model("story-gpt")
    settle(qtbot, board)
    generation.go_on()
    settle(qtbot, board)
    assert generation.current.ids[: len(ids)] == ids and len(generation.current.ids) > len(ids)


def test_texts_of_an_older_file_say_whose_they_are(qtbot: QtBot, board: Board) -> None:
    content = json.loads(encode(written(qtbot, board).saved()))
    branch = content["texts"]["branches"][0]
    ended = [*branch["steps"][-1][:6], True]
    old = {
        name: branch[name] for name in ("prompt_text", "prompt", "parent", "fork", "ended_by", "found_by", "settings")
    }
    old |= {"adapter": "", "searched": None, "steps": [*([*step[:6], False] for step in branch["steps"][:-1]), ended]}
    saved = decode(json.dumps({**content, "version": 5, "texts": [old]}))
    again = started_again(qtbot, board, saved).generation
    assert again.current.ref == again.current.model == "story-gpt" and again.current.kind == "decoder"
    assert [step.token_id for step in again.steps] == [step[0] for step in branch["steps"]]
    assert [step.ends for step in again.steps[-2:]] == [False, True]


def test_damaged_texts_are_left_out(qtbot: QtBot, board: Board) -> None:
    saved = decode(encode(written(qtbot, board).saved()))
    broken = replace(saved, texts={**saved.texts, "branches": [{**saved.texts["branches"][0], "settings": []}]})
    session = started_again(qtbot, board, broken)
    assert session.summary is not None
    assert not session.generation.branches
