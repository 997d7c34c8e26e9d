"""One piece of background work, as the window sees it."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from enum import Enum
from typing import Any

from PySide6.QtCore import QObject, Signal

Work = Generator[Any, None, Any]


class Priority(Enum):
    """Interactive work goes first; background work is guaranteed a turn."""

    INTERACTIVE = 0
    BACKGROUND = 1


class State(Enum):
    """Where a job stands. The last three are ends."""

    WAITING = "waiting"
    RUNNING = "running"
    PAUSED = "paused"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        """Whether nothing more will come."""
        return self in (State.DONE, State.FAILED, State.CANCELLED)


@dataclass(frozen=True)
class Progress:
    """Something a generator may yield to say how far it is. Everything else it yields is a result."""

    done: float
    """Share done, 0 to 1."""
    text: str = ""
    before: float = 0.0
    """The share that was done before this job began, where several jobs are one piece of work."""
    seconds_left: float | None = None
    """Where the work knows better than the share done tells."""


class Job(QObject):
    """A generator on a lane, and its signals on the main thread.

    Each value that the generator yields arrives as `progressed` when it is a `Progress`, else as `stepped`. Exactly one
    of `finished(value returned)`, `failed(exception)` and `cancelled()` ends it; after `cancel()` nothing but
    `cancelled` arrives.
    """

    stepped = Signal(object)
    progressed = Signal(object)
    finished = Signal(object)
    failed = Signal(object)
    cancelled = Signal()
    changed = Signal()
    """State or progress moved: for the job strip."""

    def __init__(
        self,
        name: str,
        start: Callable[[], Work],
        priority: Priority,
        key: str | None,
        quiet: bool,
        wake: Callable[[], None],
    ) -> None:
        super().__init__()
        self.name = name
        self.priority = priority
        self.key = key
        self.quiet = quiet
        """A job that answers a hover or a slider: the strip does not name it."""
        self.state = State.WAITING
        self.progress: Progress | None = None
        self.error: BaseException | None = None
        self.stop_asked = False
        self.pause_asked = False
        self.held = False
        """What `hold_after` answered holds it, not a person."""
        self.alone = False
        """No job in the background gets a turn while this one can go on."""
        self.hold_after: Callable[[Any], bool] | None = None
        """Asked by the lane after each value that is no progress: whether to pause there."""
        self.told = State.WAITING
        """The state last reported by the lane; only the lane's thread reads and writes it."""
        self._start: Callable[[], Work] | None = start
        self._wake = wake
        self._work: Work | None = None
        self._began: float | None = None
        self.ended_at: float | None = None
        """When it ended, in seconds since the epoch."""
        self.took: float | None = None
        """Seconds from its first step to its end; None when it never began."""

    def step(self) -> Any:
        """One `next` of the generator, on the lane's thread. Raises StopIteration with the result at its end."""
        if self._work is None:
            assert self._start is not None, "a job that has ended is not stepped"
            self._work = self._start()
            self._began = time.monotonic()
        return next(self._work)

    def close(self) -> None:
        """Let the generator's `finally` run, on the lane's thread."""
        if self._work is not None:
            self._work.close()
        self._work = None

    @property
    def seconds_left(self) -> float | None:
        """What the work says, else from the share done so far; None while nothing can be said."""
        if self.progress is not None and self.progress.seconds_left is not None:
            return self.progress.seconds_left
        if self._began is None or self.progress is None or not 0 < self.progress.done < 1:
            return None
        own = self.progress.done - self.progress.before
        return (time.monotonic() - self._began) * (1 - self.progress.done) / own if own > 0 else None

    def cancel(self) -> None:
        """Stop before the next step. From the main thread; `cancelled` follows when the generator has cleaned up."""
        if not self.state.ended:
            self.stop_asked = True
            self._wake()

    def pause(self, paused: bool = True) -> None:
        """Let no further step begin until `pause(False)`."""
        self.held = False
        if not self.state.ended and self.pause_asked != paused:
            self.pause_asked = paused
            self._wake()

    def tell(self, progress: Progress) -> None:
        """Say how far it is, where that follows from a result that came: the two are never of different moments."""
        self.deliver("progressed", progress)

    def deliver(self, kind: str, value: Any) -> None:
        """Emit what the lane reports, on the main thread."""
        if self.state.ended or (self.stop_asked and kind in ("stepped", "progressed")):
            return
        if kind == "state":
            self.state = value
        elif kind == "progressed":
            self.progress = value
            self.progressed.emit(value)
        elif kind == "stepped":
            self.stepped.emit(value)
            return
        else:
            self._end(kind, value)
        self.changed.emit()

    def _end(self, kind: str, value: Any) -> None:
        # What the work held, models and traces, must not live as long as the list of jobs that ended.
        self._start = self._work = None
        self.ended_at = time.time()
        self.took = time.monotonic() - self._began if self._began is not None else None
        if kind == "cancelled" or self.stop_asked:
            self.state = State.CANCELLED
            self.cancelled.emit()
        elif kind == "failed":
            self.state, self.error = State.FAILED, value
            self.failed.emit(value)
        else:
            self.state = State.DONE
            self.finished.emit(value)
