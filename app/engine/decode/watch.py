"""Attention while text streams: the newest token's row of one head."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from app.engine.decode.forward import CachedForward
from app.engine.decode.records import Step
from app.engine.trace.pattern import attention_weights
from app.engine.trace.tap import ASIDE, BESIDE, AttentionCall, Recorder, way_of

Head = tuple[str, int, int]
"""Kind ("self" or "cross"), block and head."""
Watch = Callable[[], Head | None]


class WatchedForward:
    """Calls a forward pass and hears one attention. Families outside transformers' interface give no row."""

    def __init__(self, loaded: Any, forward: CachedForward, watch: Watch) -> None:
        self._model, self._forward, self._watch = loaded.model, forward, watch
        self._sites = loaded.anatomy.sites
        self._way = way_of(loaded.model)
        self._at: Head | None = None
        self._recorder: Recorder | None = None
        self.seen: np.ndarray | None = None
        """float32 `[row, key]` of the last call, None when nothing was watched."""

    def __call__(self, ids: np.ndarray) -> torch.Tensor:
        """As `CachedForward.__call__`."""
        return self.rows(ids[None])[0]

    def rows(self, ids: np.ndarray) -> torch.Tensor:
        """As `CachedForward.rows`."""
        self.seen = None
        wanted = self._watch()
        if wanted != self._at:
            self._at, self._recorder = wanted, self._recorder_for(wanted)
        if self._recorder is None:
            return self._forward.rows(ids)
        self._recorder.begin_again()
        return self._forward.rows(ids, self._recorder)

    def told(self, step: Step, row: int = 0) -> Step:
        """The step with what the head saw in the last call, of one of several texts."""
        if self.seen is None:
            return step
        return replace(step, attention=self.seen[row], head=self._at)

    def _recorder_for(self, wanted: Head | None) -> Recorder | None:
        site = self._sites.get(wanted[:2]) if wanted is not None and self._way != ASIDE else None
        if wanted is None or site is None:
            return None
        head, call_number = wanted[2], site.call

        def hear(call: AttentionCall, _output: torch.Tensor) -> None:
            if call.count == call_number and head < call.query.shape[1] and call.name == site.path:
                with torch.inference_mode():
                    count = call.query.shape[0]
                    self.seen = np.stack([self._row_of(_one_text(call, row), head) for row in range(count)])

        return Recorder({id(self._model.get_submodule(site.path)): site.path}, hear)

    def _row_of(self, call: AttentionCall, head: int) -> np.ndarray:
        """The last query's weights. What runs through sdpa has the plain softmax, so one row is a few small products;
        other families' own functions are asked."""
        if self._way != BESIDE:
            return attention_weights(_last_query(call), head)[-1].numpy()
        group = head * call.key.shape[1] // call.query.shape[1]
        query, keys = call.query[0, head, -1], call.key[0, group]
        scaling = call.arguments.get("scaling")
        scores = (keys @ query).float() * (query.shape[-1] ** -0.5 if scaling is None else scaling)
        if call.mask is not None:
            mask = call.mask[0, head if call.mask.shape[1] > 1 else 0, -1, : len(scores)]
            scores = scores.masked_fill(~mask, float("-inf")) if mask.dtype == torch.bool else scores + mask
        return torch.softmax(scores, -1).cpu().numpy()


def _one_text(call: AttentionCall, row: int) -> AttentionCall:
    """The call of one of several texts side by side."""
    if call.query.shape[0] == 1:
        return call
    one = slice(row, row + 1)
    mask = call.mask[one] if call.mask is not None and call.mask.shape[0] > 1 else call.mask
    return replace(call, query=call.query[one], key=call.key[one], value=call.value[one], mask=mask)


def _last_query(call: AttentionCall) -> AttentionCall:
    """The call with its last query alone, which sees every key that its mask does not hide."""
    mask = call.mask[..., -1:, :] if call.mask is not None else None
    return replace(call, query=call.query[:, :, -1:], mask=mask, causal=False)
