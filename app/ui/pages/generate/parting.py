"""Two texts that are compared, in words: what the other one is, and where they part."""

from __future__ import annotations

from app.session.branches import Branch
from app.ui.widgets.number_text import number
from app.ui.widgets.token_text import visible_token

_LONGEST = 18
"""Characters of a text that stand for it in a menu."""


def named(other: Branch, current: Branch) -> str:
    """A text as a menu offers it beside the current one: its mean log-probability, and what is its own."""
    lead = f"{other.model}: " if other.model != current.model else ""
    if other.prompt_text != current.prompt_text:
        own = other.prompt_text
    else:
        _, begin = current.differs_from(other) or (0, 0)
        own = "".join(step.text for step in other.steps[begin : begin + 12])
    own = " ".join(own.split())
    shown = own if len(own) <= _LONGEST else f"{own[: _LONGEST - 1]}…"
    return f"{number(other.score, 2)}  {lead}{shown or 'empty'}"


def parting_words(current: Branch, other: Branch) -> str:
    """Where the other text, at the right, parts from the current one."""
    whose = f" ({other.model})" if other.model != current.model else ""
    prompt = "" if current.prompt_text == other.prompt_text else " continues another prompt and"
    places = current.differs_from(other)
    if places is None:
        return f"The right one{whose}{prompt} has the same tokens as far as both go."
    here, there = places
    ours, theirs = visible_token(current.steps[here].shown), visible_token(other.steps[there].shown)
    unit = "gap" if current.filled and other.filled else "new token"
    return (
        f"The right one{whose}{prompt} parts at {unit} {here + 1}, {theirs} instead of {ours}. Mean log-probability "
        f"{number(other.score, 2)}, at the left {number(current.score, 2)}."
    )
