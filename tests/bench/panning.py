"""Panning a large heatmap: how long one frame takes to paint."""

from __future__ import annotations

import statistics
import time

import numpy as np
from PySide6.QtGui import QPaintEvent
from PySide6.QtWidgets import QApplication

from app.ui.theme import Theme
from app.ui.widgets.heatmap import Heatmap
from tests.bench.measure import Budget, Row, hand_over, milliseconds

SIDE = 2048
FRAMES = 240


class CountedHeatmap(Heatmap):
    """Says how often it was really painted."""

    paints = 0

    def paintEvent(self, event: QPaintEvent) -> None:
        self.paints += 1
        super().paintEvent(event)


def frame_times(side: int, frames: int) -> list[float]:
    """Seconds of each frame of a drag across a zoomed heatmap. Raises RuntimeError when frames were skipped."""
    application = QApplication.instance() or QApplication([])
    theme = Theme("light")
    assert isinstance(application, QApplication)
    theme.apply(application)
    heatmap = CountedHeatmap(theme)
    heatmap.resize(800, 760)
    weights = np.tril(np.random.default_rng(0).random((side, side), dtype=np.float32))
    visible = np.tril(np.ones((side, side), dtype=bool))
    labels = [f"t{index}" for index in range(side)]
    heatmap.set_attention(weights, visible, labels, labels)
    heatmap.show()
    application.processEvents()
    heatmap.zoom_by(4.0)
    heatmap.repaint()
    before, times = heatmap.paints, []
    for frame in range(frames):
        start = time.perf_counter()
        heatmap.pan_by(3.0 if frame % 120 < 60 else -3.0, 2.0 if frame % 60 < 30 else -2.0)
        heatmap.repaint()
        times.append(time.perf_counter() - start)
    if heatmap.paints - before < frames:
        raise RuntimeError(f"Only {heatmap.paints - before} of {frames} frames were painted.")
    heatmap.close()
    return times


def measure(side: int = SIDE, frames: int = FRAMES) -> list[Row]:
    """Median and 95th percentile against the frame of a 60 Hz screen."""
    times, limit = frame_times(side, frames), 1 / 60
    late = statistics.quantiles(times, n=20)[18]
    what = f"a frame of panning a {side:,} × {side:,} heatmap"
    budget, frame = str(Budget(16.7, unit=" ms")), f"a frame at 60 Hz: {milliseconds(limit)}"
    return [
        Row(f"{what}, {name}", milliseconds(value), frame, f"{value / limit:.2g}", budget, value <= limit)
        for name, value in (("median", statistics.median(times)), ("95 %", late))
    ]


if __name__ == "__main__":
    hand_over(measure())
