"""How long a person waits for the window: Unembed's first paint against a bare PySide6 + pyqtgraph window's."""

from __future__ import annotations

import time

from tests.bench.measure import Budget, Row, compare, hand_over, in_turn, milliseconds, run_child
from tests.bench.window_painting import STARTED

REPEATS = 11


def painted(which: str) -> float:
    """Seconds from the start of a process to the first paint of its window; `which` is "app" or "bare"."""
    return float(run_child("window_painting", which, **{STARTED: repr(time.time())}))


def measure(repeats: int = REPEATS) -> list[Row]:
    """One row."""
    numbers = in_turn({"app": lambda: painted("app"), "bare": lambda: painted("bare")}, repeats)
    return [
        compare(
            "first paint of the window, from process start",
            numbers["app"],
            "bare PySide6 + pyqtgraph window",
            numbers["bare"],
            Budget(1.5),
            milliseconds,
        )
    ]


if __name__ == "__main__":
    hand_over(measure())
