"""What the Explain panel says on this page."""

from __future__ import annotations

from dataclasses import replace
from html import escape

from app.engine.decode.records import DistributionRow
from app.session.branches import Branch
from app.session.generated import DistributionReading
from app.ui.explanation import Explanation
from app.ui.widgets.number_text import percent_text
from app.ui.widgets.token_text import set_off

INTRODUCTION = Explanation(
    title="Choosing the next token",
    looking_at="The model gives every token of its vocabulary a probability. One is chosen, written down, and the "
    "model is asked again.",
    try_this="Set <b>New tokens</b> to 400, press <b>Generate</b>, and drag Temperature while the text is "
    "being written.",
)


BEAMS = Explanation(
    title="Beam search",
    looking_at="Instead of one text the search keeps several beginnings, the <b>beams</b>. Each column is a token: the "
    "boxes filled go on, the hatched ones were looked at and dropped.",
    formula_html="score = Σ ln <i>p</i> ⁄ length<sup>penalty</sup>",
    plain="<b>Σ</b> is the sum of the log-probabilities up to there. Taking the likeliest token every time can walk "
    "into a dull or unlikely ending; a beam that began less well may end better.",
    try_this="Set Beams to 1: that is greedy search. Double-click a finished text to look at each of its choices.",
)


DRAWN_BEAMS = replace(
    BEAMS,
    title="Beam sampling",
    looking_at="Instead of one text the search keeps several beginnings, the <b>beams</b>. Each column is a token: the "
    "boxes filled were <b>drawn</b> to go on, the hatched ones were not, even where their sum is higher.",
    formula_html="score = Σ ( ln <i>p</i> ⁄ <i>T</i> ) ⁄ length<sup>penalty</sup>",
    formula_note="T is the temperature; penalties and cuts act on ln p, too",
    plain="<b>Σ</b> adds up the log-probabilities as the settings left them, which is how transformers counts. The "
    "percent in a box is the model's own.",
    try_this="Search again: with another seed other beams are drawn.",
)


def introduction(colours: str, filling: bool = False) -> Explanation:
    """What is said before a token's choice is looked at; `colours`: what the colours of the tokens mean now. `filling`:
    the model fills gaps."""
    hint = "Write a gap into the prompt, or press an example, then <b>Fill the masks</b>."
    return replace(INTRODUCTION, plain=colours, try_this=hint if filling else INTRODUCTION.try_this)


def explain_choice(reading: DistributionReading, branch: Branch, place: int, colours: str) -> Explanation:
    """How the token at `place` of a text was chosen, or would be where the reading is of other settings than it was
    written with."""
    funnel, settings = reading.funnel, reading.settings
    bare = funnel.searched or funnel.forced
    greedy = not settings.draws
    formula = "argmax( <i>z</i> )" if greedy else f"<i>p</i> = softmax( <i>z</i> ⁄ {settings.temperature:g} )"
    cuts = [f"top-k keeps {settings.top_k}"] if settings.top_k and not greedy else []
    if settings.top_p < 1 and not greedy:
        cuts.append(f"top-p keeps the fewest tokens that reach {settings.top_p:g} together")
    words = _told(reading, branch)
    if (trained := reading.step.training_step) is not None:
        words += f" The model was being trained: these are its weights after step {trained:,}."
    return Explanation(
        title="How a token would be chosen" if funnel.supposed else "How a token was chosen",
        subtitle=f"Token #{place}, counted from 0",
        looking_at=f"{escape(branch.model)} scores all <b>{funnel.vocabulary:,}</b> tokens. {_acts(reading, branch)}",
        formula_html="" if bare else formula,
        formula_note="" if bare else "; ".join(cuts).capitalize(),
        plain=f"{words}<br><br>{colours}" if colours else words,
        try_this="Press <b>Beams</b> under Branches to see the whole search. A slider changes what is written next, "
        "not how this text was found."
        if branch.found_by
        else "Move a slider: the bars show at once how this choice would look, and the next token obeys it.",
    )


