"""Numbers about what is shown, as rows of text."""

from __future__ import annotations

import math

import numpy as np

from app.engine.trace.records import HeadReading, LensMap, TensorReading
from app.ui.pages.inspect.stages import shape_text
from app.ui.widgets.number_text import percent_text
from app.ui.widgets.token_text import visible_token


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


def values_facts(values: np.ndarray) -> list[tuple[str, str, str]]:
    """Mean, spread and ends of numbers made for a picture, which are no tensor of the model."""
    finite = values[np.isfinite(values)].astype(np.float64)
    if finite.size == 0:
        return [("Mean", "none", "There is no finite value")]
    return [
        ("Mean", number(float(finite.mean())), "Over all finite values"),
        ("Std dev", number(float(finite.std())), "Population standard deviation over all finite values"),
        ("Min", number(float(finite.min())), "Smallest finite value"),
        ("Max", number(float(finite.max())), "Largest finite value"),
    ]


def row_facts(name: str, values: np.ndarray) -> list[tuple[str, str, str]]:
    """The same of one row, under a line with its name; nothing without one."""
    if not name:
        return []
    own = [(f"Row {what.lower()}", value, f"{tip}, of the chosen row") for what, value, tip in values_facts(values)]
    return [(f"Row {name}", f"{values.size:,} values", "The row that is chosen"), *own]


def lens_facts(lens: LensMap, layer: int, position: int) -> list[tuple[str, str, str]]:
    """What the raw logit lens says in one cell."""
    return [
        ("After block", str(layer), "The stream after this block"),
        ("Says", visible_token(lens.texts[layer][position]), "The likeliest token there"),
        ("Probability", percent_text(float(lens.probabilities[layer, position])), "How likely that token is there"),
        ("Model's answer", visible_token(lens.texts[-1][position]), "What the model says after its last block"),
        ("Its rank here", f"{int(lens.ranks[layer, position]) + 1:,}", "1: it is the likeliest already"),
    ]


def broken_words(reading: HeadReading) -> str:
    """A sentence about weights or scores that are no numbers; '' where all are."""
    seen = reading.visible
    lost = int(np.count_nonzero(seen & ~(np.isfinite(reading.scores) & np.isfinite(reading.pattern))))
    if not lost:
        return ""
    return (
        f"{lost:,} of the {int(np.count_nonzero(seen)):,} cells of block {reading.layer}, head {reading.head} hold no "
        "number (NaN or ∞); they are red and not hatched as what is masked. Look in the flow for where the first "
        "red value stands."
    )


def _share(value: float | None) -> str:
    return "no repeats" if value is None else "NaN" if math.isnan(value) else f"{value * 100:.1f}%"


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
            "Local",
            _share(measured.local),
            "Mean over queries i ≥ 1 of the weight on the three tokens to either side and the token itself",
        ),
        (
            "Spread",
            _share(measured.spread),
            "Mean entropy of the rows over its maximum: 0% one key, 100% all keys alike",
        ),
    ]
