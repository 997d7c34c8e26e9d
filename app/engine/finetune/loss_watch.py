"""Whether a run goes wrong: a learning rate that is too large lets the loss jump, and it does not come down again."""

from __future__ import annotations

from collections.abc import Iterable

from app.engine.finetune.records import HeldOutReport, Report, StepReport

_TIMES, _ABOVE = 1.5, 1.0
"""Far is more than so many times the start, and so many nats."""
LONG = 10
"""Steps after which a loss that was far every time will not come back."""


class LossWatch:
    """Is told every loss. A jump that passes is none of its business."""

    def __init__(self) -> None:
        self.start = 0.0
        """The loss before the first step: of its batch or of what is held out, whichever is larger."""
        self.far = 0
        """For how many steps the loss has been far above it."""
        self.sound = 0
        """After so many steps the loss was last not far."""
        self._steps = 0

    @classmethod
    def after(cls, reports: Iterable[Report]) -> LossWatch:
        """As it stood after these."""
        made = cls()
        for report in reports:
            if isinstance(report, HeldOutReport):
                made.held_out(report.loss)
            elif isinstance(report, StepReport):
                made.diverged(report.step, report.loss)
        return made

    def held_out(self, loss: float) -> None:
        """The loss on what is held out; the one before the first step counts."""
        if not self._steps:
            self.start = max(self.start, loss)

    def diverged(self, step: int, loss: float) -> bool:
        """Whether the run is lost, from the loss of step `step`, which the weights after the step before gave."""
        if not self._steps:
            self.start = max(self.start, loss)
        self._steps += 1
        if loss > _TIMES * self.start + _ABOVE:
            self.far += 1
        else:
            self.far, self.sound = 0, step - 1
        return self.far >= LONG
