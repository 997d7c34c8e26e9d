"""Panning a large heatmap: how long one frame takes to paint."""

from __future__ import annotations

import statistics
import time

import numpy as np
from PySide6.QtCore import QEvent, QObject
from PySide6.QtWidgets import QApplication, QWidget

from app.ui.theme import Theme
from app.ui.widgets.heatmap import Heatmap
from tests.bench.measure import Budget, Row, hand_over, milliseconds

SIDE = 2048
FRAMES = 240


class _Paints(QObject):
    """How often a widget was really painted."""

    def __init__(self, widget: QWidget) -> None:
        super().__init__()
        self.count = 0
        widget.installEventFilter(self)

    def eventFilter(self, _watched: QObject, event: QEvent) -> bool:
        self.count += event.type() == QEvent.Type.Paint
        return False


def pan_times(heatmap: Heatmap, frames: int) -> list[float]:
    """Seconds of each frame of a drag across a shown heatmap, zoomed. Raises RuntimeError when frames were skipped."""
    heatmap.zoom_by(4.0)
    heatmap.repaint()
    paints, times = _Paints(heatmap), []
    for frame in range(frames):
        start = time.perf_counter()
        heatmap.pan_by(3.0 if frame % 120 < 60 else -3.0, 2.0 if frame % 60 < 30 else -2.0)
        heatmap.repaint()
        times.append(time.perf_counter() - start)
    if paints.count < frames:
        raise RuntimeError(f"Only {paints.count} of {frames} frames were painted.")
    return times


def frame_rows(times: list[float], what: str) -> list[Row]:
    """Median and 95th percentile against the frame of a 60 Hz screen."""
    limit = 1 / 60
    late = statistics.quantiles(times, n=20)[18]
    budget, frame = str(Budget(16.7, unit=" ms")), f"a frame at 60 Hz: {milliseconds(limit)}"
    return [
        Row(f"{what}, {name}", milliseconds(value), frame, f"{value / limit:.2g}", budget, value <= limit)
        for name, value in (("median", statistics.median(times)), ("95 %", late))
    ]


def frame_times(side: int, frames: int) -> list[float]:
    """`pan_times` of a heatmap of `side` tokens that stands alone."""
    application = QApplication.instance() or QApplication([])
    theme = Theme("light")
    assert isinstance(application, QApplication)
    theme.apply(application)
    heatmap = Heatmap(theme)
    heatmap.resize(800, 760)
    weights = np.tril(np.random.default_rng(0).random((side, side), dtype=np.float32))
    visible = np.tril(np.ones((side, side), dtype=bool))
    labels = [f"t{index}" for index in range(side)]
    heatmap.set_attention(weights, visible, labels, labels)
    heatmap.show()
    application.processEvents()
    times = pan_times(heatmap, frames)
    heatmap.close()
    return times


def measure(side: int = SIDE, frames: int = FRAMES) -> list[Row]:
    """The frames of a drag."""
    return frame_rows(frame_times(side, frames), f"a frame of panning a {side:,} × {side:,} heatmap")


if __name__ == "__main__":
    hand_over(measure())
