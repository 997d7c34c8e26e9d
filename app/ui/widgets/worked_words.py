"""Perplexity by hand in words: numbers as they are typed, and steps that a calculator confirms. Knows no Qt."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_UP, Context, Decimal, localcontext
from math import isfinite, isinf

from app.engine.evaluate.records import WorkedExample, WorkedToken
from app.ui.widgets.number_text import MINUS
from app.ui.widgets.token_text import visible_token

PERPLEXITY = "perplexity"
MOST_NUMBERS = 100
_EXACT = 60
"""Digits that are calculated with; what is shown is rounded from them."""
_RESULT = 5
"""Figures of a perplexity: 2.1486."""
_FEWEST, _MOST = 4, 16
_SMALL, _LARGE = Decimal("1e-4"), Decimal("1e7")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d{1,3})?", re.IGNORECASE)
_POWER = re.compile(r"\^\{(.*?)\}")


class BadNumbersError(ValueError):
    """What was typed cannot be worked with; its text is a sentence for the person."""


@dataclass(frozen=True)
class Step:
    """One line of the calculation. `left` and `right` are marked up: "^{2}" is a power."""

    caption: str
    left: str
    right: str
    final: bool = False

    def html(self) -> str:
        """With real superscripts; it may break before a sign."""
        right = f"<b>{_raised(self.right)}</b>" if self.final else _raised(self.right)
        left = _raised(self.left).replace("× ", "×&nbsp;").replace("+ ", "+&nbsp;")
        return f"{left} =&nbsp;{right}" if self.left else right

    def plain(self) -> str:
        """As text: powers with "^"."""
        words = f"{self.left} = {self.right}" if self.left else self.right
        return _POWER.sub(lambda found: f"^({found[1]})" if "/" in found[1] else f"^{found[1]}", words)


@dataclass(frozen=True)
class Worked:
    """A worked example as it is shown: every line follows from the numbers in the line before."""

    numbers: tuple[str, ...]
    """Each probability, marked up."""
    steps: tuple[Step, ...]
    """Product, geometric mean, perplexity."""
    log_steps: tuple[Step, ...]
    """The same through logarithms: sum of −ln p, their mean, perplexity."""


def parse_numbers(text: str) -> tuple[float, ...]:
    """Probabilities between commas, spaces or semicolons: "0.4, 1/4 40%". Raises BadNumbersError."""
    tidy = re.sub(r"\s*/\s*", "/", text.replace(MINUS, "-"))
    tidy = re.sub(r"\s+%", "%", tidy)
    if ";" in tidy and "." not in tidy:
        # "0,4; 0,27": between semicolons a comma is the decimal sign.
        tidy = re.sub(r"(?<=\d),(?=\d)", ".", tidy)
    words = re.split(r"[,;\s]+", tidy.strip(" \t,;"))
    if words == [""]:
        raise BadNumbersError("Type at least one probability, such as 0.4.")
    if len(words) > MOST_NUMBERS:
        raise BadNumbersError(f"These are {len(words)} numbers; at most {MOST_NUMBERS} are worked.")
    hint = " Write decimals with a point: 0.4." if "," in text and "." not in text else ""
    return tuple(_parse_one(word, hint) for word in words)


def _parse_one(word: str, hint: str) -> float:
    shown = word.replace("-", MINUS)
    top, _, bottom = word.removesuffix("%").partition("/")
    parts = [top, bottom] if "/" in word else [top]
    if not all(_NUMBER.fullmatch(part) for part in parts):
        raise BadNumbersError(f"“{shown}” is not a number.{hint}")
    values = [float(part) for part in parts]
    if len(values) == 2 and values[1] == 0:
        raise BadNumbersError(f"“{shown}” divides by zero.")
    value = (values[0] / values[1] if len(values) == 2 else values[0]) / (100.0 if word.endswith("%") else 1.0)
    if not (isfinite(value) and 0.0 < value <= 1.0):
        raise BadNumbersError(f"“{shown}” is no probability here: it must be above 0 and at most 1.{hint}")
    return value


def example_of(numbers: Sequence[float]) -> WorkedExample:
    """Typed numbers as an example without words."""
    return WorkedExample(tuple(WorkedToken("", number) for number in numbers))


def work(example: WorkedExample, quantity: str = PERPLEXITY) -> Worked:
    """The steps with as few digits as lead to the example's perplexity, each line worked from the one before.

    `quantity` is what the last line is called where it is no plain perplexity.
    """
    worked = _worked(example)
    steps, logs = (
        tuple(replace(step, caption=quantity) if step.final else step for step in each)
        for each in (worked.steps, worked.log_steps)
    )
    return replace(worked, steps=steps, log_steps=logs)


def _worked(example: WorkedExample) -> Worked:
    if isinf(example.perplexity):
        return _work_impossible(example)
    with localcontext(Context(prec=_EXACT)):
        wanted = _shown(_figures(_true_perplexity(example), _RESULT))
        for digits in range(_FEWEST, _MOST + 1):
            numbers, steps = _steps(example, digits)
            log_steps = _shortest_log_steps(numbers, wanted)
            if steps[-1].right == log_steps[-1].right == wanted:
                break
    return Worked(tuple(_shown(number) for number in numbers), steps, log_steps)


def steps_text(example: WorkedExample, quantity: str = PERPLEXITY, heading: str = "") -> str:
    """Everything as plain text, for a sheet of paper; `heading` says whose numbers they are."""
    worked = work(example, quantity)
    lines = [heading] if heading else []
    if any(token.text for token in example.tokens):
        if example.context:
            lines.append(f"given: {example.context}")
        for token, shown in zip(example.tokens, worked.numbers, strict=True):
            lines.append(f"{visible_token(token.text)}\t{Step('', '', shown).plain()}")
        lines.append("")
    lines += [f"{step.caption}: {step.plain()}" for step in worked.steps]
    lines += ["", "The same through logarithms"]
    lines += [f"{step.caption}: {step.plain()}" for step in worked.log_steps]
    return "\n".join(lines)


def _true_perplexity(example: WorkedExample) -> Decimal:
    logs = [Decimal(token.probability).ln() for token in example.tokens]
    return (-sum(logs, Decimal(0)) / len(logs)).exp()


def _steps(example: WorkedExample, digits: int) -> tuple[list[Decimal], tuple[Step, ...]]:
    """The probabilities as shown, and the steps worked from them."""
    numbers = [_figures(Decimal(token.probability), digits) for token in example.tokens]
    product = Decimal(1)
    for number in numbers:
        product *= number
    product = _figures(product, digits)
    mean = _figures((product.ln() / len(numbers)).exp(), digits)
    perplexity = _figures(1 / mean, _RESULT)
    factors = " × ".join(_shown(number) for number in numbers)
    base = _shown(product)
    return numbers, (
        Step("product", factors if len(numbers) > 1 else "", base),
        Step("geometric mean", f"{f'({base})' if '^' in base else base}^{{1/{len(numbers)}}}", _shown(mean)),
        Step(PERPLEXITY, f"1 / {_shown(mean)}", _shown(perplexity), final=True),
    )


def _shortest_log_steps(numbers: Sequence[Decimal], wanted: str) -> tuple[Step, ...]:
    """With as few decimals as lead to the wanted perplexity, where any do."""
    for decimals in range(_FEWEST, _MOST):
        steps = _log_steps(numbers, decimals)
        if steps[-1].right == wanted:
            return steps
    return _log_steps(numbers, _MOST)


def _log_steps(numbers: Sequence[Decimal], decimals: int) -> tuple[Step, ...]:
    unit = Decimal(1).scaleb(-decimals)
    logs = [(-number.ln()).quantize(unit, ROUND_HALF_UP) for number in numbers]
    total = sum(logs, Decimal(0))
    mean = (total / len(logs)).quantize(unit, ROUND_HALF_UP)
    summands = " + ".join(_shown(log) for log in logs)
    return (
        Step("sum of −ln p", summands if len(logs) > 1 else "", _shown(total)),
        Step("mean of −ln p", f"{_shown(total)} / {len(logs)}", f"{_shown(mean)} nats"),
        Step(PERPLEXITY, f"e^{{{_shown(mean)}}}", _shown(_figures(mean.exp(), _RESULT)), final=True),
    )


def _work_impossible(example: WorkedExample) -> Worked:
    """A token that the model gives nothing: the calculation ends at a division by zero."""
    numbers = tuple(_shown(_figures(Decimal(token.probability), _FEWEST)) for token in example.tokens)
    steps = (
        Step("product", " × ".join(numbers), "0"),
        Step("geometric mean", f"0^{{1/{len(numbers)}}}", "0"),
        Step(PERPLEXITY, "1 / 0", "∞", final=True),
    )
    logs = (Step("sum of −ln p", "−ln 0", "∞"), Step("mean of −ln p", "", "∞"), Step(PERPLEXITY, "", "∞", final=True))
    return Worked(numbers, steps, logs)


def _figures(value: Decimal, digits: int) -> Decimal:
    """Rounded to so many significant figures, as calculators do."""
    return Context(prec=digits, rounding=ROUND_HALF_UP).plus(value)


def _shown(value: Decimal) -> str:
    """A number as it is read, marked up: "12,346", "0.046926", "3.2·10^{−7}"."""
    if value == 0 or _SMALL <= abs(value) < _LARGE:
        plain = f"{value:,f}"
        return (plain.rstrip("0").rstrip(".") if "." in plain else plain).replace("-", MINUS)
    exponent = value.adjusted()
    mantissa = _shown(value.scaleb(-exponent))
    return f"{mantissa}·10^{{{str(exponent).replace('-', MINUS)}}}"


def _raised(words: str) -> str:
    return _POWER.sub(r"<sup>\1</sup>", words)
