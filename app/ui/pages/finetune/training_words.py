"""The figures of a run and its curves, from its log."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from app.engine.evaluate.records import Curve
from app.engine.finetune.records import HeldOutReport
from app.ui.pages.finetune.readout_row import Readout
from app.ui.pages.finetune.run_words import (
    UNKNOWN,
    loss_text,
    perplexity_ticks,
    perplexity_words,
    speed_text,
    time_text,
)
from app.ui.pages.finetune.training_log import TrainingLog, kept_of
from app.ui.widgets.chart_axes import RightAxis
from app.ui.widgets.chart_lines import LineStyle

LOSS, GRADIENT, RATE, SPEED = range(4)
VIEWS = ("Loss", "Gradient", "Rate", "Tokens/s")
LABELS = ("loss", "gradient norm", "learning rate", "tokens per second")
_COLUMNS = ("loss", "gradient", "rate", "speed")
PERPLEXITY = RightAxis("perplexity", perplexity_ticks)
_RAW = LineStyle("line2", width=0.8, named=False)
_SMOOTH = LineStyle("accent", named=False)
_HELD_OUT = LineStyle("ink", width=1.8, dash=(3.0, 1.7), circles=True, named=False)
_SMOOTHED = "smoothed"


def readouts(log: TrainingLog, ended: bool, took: float | None) -> list[Readout]:
    """What the run has come to. Once it has ended, its mean speed and what it took; `took` where that is known."""
    first, last = (log.held_out[0], log.held_out[-1]) if log.held_out else (None, None)
    pace, tokens = log.pace(whole=ended)
    speed, unit = speed_text(pace)
    if ended:
        time, tip = time_text(log.spent() if took is None else took) if log.count else (UNKNOWN, ""), ""
    else:
        left = log.steps - log.last_step
        time, tip = time_text(left * pace), f"For {left:,} steps at the speed of the last ones" if log.count else ""
    return [
        _training_loss(log),
        Readout("Held-out loss", loss_text(last.loss if last else None), tip=_held_out_tip(log, last)),
        Readout(
            "Held-out perplexity",
            perplexity_words(last.loss) if last else UNKNOWN,
            f"was {perplexity_words(first.loss)}" if first and last and last is not first else "",
            "e to the held-out loss: among how many equally likely tokens the model seems to choose",
        ),
        Readout("Speed", speed, unit, f"{tokens:,.0f} trained tokens a second" if np.isfinite(tokens) else ""),
        Readout("Took" if ended else "Time left", *time, tip),
    ]


def in_short(log: TrainingLog) -> list[str]:
    """The losses in as few words as there are."""
    held_out = [f"held out {loss_text(log.held_out[-1].loss)}"] if log.held_out else []
    return [f"loss {loss_text(float(log.smoothed('loss')[-1]))}", *held_out]


def _training_loss(log: TrainingLog) -> Readout:
    if not log.count:
        return Readout("Training loss", UNKNOWN)
    alone = loss_text(float(log.column("loss")[-1]))
    span = round(1.0 / (1.0 - kept_of(max(log.steps, log.count))))
    over = f"smoothed over about {span} steps" if span > 1 else "of the last step"
    tip = f"Nats per trained token, {over}; step {log.last_step:,} alone: {alone}"
    unit = "smoothed" if span > 1 else ""
    return Readout("Training loss", loss_text(float(log.smoothed("loss")[-1])), unit, tip)


def _held_out_tip(log: TrainingLog, last: HeldOutReport | None) -> str:
    best = log.best()
    if last is None or best is None:
        return ""
    where = f"Nats per token over {last.tokens:,} tokens that are not trained on, at step {last.step:,}."
    return f"{where} Best: {loss_text(best.loss)} at step {best.step:,}."


def curves(log: TrainingLog, view: int) -> tuple[list[Curve], list[LineStyle]]:
    """What a view shows: every step thin, smoothed thick, and of the loss the held-out examples."""
    steps, label, column = log.column("step"), LABELS[view], _COLUMNS[view]
    values = log.column(column)
    if view == RATE:
        return [Curve(steps, values, label)], [_SMOOTH]
    name = "training" if view == LOSS else label
    shown, styles = [Curve(steps, values, name), Curve(steps, log.smoothed(column), _SMOOTHED)], [_RAW, _SMOOTH]
    if view == LOSS and log.held_out:
        at = np.array([each.step for each in log.held_out], dtype=np.float64)
        shown.append(Curve(at, np.array([each.loss for each in log.held_out]), "held out"))
        styles.append(_HELD_OUT)
    return shown, styles


def legend(view: int) -> Sequence[tuple[str, LineStyle]]:
    """The lines of a view in words."""
    if view == LOSS:
        return ("training", _SMOOTH), ("held out", _HELD_OUT)
    return () if view == RATE else (("each step", _RAW), (_SMOOTHED, _SMOOTH))
