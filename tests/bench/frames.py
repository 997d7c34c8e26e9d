"""How long the window makes a person wait between two frames while text is being written."""

from __future__ import annotations

import statistics
import time

from PySide6.QtCore import QObject, Qt, QTimer, Slot

from app.engine.decode.settings import DecodingSettings
from tests.bench.desk import Desk
from tests.bench.measure import Budget, Row, hand_over, milliseconds
from tests.bench.models import one_thread

TICK_MS = 4
PROMPT = "Once upon a time, there was a"


class Clock(QObject):
    """Writes down how long the main thread took from one tick of a 4 ms timer to the next."""

    def __init__(self) -> None:
        super().__init__()
        self.gaps: list[float] = []
        self._last = 0.0
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(TICK_MS)
        self._timer.timeout.connect(self._tick)

    def start(self) -> None:
        """Begin."""
        self.gaps.clear()
        self._last = time.perf_counter()
        self._timer.start()

    def stop(self) -> list[float]:
        """End; the gaps in seconds."""
        self._timer.stop()
        return self.gaps

    @Slot()
    def _tick(self) -> None:
        now = time.perf_counter()
        self.gaps.append(now - self._last)
        self._last = now


def gaps_while_writing(desk: Desk, clock: Clock, tokens: int, runs: int) -> list[float]:
    """Gaps over several texts."""
    found: list[float] = []
    for seed in range(runs):
        clock.start()
        desk.generate(PROMPT, DecodingSettings(temperature=0.9, top_k=40, seed=seed, max_new_tokens=tokens))
        found += clock.stop()
    return found


def gaps_while_idle(desk: Desk, clock: Clock, seconds: float) -> list[float]:
    """What the same clock shows when the window does nothing."""
    end = time.monotonic() + seconds
    clock.start()
    desk.wait(lambda: time.monotonic() > end)
    return clock.stop()


def measure(tokens: int = 300, runs: int = 6, idle: float = 5.0) -> list[Row]:
    """The 99th percentile and the worst gap."""
    one_thread()
    desk, clock = Desk(), Clock()
    gaps_while_writing(desk, clock, tokens, 1)
    writing, waiting = gaps_while_writing(desk, clock, tokens, runs), gaps_while_idle(desk, clock, idle)
    desk.close()
    rows = []
    for name, pick, limit in (
        ("99 % of the gaps between frames while writing", _percentile, 0.033),
        ("worst gap between frames while writing", max, 0.100),
    ):
        value, calm = pick(writing), pick(waiting)
        shown = f"the same window idle: {milliseconds(calm)}"
        budget = Budget(limit * 1000, unit=" ms")
        rows.append(
            Row(f"{name} ({len(writing):,} gaps)", milliseconds(value), shown, "–", str(budget), value <= limit)
        )
    return rows


def _percentile(values: list[float]) -> float:
    return statistics.quantiles(values, n=100)[98]


if __name__ == "__main__":
    hand_over(measure())
