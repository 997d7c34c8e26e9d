"""What the Explain panel says on this page."""

from __future__ import annotations

from dataclasses import replace
from html import escape

from app.engine.decode.records import Distribution
from app.engine.decode.settings import BEAMS as SEARCHES
from app.engine.decode.settings import DecodingSettings
from app.engine.models.records import ModelSummary
from app.ui.explanation import Explanation

INTRODUCTION = Explanation(
    title="Choosing the next token",
    looking_at="The model gives every token of its vocabulary a probability. One is chosen, written down, and the "
    "model is asked again.",
    plain="The darker a token and the longer the line under it, the more likely the model held it. Prompt tokens are "
    "only outlined: they were given, not chosen.",
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


def explain_choice(
    summary: ModelSummary,
    distribution: Distribution,
    settings: DecodingSettings,
    place: int,
    stands: str,
    found_by: str = "",
    under_others: bool = False,
    trained: int | None = None,
) -> Explanation:
    """How the token at `place` was chosen, or would be where it was written `under_others` than these settings.

    `stands` is the token in the text. `found_by` is what chose it where that was no run of its own, a row of a beam
    search; `trained` after how many steps the model was, where it was being trained.
    """
    greedy, beams = not settings.draws, bool(found_by) or settings.method in SEARCHES
    formula = "argmax( <i>z</i> )" if greedy else f"<i>p</i> = softmax( <i>z</i> ⁄ {settings.temperature:g} )"
    cuts = [f"top-k keeps {settings.top_k}"] if settings.top_k and not greedy else []
    if settings.top_p < 1 and not greedy:
        cuts.append(f"top-p keeps the fewest tokens that reach {settings.top_p:g} together")
    words = _told(distribution, settings, stands, found_by, under_others)
    if trained is not None:
        words += f" The model was being trained: these are its weights after step {trained:,}."
    return Explanation(
        title="How a token would be chosen" if under_others and not beams else "How a token was chosen",
        subtitle=f"Token #{place}, counted from 0",
        looking_at=f"The model scores all <b>{summary.vocabulary:,}</b> tokens. "
        + (
            "A search by beams goes on from several of them and compares the texts, not the tokens."
            if beams
            else "Nothing is drawn: the likeliest that is left is taken."
            if greedy
            else f"The settings reshape the odds or cut the tail; <b>{distribution.left:,}</b> can still be drawn."
        ),
        formula_html="" if beams else formula,
        formula_note="" if beams else "; ".join(cuts).capitalize(),
        plain=words,
        try_this="Move a slider: the bars show at once how this choice would look, and the next token obeys it.",
    )


def _told(
    distribution: Distribution, settings: DecodingSettings, stands: str, found_by: str, under_others: bool
) -> str:
    """Why this token, in a sentence or two."""
    best = distribution.rows[0]
    chosen = next((row for row in distribution.rows if row.token_id == distribution.chosen), None)
    if chosen is None:
        return "The settings as they are now leave no token to choose."
    name = f"<code>{escape(chosen.text.strip() or repr(chosen.text)[1:-1])}</code>"
    before, after = f"{chosen.before * 100:.1f}%", f"{chosen.after * 100:.1f}%"
    if found_by:
        return f"{name} was chosen by {found_by}: the model alone gave it {before} here."
    if settings.method in SEARCHES:
        return f"{name} has {before} here. A beam search compares whole beginnings and chooses no token alone."
    likeliest = chosen.token_id == best.token_id
    if not settings.draws and likeliest and not under_others:
        return f"{name} had {before}, more than any other token: greedy always takes the likeliest."
    if under_others:
        words = (
            f"Under the settings as they are now, {name} would be chosen: {before} from the model, {after} with them. "
            f"In the text stands <code>{escape(stands)}</code>, written under other settings; press "
            "<b>Generate again</b> to use these."
        )
    else:
        words = f"{name} had {before} before the settings and {after} after them."
    if likeliest or not settings.draws:
        return words
    favourite = f"<code>{escape(best.text.strip())}</code>"
    return f"{words} The favourite {'is' if under_others else 'was'} {favourite}; the draw falls elsewhere."
