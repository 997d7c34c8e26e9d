"""Positions that no module of their own gives: tables kept as buffers or parameters, and what is made of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from app.engine.models.parts import Stack
from app.engine.trace.points import Point, Seen

_DISTANCES = ("distance", "width")
_ANGLES = ("token", "head_dim")


@dataclass(frozen=True)
class Table:
    """A named tensor that is read off a parameter or buffer: what `read` makes of it, or of its first rows, one a
    token."""

    name: str
    weight: str
    axes: tuple[str, ...]
    read: Callable[[torch.Tensor], torch.Tensor]

    @property
    def by_token(self) -> bool:
        """Whether its rows are tokens."""
        return self.axes[0] == "token"


def position_tables(model: Any, stack: Stack) -> list[Table]:
    """Tables of a stack whose positions no module hands out: CTRL's sines, the angles of GPT-J and CodeGen, DeBERTa's
    embeddings of the distance."""
    buffers = dict(model.named_buffers())
    weights = [name for name, _ in model.named_parameters()]
    found: list[Table] = []
    angles = f"{stack.blocks[0].attention}.embed_positions"
    if stack.position_kind == "rotary" and angles in buffers:
        found.append(Table(f"{stack.prefix}rotary_cos", angles, _ANGLES, lambda table: _twice(table.chunk(2, -1)[1])))
        found.append(Table(f"{stack.prefix}rotary_sin", angles, _ANGLES, lambda table: _twice(table.chunk(2, -1)[0])))
    if sines := next((name for name in buffers if name.endswith("pos_encoding")), ""):
        found.append(Table(f"{stack.prefix}pos_embed", sines, ("token", "width"), lambda table: table))
    distances = next((name for name in weights if name.endswith("rel_embeddings.weight")), "")
    if distances and not _normed_distances(model, distances):
        found.append(Table(f"{stack.prefix}distance_embed", distances, _DISTANCES, lambda table: table))
    return found


def position_points(model: Any, stack: Stack) -> list[Point]:
    """Points of a stack where a module gives positions under another role: RoFormer's table of sines, from which each
    attention makes its angles, XLNet's sines of the distance, and DeBERTa's normed embeddings of the distance."""
    found: list[Point] = []
    modules = dict(model.named_modules())
    sines = next((name for name, part in modules.items() if type(part).__name__.startswith("RoFormerSinus")), "")
    if stack.position_kind == "rotary" and sines:
        found.append(Point(f"{stack.prefix}rotary_cos", sines, _cosines, _ANGLES))
        found.append(Point(f"{stack.prefix}rotary_sin", sines, _sines, _ANGLES))
    dropout = f"{model.base_model_prefix}.dropout"
    if stack.position_kind == "relative sinusoid" and dropout in modules:
        # XLNet's dropout passes the embeddings first, then the sines of the distance from the farthest on.
        found.append(Point(f"{stack.prefix}distance_embed", dropout, _output, _DISTANCES, call=1))
    distances = next((name for name, _ in model.named_parameters() if name.endswith("rel_embeddings.weight")), "")
    if distances and (norm := _normed_distances(model, distances)):
        found.append(Point(f"{stack.prefix}distance_embed", norm, _output, _DISTANCES))
    return found


def _normed_distances(model: Any, distances: str) -> str:
    """The norm that DeBERTa-v3 puts on its table before it is used, '' where there is none."""
    path = distances.removesuffix(".rel_embeddings.weight")
    owner = model.get_submodule(path)
    return f"{path}.LayerNorm" if "layer_norm" in getattr(owner, "norm_rel_ebd", ()) else ""


def _output(seen: Seen) -> torch.Tensor:
    return seen.output


def _sines(seen: Seen) -> torch.Tensor:
    return _twice(seen.output.chunk(2, -1)[0])


def _cosines(seen: Seen) -> torch.Tensor:
    return _twice(seen.output.chunk(2, -1)[1])


def _twice(angles: torch.Tensor) -> torch.Tensor:
    """Each angle turns two neighbouring dimensions."""
    return angles.repeat_interleave(2, dim=-1)
