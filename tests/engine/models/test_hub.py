"""The hub client against a hub of our own: search, download, cancel, resume, and everything that can be wrong."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from engine.models.fake_hub import FakeHub, our_hub
from engine.tiny_models import save_tiny

from app.engine.errors import Cancelled, UserError
from app.engine.models import load
from app.engine.models.catalogue import cache_entries, resolve
from app.engine.models.hub import cached_folder, download_steps, search
from app.engine.models.records import DownloadProgress

NAME = "ada/tiny-llama"


def drained(ref: str) -> tuple[list[DownloadProgress], Path]:
    steps, heard = download_steps(ref), []
    while True:
        try:
            heard.append(next(steps))
        except StopIteration as stop:
            return heard, stop.value


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    """A hub with one model, and an empty cache."""
    with our_hub(monkeypatch, tmp_path / "cache") as served:
        served.repositories[NAME] = save_tiny(tmp_path / "served", "llama")
        yield served


def test_search_finds_by_a_part_of_the_name(hub: FakeHub) -> None:
    assert [entry.ref for entry in search("tiny")] == [NAME]
    assert search("tiny")[0].downloads == 1234
    assert search("nothing like it") == ()


def test_a_download_brings_what_opening_takes_and_nothing_else(hub: FakeHub) -> None:
    served = hub.repositories[NAME]
    (served / "pytorch_model.bin").write_bytes(b"pickle")
    (served / "onnx").mkdir()
    (served / "onnx" / "model.onnx").write_bytes(b"other")
    heard, folder = drained(NAME)
    names = {"config.json", "generation_config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"}
    assert {path.name for path in folder.iterdir()} == names
    total = sum((served / name).stat().st_size for name in names)
    assert heard[0] == DownloadProgress(0, total)
    assert heard[-1] == DownloadProgress(total, total)
    assert [step.done for step in heard] == sorted(step.done for step in heard)
    assert cached_folder(NAME) == folder
    assert resolve(NAME) == folder


def test_load_fetches_a_hub_id_once_and_then_opens_it_without_network(
    hub: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    words: list[str] = []
    loaded = load(NAME, progress=lambda step: words.append(step.doing))
    assert loaded.summary.name == "tiny-llama"
    assert any(word.startswith("Downloading") for word in words)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    hub.broken = 500
    assert load(NAME).summary.parameters == loaded.summary.parameters
    entry = cache_entries()[0]
    assert (entry.ref, entry.source, entry.family, entry.kind, entry.problem) == (NAME, "cache", "llama", "decoder", "")


def test_cancelling_stops_and_the_next_download_fetches_only_what_is_missing(hub: FakeHub) -> None:
    weights = hub.repositories[NAME] / "model.safetensors"
    weights.write_bytes(weights.read_bytes() + bytes(3_000_000))
    hub.seconds_per_chunk = 0.01
    steps = download_steps(NAME)
    while next(steps).done < 1_000_000:
        pass
    steps.close()
    assert not any(thread.name == "watched work" for thread in threading.enumerate())
    folder = cached_folder(NAME)
    assert folder is not None and not (folder / "model.safetensors").exists()
    hub.seconds_per_chunk = 0.0
    hub.sent.clear()
    _, folder = drained(NAME)
    assert (folder / "model.safetensors").stat().st_size == weights.stat().st_size
    assert hub.sent == ["model.safetensors"]


def test_cancel_is_heard_while_loading_downloads(hub: FakeHub) -> None:
    hub.seconds_per_chunk = 0.05
    asked: list[int] = []

    def cancel() -> bool:
        asked.append(1)
        return len(asked) > 3

    with pytest.raises(Cancelled):
        load(NAME, cancel=cancel)


def test_the_token_goes_along(hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_ours")
    drained(NAME)
    assert hub.tokens == {"hf_ours"}


def test_local_files_only_asks_nobody(hub: FakeHub) -> None:
    with pytest.raises(UserError, match="no model called"):
        load(NAME, local_files_only=True)
    assert not hub.sent
    drained(NAME)
    assert load(NAME, local_files_only=True).family == "llama"


def test_offline_means_that_nothing_is_asked(hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(UserError, match="HF_HUB_OFFLINE"):
        next(download_steps(NAME))
    with pytest.raises(UserError, match="HF_HUB_OFFLINE"):
        search("tiny")
    assert not hub.sent
