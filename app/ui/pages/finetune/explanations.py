"""What the Explain panel says on this page."""

from __future__ import annotations

from dataclasses import replace

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

_WEIGHTS = replace(
    CHANGES,
    title="How far the weights moved",
    looking_at="A bar for each weight of each layer: how large its change is against the weight itself.",
    formula_html="‖<i>W</i>′ − <i>W</i>‖ ⁄ ‖<i>W</i>‖",
    plain="‖ ‖ is the root of the sum of all squares. 10% means that the change is a tenth as large as the weight; "
    "what it does to the answer is another question.",
    try_this="Look under Heads whether the layers that moved most look elsewhere now.",
)
_RESIDUAL = replace(
    CHANGES,
    title="Where the two streams part",
    looking_at="The distance of the residual streams of A and B after each block, for the text above.",
    formula_html="‖<i>x</i><sub>B</sub> − <i>x</i><sub>A</sub>‖ ⁄ ‖<i>x</i><sub>A</sub>‖",
    plain="0 means that up to there both compute the same. It grows where a block adds something else.",
    try_this="Move the checkpoint slider: which block parts first?",
)
_NEXT = replace(
    CHANGES,
    title="What comes next, before and after",
    looking_at="Each token is shaded by how far the two answers to what follows it lie apart; the bars are both "
    "answers at the chosen token.",
    try_this="Click a dark token and read off which words gained.",
)
_FORGETTING = replace(
    CHANGES,
    title="What the model forgot",
    looking_at="Perplexity of A and B on the new examples and on a text of the kind that the model knew before.",
    formula_html="perplexity = e<sup>nats ⁄ tokens</sup>",
    plain="Learning one thing can cost another: where the bar of the old domain grows from A to B, the model is more "
    "surprised by what it could do before.",
    try_this="Train fewer steps or with a smaller learning rate, and see what is forgotten then.",
)
BY_VIEW = (CHANGES, _WEIGHTS, _RESIDUAL, _NEXT, _FORGETTING)
"""In the order of the views of What changed."""

RUNS = Explanation(
    title="Runs",
    looking_at="Every run there was, with its held-out loss before and at its best.",
    plain="A run is a folder: an ordinary adapter of peft (or a model), its settings, the losses of every step, and "
    "its checkpoints. A run that was stopped or killed goes on from its last checkpoint with the very same losses.",
    try_this="Take the settings of a run, change one, and compare the two curves.",
)
