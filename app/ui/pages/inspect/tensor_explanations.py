"""What the Explain panel says of a tensor: what its rows are, how it came about, how its colours are read."""

from __future__ import annotations

from app.engine.models.records import ModelSummary
from app.engine.trace.records import TensorReading
from app.session.state import block_of, part_of
from app.ui.explanation import Explanation, ShapeBlock

# What a block of a formula is called; the residual stream and its normed copies are x.
LETTERS = {
    "embed": "E",
    "pos_embed": "P",
    "attn.z": "z",
    "attn.out": "o",
    "mlp.hidden": "h",
    "mlp.out": "m",
    "logits": "z",
}

# part of a block -> (title, what its rows are, formula, plain words)
PARTS = {
    "resid_pre": ("Residual stream", "what the block receives", "x", "The running sum that every block adds to."),
    "ln1": ("Norm before attention", "the stream, rescaled", "norm(x)", "Each row is brought to a common size first."),
    "attn.q_pre": ("Queries before rotary", "a question not yet turned", "norm(x) W<sub>Q</sub>", ""),
    "attn.k_pre": ("Keys before rotary", "a label not yet turned", "norm(x) W<sub>K</sub>", ""),
    "attn.q": (
        "Queries",
        "the question one token asks",
        "Q = norm(x) W<sub>Q</sub>",
        "A token looks where its query points the same way as another token's key.",
    ),
    "attn.k": (
        "Keys",
        "the label by which one token is found",
        "K = norm(x) W<sub>K</sub>",
        "A key says what a token has to offer; queries are compared with it.",
    ),
    "attn.v": (
        "Values",
        "what one token hands over when it is looked at",
        "V = norm(x) W<sub>V</sub>",
        "Attention mixes these rows; the weights say how much of each.",
    ),
    "attn.sinks": (
        "Sinks",
        "one score a head",
        "softmax( scores, sink )",
        "A learned score that joins every row's softmax and is no key's: what it gets goes to no token, so the weights "
        "of a row add up to less than 1.",
    ),
    "attn.z": (
        "Mixed values",
        "what one token collected through this head",
        "z = A V",
        "Each row is a weighted mean of value rows, with the attention weights of that token.",
    ),
    "attn.out": (
        "Attention output",
        "what attention adds to the stream",
        "concat(z) W<sub>O</sub>",
        "The heads' results are joined and projected back to the width of the stream.",
    ),
    "ln1_post": ("Norm after attention", "attention's output, rescaled", "norm(·)", ""),
    "resid_mid": (
        "Residual stream",
        "the stream after attention",
        "x + attention(x)",
        "What attention found is added; what was there stays.",
    ),
    "ln2": ("Norm before the MLP", "the stream, rescaled", "norm(x)", "Each row is brought to a common size first."),
    "mlp.hidden": (
        "MLP, hidden layer",
        "how strongly each hidden unit fires",
        "h = act(norm(x) W<sub>in</sub>)",
        "Each column is one unit; many are near zero for a given token.",
    ),
    "mlp.out": (
        "MLP output",
        "what the MLP adds to the stream",
        "h W<sub>out</sub>",
        "Every token is treated alone here: nothing is exchanged between rows.",
    ),
    "ln2_post": ("Norm after the MLP", "the MLP's output, rescaled", "norm(·)", ""),
    "resid_post": (
        "Residual stream",
        "the stream after this block",
        "x + MLP(x)",
        "Lines that run from top to bottom are dimensions that nearly every token uses.",
    ),
    "mlp.router_probs": (
        "Router, probabilities",
        "how likely each expert is held to be the right one for one token",
        "softmax( norm(x) W<sub>router</sub> )",
        "Softmax over all experts, before the best are chosen; a family that takes a sigmoid of each instead has its "
        "rows add up to anything.",
    ),
    "mlp.experts": (
        "Experts",
        "how much each expert's answer counts for one token",
        "weights of the chosen",
        "A column is an expert. Where it is 0 the expert was not asked at all: that is what saves the work.",
    ),
    "rotary_cos": (
        "Rotary angles, cosines",
        "one position",
        "cos( position · frequency )",
        "Queries and keys are turned by these angles, so that their product depends on the distance (Su et al. 2021).",
    ),
    "distance_embed": (
        "Embeddings of the distance",
        "one distance between two tokens",
        "r(i − j)",
        "Compared with queries and keys inside each attention, so that scores depend on how far two tokens are apart.",
    ),
    "rotary_sin": ("Rotary angles, sines", "one position", "sin( position · frequency )", ""),
    "position_bias": (
        "Bias by distance",
        "one query, its columns the keys",
        "bias(distance), one table a head",
        "Added to the scores of every block: how much a head prefers near or far keys whatever they say.",
    ),
    "attn.mask": (
        "Mask",
        "the token that looks, its columns those it may look at",
        "score + mask, mask = 0 or −∞",
        "It is the mask that the model hands to this attention. Softmax gives a score of −∞ the weight 0, so what is "
        "forbidden is not merely small: it is not there.",
    ),
    "alibi_slopes": (
        "Slopes of ALiBi",
        "",
        "score(i, j) − slope<sub>head</sub> · (i − j)",
        "Each head has one number: how much a key loses for every token that it stands further back. A steep slope "
        "keeps a head near, a flat one lets it look far (Press et al. 2022).",
    ),
    "resid_norms": (
        "Norms of the stream",
        "the stream after so many blocks, row 0 before the first",
        "‖x‖",
        "Each column is a token. The stream usually grows from block to block, the first token's most of all.",
    ),
    "resid_sum": (
        "Residual stream",
        "the stream and what the MLP adds",
        "x + MLP(x)",
        "In this family the norm comes after the addition; its result is the block's output.",
    ),
    "mlp.router": (
        "Router",
        "how strongly one token is sent to each expert",
        "norm(x) W<sub>router</sub>",
        "Only the experts with the largest values work on a token.",
    ),
    "type_embed": (
        "Segment embedding",
        "the vector of the sentence that one token belongs to",
        "W<sub>S</sub>[segment]",
        "",
    ),
    "ln_embed": ("Norm of the embeddings", "the sum of the embeddings, rescaled", "norm(x)", ""),
    "cross.ln": ("Norm, cross-attention", "the stream, rescaled", "norm(x)", ""),
    "cross.q": (
        "Queries to the encoder",
        "the question one target token asks",
        "Q = norm(x) W<sub>Q</sub>",
        "They are made from the decoder's stream.",
    ),
    "cross.k": (
        "Keys of the encoder",
        "the label by which one source token is found",
        "K = memory W<sub>K</sub>",
        "They are made from the encoder's memory, the same for every target token.",
    ),
    "cross.v": (
        "Values of the encoder",
        "what one source token hands over",
        "V = memory W<sub>V</sub>",
        "They are made from the encoder's memory.",
    ),
    "cross.z": ("Mixed encoder values", "what one target token collected from the source", "z = A V", ""),
    "cross.out": ("Cross-attention output", "what cross-attention adds to the stream", "concat(z) W<sub>O</sub>", ""),
    "cross.resid_post": ("Residual stream", "the stream after cross-attention", "x + cross(x)", ""),
    "embed": ("Token embedding", "the vector the model knows for one token", "W<sub>E</sub>[id]", ""),
    "pos_embed": (
        "Position embedding",
        "the vector of one position",
        "W<sub>P</sub>[i]",
        "Added to tell places apart.",
    ),
    "ln_final": ("Final norm", "the stream, rescaled a last time", "norm(x)", ""),
    "logits": (
        "Logits",
        "one score for each token of the vocabulary",
        "norm(x) W<sub>U</sub>",
        "Softmax turns a row into the probabilities of what comes after that token.",
    ),
}


