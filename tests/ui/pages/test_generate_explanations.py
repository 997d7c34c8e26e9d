"""What Explain says on the Generate page, of made-up choices: no window, no model."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pytestqt.qtbot import QtBot
from ui.widgets.funnels import VOCABULARY, funnel_of

from app.engine.decode.distribution import describe
from app.engine.decode.records import Funnel
from app.engine.decode.settings import DecodingSettings
from app.session.branches import Branch
from app.session.generated import DistributionReading, GeneratedToken
from app.ui.pages.generate.chip_colours import ATTENTION, COLOURS
from app.ui.pages.generate.choice_panel import column_notes, setting_words
from app.ui.pages.generate.colour_words import colour_words
from app.ui.pages.generate.explanations import explain_choice
from app.ui.pages.generate.head_chooser import HeadChooser
from app.ui.theme import Theme
from app.ui.widgets.funnel_words import chosen_word, draw_text

WARM = DecodingSettings(temperature=0.8, top_k=40)
STONE, SHELL = 0, 1


def step_of(token: int, text: str, settings: DecodingSettings = WARM, **more: object) -> GeneratedToken:
    return GeneratedToken(token, text, -1.0, None, None, 0.5, settings, 3, **more)  # type: ignore[arg-type]


def reading_of(funnel: Funnel, step: GeneratedToken, settings: DecodingSettings = WARM) -> DistributionReading:
    return DistributionReading(0, describe(funnel, funnel.draw), funnel, step, settings)


def plain(reading: DistributionReading, branch: Branch | None = None) -> str:
    return explain_choice(reading, branch or Branch("", model="m"), 7, "").plain


def test_the_numbers_are_of_the_model_that_wrote_the_text() -> None:
    reading = reading_of(funnel_of(WARM, 0.0), step_of(STONE, " stone"))
    told = explain_choice(reading, Branch("", model="a<b"), 7, "")
    assert f"a&lt;b scores all <b>{VOCABULARY:,}</b> tokens" in told.looking_at
    assert "“␣stone”</code> had" in told.plain


def test_a_token_that_would_be_chosen_too_is_said_to_be_the_same() -> None:
    funnel = replace(funnel_of(WARM, 0.0), supposed=True)
    same = plain(reading_of(funnel, step_of(STONE, " stone")))
    assert "the same token would be chosen" in same and "In the text stands" not in same
    other = plain(reading_of(funnel, step_of(SHELL, " shell")))
    assert "<code>“␣stone”</code> would be chosen" in other and "In the text stands <code>“␣shell”</code>" in other
    banned = replace(WARM, banned=(STONE,))
    cut = plain(reading_of(replace(funnel_of(banned, 0.0), supposed=True), step_of(STONE, " stone"), banned))
    assert "The favourite, <code>“␣stone”</code>, is cut." in cut and "draw falls" not in cut


def test_a_token_taken_without_a_number_says_that_one_would_be_drawn() -> None:
    funnel = replace(funnel_of(WARM, 0.0), supposed=True, undrawn=True, draw=None)
    told = plain(reading_of(funnel, step_of(STONE, " stone")))
    assert "stands in the text, and no random number was drawn for it" in told and "40 tokens could come" in told
    assert "would be chosen" not in told and "falls elsewhere" not in told
    assert (chosen_word(funnel), draw_text(funnel)) == ("in the text", "a number would be drawn")


def test_a_tiny_share_is_written_and_not_taken_for_a_tag() -> None:
    funnel = funnel_of(WARM, 0.0)
    tiny = replace(funnel, stages=tuple(replace(stage, probabilities=(1e-6,) * 12) for stage in funnel.stages))
    assert "&lt;0.1% before the settings and &lt;0.1% after" in plain(reading_of(tiny, step_of(STONE, " stone")))


def test_what_is_forced_was_asked_for_or_demanded() -> None:
    given = replace(WARM, forced=(SHELL,))
    funnel = replace(funnel_of(given, 0.0), forced=True, draw=None)
    asked = reading_of(funnel, step_of(SHELL, " shell", given), given)
    assert "“␣shell”</code> was forced, as you asked" in plain(asked)
    assert "own rules demand" in plain(reading_of(funnel, step_of(SHELL, " shell")))
    assert setting_words(given, forced=True)["bans"] == "forced"
    assert setting_words(given)["bans"] == "the model's own", "what the next text begins with forces nothing here"
    assert setting_words(replace(given, banned=(1, 2)), forced=True)["bans"] == "2 banned, forced"
    assert "you asked for this token" in column_notes(asked)["bans"]


def test_more_than_k_that_are_kept_are_said_to_be_tied() -> None:
    funnel = funnel_of(WARM, 0.0)
    stages = tuple(replace(stage, left=41) if stage.name == "top_k" else stage for stage in funnel.stages)
    step = step_of(STONE, " stone")
    assert (
        column_notes(reading_of(replace(funnel, stages=stages), step))["top_k"]
        == "1 more than 40, tied with the last of these"
    )
    assert "top_k" not in column_notes(reading_of(funnel, step))


@pytest.mark.parametrize(
    ("now", "said"),
    [
        (WARM, "Here they would draw from 40, with 37.6% for this one."),
        (replace(WARM, banned=(STONE,)), "Here they would draw from 40, not this one."),
        (DecodingSettings(method="greedy"), "Here they would take it, too."),
    ],
)
def test_a_text_that_a_search_found_is_told_apart_from_the_settings_now(now: DecodingSettings, said: str) -> None:
    search = DecodingSettings(method="beam", num_beams=4)
    found = Branch("", model="m", found_by="row 1 of the beam search, Σ -5.38", searched=search)
    funnel = replace(funnel_of(search, None), searched=True)
    reading = reading_of(funnel, step_of(STONE, " stone"), search)
    assert "stands in row 1" in plain(reading, found) and "Apart" not in plain(reading, found)
    apart = now, describe(replace(funnel_of(now, 0.0), chosen=STONE), None)
    assert said in plain(replace(reading, apart=apart), found)
    assert "would" not in explain_choice(replace(reading, apart=apart), found, 7, "").title


def test_the_head_that_is_shown_is_written_plainly(qtbot: QtBot, theme: Theme) -> None:
    chooser = HeadChooser(theme)
    qtbot.addWidget(chooser)
    step = step_of(STONE, " her", head=("self", 2, 0))
    chooser.say_row(step, ("self", 2, 1))
    assert chooser.said() == "Shown: layer 2, head 0"
    assert chooser._said.toolTip().startswith("Self-attention, layer 2, head 0, was watched")
    chooser.say_row(step, ("cross", 2, 1))
    assert chooser.said() == "Shown: Self-attention, layer 2, head 0"


def test_every_colour_has_its_own_words() -> None:
    head = {"head": ("self", 2, 0)}
    steps = [step_of(STONE, " her", **head), step_of(SHELL, " friends", **head), step_of(SHELL, ",")]
    branch = Branch("A", steps=steps)
    said = {name: colour_words(name, branch, 1) for name in COLOURS}
    assert len(set(said.values())) == len(COLOURS)
    assert all(COLOURS[name].ends in words for name, words in said.items()), "with the values of both ends"
    assert all("only outlined" in words for name, words in said.items() if name != ATTENTION)
    assert "self-attention, layer 2, head 0" in said[ATTENTION] and "only outlined" not in said[ATTENTION]
    assert "when <code>“␣friends”</code> was chosen, from the token before it, <code>“␣her”</code>" in said[ATTENTION]
    assert "No head was watched when <code>“,”</code> was chosen" in colour_words(ATTENTION, branch, 2)
    assert "when the newest token was chosen. It looks from the token before" in colour_words(ATTENTION, branch, None)
    across = replace(branch, steps=[step_of(STONE, " her", head=("cross", 1, 3))], kind="encoder-decoder")
    assert colour_words(ATTENTION, across, 0).startswith("Cross-attention, layer 1, head 3 looks from the text")
