"""Where every named tensor of a model is picked up, and which names it lacks with the reasons; found once a model."""

from __future__ import annotations

import weakref
from dataclasses import dataclass

import torch

from app.engine.models.loaded import LoadedModel
from app.engine.trace.points import Point, block_points, stack_points
from app.engine.trace.positions import Table, position_points, position_tables
from app.engine.trace.routers import router_functions


@dataclass(frozen=True)
class Places:
    """By name: the modules' tensors, tables kept as weights, and reasons for what there is not."""

    points: dict[str, Point]
    tables: dict[str, Table]
    absent: dict[str, str]


_known: weakref.WeakKeyDictionary[LoadedModel, Places] = weakref.WeakKeyDictionary()


def places_of(loaded: LoadedModel, inputs: dict[str, torch.Tensor]) -> Places:
    """The places of `loaded`; a mixture's routers are watched on the first tokens of `inputs` the first time."""
    if loaded in _known:
        return _known[loaded]
    model, summary = loaded.model, loaded.summary
    points: list[Point] = []
    tables: list[Table] = []
    absent: dict[str, str] = {}
    functions = router_functions(model, loaded.anatomy, inputs)
    for stack in loaded.anatomy.stacks:
        more, lacking = stack_points(stack)
        points += [*more, *position_points(model, stack)]
        tables += position_tables(model, stack)
        absent |= lacking
        for index, parts in enumerate(stack.blocks):
            sizes = summary.head_dim, summary.heads, summary.kv_heads
            more, lacking = block_points(model, stack, index, *sizes, functions.get(parts.router, ""))
            points += more
            absent |= lacking
    here = {point.name for point in points} | {table.name for table in tables}
    _known[loaded] = Places(
        {point.name: point for point in points},
        {table.name: table for table in tables},
        {name: reason for name, reason in absent.items() if name not in here},
    )
    return _known[loaded]


def silent(places: Places, shapes: dict[str, tuple[int, ...]]) -> dict[str, str]:
    """Reasons for the names whose module gave nothing in a run that left `shapes`."""
    return {
        name: point.without or f"“{point.path}” gave no such tensor for this text."
        for name, point in places.points.items()
        if name not in shapes
    }
