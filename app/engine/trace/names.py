"""The names of a run's tensors: which there can be, in which order, and what they say about where a tensor stands."""

from __future__ import annotations

import re
from collections.abc import Callable

from app.engine.models.parts import Anatomy, Site

HEAD_AXES = ("head", "token", "head_dim")
ATTENTION_AXES = {
    "q": HEAD_AXES,
    "k": HEAD_AXES,
    "v": HEAD_AXES,
    "scores": ("head", "query", "key"),
    "pattern": ("head", "query", "key"),
    "z": HEAD_AXES,
    "sinks": ("head",),
}
"""The tensors that the tap gives, by the last part of their names."""
_SITE = re.compile(r"((?:encoder|decoder)\.)?blocks\.(\d+)\.(attn|cross)\.(q|k|v|scores|sinks|pattern|z)")
_BLOCK = (
    "resid_pre",
    "ln1",
    "attn.q_pre",
    "attn.k_pre",
    "attn.q",
    "attn.k",
    "attn.v",
    "attn.scores",
    "attn.sinks",
    "attn.pattern",
    "attn.z",
    "attn.out",
    "ln1_post",
    "resid_mid",
    "cross.ln",
    "cross.q",
    "cross.k",
    "cross.v",
    "cross.scores",
    "cross.pattern",
    "cross.z",
    "cross.out",
    "cross.resid_post",
    "ln2",
    "mlp.router",
    "mlp.router_probs",
    "mlp.experts",
    "mlp.hidden",
    "mlp.out",
    "ln2_post",
    "resid_sum",
    "resid_post",
)
_BEFORE = (
    "embed",
    "pos_embed",
    "distance_embed",
    "rotary_cos",
    "rotary_sin",
    "position_bias",
    "alibi_slopes",
    "type_embed",
    "ln_embed",
)
"""What stands before the blocks."""
_POST_NORM = {"ln1": "resid_mid", "cross.ln": "cross.resid_post", "ln2": "resid_sum"}
"""Where norms stand after the additions, each norm comes after the sum that it norms."""


def block_order(norm_first: bool) -> tuple[str, ...]:
    """The parts of a block in the order of the computation."""
    if norm_first:
        return _BLOCK
    order = [part for part in _BLOCK if part not in _POST_NORM]
    for norm, total in _POST_NORM.items():
        order.insert(order.index(total) + 1, norm)
    return tuple(order)


def all_names(anatomy: Anatomy, has: Callable[[str], bool]) -> tuple[str, ...]:
    """The names for which `has` is true, in the order of the computation, the logits left out."""
    names: list[str] = []
    for stack in anatomy.stacks:
        names += [f"{stack.prefix}{part}" for part in _BEFORE]
        for index, parts in enumerate(stack.blocks):
            names += [f"{stack.prefix}blocks.{index}.{part}" for part in block_order(parts.norm_first)]
        names.append(f"{stack.prefix}ln_final")
    return tuple(name for name in names if has(name))


def site_of(name: str, anatomy: Anatomy) -> tuple[Site, str] | None:
    """The attention that "blocks.2.attn.q" belongs to and the last part, "q"; None for other names."""
    found = _SITE.fullmatch(canonical(name))
    if found is None:
        return None
    prefix, layer, where, part = found.groups()
    two = len(anatomy.stacks) > 1
    if bool(prefix) != two:
        return None
    kind = "cross" if where == "cross" else "encoder" if prefix == "encoder." else "self"
    site = anatomy.sites.get((kind, int(layer)))
    return (site, part) if site is not None and site.prefix + part == canonical(name) else None


def canonical(name: str) -> str:
    """The one way to write a name: "decoder.blocks.0.cross.attn.q" is "decoder.blocks.0.cross.q"."""
    return name.replace(".cross.attn.", ".cross.")