ALIBI_BIAS = (
    "Bias of ALiBi",
    "one head, its columns the keys",
    "slope<sub>head</sub> · <i>j</i>",
    "Added to the scores, the same for every query: softmax only sees differences, so this is the slope times the "
    "distance (Press et al. 2022). Nothing of it is learned.",
)
"""What "position_bias" is where the family is no T5."""


_SIGNED = (
    "Blue is negative, orange is positive, pale is near zero. Cells with a dot lie beyond the colour scale, red "
    "ones are no finite number."
)
_READ = {
    "resid_norms": "The darker, the longer: the scale begins at 0 and ends at the longest.",
    "attn.mask": "Dark (1) may be looked at by at least one head, pale (0) by none.",
}
"""How colours are read that are not about zero."""
_TRY = "Move over the cells to read the numbers; right-click to copy or save them."
_SHARES = "The darker, the larger the share; the scale goes from 0 to 1."
_ONE_EACH = {
    "alibi_slopes": "One number for each <b>head</b>: how fast its scores fall with the distance.",
    "attn.sinks": "One number for each <b>head</b>: a score that is no token's and takes its part of each softmax.",
}


def explain_similarity(name: str) -> Explanation:
    """How alike the rows of a tensor are."""
    return Explanation(
        title="Row similarity",
        subtitle=name,
        looking_at="Each cell compares two <b>rows</b> of this tensor by the angle between them: +1 when they point "
        "the same way, 0 when they have nothing in common, −1 when they are opposite.",
        formula_html="cos(<i>a</i>, <i>b</i>) = <i>a</i> · <i>b</i> ⁄ ( ‖<i>a</i>‖ ‖<i>b</i>‖ )",
        plain="The length of the rows plays no part. Of a table of positions the picture shows stripes where places "
        "that lie close to each other have like vectors.",
        try_this="Switch <b>Row similarity</b> off to see the values again. Distribution and statistics are of the "
        "cosines.",
    )


