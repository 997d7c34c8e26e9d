"""What the controls of a setting say about it."""

from __future__ import annotations

from typing import Any

from app.engine.decode.settings import Knob
from app.ui.widgets.slider_field import ENDLESS
from app.ui.widgets.value_scale import OFF_WORD, figures

MANY = 10_000_000
"""A largest value this large is none for people."""


def value_words(value: Any, knob: Knob) -> str:
    """A value as it is written in a sentence."""
    if isinstance(value, bool):
        return "on" if value else OFF_WORD
    if value is None:
        return "empty"
    if knob.off is not None and value == knob.off:
        return OFF_WORD
    if isinstance(value, int):
        return f"{value:,}"
    return figures(value) if isinstance(value, float) else str(value)


def range_words(knob: Knob) -> str:
    """ "1 to 4,096", "1 or more"; '' for what is no number."""
    if knob.minimum is None:
        return ""
    low = f"{knob.minimum:,.12g}"
    endless = knob.maximum is None or knob.maximum >= min(MANY, ENDLESS)
    return f"{low} or more" if endless else f"{low} to {knob.maximum:,.12g}"


def tip_of(knob: Knob, default: Any, why: str = "") -> str:
    """What turning it does, its range and its default, and why that is the default."""
    facts = [words for words in (range_words(knob), f"default {value_words(default, knob)}") if words]
    return "\n".join(part for part in (knob.help, f"{', '.join(facts).capitalize()}.", why) if part)
