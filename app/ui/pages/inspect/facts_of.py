"""Numbers about what is shown, as rows of text."""

from __future__ import annotations

import math

from app.engine.trace.records import HeadReading, TensorReading
from app.ui.pages.inspect.stages import shape_text


def number(value: float) -> str:
    """Four significant digits with a real minus sign; "none" for what is not a number."""
    return "none" if math.isnan(value) else f"{value:.4g}".replace("-", "−")


def tensor_facts(reading: TensorReading) -> list[tuple[str, str, str]]:
    """Shape, dtype and statistics of a whole tensor."""
    finite = "none" if reading.nonfinite == 0 else f"{reading.nonfinite:,}"
    return [
        ("Shape", shape_text(reading.info.shape), "Batch of one dropped"),
        ("Type", reading.dtype, "The type in which the model computed it"),
        ("Mean", number(reading.mean), "Over all finite values"),
        ("Std dev", number(reading.std), "Population standard deviation over all finite values"),
        ("Min", number(reading.minimum), "Smallest finite value"),
        ("Max", number(reading.maximum), "Largest finite value"),
        ("L2 norm", number(reading.l2), "Square root of the sum of squares"),
        ("Zeros", f"{reading.zeros * 100:.1f}%", "Share of values that are exactly 0"),
        ("NaN, Inf", finite, "Values that are no finite number; masked scores are not counted"),
    ]


def _share(value: float | None) -> str:
    return "no repeats" if value is None else f"{value * 100:.1f}%"


def head_facts(reading: HeadReading) -> list[tuple[str, str, str]]:
    """What a head does on this text."""
    measured = reading.measured
    if reading.kind == "cross" and measured.spread is not None:
        best = reading.pattern.max(axis=1)
        return [
            ("Largest weight", _share(float(best.mean())), "The largest weight of a row, averaged over the rows"),
            (
                "Source tokens met",
                str(len(set(reading.pattern.argmax(axis=1).tolist()))),
                "Different tokens looked at most",
            ),
            (
                "Spread",
                _share(measured.spread),
                "Mean entropy of the rows over its maximum: 0% one key, 100% all alike",
            ),
        ]
    if measured.previous_token is None or measured.first_token is None or measured.spread is None:
        return [("Needs", "two tokens", "With one token a head has no choice")]
    return [
        ("To previous token", _share(measured.previous_token), "Mean of A[i, i−1] over queries i ≥ 1"),
        ("To first token", _share(measured.first_token), "Mean of A[i, 0] over queries i ≥ 1"),
        (
            "To what followed",
            _share(measured.induction),
            "Induction: for queries whose token stood before, the mean weight on the tokens that followed it there",
        ),
        (
            "Spread",
            _share(measured.spread),
            "Mean entropy of the rows over its maximum: 0% one key, 100% all keys alike",
        ),
    ]
