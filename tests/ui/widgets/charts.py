"""Curves and calibrations to look at."""

from __future__ import annotations

import numpy as np

from app.engine.evaluate.records import Calibration, Curve


def curve(x, y, label="story-gpt", slot="A") -> Curve:
    """A curve through these points."""
    return Curve(np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64), label, slot)


def calibration(confidence, accuracy, count) -> Calibration:
    """Bins of equal width; NaN where a bin is empty."""
    edges = np.linspace(0.0, 1.0, len(count) + 1)
    return Calibration(edges, np.asarray(confidence, float), np.asarray(accuracy, float), np.asarray(count, np.int64))
