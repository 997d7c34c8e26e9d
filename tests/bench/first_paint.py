"""How long a person waits for the window: Unembed's first paint against a bare PySide6 + pyqtgraph window's."""

from __future__ import annotations

import time

from tests.bench.measure import Budget, Row, compare, hand_over, in_turn, milliseconds, run_child
from tests.bench.window_painting import STARTED

REPEATS = 11


def painted(which: str) -> float:
    """Seconds from the start of a process to the first paint of what `window_painting` calls `which`."""
    return float(run_child("window_painting", which, **{STARTED: repr(time.time())}))


def measure(repeats: int = REPEATS) -> list[Row]:
    """Rows for the window's frame, for the page that is built into it, and for the first picture there."""
    numbers = in_turn(
        {which: lambda which=which: painted(which) for which in ("app", "page", "picture", "bare")}, repeats
    )
    bare = "bare PySide6 + pyqtgraph window"
    frame, page = "first paint of the window, from process start", "first paint of the page in it"
    picture = "first picture of the model: torch imported, story-gpt loaded, its attention drawn"
    return [
        compare(frame, numbers["app"], bare, numbers["bare"], Budget(1.5), milliseconds),
        compare(page, numbers["page"], bare, numbers["bare"], None, milliseconds),
        compare(picture, numbers["picture"], bare, numbers["bare"], None, milliseconds),
    ]


if __name__ == "__main__":
    hand_over(measure())