def _acts(reading: DistributionReading, branch: Branch) -> str:
    """What is done with the scores, in a sentence."""
    if reading.funnel.forced:
        return "Here one of them was given, and all others were cut."
    if branch.found_by:
        return "A search by beams went on from several of them and compared the texts, not the tokens."
    if reading.funnel.searched:
        return "A search by beams goes on from several of them and compares the texts, not the tokens."
    if not reading.settings.draws:
        return "Nothing is drawn: the likeliest that is left is taken."
    return f"The settings reshape the odds or cut the tail; <b>{reading.distribution.left:,}</b> can still be drawn."


def _told(reading: DistributionReading, branch: Branch) -> str:
    """Why this token, in a sentence or two."""
    found, funnel = reading.distribution, reading.funnel
    chosen = next((row for row in found.rows if row.token_id == found.chosen), None)
    if chosen is None:
        return "The settings as they are now leave no token to choose."
    name, before, after = _code(chosen.text), escape(percent_text(chosen.before)), escape(percent_text(chosen.after))
    if funnel.forced:
        why = "as you asked" if reading.index < len(reading.settings.forced) else "as the model's own rules demand"
        return f"{name} was forced, {why}, so nothing was drawn. The model alone gave it {before} here."
    if branch.found_by:
        return f"{name} stands in {branch.found_by}. The model alone gave it {before} here.{_apart(reading)}"
    if funnel.searched:
        return (
            f"Under the settings as they are now a beam search would compare whole beginnings, and no token is chosen "
            f"alone. {name}, which stands in the text, has {before} here."
        )
    if funnel.supposed:
        words = _supposed(reading, chosen)
    elif not reading.settings.draws and chosen is found.rows[0]:
        return f"{name} had {before}, more than any other token: greedy always takes the likeliest."
    else:
        words = f"{name} had {before} before the settings and {after} after them."
    return words + _favourite(reading, chosen)


def _supposed(reading: DistributionReading, chosen: DistributionRow) -> str:
    """Which token these settings would choose in place of the one that others chose."""
    name, before, after = _code(chosen.text), escape(percent_text(chosen.before)), escape(percent_text(chosen.after))
    if reading.funnel.undrawn:
        return (
            f"{name} stands in the text, and no random number was drawn for it. Under the settings as they are now one "
            f"would be, and {reading.distribution.left:,} tokens could come: this one with {after}, against {before} "
            "from the model."
        )
    if chosen.token_id == reading.step.token_id:
        return (
            "Under the settings as they are now the same token would be chosen: "
            f"{name} has {before} from the model, {after} with them."
        )
    rows = reading.funnel.rows
    stands = next((row.text for row in rows if row.token_id == reading.step.token_id), reading.step.shown)
    return (
        f"Under the settings as they are now {name} would be chosen: {before} from the model, {after} with them. In "
        f"the text stands {_code(stands)}, written under other settings; press <b>Generate again</b> to use these."
    )


def _favourite(reading: DistributionReading, chosen: DistributionRow) -> str:
    """What became of the model's own favourite, where that is another token."""
    best, verb = reading.distribution.rows[0], "is" if reading.funnel.supposed else "was"
    if chosen is best or reading.funnel.undrawn:
        return ""
    if best.cut_by:
        return f" The favourite, {_code(best.text)}, {verb} cut."
    falls = f" The favourite {verb} {_code(best.text)}; the draw falls elsewhere."
    return falls if reading.settings.draws else ""


def _apart(reading: DistributionReading) -> str:
    """What the settings as they are now would do where a beam search found the text; '' where they search, too."""
    if reading.apart is None:
        return ""
    settings, found = reading.apart
    own = next(row for row in found.rows if row.token_id == reading.step.token_id)
    best = max(found.rows, key=lambda row: row.after)
    if not found.left:
        here = "Here they would leave no token to choose."
    elif not settings.draws:
        here = f"Here they would take {'it, too' if best is own else _code(best.text)}."
    else:
        odds = f"with {escape(percent_text(own.after))} for this one" if own.after else "not this one"
        here = f"Here they would draw from {found.left:,}, {odds}."
    return f"<br><br>Apart from that: the settings as they are now choose one token at a time. {here}"


def _code(text: str) -> str:
    return f"<code>{escape(set_off(text))}</code>"
