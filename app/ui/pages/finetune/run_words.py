"""How losses, times, speeds and the end of a run are told in words."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from math import exp, inf, isfinite, isnan, log, nan

from app.engine.errors import DivergedError
from app.engine.finetune.records import RunEnd, RunEntry
from app.ui.widgets.memory_bar import bytes_text
from app.ui.widgets.number_text import number, short_number

UNKNOWN = "–"
_OVERFLOW = 700.0
"""Losses from here on have no perplexity that a float can hold."""


def loss_text(loss: float | None) -> str:
    """A loss with two decimals; a huge one as a whole number: "43,912"."""
    if loss is None:
        return UNKNOWN
    return f"{loss:,.0f}" if 1000.0 <= loss < inf else number(loss, 2)


def perplexity_text(value: float | None) -> str:
    """A perplexity: "24.5", "1,204"."""
    if value is None or isnan(value):
        return UNKNOWN
    return f"{value:.1f}" if value < 1000 else f"{value:,.0f}" if value < 1e5 else short_number(value)


def perplexity_of(loss: float) -> float:
    """e to a loss in nats."""
    return exp(loss) if loss < _OVERFLOW else nan if isnan(loss) else inf


def perplexity_words(loss: float) -> str:
    """The perplexity of a loss, however large: "24.5", "2.0e434"."""
    return _huge(loss) if _OVERFLOW <= loss < inf else perplexity_text(perplexity_of(loss))


def perplexity_ticks(losses: Sequence[float]) -> list[str]:
    """The perplexities of ticks of losses, with as few decimals as tell them apart."""
    texts: list[str] = []
    for decimals in range(4):
        texts = [_tick(loss, decimals) for loss in losses]
        if len(set(texts)) == len(texts):
            break
    return texts


def _tick(loss: float, decimals: int) -> str:
    """Two figures at least: "4.5", "12", "1,097"."""
    value = perplexity_of(loss)
    if value >= 1e5:
        return perplexity_words(loss)
    return f"{value:,.{max(decimals, 1 if value < 10 else 0)}f}"


def _huge(loss: float) -> str:
    """e to a loss as a float cannot hold it any more."""
    tens = loss / log(10.0)
    figures, power = f"{10.0 ** (tens % 1.0):.1e}".split("e")
    return f"{figures}e{int(tens) + int(power)}"


def speed_text(seconds_a_step: float) -> tuple[str, str]:
    """A speed and its unit: ("1.8", "steps/s"), ("3.4", "s/step")."""
    if not isfinite(seconds_a_step) or seconds_a_step <= 0:
        return UNKNOWN, ""
    if seconds_a_step > 1.0:
        return short_number(seconds_a_step), "s/step"
    a_second = 1.0 / seconds_a_step
    return (f"{a_second:.1f}" if a_second < 99.95 else f"{a_second:,.0f}"), "steps/s"


def time_text(seconds: float) -> tuple[str, str]:
    """A stretch of time and its unit: ("48", "s"), ("1:48", "min"), ("2:05", "h")."""
    if not isfinite(seconds):
        return UNKNOWN, ""
    whole = round(seconds)
    if whole < 60:
        return str(whole), "s"
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02}", "min"
    return f"{whole // 3600:,}:{whole % 3600 // 60:02}", "h"


def when_text(when: float) -> str:
    """Seconds since the epoch as "2026-11-25 21:27" on the person's clock."""
    return datetime.fromtimestamp(when).astimezone().strftime("%Y-%m-%d %H:%M")


def state_text(entry: RunEntry) -> str:
    """ "broken off at step 120 of 500: Resume goes on from step 100", "stopped at step 310 of 500", "done, 6 steps"."""
    if entry.state == "done":
        return f"done, {entry.steps:,} steps"
    at = f"at step {entry.step:,} of {entry.steps:,}"
    if entry.state != "unfinished":
        return f"{entry.state} {at}"
    on = f"Resume goes on from step {entry.checkpoints[-1]:,}" if entry.checkpoints else "there is no checkpoint yet"
    return f"broken off {at}: {on}"


def unended_text(error: BaseException | None, step: int, checkpoints: Sequence[int]) -> str:
    """What is said of a run that left no result: without an error it was thrown away. Which checkpoint of a run that
    diverged is sound is told with the error."""
    if isinstance(error, DivergedError):
        return f"diverged at step {step:,} · the model is as it was"
    what = "thrown away" if error is None else "broken off"
    kept = f", its checkpoint of step {checkpoints[-1]:,} is kept" if checkpoints else ""
    return f"{what} at step {step:,} · the model is as it was{kept}"


def end_text(end: RunEnd) -> str:
    """ "stopped at step 310 of 500 · best held-out loss 1.70 at step 280"."""
    done = end.step >= end.steps and end.reason == "done"
    words = f"done, {end.steps:,} steps" if done else f"{end.reason} at step {end.step:,} of {end.steps:,}"
    parts = [words]
    if end.best_held_out is not None and end.best_step is not None:
        best = f"best held-out loss {loss_text(end.best_held_out)} at step {end.best_step:,}"
        kept = end.result_step == end.best_step != end.step
        parts.append(f"{best}, which is kept" if kept else best)
    if end.peak_bytes:
        parts.append(f"program at most {bytes_text(end.peak_bytes)}")
    return " · ".join(parts)
