"""Pictures of Generate."""

from __future__ import annotations

from dataclasses import replace

from app.engine.decode.settings import BALANCED, DecodingSettings
from app.session.examples import GAPS, TRANSLATIONS
from app.ui.pages.generate.page import GeneratePage
from pictures.small_models import small_llama
from pictures.stage import Shown, Stage

PROMPT = "Once upon a time, there was a"
DRAWN = replace(BALANCED, seed=42, max_new_tokens=40)
TOKEN = 6
"""The new token whose choice is looked at."""


def written(stage: Stage, text: str, settings: DecodingSettings, beside: bool = False) -> GeneratePage:
    """A text that the model continued, on the page."""
    page, session = stage.page("generate", GeneratePage), stage.session
    session.generation.set_settings(settings)
    stage.say(text)
    session.generate(beside=beside)
    stage.wait(lambda: not session.generation.running)
    stage.settle()
    return page


def sampling(stage: Stage) -> Shown:
    """A text drawn token by token, how one was chosen, and what would have come of others."""
    stage.open("story-gpt")
    page = written(stage, PROMPT, DRAWN)
    yield "generate", stage.window
    pin(stage, page, TOKEN)
    stage.session.generation.set_settings(replace(DRAWN, temperature=1.3, top_k=8, top_p=0.8, repetition_penalty=1.2))
    stage.settle()
    yield "funnel", stage.window
    stage.session.generation.set_settings(DRAWN)
    for place, seed in ((TOKEN, 5), (TOKEN + 8, 11)):
        stage.session.generation.set_settings(replace(DRAWN, seed=seed))
        pin(stage, page, place)
        stage.click(page.branches.fork)
    yield "branches", stage.window


def pin(stage: Stage, page: GeneratePage, step: int) -> None:
    """Look at the choice of a new token."""
    stage.click(page.text, page.text.chip_rect(len(stage.session.generation.prompt) + step))


def two_prompts(stage: Stage) -> Shown:
    """The same settings on two prompts."""
    stage.open("story-gpt")
    page = written(stage, PROMPT, DRAWN)
    written(stage, "One day, a dragon came to the village and", DRAWN, beside=True)
    stage.click(page.branches.compare)
    yield "two-prompts", stage.window


def two_models(stage: Stage) -> Shown:
    """The same prompt and random numbers by two models."""
    stage.open("story-gpt")
    stage.open(small_llama(stage.scratch / "small-llama"), "B")
    page = written(stage, PROMPT, DRAWN)
    stage.click(page.branches.second)
    yield "two-models", stage.window


def beams(stage: Stage) -> Shown:
    """A beam search."""
    stage.open("story-gpt")
    written(stage, PROMPT, DecodingSettings(method="beam", num_beams=4, num_sequences=3, max_new_tokens=24))
    yield "beams", stage.window


def masks(stage: Stage) -> Shown:
    """A masked model fills a gap."""
    stage.open("story-bert")
    written(stage, GAPS[2].text, replace(BALANCED, seed=42))
    yield "masks", stage.window


def translation(stage: Stage) -> Shown:
    """A translator writes the target of a source."""
    stage.open("bart-en-fr")
    written(stage, TRANSLATIONS[0].text, DecodingSettings(method="greedy", max_new_tokens=40))
    yield "translation", stage.window


SCENES = {
    sampling: ("generate", "funnel", "branches"),
    two_prompts: ("two-prompts",),
    two_models: ("two-models",),
    beams: ("beams",),
    masks: ("masks",),
    translation: ("translation",),
}
