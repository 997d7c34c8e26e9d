"""Two texts that are compared, in words: what the other one is, and where they part."""

from __future__ import annotations

from app.session.branches import Branch
from app.ui.pages.generate.text_names import model_words, own_words, settings_apart, settings_words
from app.ui.widgets.number_text import number
from app.ui.widgets.token_text import set_off

_LONGEST = 26
"""Letters of a text that stand for it in a menu."""


def named(other: Branch, current: Branch) -> str:
    """A text as a menu offers it beside the current one: where it parts and how it goes on there, the settings and
    the model where these are others, and its mean log-probability."""
    whose = model_words(other, [current])
    words = [
        f"{whose}: {_own(other, current)}" if whose else _own(other, current),
        settings_words(other, settings_apart([current, other])),
        number(other.score, 2),
    ]
    return " · ".join(part for part in words if part)


def _own(other: Branch, current: Branch) -> str:
    if not other.steps:
        return "empty"
    if other.prompt_text != current.prompt_text:
        return f"after “{_short(other.prompt_text)}”: {_short(own_words(other, 0))}"
    places = current.differs_from(other)
    if places is not None:
        return f"from {places[1] + 1}: {_short(own_words(other, places[1]))}"
    ours, theirs = len(current.steps), len(other.steps)
    if not model_words(other, [current]) and theirs > ours:
        return f"the same, and from {ours + 1}: {_short(own_words(other, ours))}"
    return f"the same up to {theirs}" if theirs < ours else "the same"


def _short(words: str) -> str:
    words = " ".join(words.split())
    return words if len(words) <= _LONGEST else f"{words[: _LONGEST - 1].rstrip()}…"


def parting_words(current: Branch, other: Branch) -> str:
    """Where the other text, at the right, parts from the current one."""
    whose = f" ({words})" if (words := model_words(other, [current])) else ""
    prompt = "" if current.prompt_text == other.prompt_text else " continues another prompt and"
    places = current.differs_from(other)
    if places is None:
        return f"The right one{whose}{prompt} has the same tokens as far as both go."
    here, there = places
    ours, theirs = set_off(current.steps[here].shown), set_off(other.steps[there].shown)
    unit = "gap" if current.filled and other.filled else "new token"
    return (
        f"The right one{whose}{prompt} parts at {unit} {here + 1}, {theirs} instead of {ours}. Mean log-probability "
        f"{number(other.score, 2)}, at the left {number(current.score, 2)}."
    )
