"""The program killed at any moment, a dozen times: what was there is there again, and nothing is asked."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path

from app.session.saved import read
from app.ui.pages.inspect.layout import EXAMPLES

ROOT = Path(__file__).resolve().parents[1]
TIMES = 12


def start(*options: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "main.py", *options],
        cwd=ROOT,
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


def seconds_to_save(file: Path) -> float:
    """How long a start takes on this machine until it has saved its model; then it is killed too."""
    begun = time.monotonic()
    program = start()
    while not (file.exists() and read(file)[0].models):
        assert program.poll() is None, (program.stderr.read() if program.stderr else b"").decode()
        assert time.monotonic() - begun < 60, "a minute, and nothing was saved"
        time.sleep(0.02)
    taken = time.monotonic() - begun
    program.kill()
    program.communicate()
    return taken


def test_killed_and_started_again(tmp_path: Path) -> None:
    chance = random.Random(3)
    file = tmp_path / "xdg_data_home" / "Unembed" / "Unembed" / "session.json"
    whole = seconds_to_save(file)
    file.unlink()
    before, saved = EXAMPLES[0], 0
    for turn in range(TIMES):
        # Every other start says nothing and must bring back what the ones before left.
        options = ("--prompt", f"Start number {turn}") if turn % 2 == 0 else ()
        program = start(*options)
        time.sleep(chance.uniform(0.1, 1.6) * whole)
        assert program.poll() is None, (program.stderr.read() if program.stderr else b"").decode()
        program.kill()
        program.communicate()
        found, note = read(file)
        assert note == ""
        if found.models:
            saved += 1
            assert found.models["A"].ref == "story-gpt"
            # Killed before it could save, or after.
            assert found.prompt in {before, *options[1:]}
            before = found.prompt
    assert saved > TIMES / 4
    assert not list(file.parent.glob("*unreadable*"))
