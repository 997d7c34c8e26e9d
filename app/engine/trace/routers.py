"""What a mixture's router makes of its logits: probabilities of all experts, or something of the family's own."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from app.engine.models.dataflow import first_tensor
from app.engine.models.parts import Anatomy, BlockParts

_FEW = 4
"""How many tokens the router is watched on."""
_FUNCTIONS = ("softmax", "sigmoid")


class _Listener(TorchFunctionMode):
    """Keeps what was handed to softmax and sigmoid since `heard` was emptied."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[tuple[str, torch.Tensor]] = []

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = getattr(func, "__name__", "")
        if name in _FUNCTIONS and args:
            self.heard.append((name, args[0]))
        return func(*args, **(kwargs or {}))


def router_functions(model: Any, anatomy: Anatomy, inputs: dict[str, torch.Tensor]) -> dict[str, str]:
    """By router: "softmax" or "sigmoid" where that is what it makes of the logits of all experts, else ''.

    Found by one run on the first tokens of `inputs`: some families take their softmax over the chosen experts only, or
    mask first.
    """
    blocks = [parts for stack in anatomy.stacks for parts in stack.blocks if parts.router]
    found = {parts.router: "" for parts in blocks}
    if not found:
        return found
    listener, logits = _Listener(), dict[str, torch.Tensor | None]()

    def keep(path: str) -> Callable[..., None]:
        def hook(_module: Any, _args: Any, output: Any) -> None:
            logits[path] = first_tensor(output)

        return hook

    def decide(parts: BlockParts) -> Callable[..., None]:
        def hook(*_args: Any) -> None:
            made = logits.get(parts.router)
            if made is not None:
                found[parts.router] = next((name for name, given in listener.heard if _same(given, made)), "")
            listener.heard.clear()

        return hook

    with ExitStack() as stack, torch.no_grad():
        for parts in blocks:
            mixture, router = model.get_submodule(parts.mlp), model.get_submodule(parts.router)
            stack.callback(mixture.register_forward_pre_hook(lambda *_args: listener.heard.clear()).remove)
            stack.callback(router.register_forward_hook(keep(parts.router)).remove)
            stack.callback(mixture.register_forward_hook(decide(parts)).remove)
        stack.enter_context(listener)
        model(**{name: tensor[:, :_FEW] for name, tensor in inputs.items()})
    return found


def _same(given: torch.Tensor, logits: torch.Tensor) -> bool:
    return given.numel() == logits.numel() and torch.equal(given.flatten().float(), logits.flatten().float())
