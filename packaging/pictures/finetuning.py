"""Pictures of Finetune."""

from __future__ import annotations

from dataclasses import replace

from app.ui.pages.finetune.page import CHANGES, RUNS, FinetunePage
from pictures.stage import Shown, Stage

STEPS = 40
TEXT = "Once upon a time there was a little girl named Lily. She"
"""The text on which what changed is looked at."""


def pirates(stage: Stage) -> Shown:
    """story-gpt learns to talk like a pirate: the run, what it changed inside, and its entry in the list."""
    page, tuning, window = stage.page("finetune", FinetunePage), stage.session.finetuning, stage.window
    stage.open("story-gpt")
    page.choose_sample("pirate-tales")
    stage.settle()
    tuning.data.set_settings(replace(tuning.data.settings, max_steps=STEPS, evaluate_every=5))
    stage.wait(lambda: tuning.data.costs is not None and page.method.start.isEnabled())
    stage.settle()
    stage.click(page.method.start)
    stage.wait(lambda: not tuning.running)
    stage.settle()
    yield "finetune", window
    stage.choose(page.views, CHANGES)
    page.changes.prompt_asked.emit(TEXT)
    stage.settle()
    yield "changes", window
    stage.choose(page.views, RUNS)
    yield "runs", window


SCENES = {pirates: ("finetune", "changes", "runs")}
