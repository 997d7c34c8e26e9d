"""Each bad input gives its sentence and a way out."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
import torch
from engine.models.bad_inputs import BAD
from engine.models.fake_hub import our_hub
from engine.tiny_models import save_tiny

from app.engine.errors import UserError
from app.engine.models import load
from app.engine.models.devices import find_devices
from app.engine.models.hub import download_steps


@pytest.mark.parametrize("name", BAD)
def test_it_is_said(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make, sentence = BAD[name]
    with our_hub(monkeypatch, tmp_path / "cache") as hub, pytest.raises(UserError) as caught:
        load(make(tmp_path, hub))
    assert re.search(sentence, str(caught.value))
    assert caught.value.remedy


def test_no_room_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with our_hub(monkeypatch, tmp_path / "cache") as hub:
        hub.repositories["ada/tiny"] = save_tiny(tmp_path / "served", "llama")
        monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=10))
        with pytest.raises(UserError, match=r"on disk; 0\.0 GB is free.*HF_HOME"):
            next(download_steps("ada/tiny"))


def test_a_gpu_that_torch_cannot_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.version, "cuda", None)
    monkeypatch.setattr("app.engine.models.devices.nvidia_driver", lambda: True)
    assert "built without CUDA" in find_devices().note
    with pytest.raises(UserError, match=r"built without CUDA.*README"):
        load("story-gpt", device="cuda")
    monkeypatch.setattr("app.engine.models.devices.nvidia_driver", lambda: False)
    assert find_devices().note == ""
    assert find_devices().found[-1].total == psutil.virtual_memory().total
