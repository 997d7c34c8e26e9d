"""The badge's numbers: what is measured when a model is opened."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from engine.tiny_models import FAMILIES

from app.engine.models import load
from app.engine.models.loaded import LoadedModel
from app.engine.trace.exactness import measure_exactness


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_is_exact(tiny: Callable[[str], LoadedModel], family: str) -> None:
    model = tiny(family)
    before = model.model.config._attn_implementation
    measured = measure_exactness(model)
    assert measured.logits == 0
    assert measured.pattern is not None and measured.pattern <= 5e-5
    assert model.model.config._attn_implementation == before


def test_a_difference_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    from app.engine.trace.result import Trace

    right = Trace.attention

    def wrong(self: Trace, layer: int, head: int | None = None, kind: str = "self") -> torch.Tensor:
        return right(self, layer, head, kind) + (0.25 if layer == 2 else 0.0)

    monkeypatch.setattr(Trace, "attention", wrong)
    measured = measure_exactness(load("story-gpt"))
    assert measured.pattern == pytest.approx(0.25, abs=1e-4)


def test_no_weights_to_compare_with_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*_: Any) -> dict[tuple[str, int], torch.Tensor]:
        return {}

    monkeypatch.setattr("app.engine.trace.exactness.eager_attentions", none)
    measured = measure_exactness(load("story-gpt"))
    assert measured.pattern is None
    assert "no attention weights" in measured.reason