def explain_tensor(summary: ModelSummary, reading: TensorReading) -> Explanation:
    """Any tensor of the flow."""
    if reading.name == "logits" and summary.answer == "class":
        return _explain_class_logits(summary)
    part, block = part_of(reading.name).removeprefix("encoder.").removeprefix("decoder."), block_of(reading.name)
    title, rows, formula, plain = PARTS.get(part, (reading.name, "one row of it", "", ""))
    if part == "position_bias" and summary.position == "ALiBi":
        title, rows, formula, plain = ALIBI_BIAS
    where = reading.name if block is None else f"Block {block} · {reading.name}"
    shape = reading.values.shape
    blocks: tuple[ShapeBlock, ...] = ()
    if reading.values.ndim > 1:
        blocks = (ShapeBlock(LETTERS.get(part, "x"), shape[-2], shape[-1], result=True),)
    if part in ("attn.q", "attn.k", "attn.v", "cross.q"):
        letter = part[-1].upper()
        blocks = (
            ShapeBlock("x", shape[1], summary.width),
            ShapeBlock("W", summary.width, shape[2], joint="·"),
            ShapeBlock(letter, shape[1], shape[2], joint="→", result=True),
        )
    note = "turned by rotary angles afterwards" if summary.position == "rotary" and part in ("attn.q", "attn.k") else ""
    by_token = part != "attn.mask" and reading.info.axes[-2:-1] in (("token",), ("query",)) and part in PARTS
    whose = "one token: " if by_token else ""
    return Explanation(
        title=title,
        subtitle=where,
        looking_at=_ONE_EACH.get(part)
        or f"Each <b>row</b> is {whose}{rows}. {_SHARES if reading.info.shares else _READ.get(part, _SIGNED)}",
        formula_html=formula,
        blocks=blocks,
        formula_note=note,
        plain=plain,
        try_this=_TRY,
    )


def _explain_class_logits(summary: ModelSummary) -> Explanation:
    """What "logits" are where the head tells classes apart."""
    return Explanation(
        title="Logits of the classes",
        subtitle="logits",
        looking_at=f"One score for each of the {len(summary.labels)} <b>classes</b> that the head was trained to tell "
        "apart. Blue is below zero, orange above it; red ones are no finite number.",
        formula_html="<i>z</i> = head(text)",
        plain="The head answers once for the whole text, so there is one row. Softmax turns it into the probabilities "
        "of the classes.",
        try_this=_TRY,
    )
