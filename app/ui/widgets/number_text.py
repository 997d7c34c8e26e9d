"""Numbers as they are written in pictures: real minus sign, a fixed number of significant figures."""

from __future__ import annotations

from math import isnan

MINUS = "−"


def signed_number(value: float, decimals: int) -> str:
    """A value with its sign: "+3.982", "−0.100", "−∞"."""
    return number(value, decimals) if value <= 0 or isnan(value) else f"+{number(value, decimals)}"


def number(value: float, decimals: int) -> str:
    """A value with `decimals` places and a real minus sign; infinities as signs, NaN as "NaN"."""
    if isnan(value):
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "∞" if value > 0 else f"{MINUS}∞"
    return f"{value:.{decimals}f}".replace("-", MINUS)


def percent_text(share: float) -> str:
    """A share 0..1 with one decimal; what would round to nothing but is not: "<0.1%"; what is no share: "NaN"."""
    if isnan(share):
        return "NaN"
    return "<0.1%" if 0.0 < share < 0.0005 else f"{number(100.0 * share, 1)}%"


def short_number(value: float) -> str:
    """About three significant figures, as on an axis or beside a bar: "8.4", "0.031", "1,204", "2.1e−7"."""
    size = abs(value)
    if value == 0 or isnan(value) or size == float("inf"):
        return number(value, 0)
    if size >= 100_000 or size < 0.001:
        return f"{value:.1e}".replace("e-0", "e-").replace("e+0", "e").replace("-", MINUS)
    decimals = 0 if size >= 100 else 1 if size >= 10 else 2 if size >= 1 else 3
    return f"{value:,.{decimals}f}".replace("-", MINUS)
