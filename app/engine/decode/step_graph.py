"""A decoder's step with its cache, recorded once as a graph and then run without Python between the operations.

Of one token more through a small model a third is Python's own time, and at each operation the interpreter's lock may
change hands with the thread that draws the window. `torch.jit.trace` writes down which operations the model's own
forward pass calls (https://docs.pytorch.org/docs/stable/generated/torch.jit.trace.html); running that list calls the
same kernels with the same numbers, so the logits are the same bit for bit. Nothing is fused or reordered: the executor
that does so is switched off.

What a trace cannot see is a branch that goes another way for another token or length. So it is made only for families
known to have none, and for cache lengths up to which the graph was compared with the model.
"""

from __future__ import annotations

import time
import warnings
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any

import torch
from torch import nn
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer
from transformers.utils import logging as transformers_logging
from transformers.utils import output_capturing

from app.engine.trace.tap import BESIDE, LAST, AttentionCall, Recorder, tapped, way_of

STRAIGHT = ("gpt2", "gpt_neox", "llama", "mistral", "olmo", "olmo2", "opt", "phi", "qwen2", "qwen3", "stablelm")
"""Families whose step takes the same way for every token; each is compared in the tests."""
WARM_UP = 6
"""Steps that the model takes in Python first: for a text of a few tokens no graph is made."""
WORTH_IT = 0.025
"""Seconds. A model whose step takes longer spends hardly any of it in Python."""

POSITION = "position_ids"
LEAST_ROOM = 64
"""Tokens."""
Inputs = dict[str, torch.Tensor]
"""The token, int64 `[1, 1]`, and where the model takes it its position, int64 `[1, 1]`, by the argument's name."""
Cache = list[torch.Tensor]
"""Keys and values, block by block, each `[1, kv_head, key, head_dim]`: of the tokens before, or with a place for the
new one at the end, which a step fills."""


