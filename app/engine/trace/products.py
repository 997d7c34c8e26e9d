"""Products of q and k on their way to softmax: which product the scores are made of, and by what they were scaled.

Families outside the attention interface hand no scale to anybody. Between the product and softmax they divide, add a
bias, mask and fold axes; this is followed operation by operation, so that the scale is read off what the family did.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch

_PRODUCTS = {"matmul": (0, 1), "__matmul__": (0, 1), "bmm": (0, 1), "baddbmm": (1, 2)}
"""Functions that multiply, and which of their arguments are multiplied."""
_NAMED = {"baddbmm": ("batch1", "batch2"), "bmm": ("input", "mat2"), "matmul": ("input", "other")}
_TIMES = ("mul", "multiply")
_OVER = ("div", "true_divide", "truediv", "divide")
_KEEPING = (
    "add",
    "sub",
    "masked_fill",
    "where",
    "max",
    "maximum",
    "view",
    "reshape",
    "float",
    "to",
    "type",
    "contiguous",
)
"""What neither scales a score nor mixes it with others: a bias and a mask join it, its axes are folded."""
_FOLLOWED = (*_TIMES, *_OVER, *_KEEPING)


@dataclass
class Product:
    """A product of two tensors and what has become of it."""

    first: torch.Tensor
    second: torch.Tensor
    now: torch.Tensor
    scale: float | None
    """What it was multiplied by so far; None once that is no number."""


class Products:
    """The products of one attention, until its softmax."""

    def __init__(self) -> None:
        self._made: list[Product] = []

    def clear(self) -> None:
        """Another attention begins, or this one has reached its softmax."""
        self._made.clear()

    def heard(self, name: str, args: Any, kwargs: Any, made: Any) -> None:
        """A function was called inside the attention."""
        if not isinstance(made, torch.Tensor):
            return
        if name in _PRODUCTS:
            first, second = operands(name, args, kwargs)
            if first is not None and second is not None:
                scale = float(kwargs.get("alpha", 1.0)) if name == "baddbmm" else 1.0
                self._made.append(Product(first, second, made, scale))
            return
        plain = name.strip("_")
        if plain not in _FOLLOWED or not args:
            return
        for product in self._made:
            # What is subtracted or divided by is not followed.
            places = args[:1] if plain in ("sub", *_OVER) else args
            if made.numel() != product.now.numel() or not any(value is product.now for value in places):
                continue
            if plain in _TIMES or plain in _OVER:
                other = next((value for value in args if value is not product.now), None)
                product.scale = _scaled(product.scale, other, divided=plain in _OVER)
            product.now = made

    def behind(self, scores: torch.Tensor) -> Product | None:
        """The product that `scores` were made of, None when it was not found."""
        return next((product for product in self._made if product.now is scores), None)


def is_product(name: str) -> bool:
    """Whether a function of this name multiplies two tensors."""
    return name in _PRODUCTS


def operands(name: str, args: Any, kwargs: Any) -> tuple[torch.Tensor | None, torch.Tensor | None]:
    """The two tensors that the function called `name` multiplies, None where they are no batch of matrices."""
    found: list[torch.Tensor | None] = []
    for place, word in zip(_PRODUCTS[name], _NAMED.get(name, ("", "")), strict=True):
        value = args[place] if place < len(args) else kwargs.get(word)
        found.append(value if isinstance(value, torch.Tensor) and value.ndim >= 3 else None)
    return found[0], found[1]


def _scaled(scale: float | None, other: Any, divided: bool) -> float | None:
    """A scale after another factor; a tensor of ones and zeros is a mask and scales nothing."""
    if isinstance(other, torch.Tensor) and other.numel() > 1:
        return scale if not divided and bool(((other == 0) | (other == 1)).all()) else None
    if scale is None or not isinstance(other, int | float | torch.Tensor):
        return None
    factor = float(other)
    made = scale / factor if divided and factor else scale * factor
    return made if math.isfinite(made) else None
