"""How a model makes its attention scores, as a formula, and what a row of weights adds up to."""

from __future__ import annotations

import math

import numpy as np

from app.engine.models.records import ModelSummary
from app.engine.trace.records import HeadReading

_BIASES = {
    "relative bias": " + bias(distance)",
    "ALiBi": " − slope · distance",
    "relative embeddings": " + content · distance",
}


def scores_formula(summary: ModelSummary, reading: HeadReading) -> str:
    """How this family makes scores, as far as it is known, the mask included."""
    bias = _bias(summary) if reading.kind != "cross" else ""
    product = "<i>Q K</i><sup>T</sup>"
    if reading.scaling is None:
        if summary.position == "relative sinusoid":
            product = f"( {product} + (q + b)·r(distance) )"
        return f"scale · {product}{bias} + mask"
    scaled = product + _scale_text(reading.scaling, summary.head_dim)
    if reading.softcap is not None:
        scaled = f"{reading.softcap:g} · tanh( {scaled} ⁄ {reading.softcap:g} )"
    return f"{scaled}{bias} + mask"


def _bias(summary: ModelSummary) -> str:
    """What is added for where two tokens stand."""
    return next((words for name, words in _BIASES.items() if name in summary.position), "")


def _scale_text(scaling: float, width: int) -> str:
    """ " ⁄ √64", " ⁄ 12", " × 0.0123"; "" where nothing is scaled: what `scaling` is with heads of `width`."""
    if math.isclose(scaling, 1.0, rel_tol=1e-4):
        return ""
    inverse = 1.0 / scaling if scaling else 0.0
    if math.isclose(inverse**2, width, rel_tol=1e-4):
        return f" ⁄ √{width}"
    for number, root in ((inverse, ""), (inverse**2, "√")):
        if round(number) > 1 and math.isclose(number, round(number), rel_tol=1e-4):
            return f" ⁄ {root}{round(number)}"
    return f" × {scaling:.4g}"


def row_sum(reading: HeadReading, row: np.ndarray) -> str:
    """What a row of weights adds up to; nothing is said of one that is no number."""
    total = float(row.sum())
    if not math.isfinite(total):
        return ""
    if abs(total - 1.0) <= 1e-3:
        return "A whole row adds up to 1. "
    if reading.sink is None:
        return f"This row adds up to {total:.3f}. "
    return (
        f"This row adds up to {total:.3f}; the rest goes to the head's <b>sink</b>, a learned score that is no key's. "
    )
