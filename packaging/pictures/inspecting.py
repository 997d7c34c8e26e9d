"""Pictures of Inspect."""

from __future__ import annotations

from app.session.examples import GAPS, MASK, OPINIONS, TRANSLATIONS
from app.ui.pages.inspect.answer_panel import FOLLOWS, LENS, WRITTEN
from app.ui.pages.inspect.attention_panel import LINES, MODES, ONE_WEIGHT, SCORES, WEIGHTS
from app.ui.pages.inspect.layout import EXAMPLES
from app.ui.pages.inspect.page import InspectPage
from app.ui.pages.inspect.token_filter import PAIR_FILTERS
from pictures.small_models import random_bart
from pictures.stage import Shown, Stage

TEXT = EXAMPLES[0]


def heads(stage: Stage) -> Shown:
    """One head of story-gpt in every way it is shown, then all heads, then what the model answers."""
    page, window = stage.page("inspect", InspectPage), stage.window
    stage.open("story-gpt")
    stage.session.open_example(TEXT)
    stage.settle()
    yield "inspect", window
    for name, mode in (("scores", SCORES), ("lines", LINES), ("one-weight", ONE_WEIGHT)):
        stage.choose(page.attention.modes, MODES.index(mode))
        yield name, window
    stage.choose(page.attention.modes, MODES.index(WEIGHTS))
    for name, weighting in (("value-norms", "norms"), ("rollout", "rollout"), ("", "raw")):
        stage.session.select(weighting=weighting)
        stage.settle()
        if name:
            yield name, window
    sorting = page.heads.sorting
    sorting.setCurrentIndex(sorting.findData("previous_token"))
    stage.settle()
    yield "sorted-heads", window
    sorting.setCurrentIndex(0)
    for name, answer in (("lens", LENS), ("wrote", WRITTEN)):
        stage.choose(page.next_token.answers, answer)
        yield name, window


def tensors(stage: Stage) -> Shown:
    """Tensors of a run and of the model."""
    page, window = stage.page("inspect", InspectPage), stage.window
    stage.open("story-gpt")
    stage.session.open_example(TEXT)
    stage.session.select(name="blocks.2.mlp.hidden")
    stage.settle()
    yield "tensor", window
    page.tensor.turned.click()
    stage.settle()
    yield "transpose", window
    page.tensor.turned.click()
    stage.session.select(name="transformer.wpe.weight")
    page.tensor.alike.click()
    stage.settle()
    yield "weights", window


def encoder(stage: Stage) -> Shown:
    """A masked model: a gap, several, and two sentences."""
    page, window = stage.page("inspect", InspectPage), stage.window
    stage.open("story-bert")
    stage.session.open_example(GAPS[0].label)
    stage.settle()
    yield "encoder", window
    stage.say(f"The little {MASK} ran to the {MASK}.")
    yield "gaps", window
    stage.say(GAPS[1].text, GAPS[1].second)
    page.attention.pairs.setCurrentIndex(PAIR_FILTERS.index("A→B"))
    stage.settle()
    yield "pair-filter", window
    page.attention.pairs.setCurrentIndex(0)
    stage.choose(page.next_token.answers, FOLLOWS)
    yield "next-sentence", window


def sentiment(stage: Stage) -> Shown:
    """A classifier."""
    stage.page("inspect", InspectPage)
    stage.open("story-bert-sentiment")
    stage.session.open_example(OPINIONS[0].label)
    stage.settle()
    yield "sentiment", stage.window


def cross_attention(stage: Stage) -> Shown:
    """A translator that has learnt to look at the word it translates, and one that has learnt nothing."""
    stage.page("inspect", InspectPage)
    stage.open("bart-en-fr")
    stage.session.open_example(TRANSLATIONS[0].label)
    stage.settle()
    yield "translate", stage.window
    stage.open(random_bart(stage.scratch / "random-bart"))
    stage.say("The cat saw the moon.", "Ada gave a ball to Tim.")
    stage.session.select(kind="cross")
    stage.settle()
    yield "random-bart", stage.window


SCENES = {
    heads: ("inspect", "scores", "lines", "one-weight", "value-norms", "rollout", "sorted-heads", "lens", "wrote"),
    tensors: ("tensor", "transpose", "weights"),
    encoder: ("encoder", "gaps", "pair-filter", "next-sentence"),
    sentiment: ("sentiment",),
    cross_attention: ("translate", "random-bart"),
}
