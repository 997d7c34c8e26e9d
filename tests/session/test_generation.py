"""Runs of the Generate page without its window: going on, seeds beside each other, searches, what a failure leaves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import torch
from pytestqt.qtbot import QtBot

from app.engine.decode.settings import DecodingSettings
from app.engine.errors import UserError
from app.engine.models.loaded import LoadedModel
from app.jobs.board import Board
from app.session.branches import told_with_settings
from app.session.generated import DistributionReading, RunCost
from app.session.generation import Generation
from app.session.session import Session
from app.ui.pages.generate.parting import named, parting_words

PROMPT = "Once upon a time, there was a"
GREEDY = DecodingSettings(method="greedy", max_new_tokens=16)


class Desk:
    """A session on the bundled model, and how a test waits for it."""

    def __init__(self, qtbot: QtBot, board: Board) -> None:
        self.qtbot, self.board = qtbot, board
        self.session = Session(board, GREEDY)
        self.failures: list[BaseException] = []
        self.session.generation.failed.connect(self.failures.append)
        self.open("story-gpt")
        self.session.set_prompt(PROMPT)
        self.settle()

    @property
    def generation(self) -> Generation:
        return self.session.generation

    @property
    def loaded(self) -> LoadedModel:
        loaded = self.session.models.loaded()
        assert loaded is not None
        return loaded

    def open(self, ref: str, slot: str = "A") -> None:
        self.session.open_model(ref, slot=slot)
        self.settle()

    def settle(self) -> None:
        self.qtbot.waitUntil(lambda: self.board.idle, timeout=60_000)

    def run(self, beside: bool = False, **settings: Any) -> Generation:
        self.generation.set_settings(replace(self.generation.settings, **settings))
        self.session.generate(beside)
        self.settle()
        return self.generation

    def costs(self) -> list[RunCost]:
        told: list[RunCost] = []
        self.generation.cost_told.connect(lambda: told.append(self.generation.cost))  # type: ignore[arg-type]
        return told


@pytest.fixture
def desk(qtbot: QtBot) -> Iterator[Desk]:
    board = Board()
    yield Desk(qtbot, board)
    board.close()


def test_after_a_stop_string_the_model_reads_what_is_written(desk: Desk) -> None:
    whole = desk.run().text
    place = whole.index(" named")
    generation = desk.run(stop=("amed",))
    assert generation.text == whole[: place + 2] and generation.ended_by == "stop string"
    assert generation.steps[-1].shortened
    generation.fork(len(generation.steps))
    desk.settle()
    assert generation.text == whole[: place + 2], "a fork meets the stop again"
    generation.set_settings(replace(generation.settings, stop=()))
    generation.go_on()
    desk.settle()
    assert generation.text.startswith(whole), "what the model read is what stands there"
    assert "".join(step.text for step in generation.steps) == desk.loaded.tokenizer.decode(generation.current.ids)


def test_a_beam_is_written_out_as_it_was_found(desk: Desk) -> None:
    generation = desk.run(method="beam", num_beams=3, num_sequences=3, stop=(".",), max_new_tokens=20)
    assert generation.tree is not None
    text = generation.tree.sequences[0].text
    generation.set_settings(replace(generation.settings, num_beams=7))
    generation.write_out(generation.tree.sequences[0].ids)
    desk.settle()
    assert generation.text == PROMPT + text and "." not in text
    assert generation.ended_by == "stop string"
    told = told_with_settings(generation.current).splitlines()
    for line in ("method: beam", "num_beams: 3", "num_sequences: 3", "max_new_tokens: 20", "stop: ('.',)"):
        assert line in told
    assert any(line.startswith("found by: row 1 of the beam search") for line in told)
    assert not any(line.startswith("seed") for line in told)


def test_texts_beside_each_other_have_the_same_seed(desk: Desk) -> None:
    generation = desk.run(method="sample", temperature=1.0, top_k=40)
    seed = generation.steps[0].seed
    desk.run(beside=True, temperature=1.3)
    assert generation.steps[0].seed == seed, "other settings, the same random numbers"
    desk.run(beside=True, num_sequences=2)
    assert [branch.steps[0].seed for branch in generation.branches[2:]] == [seed, seed + 1]  # type: ignore[operator]
    desk.run(beside=True, num_sequences=1)
    assert generation.steps[0].seed != seed, "written so already: another one is drawn"
    desk.session.generate(beside=True, seed=5)
    desk.settle()
    assert generation.steps[0].seed == 5


def test_every_kind_of_run_says_what_it_took(desk: Desk) -> None:
    told = desk.costs()
    generation = desk.run(method="sample", num_sequences=2, max_new_tokens=4)
    assert told[-1].tokens == 8 and told[-1].cache_bytes > 0 and told[-1].per_second > 0
    assert generation.cost == told[-1]
    desk.run(method="beam", num_beams=2, num_sequences=1, max_new_tokens=4)
    assert told[-1].tokens == 4 and told[-1].cache_bytes > 0 and told[-1].reused > 0


def test_out_of_memory_keeps_the_text(desk: Desk) -> None:
    generation = desk.run(max_new_tokens=5)
    text, calls = generation.text, 0

    def full(*_: Any) -> None:
        nonlocal calls
        calls += 1
        if calls > 3:
            raise torch.OutOfMemoryError("CUDA out of memory")

    hook = desk.loaded.model.register_forward_hook(full)
    try:
        generation.go_on()
        desk.settle()
        assert len(generation.steps) == 8 and generation.text.startswith(text)
        assert isinstance(desk.failures[-1], UserError) and "not enough memory" in str(desk.failures[-1])
        before = [branch.text for branch in generation.branches]
        generation.fork(2)
        desk.settle()
        assert [branch.text for branch in generation.branches] == before, "a fork that wrote nothing leaves nothing"
        desk.run(beside=True, method="beam", num_beams=2)
        assert "not enough memory" in str(desk.failures[-1]) and generation.tree is None
        assert generation.current.text == before[0]
    finally:
        hook.remove()
    assert len(desk.failures) == 3


def test_filling_gaps_says_what_it_took_and_runs_out_of_memory_in_words(desk: Desk) -> None:
    desk.open("story-bert")
    desk.session.set_prompt("Mia went to the [MASK]. She saw a [MASK] dog.")
    told, calls = desk.costs(), 0
    desk.run()
    assert told[-1].tokens == 2 and told[-1].seconds > told[-1].first > 0 and told[-1].cache_bytes == 0

    def full(*_: Any) -> None:
        nonlocal calls
        calls += 1
        if calls > 1:
            raise torch.OutOfMemoryError("CUDA out of memory")

    hook = desk.loaded.model.register_forward_hook(full)
    desk.run(beside=True)
    hook.remove()
    assert "not enough memory for filling the gaps" in str(desk.failures[-1])
    assert len(desk.generation.steps) == 1, "the gap that was filled stays"


def test_a_full_context_stays_full_until_it_slides(desk: Desk) -> None:
    desk.loaded.model.config.max_position_embeddings = 24
    generation = desk.run(max_new_tokens=60, ignore_eos=True)
    assert generation.ended_by == "context full" and len(generation.prompt) + len(generation.steps) == 25
    generation.go_on()
    desk.settle()
    assert generation.ended_by == "context full" and desk.failures == []
    generation.current.ended_by = "length"
    generation.go_on()
    desk.settle()
    assert generation.ended_by == "context full" and desk.failures == [], "the model says so too"
    ids = [*(token.id for token in generation.prompt), *generation.current.ids]
    generation.slide()
    desk.settle()
    assert generation.prompt_text == desk.loaded.tokenizer.decode(ids[len(ids) // 2 :])
    desk.session.set_prompt(PROMPT * 5)
    desk.settle()
    desk.session.generate(beside=True)
    desk.settle()
    assert "context holds 24" in str(desk.failures[-1])
    desk.session.cut_prompt()
    desk.settle()
    assert len(desk.loaded.tokenizer(desk.session.prompt)["input_ids"]) == 24


def test_two_models_are_compared_by_their_letters_and_by_their_best_beams(desk: Desk) -> None:
    generation = desk.run()
    desk.open("bart-en-fr", slot="B")
    desk.session.generate(beside=True, slot="B")
    desk.settle()
    ours, theirs = generation.branches
    apart = ours.differs_from(theirs)
    assert apart is not None and theirs.differs_from(ours) == apart[::-1]
    at, there = apart
    before = "".join(step.text for step in ours.steps[:at])
    assert "".join(step.text for step in theirs.steps).startswith(before)
    assert not "".join(step.text for step in theirs.steps).startswith(before + ours.steps[at].text)
    assert len("".join(step.text for step in theirs.steps[: there + 1])) > len(before)
    desk.run(beside=True, method="beam", num_beams=2, max_new_tokens=6)
    assert len(generation.branches) == 2, "beams are no texts of the list"
    desk.session.generate(beside=True, slot="B")
    desk.settle()
    assert [branch.model for branch in generation.branches] == ["story-gpt", "bart-en-fr"] * 2
    assert all("row 1" in branch.found_by for branch in generation.branches[2:])
    b = desk.session.models.loaded("B")
    assert [branch.loaded for branch in generation.branches[2:]] == [desk.loaded, b]


def test_what_an_encoder_decoder_wrote_is_edited_and_gone_on_with(qtbot: QtBot) -> None:
    board = Board()
    desk = Desk(qtbot, board)
    desk.open("bart-en-fr")
    desk.session.set_prompt("The cat is on the chair.")
    generation = desk.run(max_new_tokens=12)
    written = generation.text
    words = written.split()
    edited = " ".join([*words[:2], "noir"])
    generation.rewrite(edited)
    desk.settle()
    assert generation.text.startswith(edited) and len(generation.text) > len(edited)
    child, parent = generation.current, generation.branches[0]
    assert child.parent is parent and child.ids[: child.fork] == parent.ids[: child.fork] and child.fork > 0
    loaded = desk.loaded
    source = torch.tensor([loaded.tokenizer("The cat is on the chair.")["input_ids"]])
    start = loaded.model.generation_config.decoder_start_token_id
    forced = loaded.tokenizer(text_target=edited)["input_ids"][:-1]
    theirs = loaded.model.generate(
        source, decoder_input_ids=torch.tensor([[start, *forced]]), do_sample=False, num_beams=1, max_new_tokens=12
    )[0, 1:]
    assert list(child.ids) == theirs.tolist()[: len(child.ids)]
    generation.current.ended_by = "context full"
    generation.slide()
    desk.settle()
    assert generation.current is child, "a decoder's positions cannot slide"
    board.close()


def test_texts_that_were_removed_come_back(desk: Desk) -> None:
    generation = desk.run(method="sample", temperature=1.0, seed=1, max_new_tokens=6)
    generation.fork(2)
    desk.settle()
    desk.run(beside=True, seed=2)
    first, child, last = generation.branches
    generation.remove(0)
    assert generation.branches == [child, last] and child.parent is None
    desk.session.undo()
    assert generation.branches == [first, child, last] and child.parent is first and child.fork == 2
    assert generation.current is first and generation.removed is None
    desk.run(beside=False, seed=3)
    assert len(generation.branches) == 1
    newest = generation.current
    generation.take_back()
    assert generation.branches == [first, child, last, newest]
    generation.read_distribution(3)
    desk.settle()
    assert generation.steps[3].raw is not None, "its logits are asked for again"
    generation.remove(1)
    generation.set_settings(replace(generation.settings, seed=9))
    desk.session.undo()
    assert generation.settings.seed == 3 and len(generation.branches) == 3, "what was done last is taken back first"


def test_a_long_list_drops_the_oldest_and_says_so(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.session.text_runs.MOST", 3)
    monkeypatch.setattr("app.session.text_runs.WITH_LOGITS", 2)
    dropped: list[int] = []
    desk.generation.dropped.connect(dropped.append)
    for _ in range(4):
        generation = desk.run(beside=True, max_new_tokens=2)
    assert len(generation.branches) == 3 and dropped == [1]
    assert [branch.steps[0].raw is None for branch in generation.branches] == [True, False, False]


def test_one_model_in_two_precisions_is_two_writers(desk: Desk) -> None:
    generation = desk.run(max_new_tokens=3)
    desk.session.open_model("story-gpt", precision="bf16", slot="B")
    desk.settle()
    desk.session.generate(beside=True, slot="B")
    desk.settle()
    ours, theirs = generation.branches
    assert (ours.precision, theirs.precision) == ("fp32", "bf16")
    assert "model: story-gpt, bf16" in told_with_settings(theirs)
    assert named(theirs, ours).startswith("bf16: ") and "(bf16)" in parting_words(ours, theirs)
    desk.session.models.close("B")
    desk.settle()
    assert theirs.loaded is None and ours.loaded is desk.loaded, "weights rounded otherwise are another model's"


def test_settings_that_draw_suppose_no_number_for_a_text_written_greedily(desk: Desk) -> None:
    generation = desk.run(max_new_tokens=6)
    read: list[DistributionReading] = []
    generation.distribution_read.connect(read.append)
    generation.set_settings(replace(GREEDY, method="sample"))
    generation.read_distribution(2)
    desk.settle()
    funnel = read[0].funnel
    assert funnel.undrawn and funnel.draw is None and funnel.chosen == generation.steps[2].token_id
    generation.set_settings(GREEDY)
    generation.read_distribution(2)
    desk.settle()
    assert not read[1].funnel.undrawn


def test_a_ban_is_of_a_token_and_not_of_an_id(desk: Desk) -> None:
    generation, a = desk.generation, desk.loaded
    desk.open("bart-en-fr", slot="B")
    b = desk.session.models.loaded("B")
    assert b is not None
    told: list[str] = []
    generation.told.connect(told.append)
    sue = a.tokenizer.encode(" Sue")[0]
    plain = desk.run(beside=True, max_new_tokens=3).current
    desk.session.generate(beside=True, slot="B")
    desk.settle()
    theirs = generation.current.ids
    # What the other model would write is banned by its id, which is another token of model A's.
    assert a.tokenizer.convert_ids_to_tokens(theirs[0]) != b.tokenizer.convert_ids_to_tokens(theirs[0])
    generation.set_settings(replace(generation.settings, banned=(sue, theirs[0]), forced=(plain.ids[0],)))
    desk.session.generate(beside=True, slot="B")
    desk.settle()
    assert generation.current.ids == theirs and "bart-en-fr does not have are left out" in told[-1]
    read: list[DistributionReading] = []
    generation.distribution_read.connect(read.append)
    generation.read_distribution(0)
    desk.settle()
    assert not read[0].funnel.supposed and read[0].settings.banned == ()
    assert generation.settings.banned == (sue, theirs[0]), "of model A they hold"
    desk.open("story-bert")
    same = [each for each in (sue, theirs[0]) if _piece(a, each) == _piece(desk.loaded, each)]
    assert list(generation.settings.banned) == same and generation.settings.forced == ()
    assert "story-bert is A now" in told[-1]


def _piece(loaded: LoadedModel, token: int) -> object:
    return loaded.tokenizer.convert_ids_to_tokens(token)


def test_several_texts_go_on_together_in_slow_motion(desk: Desk) -> None:
    generation = desk.generation
    generation.pacing.per_second = 50.0
    desk.run(method="sample", temperature=1.0, num_sequences=3, max_new_tokens=5, ignore_eos=True)
    assert [len(branch.steps) for branch in generation.branches] == [5, 5, 5]


def test_a_refused_run_leaves_what_was_looked_at(desk: Desk) -> None:
    generation = desk.run(max_new_tokens=3)
    first = generation.current
    desk.run(beside=True, method="sample", temperature=1.0, seed=4)
    generation.choose(0)
    long = "very " * 600
    desk.session.set_prompt(long)
    desk.settle()
    desk.session.generate(beside=True)
    desk.settle()
    assert desk.failures and generation.current is first and len(generation.branches) == 2
    desk.session.set_prompt(PROMPT)
    desk.settle()
    desk.run(beside=True, method="beam", num_beams=2, max_new_tokens=3)
    tree = generation.tree
    assert generation.at_search
    desk.session.set_prompt(long)
    desk.settle()
    desk.run(beside=True, method="greedy")
    assert generation.tree is tree and generation.at_search and len(generation.branches) == 2
    desk.run(beside=False)
    assert generation.tree is tree and generation.at_search
