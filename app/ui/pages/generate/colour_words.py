"""What the colours of a text's tokens mean, in the sentences of Explain."""

from __future__ import annotations

from html import escape

from app.session.branches import Branch
from app.ui.pages.generate.chip_colours import ATTENTION, COLOURS
from app.ui.pages.generate.head_chooser import head_words
from app.ui.widgets.token_text import set_off


def colour_words(name: str, branch: Branch, step: int | None) -> str:
    """Of one of COLOURS; of attention as the head looked when `step` was chosen, None for the newest as they come."""
    if name == ATTENTION:
        return _attention(branch, step)
    given = "Prompt tokens are only outlined: they were given, not chosen."
    if branch.filled:
        given = "Tokens outside the gaps are only outlined: they were given."
    elif branch.apart:
        given = "The prompt stands above: the encoder reads it, and nothing of it is chosen."
    colour = COLOURS[name]
    return f"The darker a token and the longer the line under it, {colour.more}. {colour.ends} {given}"


def _attention(branch: Branch, step: int | None) -> str:
    least = "The darker a token and the longer the line under it, the more"
    if step is None or step >= len(branch.steps):
        return (
            f"{least} the chosen head looked at it when the newest token was chosen. It looks from the token before "
            f"that one. {COLOURS[ATTENTION].ends} Dashed tokens were not there to be looked at."
        )
    chosen = branch.steps[step]
    name = f"<code>{escape(set_off(chosen.shown))}</code>"
    if chosen.head is None:
        return f"No head was watched when {name} was chosen, so no token is coloured: from the next token on one is."
    head, since = head_words(chosen.head), f"when {name} was chosen, from the token before it{_before(branch, step)}"
    if chosen.head[0] == "cross":
        return f"{head} looks from the text into the prompt, which is underlined above: where it looked {since}."
    given = "" if branch.apart else "; tokens of the prompt are coloured, too"
    return (
        f"{least} the watched head ({head[0].lower()}{head[1:]}) looked at it {since}. {COLOURS[ATTENTION].ends} "
        f"Dashed tokens came later{given}."
    )


def _before(branch: Branch, step: int) -> str:
    """Which token stands before a step's, from which its head looks: ", “␣her”"."""
    if step:
        shown = branch.steps[step - 1].shown
    elif branch.apart or not branch.prompt:
        return ", the one that starts the text"
    else:
        shown = branch.prompt[-1].shown
    return f", <code>{escape(set_off(shown))}</code>"
