"""Axes of charts: round ticks, numbers as they stand beside them, values to pixels. Knows no Qt."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil, floor, isfinite, log2, log10

import numpy as np

from app.ui.widgets.number_text import MINUS, short_number

_UNITS = (1.0, 2.0, 5.0, 10.0)
_NEAR_ZERO = 0.34
"""An axis begins at zero when the smallest value is below this share of the largest."""


@dataclass(frozen=True)
class Scale:
    """Values `low` to `high` on pixels `begin` to `end`; on a logarithmic scale both ends are above zero."""

    low: float
    high: float
    begin: float
    end: float
    log: bool = False

    def pixels(self, values: np.ndarray) -> np.ndarray:
        """Where values stand; NaN where a logarithm has none."""
        low, high = self._place(np.array([self.low, self.high]))
        return self.begin + (self._place(values) - low) / (high - low) * (self.end - self.begin)

    def pixel(self, value: float) -> float:
        """Where one value stands."""
        return float(self.pixels(np.array([value]))[0])

    def value(self, pixel: float) -> float:
        """The value at a pixel."""
        low, high = (float(end) for end in self._place(np.array([self.low, self.high])))
        place = low + (pixel - self.begin) / (self.end - self.begin) * (high - low)
        return 10.0**place if self.log else place

    def _place(self, values: np.ndarray) -> np.ndarray:
        if not self.log:
            return values
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(values > 0, np.log10(values), np.nan)


@dataclass(frozen=True)
class RightAxis:
    """The same ticks once more at the right, in another unit: perplexities beside losses."""

    label: str
    words: Callable[[Sequence[float]], Sequence[str]]
    """What stands beside the ticks of the left axis."""


def nice_step(span: float, most: int) -> float:
    """The smallest of 1, 2 or 5 × 10ⁿ that divides a span into at most `most` parts."""
    raw = span / max(most, 1)
    power = 10.0 ** floor(log10(raw))
    return next(power * unit for unit in _UNITS if power * unit >= raw * 0.9999)


def nice_ticks(low: float, high: float, most: int) -> list[float]:
    """The multiples of a nice step from `low` to `high`, both included where they are multiples."""
    step = nice_step(high - low, most)
    # A share of a step of slack: 0.3 / 0.1 is a little less than 3.
    first, last = ceil(low / step - 1e-6), floor(high / step + 1e-6)
    return [index * step for index in range(first, last + 1)]


def log_ticks(low: float, high: float, most: int) -> list[float]:
    """1, 2, 5, 10, … between the ends, powers of ten alone where that is too many, plain ticks where too few."""
    powers = range(floor(log10(low)) - 1, ceil(log10(high)) + 1)
    fine = [unit * 10.0**power for power in powers for unit in _UNITS[:3]]
    inside = [tick for tick in fine if low * 0.999999 <= tick <= high * 1.000001]
    if len(inside) < 2:
        return [tick for tick in nice_ticks(low, high, most) if tick > 0]
    if len(inside) <= max(most, 2):
        return inside
    tens = [10.0**power for power in powers if low * 0.999999 <= 10.0**power <= high * 1.000001]
    return tens[:: max(1, ceil(len(tens) / max(most, 1)))]


def doubling_ticks(low: float, high: float, most: int) -> list[float]:
    """1, 2, 4, 8, … between the ends, every second or third of them where all are too many."""
    powers = range(ceil(log2(low) - 1e-6), floor(log2(high) + 1e-6) + 1)
    return [2.0**power for power in powers[:: max(1, ceil(len(powers) / max(most, 1)))]]


def widened(low: float, high: float, most: int, *, log: bool) -> tuple[float, float]:
    """The ends of a value axis that shows `low` to `high`: nice numbers, and zero where it is near."""
    if log:
        return (low / 1.3, high * 1.3) if low == high else (low / 1.05, high * 1.05)
    if 0 < low <= _NEAR_ZERO * high:
        low = 0.0
    if low == high:
        spread = abs(low) * 0.1 or 1.0
        low, high = low - spread, high + spread
    first, last, step = low, high, 0.0
    # Widening to whole steps may ask for a larger step, with which it is done again; about zero it takes two of them.
    while (wider := nice_step(last - first, max(most, 2))) > step * 1.0001:
        step = wider
        # The slack is for rounding alone: a value just below zero belongs on the axis however large its steps are.
        first, last = floor(low / step + 1e-9) * step, ceil(high / step - 1e-9) * step
    return first, last


def tick_texts(ticks: Sequence[float], *, log: bool = False) -> list[str]:
    """Numbers for an axis: the same decimals all along, thousands separated; on a log axis as short as possible."""
    if log:
        return [_plain(tick, 6) if 1e-4 <= tick < 1e6 else short_number(tick) for tick in ticks]
    steps = [second - first for first, second in pairwise(ticks)]
    step = min(steps) if steps else (abs(ticks[0]) if ticks and ticks[0] else 1.0)
    largest = max((abs(tick) for tick in ticks), default=0.0)
    if largest >= 1e9 or step < 1e-5:
        return [short_number(tick) for tick in ticks]
    decimals = max(0, -floor(log10(step) + 1e-6))
    # Steps of 1, 2 or 5; a zero needs no decimals to be read.
    return ["0" if abs(tick) < step / 2 else f"{tick:,.{decimals}f}".replace("-", MINUS) for tick in ticks]


def place_text(x: float) -> str:
    """A place on the horizontal axis: whole numbers as such, others to six figures."""
    return f"{x:,.0f}".replace("-", MINUS) if float(x).is_integer() else _plain(x, 6)


def value_text(value: float) -> str:
    """A value in a readout, to about four figures."""
    if not isfinite(value) or (value != 0 and not 1e-3 <= abs(value) < 1e5):
        return short_number(value)
    decimals = 0 if abs(value) >= 1000 else 1 if abs(value) >= 100 else 2 if abs(value) >= 10 else 3
    return f"{value:,.{decimals}f}".replace("-", MINUS)


def _plain(value: float, figures: int) -> str:
    return f"{value:,.{figures}g}".replace("-", MINUS)
