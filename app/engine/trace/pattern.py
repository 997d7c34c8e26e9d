"""Attention scores and weights of one recorded call, by the family's own eager function."""

from __future__ import annotations

from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from app.engine.trace.softmax_tap import SoftmaxCall
from app.engine.trace.tap import AttentionCall, additive_mask, causal_mask, family_eager


class _SoftmaxTap(TorchFunctionMode):
    """Keeps what is handed to softmax: the exact scores, whatever the family did to them before.

    Where a column of sinks is put beside the scores (gpt-oss, which then takes each row's largest off it) they are the
    scores as they were until then: the shift says nothing, and a score is again the product and what was added to it.
    """

    def __init__(self, keys: int) -> None:
        super().__init__()
        self._keys = keys
        self._beside: torch.Tensor | None = None
        self.scores: torch.Tensor | None = None

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = getattr(func, "__name__", "")
        if name == "softmax":
            self.scores = args[0] if self._beside is None else self._beside
        elif name in ("cat", "concat") and [part.shape[-1] for part in args[0]] == [self._keys, 1]:
            self._beside = args[0][0]
        return func(*args, **(kwargs or {}))


def _per_head(arguments: dict[str, Any]) -> bool:
    """Whether an argument may hold something per head (sinks, a position bias), so that heads cannot be computed apart.

    Whole numbers are positions and lengths, which all heads share.
    """
    tensors = (value for value in arguments.values() if isinstance(value, torch.Tensor))
    return any(tensor.ndim > 0 and tensor.is_floating_point() for tensor in tensors)


def _slice(call: AttentionCall, head: int) -> tuple[AttentionCall, int]:
    """The call cut down to the key-value group of one head, and the head's place in it."""
    groups = call.key.shape[1]
    each = call.query.shape[1] // groups
    repeats = getattr(call.module, "num_key_value_groups", 1) > 1
    first, count = ((head // each) * each, each) if repeats else (head, 1)
    group = head // each if repeats else head
    mask = call.mask
    if mask is not None and mask.ndim == 4 and mask.shape[1] > 1:
        mask = mask[:, first : first + count]
    part = AttentionCall(
        call.module,
        call.name,
        call.query[:, first : first + count],
        call.key[:, group : group + 1],
        call.value[:, group : group + 1],
        mask,
        call.causal,
        call.arguments,
    )
    return part, head - first


def attention_weights(call: AttentionCall | SoftmaxCall, head: int | None = None) -> torch.Tensor:
    """Weights after softmax, float32 on the CPU, `[head, query, key]`, or `[query, key]` with a `head`."""
    if isinstance(call, SoftmaxCall):
        return _part(call.weights, head).float().cpu().clone()
    call, place = _narrowed(call, head)
    with torch.no_grad():
        weights = _eager_weights(call)
    weights = weights[..., : call.key.shape[2]].float()[0].cpu()
    return weights if place is None else weights[place]


def scores_and_weights(call: AttentionCall | SoftmaxCall, head: int | None = None) -> tuple[torch.Tensor, torch.Tensor]:
    """Scores before softmax (masked cells −inf) and weights after it, shapes as `attention_weights`."""
    if isinstance(call, SoftmaxCall):
        scores = call.scores.float().masked_fill(~call.visible, float("-inf"))
        return _part(scores, head).cpu(), attention_weights(call, head)
    call, place = _narrowed(call, head)
    keys = call.key.shape[2]
    with torch.no_grad(), _SoftmaxTap(keys) as softmax:
        weights = _eager_weights(call)
    assert softmax.scores is not None, "the family's eager attention has no softmax"
    scores = softmax.scores[..., :keys].float().masked_fill(~visible(call), float("-inf"))[0].cpu()
    weights = weights[..., :keys].float()[0].cpu()
    return (scores, weights) if place is None else (scores[place], weights[place])


def _part(tensor: torch.Tensor, head: int | None) -> torch.Tensor:
    return tensor if head is None else tensor[head]


def _narrowed(call: AttentionCall, head: int | None) -> tuple[AttentionCall, int | None]:
    """The least that has to be computed for `head`, and the head's place in it."""
    if head is None or _per_head(call.arguments):
        return call, head
    return _slice(call, head)


def _eager_weights(call: AttentionCall) -> torch.Tensor:
    """The family's own weights. The values are cut to no width, since the run itself made the output."""
    _, weights = family_eager(call.module)(
        call.module, call.query, call.key, call.value[..., :0], additive_mask(call), **call.arguments
    )
    return weights


def visible(call: AttentionCall | SoftmaxCall) -> torch.Tensor:
    """bool, broadcastable to `[batch, head, query, key]`: True where no mask stands."""
    if isinstance(call, SoftmaxCall):
        return call.visible[None]
    if call.mask is None:
        shape = (1, 1, call.query.shape[2], call.key.shape[2])
        return causal_mask(call) if call.causal else torch.ones(shape, dtype=torch.bool, device=call.query.device)
    return call.mask if call.mask.dtype == torch.bool else call.mask > torch.finfo(call.mask.dtype).min
