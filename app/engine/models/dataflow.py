"""Which module hands its result to which, seen in one short run: names differ from family to family, this does not."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn


@dataclass(frozen=True)
class Flow:
    """What one call of a module took and gave, as tensors that are kept alive so that their places stay theirs."""

    given: torch.Tensor | None
    made: torch.Tensor | None

    def took(self, tensor: torch.Tensor | None) -> bool:
        """Whether the module was handed this very tensor."""
        return same_tensor(self.given, tensor)

    def gave(self, tensor: torch.Tensor | None) -> bool:
        """Whether the module made this very tensor."""
        return same_tensor(self.made, tensor)


Flows = dict[str, list[Flow]]
"""By qualified module name, one entry a call, in the order of the calls."""


def same_tensor(one: torch.Tensor | None, other: torch.Tensor | None) -> bool:
    """Whether both lie at the same place in memory, hence are one tensor or views of it."""
    return (
        one is not None
        and other is not None
        and one.data_ptr() == other.data_ptr()
        and one.numel() == other.numel()
        and one.numel() > 0
    )


def first_tensor(value: Any) -> torch.Tensor | None:
    """The tensor of a module's output, also where it gives a tuple with more behind it."""
    while isinstance(value, tuple | list) and value:
        value = value[0]
    return value if isinstance(value, torch.Tensor) else None


def watch(model: nn.Module, paths: Iterable[str], inputs: dict[str, torch.Tensor]) -> tuple[Flows, list[str]]:
    """Run the model once on `inputs` and write down what the modules at `paths` took and gave.

    Returns the flows, and the paths in the order in which their calls ended.
    """
    flows: Flows = {}
    order: list[str] = []
    handles = []

    def hook_for(path: str) -> Any:
        def hook(_module: Any, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
            given = first_tensor(args) if args else first_tensor(kwargs.get("hidden_states"))
            flows.setdefault(path, []).append(Flow(given, first_tensor(output)))
            order.append(path)

        return hook

    try:
        handles += [model.get_submodule(path).register_forward_hook(hook_for(path), with_kwargs=True) for path in paths]
        with torch.no_grad():
            model(**inputs)
    finally:
        for handle in handles:
            handle.remove()
    return flows, order
