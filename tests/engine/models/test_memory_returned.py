"""What opening takes comes back: after unloading, after cancelling, after failing."""

from __future__ import annotations

import gc
from pathlib import Path

import psutil
import pytest
from engine.tiny_models import save_tiny

from app.engine.errors import Cancelled
from app.engine.models import load
from app.engine.models.loading import load_steps

SWAPS = 50


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """About 25 MB of weights: large enough to stand out of the noise."""
    changes = {"hidden_size": 256, "intermediate_size": 2048, "head_dim": 64}
    return save_tiny(tmp_path_factory.mktemp("swaps") / "model", "llama", **changes)


def resident() -> int:
    gc.collect()
    return psutil.Process().memory_info().rss


def test_fifty_swaps_grow_the_process_by_less_than_one_model(folder: Path) -> None:
    size = (folder / "model.safetensors").stat().st_size
    assert size > 20e6
    load(folder).unload()
    before = resident()
    for _ in range(SWAPS):
        load(folder).unload()
    assert resident() - before < size


def test_cancelled_loads_give_everything_back(folder: Path) -> None:
    size = (folder / "model.safetensors").stat().st_size
    load(folder).unload()
    before = resident()
    for stop_at in range(10):
        asked: list[int] = []

        def cancel(asked: list[int] = asked, stop_at: int = stop_at) -> bool:
            asked.append(1)
            return len(asked) > 4 + stop_at

        with pytest.raises(Cancelled):
            load(folder, cancel=cancel)
    assert resident() - before < size


def test_loading_can_be_left_in_the_middle_of_the_weights(folder: Path) -> None:
    steps = load_steps(folder)
    seen = []
    for step in steps:
        seen.append(step.fraction)
        if step.doing == "Reading the weights" and step.fraction > 0.45:
            break
    steps.close()
    assert 0.45 < seen[-1] < 0.95
