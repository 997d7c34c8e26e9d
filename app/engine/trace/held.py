"""What a comparison reads of a trace, fetched while its model is in the state in which the trace was made."""

from __future__ import annotations

from typing import Protocol

import torch

from app.engine.errors import UserError
from app.engine.models.loaded import LoadedModel
from app.engine.trace.capture import At
from app.engine.trace.records import TensorInfo, Token
from app.engine.trace.result import Trace


class Comparable(Protocol):
    """What a comparison asks of each of its two sides; a Trace has all of it."""

    @property
    def tokens(self) -> tuple[Token, ...]: ...
    @property
    def target_tokens(self) -> tuple[Token, ...]: ...
    @property
    def loaded(self) -> LoadedModel: ...
    @property
    def logits(self) -> torch.Tensor: ...
    def attended(self) -> tuple[At, ...]: ...
    def info(self, name: str) -> TensorInfo: ...
    def attention(self, layer: int, head: int | None = None, kind: str = "self") -> torch.Tensor: ...
    def __getitem__(self, name: str) -> torch.Tensor: ...


class HeldTrace:
    """Every pattern, the residual streams and the answers of a trace: nothing here is computed later, so the model may
    go on to another state. A trace that must run again then would mix the two."""

    def __init__(self, made: Trace) -> None:
        self.tokens, self.target_tokens, self.loaded = made.tokens, made.target_tokens, made.loaded
        self.patterns = {(kind, layer): made.attention(layer, kind=kind) for kind, layer in made.attended()}
        """By kind and layer, float32 `[head, query, key]`."""
        self._infos = made.infos()
        streams = [
            f"{stack.prefix}blocks.{name}"
            for stack in made.loaded.anatomy.stacks
            for name in ("0.resid_pre", *(f"{layer}.resid_post" for layer in range(len(stack.blocks))))
        ]
        self._tensors = {name: made[name] for name in (*streams, "logits") if self.info(name).shape is not None}

    @property
    def logits(self) -> torch.Tensor:
        """As the trace's."""
        return self["logits"]

    def attended(self) -> tuple[At, ...]:
        """As the trace's."""
        return tuple(self.patterns)

    def info(self, name: str) -> TensorInfo:
        """As the trace's; a name that this model lacks has no shape."""
        return self._infos.get(name) or TensorInfo(name, None)

    def attention(self, layer: int, head: int | None = None, kind: str = "self") -> torch.Tensor:
        """As the trace's."""
        whole = self.patterns[kind, layer]
        return whole if head is None else whole[head]

    def __getitem__(self, name: str) -> torch.Tensor:
        if name not in self._tensors:
            raise UserError(f"“{name}” was not kept for the comparison.")
        return self._tensors[name]
