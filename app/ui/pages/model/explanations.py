"""What Explain says on the Model page."""

from __future__ import annotations

from html import escape

from app.engine.models.records import ModelSummary
from app.ui.explanation import Explanation, ShapeBlock

_POSITIONS = {
    "learned table": "Where a token stands enters as a row of a learned table, added to its embedding.",
    "sinusoid": "Where a token stands enters as sines and cosines, added to its embedding.",
    "rotary": "Where a token stands enters as rotary angles, by which queries and keys are turned.",
    "ALiBi": "Where a token stands enters as a slope on the scores: the farther a key, the lower (ALiBi).",
    "relative bias": "Where a token stands enters as a learned bias on the scores, by distance.",
    "relative embeddings": "Where a token stands enters the scores as learned embeddings of the distance (DeBERTa).",
    "learned table and relative bias": "Where a token stands enters twice: as a row of a learned table, added to its "
    "embedding, and as a learned bias on the scores, by distance.",
    "learned table and relative embeddings": "Where a token stands enters twice: as a row of a learned table, added to "
    "its embedding, and in the scores as learned embeddings of the distance (DeBERTa).",
    "relative sinusoid": "Where a token stands enters the scores as sines of the distance (Transformer-XL).",
    "none": "No part of the model was found that adds positions.",
}

INTRODUCTION = Explanation(
    title="Choosing a model",
    looking_at="A model is a folder: a config with its sizes, a tokenizer, and weights in safetensors files.",
    plain="Before anything is loaded, the sizes in those files tell how much memory it will take. Green fits, amber is "
    "tight, red is too big.",
    try_this="Choose a model at the left, then <b>Load</b>. Drop a folder on the window to open it.",
)


def explain_model(summary: ModelSummary, chosen: str = "") -> Explanation:
    """The sizes of model A, in the terms of the field; `chosen` is the name of another one that is chosen to load."""
    share = sum(summary.block_parameters) / max(summary.parameters, 1)
    grouped = (
        f" Its {summary.heads} query heads share {summary.kv_heads} key-value heads."
        if summary.kv_heads != summary.heads
        else ""
    )
    return Explanation(
        title=summary.name,
        subtitle=f"{summary.architecture}, {summary.parameters:,} parameters"
        + (f", {summary.adapter.words}" if summary.adapter is not None else ""),
        looking_at=(
            f"This is model A, which is open. <b>{escape(chosen)}</b>, chosen in the list, is another: press "
            "<b>Load</b> to see it here.<br><br>"
            if chosen
            else ""
        )
        + f"A residual stream <b>{summary.width:,}</b> wide runs through <b>{summary.layers}</b> blocks. "
        f"Each has <b>{summary.heads}</b> attention heads of {summary.head_dim} dimensions and a feed-forward part."
        f"{grouped}",
        formula_html="logits = <i>x</i> <i>W</i><sub>U</sub>",
        blocks=(
            ShapeBlock("x", 1, summary.width),
            ShapeBlock("W", summary.width, summary.vocabulary, "·"),
            ShapeBlock("z", 1, summary.vocabulary, "→", result=True),
        ),
        formula_note="the last step, for one token",
        plain=f"{100 * share:.0f}% of the parameters are in the blocks, the rest mostly in the table of "
        f"{summary.vocabulary:,} tokens. {_POSITIONS.get(summary.position, escape(summary.position))}",
        try_this="Unfold a block in the tree, or search it for <code>attn</code>. The tokenizer has a tab of its own.",
    )
