"""What the Explain panel says about the views beside the heatmap: lines, one weight, the lens, who wrote the answer."""

from __future__ import annotations

from app.ui.explanation import Explanation

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
    title="Logit lens",
    looking_at="What the model would say if it stopped after each block: the stream there through the model's own "
    "final norm and unembedding. <b>Rank</b> is where the final answer stands at that point.",
    formula_html="softmax( norm(<i>x</i><sub>block</sub>) <i>W</i><sub>U</sub> )",
    plain="Early blocks do not write in the words of the last one, so read their answers as hints (nostalgebraist "
    "2020). Where the rank falls to 1, the answer is made.",
    try_this="Click a line to open that block.",
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
