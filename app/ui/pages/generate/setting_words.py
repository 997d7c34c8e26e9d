"""What the settings panel says about a setting: what it does, its range, what off is, and why it is idle."""

from __future__ import annotations

from dataclasses import fields

from app.engine.decode.settings import BEAMS, DRAWING, DecodingSettings, Knob

USED_BY_FILLING = ("temperature", "top_k", "top_p", "min_p", "typical_p", "repetition_penalty", "seed")
ACTING_WHEN_COLD = ("temperature", "num_beams", "length_penalty", "num_sequences", "drawn")
"""Of what greedy search does not read: what still acts at temperature 0."""
METHOD_TIPS = (
    "Greedy: takes the likeliest token every time. The same text at every run.",
    "Sample: draws each token by its odds, after the settings below have reshaped them.",
    "Beam: keeps several beginnings side by side, and hands back the texts that are likeliest as a whole.",
)
DRAWN_TIP = "Beam sampling: the candidates of every step are drawn by their odds, not the best taken\nOff at first."
SEED_TIP = "Starts the random numbers: the same seed, settings and prompt give the same text"
DRAWN_SEED_TIP = (
    "A text that stands beside another takes that one's seed after a setting was changed, so that what differs comes "
    "from the change; where nothing was changed, a new one is drawn."
)
STOP_TIP = (
    "Writing ends before any of these texts. Several are separated by |; a line break is written \\n, a tab \\t, a bar "
    "that belongs to the text \\|, a backslash \\\\\nEmpty is none."
)
_IDLE = {
    "greedy": "Greedy always takes the likeliest token, so this changes nothing",
    "sample": "Only a beam search reads this",
    "beam": "Beam search keeps the likeliest beginnings and draws nothing, so this changes nothing",
    "beam_sample": "Beam sampling does not read this",
}
_OFF_WORDS = {"num_beams": "1 is greedy search.", "num_sequences": "1 is a single text.", "ignore_eos": "Off at first."}


def knob_of(name: str) -> Knob:
    """What the engine says about a setting."""
    return next(field.metadata["knob"] for field in fields(DecodingSettings) if field.name == name)


def tip_of(name: str) -> str:
    """What turning it does; then its range, and at which value it is off."""
    knob = knob_of(name)
    facts = _OFF_WORDS.get(name) or (f"Off at {_plain(knob.off)}." if knob.off is not None else "")
    return "\n".join(part for part in (knob.help, f"{range_words(knob)} {facts}".strip()) if part)


def range_words(knob: Knob) -> str:
    """ "From 0 to 100, on the slider 0 to 2."; '' for what is no number."""
    if knob.minimum is None or knob.slider is None:
        return ""
    low, high = knob.slider
    words = f"From {_plain(knob.minimum)} {'up' if knob.maximum is None else f'to {_plain(knob.maximum)}'}"
    whole = (low, high) == (knob.minimum, knob.maximum)
    return f"{words}." if whole else f"{words}, on the slider {_plain(low)} to {_plain(high)}."


def _plain(value: float) -> str:
    return f"{value:,.12g}".replace("-", "−")


def idle_words(name: str, settings: DecodingSettings, filling: bool) -> str:
    """Why a setting does nothing as things stand, '' where it acts; "drawn" is that the beams are drawn."""
    methods = BEAMS if name == "drawn" else knob_of(name).methods
    cold = settings.method in DRAWING and not settings.draws
    reasons = (
        (filling and name not in USED_BY_FILLING, "Filling gaps does not use this"),
        (settings.method not in methods, _IDLE[settings.method]),
        (
            cold and name == "num_sequences" and settings.method == "sample",
            "At temperature 0 every text would be the same, so one is written",
        ),
        (
            cold and "greedy" not in methods and name not in ACTING_WHEN_COLD,
            "At temperature 0 the likeliest token is always taken, so this changes nothing",
        ),
        (
            name == "min_new_tokens" and settings.ignore_eos,
            f"“{knob_of('ignore_eos').label}” is on, so no text ends early",
        ),
    )
    return next((words for holds, words in reasons if holds), "")
