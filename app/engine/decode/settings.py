"""How the next token is chosen: every setting with its range, its neutral value and a sentence for people. No torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from numbers import Integral, Real
from types import MappingProxyType
from typing import Any

from app.engine.errors import UserError

METHODS = ("greedy", "sample", "beam", "beam_sample")
DRAWING = ("sample", "beam_sample")
BEAMS = ("beam", "beam_sample")

COLDEST = 1e-6
"""A temperature below this counts as 0: dividing by it would leave float32."""


@dataclass(frozen=True)
class Knob:
    """What a form needs to know about one setting."""

    label: str
    """A word or two for the control."""
    help: str
    """One sentence: what turning it does."""
    minimum: float | None = None
    """Smallest valid value, None without a bound (and for settings that are not numbers)."""
    maximum: float | None = None
    slider: tuple[float, float] | None = None
    """The part of the range worth a slider; values outside it are valid and can be typed."""
    step: float | None = None
    off: Any = None
    """The value at which the setting does nothing, None when it always acts."""
    unit: str = ""
    methods: tuple[str, ...] = METHODS
    """The methods that read it."""


def _number(
    default: Any,
    label: str,
    text: str,
    bounds: tuple[float | None, float | None],
    slider: tuple[float, float],
    step: float,
    **more: Any,
) -> Any:
    knob = Knob(label, text, bounds[0], bounds[1], slider, step, **more)
    return field(default=default, metadata={"knob": knob})


def _other(default: Any, label: str, text: str, **more: Any) -> Any:
    return field(default=default, metadata={"knob": Knob(label, text, **more)})


@dataclass(frozen=True)
class DecodingSettings:
    """Everything that stands between logits and a token. `DecodingSettings()` is neutral: plain sampling.

    `banned` and `forced` are token ids. A banned token is never chosen; `forced[i]` is the new token number i, and
    wins over every ban. `stop` takes one string or several. Raises UserError naming the field, the value and its range.
    """

    method: str = _other("sample", "Method", "How a token is picked from the distribution.")
    temperature: float = _number(
        1.0,
        "Temperature",
        "Divides the logits: below 1 the likely get likelier, above 1 the unlikely get a chance, 0 takes the best.",
        (0, 100),
        (0, 2),
        0.05,
        off=1.0,
        methods=DRAWING,
    )
    top_k: int = _number(
        0,
        "Top-k",
        "Keeps the k likeliest tokens and cuts the rest.",
        (0, None),
        (0, 200),
        1,
        off=0,
        unit="tokens",
        methods=DRAWING,
    )
    top_p: float = _number(
        1.0,
        "Top-p",
        "Keeps the likeliest tokens until their probabilities reach p together.",
        (0, 1),
        (0, 1),
        0.01,
        off=1.0,
        methods=DRAWING,
    )
    min_p: float = _number(
        0.0,
        "Min-p",
        "Cuts tokens less likely than this share of the likeliest one's probability.",
        (0, 1),
        (0, 1),
        0.01,
        off=0.0,
        methods=DRAWING,
    )
    typical_p: float = _number(
        1.0,
        "Typical-p",
        "Keeps the tokens whose surprise is closest to the average, until they reach this probability together.",
        (0, 1),
        (0, 1),
        0.01,
        off=1.0,
        methods=DRAWING,
    )
    repetition_penalty: float = _number(
        1.0,
        "Repetition penalty",
        "Above 1, makes every token that stands in the prompt or the new text less likely.",
        (0.01, 100),
        (0.5, 2),
        0.01,
        off=1.0,
    )
    frequency_penalty: float = _number(
        0.0,
        "Frequency penalty",
        "Taken off a token's logit once for each time the new text holds it.",
        (-100, 100),
        (-2, 2),
        0.05,
        off=0.0,
        unit="logits",
    )
    presence_penalty: float = _number(
        0.0,
        "Presence penalty",
        "Taken off a token's logit once when the new text holds it at all.",
        (-100, 100),
        (-2, 2),
        0.05,
        off=0.0,
        unit="logits",
    )
    no_repeat_ngram: int = _number(
        0,
        "No-repeat n-gram",
        "Forbids any run of this many tokens to stand twice in prompt and new text.",
        (0, None),
        (0, 10),
        1,
        off=0,
        unit="tokens",
    )
    num_beams: int = _number(
        1,
        "Beams",
        "How many beginnings beam search keeps side by side.",
        (1, None),
        (1, 16),
        1,
        off=1,
        unit="beams",
        methods=BEAMS,
    )
    length_penalty: float = _number(
        1.0,
        "Length penalty",
        "Power of the length that divides a beam's score: above 0 favours long texts, below 0 short ones.",
        (-100, 100),
        (-2, 2),
        0.1,
        methods=BEAMS,
    )
    num_sequences: int = _number(
        1,
        "Sequences",
        "How many texts are written side by side; of a beam search, how many of the best beams are handed back.",
        (1, None),
        (1, 16),
        1,
        off=1,
        unit="texts",
        methods=("sample", *BEAMS),
    )
    max_new_tokens: int = _number(
        60,
        "New tokens",
        "The most tokens to write.",
        (1, None),
        (1, 500),
        1,
        unit="tokens",
    )
    min_new_tokens: int = _number(
        0,
        "At least",
        "The model may not end its text before so many new tokens.",
        (0, None),
        (0, 200),
        1,
        off=0,
        unit="tokens",
    )
    ignore_eos: bool = _other(
        False, "Ignore the end", "Writes on where the model would end its text: its end tokens are banned.", off=False
    )
    seed: int | None = _number(
        None,
        "Seed",
        "Starts the random numbers: the same seed writes the same text. Left open, one is drawn and shown; a text that "
        "other settings, another prompt or another model write beside a kept one has the seed of that.",
        (0, 2**63 - 1),
        (0, 2**31 - 1),
        1,
        methods=DRAWING,
    )
    stop: tuple[str, ...] = _other((), "Stop at", "Ends the text before any of these strings.", off=())
    banned: tuple[int, ...] = _other((), "Banned tokens", "Token ids that are never chosen.", off=())
    forced: tuple[int, ...] = _other((), "Forced tokens", "Token ids the new text begins with.", off=())

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise UserError(f"method is {self.method!r}; it must be one of {', '.join(METHODS)}.")
        for item in fields(self):
            knob: Knob = item.metadata["knob"]
            if knob.step is not None:
                object.__setattr__(
                    self, item.name, checked_number(item.name, getattr(self, item.name), item.default, knob)
                )
        if not isinstance(self.ignore_eos, bool):
            raise UserError(f"ignore_eos is {self.ignore_eos!r}; it must be True or False.")
        object.__setattr__(self, "stop", _strings(self.stop))
        object.__setattr__(self, "banned", _ids("banned", self.banned))
        object.__setattr__(self, "forced", _ids("forced", self.forced))

    @property
    def draws(self) -> bool:
        """Whether chance decides: a sampling method at a temperature above 0."""
        return self.method in DRAWING and self.temperature >= COLDEST


def knobs() -> Mapping[str, Knob]:
    """The knob of every setting, by field name, in the order they stand."""
    return MappingProxyType({item.name: item.metadata["knob"] for item in fields(DecodingSettings)})


def _range(knob: Knob) -> str:
    if knob.maximum is None:
        return f"{knob.minimum} or more"
    return f"between {knob.minimum} and {knob.maximum}"


def checked_number(name: str, value: Any, default: Any, knob: Knob) -> float | int | None:
    """The value as a plain float or int, inside its range; None only where None is the default."""
    if value is None and default is None:
        return None
    if isinstance(value, bool) or not isinstance(value, Real):
        raise UserError(f"{name} is {value!r}; it must be a number {_range(knob)}.")
    number = int(value) if isinstance(value, Integral) else float(value)
    low, high = knob.minimum, knob.maximum
    # Written so that NaN, which compares false with everything, is refused too.
    if not ((low is None or number >= low) and (high is None or number <= high)):
        raise UserError(f"{name} is {value}; it must be {_range(knob)}.")
    if isinstance(default, float):
        return float(number)
    if isinstance(number, float) and not number.is_integer():
        raise UserError(f"{name} is {value}; it must be a whole number {_range(knob)}.")
    return int(number)


def _strings(value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        value = (value,)
    strings = _tuple("stop", value, "strings")
    for string in strings:
        if not isinstance(string, str) or not string:
            raise UserError(f"stop holds {string!r}; each stop must be a string of at least one character.")
    return strings


def _ids(name: str, value: Any) -> tuple[int, ...]:
    ids = _tuple(name, value, "token ids")
    for number in ids:
        if isinstance(number, bool) or not isinstance(number, Integral) or number < 0:
            raise UserError(f"{name} holds {number!r}; it must hold token ids, whole numbers of 0 or more.")
    return tuple(int(number) for number in ids)


def _tuple(name: str, value: Any, what: str) -> tuple[Any, ...]:
    try:
        return tuple(value)
    except TypeError:
        raise UserError(f"{name} is {value!r}; it must be a list of {what}.") from None


BALANCED = DecodingSettings(temperature=0.8, top_k=40, top_p=0.9)

PRESETS: Mapping[str, DecodingSettings] = MappingProxyType(
    {
        "Balanced": BALANCED,
        "Neutral": DecodingSettings(),
        "Greedy": DecodingSettings(method="greedy"),
        "Focused": DecodingSettings(temperature=0.4, top_p=0.9),
        "Creative": DecodingSettings(temperature=1.3, min_p=0.05),
        "No repeats": DecodingSettings(temperature=0.8, top_p=0.9, repetition_penalty=1.2, no_repeat_ngram=3),
        "Beam search": DecodingSettings(method="beam", num_beams=4, num_sequences=4, max_new_tokens=24),
        "Diverse": DecodingSettings(temperature=1.0, top_p=0.95, num_sequences=4),
    }
)
