"""What the Explain panel says about the views beside the heatmap: lines, one weight, the lens, who wrote the answer."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from app.engine.trace.records import LensMap, Token
from app.ui.explanation import Explanation
from app.ui.widgets.number_text import percent_text
from app.ui.widgets.token_text import visible_token

LINES_VIEW = Explanation(
    title="Attention as lines",
    looking_at="At the left every token that <b>looks</b>, at the right every token it can <b>look at</b>. The thicker "
    "a line, the larger the weight; weights under 8% are left out.",
    plain="The same numbers as in the heatmap. The buttons above switch heads on and off, each with its colour.",
    try_this="Point at a token: only its lines stay. Switch a second head on and compare.",
)
ONE_WEIGHT_VIEW = Explanation(
    title="One weight, step by step",
    looking_at="How one cell of the heatmap came about: the <b>query</b> of the token that looks and the <b>key</b> of "
    "the one looked at are multiplied dimension by dimension and summed.",
    formula_html="<i>α</i> = e<sup>score − max</sup> ⁄ Σ e<sup>score − max</sup>",
    plain="The sum is scaled, usually by 1/√d, so that it does not grow with the width of a head. The mask takes keys "
    "out that may not be seen. Softmax turns the row's scores into weights that add up to 1. Each key's <b>value</b> "
    "is multiplied by its weight; z is the sum over the row, and what the head hands on.",
    try_this="Press Q·Kᵀ, Scale, Mask, Softmax, ·V in turn. Left and Right choose another key of the row.",
)
LENS_VIEW = Explanation(
    title="Raw logit lens",
    looking_at="What the model would say if it stopped after each block: the stream there through the model's own "
    "final norm and unembedding. <b>Rank</b> is where the final answer stands at that point.",
    formula_html="softmax( norm(<i>x</i><sub>block</sub>) <i>W</i><sub>U</sub> )",
    plain="Early blocks do not write in the words of the last one, so read their answers as hints (nostalgebraist "
    "2020). Where the rank falls to 1, the answer is made.",
    try_this="Click a line to open that block, or <b>Every position</b> to see all tokens at once.",
)
WRITTEN_VIEW = Explanation(
    title="Who wrote the answer",
    looking_at="How much each head, each feed-forward and the embedding added to the <b>logit</b> of the likeliest "
    "token. The figure at the top right is that logit: all lines add up to it.",
    formula_html="logit = Σ<sub>parts</sub> norm(<i>part</i>) · <i>w</i><sub>token</sub>",
    plain="Below zero a part spoke against the token. The final norm is frozen at what it was in this run (direct "
    "logit attribution, Elhage et al. 2021).",
    try_this="Click a head: its attention opens above.",
)

FOLLOWS_VIEW = Explanation(
    title="Next sentence",
    looking_at="Whether the second sentence follows the first, as the head says that was trained to tell it (Devlin et "
    "al. 2019). It answers once for the <b>pair</b>.",
    formula_html="<i>p</i> = softmax( <i>z</i> )",
    formula_note="z are the two logits of the head",
    plain="It is trained on pairs of which about half stood one after the other in a text; the others were put "
    "together at random.",
    try_this="Press <b>Edit</b> and type two sentences that belong together, then two that do not.",
)


def refused(title: str, why: str) -> Explanation:
    """A view that this model does not have, with the reason."""
    return Explanation(title=title, subtitle="Not for this model", looking_at=escape(why))


def explain_lens_map(lens: LensMap | None, why: str, tokens: Sequence[Token], layer: int, position: int) -> Explanation:
    """The lens at every position, with what one cell of it says."""
    if lens is None:
        return refused(LENS_VIEW.title, why)
    plain = LENS_VIEW.plain
    if 0 <= layer < len(lens.ids) and 0 <= position < min(len(tokens), lens.ids.shape[1]):
        at, says = visible_token(tokens[position].shown), visible_token(lens.texts[layer][position])
        answer, rank = visible_token(lens.texts[-1][position]), int(lens.ranks[layer, position]) + 1
        share = percent_text(float(lens.probabilities[layer, position]))
        plain = (
            f"After block {layer} the stream at <code>\u2068{escape(at)}\u2069</code> (#{position}) says "
            f"<code>\u2068{escape(says)}\u2069</code> with {share}. The model's own answer there, "
            f"<code>\u2068{escape(answer)}\u2069</code>, holds place {rank:,}. " + plain
        )
    return Explanation(
        title="Raw logit lens, every position",
        subtitle=f"{lens.ids.shape[0]} blocks × {lens.ids.shape[1]} tokens",
        looking_at="Each <b>row</b> is a block, each <b>column</b> a token. A cell holds the likeliest token there if "
        "the model stopped after that block, and how likely it is: the darker, the surer. At the right the rank of the "
        "model's own answer at the chosen token, on a logarithmic scale.",
        formula_html=LENS_VIEW.formula_html,
        plain=plain,
        try_this="Click a cell: its token and block are chosen. The wheel zooms, 0 shows the whole.",
    )
