"""The Generate page: funnel, forks, branches, beams, several texts, masks, bans, presets, slow motion."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QMenu
from ui.desk import Desk, chip_ids, chip_weights, words
from ui.widgets.matrices import move

from app.engine.decode.settings import BALANCED, PRESETS, DecodingSettings
from app.engine.models import load
from app.engine.models.loaded import LoadedModel
from app.engine.trace import trace
from app.session.examples import to_write_on
from app.session.generation import Generation
from app.session.kept_texts import texts_back
from app.session.saved import decode, encode
from app.ui.pages.generate.chip_colours import ATTENTION
from app.ui.widgets.beam_words import table_text as tree_text
from app.ui.widgets.token_text import set_off

PROMPT = "Once upon a time, there was a"


@pytest.fixture
def writing(desk: Desk) -> Desk:
    """The Generate page in front, with a prompt and short runs."""
    desk.window.show_page("generate")
    desk.session.set_prompt(PROMPT)
    desk.session.generation.set_settings(replace(BALANCED, max_new_tokens=20, seed=3))
    desk.settle()
    return desk


def finish(desk: Desk) -> Generation:
    generation = desk.session.generation
    desk.wait(lambda: not generation.running)
    desk.settle()
    return generation


def run(desk: Desk, **changes: object) -> Generation:
    generation = desk.session.generation
    if changes:
        generation.set_settings(replace(generation.settings, **changes))  # type: ignore[arg-type]
    desk.click(desk.generate.start)
    desk.wait(lambda: generation.running or bool(generation.steps))
    return finish(desk)


def chosen_of(menu: QMenu, word: str) -> None:
    next(action for action in menu.actions() if action.text().startswith(word)).trigger()


def pin(desk: Desk, step: int) -> None:
    page = desk.generate
    desk.click(page.text, QPointF(page.text.chip_rect(page.output.chip_of(step)).center()))
    desk.settle()


def test_the_funnel_shows_what_every_stage_left(writing: Desk) -> None:
    generation = run(writing)
    pin(writing, 4)
    page = writing.generate
    assert page.funnel.isVisible()
    funnel = page.funnel.funnel()
    assert funnel is not None
    step = generation.steps[4]
    raw = torch.from_numpy(step.raw)
    shares = {"raw": torch.softmax(raw, -1), "temperature": torch.softmax(raw / 0.8, -1)}
    kept = torch.topk(raw / 0.8, 40)
    cut = torch.full_like(raw, float("-inf")).scatter(0, kept.indices, kept.values)
    shares["top_k"] = torch.softmax(cut, -1)
    for stage in funnel.stages:
        if stage.name in shares:
            expected = [float(shares[stage.name][row.token_id]) for row in funnel.rows]
            assert stage.probabilities == pytest.approx(expected, abs=1e-5), stage.name
    lost = next(stage.lost for stage in funnel.stages if stage.name == "top_k")
    assert lost == pytest.approx(1 - float(shares["temperature"][kept.indices].sum()), abs=1e-5)
    part = next(part for part in funnel.strip if part.token_id == step.token_id)
    assert step.draw is not None and part.start <= step.draw < part.end
    assert funnel.chosen == step.token_id


def test_a_slider_redraws_the_funnel_without_the_model(writing: Desk, story: LoadedModel) -> None:
    run(writing)
    pin(writing, 4)
    page = writing.generate
    calls: list[int] = []
    hook = page_model(writing).register_forward_hook(lambda *_: calls.append(1))
    try:
        writing.key(page.settings.fields["temperature"].track, Qt.Key.Key_Left)
        writing.settle()
    finally:
        hook.remove()
    assert not calls
    funnel = page.funnel.funnel()
    temperature = writing.session.generation.settings.temperature
    assert funnel is not None and temperature < 0.8
    raw = torch.from_numpy(writing.session.generation.steps[4].raw)
    shown = next(stage for stage in funnel.stages if stage.name == "temperature").probabilities
    assert shown[0] == pytest.approx(float(torch.softmax(raw / temperature, -1)[funnel.rows[0].token_id]), abs=1e-5)


def page_model(desk: Desk) -> torch.nn.Module:
    loaded = desk.session.models.loaded()
    assert loaded is not None
    model: torch.nn.Module = loaded.model
    return model


def test_a_fork_takes_the_other_token_and_both_texts_stay(writing: Desk) -> None:
    generation = run(writing)
    first = list(generation.current.ids)
    pin(writing, 6)
    page = writing.generate
    funnel = page.funnel.funnel()
    assert funnel is not None
    other = next(row.token_id for row in funnel.rows if row.token_id != first[6])
    chosen_of(page.choice.menu_for(other), "Fork here")
    finish(writing)
    assert list(generation.current.ids[:7]) == [*first[:6], other]
    assert len(generation.branches) == 2
    assert chip_ids(page.text)[len(generation.prompt) :] == list(generation.current.ids)
    assert generation._kept[0].reused >= len(generation.prompt) + 5, "the cache up to the fork was used again"
    writing.click(page.branches.compare)
    assert "parts at new token 7" in page.output.difference()
    assert chip_ids(page.output.other)[len(generation.prompt) :] == first
    writing.click(page.branches.tree, page.branches.tree.row_rect(0).center())
    writing.settle()
    assert list(generation.current.ids) == first
    writing.key(page.branches.tree, Qt.Key.Key_Down)
    writing.key(page.branches.tree, Qt.Key.Key_Delete)
    writing.settle()
    assert len(generation.branches) == 1


def test_forking_again_under_the_same_settings_draws_anew(writing: Desk) -> None:
    generation = run(writing)
    first = list(generation.current.ids)
    pin(writing, 3)
    writing.click(writing.generate.branches.fork)
    finish(writing)
    assert list(generation.current.ids[:3]) == first[:3]
    assert list(generation.current.ids) != first
    seeds = [generation.current.steps[place].seed for place in (0, 3)]
    output = writing.generate.output
    assert f"seeds {seeds[0]}, {seeds[1]}" in output.said()
    assert f"Drawn with seed {seeds[0]}, from new token 4 on with {seeds[1]}." in output.toolTip()
    writing.click(writing.generate.settings.method.button(2))
    fork = writing.generate.branches.fork
    assert not fork.isEnabled() and "beam search" in fork.toolTip()


def test_the_text_goes_on_where_it_ended(writing: Desk, story: LoadedModel) -> None:
    writing.click(writing.generate.settings.method.button(0))
    generation, output = run(writing), writing.generate.output
    assert output.scrubber.accessibleDescription().startswith("20 of 20 steps")
    writing.key(writing.generate.text, Qt.Key.Key_G)
    writing.wait(lambda: len(generation.steps) > 20 and "of 40 steps" in output.scrubber.accessibleDescription())
    finish(writing)
    assert output.scrubber.accessibleDescription().startswith("40 of 40 steps")
    assert output.subtitle().startswith("40 of 40 tokens")
    writing.type_over(writing.generate.settings.fields["max_new_tokens"].field, "30")
    assert output.scrubber.accessibleDescription().startswith("40 of 40 steps"), "it stands"
    ids = story.tokenizer(PROMPT, return_tensors="pt")["input_ids"]
    whole = story.model.generate(
        ids, attention_mask=torch.ones_like(ids), max_new_tokens=40, do_sample=False, pad_token_id=0
    )[0, ids.shape[1] :]
    assert list(generation.current.ids) == whole.tolist()


def test_beams_on_screen_equal_generate(writing: Desk, story: LoadedModel) -> None:
    page = writing.generate
    writing.click(page.settings.method.button(2))
    run(writing, num_beams=3, num_sequences=3, max_new_tokens=8)
    assert page.beams.isVisible()
    ids = story.tokenizer(PROMPT, return_tensors="pt")["input_ids"]
    made = story.model.generate(
        ids,
        attention_mask=torch.ones_like(ids),
        max_new_tokens=8,
        num_beams=3,
        num_return_sequences=3,
        do_sample=False,
        early_stopping=False,
        pad_token_id=0,
        output_scores=True,
        return_dict_in_generate=True,
    )
    tree = writing.session.generation.tree
    assert tree is not None and tree.finished
    assert "3 beams, 8 steps" in page.beams.panel.subtitle()
    table = tree_text(tree)
    assert "\tlimit" in table and "\tended" not in table, "no text came to its end"
    eos = story.model.generation_config.eos_token_id
    theirs = [row[: row.index(eos) + 1] if eos in row else row for row in made.sequences[:, ids.shape[1] :].tolist()]
    assert [list(text.ids) for text in tree.sequences] == theirs
    assert [text.score for text in tree.sequences] == pytest.approx(made.sequences_scores.tolist(), abs=1e-4)
    assert len(page.beams.table.lines()) == 3
    assert "Beam search" in words(writing.window.explain)
    page.beams.table.chosen.emit(1)
    generation = finish(writing)
    assert list(generation.current.ids) == theirs[1]
    assert page.text.isVisible(), "the text is shown with its choices"
    assert "row 2 of the beam search" in words(writing.window.explain)
    funnel = page.choice.funnel_shown()
    assert funnel is not None and funnel.searched and funnel.chosen == theirs[1][-1]
    assert all(stage.left == 4096 for stage in funnel.stages), "what a search found was not forced by a ban"
    assert "argmax" not in words(writing.window.explain)
    assert "Apart from that" not in words(writing.window.explain)
    assert page.choice.title() == "How a token was chosen"
    writing.click(page.settings.reset)
    writing.settle()
    assert page.choice.funnel_shown().stages == funnel.stages, (
        "it is what the search did, whatever the settings are now"
    )
    assert "Apart from that: the settings as they are now choose one token at a time" in words(writing.window.explain)
    writing.click(page.branches.back)
    assert page.beams.isVisible()


def test_several_texts_are_written_side_by_side(writing: Desk) -> None:
    generation = run(writing, num_sequences=3, max_new_tokens=8)
    assert len(generation.branches) == 3
    assert len({branch.ids for branch in generation.branches}) == 3
    assert all(len(branch.ids) == 8 for branch in generation.branches)
    assert [branch.steps[0].seed for branch in generation.branches] == [3, 4, 5]
    output, panel = writing.generate.output, writing.generate.branches
    assert output.said().startswith("text 1 of 3 · 8 of 8 tokens")
    run(writing)
    run(writing)

    def in_view(row: int) -> bool:
        return panel.tree.visibleRegion().contains(panel.tree.row_rect(row).center().toPoint())

    writing.wait(lambda: all(in_view(row) for row in (6, 7, 8)))
    generation.choose(8)
    writing.settle()
    assert output.said().startswith("text 3 of 3")
    again = texts_back(decode(encode(writing.session.saved())).texts).branches
    assert [branch.batch for branch in again[-3:]] == [(1, 3), (2, 3), (3, 3)]
    pin(writing, 3)
    writing.click(panel.fork)
    finish(writing)
    assert not output.said().startswith("text"), "a fork is none of them"


def test_a_banned_token_never_comes_and_is_freed_by_a_press(writing: Desk) -> None:
    writing.click(writing.generate.settings.method.button(0))
    generation = run(writing)
    favourite = generation.steps[0].token_id
    pin(writing, 0)
    chosen_of(writing.generate.choice.menu_for(favourite), "Ban")
    assert generation.settings.banned == (favourite,)
    run(writing)
    assert favourite not in generation.current.ids
    button = writing.generate.settings.bans.buttons()[0]
    assert button.isVisible() and button.text().startswith("␣")
    writing.click(button)
    assert generation.settings.banned == ()
    other = int(np.argsort(-generation.steps[0].raw)[5])
    writing.generate.choice.forced.emit(other)
    run(writing)
    assert generation.steps[0].token_id == other
    pin(writing, 0)
    funnel = writing.generate.choice.funnel_shown()
    assert funnel is not None and funnel.forced and funnel.chosen == other and funnel.draw is None
    assert "was forced, as you asked" in words(writing.window.explain)
    pin(writing, 1)
    assert not writing.generate.choice.funnel_shown().forced


def test_a_token_is_typed_to_be_banned_or_begun_with_and_the_later_act_holds(writing: Desk, story: LoadedModel) -> None:
    page, generation = writing.generate, writing.session.generation
    bans, strip, bar = page.settings.bans, writing.window.strip, page.settings._scroll.verticalScrollBar()
    little, girl = (story.tokenizer(word)["input_ids"][0] for word in (" little", " girl"))
    bans.field.setText("␣little")
    writing.key(bans.field, Qt.Key.Key_Return)
    writing.wait(lambda: generation.settings.banned == (little,))
    assert "“␣little” is banned from the next text on." in words(strip) and bans.field.text() == ""
    writing.type_over(bans.field, " little girl")
    writing.wait(lambda: "That is 2 tokens of story-gpt: “␣little”, “␣girl”." in page.banner.text())
    assert generation.settings.banned == (little,)
    for typed in (" girl", " little"):
        bans.field.setText(typed)
        writing.click(bans.begin)
        writing.wait(lambda: bans.field.text() == "")
    assert generation.settings.forced == (girl, little) and generation.settings.banned == ()
    assert "begins with “␣girl”, then “␣little”. “␣little” is not banned any more." in words(strip)
    assert not page.banner.is_open()
    run(writing)
    assert generation.current.ids[:2] == (girl, little)
    pin(writing, 1)
    bar.setValue(0)
    page.choice.banned.emit(girl)
    assert (generation.settings.banned, generation.settings.forced) == ((girl,), (little,))
    assert "which does not begin with it any more" in words(strip)
    button = bans.button_of(girl, begins=False)
    assert button is not None
    writing.wait(lambda: bar.value() > 0 and not button.visibleRegion().isEmpty())
    unseen = loaded_id(writing, " garden")
    generation.set_settings(replace(generation.settings, banned=(unseen,)))
    assert [each.text() for each in bans.buttons()][:1] == ["␣garden  ×"], "as after a start: only the id is known"


def loaded_id(desk: Desk, word: str) -> int:
    loaded = desk.session.models.loaded()
    assert loaded is not None
    return int(loaded.tokenizer.encode(word)[0])


def test_presets_are_named_and_settings_of_no_preset_too(writing: Desk) -> None:
    settings = writing.generate.settings
    assert settings.presets.currentText() == "Custom"
    settings.presets.textActivated.emit("Creative")
    made = writing.session.generation.settings
    assert made == replace(PRESETS["Creative"], seed=3)
    assert settings.presets.currentText() == "Creative"
    writing.type_over(settings.fields["min_p"].field, "0.2")
    assert settings.presets.currentText() == "Custom"


def test_settings_are_kept_under_a_name_and_come_back(writing: Desk) -> None:
    panel, generation = writing.generate.settings, writing.session.generation
    writing.type_over(panel.fields["temperature"].field, "1.7")
    panel.keep_menu.aboutToShow.emit()
    panel.keep_menu.actions()[0].trigger()
    writing.type_over(panel.name, "Wild")
    assert panel.presets.currentText() == "Wild" and not panel.name.isVisible()
    panel.presets.textActivated.emit("Greedy")
    assert generation.settings.method == "greedy"
    panel.presets.textActivated.emit("Wild")
    assert generation.settings == replace(BALANCED, max_new_tokens=20, seed=3, temperature=1.7)
    again = decode(encode(writing.session.saved()))
    assert again.presets == {"Wild": generation.settings}
    panel.keep_menu.aboutToShow.emit()
    panel.keep_menu.actions()[0].trigger()
    writing.type_over(panel.name, "Greedy")
    assert "preset of the program" in writing.generate.banner.text()
    panel.keep_menu.aboutToShow.emit()
    chosen_of(panel.keep_menu, "Forget")
    assert generation.presets == {} and panel.presets.currentText() == "Custom"


def test_what_does_nothing_under_a_method_is_idle_and_says_why(writing: Desk) -> None:
    settings = writing.generate.settings
    assert not settings.fields["num_beams"].field.isEnabled()
    writing.click(settings.method.button(2))
    assert settings.fields["num_beams"].field.isEnabled()
    assert writing.session.generation.settings.num_beams == 4, "with one it would be greedy search"
    assert not settings.fields["top_p"].field.isEnabled()
    writing.click(settings.drawn)
    assert writing.session.generation.settings.method == "beam_sample"
    assert settings.fields["top_p"].field.isEnabled()
    run(writing, num_beams=2, num_sequences=1, max_new_tokens=5)
    page = writing.generate
    assert [line[5] for line in page.beams.table.lines()] == [""], "e to a sum after the settings is no probability"
    tree = writing.session.generation.tree
    assert tree is not None and page.beams.facts.text().startswith(f"seed {tree.seed} · ")
    assert "Beam sampling" in words(writing.window.explain)
    writing.click(settings.method.button(1))
    writing.type_over(settings.fields["temperature"].field, "0")
    assert settings.notes["temperature"].isVisible() and "greedy" in settings.notes["temperature"].text()
    assert not settings.fields["top_p"].field.isEnabled()


def test_one_token_at_a_time(writing: Desk) -> None:
    page, generation = writing.generate, writing.session.generation
    page.output.paces.setCurrentIndex(3)
    assert generation.pacing.per_second > 0
    # Slower than the menu's slowest: on a busy machine seconds pass while this test looks.
    generation.pacing.per_second = 0.001
    writing.click(page.start)
    writing.wait(lambda: len(generation.steps) == 1 and generation.pacing.holding)
    writing.qtbot.wait(150)
    assert len(generation.steps) == 1, "slow motion holds"
    assert not generation.paused and writing.window.strip.pause_button.text() == "Pause", "nobody paused it"
    writing.wait(lambda: page.choice.funnel_shown() is not None)
    assert page.choice.funnel_shown().chosen == generation.steps[0].token_id
    writing.click(page.pause)
    assert generation.paused
    writing.click(page.output.one)
    writing.wait(lambda: len(generation.steps) == 2 and generation.paused)
    page.output.paces.setCurrentIndex(0)
    writing.click(page.pause)
    finish(writing)
    assert len(generation.steps) == 20


def test_the_whole_text_can_be_edited_and_its_beginning_is_not_computed_again(writing: Desk) -> None:
    generation = run(writing)
    before = generation.text
    page = writing.generate
    writing.click(page.output.edit)
    assert page.prompt.editor.toPlainText() == before
    page.prompt.editor.setPlainText(before + " The")
    page.prompt.submit()
    finish(writing)
    assert generation.prompt_text == before + " The"
    assert generation._kept[0].reused > len(generation.prompt) - 6


def test_chips_are_coloured_by_attention(writing: Desk, story: LoadedModel) -> None:
    page = writing.generate
    generation = writing.session.generation
    generation.set_settings(replace(BALANCED, method="greedy", max_new_tokens=400, ignore_eos=True))
    assert page.heads.isHidden()
    writing.click(page.start)
    writing.wait(lambda: len(generation.steps) > 3)
    page.output.colours.setCurrentText(ATTENTION)
    for box, place in ((page.heads.layers, 1), (page.heads.heads, 2)):
        box.setCurrentIndex(place)
        box.activated.emit(place)
    assert generation.watched == ("self", 1, 2) and writing.session.selection.head == 2
    writing.wait(lambda: generation.steps[-1].head == ("self", 1, 2))
    generation.stop()
    writing.settle()
    assert generation.steps[0].attention is None, "from the next token on, not before"
    run(writing, num_sequences=2, method="sample", max_new_tokens=3)
    assert all(step.attention is not None for branch in generation.branches[-2:] for step in branch.steps)
    generation = run(writing, method="greedy", max_new_tokens=6, ignore_eos=False)
    told, steps = words(writing.window.explain), generation.steps
    assert "self-attention, layer 1, head 2" in told and f"before it, <code>{set_off(steps[-2].shown)}</code>" in told
    assert "likelier the model held it" not in told
    last = generation.steps[-1].attention
    text = story.tokenizer.decode([*(token.id for token in generation.prompt), *generation.current.ids])
    if story.tokenizer(text)["input_ids"] == [*(token.id for token in generation.prompt), *generation.current.ids]:
        row = trace(story, text).attention(1, 2)[-2, : len(generation.prompt) + 5]
        assert last is not None and np.allclose(last, row.numpy(), atol=1e-5)
    assert last is not None and last.sum() == pytest.approx(1, abs=1e-4)
    count, before = len(generation.branches), generation.current
    page.heads.heads.setCurrentIndex(0)
    page.heads.heads.activated.emit(0)
    run(writing)
    assert generation.current is not before and generation.current.ids == before.ids
    assert {each.head for each in generation.steps} == {("self", 1, 0)}, "written once more, for this head"
    assert len(generation.branches) == count and before not in generation.branches, "it stands once"
    run(writing)
    assert len(generation.branches) == count and "same settings give the same text" in page.banner.text()


def test_a_full_context_stops_and_offers_to_slide(writing: Desk) -> None:
    loaded = writing.session.models.loaded()
    assert loaded is not None
    loaded.model.config.max_position_embeddings = 64
    generation = run(writing, max_new_tokens=100, ignore_eos=True)
    assert generation.ended_by == "context full"
    page = writing.generate
    ids = [token.id for token in generation.prompt] + list(generation.current.ids)
    writing.key(page.text, Qt.Key.Key_G)
    writing.settle()
    assert "context is full" in page.banner.text() and page.banner.action.text() == "Slide the window"
    writing.click(page.banner.action)
    writing.wait(lambda: generation.prompt_text != PROMPT and bool(generation.steps))
    generation.stop()
    finish(writing)
    assert len(generation.prompt) == pytest.approx(len(ids) / 2, abs=3)
    writing.session.set_prompt("word " * 100)
    writing.settle()
    writing.click(page.start)
    writing.settle()
    assert page.banner.action.text() == "Cut to 32 tokens", "with room for what is to be written"
    writing.click(page.banner.action)
    writing.wait(lambda: writing.session.prompt != "word " * 100)
    assert len(loaded.tokenizer(writing.session.prompt)["input_ids"]) == 32
    assert not page.banner.is_open()


def test_masks_are_filled(desk: Desk) -> None:
    desk.window.show_page("generate")
    desk.open("story-bert")
    desk.wait(lambda: desk.session.summary is not None and desk.session.summary.name == "story-bert")
    desk.session.set_prompt("Mia went to the [MASK]. She saw a [MASK] dog.")
    desk.session.generation.set_settings(DecodingSettings(method="greedy"))
    desk.settle()
    assert desk.generate.start.text() == "Fill the masks"
    generation = run(desk)
    assert len(generation.steps) == 2
    assert all("[MASK]" in words for words in to_write_on(desk.session.summary))
    assert "[MASK]" not in generation.text and generation.text.startswith("Mia went to the ")
    output = desk.generate.output
    assert "2 gaps filled" in output.subtitle()
    assert "".join(chip.text for chip in output.text._chips[1:-1]) == generation.text, "with the spaces before the gaps"
    assert output.scrubber.bar_rect(1).width() > 40 and output.scrubber.accessibleDescription().startswith("2 of 2")
    pin(desk, 1)
    assert desk.generate.funnel.funnel() is not None
    menu = desk.generate.choice.menu_for(generation.steps[1].token_id)
    assert [act.text().split()[0] for act in menu.actions()] == ["Ban"], "a gap has nothing that could fork or begin"
    fields = desk.generate.settings.fields
    assert "Filling gaps does not use" in fields["no_repeat_ngram"].track.toolTip()
    assert fields["repetition_penalty"].field.isEnabled()
    desk.generate.output.colours.setCurrentText("Surprisal")
    chips = desk.generate.text._chips
    for step in generation.steps:
        assert step.position is not None
        assert chips[step.position].shade == pytest.approx(min(-step.logprob / 8, 1)), "on the gap's own chip"
    assert sum(chip.shade is not None for chip in chips) == len(generation.steps)
    desk.session.set_prompt("No gap here.")
    desk.settle()
    desk.click(desk.generate.start)
    desk.settle()
    assert "nothing to fill" in desk.generate.banner.text()
    assert not desk.generate.settings.method.button(2).isEnabled(), "a masked model keeps no beams"


def test_an_encoder_decoder_writes_too(desk: Desk) -> None:
    desk.window.show_page("generate")
    desk.open("bart-en-fr")
    desk.wait(lambda: desk.session.summary is not None and desk.session.summary.name == "bart-en-fr")
    desk.session.set_prompt("The cat is on the chair.")
    desk.session.generation.set_settings(DecodingSettings(method="greedy", max_new_tokens=20))
    desk.settle()
    generation = run(desk)
    loaded = load("bart-en-fr")
    ids = torch.tensor([loaded.tokenizer("The cat is on the chair.")["input_ids"]])
    theirs = loaded.model.generate(ids, do_sample=False, num_beams=1, max_new_tokens=20)[0, 1:].tolist()
    assert list(generation.current.ids) == theirs
    assert generation.text == loaded.tokenizer.decode(theirs, skip_special_tokens=True)
    assert chip_ids(desk.generate.text) == theirs, "the source stands above, not before"
    page = desk.generate
    desk.click(page.output.edit)
    assert page.prompt.editor.toPlainText() == generation.text, "what it wrote is edited, not its source"
    page.prompt.editor.setPlainText("Le chat noir")
    desk.key(page.prompt.editor, Qt.Key.Key_Return)
    finish(desk)
    assert generation.text.startswith("Le chat noir") and len(generation.branches) == 2
    assert desk.session.prompt == "The cat is on the chair." and page.prompt.strip.count() == ids.shape[1]
    desk.click(page.output.edit)
    desk.key(page.prompt.editor, Qt.Key.Key_Escape)
    desk.click(page.prompt.button)
    assert page.prompt.editor.toPlainText() == "The cat is on the chair.", "Esc leaves the prompt as it is"
    desk.key(page.prompt.editor, Qt.Key.Key_Escape)
    desk.session.select(kind="cross", layer=1, head=2)
    page.output.colours.setCurrentText(ATTENTION)
    assert generation.watched == ("cross", 1, 2) and page.heads.kinds.currentText() == "Cross"
    assert "Not recorded" in page.heads.said()
    run(desk)
    watched = trace(loaded, "The cat is on the chair.", target=generation.text).attention(1, 2, kind="cross")
    shown = chip_weights(page.prompt.strip)
    rows = [np.abs(row - shown).max() for row in watched.numpy()]
    assert min(rows) < 1e-3, "where it looked in the source, underlined there"


def test_two_models_write_beside_each_other(writing: Desk) -> None:
    generation = run(writing)
    page = writing.generate
    assert not page.branches.second.isVisible()
    writing.session.open_model("story-gpt", slot="B")
    writing.wait(lambda: writing.session.models.summary("B") is not None)
    writing.settle()
    assert generation.steps, "opening B keeps what A wrote"
    writing.click(page.branches.second)
    finish(writing)
    assert len(generation.branches) == 2
    assert "same tokens" in page.output.difference(), "the same model with the same seed"
    page.branches.beside.setChecked(True)
    run(writing, method="beam", num_beams=2, num_sequences=1, max_new_tokens=5)
    writing.click(page.branches.second)
    writing.settle()
    assert page.branches.compare.isChecked() and "same tokens" in page.output.difference(), "the best beams of both"
    assert [branch.found_by[:5] for branch in generation.branches[-2:]] == ["row 1", "row 1"]
    writing.session.models.close("B")
    writing.settle()
    a = writing.session.models.loaded("A")
    assert [branch.loaded for branch in generation.branches] == [a] * 4, "what B wrote is A's, of the same weights"


def test_a_text_stays_when_its_model_is_closed(writing: Desk) -> None:
    generation, page = run(writing), writing.generate
    name, text = generation.current.model, generation.text
    writing.session.open_model("story-bert")
    writing.wait(lambda: (summary := writing.session.summary) is not None and summary.name == "story-bert")
    writing.settle()
    assert page.empty.isVisible() and len(generation.branches) == 1
    generation.choose(0)
    writing.settle()
    assert generation.text == text and page.text.count() > 0 and page.choice.funnel_shown() is None
    assert f"by {name} fp32, not open" in page.output.said()
    assert f"{name}, which wrote this text, is not open" in page.choice.funnel.accessibleDescription()
    assert page.choice.opens.text() == f"Open {name}" and not page.branches.fork.isEnabled()
    writing.click(page.choice.opens)
    writing.wait(lambda: generation.current.loaded is not None)
    writing.wait(lambda: page.choice.funnel_shown() is not None)
    assert not page.choice.opens.isVisible() and page.branches.fork.isEnabled()
    assert generation.text == text, "its choices are there again"


def test_a_token_under_the_pointer_is_previewed_and_a_press_pins_it(writing: Desk) -> None:
    generation = run(writing)
    page = writing.generate
    move(page.text, QPointF(page.text.chip_rect(page.output.chip_of(5)).center()))
    writing.settle()
    funnel = page.choice.funnel_shown()
    assert funnel is not None and funnel.chosen == generation.steps[5].token_id
    assert "under the pointer" in page.choice.subtitle()
    pin(writing, 7)
    move(page.text, QPointF(page.text.chip_rect(page.output.chip_of(2)).center()))
    writing.settle()
    funnel = page.choice.funnel_shown()
    assert funnel is not None and funnel.chosen == generation.steps[7].token_id, "what is pinned stays"


def test_the_text_is_copied_and_saved_with_its_settings(writing: Desk, tmp_path: Path) -> None:
    generation = run(writing)
    page = writing.generate
    page.output.with_settings.trigger()
    copied = QGuiApplication.clipboard().text()
    assert copied.startswith(generation.text)
    for line in ("model: story-gpt, fp32", "seed: 3", "top_k: 40", "temperature: 0.8", f"prompt: {PROMPT!r}"):
        assert line in copied.splitlines()
    assert "The text with its settings is on the clipboard." in words(writing.window.strip)
    QGuiApplication.clipboard().setText(page.choice.funnel.table_text())
    assert "Copied to the clipboard." in words(writing.window.strip), "copies of every other kind"
    page.save_to(tmp_path / "text.txt")
    assert f"saved as {tmp_path / 'text.txt'}" in words(writing.window.strip)
    assert (tmp_path / "text.txt").read_text(encoding="utf-8") == copied + "\n"
    page.save_to(tmp_path / "nowhere" / "text.txt")
    assert "could not be written" in page.banner.text()


def test_numbers_beyond_the_slider_can_be_typed_and_impossible_ones_are_refused_in_words(writing: Desk) -> None:
    panel, generation = writing.generate.settings, writing.session.generation
    temperature = panel.fields["temperature"]
    writing.type_over(temperature.field, "3.5")
    assert generation.settings.temperature == 3.5 and temperature.field.text() == "3.50"
    writing.key(temperature.track, Qt.Key.Key_Left)
    assert generation.settings.temperature == pytest.approx(3.45)
    generation.set_settings(replace(generation.settings, max_new_tokens=900))
    assert panel.fields["max_new_tokens"].field.text() == "900"
    assert not writing.generate.banner.isVisible()
    writing.type_over(temperature.field, "-1")
    assert generation.settings.temperature == 0
    assert "“-1” does not fit: Temperature goes from 0 to 100" in writing.generate.banner.text()
    writing.type_over(temperature.field, "0.8")
    writing.type_over(panel.fields["top_k"].field, "many")
    assert "“many” does not fit: Top-k goes from 0 up, or off. It is 40 now." in writing.generate.banner.text()
    assert generation.settings.top_k == 40
