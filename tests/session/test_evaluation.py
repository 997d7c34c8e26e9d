"""Models × texts: measured row by row, stopped and gone on with, kept, and never passed off for something new."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from engine.models.fake_hub import our_hub
from pytestqt.qtbot import QtBot
from ui.pages.measured_tables import figures

from app.engine.decode.settings import DecodingSettings
from app.engine.evaluate import causal, perplexity
from app.engine.evaluate.records import Plan
from app.engine.models import load
from app.engine.models.catalogue import resolve
from app.engine.texts.records import FILE, HUB, PASTED, TextSource
from app.jobs.board import Board
from app.session.evaluation import Evaluation
from app.session.measured import DONE, FAILED, NO_SOURCE, NOT_YET, RUNNING, STALE, WAITING, Cell, Contender
from app.session.measured_table import _with_best, table_of
from app.session.session import Session

STORY = "Once upon a time there was a little dog. He liked to run in the park and play with his red ball. " * 30
OTHER = "The council voted on Tuesday to replace the street lamps, a project that will cost three million. " * 20


@pytest.fixture
def board() -> Iterator[Board]:
    made = Board()
    yield made
    made.close()


@pytest.fixture
def session(qtbot: QtBot, board: Board) -> Session:
    made = Session(board, DecodingSettings())
    made.open_model("story-gpt")
    settle(qtbot, board)
    return made


def settle(qtbot: QtBot, board: Board) -> None:
    qtbot.waitUntil(lambda: board.idle, timeout=60_000)


def written(folder: Path, name: str, text: str) -> TextSource:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return TextSource(FILE, name, path=str(path))


def cells(evaluation: Evaluation) -> list[list[Cell]]:
    return [list(line) for line in evaluation.table.cells]


def states(evaluation: Evaluation) -> list[list[str]]:
    return [[cell.state for cell in line] for line in cells(evaluation)]


def test_the_table_has_the_figures_of_the_engine(qtbot: QtBot, board: Board, session: Session, tmp_path: Path) -> None:
    evaluation = session.evaluation
    # Short: a masked model runs once for each token.
    story, other = STORY[:1164], OTHER[:1078]
    evaluation.add_texts([written(tmp_path, "a.txt", story), TextSource(PASTED, "typed", text=other)])
    evaluation.add_model(Contender("story-bert"))
    settle(qtbot, board)
    assert states(evaluation) == [[NOT_YET] * 2] * 2
    evaluation.measure()
    qtbot.waitUntil(lambda: evaluation.running, timeout=5_000)
    settle(qtbot, board)
    assert states(evaluation) == [[DONE] * 2] * 2
    for row, ref in enumerate(("story-gpt", "story-bert")):
        loaded = load(ref)
        for column, text in enumerate((story, other)):
            expected, figures = perplexity(loaded, text), cells(evaluation)[row][column].figures
            assert figures is not None
            assert figures.perplexity == pytest.approx(expected.perplexity, rel=1e-6)
            assert figures.bits_per_byte == pytest.approx(expected.bits_per_byte, rel=1e-6)
            assert figures.tokens == expected.scored
            assert figures.bytes == len(text.encode())
            assert (figures.window, figures.stride) == (expected.plan.window, expected.plan.stride)
            assert figures.standard_error > 0
        figures = cells(evaluation)[row][0].figures
        assert figures is not None and figures.encoding == "utf-8"
        files = sorted(file for file in loaded.folder.iterdir() if file.suffix in (".safetensors", ".json", ".txt"))
        said = "".join(f"{hashlib.sha256(each.read_bytes()).hexdigest()}  {each.name}\n" for each in files)
        assert figures.model_contents == hashlib.sha256(said.encode()).hexdigest(), "as sha256sum says it"
    assert not any(cell.best for line in cells(evaluation) for cell in line), "two kinds of figures are no ranking"
    assert evaluation.table.objectives == ("causal", "masked")
    evaluation.add_model(Contender("story-gpt", "bf16"))
    settle(qtbot, board)
    assert [line[0].state for line in cells(evaluation)] == [DONE, DONE, NOT_YET]
    evaluation.measure()
    settle(qtbot, board)
    third = cells(evaluation)[2][0].figures
    assert third is not None and third.precision == "bf16"
    assert not any(line[0].best for line in cells(evaluation)), "a thousandth is a tie"
    parts = evaluation._parts()
    worse = replace(third, bits_per_byte=third.bits_per_byte * 1.5)
    ranked = table_of(replace(parts, figures={**parts.figures, third.key: worse}))
    assert [line[0].best for line in ranked.cells] == [True, False, False], "the masked model is ranked apart"


def test_nothing_old_passes_for_new(qtbot: QtBot, board: Board, session: Session, tmp_path: Path) -> None:
    evaluation = session.evaluation
    source = written(tmp_path, "a.txt", STORY)
    model = tmp_path / "model"
    shutil.copytree(load("story-gpt").folder, model)
    evaluation.add_texts([source])
    evaluation.add_model(Contender(str(model)))
    settle(qtbot, board)
    evaluation.measure()
    settle(qtbot, board)
    assert states(evaluation) == [[DONE], [DONE]]
    evaluation.set_plan(Plan(64, 32))
    stale = cells(evaluation)[0][0]
    assert stale.state == STALE and "the windows" in stale.error
    evaluation.set_plan(Plan())
    assert states(evaluation) == [[DONE], [DONE]], "the old windows have their figures still"
    Path(source.path).write_text(STORY + "The end.", encoding="utf-8")
    evaluation.look()
    settle(qtbot, board)
    stale = cells(evaluation)[0][0]
    assert stale.state == STALE and "the text" in stale.error and "model" not in stale.error
    evaluation.measure()
    settle(qtbot, board)
    assert states(evaluation) == [[DONE], [DONE]]
    os.utime(model / "model.safetensors", (1, 1))
    evaluation.look()
    settle(qtbot, board)
    assert states(evaluation) == [[DONE], [STALE]]
    assert "model" in cells(evaluation)[1][0].error
    shutil.rmtree(model)
    evaluation.look()
    settle(qtbot, board)
    assert "no longer there" in cells(evaluation)[1][0].error


def test_a_dataset_of_the_hub_is_read_at_one_commit_and_measured_anew_at_the_next(
    qtbot: QtBot, board: Board, session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    evaluation, read = session.evaluation, []
    # Imported before the fake hub is there, as a start of the program has it.
    import datasets

    def load_dataset(name: str, _config: object, *, streaming: bool, revision: str) -> dict[str, object]:
        assert name == "ada/tales" and streaming
        read.append(revision)
        return {"test": datasets.Dataset.from_list([{"text": f"{OTHER} {revision}"}]).to_iterable_dataset()}

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    with our_hub(monkeypatch, tmp_path / "cache") as hub:
        hub.datasets["ada/tales"] = "1" * 40
        evaluation.add_texts([TextSource(HUB, "tales", path="ada/tales")])
        settle(qtbot, board)
        evaluation.measure()
        settle(qtbot, board)
        assert states(evaluation) == [[DONE]]
        first = evaluation.all_figures()[0]
        assert (first.column, first.split, first.limit) == ("text", "", 0)
        assert (first.revision, read) == ("1" * 40, ["1" * 40, "1" * 40]), "measured, and read for the text on screen"
        hub.datasets["ada/tales"] = "2" * 40
        evaluation.look(lambda: None)
        settle(qtbot, board)
        stale = cells(evaluation)[0][0]
        assert stale.state == STALE and "what changed: the text." in stale.error
        evaluation.measure()
        settle(qtbot, board)
        second = evaluation.all_figures()[0]
        assert second.revision == read[-1] == "2" * 40 and second.text_hash != first.text_hash
        hub.broken = 503
        evaluation.look(lambda: None)
        settle(qtbot, board)
        stale = cells(evaluation)[0][0]
        assert stale.state == STALE and "cannot be compared" in stale.error and "503" in stale.error


def test_a_cell_that_cannot_be_measured_says_why_and_the_others_go_on(
    qtbot: QtBot, board: Board, session: Session, tmp_path: Path
) -> None:
    evaluation = session.evaluation
    broken = tmp_path / "broken.jsonl"
    broken.write_text('{"text": "one"}\n{"text": \n', encoding="utf-8")
    evaluation.add_texts(
        [
            TextSource(FILE, "broken", path=str(broken), column="text"),
            TextSource(PASTED, "short", text="a"),
            TextSource(PASTED, "good", text=OTHER),
        ]
    )
    evaluation.add_model(Contender("bart-en-fr"))
    evaluation.add_model(Contender(str(tmp_path)))
    settle(qtbot, board)
    assert [cell.state for cell in cells(evaluation)[1]] == [NO_SOURCE, NO_SOURCE, NO_SOURCE]
    evaluation.measure()
    settle(qtbot, board)
    first, second, third = cells(evaluation)
    assert [cell.state for cell in first] == [FAILED, FAILED, DONE]
    assert "line 2" in first[0].error
    assert "fewer than two tokens" in first[1].error
    assert [cell.state for cell in second] == [NO_SOURCE] * 3, "its config tells, before and after measuring"
    assert "no source" in second[2].error
    assert all(cell.state in (NOT_YET, FAILED) for cell in third)
    assert not evaluation.running


def test_stopped_and_gone_on_with(
    qtbot: QtBot, board: Board, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(causal, "BATCH_TOKENS", {"cpu": 8})
    evaluation = session.evaluation
    evaluation.set_plan(Plan(16, 4))
    evaluation.add_texts([TextSource(PASTED, "one", text=OTHER[:120]), TextSource(PASTED, "long", text=STORY)])
    settle(qtbot, board)
    evaluation.measure()
    qtbot.waitUntil(lambda: states(evaluation)[0] == [DONE, RUNNING] and cells(evaluation)[0][1].share > 0.02)
    evaluation.cancel()
    settle(qtbot, board)
    assert states(evaluation) == [[DONE, NOT_YET]]
    assert not evaluation.running
    begun = next(iter(evaluation._begun.values()))
    before = begun.scoring._tokens
    assert before > 0
    evaluation.measure()
    qtbot.waitUntil(lambda: states(evaluation)[0][1] in (RUNNING, DONE))
    assert evaluation.scores(evaluation.all_figures()[0].key) is not None
    settle(qtbot, board)
    figures = cells(evaluation)[0][1].figures
    assert figures is not None
    expected = perplexity(load("story-gpt"), STORY, window=16, stride=4)
    assert figures.perplexity == pytest.approx(expected.perplexity, rel=1e-6)
    assert begun.scoring.finished, "the same measurement went on"


def test_inspecting_goes_on_while_measuring(
    qtbot: QtBot, board: Board, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(causal, "BATCH_TOKENS", {"cpu": 16})
    evaluation = session.evaluation
    evaluation.set_plan(Plan(16, 1))
    evaluation.add_texts([TextSource(PASTED, "long", text=STORY)])
    settle(qtbot, board)
    evaluation.measure()
    qtbot.waitUntil(lambda: states(evaluation) == [[RUNNING]])
    session.set_prompt("The cat sat on the mat.")
    qtbot.waitUntil(lambda: session.inspection.ready, timeout=20_000)
    assert states(evaluation) == [[RUNNING]], "the reading came between the measurement's steps"
    evaluation.cancel()
    settle(qtbot, board)


def test_a_model_closed_meanwhile_is_told_in_its_cells(
    qtbot: QtBot, board: Board, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(causal, "BATCH_TOKENS", {"cpu": 16})
    session.open_model("story-gpt", slot="B", precision="bf16")
    settle(qtbot, board)
    evaluation = session.evaluation
    evaluation.set_plan(Plan(16, 1))
    evaluation.remove_row(0)
    evaluation.add_texts([TextSource(PASTED, "long", text=STORY), TextSource(PASTED, "other", text=OTHER)])
    settle(qtbot, board)
    told: list[tuple[str, str]] = []
    session.failed.connect(lambda page, error: told.append((page, str(error))))
    evaluation.measure()
    qtbot.waitUntil(lambda: cells(evaluation)[0][0].share > 0.005)
    session.models.close("B")
    settle(qtbot, board)
    assert not evaluation.running and states(evaluation) == []
    assert [page for page, _ in told] == ["evaluate"], "its row is gone: it is said, and once"
    assert "was closed" in told[0][1]
    (begun,) = evaluation._begun.values()
    before = begun.scoring._tokens
    assert before > 0
    monkeypatch.undo()
    session.open_model("story-gpt", slot="B", precision="bf16")
    settle(qtbot, board)
    assert [cell.state for cell in cells(evaluation)[0]] == [FAILED, FAILED]
    evaluation.measure()
    settle(qtbot, board)
    assert states(evaluation) == [[DONE, DONE]]
    assert begun.scoring.finished and begun.scoring._tokens > before, "what was measured before was kept"


def test_a_row_whose_turn_comes_late_is_measured_with_its_own_model(
    qtbot: QtBot, board: Board, session: Session
) -> None:
    """A and B change places, and then A is another, while their rows wait."""
    evaluation = session.evaluation
    session.open_model("story-gpt", slot="B", precision="bf16")
    settle(qtbot, board)
    evaluation.add_texts([TextSource(PASTED, "typed", text=OTHER)])
    settle(qtbot, board)
    told: list[str] = []
    evaluation.failed.connect(lambda error: told.append(str(error)))
    evaluation.measure()
    qtbot.waitUntil(lambda: bool(evaluation._queue))
    session.models.swap()
    settle(qtbot, board)
    precisions = {cell.figures.precision for line in cells(evaluation) for cell in line if cell.figures}
    assert precisions == {"fp32", "bf16"} and not told
    evaluation.measure([(0, 0), (1, 0)])
    qtbot.waitUntil(lambda: bool(evaluation._queue))
    session.models.close("B")
    settle(qtbot, board)
    assert "no longer open as it was" in told[0]


def test_figures_tokens_and_notes_come_back(qtbot: QtBot, board: Board, session: Session, tmp_path: Path) -> None:
    path = tmp_path / "kept" / "evaluation.json"
    evaluation = session.evaluation
    evaluation.keep_in(path)
    settle(qtbot, board)
    evaluation.add_texts([written(tmp_path, "a.txt", STORY)])
    evaluation.add_model(Contender("story-bert"))
    evaluation.set_plan(Plan(32, 16))
    settle(qtbot, board)
    evaluation.measure()
    settle(qtbot, board)
    key = evaluation.all_figures()[0].key
    evaluation.note(key, "before the change")
    evaluation.finish()
    settle(qtbot, board)
    again = Session(board, DecodingSettings())
    again.open_model("story-gpt")
    settle(qtbot, board)
    again.evaluation.keep_in(path)
    settle(qtbot, board)
    assert states(again.evaluation) == [[DONE], [DONE]]
    assert again.evaluation.plan == Plan(32, 16)
    assert again.evaluation.all_figures()[0].note == "before the change"
    assert [replace(each, note="") for each in again.evaluation.all_figures()] == [
        replace(each, note="") for each in evaluation.all_figures()
    ]
    view = again.evaluation_view
    view.choose(0, 0)
    settle(qtbot, board)
    assert view.reading is not None, "its tokens were kept in a file"
    held = evaluation.scores(key)
    assert held is not None
    np.testing.assert_array_equal(view._scores[0].token_nats, held.token_nats)


def test_a_broken_file_is_kept_aside(qtbot: QtBot, board: Board, session: Session, tmp_path: Path) -> None:
    path = tmp_path / "evaluation.json"
    path.write_text(json.dumps({"version": 99}), encoding="utf-8")
    told: list[str] = []
    session.evaluation.noted.connect(told.append)
    session.evaluation.keep_in(path)
    settle(qtbot, board)
    assert "could not be read" in told[0]
    assert list(tmp_path.glob("*unreadable*"))


def test_two_models_on_one_text(qtbot: QtBot, board: Board, session: Session) -> None:
    evaluation, view = session.evaluation, session.evaluation_view
    evaluation.add_texts([TextSource(PASTED, "typed", text=OTHER)])
    evaluation.add_model(Contender("story-gpt", "bf16"))
    settle(qtbot, board)
    evaluation.measure()
    settle(qtbot, board)
    reading = view.reading
    assert reading is not None, "the first cell that was measured is shown"
    view.choose(1, 0)
    settle(qtbot, board)
    reading = view.reading
    assert reading is not None
    assert [each.model for each in reading.figures] == ["story-gpt", "story-gpt bf16"]
    assert reading.slots == ("A", "B"), "a model that is open keeps its letter and stands above"
    assert reading.chosen == 1
    view.compare_with(None)
    settle(qtbot, board)
    assert view.reading is not None and view.reading.slots == ("",), "alone, a model that is not open has no letter"
    view.compare_with(0)
    settle(qtbot, board)
    assert "".join(piece.text for piece in reading.page.rows[0]) == OTHER[: reading.page.stop]
    assert reading.comparison is not None
    assert reading.comparison.difference == pytest.approx(
        reading.figures[0].bits_per_byte - reading.figures[1].bits_per_byte
    )
    evaluation.remove_row(1)
    settle(qtbot, board)
    assert view.reading is None
    view.choose(0, 0)
    settle(qtbot, board)
    found: list[object] = []
    view.candidates_read.connect(lambda _which, candidates: found.append(candidates))
    view.read_candidates(0, 5)
    settle(qtbot, board)
    assert found and found[0][0].probability == pytest.approx(view._scores[0].confidence[5], rel=1e-3)  # type: ignore[index]
    assert OTHER.startswith(view.context_before(0, 5))


def test_a_model_that_is_open_stands_once_in_the_table(qtbot: QtBot, board: Board, session: Session) -> None:
    evaluation, folder = session.evaluation, str(resolve("story-gpt"))
    evaluation.add_model(Contender(folder))
    settle(qtbot, board)
    assert [(each.ref, each.slot) for each in evaluation.contenders] == [("story-gpt", "A")]
    session.models.close("A")
    settle(qtbot, board)
    assert [each.ref for each in evaluation.contenders] == [folder], "it stays when it is closed"
    session.open_model("story-gpt")
    settle(qtbot, board)
    evaluation.remove_row(0)
    settle(qtbot, board)
    assert evaluation.contenders == () and evaluation.others == ()


def test_all_that_are_lowest_are_ticked_where_somebody_is_behind() -> None:
    def best(*bits: float) -> list[bool]:
        cells = [[Cell(DONE, figures(bits=each))] for each in bits]
        return [line[0].best for line in _with_best(cells)]

    assert best(1.602, 1.603, 7.720) == [True, True, False]
    assert best(1.602, 1.603) == [False, False]
    assert best(1.6, 1.7) == [True, False]
    assert best(1.6) == [False]


def test_waiting_cells_say_so(qtbot: QtBot, board: Board, session: Session) -> None:
    evaluation = session.evaluation
    evaluation.add_texts([TextSource(PASTED, "a", text=STORY), TextSource(PASTED, "b", text=STORY + ".")])
    settle(qtbot, board)
    seen: set[tuple[str, ...]] = set()
    evaluation.table_changed.connect(lambda: seen.update(tuple(line) for line in states(evaluation)))
    evaluation.measure()
    settle(qtbot, board)
    assert (WAITING, WAITING) in seen or (RUNNING, WAITING) in seen
    assert states(evaluation) == [[DONE, DONE]]
