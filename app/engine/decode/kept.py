"""The cache of the last run, kept so that the next one need not compute what it has."""

from __future__ import annotations

from typing import Any

import numpy as np

from app.engine.decode.forward import CachedForward
from app.engine.decode.prompt import Prompt


class KeptForward:
    """Holds the forward pass of one model with its cache. Used on the model's lane only."""

    def __init__(self) -> None:
        self._of: tuple[int, tuple[bool, int], tuple[int, ...] | None] | None = None
        self._forward: CachedForward | None = None
        self.reused = 0
        """How many tokens of the last text the cache held already."""

    def take(self, loaded: Any, prompt: Prompt, ids: np.ndarray) -> CachedForward:
        """The forward pass for a text that begins with `ids`, int64 `[token]`, with as much cache as holds for it."""
        of = (id(loaded.model), loaded.weights_state, prompt.encoder_ids)
        if self._forward is None or self._of != of:
            self._of, self._forward = of, CachedForward(loaded.model, prompt, lambda: loaded.weights_state)
        self.reused = self._forward.rewind(ids)
        return self._forward

    @property
    def bytes(self) -> int:
        """Memory of the cache."""
        return self._forward.cache_bytes if self._forward is not None else 0
