"""The tap: an attention function of our own, through which a model's attention passes during a trace.

It is registered with transformers' `AttentionInterface` *and*, under the same name, with `AttentionMaskInterface`:
with the first alone every model silently gets no mask
(https://huggingface.co/docs/transformers/attention_interface). Two ways:

- *beside*: scaled dot-product attention makes the output exactly as in the untouched model; patterns are computed
  afterwards, from the recorded q, k and mask, for the layers and heads somebody asks for.
- *through*: the family's own `eager_attention_forward` makes the output, for families whose default is eager because
  no fast kernel knows their softmax (Gemma 2's soft-capping).

In both ways patterns come from the family's own eager function, so soft-caps, sinks and biases are always right.
"""

from __future__ import annotations

import sys
import threading
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import eager_mask, sdpa_mask

from app.engine.errors import UserError
from app.engine.models.parts import Site
from app.engine.trace.edits import AblateHead, Edit, KnockOut

BESIDE = "unembed_beside"
THROUGH = "unembed_through"
LAST = "unembed_last"
"""As beside, for one token after those in a cache: it sees them all, so there is no mask, which transformers makes
whenever a graph is recorded (https://huggingface.co/docs/transformers/attention_interface)."""
ASIDE = "beside the softmax"
"""Families outside the interface: see `softmax_tap`."""


@dataclass
class AttentionCall:
    """The arguments of one call of the attention function, batch kept."""

    module: nn.Module
    name: str
    """Qualified name of the attention module. `layer_idx` is not used: some families share or misnumber it."""
    query: torch.Tensor
    """`[batch, head, query, head_dim]`, after rotary."""
    key: torch.Tensor
    """`[batch, kv_head, key, head_dim]`, after rotary."""
    value: torch.Tensor
    mask: torch.Tensor | None
    """Additive or bool, broadcastable to `[batch, head, query, key]`, edits included; None: see `causal`."""
    causal: bool
    """No mask was made because the kernel's own causal mask serves."""
    arguments: dict[str, Any]
    """The keyword arguments that shape scores: scaling, softcap, position_bias, s_aux…"""
    count: int = 0
    """Which call of the module in this run; ALBERT calls one module once a block."""

    @property
    def sinks(self) -> torch.Tensor | None:
        """`[head]`: a learned score that competes with the keys' in softmax and is no key's (gpt-oss); None without."""
        found = self.arguments.get("s_aux")
        return found if isinstance(found, torch.Tensor) and found.shape == self.query.shape[1:2] else None


class Recorder:
    """What one run hears from the tap: it edits each call and hands it on."""

    def __init__(self, names: dict[int, str], hear: Callable[[AttentionCall, torch.Tensor], None]) -> None:
        self.names = names
        """Qualified names of the model's attention modules by `id`."""
        self.hear = hear
        self.knock_outs: dict[tuple[str, int], list[KnockOut]] = {}
        self.ablations: dict[tuple[str, int], list[AblateHead]] = {}
        self._counts: dict[str, int] = {}

    def add_edits(self, edits: Sequence[Edit], site_of: Callable[[str, int], Site]) -> None:
        """File `edits` by the attention, and the call of it, that they change."""
        for edit in edits:
            site = site_of(edit.kind, edit.layer)
            shelf: dict[tuple[str, int], list[Any]] = (
                self.ablations if isinstance(edit, AblateHead) else self.knock_outs
            )
            shelf.setdefault((site.path, site.call), []).append(edit)

    def begin_again(self) -> None:
        """Count the calls of another run from 0."""
        self._counts.clear()

    def next_call(self, name: str) -> int:
        """How often the module called `name` was heard before in this run."""
        count = self._counts.get(name, 0)
        self._counts[name] = count + 1
        return count


_current = threading.local()
_configs: weakref.WeakKeyDictionary[nn.Module, tuple[Any, ...]] = weakref.WeakKeyDictionary()
"""The configs that a model's modules read their attention from: T5's encoder and decoder have copies of their own."""


def _outside_the_interface(module: nn.Module) -> UserError:
    return UserError(
        f"{type(module).__name__} does not use transformers' attention interface, so its heads cannot be seen.",
        "Open a model of another family, for instance GPT-2, OPT, Llama, Qwen, Mistral, Gemma, Phi or GPT-NeoX.",
    )


def family_eager(module: nn.Module) -> Callable[..., tuple[torch.Tensor, torch.Tensor]]:
    """The module-level `eager_attention_forward` of the file in which the attention class was written.

    Raises UserError when the family has none.
    """
    for kind in type(module).__mro__:
        found = getattr(sys.modules.get(kind.__module__), "eager_attention_forward", None)
        if found is not None:
            return found
    raise _outside_the_interface(module)


def additive_mask(call: AttentionCall) -> torch.Tensor | None:
    """The call's mask as eager attention wants it: 0 where visible, the dtype's lowest value elsewhere."""
    mask, lowest = call.mask, torch.finfo(call.query.dtype).min
    if mask is None and call.causal:
        mask = causal_mask(call)
    if mask is None or mask.dtype != torch.bool:
        return mask
    zero = torch.zeros((), dtype=call.query.dtype, device=mask.device)
    return torch.where(mask, zero, torch.full_like(zero, lowest))


