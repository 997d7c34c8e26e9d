"""How long the window makes a person wait between two frames: while text is written, a model loaded, downloaded."""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from pathlib import Path

from huggingface_hub import constants
from PySide6.QtCore import QObject, Qt, QTimer, Slot

from app.engine.decode.settings import DecodingSettings
from tests.bench.desk import Desk
from tests.bench.measure import Budget, Row, hand_over, milliseconds
from tests.bench.models import one_thread, saved_gpt2
from tests.engine.models.fake_hub import fake_hub

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
        return list(self.gaps)

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


def gaps_while_opening(desk: Desk, clock: Clock, ref: str | Path) -> list[float]:
    """Gaps from the request until the model stands."""
    before = desk.session.models.loaded()
    clock.start()
    desk.session.open_model(ref)
    desk.wait(lambda: desk.session.models.loaded() is not before and desk.board.idle)
    return clock.stop()


def measure(tokens: int = 300, runs: int = 6, idle: float = 5.0) -> list[Row]:
    """The 99th percentile and the worst gap, while writing, loading and downloading."""
    one_thread()
    desk, clock = Desk(), Clock()
    gaps_while_writing(desk, clock, tokens, 1)
    writing, waiting = gaps_while_writing(desk, clock, tokens, runs), gaps_while_idle(desk, clock, idle)
    with tempfile.TemporaryDirectory(prefix="unembed-bench-") as place, fake_hub() as hub:
        folder = saved_gpt2(Path(place) / "gpt2")
        loading = gaps_while_opening(desk, clock, folder)
        hub.repositories["ours/gpt2"], hub.seconds_per_chunk = folder, 0.0005
        os.environ.update(HF_ENDPOINT=hub.url, HF_HUB_CACHE=f"{place}/cache", HF_HUB_OFFLINE="0")
        constants.HF_HUB_OFFLINE = False
        downloading = gaps_while_opening(desk, clock, "ours/gpt2")
        desk.close()
    size = "a model of GPT-2's size (0.5 GB)"
    rows = _rows("writing", writing, waiting)
    rows += _rows(f"loading {size}", loading, waiting)
    return rows + _rows(f"downloading and loading {size}", downloading, waiting)


def _rows(doing: str, found: list[float], waiting: list[float]) -> list[Row]:
    rows = []
    for name, pick, limit in (("99 % of the gaps", _percentile, 0.033), ("worst gap", max, 0.100)):
        value, calm = pick(found), pick(waiting)
        words = f"{name} between frames while {doing} ({len(found):,} gaps)"
        shown = f"the same window idle: {milliseconds(calm)}"
        budget = Budget(limit * 1000, unit=" ms")
        rows.append(Row(words, milliseconds(value), shown, "–", str(budget), value <= limit))
    return rows


def _percentile(values: list[float]) -> float:
    return statistics.quantiles(values, n=100, method="inclusive")[98]


if __name__ == "__main__":
    hand_over(measure())
