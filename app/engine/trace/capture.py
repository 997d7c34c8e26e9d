"""One forward pass with everything asked for picked up on the way, within a memory budget."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import torch

from app.engine.models.parts import Anatomy
from app.engine.trace.edits import Edit
from app.engine.trace.points import Point, Seen
from app.engine.trace.softmax_tap import SoftmaxCall, softmax_tapped
from app.engine.trace.tap import ASIDE, AttentionCall, Recorder, tapped, way_of

At = tuple[str, int]
"""Which attention: its kind ("self", "encoder" or "cross") and its block."""


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


@dataclass(frozen=True)
class AttentionShape:
    """The sizes of one attention. Widths are 0 where the family does not show its vectors."""

    heads: int
    kv_heads: int
    queries: int
    keys: int
    width: int
    value_width: int
    sinks: bool = False
    """Each head has a score that is no key's."""


@dataclass
class Capture:
    """What one forward pass left: tensors by name, attention calls by block, logits."""

    tensors: dict[str, Held] = field(default_factory=dict)
    calls: dict[At, AttentionCall | SoftmaxCall] = field(default_factory=dict)
    outputs: dict[At, torch.Tensor] = field(default_factory=dict)
    """The attention function's output, `[batch, token, head, head_dim]`."""
    shapes: dict[str, tuple[int, ...]] = field(default_factory=dict)
    """Shapes of everything seen, also of what the budget did not let stay; batch still there."""
    attention_shapes: dict[At, AttentionShape] = field(default_factory=dict)
    logits: torch.Tensor | None = None
    """Batch still there; None where the model has no head."""
    next_sentence: torch.Tensor | None = None
    """`[batch, 2]` of a head that says whether the second sentence follows (0) or not (1)."""
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
    wanted: frozenset[At] | None = None,
    copy: bool = False,
) -> Capture:
    """Run the model once and keep what `points` and the attentions `wanted` (None: all) give, up to `budget` bytes.

    Tensors are kept as references, which costs nothing on the way; with `copy` they are cloned when seen. Gradients
    are off by `no_grad` and not `inference_mode`, because only then do tensors count the writes into them.
    """
    heard = _Heard(anatomy, budget, wanted, copy)
    modules = {site.path: model.get_submodule(site.path) for site in anatomy.sites.values()}
    recorder = Recorder({id(module): path for path, module in modules.items()}, heard.attention)
    recorder.add_edits(edits, lambda kind, layer: anatomy.sites[kind, layer])
    with ExitStack() as stack, torch.no_grad():
        for point in points:
            hook = heard.hook_for(point)
            stack.callback(model.get_submodule(point.path).register_forward_hook(hook, with_kwargs=True).remove)
        if way_of(model) == ASIDE:
            stack.enter_context(softmax_tapped(model, recorder, heard.softmax))
        else:
            stack.enter_context(tapped(model, recorder))
        output = run_plainly(model, inputs)
    capture = heard.capture
    capture.logits = logits_of(output)
    capture.next_sentence = getattr(output, "seq_relationship_logits", None)
    return capture


class _Heard:
    """What one run hears from hooks and taps, kept as far as the budget goes."""

    def __init__(self, anatomy: Anatomy, budget: int, wanted: frozenset[At] | None, copy: bool) -> None:
        self.capture = Capture()
        self._budget, self._wanted, self._copy = budget, wanted, copy
        self._thread = threading.get_ident()
        self._at = {(site.path, site.call): at for at, site in anatomy.sites.items()}

    def _room(self, size: int) -> bool:
        if self.capture.kept + size > self._budget:
            return False
        self.capture.kept += size
        return True

    def _asked(self, at: At) -> bool:
        return self._wanted is None or at in self._wanted

    def attention(self, call: AttentionCall, output: torch.Tensor) -> None:
        """One call of the attention function."""
        at = self._at.get((call.name, call.count))
        if at is None:
            return
        heads, queries, width = call.query.shape[1:]
        kv_heads, keys = call.key.shape[1:3]
        shape = AttentionShape(heads, kv_heads, queries, keys, width, call.value.shape[-1], call.sinks is not None)
        self.capture.attention_shapes[at] = shape
        if self._asked(at) and self._room(_bytes(call.query, call.key, call.value, output)):
            self.capture.calls[at], self.capture.outputs[at] = call, output

    def softmax(self, call: SoftmaxCall) -> None:
        """One attention of a family outside the interface."""
        at = self._at.get((call.name, call.count))
        if at is None:
            return
        heads, queries, keys = call.weights.shape
        width = call.query.shape[-1] if call.query is not None else 0
        values = call.value.shape[-1] if call.value is not None else 0
        kv_heads = len(call.key) if call.key is not None else heads
        self.capture.attention_shapes[at] = AttentionShape(heads, kv_heads, queries, keys, width, values)
        if self._asked(at) and self._room(2 * _bytes(call.weights)):
            self.capture.calls[at] = call

    def hook_for(self, point: Point) -> Any:
        """A forward hook that keeps the point's tensor of the call it names."""
        calls = 0

        def hook(_module: Any, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
            nonlocal calls
            if threading.get_ident() != self._thread:
                return
            calls += 1
            if calls != point.call + 1:
                return
            tensor: object = point.read(Seen(args, kwargs, output))
            if not isinstance(tensor, torch.Tensor):
                return
            self.capture.shapes[point.name] = tuple(tensor.shape)
            if self._room(_bytes(tensor)):
                self.capture.tensors[point.name] = Held.of(tensor.clone() if self._copy else tensor)

        return hook


def run_plainly(model: Any, inputs: dict[str, torch.Tensor], **more: Any) -> Any:
    """The model's own output, without a cache where its forward has one."""
    if "use_cache" in inspect.signature(model.forward).parameters:
        more["use_cache"] = False
    return model(**inputs, **more)


def logits_of(output: Any) -> torch.Tensor | None:
    """What a model's head gave, batch still there; None where it has none."""
    for name in ("logits", "prediction_logits"):
        if (found := getattr(output, name, None)) is not None:
            return found
    return None
