"""Attention while text streams: the newest token's row of one head."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from app.engine.decode.forward import CachedForward
from app.engine.trace.pattern import attention_weights
from app.engine.trace.tap import ASIDE, AttentionCall, Recorder, tapped, way_of

Head = tuple[str, int, int]
"""Kind ("self" or "cross"), block and head."""
Watch = Callable[[], Head | None]


class WatchedForward:
    """Calls a forward pass with the tap in one attention. Families outside transformers' interface give no row."""

    def __init__(self, loaded: Any, forward: CachedForward, watch: Watch) -> None:
        self._model, self._forward, self._watch = loaded.model, forward, watch
        self._sites = loaded.anatomy.sites
        self._possible = way_of(loaded.model) != ASIDE
        self.row: np.ndarray | None = None
        """float32 `[key]` of the last call, None when nothing was watched."""

    def __call__(self, ids: np.ndarray) -> torch.Tensor:
        """As `CachedForward.__call__`."""
        self.row = None
        wanted = self._watch()
        site = self._sites.get(wanted[:2]) if wanted is not None and self._possible else None
        if wanted is None or site is None:
            return self._forward(ids)
        head, call_number = wanted[2], site.call

        def hear(call: AttentionCall, _output: torch.Tensor) -> None:
            if call.count == call_number and head < call.query.shape[1]:
                with torch.inference_mode():
                    self.row = attention_weights(_last_query(call), head)[-1].numpy()

        module = self._model.get_submodule(site.path)
        with tapped(self._model, Recorder({id(module): site.path}, hear)):
            return self._forward(ids)


def _last_query(call: AttentionCall) -> AttentionCall:
    """The call with its last query alone, which sees every key that its mask does not hide."""
    mask = call.mask[..., -1:, :] if call.mask is not None else None
    return replace(call, query=call.query[:, :, -1:], mask=mask, causal=False)
