"""What every measurement shares: sides measured in turn, ratios pair by pair, rows of the table."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
HEADER = ("what", "measured", "alternative", "ratio", "budget", "met")


@dataclass(frozen=True)
class Row:
    """One line of the table, as text; `met` is None where a number is only for information."""

    what: str
    measured: str
    alternative: str
    ratio: str
    budget: str
    met: bool | None


@dataclass(frozen=True)
class Budget:
    """A limit on a ratio or a number."""

    limit: float
    at_least: bool = False
    unit: str = ""

    def __str__(self) -> str:
        return f"{'≥' if self.at_least else '≤'} {self.limit:g}{self.unit}"

    def met(self, value: float) -> bool:
        """Whether `value` keeps the budget."""
        return value >= self.limit if self.at_least else value <= self.limit


def seconds(work: Callable[[], object]) -> Callable[[], float]:
    """`work` as a measurement of how long it takes. What it returns is freed after the clock has stopped."""

    def measured() -> float:
        start = time.perf_counter()
        result = work()
        taken = time.perf_counter() - start
        del result
        return taken

    return measured


def in_turn(sides: Mapping[str, Callable[[], float]], repeats: int) -> dict[str, list[float]]:
    """Measure each side `repeats` times, A B then B A and so on, after one round that is not counted.

    A machine that is busy now and then is so for neighbours alike, which is why ratios are taken round by round.
    """
    numbers: dict[str, list[float]] = {name: [] for name in sides}
    for each in range(repeats + 1):
        names = list(sides) if each % 2 else list(reversed(sides))
        for name in names:
            number = sides[name]()
            if each:
                numbers[name].append(number)
    return numbers


def ratios(ours: Sequence[float], theirs: Sequence[float]) -> tuple[float, float, float]:
    """Median, first and third quartile of the ratio, round by round."""
    each = [a / b for a, b in zip(ours, theirs, strict=True)]
    low, _, high = statistics.quantiles(each, n=4) if len(each) > 1 else (each[0],) * 3
    return statistics.median(each), low, high


def compare(
    what: str,
    ours: Sequence[float],
    other: str,
    theirs: Sequence[float],
    budget: Budget | None,
    show: Callable[[float], str],
) -> Row:
    """The row for one side against another: medians, the median ratio and, in brackets, its quartiles."""
    middle, low, high = ratios(ours, theirs)
    return Row(
        what,
        show(statistics.median(ours)),
        f"{other}: {show(statistics.median(theirs))}",
        f"{middle:.3g} ({low:.3g} to {high:.3g})",
        str(budget or "–"),
        budget.met(middle) if budget else None,
    )


def milliseconds(value: float) -> str:
    """ "12.3 ms" of seconds."""
    return f"{value * 1000:,.1f} ms"


def megabytes(value: float) -> str:
    """ "12.3 MB" of bytes."""
    return f"{value / 1e6:,.1f} MB"


def per_second(value: float) -> str:
    """ "310 tokens/s"."""
    return f"{value:,.0f} tokens/s"


def run_child(module: str, *arguments: str, **environment: str) -> Any:
    """Run `python -m tests.bench.<module>` from the checkout and return what its last line says in JSON.

    Raises RuntimeError with what it wrote when it fails.
    """
    done = subprocess.run(
        [sys.executable, "-m", f"tests.bench.{module}", *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"tests.bench.{module} {' '.join(arguments)} failed:\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def hand_over(rows: Sequence[Row]) -> None:
    """Write rows as the last line, for `run_child`."""
    print(json.dumps([asdict(row) for row in rows]))


def table(rows: Sequence[Row]) -> str:
    """The rows as a Markdown table."""
    words = {True: "yes", False: "**no**", None: "–"}
    lines = [HEADER, ("---",) * len(HEADER)]
    lines += [(row.what, row.measured, row.alternative, row.ratio, row.budget, words[row.met]) for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