def causal_mask(call: AttentionCall) -> torch.Tensor:
    """bool `[1, 1, query, key]`, True where a key is not later than the query."""
    rows, columns = call.query.shape[2], call.key.shape[2]
    return torch.ones(rows, columns, dtype=torch.bool, device=call.query.device).tril()[None, None]


def _knocked_out(call: AttentionCall, edits: Sequence[KnockOut]) -> torch.Tensor:
    """The call's mask with the edited cells closed, same kind (bool or additive) as before."""
    mask = call.mask if call.mask is not None else causal_mask(call) if call.causal else None
    heads, rows, columns = call.query.shape[1], call.query.shape[2], call.key.shape[2]
    if mask is None:
        mask = torch.ones(1, 1, rows, columns, dtype=torch.bool, device=call.query.device)
    mask = mask.expand(call.query.shape[0], heads, rows, columns).clone()
    closed: Any = False if mask.dtype == torch.bool else torch.finfo(mask.dtype).min
    for edit in edits:
        mask[:, slice(None) if edit.head is None else edit.head, edit.query, edit.key] = closed
    visible = mask if mask.dtype == torch.bool else mask > torch.finfo(mask.dtype).min
    for edit in edits:
        row = visible[:, slice(None) if edit.head is None else edit.head, edit.query]
        if not bool(row.any(-1).all()):
            raise UserError(
                f"Token {edit.query} sees no key but {edit.key} in block {edit.layer}, so it cannot be cut.",
                "Leave at least one visible key in the row.",
            )
    return mask


def _attend(way: str) -> Callable[..., tuple[torch.Tensor, torch.Tensor | None]]:
    def attend(
        module: nn.Module,
        query: torch.Tensor,
        key: torch.Tensor,
        value: torch.Tensor,
        attention_mask: torch.Tensor | None,
        **arguments: Any,
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        recorder: Recorder | None = getattr(_current, "recorder", None)
        inner = family_eager(module) if way == THROUGH else sdpa_attention_forward
        if recorder is None:
            return inner(module, query, key, value, attention_mask, **arguments)
        is_causal = arguments.get("is_causal")
        if is_causal is None:
            is_causal = getattr(module, "is_causal", True)
        causal = way == BESIDE and attention_mask is None and query.shape[2] > 1 and bool(is_causal)
        name = recorder.names.get(id(module), "")
        count = recorder.next_call(name)
        call = AttentionCall(module, name, query, key, value, attention_mask, causal, arguments, count)
        if cuts := recorder.knock_outs.get((name, count)):
            call.mask = attention_mask = _knocked_out(call, cuts)
            call.causal = False
        output, weights = inner(module, query, key, value, attention_mask, **arguments)
        if ablated := recorder.ablations.get((name, count)):
            output = output.clone()
            for edit in ablated:
                output[:, :, edit.head] = 0
        recorder.hear(call, output)
        return output, weights

    return attend


AttentionInterface.register(BESIDE, _attend(BESIDE))
AttentionMaskInterface.register(BESIDE, sdpa_mask)
AttentionInterface.register(LAST, _attend(LAST))
AttentionMaskInterface.register(LAST, lambda *_, **__: None)
AttentionInterface.register(THROUGH, _attend(THROUGH))
AttentionMaskInterface.register(THROUGH, eager_mask)


def way_of(model: Any) -> str:
    """BESIDE where the model's own attention is sdpa, THROUGH where it is eager, ASIDE outside the interface."""
    if not model._can_set_attn_implementation():
        return ASIDE
    return BESIDE if model.config._attn_implementation == "sdpa" else THROUGH


@contextmanager
def tapped(model: Any, recorder: Recorder, way: str | None = None) -> Iterator[None]:
    """Let the model's attention pass the tap for this thread; the model's own attention is restored on leaving.

    `way` is the model's own where it is not given.

    Raises UserError when the model does not take another attention function.
    """
    way = way or way_of(model)
    configs = _switchable_configs(model, way)
    before = [config._attn_implementation for config in configs]
    outer = getattr(_current, "recorder", None)
    # Only the configs are changed, since set_attn_implementation walks over every module.
    for config in configs:
        config._attn_implementation = way
    try:
        _current.recorder = recorder
        yield
    finally:
        _current.recorder = outer
        for config, own in zip(configs, before, strict=True):
            config._attn_implementation = own


def _switchable_configs(model: Any, way: str) -> tuple[Any, ...]:
    """The configs to change for another attention function; found, and shown to work, once a model."""
    if model not in _configs:
        before = model.config._attn_implementation
        model.set_attn_implementation(way)
        taken = model.config._attn_implementation == way
        model.set_attn_implementation(before)
        if not taken:
            raise _outside_the_interface(model)
        found = {id(part.config): part.config for part in model.modules() if hasattr(part, "config")}
        _configs[model] = tuple(config for config in found.values() if hasattr(config, "_attn_implementation"))
    return _configs[model]
