"""What every test stands on: no window on the desk, no network, nobody's settings, one thread for torch."""

from __future__ import annotations

import gc
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from PySide6.QtCore import QCoreApplication, QEvent

# Read at import by Qt, torch and huggingface_hub, so set before any test module is; subprocesses inherit them.
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.update(
    OMP_NUM_THREADS="1",
    MKL_NUM_THREADS="1",
    TOKENIZERS_PARALLELISM="false",
    HF_HUB_OFFLINE="1",
    HF_HUB_DISABLE_TELEMETRY="1",
)

# The same examples at every run: a change is judged by what it changed. `--hypothesis-profile=default` looks further.
settings.register_profile("the same every time", derandomize=True, deadline=None)
settings.load_profile("the same every time")

TESTS_SEEN = pytest.StashKey[int]()
HOMES = ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME", "HF_HOME")


def pytest_configure(config: pytest.Config) -> None:
    """Give the run a home of its own, thrown away at its end."""
    home = Path(tempfile.mkdtemp(prefix="unembed-tests-"))
    os.environ.update({name: str(home / name.lower()) for name in HOMES})
    config.add_cleanup(lambda: shutil.rmtree(home, ignore_errors=True))
    # As in the program: Qt objects must not be destroyed on a lane's thread.
    gc.disable()


def pytest_collection_finish() -> None:
    """What was imported stays: collecting is about what the tests make."""
    gc.freeze()


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item) -> None:
    """Collect on the main thread, now and then everything; what Qt still has to deliver or delete comes first."""
    if (application := QCoreApplication.instance()) is not None:
        application.processEvents()
        application.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
    seen = item.config.stash.get(TESTS_SEEN, 0) + 1
    item.config.stash[TESTS_SEEN] = seen
    gc.collect(2 if seen % 25 == 0 else 1)


@pytest.fixture(autouse=True)
def settings_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What one test saves, the next does not find."""
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name.lower()))


@pytest.fixture(autouse=True)
def no_thread_left_behind() -> Iterator[None]:
    """A test ends its threads: one that lives on would work on another test's model."""
    before = set(threading.enumerate())
    yield
    deadline = time.monotonic() + 5
    while left := [thread.name for thread in set(threading.enumerate()) - before if not thread.daemon]:
        if time.monotonic() > deadline:
            pytest.fail(f"threads live on after the test: {', '.join(left)}")
        time.sleep(0.01)
