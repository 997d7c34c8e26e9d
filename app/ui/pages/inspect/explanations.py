"""What the Explain panel says on this page about tokens, attention and the next token."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np

from app.engine.models.records import ModelSummary
from app.engine.trace.records import Candidate, ClassShare, HeadReading, Token
from app.ui.explanation import Explanation, ShapeBlock
from app.ui.pages.inspect.scores_formula import row_sum, scores_formula
from app.ui.widgets.number_text import percent_text
from app.ui.widgets.token_text import SPACE_SIGN, visible_token

INTRODUCTION = Explanation(
    title="Inside a transformer",
    looking_at="This page runs a sentence through the model and shows <b>every number</b> computed on the way.",
    plain="Text is cut into tokens. Each token becomes a vector. Block after block adds to that vector what attention "
    "and a small network find, until the last one says which token may come next.",
    try_this="Press an example, or type a sentence of your own and press Enter.",
)

NOT_TRACED = Explanation(
    title="Nothing to show",
    looking_at="This text could not be run through the model; the message above says why.",
    try_this="Press <b>Edit</b> and change the text.",
)


def _token(token: Token) -> str:
    return f"<code>{_isolated(visible_token(token.shown).lstrip(SPACE_SIGN) or SPACE_SIGN)}</code>"


def _isolated(text: str) -> str:
    """Escaped, and kept apart from the sentence around it: right-to-left text would turn that round (UAX 9)."""
    return f"\u2068{escape(text)}\u2069"


def explain_tokens(summary: ModelSummary, tokens: Sequence[Token]) -> Explanation:
    """How the text was cut."""
    return Explanation(
        title="Tokens",
        subtitle=f"{len(tokens)} of a vocabulary of {summary.vocabulary:,}",
        looking_at="The text, cut into pieces that the model knows. Under each stands its <b>id</b>, its line in the "
        "vocabulary. Tokens are counted from 0.",
        plain="␣ is a space that belongs to the token, ⏎ a line break. A character that the vocabulary lacks is "
        "written as its bytes, each a token of its own, such as E7.",
        try_this="Type a rare word or a name: it falls into several pieces. The Model page searches the vocabulary.",
    )


_WHO = {
    "self": ("Attention", "Hatched cells lie ahead (or outside the window): the mask forbids them."),
    "encoder": ("Attention", "Nothing lies ahead here: every token may look at every other, before and after it."),
    "cross": (
        "Cross-attention",
        "Rows are the target being written, columns the source. Nothing is masked: all of the source is known. "
        "Queries come from the decoder, keys and values from the encoder's memory.",
    ),
}
_SCORES_READ = (
    "Only differences inside a row count: its highest score gets the largest weight. Cells with a dot lie beyond the "
    "colour scale. "
)


def explain_head(
    summary: ModelSummary,
    reading: HeadReading,
    tokens: Sequence[Token],
    keys: Sequence[Token],
    query: int,
    mode: str,
) -> Explanation:
    """Attention weights, or the scores before them; `tokens` look, `keys` are looked at."""
    row = reading.pattern[query]
    best = int(row.argmax())
    weights = mode == "weights"
    pair = f"{_token(tokens[query])} (#{query})", f"{_token(keys[best])} (#{best})"
    looked = f"{pair[0]} looks most at {pair[1]}: {row[best] * 100:.1f}%."
    if not weights:
        score = f"{reading.scores[query, best]:+.2f}".replace("-", "−")
        looked = f"{pair[0]} scores highest with {pair[1]}: {score}. Softmax makes that {row[best] * 100:.1f}%."
    if reading.measured.induction is not None and reading.measured.induction > 0.3:
        looked += " When a word repeats, this head looks at what followed it the last time: an <b>induction head</b>."
    elif reading.measured.previous_token is not None and reading.measured.previous_token > 0.5:
        looked += " Over the whole text it mostly looks one token back: a <b>previous-token head</b>."
    elif reading.measured.first_token is not None and reading.measured.first_token > 0.5:
        looked += " Over the whole text it mostly rests on the first token, where a head goes that has nothing to do."
    if not np.isfinite(row[reading.visible[query]]).all():
        looked = f"{pair[0]} has weights that are no number (NaN or ∞), so where it looks cannot be said."
    inner = scores_formula(summary, reading)
    if reading.kind == "cross" or summary.kind == "encoder" or reading.kind == "encoder":
        inner = inner.removesuffix(" + mask")
    formula = f"<i>A</i> = softmax( {inner} )" if weights else f"<i>S</i> = {inner}"
    if reading.weighting != "raw":
        return _explain_weighting(reading, looked)
    what, seen = _WHO[reading.kind if summary.kind != "encoder" else "encoder"]
    block = {"encoder": "Encoder block", "cross": "Decoder block"}.get(reading.kind, "Block")
    return Explanation(
        title=f"{what} weights" if weights else f"{what} scores",
        subtitle=f"{block} {reading.layer}, head {reading.head}, {'after' if weights else 'before'} softmax",
        looking_at="Each <b>row</b> is a token deciding where to look. Each <b>column</b> is a token it can look at. "
        + (row_sum(reading, row) if weights else _SCORES_READ)
        + seen,
        formula_html=formula,
        blocks=(
            ShapeBlock("Q", len(tokens), summary.head_dim),
            ShapeBlock("K^T", summary.head_dim, len(keys), joint="·"),
            ShapeBlock("A" if weights else "S", len(tokens), len(keys), joint="→", result=True),
        ),
        formula_note=f"1 of {summary.heads} heads"
        + (f" in {summary.kv_heads} key-value groups" if summary.kv_heads != summary.heads else ""),
        plain=looked,
        try_this="Move over the cells, or press the arrow keys. <b>[</b> and <b>]</b> change the head, Page Up and "
        "Page Down the block.",
    )


def _explain_weighting(reading: HeadReading, looked: str) -> Explanation:
    """What stands in the place of the weights."""
    if reading.weighting == "norms":
        return Explanation(
            title="Weights × value norms",
            subtitle=f"Block {reading.layer}, head {reading.head}",
            looking_at="Each cell is the length of the vector that a key's value adds through this head, as a share of "
            "its row. A large weight on a short value moves little.",
            formula_html="‖ <i>α</i> <i>v</i> <i>W</i><sub>O</sub> ‖ ⁄ row",
            plain=looked + " (Kobayashi et al. 2020, Attention is Not Only a Weight.)",
            try_this="Compare with the raw weights: the first token often loses what it seemed to have.",
        )
    return Explanation(
        title="Attention rollout",
        subtitle=f"Blocks 0 to {reading.layer}, all heads",
        looking_at="Each cell is how much of the column's token has reached the row's token after this block, if every "
        "block mixed half of the stream by the mean of its heads.",
        formula_html="∏ ( ½ <i>A</i><sub>mean</sub> + ½ <i>I</i> )",
        plain=looked + " It is a rough picture: values and feed-forwards are left out (Abnar and Zuidema 2020).",
        try_this="Page Up and Page Down walk through the blocks: the text mixes more and more.",
    )


def explain_classes(shares: Sequence[ClassShare]) -> Explanation:
    """The bars of a classification head."""
    best = max(shares, key=lambda share: share.probability)
    return Explanation(
        title="Class",
        subtitle="Of the whole text",
        looking_at="The classes that the head was trained to tell apart, with their probabilities. It answers once for "
        "the <b>whole text</b>, not for one token.",
        formula_html="<i>p</i> = softmax( <i>z</i> )",
        formula_note="z are the logits of the head, one for each class",
        plain=f"Of {len(shares):,} classes <code>{_isolated(best.label)}</code> gets "
        f"{escape(percent_text(best.probability))}.",
        try_this="Press <b>Edit</b>, change a word and run again: which words turn the answer?",
    )


def explain_candidates(
    summary: ModelSummary, tokens: Sequence[Token], position: int, candidates: Sequence[Candidate]
) -> Explanation:
    """The next-token bars."""
    best = candidates[0]
    return Explanation(
        title="Next token" if summary.answer == "next token" else "Token at this place",
        subtitle=f"{'After' if summary.answer == 'next token' else 'At'} token {position}, "
        f"{visible_token(tokens[position].shown)}",
        looking_at="The tokens that the model holds most likely to come next, with their probabilities."
        if summary.answer == "next token"
        else "The tokens that the model holds most likely in this place, with their probabilities. It sees the token "
        "that stands there, unless it is masked.",
        formula_html="<i>p</i> = softmax( norm(<i>x</i>) <i>W</i><sub>U</sub> )",
        blocks=(
            ShapeBlock("x", 1, summary.width),
            ShapeBlock("W", summary.width, summary.vocabulary, joint="·"),
            ShapeBlock("z", 1, summary.vocabulary, joint="→", result=True),
        ),
        formula_note="z are the logits; softmax makes them the probabilities p",
        plain=f"Of {summary.vocabulary:,} tokens, <code>{_isolated(visible_token(best.text))}</code> gets "
        f"{best.probability * 100:.1f}%.",
        try_this="Click another token of the prompt: the bars then show what the model expected after that one.",
    )
