"""The session on a real, small model: what is chosen is read, and only that arrives."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from engine.tiny_models import SENTENCES, save_tiny
from pytestqt.qtbot import QtBot

from app.engine.decode.settings import DecodingSettings
from app.engine.errors import UserError
from app.engine.models import load
from app.engine.trace import trace
from app.jobs.board import Board
from app.session.session import Session

TEXT = SENTENCES[0]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny(tmp_path_factory.mktemp("session") / "tiny-llama", "llama", special=True)


@pytest.fixture
def session(qtbot: QtBot, folder: Path) -> Iterator[Session]:
    board = Board()
    made = Session(board, DecodingSettings(seed=1, max_new_tokens=12))
    made.open_model(folder)
    qtbot.waitUntil(lambda: made.summary is not None, timeout=60_000)
    yield made
    board.close()


def settle(qtbot: QtBot, session: Session) -> None:
    qtbot.waitUntil(lambda: session.inspection._board.idle, timeout=20_000)


def test_a_prompt_becomes_tokens_shapes_thumbnails_and_readings(qtbot: QtBot, session: Session, folder: Path) -> None:
    session.set_prompt(TEXT)
    settle(qtbot, session)
    inspection = session.inspection
    expected = trace(load(folder), TEXT)
    assert inspection.tokens == expected.tokens
    assert [name for name, info in inspection.infos.items() if not info.absent] == list(expected.names())
    assert inspection.infos["pos_embed"].absent
    assert sorted(inspection.thumbnails) == [("self", 0), ("self", 1), ("self", 2)]
    assert inspection.head is not None
    assert (inspection.head.layer, inspection.head.head) == (1, 0), "the middle of the model is shown first"
    assert np.array_equal(inspection.head.pattern, expected.attention(1, 0).numpy())
    pooled = inspection.thumbnails["self", 2]
    assert pooled.patterns is not None
    assert pooled.pooled == 1
    assert np.allclose(pooled.patterns[3], expected.attention(2, 3).numpy(), atol=1e-6)
    best = inspection.candidates[len(expected.tokens) - 1][0]
    assert best.token_id == int(expected.logits[-1].argmax())
    assert best.probability == pytest.approx(float(expected.logits[-1].softmax(-1).max()), abs=1e-6)


def test_the_selection_is_read(qtbot: QtBot, session: Session, folder: Path) -> None:
    session.set_prompt(TEXT)
    settle(qtbot, session)
    expected = trace(load(folder), TEXT)
    session.select(layer=2, head=3)
    settle(qtbot, session)
    assert session.selection.name == "blocks.2.attn.pattern"
    assert session.inspection.head is not None
    assert np.array_equal(session.inspection.head.pattern, expected.attention(2, 3).numpy())
    read = []
    session.inspection.tensor_read.connect(read.append)
    session.select(name="blocks.1.mlp.hidden")
    settle(qtbot, session)
    assert session.selection.layer == 1
    assert np.array_equal(read[-1].values, expected["blocks.1.mlp.hidden"].numpy())
    assert read[-1].std == pytest.approx(float(expected["blocks.1.mlp.hidden"].std(correction=0)), rel=1e-5)
    session.select(query=3)
    settle(qtbot, session)
    assert session.inspection.candidates[3][0].token_id == int(expected.logits[3].argmax())


def test_typing_on_drops_the_older_run(qtbot: QtBot, session: Session) -> None:
    for length in (3, 6, 9, len(TEXT)):
        session.set_prompt(TEXT[:length])
    settle(qtbot, session)
    assert "".join(token.text for token in session.inspection.tokens[1:]) == TEXT
    session.set_prompt("")
    settle(qtbot, session)
    assert session.inspection.tokens == ()
    assert not session.inspection.ready


def test_a_bad_folder_leaves_the_model_open(qtbot: QtBot, session: Session, tmp_path: Path) -> None:
    errors: list[tuple[str, object]] = []
    session.failed.connect(lambda page, error: errors.append((page, error)))
    before = session.summary
    session.open_model(tmp_path)
    settle(qtbot, session)
    assert errors[0][0] == "model"
    assert isinstance(errors[0][1], UserError)
    assert session.summary is before
    session.set_prompt(TEXT)
    settle(qtbot, session)
    assert session.inspection.ready


def test_another_model_replaces_the_first_and_frees_it(qtbot: QtBot, session: Session, tmp_path: Path) -> None:
    old = session.models.loaded()
    session.set_prompt(TEXT)
    settle(qtbot, session)
    session.open_model(save_tiny(tmp_path / "tiny-gpt", "gpt2"))
    settle(qtbot, session)
    assert session.summary is not None
    assert session.summary.family == "gpt2"
    assert old is not None
    assert old.model is None
    assert len(session.inspection.tokens) > 3, "the prompt is inspected under the new model"


def test_text_is_generated_and_reproduced(qtbot: QtBot, session: Session) -> None:
    session.set_prompt("Once upon")
    session.generate()
    settle(qtbot, session)
    first = [step.token_id for step in session.generation.steps]
    assert len(first) == 12 or session.generation.ended_by == "end of text"
    assert session.generation.text.startswith("Once upon")
    session.generate()
    settle(qtbot, session)
    assert [step.token_id for step in session.generation.steps] == first


def test_stop_keeps_what_was_written(qtbot: QtBot, session: Session) -> None:
    session.generation.set_settings(DecodingSettings(seed=1, max_new_tokens=100))
    session.set_prompt("Once upon")
    session.generate()
    qtbot.waitUntil(lambda: len(session.generation.steps) > 0, timeout=10_000)
    session.generation.stop()
    settle(qtbot, session)
    assert session.generation.ended_by in ("stopped", "end of text", "length")
    assert session.generation.steps
    assert not session.generation.running


def test_a_step_can_be_looked_at_under_other_settings(qtbot: QtBot, session: Session) -> None:
    session.set_prompt("Once upon")
    session.generate()
    settle(qtbot, session)
    read = []
    session.generation.distribution_read.connect(read.append)
    session.generation.read_distribution(0)
    settle(qtbot, session)
    neutral = read[-1].distribution
    assert neutral.chosen == session.generation.steps[0].token_id
    assert all(row.before == pytest.approx(row.after, abs=1e-6) for row in neutral.rows)
    session.generation.set_settings(replace(session.generation.settings, top_k=3))
    session.generation.read_distribution(0)
    settle(qtbot, session)
    cut = read[-1].distribution
    assert cut.left == 3
    assert [row.cut_by for row in cut.rows[:4]] == ["", "", "", "top_k"]
    assert sum(row.after for row in cut.rows) == pytest.approx(1, abs=1e-5)
    raw = session.generation.steps[0].raw.astype(np.float64)
    expected = np.exp(raw - raw.max()) / np.exp(raw - raw.max()).sum()
    assert cut.rows[0].before == pytest.approx(expected.max(), rel=1e-5)
