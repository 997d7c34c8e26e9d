"""The Generate page as it is looked at: two texts side by side, colours and their legends, figures, menus."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from PySide6.QtCore import QPoint, QPointF, QRect, Qt
from PySide6.QtGui import QCursor, QGuiApplication
from PySide6.QtWidgets import QApplication, QMenu, QScrollArea, QSplitter
from pytestqt.qtbot import QtBot
from ui.desk import Desk, chip_ids, words
from ui.widgets.matrices import move

from app.engine.decode.settings import DecodingSettings
from app.engine.models.loaded import LoadedModel
from app.engine.trace.records import Token
from app.session.branches import Branch
from app.session.generated import GeneratedToken, RunCost
from app.session.generation import Generation
from app.session.same_text import same_text
from app.ui.pages.generate.branch_text import BranchText
from app.ui.pages.generate.chip_colours import ATTENTION
from app.ui.pages.generate.cost_words import cost_tip, cost_words
from app.ui.pages.generate.output_layout import LOW
from app.ui.pages.generate.output_panel import OutputPanel
from app.ui.pages.generate.parting import named
from app.ui.pages.generate.text_names import own_words, partings, settings_apart, settings_words
from app.ui.theme import Theme
from app.ui.widgets.beam_legend import BeamLegend
from app.ui.widgets.chip_legend import ChipLegend
from app.ui.widgets.number_text import number

PROMPT = "Once upon a time, there was a"


def run(desk: Desk, **changes: object) -> Generation:
    generation = desk.session.generation
    generation.set_settings(replace(generation.settings, **changes))  # type: ignore[arg-type]
    desk.click(desk.generate.start)
    desk.wait(lambda: generation.running or bool(generation.steps))
    desk.wait(lambda: not generation.running)
    desk.settle()
    return generation


def ringed(text: BranchText) -> int | None:
    """The step of the chip where the text parts, if it is in view."""
    at = text.strip._ringed
    if at is None:
        return None
    seen = QRect(text.strip.mapFrom(text.viewport(), QPoint(0, 0)), text.viewport().size())
    assert seen.contains(text.strip.chip_rect(at)), "the mark is in view"
    return text.step_of(at)


def first_difference(one: Branch, other: Branch) -> int:
    return next(at for at, (a, b) in enumerate(zip(one.ids, other.ids, strict=False)) if a != b)


def test_two_texts_stand_side_by_side_and_any_two_can_be_chosen(desk: Desk) -> None:
    desk.window.show_page("generate")
    desk.session.set_prompt(PROMPT)
    page, output = desk.generate, desk.generate.output
    generation = run(desk, max_new_tokens=20, seed=3, num_sequences=4)
    assert page.branches.subtitle() == "4" and page.branches._subtitle.width() > 20
    desk.click(page.branches.compare)
    desk.settle()
    assert output.ours.geometry().width() > 100 and output.theirs.mapTo(output, QPoint()).x() > 150
    assert output.theirs.mapTo(output, QPoint()).y() == output.ours.mapTo(output, QPoint()).y()
    assert output.partner.count() == 3
    desk.wait(lambda: min(output._both.sizes()) > 150)
    one, two = generation.branches[0], generation.branches[1]
    output.partner.setCurrentIndex(0)
    output.partner.activated.emit(0)
    desk.settle()
    assert output.comparing is two and output.partner.currentIndex() == 0
    assert chip_ids(output.other)[len(two.prompt) :] == list(two.ids)
    place = first_difference(one, two)
    names = [output.partner.itemText(at) for at in range(3)]
    assert len(set(names)) == 3
    words = " ".join("".join(each.text for each in two.steps[place:]).split())
    told, _, score = names[0].partition(f"from {place + 1}: ")[2].partition(" · ")
    assert words.startswith(told.rstrip("…")) and len(told) > 5, "where it parts, and how it goes on there"
    assert score.endswith(number(two.score, 2))
    shown = output.partner.words_shown()
    assert shown.endswith("…") and names[0].startswith(shown[:-1]), "cut by a sign, not in the middle of a letter"
    assert output.partner.view().minimumWidth() > output.partner.width(), "the list shows all of it"
    desk.wait(lambda: not output.ours._soon.isActive())
    assert ringed(output.ours) == ringed(output.theirs) == place
    assert f"parts at new token {place + 1}," in output.difference()
    generation.choose(2)
    desk.settle()
    assert output.comparing is two, "what was chosen stays beside another text too"
    generation.choose(1)
    desk.settle()
    assert output.comparing is generation.branches[2], "the one before stands beside the one that was chosen"

    desk.session.set_prompt("The little fox was hungry, so he")
    desk.settle()
    generation = run(desk, num_sequences=1)
    other = output.comparing
    assert other is not None and other.prompt_text == PROMPT
    place = first_difference(generation.current, other)
    desk.wait(lambda: not output.ours._soon.isActive())
    assert ringed(output.ours) == ringed(output.theirs) == place
    assert "continues another prompt and parts at" in output.difference()
    desk.click(page.branches.compare)
    assert output.comparing is None and not output.partner.isVisible()
    generation = run(desk, max_new_tokens=60, ignore_eos=True)
    desk.session.generate(beside=True)
    desk.settle()
    desk.click(page.branches.compare)
    output.partner.activated.emit(output.partner.count() - 1)
    desk.settle()
    assert "the same tokens" in output.difference()
    bars = [text.verticalScrollBar() for text in (output.ours, output.theirs)]
    desk.wait(lambda: all(bar.maximum() > 0 and bar.value() == 0 for bar in bars))
    output.mark(40)
    desk.click(page.branches.compare)
    desk.click(page.branches.compare)
    desk.wait(lambda: bars[0].value() == bars[1].value() > 0)


def text_of(words: str, loaded: object = None, **settings: object) -> Branch:
    """A text of these words, an id for each."""
    by = replace(DecodingSettings(method="greedy"), **settings)  # type: ignore[arg-type]
    steps = [
        replace(step(f" {word}", -1.0, None), token_id=sum(map(ord, word)), settings=by, seed=by.seed)
        for word in words.split()
    ]
    return Branch("Once", steps=steps, loaded=loaded)  # type: ignore[arg-type]


def test_texts_that_begin_alike_are_told_apart() -> None:
    warm = {"method": "sample", "temperature": 1.5}
    lily = text_of("a girl named Lily had a ball", seed=3, **warm)
    mia = text_of("a girl named Lily had one", method="sample", seed=3)
    dog, alone = text_of("a dog ran"), text_of("a dog ran")
    told = partings([lily, mia, dog])
    assert [told[each] for each in (lily, mia, dog)] == [5, 5, 1]
    assert [own_words(each, told[each]) for each in (lily, mia, dog)] == [" a ball", " one", " dog ran"]
    assert own_words(lily, 1, 12) == " girl named…" and own_words(dog, 3) == ""
    assert partings([dog, alone]) == {dog: 3, alone: 3} and partings([dog]) == {dog: 0}
    everyone = [lily, mia, dog]
    assert settings_words(lily, settings_apart(everyone)) == "T 1.5, seed 3"
    assert settings_words(lily, settings_apart([lily, mia])) == "T 1.5"
    assert settings_words(dog, settings_apart(everyone)) == "greedy"
    assert settings_words(dog, settings_apart([dog, alone])) == ""
    assert named(lily, mia) == "from 6: a ball · T 1.5 · −1.00"
    assert named(dog, alone) == "the same · −1.00"
    longer = text_of("a dog ran home")
    assert named(longer, dog) == "the same, and from 4: home · −1.00" and "up to 3" in named(dog, longer)
    other = replace(mia, prompt_text="Twice upon a time", model="story")
    assert named(other, mia) == "story: after “Twice upon a time”: a girl named Lily had one · −1.00"


def test_a_run_that_would_write_a_text_once_more_is_known(desk: Desk) -> None:
    loaded = desk.session.models.loaded()
    assert loaded is not None
    greedy = DecodingSettings(method="greedy", max_new_tokens=20)
    written = replace(text_of("a girl", loaded, max_new_tokens=20), ended_by="length")

    written.ref = "story-gpt"

    def stands(
        settings: DecodingSettings, text: Branch = written, prompt: str = "Once", ref: str = "story-gpt"
    ) -> bool:
        return same_text([text], loaded, ref, prompt, settings) is text

    assert stands(greedy) and stands(replace(greedy, temperature=0.3, top_k=9, seed=7)), "greedy reads none of these"
    assert stands(replace(greedy, method="sample", temperature=0.0)), "which is greedy"
    assert not stands(replace(greedy, repetition_penalty=1.2)) and not stands(replace(greedy, max_new_tokens=30))
    assert not stands(greedy, prompt="Twice") and not stands(greedy, replace(written, ended_by="stopped"))
    assert not stands(greedy, replace(written, adapter="with LoRA"))
    assert not stands(greedy, ref="/runs/pirates"), "since then the model was trained"
    assert not stands(greedy, replace(written, steps=[replace(each, training_step=3) for each in written.steps]))
    drawn = replace(greedy, method="sample", seed=3)
    sampled = replace(text_of("a girl", loaded, max_new_tokens=20, method="sample", seed=3), ended_by="length")
    sampled.ref = "story-gpt"
    assert stands(drawn, sampled) and stands(replace(drawn, num_beams=4), sampled)
    for other in ({"seed": None}, {"seed": 4}, {"top_k": 5}, {"num_sequences": 2}, {"method": "beam", "num_beams": 2}):
        assert not stands(replace(drawn, **other), sampled), other  # type: ignore[arg-type]


def test_a_late_difference_is_brought_into_view_and_steps_are_walked(desk: Desk) -> None:
    desk.window.show_page("generate")
    desk.session.set_prompt(PROMPT)
    page, output = desk.generate, desk.generate.output
    generation = run(desk, method="greedy", max_new_tokens=70)
    said = f"{len(generation.steps)} of 70 tokens · {generation.cost.per_second:,.0f} tokens/s · first after "
    assert output.said().startswith(said) and "cache 0." in output.said() and "seed" not in output.said()
    assert output.toolTip().startswith(said)
    assert output.scrubber.width() > 240
    desk.click(output.back)
    desk.click(output.back)
    desk.settle()
    assert output.scrubber.current() == 68
    desk.click(output.forth)
    desk.settle()
    assert output.scrubber.current() == 69
    generation.fork(64, int(np.argsort(-generation.steps[64].raw)[1]))
    desk.wait(lambda: not generation.running)
    desk.settle()
    desk.click(page.branches.compare)
    desk.settle()
    desk.wait(lambda: not output.ours._soon.isActive() and not output.theirs._soon.isActive())
    assert ringed(output.ours) == ringed(output.theirs) == 64
    assert output.ours.verticalScrollBar().value() > 0

    row = page.funnel.shown_rows()[2]
    QCursor.setPos(desk.window.mapToGlobal(QPoint(3, 3)))
    page.funnel.setFocus()
    while page.funnel._current != row:
        desk.key(page.funnel, Qt.Key.Key_Down)
    desk.key(page.funnel, Qt.Key.Key_Return)
    menu = next(each for each in QApplication.topLevelWidgets() if isinstance(each, QMenu) and each.isVisible())
    under = page.funnel.mapToGlobal(page.funnel.row_rect(row).bottomLeft().toPoint())
    assert (menu.pos() - under).manhattanLength() < 20, "the menu opens at the row, wherever the mouse is"
    menu.close()
    place = QPointF(30, page.funnel.row_rect(row).center().y())
    move(page.funnel, place)
    desk.click(page.funnel, place)
    menu = next(each for each in QApplication.topLevelWidgets() if isinstance(each, QMenu) and each.isVisible())
    assert (menu.pos() - page.funnel.mapToGlobal(place.toPoint())).manhattanLength() < 20
    menu.close()


def test_a_funnel_of_many_survivors_shows_the_first_token_that_is_cut(desk: Desk, story: LoadedModel) -> None:
    desk.window.show_page("generate")
    desk.session.set_prompt(PROMPT)
    generation = run(desk, max_new_tokens=3, seed=3, top_k=30, top_p=1.0)
    funnel = desk.generate.funnel.funnel()
    assert funnel is not None
    raw = torch.from_numpy(generation.steps[2].raw)
    cut = [row for row in funnel.rows if row.cut_by]
    assert [row.token_id for row in cut] == [int(torch.topk(raw, 31).indices[30])] and cut[0].cut_by == "top_k"
    assert [row.kept_before for row in funnel.rows] == [0] * 12 + [30 - 12]
    output = desk.generate.output
    assert output._subtitle.isVisible() and output.subtitle().startswith("3 of 3 tokens")
    for height in (720, 900):
        desk.window.resize(1120, height)
        desk.settle()
        shown = desk.generate.funnel.shown_rows()
        assert len(funnel.rows) - 1 in shown, height
        assert desk.generate.funnel.between() == [f"… {30 - (len(shown) - 1)} more kept here"], height
    output.say(["3 tokens", "which no header of this width has room for beside its buttons"], ["seed 3"], "")
    assert output.subtitle() == "3 tokens", "whole parts, none is cut"
    assert output.facts.isVisible() and output.facts.text().startswith("which no header"), "what it is, is said"
    output.say(["3 tokens"], ["many figures which no header of this width has room for beside its buttons"], "")
    assert not output.facts.isVisible(), "a low panel has more use for a line of text"
    sizes = splitter_of(output).sizes()
    splitter_of(output).setSizes([sum(sizes) - 300, 300])
    desk.window.resize(1440, 1200)
    desk.settle()
    assert output.height() >= LOW and output.facts.isVisible()


@pytest.mark.parametrize(("width", "height", "rows", "choice"), [(1440, 900, 6, 8), (1120, 720, 3, 5)])
def test_text_and_funnel_share_the_room(desk: Desk, width: int, height: int, rows: int, choice: int) -> None:
    desk.window.resize(width, height)
    desk.window.show_page("generate")
    desk.session.set_prompt(PROMPT)
    run(desk, max_new_tokens=20, seed=3, top_k=40, top_p=1.0)
    output, view = desk.generate.output, desk.generate.output.ours.viewport()
    chip, pitch = output.text.chip_rect(0), output.text._flow.row_pitch
    assert view.height() >= rows * pitch - (pitch - chip.height()), "so many rows of chips are whole"
    assert len(desk.generate.funnel.shown_rows()) >= choice
    splitter = splitter_of(output)
    kept, usual = splitter.saveState(), splitter.sizes()
    splitter.setSizes([10_000, 0])
    assert desk.generate.funnel.height() >= 240 and len(desk.generate.funnel.shown_rows()) >= 5
    splitter.restoreState(kept)
    assert splitter.sizes() == usual, "what the person left comes back"


def splitter_of(output: OutputPanel) -> QSplitter:
    """The one between text and funnel."""
    return next(each for each in output.window().findChildren(QSplitter) if each.objectName() == "generate writing")


def step(text: str, logprob: float, raw: np.ndarray | None, attention: np.ndarray | None = None) -> GeneratedToken:
    return GeneratedToken(1, text, logprob, raw, None, None, DecodingSettings(), None, attention=attention)


def test_what_is_not_known_has_no_colour_and_surprise_is_warm(qtbot: QtBot, theme: Theme) -> None:
    logits = np.zeros(8, dtype=np.float32)
    steps = [step(" a", -4.0, None), step(" b", -4.0, logits), step(" c", -8.0, None, np.array([0.64, 0.04, 0.04]))]
    text = BranchText(theme, "Text")
    qtbot.addWidget(text)
    text.resize(400, 80)
    text.show()
    text.show_branch(Branch("x", (Token(0, "x", False),), steps))

    def colour(chip: int) -> str:
        rect = text.strip.chip_rect(chip)
        return text.strip.grab().toImage().pixelColor(rect.left() + 2, rect.center().y()).name()

    assert colour(1) == theme.chip_fill(steps[0].probability).name()
    text.colour_by("Surprisal")
    assert colour(1) == colour(2) == theme.chip_fill(0.5, "surprise").name()
    assert colour(3) == theme.chip_fill(1.0, "surprise").name()
    assert theme.chip_fill(1.0, "surprise").red() > theme.chip_fill(1.0, "surprise").blue() + 40, "warm"
    assert text.unknown() == 0, "surprisal needs no logits"
    text.colour_by("Entropy")
    assert colour(1) == colour(3) == theme.color("surface").name() and text.unknown() == 2
    assert colour(2) == theme.chip_fill(1.0, "surprise").name()
    steps[0] = replace(steps[0], raw=logits)
    text.recolour()
    assert colour(1) == theme.chip_fill(1.0, "surprise").name() and text.unknown() == 1
    text.colour_by(ATTENTION)
    assert colour(0) == theme.chip_fill(0.8).name()
    assert colour(1) == theme.chip_fill(0.2).name()
    assert colour(3) == theme.color("surface").name(), "a token that came later was not there to look at"


def test_texts_of_an_earlier_start_say_what_is_not_known(desk: Desk) -> None:
    desk.window.show_page("generate")
    desk.session.set_prompt(PROMPT)
    output = desk.generate.output
    generation = run(desk, max_new_tokens=6, seed=3)
    generation.current.steps[:] = [replace(each, raw=None, context=None) for each in generation.steps]
    assert not output._unknown.isVisible()
    output.colours.setCurrentText("Rank")
    assert output._unknown.text().startswith("Dashed: the rank of 6 tokens is not known")
    assert output._unknown.isVisible() and output.legend.words() == ("first", "far down")
    desk.click_chip(output.text, output.chip_of(2))
    desk.wait(lambda: "5 tokens" in output._unknown.text())
    shade = output.text._chips[output.chip_of(2)].shade
    assert shade == pytest.approx(np.log(generation.steps[2].rank) / np.log(4096))
    output.colours.setCurrentText("Surprisal")
    assert not output._unknown.isVisible()


def test_legends_are_painted_as_what_they_explain(qtbot: QtBot, theme: Theme) -> None:
    legend = ChipLegend(theme)
    qtbot.addWidget(legend)
    legend.explain("expected", "surprising", "surprise", "Darker is more surprising")
    for width in (legend.sizeHint().width(), legend.minimumSizeHint().width()):
        legend.resize(width, 22)
        image = legend.grab().toImage()
        row = {image.pixelColor(x, 8).name() for x in range(width)}
        fills = {theme.chip_fill(share, "surprise").name() for share in (0.25, 0.5, 0.75, 1.0)}
        assert fills <= row, width
    assert legend.accessibleDescription() == "From expected to surprising"
    beams = BeamLegend(theme)
    qtbot.addWidget(beams)
    beams.resize(beams.sizeHint())
    image = beams.grab().toImage()
    middle = image.height() // 2
    seen = [image.pixelColor(x, middle).name() for x in range(image.width())]
    assert theme.color("accent").name() in seen and theme.color("line2").name() in seen


def test_what_a_run_took_in_words() -> None:
    cost = RunCost(tokens=41, seconds=2.5, first=0.5, cache_bytes=1_250_000, reused=8)
    assert cost_words(cost) == "20 tokens/s · first after 0.50 s · cache 1.2 MB"
    assert "8 tokens of the text were in it already" in cost_tip(cost)
    assert cost_words(RunCost(1, 0.5, 0.5, 0, 0)) == "first after 0.50 s"
    assert cost_words(None) == cost_words(RunCost(0, 0.0, 0.0, 0, 0)) == cost_tip(None) == ""


def test_the_palette_does_what_the_page_does(desk: Desk) -> None:
    page, palette = desk.generate, desk.window.palette_popup

    def do(typed: str) -> list[str]:
        palette.open()
        palette.field.setText(typed)
        shown = palette.shown()
        desk.key(palette.field, Qt.Key.Key_Return)
        desk.settle()
        return shown

    desk.window.show_page("inspect")
    assert do("fork here") == ["Fork here"]
    assert "nothing is written yet" in words(desk.window.strip) and desk.window.page_key == "generate"
    desk.session.set_prompt(PROMPT)
    generation = run(desk, method="sample", seed=3, max_new_tokens=8)
    assert do("fork")[0] == "Fork here" and len(generation.branches) == 2
    do("compare")
    assert page.branches.compare.isChecked()
    do("copy the text with")
    assert QGuiApplication.clipboard().text().startswith(generation.text)
    assert do("preset focused") and generation.settings.temperature == 0.4
    do("colour surprisal")
    assert page.output.colours.currentText() == "Surprisal"
    do("slow motion 5")
    assert generation.pacing.per_second == 5
    for typed in ("pause", "ban", "force", "branch", "beam", "slow", "sampling", "keep texts", "bring back"):
        palette.open()
        palette.field.setText(typed)
        assert palette.shown(), typed
        palette.hide()


def test_the_keyboard_stops_at_what_can_be_used_and_leaves_the_text_where_it_is(desk: Desk) -> None:
    areas = [area for area in desk.generate.findChildren(QScrollArea) if area.widget() is not None]
    assert areas and all(area.focusPolicy() == Qt.FocusPolicy.NoFocus for area in areas)
    desk.window.show_page("generate")
    desk.session.set_prompt(PROMPT)
    run(desk, method="greedy", max_new_tokens=120)
    text = desk.generate.output.ours
    desk.wait(lambda: text.verticalScrollBar().maximum() > 20)
    text.verticalScrollBar().setValue(place := text.verticalScrollBar().maximum() - 2)
    desk.generate.start.setFocus()
    for key in (Qt.Key.Key_Tab, Qt.Key.Key_Tab, Qt.Key.Key_Backtab):
        desk.key(desk.window.focusWidget(), key)
        assert text.verticalScrollBar().value() == place
    assert desk.window.focusWidget() is text.strip


def test_the_keyboard_goes_along_to_the_beams_and_back(desk: Desk) -> None:
    desk.window.show_page("generate")
    desk.session.set_prompt(PROMPT)
    page, generation = desk.generate, desk.session.generation
    generation.set_settings(DecodingSettings(method="beam", num_beams=2, max_new_tokens=4))
    page.start.setFocus()
    desk.key(page.start, Qt.Key.Key_Space)
    desk.settle()
    assert generation.at_search and desk.window.focusWidget() is page.beams.start
    assert not page.beams.texts.isVisible(), "there are none"
    page.settings.method.button(0).click()
    assert page.beams.start.text() == "Generate"
    desk.key(page.beams.start, Qt.Key.Key_Space)
    desk.settle()
    assert generation.steps and desk.window.focusWidget() is page.start
    desk.click(page.branches.back)
    assert page.right.currentIndex() == 1 and "Beam search" in words(desk.window.explain)
    desk.click(page.beams.texts)
    assert page.right.currentIndex() == 0 and "Beam search" not in words(desk.window.explain)


def test_a_prompt_of_two_rows_is_seen_whole(desk: Desk) -> None:
    desk.window.resize(1440, 900)
    desk.window.show_page("generate")
    prompt = desk.generate.prompt
    desk.session.set_prompt("Once")
    desk.wait(lambda: prompt.strip.count() == 1)
    low = prompt.height()
    for words_more in range(3, 60, 3):
        desk.session.set_prompt("Once " + "upon a " * words_more)
        desk.settle()
        if prompt.height() > low:
            break
    area = prompt.strip.parentWidget().parentWidget()
    assert isinstance(area, QScrollArea) and prompt.height() > low
    desk.wait(lambda: area.verticalScrollBar().maximum() == 0)


def test_a_search_that_was_stopped_waits_for_nothing(desk: Desk) -> None:
    desk.window.show_page("generate")
    desk.session.set_prompt(PROMPT)
    page, generation = desk.generate, desk.session.generation
    generation.set_settings(DecodingSettings(method="beam", num_beams=3, max_new_tokens=200))
    desk.session.generate()
    desk.wait(lambda: generation.tree is not None and len(generation.tree.nodes) > 0)
    assert "when the search ends" in page.beams.found.title()
    generation.stop()
    desk.settle()
    assert generation.tree is not None and not generation.tree.finished
    assert "none: the search was stopped" in page.beams.found.title()
