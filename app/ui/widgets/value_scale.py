"""From a setting's value to a place on its slider and to the words in its field, and back. Knows no Qt."""

from __future__ import annotations

import math
from dataclasses import dataclass

OFF_WORD = "off"
_MINUS = "−"
_FIGURES = 6
_SMALL = 0.01
"""Below this a number with significant figures is written as a power of ten."""


@dataclass(frozen=True)
class ValueScale:
    """A range of numbers with a step; `off` is the value that switches the setting off, which may lie outside.

    On a logarithmic scale equal distances multiply the value, and one step is at least one unit of `decimals`. `lowest`
    and `highest` are what can be typed where that reaches beyond the slider. A `significant` scale has no fixed
    decimals: it writes the figures that a number has, "0.05" and "2e−4".
    """

    minimum: float
    maximum: float
    step: float
    decimals: int = 2
    off: float | None = None
    logarithmic: bool = False
    lowest: float | None = None
    highest: float | None = None
    significant: bool = False

    def __post_init__(self) -> None:
        if self.minimum >= self.maximum or self.step <= 0:
            raise ValueError("A scale needs minimum < maximum and a step above 0.")
        if self.logarithmic and self.minimum <= 0:
            raise ValueError("A logarithmic scale needs a minimum above 0; give zero as `off`.")

    def fit(self, value: float) -> float:
        """The nearest allowed value: inside the range and rounded to the decimals shown, or off."""
        if self.off is not None:
            below = self.off < self.minimum and value <= self.off
            above = self.off > self.maximum and value >= self.off
            if value == self.off or below or above:
                return self.off
        return self._rounded(min(max(value, self.bounds[0]), self.bounds[1]))

    def takes(self, value: float) -> bool:
        """Whether a typed value is taken as it is, but for figures that are not shown."""
        if self.significant:
            return math.isclose(self.fit(value), value, rel_tol=10.0 ** (1 - _FIGURES))
        return abs(self.fit(value) - value) < 10.0**-self.decimals

    @property
    def bounds(self) -> tuple[float, float]:
        """The smallest and the largest value that can be typed."""
        lowest = self.minimum if self.lowest is None else min(self.lowest, self.minimum)
        return lowest, self.maximum if self.highest is None else max(self.highest, self.maximum)

    def fraction(self, value: float) -> float:
        """Place on the slider, 0..1. A value outside the range (off) stands at the end it lies beyond."""
        value = self._clamp(value)
        if self.logarithmic:
            return math.log(value / self.minimum) / math.log(self.maximum / self.minimum)
        return (value - self.minimum) / (self.maximum - self.minimum)

    def at(self, fraction: float) -> float:
        """The value at a place 0..1, snapped to the step; the end towards `off` is off."""
        fraction = min(max(fraction, 0.0), 1.0)
        off_below = self.off is not None and self.off <= self.minimum
        off_above = self.off is not None and self.off >= self.maximum
        if self.off is not None and ((off_below and fraction == 0.0) or (off_above and fraction == 1.0)):
            return self.off
        if self.logarithmic:
            raw = self.minimum * (self.maximum / self.minimum) ** fraction
            return self.fit(round(float(f"{raw:.2g}") / self.step) * self.step if self.significant else raw)
        raw = self.minimum + fraction * (self.maximum - self.minimum)
        snapped = self.minimum + round((raw - self.minimum) / self.step) * self.step
        return self.fit(snapped)

    def stepped(self, value: float, steps: int) -> float:
        """The value some steps up (or down): a step of a logarithmic scale is about 5 % and at least one unit."""
        for _ in range(abs(steps)):
            value = self._one_step(value, 1 if steps > 0 else -1)
        return value

    def text(self, value: float) -> str:
        """What the field shows: "off" or the number, with a real minus sign and thousands separators."""
        if self.off is not None and value == self.off:
            return OFF_WORD
        if self.significant:
            return figures(value)
        return f"{value:,.{self.decimals}f}".replace("-", _MINUS)

    def parse(self, text: str) -> float | None:
        """The value of typed words, whether it fits or not; None when they are no number. Empty or "off" is off where
        off exists."""
        cleaned = text.strip().replace(_MINUS, "-").replace(" ", "")
        if cleaned.lower() in ("", OFF_WORD):
            return self.off
        comma_is_decimal = (self.decimals > 0 or self.significant) and "." not in cleaned and cleaned.count(",") == 1
        cleaned = cleaned.replace(",", "." if comma_is_decimal else "")
        try:
            value = float(cleaned)
        except ValueError:
            return None
        return value if math.isfinite(value) else None

    def _one_step(self, value: float, direction: int) -> float:
        if self.off is not None and value == self.off:
            inward = 1 if self.off <= self.minimum else -1
            return self._first_inside(inward) if direction == inward else self.off
        edge = self.maximum if direction > 0 else self.minimum
        if value == edge and self.off is not None and (self.off - edge) * direction >= 0:
            return self.off
        change = self._change_at(value) if self.logarithmic else self.step
        beyond = not self.minimum <= value <= self.maximum
        low, high = self.bounds if beyond else (self.minimum, self.maximum)
        return self.fit(min(max(value + direction * change, low), high))

    def _change_at(self, value: float) -> float:
        """How far one step of a logarithmic scale goes."""
        if not self.significant:
            return max(abs(value) * 0.05, 10.0**-self.decimals)
        second_figure = 10.0 ** (math.floor(math.log10(abs(value))) - 1) if value else 0.0
        return max(second_figure, self.step)

    def _rounded(self, value: float) -> float:
        return float(f"{value:.{_FIGURES}g}") if self.significant else round(value, self.decimals)

    def _first_inside(self, inward: int) -> float:
        edge = self.minimum if inward > 0 else self.maximum
        return edge if edge != self.off else self.fit(edge + inward * self.step)

    def _clamp(self, value: float) -> float:
        return min(max(value, self.minimum), self.maximum)


def figures(value: float) -> str:
    """A number with the figures it has; without separators, as its comma would be read as a decimal one."""
    if value == 0 or abs(value) >= _SMALL:
        return f"{value:.{_FIGURES + 1}g}".replace("-", _MINUS)
    mantissa, _, exponent = f"{value:.{_FIGURES - 1}e}".partition("e")
    return f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}".replace("-", _MINUS)
