"""The flow of a decoder as rows: what is computed, under which name, with which shape."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from app.engine.models.records import ModelSummary
from app.engine.trace.records import TensorInfo

LAYER_NORM_FAMILIES = ("gpt2", "opt", "gpt_neox", "phi")


@dataclass(frozen=True)
class FlowRow:
    """One row. A row with a `name` shows that tensor when chosen; one with a `block` opens it."""

    title: str
    detail: str
    name: str = ""
    block: int | None = None
    inside: bool = False
    """Part of the open block."""
    adds: bool = False
    """A plus on the spine: something joins the residual stream here."""
    ends: bool = False
    """First or last: a filled circle."""
    branches: bool = False
    """Something leaves the residual stream here, to rejoin at the next plus."""


def shape_text(shape: tuple[int, ...] | None) -> str:
    """ "[4, 14, 64]", with thousands separated."""
    return "" if shape is None else "[" + ", ".join(f"{size}" for size in shape) + "]"


def norm_word(summary: ModelSummary) -> str:
    """What this family calls its norm."""
    return "Layer norm" if summary.family in LAYER_NORM_FAMILIES else "RMS norm"


def _parts(summary: ModelSummary, infos: Mapping[str, TensorInfo], prefix: str) -> list[tuple[str, str, bool]]:
    """(part, title, adds) of one block, those that it lacks left out."""
    norm = norm_word(summary)
    wider = f"MLP, {summary.mlp_width / summary.width:.3g}× wider" if summary.mlp_width else "MLP hidden"
    parallel = bool(infos.get(f"{prefix}resid_mid", TensorInfo("", None)).absent)
    rows = [
        ("ln1", f"{norm} 1", False),
        ("attn.q_pre", "Q, K before rotary", False),
        ("attn.q", "Q, K, V", False),
        ("attn.scores", "Scores, QKᵀ/√d", False),
        ("attn.pattern", "Softmax", False),
        ("attn.z", "Mix values", False),
        ("attn.out", "Project", False),
        ("ln1_post", f"{norm} after", False),
        ("resid_mid", "Add to stream", True),
        ("ln2", f"{norm} 2", False),
        ("mlp.hidden", wider, False),
        ("mlp.out", "MLP, back again", False),
        ("ln2_post", f"{norm} after", False),
        ("resid_post", "Add both to stream" if parallel else "Add to stream", True),
    ]
    return [row for row in rows if (info := infos.get(prefix + row[0])) is not None and not info.absent]


def _detail(infos: Mapping[str, TensorInfo], prefix: str, part: str) -> str:
    info = infos[prefix + part]
    if part in ("attn.q", "attn.q_pre"):
        key = infos[prefix + ("attn.k" if part == "attn.q" else "attn.k_pre")]
        if key.shape == info.shape:
            return f"{3 if part == 'attn.q' else 2} × {shape_text(info.shape)}"
    return shape_text(info.shape)


def flow_rows(
    summary: ModelSummary, infos: Mapping[str, TensorInfo], token_count: int, open_block: int
) -> tuple[FlowRow, ...]:
    """The rows from tokens to next token, block `open_block` unfolded. Empty without a run."""
    if not infos:
        return ()
    rows = [FlowRow("Tokens", shape_text((token_count,)), ends=True)]
    rows.append(FlowRow("Token embedding", shape_text(infos["embed"].shape), "embed"))
    if not infos["pos_embed"].absent:
        rows.append(FlowRow("Add position", shape_text(infos["pos_embed"].shape), "pos_embed", adds=True))
    for block in range(summary.layers):
        count = summary.block_parameters[block]
        rows.append(FlowRow(f"Block {block}", f"{count / 1e6:.2f}M parameters", block=block))
        if block != open_block:
            continue
        prefix, branched = f"blocks.{block}.", False
        for part, title, adds in _parts(summary, infos, prefix):
            branches = not branched and not adds
            branched = not adds
            name = prefix + part
            rows.append(FlowRow(title, _detail(infos, prefix, part), name, inside=True, adds=adds, branches=branches))
    if "ln_final" in infos and not infos["ln_final"].absent:
        rows.append(FlowRow("Final norm", shape_text(infos["ln_final"].shape), "ln_final"))
    rows.append(FlowRow("Unembed: logits", shape_text(infos["logits"].shape), "logits"))
    rows.append(FlowRow("Next token", shape_text((summary.vocabulary,)), ends=True))
    return tuple(rows)


def same_row(shown: str, row: str) -> bool:
    """Whether tensor `shown` belongs to the row called `row` (q, k and v share one)."""
    for family in (("attn.q", "attn.k", "attn.v"), ("attn.q_pre", "attn.k_pre")):
        for letter in family:
            if shown.endswith("." + letter) and row.endswith("." + family[0]):
                return shown.rpartition(letter)[0] == row.rpartition(family[0])[0]
    return shown == row
