"""What is written in the sampling funnel: titles, counts, the table that is copied, the sentence that is spoken."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite

from app.engine.decode.records import Funnel, FunnelStage
from app.ui.widgets.funnel_columns import Column, chosen_row
from app.ui.widgets.number_text import number, percent_text, short_number
from app.ui.widgets.token_text import visible_token

TITLES: Mapping[str, tuple[str, ...]] = {
    "raw": ("Raw logits", "Raw"),
    "repetition": ("Repetition", "Repet."),
    "frequency_presence": ("Frequency, presence", "Freq., pres.", "Freq."),
    "ngram": ("No-repeat n-gram", "N-gram"),
    "bans": ("Bans",),
    "temperature": ("Temperature", "Temp."),
    "top_k": ("Top-k",),
    "top_p": ("Top-p",),
    "min_p": ("Min-p",),
    "typical_p": ("Typical-p", "Typ.-p"),
}
"""A stage's title, then shorter ones for where it does not fit."""

EMPTY = "No token yet. Generate one to see how it is chosen."
LIKELIEST = "takes the likeliest"
SEARCHED = "beams take whole texts"
FORCED = "forced, nothing to draw"
UNDRAWN = "a number would be drawn"


def titles(column: Column, funnel: Funnel) -> tuple[str, ...]:
    """A column's title, then shorter ones."""
    if column.kind == "draw":
        if funnel.forced:
            return ("Forced",)
        if funnel.searched:
            return ("Beams",)
        if funnel.undrawn:
            return ("Draw",)
        if funnel.supposed:
            return ("Choice",) if funnel.draw is None else ("Draw",)
        return ("Taken",) if funnel.draw is None else ("Sampled", "Drawn")
    return TITLES.get(column.name, (column.name,))


def chosen_word(funnel: Funnel) -> str:
    """What happened to the chosen token, or would."""
    if funnel.forced:
        return "forced"
    if funnel.searched or funnel.undrawn:
        return "in the text"
    word = "taken" if funnel.draw is None else "drawn"
    return f"would be {word}" if funnel.supposed else word


def left_texts(left: int) -> tuple[str, ...]:
    """How many tokens are left, then shorter."""
    if left <= 0:
        return ("none left", "none", "0")
    thousands = f"{left / 1000:.1f}k" if left < 10_000 else f"{left / 1000:.0f}k"
    return (f"{left:,} left", f"{left:,}", *((thousands,) if left >= 1000 else ()))


def setting_texts(setting: str) -> tuple[str, ...]:
    """A setting, then its figures alone, then nothing: half a figure would read as another."""
    figures = " ".join(word for word in setting.split() if any(sign.isdigit() for sign in word))
    return (setting, figures, "")


def between_text(kept: int) -> str:
    """How many tokens between two rows were kept and are not shown."""
    return f"… {kept:,} more kept here"


def between_tip(kept: int) -> str:
    """The same in a sentence."""
    if kept == 1:
        return "1 token that stands between these rows by its logit is kept by every stage, and not shown."
    return f"{kept:,} tokens that stand between these rows by their logits are kept by every stage, and not shown."


def cuts(funnel: Funnel, stage: int) -> bool:
    """Whether a stage cut anything."""
    made = funnel.stages[stage]
    return stage > 0 and made.active and (made.lost > 0 or made.left < funnel.stages[stage - 1].left)


def lost_texts(stage: FunnelStage) -> tuple[str, ...]:
    """How much probability went with the tokens that a stage cut, then shorter; in full it is in the column's tip."""
    share = percent(stage.lost)
    return (f"{share} cut", share)


def percent(share: float) -> str:
    """A share as written beside a bar."""
    return percent_text(share) if isfinite(share) else number(share, 0)


def logit_text(value: float) -> str:
    """A logit as written beside a bar."""
    return short_number(value) if isfinite(value) and abs(value) >= 10_000 else number(value, 2)


def draw_text(funnel: Funnel) -> str:
    """What decided, as it is written under the strip."""
    if funnel.forced:
        return FORCED
    if funnel.searched:
        return SEARCHED
    if funnel.undrawn:
        return UNDRAWN
    return LIKELIEST if funnel.draw is None else f"random draw {number(funnel.draw, 3)}"


def nothing_left(funnel: Funnel) -> str:
    """The sentence for settings that cut every token."""
    emptied = next((stage.name for stage in funnel.stages if stage.left <= 0), "")
    after = f" after {TITLES.get(emptied, (emptied,))[0]}" if emptied else ""
    return f"No token is left{after}: the settings cut every one, so nothing can be drawn."


def column_tip(funnel: Funnel, column: Column, setting: str, note: str) -> str:
    """All there is to say about a column, whether or not it fits into its head, and a `note` on it if there is one."""
    parts = [titles(column, funnel)[0]]
    if column.kind == "draw":
        parts.append(draw_text(funnel))
    elif column.kind == "off":
        parts.append(setting or "off")
    else:
        parts += [*([setting] if setting else []), left_texts(funnel.stages[column.stage].left)[0]]
        if cuts(funnel, column.stage):
            lost = percent(funnel.stages[column.stage].lost)
            parts.append(f"the tokens it cut had {lost} of the probability")
    parts += [note] if note else []
    return " · ".join(parts)


def row_tip(funnel: Funnel, row: int) -> str:
    """A row's token in full, its id, and where it was cut."""
    made = funnel.rows[row]
    cut = f" · cut by {TITLES.get(made.cut_by, (made.cut_by,))[0]}" if made.cut_by else ""
    return f"{visible_token(made.text)} · id {made.token_id}{cut}"


def describe(funnel: Funnel) -> str:
    """The funnel in one sentence."""
    parts = [f"{funnel.vocabulary:,} tokens"]
    parts += [
        f"{left_texts(stage.left)[0]} after {TITLES.get(stage.name, (stage.name,))[0]}"
        for place, stage in enumerate(funnel.stages)
        if cuts(funnel, place)
    ]
    row = chosen_row(funnel)
    if funnel.chosen is None or row is None:
        return f"{', '.join(parts)}; nothing can be drawn."
    share = percent(funnel.stages[-1].probabilities[row])
    name = visible_token(funnel.rows[row].text)
    if funnel.forced:
        return f"{', '.join(parts)}; {name} was forced."
    if funnel.searched:
        return f"{', '.join(parts)}; {name}, {share}, stands in the text."
    if funnel.undrawn:
        return f"{', '.join(parts)}; {name}, {share}, stands in the text, and {UNDRAWN}."
    how = "taken as the likeliest" if funnel.draw is None else f"drawn by the random number {number(funnel.draw, 3)}"
    return f"{', '.join(parts)}; {name}, {share}, {'would be' if funnel.supposed else 'was'} {how}."


def table_text(funnel: Funnel) -> str:
    """Tab-separated: token, raw logit, then its probability before any stage and after each one that acts."""
    stages = [stage for place, stage in enumerate(funnel.stages) if stage.active or place == 0]
    named = [TITLES.get(stage.name, (stage.name,))[0] for stage in stages[1:]]
    heads = ["token", "logit", "raw probability", *named]
    lines = ["\t".join(heads)]
    for place, row in enumerate(funnel.rows):
        shares = [f"{stage.probabilities[place]:.6g}" for stage in stages]
        lines.append("\t".join([visible_token(row.text), f"{row.logit:.6g}", *shares]))
    return "\n".join(lines)
