"""Slow motion and single steps: a run that waits after each token."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QObject, QTimer, Slot

from app.engine.decode.records import BeamTree
from app.jobs.job import Job
from app.session.generated import GeneratedToken

_NO_ROW = 1 << 30


class Pacing(QObject):
    """Holds the job it is given after each token, and lets it go on when the next is due."""

    def __init__(self) -> None:
        super().__init__()
        self.per_second = 0.0
        """Tokens a second in slow motion, 0 for as fast as it goes."""
        self.holding = False
        """Slow motion, not the person, holds the run."""
        self._single = False
        self._row = _NO_ROW
        """Of several texts the one whose token came last; asked and set on the lane."""
        self._job: Job | None = None
        self._beat = QTimer(self)
        self._beat.setSingleShot(True)
        self._beat.timeout.connect(self._next_beat)

    def follow(self, job: Job | None) -> None:
        """Pace this job; None when it has ended."""
        self._job, self._single, self.holding, self._row = job, False, False, _NO_ROW
        self._beat.stop()

    def one_step(self) -> None:
        """Let a paused job write one token more."""
        if self._job is not None and self._job.pause_asked:
            self._single = True
            self._job.pause(False)

    def taken_over(self) -> None:
        """The person pauses or goes on: slow motion lets go."""
        self._beat.stop()
        self.holding = False

    def came(self) -> bool:
        """A token was delivered; True when the run waits now because one step was wanted."""
        if self._job is None or not self._job.pause_asked:
            return False
        if self._single:
            self._single = False
            # The person paused before the step and did not go on.
            self._job.held = False
            return True
        if self.per_second > 0 and not self._beat.isActive():
            self.holding = True
            self._beat.start(round(1000 / self.per_second))
        return False

    def holds_after(self, value: Any) -> bool:
        """Whether the run waits after this value; asked on the lane. Several texts go on together: it waits after the
        first token of each step."""
        token = value
        if isinstance(value, tuple) and value and isinstance(value[0], int):
            before, (self._row, token) = self._row, value
            if self._row > before:
                return False
        return (self._single or self.per_second > 0) and isinstance(token, GeneratedToken | BeamTree)

    @Slot()
    def _next_beat(self) -> None:
        if self.holding and self._job is not None:
            self.holding = False
            if self._job.held:
                self._job.pause(False)
