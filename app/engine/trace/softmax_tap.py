"""The tap for families outside transformers' attention interface (BLOOM, Falcon, MPT, GPT-J, GPT-Neo, DeBERTa…).

They run their own eager attention. Inside each attention module the softmax is heard: what goes into it are the exact
scores, what comes out the weights; the product before it is of q and k, the one after it with v. Edits act there too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from app.engine.errors import UserError
from app.engine.models.dataflow import same_tensor
from app.engine.trace.products import Products, is_product, operands
from app.engine.trace.tap import Recorder

_FAR_BELOW = 1000.0
"""A score so far below the row's largest has weight 0 whatever the model: it is masked, not merely small."""


@dataclass
class SoftmaxCall:
    """One attention as it was heard, batch of one dropped."""

    name: str
    count: int
    scores: torch.Tensor
    """`[head, query, key]`, everything in it that the model adds before softmax."""
    weights: torch.Tensor
    query: torch.Tensor | None = None
    """`[head, query, head_dim]` as it went into the product; some families scale it before. None: not found."""
    key: torch.Tensor | None = None
    scaling: float | None = None
    """What the family multiplied q · k by between product and softmax; None: not found."""
    value: torch.Tensor | None = None
    z: torch.Tensor | None = None

    @property
    def visible(self) -> torch.Tensor:
        """bool `[head, query, key]`: True where no mask stands."""
        best = self.scores.amax(-1, keepdim=True)
        return (self.weights != 0) | (self.scores > best - _FAR_BELOW)


class _Listener(TorchFunctionMode):
    """Hears one run. `inside` are the names of the attention modules that are being computed."""

    def __init__(self, recorder: Recorder, hear: Callable[[SoftmaxCall], None]) -> None:
        super().__init__()
        self._recorder, self._hear = recorder, hear
        self.inside: list[str] = []
        self._products = Products()
        self._open: SoftmaxCall | None = None
        self._tokens = 0

    def enter(self, name: str, args: Any, kwargs: Any) -> None:
        """An attention module begins with what it is handed: one row of scores for each of its tokens is expected."""
        given = next((value for value in (*args, *kwargs.values()) if isinstance(value, torch.Tensor)), None)
        self._tokens = given.numel() // given.shape[-1] if given is not None else 0
        self.inside.append(name)
        self._begin()

    def leave(self) -> None:
        """It ends; what was heard of it is handed on."""
        self.inside.pop()
        if self._open is not None:
            self._hear(self._open)
        self._begin()

    def _begin(self) -> None:
        self._products.clear()
        self._open = None

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        name = getattr(func, "__name__", "")
        if not self.inside:
            return func(*args, **kwargs)
        # Convolutions with kernels from a softmax and windows of scores are no attention of token by token.
        if name == "softmax" and self._open is None and args[0].ndim >= 3 and args[0].shape[-2] == self._tokens:
            return self._softmax(func, args, kwargs)
        made = func(*args, **kwargs)
        if self._open is None:
            self._products.heard(name, args, kwargs, made)
        elif is_product(name):
            self._mixed(name, args, kwargs, made)
        return made

    def _softmax(self, func: Any, args: Any, kwargs: Any) -> torch.Tensor:
        name = self.inside[-1]
        count = self._recorder.next_call(name)
        scores = args[0]
        if cuts := self._recorder.knock_outs.get((name, count)):
            scores = scores.contiguous().clone()
            flat = _by_head(scores)
            for edit in cuts:
                row = flat[:, edit.query] if edit.head is None else flat[edit.head : edit.head + 1, edit.query]
                row[:, edit.key] = float("-inf")
                if bool((row == float("-inf")).all(-1).any()):
                    raise UserError(
                        f"Token {edit.query} sees no key but {edit.key} in block {edit.layer}, so it cannot be cut.",
                        "Leave at least one visible key in the row.",
                    )
        weights = func(scores, *args[1:], **kwargs)
        for ablation in self._recorder.ablations.get((name, count), ()):
            _by_head(weights)[ablation.head] = 0
        self._open = SoftmaxCall(name, count, _by_head(scores), _by_head(weights))
        if (product := self._products.behind(args[0])) is not None:
            self._open.query = _by_head(product.first)
            self._open.key = _by_head(_untwist(product.second, scores.shape[-1]))
            self._open.scaling = product.scale
        self._products.clear()
        return weights

    def _mixed(self, name: str, args: Any, kwargs: Any, made: torch.Tensor) -> None:
        """A product after softmax: the one of the weights with the values is looked for."""
        first, second = operands(name, args, kwargs)
        if first is None or second is None or self._open is None:
            return
        if self._open.z is None and (
            same_tensor(first, self._open.weights) or first.numel() == self._open.weights.numel()
        ):
            self._open.value, self._open.z = _by_head(second), _by_head(made)


def _untwist(key: torch.Tensor, keys: int) -> torch.Tensor:
    """A key operand stands transposed, `[…, head_dim, key]`, unless its rows are the keys."""
    return key.transpose(-1, -2) if key.shape[-1] == keys else key


def _by_head(tensor: torch.Tensor) -> torch.Tensor:
    """`[head, row, column]` of a tensor whose leading axes are batch and head, folded or not."""
    return tensor.view(-1, *tensor.shape[-2:]) if tensor.is_contiguous() else tensor.reshape(-1, *tensor.shape[-2:])


def _entering(listener: _Listener, name: str) -> Callable[[Any, Any, Any], None]:
    return lambda _module, args, kwargs: listener.enter(name, args, kwargs)


@contextmanager
def softmax_tapped(model: Any, recorder: Recorder, hear: Callable[[SoftmaxCall], None]) -> Iterator[None]:
    """Hear the softmax of every attention module that the recorder names, for this thread."""
    listener = _Listener(recorder, hear)
    handles = []
    try:
        for name in recorder.names.values():
            module = model.get_submodule(name)
            handles.append(module.register_forward_pre_hook(_entering(listener, name), with_kwargs=True))
            handles.append(module.register_forward_hook(lambda *_args: listener.leave(), always_call=True))
        with listener:
            yield
    finally:
        for handle in handles:
            handle.remove()
