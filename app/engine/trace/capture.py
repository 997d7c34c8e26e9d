"""One forward pass with everything asked for picked up on the way, within a memory budget."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import torch

from app.engine.models.anatomy import Anatomy
from app.engine.trace.edits import Edit
from app.engine.trace.points import Point, Seen
from app.engine.trace.tap import AttentionCall, Recorder, tapped


@dataclass
class Held:
    """A tensor as the run made it: a reference, no copy, with the version it had when it was seen."""

    tensor: torch.Tensor
    version: int

    @classmethod
    def of(cls, tensor: torch.Tensor) -> Held:
        return cls(tensor, tensor._version)

    @property
    def intact(self) -> bool:
        """Whether nothing wrote into the tensor since (some models add in place)."""
        return self.tensor._version == self.version


@dataclass
class Capture:
    """What one forward pass left: tensors by name, attention calls by block, logits."""

    tensors: dict[str, Held] = field(default_factory=dict)
    calls: dict[int, AttentionCall] = field(default_factory=dict)
    outputs: dict[int, torch.Tensor] = field(default_factory=dict)
    """The attention function's output of each block, `[batch, token, head, head_dim]`."""
    shapes: dict[str, tuple[int, ...]] = field(default_factory=dict)
    """Shapes of everything seen, also of what the budget did not let stay; batch still there."""
    attention_shapes: dict[int, tuple[int, int, int, int, int]] = field(default_factory=dict)
    """Per block: heads, key-value heads, queries, keys, head width."""
    logits: torch.Tensor | None = None
    kept: int = 0
    """Bytes held."""


def _bytes(*tensors: torch.Tensor) -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


def run(
    model: Any,
    anatomy: Anatomy,
    inputs: dict[str, torch.Tensor],
    edits: Sequence[Edit],
    points: Sequence[Point],
    budget: int,
    blocks: frozenset[int] | None = None,
    copy: bool = False,
) -> Capture:
    """Run the model once and keep what `points` and the attention of `blocks` (None: all) give, up to `budget` bytes.

    Tensors are kept as references, which costs nothing on the way; with `copy` they are cloned when seen. Gradients
    are off by `no_grad` and not `inference_mode`, because only then do tensors count the writes into them.
    """
    capture = Capture()
    thread = threading.get_ident()
    block_of = {parts.attention: index for index, parts in enumerate(anatomy.blocks) if parts.attention}

    def keep(name: str, tensor: torch.Tensor) -> None:
        capture.shapes[name] = tuple(tensor.shape)
        size = _bytes(tensor)
        if capture.kept + size <= budget:
            capture.kept += size
            capture.tensors[name] = Held.of(tensor.clone() if copy else tensor)

    def hear(call: AttentionCall, output: torch.Tensor) -> None:
        block = block_of.get(call.name)
        if block is None:
            return
        heads, queries, width = call.query.shape[1:]
        capture.attention_shapes[block] = (heads, call.key.shape[1], queries, call.key.shape[2], width)
        size = _bytes(call.query, call.key, call.value, output)
        if (blocks is None or block in blocks) and capture.kept + size <= budget:
            capture.kept += size
            capture.calls[block], capture.outputs[block] = call, output

    def hook_for(point: Point) -> Any:
        def hook(_module: Any, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
            if threading.get_ident() == thread:
                keep(point.name, point.read(Seen(args, kwargs, output)))

        return hook

    recorder = Recorder({id(model.get_submodule(name)): name for name in block_of}, hear)
    recorder.add_edits(edits, lambda layer: anatomy.blocks[layer].attention)
    with ExitStack() as stack, torch.no_grad():
        for point in points:
            handle = model.get_submodule(point.path).register_forward_hook(hook_for(point), with_kwargs=True)
            stack.callback(handle.remove)
        stack.enter_context(tapped(model, recorder))
        capture.logits = model(**inputs, use_cache=False).logits
    return capture
