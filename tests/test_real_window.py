"""The program as a person starts it: one real window, and pictures taken from the command line."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PySide6.QtGui import QImage

ROOT = Path(__file__).resolve().parents[1]


def start(*options: str, platform: str = "offscreen") -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "main.py", *options],
        cwd=ROOT,
        env={**os.environ, "QT_QPA_PLATFORM": platform},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def xdotool(*words: str) -> str:
    return subprocess.run(["xdotool", *words], capture_output=True, text=True, check=False, timeout=20).stdout.strip()


@pytest.mark.skipif(
    not os.environ.get("DISPLAY") or not shutil.which("xdotool"), reason="needs an X display and xdotool"
)
def test_a_real_window_opens_answers_keys_and_closes() -> None:
    program = start("--size", "1200x760", platform="xcb")
    try:
        window, deadline = "", time.monotonic() + 60
        while not window and time.monotonic() < deadline:
            window = xdotool("search", "--onlyvisible", "--name", "^Unembed$").partition("\n")[0]
            time.sleep(0.2)
        assert window, "no window appeared"
        xdotool("windowfocus", window)
        xdotool("key", "--window", window, "ctrl+2")
        xdotool("key", "--window", window, "ctrl+Return")
        time.sleep(1)
        assert program.poll() is None
        xdotool("key", "--window", window, "ctrl+q")
        assert program.wait(timeout=60) == 0
    finally:
        program.kill()
        _, errors = program.communicate()
    assert "Traceback" not in errors


@pytest.mark.parametrize(
    ("options", "size"),
    [
        (("--page", "inspect", "--theme", "light"), (1440, 900)),
        (("--page", "generate", "--theme", "dark", "--prompt", "Once upon a time"), (1120, 720)),
    ],
)
def test_a_screenshot_has_its_size_and_is_not_blank(
    options: tuple[str, ...], size: tuple[int, int], tmp_path: Path
) -> None:
    file = tmp_path / "picture.png"
    program = start(*options, "--size", f"{size[0]}x{size[1]}", "--screenshot", str(file))
    _, errors = program.communicate(timeout=150)
    assert program.returncode == 0, errors
    picture = QImage(str(file))
    assert (picture.width(), picture.height()) == size
    colours = {picture.pixel(x, y) for x in range(0, size[0], 3) for y in range(0, size[1], 3)}
    assert len(colours) > 100
    assert not list(tmp_path.rglob("window.ini")), "a picture remembers nothing"


def test_a_screenshot_of_a_model_that_is_not_there_says_so(tmp_path: Path) -> None:
    program = start("--model", "nobody/nothing", "--screenshot", str(tmp_path / "picture.png"))
    _, errors = program.communicate(timeout=150)
    assert program.returncode == 1
    assert "“nobody/nothing” is not on this machine" in errors
    assert not (tmp_path / "picture.png").exists()
