"""Finetuning in the session: data and costs follow the settings, others look between steps, runs come back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from app.engine.decode import stream
from app.engine.decode.settings import DecodingSettings
from app.engine.errors import UserError
from app.engine.evaluate import causal, perplexity
from app.engine.evaluate.records import Plan
from app.engine.finetune.records import HeldOutReport, RunEnd, SampleReport, Shape, StepReport
from app.engine.finetune.settings import FinetuneSettings
from app.engine.models import load
from app.engine.texts.records import FILE, PASTED, TextSource
from app.jobs.board import Board
from app.jobs.job import State
from app.session import work
from app.session.comparing import BEFORE, Choice, Compared, Measured, Written, compare
from app.session.demo import Demo
from app.session.saved import decode, encode
from app.session.session import Session
from app.session.state import OpenRequest

LONG = "Once upon a time there was a little dog. He liked to run in the park and play with his red ball. " * 20


@pytest.fixture
def board() -> Iterator[Board]:
    made = Board()
    yield made
    made.close()


@pytest.fixture
def session(qtbot: QtBot, board: Board, tmp_path: Path) -> Session:
    made = Session(board, DecodingSettings())
    made.open_model("story-gpt")
    settle(qtbot, board)
    made.finetuning.runs.keep_in(tmp_path / "runs")
    made.finetuning.data.set_settings(
        FinetuneSettings(max_steps=8, learning_rate=5e-3, batch_size=4, prompts=("The sky",), sample_tokens=5)
    )
    settle(qtbot, board)
    return made


@pytest.fixture
def data(tmp_path: Path) -> TextSource:
    path = tmp_path / "pairs.jsonl"
    lines = [{"prompt": f"{number}. The sky is", "completion": " very blue today."} for number in range(30)]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return TextSource(FILE, path.name, path=str(path))


def settle(qtbot: QtBot, board: Board) -> None:
    qtbot.waitUntil(lambda: board.idle, timeout=60_000)


def chosen(qtbot: QtBot, board: Board, session: Session, data: TextSource) -> None:
    session.finetuning.data.choose(data)
    settle(qtbot, board)


def test_data_and_costs_follow_the_settings(qtbot: QtBot, board: Board, session: Session, data: TextSource) -> None:
    finetuning = session.finetuning
    chosen(qtbot, board, session, data)
    preview, costs = finetuning.data.preview, finetuning.data.costs
    assert preview is not None and preview.usable == 30 and preview.held_out == 3
    assert costs is not None and costs.steps == 8 and costs.trainable < costs.total
    assert finetuning.data.groups[0][0] == "Q, K, V"
    finetuning.data.set_settings(FinetuneSettings(held_out=0.5, rank=2, max_steps=8))
    qtbot.waitUntil(
        lambda: finetuning.data.preview is not preview and finetuning.data.costs is not costs, timeout=20_000
    )
    settle(qtbot, board)
    assert finetuning.data.preview is not None and finetuning.data.preview.held_out == 15
    assert finetuning.data.costs is not None and finetuning.data.costs.trainable == costs.trainable // 4
    told: list[object] = []
    finetuning.data.tokens_read.connect(lambda _place, tokens: told.append(tokens))
    finetuning.data.read_tokens(finetuning.data.preview.rows[0].place)
    settle(qtbot, board)
    tokens = told[0]
    assert "".join(token.text for token in tokens if token.trained and not token.special) == " very blue today."  # type: ignore[attr-defined]
    assert session.models.loaded().adapter is None  # type: ignore[union-attr]
    assert finetuning.data.defaults.learning_rate == 5e-3, "that of a small model"
    finetuning.data.set_settings(replace(finetuning.data.defaults, rank=4))
    finetuning.data.change_settings(replace(finetuning.data.settings, method="full"))
    settings = finetuning.data.settings
    assert (settings.learning_rate, settings.rank) == (1e-3, 4), "what the person chose stays"
    assert "fewer than 30M" in finetuning.data.reasons["learning_rate"]


def test_a_run_while_the_model_is_looked_at(qtbot: QtBot, board: Board, session: Session, data: TextSource) -> None:
    finetuning = session.finetuning
    chosen(qtbot, board, session, data)
    finetuning.data.set_settings(FinetuneSettings(max_steps=400, learning_rate=2e-3, batch_size=4, evaluate_every=200))
    settle(qtbot, board)
    reports: list[object] = []
    finetuning.reported.connect(reports.append)
    finetuning.start()
    qtbot.waitUntil(lambda: finetuning.step > 3, timeout=20_000)
    # The model that is trained stays where it is.
    refused: list[BaseException] = []
    session.models.failed.connect(refused.append)
    session.open_model("story-bert")
    session.models.close("A")
    with pytest.raises(UserError, match="is being trained"):
        Demo(session).play(Path(__file__).parents[2] / "resources" / "demos" / "a-story.unembed.json")
    assert session.models.loaded() is session.models.in_training is not None and session.models.opening is None
    assert [str(each).partition(". ")[0] for each in refused] == ["story-gpt is being trained and stays open"] * 2
    session.set_prompt("The cat sat on the mat.")
    qtbot.waitUntil(lambda: session.inspection.ready, timeout=20_000)
    assert finetuning.running and finetuning.step < 400, "the reading came between two steps"
    assert session.models.adapter_words().startswith("training, step ")
    assert session.evaluation.contenders == ()
    generation = session.generation
    generation.set_settings(DecodingSettings(method="greedy", max_new_tokens=12))
    session.generate()
    qtbot.waitUntil(lambda: not generation.running, timeout=20_000)
    weights = [step.training_step for step in generation.steps if step.training_step is not None]
    assert len(weights) == len(generation.steps) and weights == sorted(weights) and weights[-1] > weights[0] > 0
    assert generation.current.training_words == f"the weights of training steps {weights[0]} to {weights[-1]}"
    finetuning.pause()
    qtbot.waitUntil(lambda: any(job.state is State.PAUSED for job in board.running()), timeout=20_000)
    loaded = session.models.loaded()
    assert finetuning.paused and loaded is not None
    held = loaded.training_step
    assert held is not None and finetuning.step == held, "what was done is reported before the pause is"
    told = next(job.progress for job in board.running() if job.state is State.PAUSED)
    assert told is not None and told.text == f"step {held:,} of 400" and told.seconds_left is not None
    session.generate()
    qtbot.waitUntil(lambda: not generation.running, timeout=20_000)
    assert finetuning.step == loaded.training_step == held
    assert generation.current.training_words == f"the weights of training step {held}"
    expected = [step.token_id for step in stream(loaded, session.prompt, generation.settings)]
    assert list(generation.current.ids) == expected, "by these weights alone, nothing is taken from older ones"
    finetuning.stop()
    settle(qtbot, board)
    assert not finetuning.running
    assert finetuning.runs.entries[0].state == "stopped" and finetuning.runs.entries[0].step == finetuning.step
    assert session.models.adapter_words() == "with LoRA"
    session.generate()
    settle(qtbot, board)
    assert generation.current.training_words == "", "the model is trained, and keeps its weights"
    request = session.models.request("A")
    assert request is not None and request.ref == str(finetuning.runs.folder), "the next start opens what was learnt"
    kept, failures, ends = finetuning.runs.folder, list[BaseException](), list[object]()
    finetuning.failed.connect(failures.append)
    finetuning.ended.connect(ends.append)
    assert kept is not None
    finetuning.resume(kept)
    qtbot.waitUntil(lambda: finetuning.step > held, timeout=20_000)
    finetuning.discard()
    settle(qtbot, board)
    assert ends == [None] and not failures
    assert session.models.adapter_words() == "with LoRA", "thrown away is what came after the stop"
    (kept / "run.json").rename(kept / "gone.json")
    finetuning.resume(kept)
    settle(qtbot, board)
    assert len(failures) == 1 and ends == [None], "a run that never began has not ended"


def measuring(qtbot: QtBot, board: Board, session: Session, monkeypatch: pytest.MonkeyPatch) -> list[BaseException]:
    """Model A is being measured in many small steps; gives what will be said of it."""
    monkeypatch.setattr(causal, "BATCH_TOKENS", {"cpu": 32})
    said: list[BaseException] = []
    evaluation = session.evaluation
    evaluation.failed.connect(said.append)
    evaluation.set_plan(Plan(32, 8))
    evaluation.add_texts([TextSource(PASTED, "long", text=LONG)])
    settle(qtbot, board)
    evaluation.measure()
    qtbot.waitUntil(lambda: evaluation.table.cells[0][0].share > 0.02)
    return said


def test_thrown_away_and_gone_on_with(
    qtbot: QtBot, board: Board, session: Session, data: TextSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    finetuning = session.finetuning
    chosen(qtbot, board, session, data)
    finetuning.data.set_settings(FinetuneSettings(max_steps=30, learning_rate=2e-3, batch_size=4, save_every=1))
    settle(qtbot, board)
    lost = measuring(qtbot, board, session, monkeypatch)
    session.open_model("story-bert")
    finetuning.start()
    qtbot.waitUntil(lambda: finetuning.step > 2, timeout=20_000)
    finetuning.pause()
    qtbot.waitUntil(lambda: not session.opening, timeout=20_000)
    assert session.models.loaded() is session.models.in_training, "what was being opened does not take its place"
    finetuning.discard()
    settle(qtbot, board)
    loaded = session.models.loaded()
    assert loaded is not None and loaded.adapter is None
    assert "is being trained" in str(lost[0]) and not session.evaluation._figures, "no figure is of two models"
    monkeypatch.undo()
    session.evaluation.measure()
    settle(qtbot, board)
    (figures,) = session.evaluation.all_figures()
    assert figures.perplexity == pytest.approx(perplexity(loaded, LONG, window=32, stride=8).perplexity, rel=1e-6)
    run = finetuning.runs.entries[0]
    assert run.state == "unfinished" and run.checkpoints
    # The next start has the data, the settings and the run again.
    finetuning.data.choose_shape(Shape("text", (("text", "completion"),)))
    finetuning.data.set_settings(replace(finetuning.data.settings, prompts=("The sea",)))
    settle(qtbot, board)
    other = Session(board, DecodingSettings())
    other.restore(decode(encode(session.saved())))
    other.finetuning.runs.keep_in(Path(run.folder).parent)
    settle(qtbot, board)
    assert other.finetuning.runs.last is None
    other.open_model("story-gpt")
    settle(qtbot, board)
    again, kept, runs = other.finetuning.data, finetuning.data, other.finetuning.runs
    assert (again.source, again.shape, again.settings) == (kept.source, kept.shape, kept.settings)
    assert again.preview is not None and again.preview.shape == kept.shape and again.reasons == kept.reasons
    assert runs.last is not None and runs.last[0] == run and runs.folder == Path(run.folder)
    assert [each.step for each in runs.last[1] if isinstance(each, StepReport)][-1] == run.step
    before: list[object] = []
    ends: list[RunEnd] = []
    finetuning.began.connect(before.append)
    finetuning.ended.connect(ends.append)
    finetuning.resume(Path(run.folder))
    settle(qtbot, board)
    assert ends[0].step == 30
    resumed = [report for report in before[0] if isinstance(report, StepReport)]  # type: ignore[attr-defined]
    assert len(resumed) == run.checkpoints[-1]
    assert loaded.adapter is not None


def test_before_and_after(
    qtbot: QtBot, board: Board, session: Session, data: TextSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    finetuning, view = session.finetuning, session.finetune_view
    chosen(qtbot, board, session, data)
    told: list[object] = []
    finetuning.reported.connect(told.append)
    assert not view.possible
    finetuning.start()
    settle(qtbot, board)
    assert [type(report) for report in told].count(SampleReport) == [type(report) for report in told].count(
        HeldOutReport
    )
    assert view.possible
    written: list[Written] = []
    compared: list[Compared] = []
    view.written.connect(written.append)
    view.compared.connect(compared.append)
    view.write("1. The sky is")
    settle(qtbot, board)
    assert written[0].texts[0] != written[0].texts[1]
    view.compare("1. The sky is very blue today.")
    settle(qtbot, board)
    assert compared[0].weights and all(change.norm > 0 for change in compared[0].weights)
    first, *_, last = finetuning.runs.entries[0].checkpoints
    view.look_at_run(first)
    view.compare("1. The sky is very blue today.")
    settle(qtbot, board)
    early, late = (sum(change.norm for change in each.weights) for each in reversed(compared))
    assert early < late, "at the first checkpoint the weights had moved less"
    # Checkpoint against checkpoint: the last one is the model as it is.
    choices = {choice.step: choice for choice in view.choices()}
    assert list(choices)[:2] == [BEFORE, None] and choices[BEFORE].name == "story-gpt"
    for step in (first, None):
        view.choose(choices[last], choices[step])
        view.compare("1. The sky is very blue today.")
        settle(qtbot, board)
    assert compared[-2].weights and not compared[-1].weights
    assert np.nanmax(compared[-2].comparison.heads["self"]) > np.nanmax(compared[-1].comparison.heads["self"]) == 0.0
    measured: list[Measured] = []
    view.measured.connect(measured.append)
    view.measure(view.before_after)
    settle(qtbot, board)
    assert measured[0].figures.new is not None and measured[0].figures.old is not None
    assert measured[0].figures.new.perplexities[0] > measured[0].figures.new.perplexities[1]
    # The run's own result beside it as B, with the adapter there too: nothing is between the two but a name.
    session.models.open(OpenRequest(str(finetuning.runs.folder), slot="B"))
    settle(qtbot, board)
    assert view.sides is not None and [(side.slot, side.step) for side in view.sides] == [("A", None), ("B", None)]
    assert view.sides[0].name.startswith("A: ")
    view.compare("1. The sky is very blue today.")
    settle(qtbot, board)
    assert not compared[-1].weights and np.nanmax(compared[-1].comparison.heads["self"]) == 0.0
    now = {(choice.slot, choice.step): choice for choice in view.choices()}
    view.choose(now["B", BEFORE], now["A", None])
    view.compare("1. The sky is very blue today.")
    settle(qtbot, board)
    assert len(compared[-1].weights) == 16, "B's adapter off against A's on"
    session.models.close("B")
    settle(qtbot, board)
    loaded = session.models.loaded()
    assert loaded is not None and loaded.adapter_active
    lost = measuring(qtbot, board, session, monkeypatch)
    session.models.set_adapter_active("A", False)
    settle(qtbot, board)
    assert "adapter was switched" in str(lost[0]) and not session.evaluation._figures
    assert session.models.adapter_words() == "adapter off"
    assert session.evaluation.contenders[0].ref == "story-gpt"


def test_what_cannot_be_trained_says_why(
    qtbot: QtBot, board: Board, session: Session, data: TextSource, tmp_path: Path
) -> None:
    failures: list[BaseException] = []
    session.finetuning.failed.connect(failures.append)
    session.finetuning.start()
    assert "nothing to learn from" in str(failures[-1])
    empty = tmp_path / "empty.jsonl"
    empty.write_text('{"prompt": "", "completion": ""}\n', encoding="utf-8")
    chosen(qtbot, board, session, TextSource(FILE, "empty.jsonl", path=str(empty)))
    assert isinstance(failures[-1], UserError)
    found = session.finetuning.data
    assert found.preview is None and not session.finetuning.running
    # One that can be used comes with its settings; after it one that cannot changes nothing.
    found.choose(data, settings=FinetuneSettings(held_out=0.5, prompts=("Ahoy",)))
    assert found.reading == data.name and found.source is None, "nothing is taken before it was read"
    settle(qtbot, board)
    assert not found._ask.isActive() and found.preview is not None and found.preview.held_out == 15
    kept = found.source, found.shape, found.settings, found.preview, found.dataset
    assert kept[0] == data and found.settings.prompts == ("Ahoy",)
    for refused in (TextSource(FILE, "empty.jsonl", path=str(empty)), TextSource(FILE, "gone", path="gone.jsonl")):
        found.choose(refused, settings=FinetuneSettings(rank=2))
        settle(qtbot, board)
        assert refused.name in str(failures[-1])
        assert (found.source, found.shape, found.settings, found.preview, found.dataset) == kept and not found.reading
    found.choose(TextSource(FILE, "empty.jsonl", path=str(empty)))
    board.running()[-1].cancel()
    settle(qtbot, board)
    assert found.source == data and found.preview is kept[3] and not found.reading


def test_what_is_looked_at_in_training_is_of_one_step_that_is_named(
    qtbot: QtBot, board: Board, session: Session, data: TextSource
) -> None:
    """Also what no trace keeps, such as what a module gave: it is never of other weights than the rest."""
    finetuning, inspection = session.finetuning, session.inspection
    chosen(qtbot, board, session, data)
    finetuning.data.set_settings(
        FinetuneSettings(method="full", max_steps=4000, learning_rate=1e-3, batch_size=2, evaluate_every=4000)
    )
    settle(qtbot, board)
    session.set_prompt("The cat sat on the mat.")
    seen: list[tuple[int | None, str, np.ndarray]] = []
    inspection.tensor_read.connect(lambda read: seen.append((inspection.training_step, read.name, read.values)))
    session.select(name="blocks.3.mlp.out")
    settle(qtbot, board)
    finetuning.start()
    qtbot.waitUntil(lambda: len({step for step, _, _ in seen if step is not None}) >= 2, timeout=20_000)
    assert session.training_step is not None
    assert session.models.adapter_words() == f"training, step {session.training_step:,}"
    first, second = seen[-2:]
    assert first[0] is not None and second[0] is not None and first[0] < second[0]
    assert not np.array_equal(first[2], second[2]), "the step after has other weights"
    session.select(name="transformer.h.3.mlp")
    qtbot.waitUntil(lambda: seen[-1][1] == "transformer.h.3.mlp", timeout=20_000)
    session.generation.set_settings(DecodingSettings(method="greedy", max_new_tokens=20))
    session.generate()
    qtbot.waitUntil(lambda: not session.generation.running, timeout=20_000)
    steps = session.generation.current.training_steps
    assert steps and session.training_step is not None and steps[-1] <= session.training_step
    at = session.training_step
    session.generation.set_settings(DecodingSettings(method="beam", num_beams=3, num_sequences=2, max_new_tokens=6))
    session.generate()
    qtbot.waitUntil(lambda: not session.generation.running, timeout=20_000)
    assert session.generation.tree is not None and session.generation.tree.sequences
    qtbot.waitUntil(lambda: (session.training_step or 0) > at, timeout=20_000)
    finetuning.discard()
    settle(qtbot, board)
    assert session.training_step is None and session.models.adapter_words() == ""
    assert inspection.training_step is None, "what is shown is of the weights from before again"


def test_an_encoder_decoder_is_compared_on_what_its_first_side_wrote() -> None:
    bart = load("bart-en-fr")
    sides = Choice("A", None, "one"), Choice("A", None, "other")
    steps = compare(((bart, None, None), (bart, None, None)), sides, "I am tired.")
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            found: Compared = stop.value
            break
    written = "".join(step.text for step in stream(bart, "I am tired.", DecodingSettings(method="greedy")))
    assert "".join(token.text for token in found.target_tokens if not token.special).strip() == written.strip()
    rows = found.patterns["cross", 0][0].shape
    assert rows[1:] == (len(found.target_tokens), len(found.tokens))
    assert set(found.comparison.heads) == {"encoder", "self", "cross"} and not found.weights
    # In training it may write less than a moment ago, and something behind the new end be what was looked at.
    asked = [work.Asked(("candidates", at), work.read_candidates, (at,)) for at in (0, len(found.target_tokens), 1)]
    again = next(work.read_again(bart, "I am tired.", "", (), asked))
    assert again.texts.targets == found.target_tokens and [key for key, _ in again.answers] == [
        asked[0].key,
        asked[2].key,
    ]