class GraphedSteps:
    """Takes a model's steps by its graph once there is one. Of each model there is one, made by `graphed_steps`.

    A graph belongs to one state of the weights: an adapter switched on or off changes the operations. While somebody's
    hooks stand in the model it is called itself, since a graph would pass them by.
    """

    def __init__(self, model: Any, fixed: dict[str, Any]) -> None:
        self._model = weakref.ref(model)
        self._fixed = fixed
        context = getattr(_config(model), "max_position_embeddings", None)
        self._longest = context - 1 if isinstance(context, int) else None
        self._start(None)

    def _start(self, state: object) -> None:
        self._state = state
        self._hooks: list[dict[int, Any]] = []
        for module in self._its().modules():
            self._hooks += [module._forward_hooks, module._forward_pre_hooks]
        self._seconds: list[float] = []
        self._graph: StepGraph | None = None
        self._proven = 0
        """The longest cache for which graph and model were compared."""
        self._refused = False
        self._rooms: weakref.WeakKeyDictionary[DynamicCache, Cache] = weakref.WeakKeyDictionary()
        """Where the keys and values of each cache lie, with room for further tokens."""

    def _hooked(self) -> bool:
        """Whether somebody's hooks stand in the model. transformers leaves its own for collecting outputs, which do
        nothing in a call that collects none."""
        hooks = (hook for found in self._hooks if found for hook in found.values())
        return any(getattr(hook, "__module__", None) != output_capturing.__name__ for hook in hooks)

    def _its(self) -> Any:
        model = self._model()
        assert model is not None
        return model

    def __call__(
        self,
        state: object,
        inputs: Inputs,
        cache: DynamicCache,
        in_python: Callable[[], torch.Tensor],
        recorder: Recorder | None,
    ) -> torch.Tensor:
        """Logits `[1, 1, vocabulary]` after one token more; its keys and values are in `cache` then.

        `in_python` calls the model itself with the same, `state` tells one state of its weights from another, and
        `recorder` hears the attention calls, which in a graph pass no tap. Call it in inference mode.
        """
        if state != self._state:
            self._start(state)
        if self._refused or self._hooked() or not all(type(layer) is DynamicLayer for layer in cache.layers):
            return in_python()
        before = _tensors(cache)
        if self._graph is None or not self._proven:
            return self._step_in_python(inputs, cache, before, in_python)
        if before[0].shape[-2] > self._proven and not self._prove_longer(self._graph, inputs, before):
            self._refused = True
            return in_python()
        longer = self._with_room(cache, before)
        logits = self._graph(inputs, longer, recorder)
        for layer, keys, values in zip(cache.layers, longer[::2], longer[1::2], strict=True):
            layer.keys, layer.values = keys, values
        return logits

    def _with_room(self, cache: DynamicCache, before: Cache) -> Cache:
        """What the cache holds with a place for one token more. Joining each step's keys to those before, as
        transformers does, would take new memory for all of them at every token, a fifth of a small model's step."""
        length = before[0].shape[-2]
        rooms = self._rooms.get(cache)
        # What was cut off is written over; what was chosen from several rows, or joined by the model, lies elsewhere.
        there = rooms is not None and all(
            tensor.data_ptr() == room.data_ptr() and tensor.stride() == room.stride() and length < room.shape[-2]
            for tensor, room in zip(before, rooms, strict=True)
        )
        if rooms is None or not there:
            rooms = self._rooms[cache] = [_longer(tensor, max(LEAST_ROOM, length)) for tensor in before]
        return [room[..., : length + 1, :] for room in rooms]

    def _step_in_python(
        self, inputs: Inputs, cache: DynamicCache, before: Cache, in_python: Callable[[], torch.Tensor]
    ) -> torch.Tensor:
        """A step by the model itself, and one towards a graph: time it, record it or compare with what was recorded."""
        began = time.perf_counter()
        logits = in_python()
        self._seconds.append(time.perf_counter() - began)
        if self._graph is not None:
            longer = [_longer(tensor, 1) for tensor in before]
            same = _same(self._graph(inputs, longer, None), longer, logits, cache)
            self._proven, self._refused = (before[0].shape[-2], False) if same else (0, True)
        elif len(self._seconds) == WARM_UP:
            if sorted(self._seconds)[WARM_UP // 2] <= WORTH_IT:
                # Whatever cannot be recorded, the model goes on with as it did so far.
                with suppress(RuntimeError, TypeError, ValueError):
                    self._graph = StepGraph(self._its(), self._fixed, inputs, before)
            self._refused = self._graph is None
        return logits

    def _prove_longer(self, graph: StepGraph, inputs: Inputs, cache: Cache) -> bool:
        """Whether the graph holds for a cache twice as long too, or as long as the model has positions for."""
        longer = cache
        if self._longest is None or cache[0].shape[-2] < self._longest:
            longer = [torch.cat([tensor, tensor], -2)[..., : self._longest, :] for tensor in cache]
        length = longer[0].shape[-2]
        further = {
            name: torch.full_like(value, length) if name == POSITION else value for name, value in inputs.items()
        }
        model = self._its()
        plain = _cache_of(model, longer)
        # Said expressly: while somebody listens, what the model is set to is the tap.
        with tapped(model, Recorder({}, lambda _call, _output: None), BESIDE):
            logits = model(**further, **self._fixed, past_key_values=plain, return_dict=True).logits
        longer = [_longer(tensor, 1) for tensor in longer]
        if not _same(graph(further, longer, None), longer, logits, plain):
            return False
        self._proven = length
        return True


class StepGraph:
    """The recorded operations of one step."""

    def __init__(self, model: nn.Module, fixed: dict[str, Any], inputs: Inputs, cache: Cache) -> None:
        """Record a step with these inputs and this cache, neither of which is changed. `fixed` are the arguments that
        are the same at every step. Raises RuntimeError for what cannot be recorded."""
        self._names = tuple(inputs)
        step = _Step(model, self._names, fixed)
        with torch.inference_mode(False), torch.no_grad(), warnings.catch_warnings():
            # A warning for every number taken out of a tensor; whether one matters, the comparison shows.
            warnings.simplefilter("ignore")
            longer = [_longer(tensor, 1) for tensor in cache]
            examples = tuple(tensor.clone() for tensor in (*inputs.values(), *longer))
            with _quietly():
                traced = torch.jit.trace(step.eval(), examples, check_trace=False)
            # Without what shapes, weights and modules are looked up with; no operation is another.
            self._run = torch.jit.freeze(traced, optimize_numerics=False)
        self._calls = tuple(_without_tensors(call) for call in step.calls)

    def __call__(self, inputs: Inputs, cache: Cache, recorder: Recorder | None) -> torch.Tensor:
        """Logits `[1, 1, vocabulary]`. The cache has a place for the token at its end, which is filled."""
        with torch.jit.optimized_execution(False):
            logits, *told = self._run(*(inputs[name] for name in self._names), *cache)
        if recorder is not None:
            self._tell(recorder, iter(told))
        return logits

    def _tell(self, recorder: Recorder, told: Iterator[torch.Tensor]) -> None:
        for call in self._calls:
            query, key, value, output = (next(told) for _ in range(4))
            # Made anew rather than by `replace`, which takes as long as the operations that it tells of.
            told_call = AttentionCall(
                call.module, call.name, query, key, value, call.mask, call.causal, call.arguments, call.count
            )
            recorder.hear(told_call, output)


class _Step(nn.Module):
    """A step as a function of tensors alone, which is what can be recorded."""

    def __init__(self, model: nn.Module, names: tuple[str, ...], fixed: dict[str, Any]) -> None:
        super().__init__()
        self.model = model
        self.calls: list[AttentionCall] = []
        self._names, self._fixed = names, fixed
        self._paths = {id(module): path for path, module in model.named_modules()}

    def forward(self, *tensors: torch.Tensor) -> tuple[torch.Tensor, ...]:
        inputs = dict(zip(self._names, tensors, strict=False))
        cache = _cache_of(self.model, list(tensors[len(inputs) :]), _RoomyLayer)
        told: list[torch.Tensor] = []

        def hear(call: AttentionCall, output: torch.Tensor) -> None:
            self.calls.append(call)
            told.extend((call.query, call.key, call.value, output))

        with tapped(self.model, Recorder(self._paths, hear), LAST):
            outputs = self.model(**inputs, **self._fixed, past_key_values=cache, return_dict=True)
        return (outputs.logits, *told)


class _RoomyLayer(DynamicLayer):
    """Keys and values with a place for one token more, which is filled where they are."""

    def get_seq_length(self) -> int:
        return int(self.keys.shape[-2] - 1)

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *_args: Any, **_kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        self.keys[..., -1:, :] = key_states
        self.values[..., -1:, :] = value_states
        return self.keys, self.values


def graphed_steps(model: Any, fixed: dict[str, Any]) -> GraphedSteps | None:
    """Those of the model, the same at every call; None where no graph is made of it: of families not in `STRAIGHT`,
    of attention that is not sdpa's, away from the CPU (unchecked there), of a model spread over devices."""
    if model not in _of_model:
        family = _config(model).model_type
        on_cpu = all(parameter.device.type == "cpu" for parameter in model.parameters())
        possible = family in STRAIGHT and on_cpu and way_of(model) == BESIDE and not hasattr(model, "hf_device_map")
        _of_model[model] = GraphedSteps(model, fixed) if possible else None
    return _of_model[model]


_of_model: weakref.WeakKeyDictionary[nn.Module, GraphedSteps | None] = weakref.WeakKeyDictionary()


@contextmanager
def _quietly() -> Iterator[None]:
    """Without what transformers logs: recording asks a model for its loss function too, of which it then warns."""
    before = transformers_logging.get_verbosity()
    transformers_logging.set_verbosity_error()
    try:
        yield
    finally:
        transformers_logging.set_verbosity(before)


def _tensors(cache: DynamicCache) -> Cache:
    return [tensor for layer in cache.layers for tensor in (layer.keys, layer.values)]


def _longer(tensor: torch.Tensor, places: int) -> torch.Tensor:
    """A copy with so many places more, what they hold not yet written."""
    return torch.cat([tensor, tensor.new_empty((*tensor.shape[:-2], places, tensor.shape[-1]))], -2)


def _same(by_graph: torch.Tensor, filled: Cache, logits: torch.Tensor, cache: DynamicCache) -> bool:
    """Whether logits and cache are equal bit for bit."""
    return torch.equal(by_graph, logits) and all(map(torch.equal, filled, _tensors(cache)))


def _config(model: Any) -> Any:
    return model.config.get_text_config(decoder=True)


def _cache_of(model: Any, tensors: Cache, kind: type[DynamicLayer] = DynamicLayer) -> DynamicCache:
    """The model's own cache with these keys and values in it."""
    cache = DynamicCache(config=_config(model))
    cache.layers = [kind() for _ in cache.layers]
    for layer, keys, values in zip(cache.layers, tensors[::2], tensors[1::2], strict=True):
        layer.keys, layer.values = keys, values
        layer.dtype, layer.device, layer.is_initialized = keys.dtype, keys.device, True
    return cache


def _without_tensors(call: AttentionCall) -> AttentionCall:
    """What of a recorded call is the same at every step."""
    none = torch.empty(0)
    arguments = {name: value for name, value in call.arguments.items() if not isinstance(value, torch.Tensor)}
    return replace(call, query=none, key=none, value=none, arguments=arguments)
