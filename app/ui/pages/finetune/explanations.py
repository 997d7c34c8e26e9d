"""What the Explain panel says on this page."""

from __future__ import annotations

from app.engine.finetune.records import Costs
from app.engine.finetune.settings import LORA, FinetuneSettings
from app.engine.models.records import ModelSummary
from app.ui.explanation import Explanation, ShapeBlock
from app.ui.pages.finetune.sample_sets import fitting

_LEARNT = "<i>W</i>\u200a′"
"""W′: without the hair space the stroke lies on the letter's slanted arm and cannot be seen."""


def explain_method(settings: FinetuneSettings, summary: ModelSummary | None, costs: Costs | None) -> Explanation:
    """LoRA or all weights, with this model's shapes."""
    width = summary.width if summary is not None else 0
    if settings.method != LORA:
        return Explanation(
            title="Full finetuning",
            subtitle=f"{costs.total:,} numbers" if costs is not None else "",
            looking_at="<b>Every weight</b> of the model learns. The solid line should fall; if the dashed line "
            "turns up, the model learns by heart: stop.",
            formula_caption="Formula",
            formula_html=f"{_LEARNT} = <i>W</i> − η · ∂loss ⁄ ∂<i>W</i>",
            plain="The whole book is written anew, a little at every step. It can learn more than LoRA, and forget "
            "more; the optimizer keeps two numbers for each weight, so it takes four times the memory.",
            try_this="Measure the new model and the old on the <b>Evaluate</b> page: what got better, what was "
            "forgotten?",
        )
    rank = settings.rank
    learns = rank * 2 * width
    return Explanation(
        title="LoRA: small add-on weights",
        subtitle=f"{len(costs.targets)} adapted layers, rank {rank}" if costs is not None else f"rank {rank}",
        looking_at="The model’s own weights are <b>frozen</b>. Only two thin matrices beside each layer learn. The "
        "solid line should fall; if the dashed line turns up, stop.",
        formula_html=f"{_LEARNT} = <i>W</i> + ({settings.alpha:g} ⁄ {'√' if settings.rslora else ''}{rank}) <i>B A</i>",
        blocks=(
            ShapeBlock("W", width, width),
            ShapeBlock("B", width, rank, "+", result=True),
            ShapeBlock("A", rank, width, "·", result=True),
        )
        if width
        else (),
        formula_note=f"a square layer of this model: {width:,} × {width:,} frozen, {learns:,} numbers learn"
        if width
        else "",
        plain="Instead of rewriting the book, you add sticky notes. Take them off (F6) and the old model is back.",
        try_this=f"Finetune on <b>{_sample(summary)}</b>, then press F6 on the Generate page: the same prompt and "
        "seed, with and without.",
    )


def _sample(summary: ModelSummary | None) -> str:
    """What suits the model best of what comes with the program."""
    return next((each.words.partition(":")[0].lower() for each in fitting(summary)), "examples of your own")


CHANGES = Explanation(
    title="What changed inside",
    looking_at="One text through two sides: a model before and after, two checkpoints, or models A and B. A dark head "
    "looks elsewhere; bars tell how far each weight moved.",
    formula_caption="Formula",
    formula_html="JS = ½ KL(<i>p</i> ‖ <i>m</i>) + ½ KL(<i>q</i> ‖ <i>m</i>), <i>m</i> = ½(<i>p</i> + <i>q</i>)",
    plain="The Jensen–Shannon divergence is 0 bits where both look alike and 1 where they share nothing. Small "
    "weights can change an answer much, and large ones little: look at both.",
    try_this="Move the checkpoint slider and watch a head change over the training. Under Forgetting see what it cost "
    "on texts that the model knew before.",
)

RUNS = Explanation(
    title="Runs",
    looking_at="Every run there was, with its held-out loss before and at its best.",
    plain="A run is a folder: an ordinary adapter of peft (or a model), its settings, the losses of every step, and "
    "its checkpoints. A run that was stopped or killed goes on from its last checkpoint with the very same losses.",
    try_this="Take the settings of a run, change one, and compare the two curves.",
)
