"""Pictures of Evaluate."""

from __future__ import annotations

from app.session.measured import Contender
from app.session.text_shelf import samples
from app.ui.pages.evaluate.loss_panel import CALIBRATION, CONTEXT, POSITION
from app.ui.pages.evaluate.page import BY_HAND, METRICS, TABLE, EvaluatePage
from pictures.small_models import small_llama
from pictures.stage import Shown, Stage

FAIRY_TALE = 1
"""Its column among the samples."""
BYTE = 21
"""Of the fairy tale, in a word that the two models cut differently."""


def table(stage: Stage) -> Shown:
    """Models of two tokenizers and two precisions on the samples, one text token by token, and what is known of it."""
    page, window = stage.page("evaluate", EvaluatePage), stage.window
    stage.open("story-gpt")
    stage.open(small_llama(stage.scratch / "small-llama"), "B")
    evaluation, view = stage.session.evaluation, stage.session.evaluation_view
    evaluation.add_texts(samples())
    for contender in (Contender("story-gpt", "bf16"), Contender("story-bert")):
        evaluation.add_model(contender)
    stage.settle()
    stage.click(page.bar.start)
    stage.wait(lambda: not evaluation.running)
    stage.settle()
    view.choose(0, FAIRY_TALE)
    stage.settle()
    yield "evaluate", window
    surprise = page.surprise
    surprise.go_to(BYTE)
    place = next(index for index, piece in enumerate(surprise.view.page().rows[0]) if piece.stop > BYTE)  # type: ignore[union-attr]
    stage.click(surprise.view.viewport(), surprise.view.token_rect(0, place))
    stage.choose(page.loss.views, CONTEXT)
    yield "token", window
    stage.choose(page.loss.views, POSITION)
    stage.choose(surprise.mode, 1)
    yield "aligned", window
    stage.choose(page.loss.views, CALIBRATION)
    yield "calibration", window
    stage.choose(page.results.views, 1)
    yield "figures", window


def other_views(stage: Stage) -> Shown:
    """The worked example, and texts against references."""
    page, window = stage.page("evaluate", EvaluatePage), stage.window
    stage.open("story-gpt")
    stage.choose(page.bar.views, BY_HAND)
    yield "by-hand", window
    stage.choose(page.bar.views, METRICS)
    stage.click(page.metrics.start)
    yield "metrics", window
    stage.choose(page.bar.views, TABLE)


SCENES = {
    table: ("evaluate", "token", "aligned", "calibration", "figures"),
    other_views: ("by-hand", "metrics"),
}
