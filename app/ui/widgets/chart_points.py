"""What a chart's curves hold at a place: points to snap to, values between them, all as a table."""

from __future__ import annotations

import csv
import io
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from math import log2

import numpy as np

from app.engine.evaluate.records import Curve
from app.ui.widgets.matrix_export import MatrixTable


def curve_name(curve: Curve) -> str:
    """A curve's label with its model's letter before it: "A story-gpt"."""
    return f"{curve.slot} {curve.label}".strip()


def kept_points(curve: Curve, *, log: bool) -> np.ndarray:
    """The `x` of the points that can be drawn: finite, and above zero on a log axis."""
    with np.errstate(invalid="ignore"):
        drawn = np.isfinite(curve.y) & ((curve.y > 0) | (not log))
    return np.asarray(curve.x)[drawn]


def nearest_place(places: Sequence[np.ndarray], x: float) -> float | None:
    """The point nearest to `x` among ascending places of all curves; None where there is none."""
    near: list[float] = []
    for each in places:
        right = bisect_left(each, x)
        near += [float(each[at]) for at in (right - 1, right) if 0 <= at < len(each)]
    return min(near, key=lambda place: abs(place - x), default=None)


def next_place(places: Sequence[np.ndarray], x: float, step: float) -> float | None:
    """The first point at least `step` further than `x` (before it where negative), else the last there is."""
    found: list[float] = []
    for each in places:
        if not len(each):
            continue
        at = bisect_left(each, x + step) if step > 0 else bisect_right(each, x + step) - 1
        found.append(float(each[min(max(at, 0), len(each) - 1)]))
    ahead = [place for place in found if (place > x if step > 0 else place < x)]
    if not ahead:
        return None
    enough = [place for place in ahead if abs(place - x) >= abs(step)]
    return min(enough, key=lambda place: abs(place - x)) if enough else max(ahead, key=lambda place: abs(place - x))


def value_at(curve: Curve, x: float, *, log: bool, doubling: bool = False) -> tuple[float, bool]:
    """What the line shows at `x`, and whether a point is there; between two points it is on the line between them,
    which on a `doubling` axis is straight over the logarithm of `x`.

    NaN outside the curve and in its gaps.
    """
    xs, ys = curve.x, curve.y
    right = bisect_left(xs, x)
    if right < len(xs) and xs[right] == x:
        return float(ys[right]), True
    if right in (0, len(xs)):
        return float("nan"), False
    (before, after), (low, high) = xs[right - 1 : right + 1], ys[right - 1 : right + 1]
    share = (log2(x / before) / log2(after / before)) if doubling else (x - before) / (after - before)
    if log and low > 0 and high > 0:
        return float(low ** (1 - share) * high**share), False
    return float(low + share * (high - low)), False


def curves_table(curves: Sequence[Curve], x_label: str) -> MatrixTable:
    """One row for every place that some curve has a point at, one column a curve; NaN where it has none."""
    places = np.unique(np.concatenate([curve.x for curve in curves])) if curves else np.zeros(0)
    values = np.full((len(places), len(curves)), np.nan, dtype=np.float32)
    for column, curve in enumerate(curves):
        values[np.searchsorted(places, curve.x), column] = curve.y
    return MatrixTable(x_label, [_number(float(x)) for x in places], [curve_name(curve) for curve in curves], values)


def plain_table(table: MatrixTable, delimiter: str) -> str:
    """A table as text. Cells without a value are empty: a spreadsheet would draw a word as zero."""
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, lineterminator="\n")
    writer.writerow([table.corner, *table.column_labels])
    for label, row in zip(table.row_labels, table.values, strict=True):
        texts = row.astype(np.float32).astype(str)
        cells = ("" if text == "nan" else str(text).removesuffix(".0") for text in texts)
        writer.writerow([label, *cells])
    return out.getvalue()


def _number(x: float) -> str:
    return f"{x:.0f}" if x.is_integer() else f"{x:.9g}"
