"""The flow of a decoder as rows: what is computed, under which name, with which shape."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from app.engine.models.records import ModelSummary
from app.engine.trace.records import TensorInfo
from app.session.state import LENS_MAP


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
    stack: str = ""
    """ "encoder." or "decoder." where there are two."""
    opened: bool = False
    """The block whose parts follow."""
    absent: str = ""
    """Why this model has no such tensor; '' where it has."""


_NONE = "none"


def shape_text(shape: tuple[int, ...] | None) -> str:
    """ "[4, 14, 64]", with thousands separated."""
    return "" if shape is None else "[" + ", ".join(f"{size}" for size in shape) + "]"


def norm_word(summary: ModelSummary) -> str:
    """What this family calls its norm."""
    return summary.norm


def _parts(summary: ModelSummary, infos: Mapping[str, TensorInfo], prefix: str) -> list[tuple[str, str, bool]]:
    """(part, title, adds) of one block in the order of the computation, those that it lacks left out."""
    norm = norm_word(summary)
    wider = f"MLP, {summary.mlp_width / summary.width:.3g}× wider" if summary.mlp_width else "MLP hidden"
    lacks_middle = infos.get(f"{prefix}resid_mid", TensorInfo("", None)).absent
    parallel = bool(lacks_middle) and "side by side" in lacks_middle
    after = f"{prefix}resid_sum" in infos and not infos[f"{prefix}resid_sum"].absent
    ends = "Block's output" if after else "Add both to stream" if parallel else "Add to stream"
    rows = {
        "ln1": (f"{norm} 1", False),
        "attn.q_pre": ("Q, K before rotary", False),
        "attn.q": ("Q, K, V", False),
        "attn.scores": ("Scores, QKᵀ/√d", False),
        "attn.sinks": ("Sinks, no key’s scores", False),
        "attn.pattern": ("Softmax", False),
        "attn.z": ("Mix values", False),
        "attn.out": ("Project", False),
        "ln1_post": (f"{norm} after", False),
        "resid_mid": ("Add to stream", True),
        "cross.ln": (f"{norm}, cross", False),
        "cross.q": ("Q; encoder’s K, V", False),
        "cross.scores": ("Cross scores", False),
        "cross.pattern": ("Cross softmax", False),
        "cross.z": ("Mix its values", False),
        "cross.out": ("Project", False),
        "cross.resid_post": ("Add to stream", True),
        "ln2": (f"{norm} 2", False),
        "mlp.router": ("Router, logits", False),
        "mlp.router_probs": ("Router, probabilities", False),
        "mlp.experts": ("Experts asked", False),
        "mlp.hidden": (wider, False),
        "mlp.out": ("MLP, back again", False),
        "ln2_post": (f"{norm} after", False),
        "resid_sum": ("Add to stream", True),
        "resid_post": (ends, not after),
    }
    # The names stand in the order of the computation; absent ones come after them.
    parts = (name.removeprefix(prefix) for name, info in infos.items() if name.startswith(prefix) and not info.absent)
    return _with_absent([part for part in parts if part in rows], rows, infos, prefix)


def _with_absent(
    parts: list[str], rows: Mapping[str, tuple[str, bool]], infos: Mapping[str, TensorInfo], prefix: str
) -> list[tuple[str, str, bool]]:
    """The parts with those between them that this model lacks, each before what follows it elsewhere."""
    order = list(rows)
    for part in order:
        info = infos.get(prefix + part)
        # Without rotary angles q and k are never another thing: nothing is missing there.
        if info is None or not info.absent or part == "attn.q_pre":
            continue
        later = [place for place, other in enumerate(parts) if order.index(other) > order.index(part)]
        parts.insert(later[0] if later else len(parts), part)
    return [(part, *rows[part]) for part in parts]


def _detail(infos: Mapping[str, TensorInfo], prefix: str, part: str) -> str:
    info = infos[prefix + part]
    if part in ("attn.q", "attn.q_pre"):
        key = infos.get(prefix + ("attn.k" if part == "attn.q" else "attn.k_pre"))
        if key is not None and key.shape == info.shape:
            return f"{3 if part == 'attn.q' else 2} × {shape_text(info.shape)}"
    return shape_text(info.shape)


def flow_rows(
    summary: ModelSummary,
    infos: Mapping[str, TensorInfo],
    counts: tuple[int, int],
    unfolded: tuple[str, int],
    why_no_lens: str = "",
) -> tuple[FlowRow, ...]:
    """The rows from tokens to answer; the block `unfolded`, (stack, block), with its parts. Empty without a run.

    `counts` are the tokens of the text and of the decoder's target; `why_no_lens` says why there is no logit lens.
    """
    if not infos:
        return ()
    if not summary.encoder_layers:
        return (
            *_stack_rows(summary, infos, "", summary.layers, ("Tokens", counts[0]), unfolded, why_no_lens),
            *_answer_rows(summary, infos),
        )
    return (
        *_stack_rows(summary, infos, "encoder.", summary.encoder_layers, ("Source tokens", counts[0]), unfolded),
        FlowRow("Encoder memory", f"[{counts[0]}, {summary.width}]", ends=True, stack="encoder."),
        *_stack_rows(summary, infos, "decoder.", summary.layers, ("Target so far", counts[1]), unfolded, why_no_lens),
        *_answer_rows(summary, infos, "decoder."),
    )


def _stack_rows(
    summary: ModelSummary,
    infos: Mapping[str, TensorInfo],
    stack: str,
    layers: int,
    first: tuple[str, int],
    unfolded: tuple[str, int],
    why_no_lens: str = "",
) -> list[FlowRow]:
    rows = [FlowRow(first[0], shape_text((first[1],)), ends=True, stack=stack)]
    for part, title, adds in (
        ("embed", "Token embedding", False),
        ("pos_embed", "Add position", True),
        ("distance_embed", "Distance embedding", False),
        ("rotary_cos", "Rotary angles, cos", False),
        ("position_bias", "Bias by distance", False),
        ("alibi_slopes", "Slope of each head", False),
        ("type_embed", "Add segment", True),
        ("ln_embed", norm_word(summary), False),
    ):
        info = infos.get(f"{stack}{part}")
        if info is not None:
            rows.append(_row(info, title, stack, adds))
    for block in range(layers):
        opened = (stack, block) == unfolded
        size = "" if stack else f"{summary.block_parameters[block] / 1e6:.2f}M parameters"
        rows.append(FlowRow(f"Block {block}", size, block=block, stack=stack, opened=opened))
        if opened:
            rows += _inside(summary, infos, f"{stack}blocks.{block}.", stack)
    norms = infos.get(f"{stack}resid_norms")
    if norms is not None:
        rows.append(FlowRow("Stream norms", shape_text(norms.shape), f"{stack}resid_norms", stack=stack))
    logits = infos.get("logits")
    if stack != "encoder." and logits is not None and logits.axes == ("token", "vocabulary") and logits.shape:
        lens = TensorInfo(LENS_MAP, (layers, logits.shape[0]), absent=why_no_lens)
        rows.append(_row(lens, "Raw logit lens", stack))
    final = infos.get(f"{stack}ln_final")
    if final is not None:
        rows.append(_row(final, "Final norm", stack))
    return rows


def _row(info: TensorInfo, title: str, stack: str, adds: bool = False) -> FlowRow:
    """A tensor outside the blocks, or that there is none."""
    if info.absent:
        return FlowRow(title, _NONE, stack=stack, absent=info.absent)
    return FlowRow(title, shape_text(info.shape), info.name, adds=adds, stack=stack)


def _inside(summary: ModelSummary, infos: Mapping[str, TensorInfo], prefix: str, stack: str) -> list[FlowRow]:
    rows, branched = [], False
    for part, title, adds in _parts(summary, infos, prefix):
        if why := infos[prefix + part].absent:
            rows.append(FlowRow(title, _NONE, inside=True, stack=stack, absent=why))
            continue
        branches = not branched and not adds
        branched = not adds
        detail = _detail(infos, prefix, part)
        rows.append(FlowRow(title, detail, prefix + part, inside=True, adds=adds, branches=branches, stack=stack))
        shape = infos[prefix + part].shape
        if part == "attn.scores" and shape and summary.kind != "encoder" and stack != "encoder.":
            rows.append(FlowRow("Mask", shape_text(shape[1:]), f"{prefix}attn.mask", inside=True, stack=stack))
    return rows


def _answer_rows(summary: ModelSummary, infos: Mapping[str, TensorInfo], stack: str = "") -> list[FlowRow]:
    """What follows the last block: the head and what it answers."""
    logits = infos.get("logits")
    if logits is None or logits.absent:
        return [FlowRow("No head", "", ends=True, stack=stack)]
    titles = {"masked token": ("Head: logits", "Token at each place"), "class": ("Head: logits", "Class")}
    head, last = titles.get(summary.answer, ("Unembed: logits", "Next token"))
    size = len(summary.labels) if summary.answer == "class" else summary.vocabulary
    return [
        FlowRow(head, shape_text(logits.shape), "logits", stack=stack),
        FlowRow(last, shape_text((size,)), ends=True, stack=stack),
    ]


def same_row(shown: str, row: str) -> bool:
    """Whether tensor `shown` belongs to the row called `row` (q, k and v share one)."""
    for family in (("attn.q", "attn.k", "attn.v"), ("attn.q_pre", "attn.k_pre"), ("cross.q", "cross.k", "cross.v")):
        for letter in family:
            if shown.endswith("." + letter) and row.endswith("." + family[0]):
                return shown.rpartition(letter)[0] == row.rpartition(family[0])[0]
    return shown == row
