"""All lanes and all jobs: what is running, what has ended, and the one funnel for errors."""

from __future__ import annotations

import logging
import sys
import threading
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Any

from PySide6.QtCore import QObject, Signal, Slot

from app.jobs.delivery import Delivery
from app.jobs.job import Job, Priority, State, Work
from app.jobs.lane import Lane

HISTORY = 100
KEPT = 64
"""Ended jobs are kept until so many more have ended: by then their lane has let go of them, and Qt's objects die on the
thread they were made on."""


class Board(QObject):
    """Opens lanes, starts jobs on them, keeps the list of those running and those that ended."""

    changed = Signal()
    """The list or a job in it moved."""
    defect = Signal(object)
    """An exception that nobody expected, with its traceback."""

    def __init__(self) -> None:
        super().__init__()
        self.delivery = Delivery(self.report)
        self.history: deque[Job] = deque(maxlen=HISTORY)
        self._running: list[Job] = []
        self._ended: deque[Job] = deque(maxlen=KEPT)
        self._lanes: dict[str, Lane] = {}
        self._closed = False

    def lane(self, name: str) -> Lane:
        """The lane of that name, opened on first use."""
        if name not in self._lanes:
            self._lanes[name] = Lane(name, self.delivery)
        return self._lanes[name]

    def start(
        self,
        lane: str,
        name: str,
        work: Callable[[], Work],
        priority: Priority = Priority.INTERACTIVE,
        key: str | None = None,
        quiet: bool = False,
        hold_after: Callable[[Any], bool] | None = None,
        alone: bool = False,
    ) -> Job:
        """Start a job; see `Lane.submit`."""
        if self._closed:
            late = Job(name, work, priority, key, quiet, lambda: None)
            late.stop_asked, late.state = True, State.CANCELLED
            return late
        job = self.lane(lane).submit(name, work, priority, key, quiet, hold_after, alone)
        self._running.append(job)
        job.changed.connect(self._job_changed)
        self.changed.emit()
        return job

    def running(self) -> tuple[Job, ...]:
        """Jobs that have not ended, oldest first."""
        return tuple(self._running)

    @property
    def idle(self) -> bool:
        """Whether nothing runs or waits."""
        return not self._running

    def close(self) -> None:
        """End every lane, waiting a bounded time for generators to clean up. Whatever is started from now on, by an end
        that is still delivered or by a timer, is cancelled before it begins."""
        self._closed = True
        for lane in self._lanes.values():
            lane.close()
        self.delivery.deliver()
        self._lanes.clear()

    @Slot()
    def _job_changed(self) -> None:
        for job in [job for job in self._running if job.state.ended]:
            self._running.remove(job)
            self._ended.append(job)
            if not job.quiet:
                self.history.append(job)
        self.changed.emit()

    def report(self, error: BaseException) -> None:
        """The one funnel: log it, then let the window show it."""
        logging.getLogger("unembed").error("unexpected error", exc_info=error)
        self.defect.emit(error)

    def catch_everything(self) -> None:
        """Send what nobody catches, on any thread, through `report` instead of ending the program."""

        def hook(_kind: type[BaseException], error: BaseException, _trace: TracebackType | None) -> None:
            if isinstance(error, KeyboardInterrupt):
                sys.__excepthook__(_kind, error, _trace)
            else:
                self.report(error)

        def thread_hook(arguments: threading.ExceptHookArgs) -> None:
            if arguments.exc_value is not None:
                self.report(arguments.exc_value)

        sys.excepthook = hook
        threading.excepthook = thread_hook
