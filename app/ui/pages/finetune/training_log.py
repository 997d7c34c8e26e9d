"""A run's reports in arrays that grow, and their smoothing, so that a new step costs the same after 100,000 others."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite

import numpy as np

from app.engine.finetune.records import CheckpointReport, HeldOutReport, Report, StepReport

MOST_KEPT = 0.9
"""What an average keeps of the one before in a long run."""
_SPANS = 20
"""An average reaches over a twentieth of a run, so that the line of a short one does not lag behind it."""
_COLUMNS = {"step": 0, "loss": 1, "rate": 2, "gradient": 3, "tokens": 4, "seconds": 5}
_FIRST_ROOM = 1024
_LAST_FEW = 20
"""Steps that the speed is told from."""


def kept_of(steps: int) -> float:
    """What an average over a run of so many steps keeps of the one before: 0.9 from 200 steps on, 0 below 40."""
    return min(MOST_KEPT, 1.0 - 1.0 / max(1.0, steps / _SPANS))


class Smoothed:
    """An exponential moving average as TensorBoard draws it: corrected for its start at zero; what is not finite goes
    through and counts for nothing."""

    def __init__(self) -> None:
        self._kept = np.zeros(_FIRST_ROOM)
        self._weight = MOST_KEPT
        self.forget()

    def forget(self) -> None:
        """Begin anew."""
        self._count, self._mean, self._seen = 0, 0.0, 0

    def of(self, values: np.ndarray, weight: float = MOST_KEPT) -> np.ndarray:
        """The average at every value, float64 `[value]`, each keeping `weight` of the one before; only those that came
        since the last call cost anything."""
        if weight != self._weight:
            self._weight = weight
            self.forget()
        self._kept = _roomy(self._kept, len(values))
        for place, value in enumerate(values[self._count :].tolist(), self._count):
            if isfinite(value):
                self._mean = weight * self._mean + (1.0 - weight) * value
                self._seen += 1
                self._kept[place] = self._mean / (1.0 - weight**self._seen)
            else:
                self._kept[place] = value
        self._count = len(values)
        return self._kept[: self._count]


class TrainingLog:
    """Steps, held-out looks and checkpoints of one run. A step that comes again, as after going on from a checkpoint,
    takes away what stood from there on."""

    def __init__(self) -> None:
        self._held = np.zeros((len(_COLUMNS), _FIRST_ROOM))
        self._smoothed = {name: Smoothed() for name in (*_COLUMNS, "speed")}
        self.clear()

    def clear(self) -> None:
        """Forget the run."""
        self.count, self.steps = 0, 0
        self.held_out: list[HeldOutReport] = []
        self.checkpoints: list[CheckpointReport] = []
        for each in self._smoothed.values():
            each.forget()

    def add(self, reports: Sequence[Report]) -> None:
        """Take further reports, in the order in which they came."""
        rows: list[tuple[float, ...]] = []
        before = self.last_step
        for each in reports:
            if isinstance(each, StepReport):
                if each.step <= before:
                    self._append(rows)
                    rows = []
                    self._cut(each.step)
                numbers = (each.step, each.loss, each.learning_rate, each.gradient_norm, each.tokens, each.seconds)
                rows.append(numbers)
                before, self.steps = each.step, each.steps
            elif isinstance(each, HeldOutReport):
                self.held_out = [*(old for old in self.held_out if old.step < each.step), each]
            elif isinstance(each, CheckpointReport):
                self.checkpoints = [*(old for old in self.checkpoints if old.step < each.step), each]
        self._append(rows)

    @property
    def last_step(self) -> int:
        """The newest step; 0 before the first."""
        return int(self.column("step")[-1]) if self.count else 0

    def column(self, name: str) -> np.ndarray:
        """float64 `[step]`: "step", "loss", "rate", "gradient", "tokens", "seconds" or "speed" (tokens a second)."""
        if name != "speed":
            return self._held[_COLUMNS[name], : self.count]
        seconds = self.column("seconds")
        return np.divide(self.column("tokens"), seconds, out=np.full(self.count, np.nan), where=seconds > 0)

    def smoothed(self, name: str) -> np.ndarray:
        """float64 `[step]`: a column's moving average."""
        return self._smoothed[name].of(self.column(name), kept_of(max(self.steps, self.count)))

    def pace(self, whole: bool = False) -> tuple[float, float]:
        """Seconds a step and tokens a second over the last few steps or the whole run; NaN where not known."""
        few = slice(None) if whole else slice(-_LAST_FEW, None)
        seconds, tokens = self.column("seconds")[few], self.column("tokens")[few]
        spent = float(seconds.sum())
        return (spent / len(seconds), float(tokens.sum()) / spent) if spent > 0 else (float("nan"), float("nan"))

    def spent(self) -> float:
        """Seconds of all steps."""
        return float(self.column("seconds").sum())

    def best(self) -> HeldOutReport | None:
        """The look with the lowest held-out loss, the first of several."""
        return min((each for each in self.held_out if isfinite(each.loss)), key=lambda each: each.loss, default=None)

    def _append(self, rows: list[tuple[float, ...]]) -> None:
        if rows:
            self._held = _roomy(self._held, self.count + len(rows))
            self._held[:, self.count : self.count + len(rows)] = np.array(rows, dtype=np.float64).T
            self.count += len(rows)

    def _cut(self, step: int) -> None:
        """Take away this step and all after it."""
        self.count = int(np.searchsorted(self.column("step"), step))
        self.held_out = [each for each in self.held_out if each.step < step]
        self.checkpoints = [each for each in self.checkpoints if each.step < step]
        for each in self._smoothed.values():
            each.forget()


def _roomy(held: np.ndarray, needed: int) -> np.ndarray:
    """The same numbers with room for `needed` along the last axis."""
    if needed <= held.shape[-1]:
        return held
    larger = np.zeros((*held.shape[:-1], max(needed, 2 * held.shape[-1])))
    larger[..., : held.shape[-1]] = held
    return larger
