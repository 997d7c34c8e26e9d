"""The Generate page, pressed and read on the bundled model."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from transformers.generation.logits_process import TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper
from ui.desk import Desk, chip_ids, words

from app.engine.decode.settings import BALANCED
from app.engine.models.loaded import LoadedModel
from app.jobs.job import State
from app.ui.widgets.number_text import number
from app.ui.widgets.token_text import set_off, visible_token

PROMPT = "Once upon a time, there was a"


@pytest.fixture
def writing(desk: Desk) -> Desk:
    """The Generate page in front, with a prompt and short runs."""
    desk.window.show_page("generate")
    desk.session.set_prompt(PROMPT)
    desk.session.generation.set_settings(replace(BALANCED, max_new_tokens=20, seed=3))
    desk.settle()
    return desk


def run(desk: Desk) -> list[int]:
    """Press Generate, wait for the end, give the ids of the new tokens."""
    desk.click(desk.generate.start)
    desk.wait(lambda: not desk.session.generation.running and bool(desk.session.generation.steps))
    desk.settle()
    return chip_ids(desk.generate.text)[len(desk.session.generation.prompt) :]


def test_greedy_on_screen_equals_generate(writing: Desk, story: LoadedModel) -> None:
    writing.click(writing.generate.settings.method.button(0))
    ids = story.tokenizer(PROMPT, return_tensors="pt")["input_ids"]
    expected = story.model.generate(
        ids, attention_mask=torch.ones_like(ids), max_new_tokens=20, do_sample=False, pad_token_id=0
    )[0, ids.shape[1] :]
    assert run(writing) == expected.tolist()
    assert writing.generate.text.text().startswith(PROMPT)
    assert "changes nothing" in writing.generate.settings.fields["temperature"].toolTip() or not (
        writing.generate.settings.fields["temperature"].field.isEnabled()
    )


def test_a_seed_writes_the_same_again_and_another_seed_something_else(writing: Desk) -> None:
    first = run(writing)
    assert len(first) == 20
    assert "seed 3" in writing.generate.output.said()
    assert "takes that one's seed after a setting was changed" in writing.generate.settings.seed.toolTip()
    assert run(writing) == first
    assert "The same settings give the same text" in writing.generate.banner.text()
    assert "Empty the seed" in writing.generate.banner.text()
    assert len(writing.session.generation.branches) == 1, "it stands once"
    writing.type_over(writing.generate.settings.seed, "4")
    assert writing.session.generation.settings.seed == 4
    assert run(writing) != first
    assert len(writing.session.generation.branches) == 2, "what was written stays"
    assert not writing.generate.banner.is_open()
    writing.type_over(writing.generate.settings.seed, "3")
    assert run(writing) == first, "the text that stands is shown"
    assert len(writing.session.generation.branches) == 2
    writing.click(writing.generate.branches.beside)
    run(writing)
    assert len(writing.session.generation.branches) == 1


def test_a_seed_that_is_no_number_is_refused_in_words(writing: Desk) -> None:
    page = writing.generate
    writing.type_over(page.settings.seed, "seven")
    refusal = page.settings.words.seed_refusal
    assert refusal.isVisible() and "“seven” is not a whole number" in refusal.text()
    assert page.settings.seed.text() == "seven" and not page.banner.isVisible()
    writing.click(page.start)
    assert not writing.session.generation.steps and "“seven” is not a whole number" in page.banner.text()
    writing.type_over(page.settings.seed, "3")
    assert not refusal.isVisible() and not page.banner.isVisible(), "it was 3 before, too"
    assert len(run(writing)) == 20


def test_what_is_typed_counts_without_enter(writing: Desk) -> None:
    page = writing.generate
    run(writing)
    for edit, text in ((page.settings.seed, "8"), (page.settings.fields["max_new_tokens"].field, "7")):
        edit.setFocus()
        edit.selectAll()
        QTest.keyClicks(edit, text)
        writing.window.run()
        writing.settle()
        assert writing.session.generation.settings.seed == 8
    assert len(writing.session.generation.steps) == 7
    page.settings.stop.setFocus()
    QTest.keyClicks(page.settings.stop, "a||b")
    writing.window.run()
    writing.settle()
    assert "empty stop sequence" in page.banner.text() and page.settings.stop.text() == "a||b"
    assert len(writing.session.generation.branches) == 3


def test_slider_and_number_agree_and_act_on_the_next_token(writing: Desk) -> None:
    field = writing.generate.settings.fields["temperature"]
    writing.type_over(field.field, "1.5")
    assert field.value() == pytest.approx(1.5)
    assert writing.session.generation.settings.temperature == pytest.approx(1.5)
    writing.session.generation.set_settings(replace(writing.session.generation.settings, max_new_tokens=400))
    writing.click(writing.generate.start)
    writing.wait(lambda: len(writing.session.generation.steps) > 2)
    writing.key(field.track, Qt.Key.Key_Left)
    lower = writing.session.generation.settings.temperature
    assert lower < 1.5
    assert float(field.field.text()) == pytest.approx(lower)
    count = len(writing.session.generation.steps)
    writing.wait(lambda: len(writing.session.generation.steps) > count + 3 or not writing.session.generation.running)
    writing.session.generation.stop()
    writing.settle()
    temperatures = [step.settings.temperature for step in writing.session.generation.steps]
    assert temperatures[0] == pytest.approx(1.5)
    assert temperatures[-1] == pytest.approx(lower)


def test_pause_holds_and_go_on_continues(writing: Desk) -> None:
    generation = writing.session.generation
    generation.set_settings(replace(generation.settings, max_new_tokens=200, seed=5))
    writing.click(writing.generate.start)
    writing.wait(lambda: len(generation.steps) > 2)
    writing.click(writing.generate.pause)
    assert generation.paused
    writing.wait(lambda: any(job.state is State.PAUSED for job in writing.board.running()))
    held = len(generation.steps)
    writing.qtbot.wait(120)
    assert len(generation.steps) == held
    assert "paused" in writing.generate.output.subtitle()
    writing.wait(lambda: "How a token was chosen" in words(writing.window.explain))
    tree, score = writing.generate.branches.tree, number(generation.current.score, 2)
    writing.wait(lambda: f"{held:,} tokens · mean log-probability {score}" in tree.accessibleDescription())
    writing.generate.start.setFocus()
    writing.key(writing.generate.start, Qt.Key.Key_Space)
    assert not generation.paused and len(generation.branches) == 1, "the button that began it does not begin again"
    if generation.running:
        assert "Choosing the next token" in words(writing.window.explain), "nothing of a token long past"
    writing.wait(lambda: len(generation.steps) > held or not generation.running)
    writing.click(writing.generate.stop_button)
    writing.settle()
    assert len(generation.steps) >= held
    assert not generation.running


def test_stop_keeps_what_is_written(writing: Desk) -> None:
    generation = writing.session.generation
    generation.set_settings(replace(generation.settings, max_new_tokens=400))
    writing.click(writing.generate.start)
    writing.wait(lambda: writing.generate.text.count() > len(generation.prompt) + 2)
    writing.window.setFocus()
    writing.key(writing.window, Qt.Key.Key_Escape)
    writing.settle()
    assert generation.ended_by in ("stopped", "end of text", "length")
    assert chip_ids(writing.generate.text)[len(generation.prompt) :] == [step.token_id for step in generation.steps]


def test_a_stop_sequence_ends_the_text_before_it(writing: Desk) -> None:
    writing.type_over(writing.generate.settings.stop, ".")
    assert writing.session.generation.settings.stop == (".",)
    high = writing.generate.choice.minimumSizeHint().height()
    run(writing)
    assert "." not in writing.session.generation.text
    assert "a stop sequence came" in writing.generate.output.said()
    page, first = writing.generate, writing.session.generation.current.ids
    assert page.choice.note.isVisible() and page.choice.note.text().startswith("A stop sequence followed")
    # The funnel gives its own room for the words, once the layout has been done again.
    writing.wait(lambda: page.choice.minimumSizeHint().height() <= high)
    page.output.stepped.emit(-2)
    writing.settle()
    assert not page.choice.note.isVisible(), "of this step all is there"
    writing.type_over(page.settings.stop, "")
    assert len(run(writing)) == 20 and writing.session.generation.current.ids[: len(first)] == first
    writing.session.generation.current.steps[-1] = replace(writing.session.generation.steps[-1], shortened=True)
    writing.session.generation.current.ended_by = "stop string"
    page.output.stepped.emit(-1)
    writing.settle()
    assert "begins inside this token" in page.choice.note.text()


def test_a_chip_shows_how_it_was_chosen(writing: Desk) -> None:
    run(writing)
    generation, page = writing.session.generation, writing.generate
    chip = page.text.chip_rect(len(generation.prompt) + 4).center()
    writing.click(page.text, QPointF(chip))
    writing.settle()
    assert f"token #{len(generation.prompt) + 4}, pinned" in page.choice.subtitle()
    raw = torch.from_numpy(generation.steps[4].raw)
    before = torch.softmax(raw, -1)
    scores = raw[None]
    for warper in (TemperatureLogitsWarper(0.8), TopKLogitsWarper(40), TopPLogitsWarper(0.9)):
        scores = warper(None, scores)
    after = torch.softmax(scores[0], -1)
    order = torch.topk(raw, 12).indices.tolist()
    rows = page.bars.rows()
    for place, (_, share, left) in enumerate(rows[:11]):
        assert share == pytest.approx(float(before[order[place]]), abs=1e-5)
        assert left == pytest.approx(float(after[order[place]]), abs=1e-5)
    assert f"{int(torch.isfinite(scores).sum())} of 4,096 left" in page.left.text()
    writing.type_over(page.settings.fields["top_k"].field, "3")
    writing.settle()
    assert page.left.text() == "3 of 4,096 left" or page.left.text().startswith(("1 ", "2 "))
    assert all(row[2] == 0 for row in page.bars.rows()[3:])
    assert "How a token would be chosen" in words(writing.window.explain)
    assert page.choice.title() == "How a token would be chosen"
    stands, step = set_off(generation.steps[4].text), generation.steps[4]
    assert page.choice.funnel_shown().chosen == step.token_id
    assert f"the same token would be chosen: <code>{stands}</code>" in words(writing.window.explain)
    assert "in the text" not in page.choice.subtitle()
    page.choice.banned.emit(step.token_id)
    writing.settle()
    assert page.choice.funnel_shown().chosen != step.token_id
    assert f"In the text stands <code>{stands}</code>" in words(writing.window.explain)
    assert f"in the text: {stands}" in page.choice.subtitle()


def test_reset_and_copy(writing: Desk) -> None:
    run(writing)
    writing.click(writing.generate.copy)
    assert QGuiApplication.clipboard().text() == writing.session.generation.text
    writing.click(writing.generate.settings.reset)
    assert writing.session.generation.settings == BALANCED
    assert writing.generate.settings.seed.text() == ""


def test_without_a_prompt_it_says_so_and_examples_are_a_click_away(desk: Desk) -> None:
    desk.window.show_page("generate")
    desk.settle()
    desk.click(desk.generate.start)
    assert "no prompt" in desk.generate.banner.text()
    desk.session.generation.set_settings(replace(BALANCED, max_new_tokens=5, seed=1))
    example = desk.generate.empty.buttons()[0]
    desk.click(example)
    desk.wait(lambda: len(desk.session.generation.steps) == 5)
    desk.settle()
    assert desk.session.prompt == example.text()
    shares = [step.probability for step in desk.session.generation.steps]
    raw = np.stack([step.raw for step in desk.session.generation.steps]).astype(np.float64)
    exact = np.exp(raw - raw.max(1, keepdims=True))
    exact /= exact.sum(1, keepdims=True)
    ids = [step.token_id for step in desk.session.generation.steps]
    assert shares == pytest.approx(exact[range(5), ids].tolist(), rel=1e-4)


def test_the_drawn_token_is_marked_and_other_settings_are_said_to_be_others(writing: Desk) -> None:
    run(writing)
    generation, page = writing.session.generation, writing.generate
    chip = page.text.chip_rect(len(generation.prompt) + 4).center()
    writing.click(page.text, QPointF(chip))
    writing.settle()
    spoken = page.bars.accessibleDescription()
    marked = spoken[: spoken.index(", chosen")].rpartition(", ")[2] or spoken
    assert marked.rpartition(" ")[0] == visible_token(generation.steps[4].text)
    assert "would be chosen" not in words(writing.window.explain)
    generation.set_settings(replace(generation.settings, temperature=1.9))
    writing.settle()
    assert "would be chosen" in words(writing.window.explain)


def test_text_of_another_prompt_is_said_to_be_that(writing: Desk) -> None:
    run(writing)
    assert "prompt before" not in writing.generate.output.said()
    writing.session.set_prompt("Another beginning")
    writing.settle()
    output = writing.generate.output
    assert "written from the prompt before" in f"{output.subtitle()} {output.facts.text()}" and output.facts.isVisible()
