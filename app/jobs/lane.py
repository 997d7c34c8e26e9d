"""A lane: the one thread that steps every job of one resource."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from typing import Any

from app.jobs.delivery import Delivery
from app.jobs.job import Job, Priority, Progress, State, Work

BACKGROUND_TURN = 4
"""After this many interactive steps in a row a waiting background job gets one."""


class Lane:
    """Steps jobs one `next` at a time: interactive first, background at least every fifth step.

    One lane owns a model: every forward, backward and weight change of it happens on this thread, so jobs interleave
    step by step without locks. Created, used and closed on the main thread.
    """

    def __init__(self, name: str, delivery: Delivery) -> None:
        self.name = name
        self._delivery = delivery
        self._jobs: dict[Job, int] = {}
        """Every job not yet ended, with its place in the queue; the one being stepped stays in it."""
        self._order = itertools.count()
        self._interactive_in_a_row = 0
        self._condition = threading.Condition()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name=f"lane {name}", daemon=True)
        self._thread.start()

    def submit(
        self,
        name: str,
        start: Callable[[], Work],
        priority: Priority = Priority.INTERACTIVE,
        key: str | None = None,
        quiet: bool = False,
        hold_after: Callable[[Any], bool] | None = None,
        alone: bool = False,
    ) -> Job:
        """Put the generator that `start` makes (on the lane's thread) in the queue. A job with the same `key` is
        cancelled: what a slider or a cursor asks again and again, the latest wins. `hold_after` is asked, on the
        lane's thread, after each value that is no progress: whether to pause there. `alone` keeps the background
        waiting: what the job computes must be of one state of the model.
        """
        job = Job(name, start, priority, key, quiet, self._wake)
        job.hold_after, job.alone = hold_after, alone
        with self._condition:
            for other in self._jobs:
                if key is not None and other.key == key:
                    other.stop_asked = True
            self._jobs[job] = next(self._order)
            self._condition.notify()
        return job

    def jobs(self) -> tuple[Job, ...]:
        """Those not yet ended, in the order they came."""
        with self._condition:
            return tuple(self._jobs)

    def close(self, seconds: float = 5.0) -> bool:
        """Cancel everything, let each generator clean up, and end the thread. False when it did not end in time."""
        with self._condition:
            self._closing = True
            for job in self._jobs:
                job.stop_asked = True
            self._condition.notify()
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _wake(self) -> None:
        with self._condition:
            self._condition.notify()

    def _next(self) -> Job | None:
        """The job whose turn it is; waits for one; None when the lane closes."""
        with self._condition:
            while True:
                for job in self._jobs:
                    if job.pause_asked != (job.told is State.PAUSED):
                        self._tell(job, State.PAUSED if job.pause_asked else State.WAITING)
                ready = [job for job in self._jobs if job.stop_asked or not job.pause_asked]
                if ready:
                    return self._best(ready)
                if self._closing:
                    return None
                self._condition.wait()

    def _best(self, ready: list[Job]) -> Job:
        if stopped := next((job for job in ready if job.stop_asked), None):
            return stopped
        background = [job for job in ready if job.priority is Priority.BACKGROUND]
        interactive = [job for job in ready if job.priority is Priority.INTERACTIVE]
        turn = (
            background and self._interactive_in_a_row >= BACKGROUND_TURN and not any(job.alone for job in interactive)
        )
        if interactive and not turn:
            self._interactive_in_a_row += 1
            return min(interactive, key=self._jobs.__getitem__)
        self._interactive_in_a_row = 0
        return min(background, key=self._jobs.__getitem__)

    def _tell(self, job: Job, state: State) -> None:
        if job.told is not state:
            job.told = state
            self._delivery.post(job, "state", state)

    def _run(self) -> None:
        while (job := self._next()) is not None:
            more = self._step(job)
            with self._condition:
                if more:
                    # Behind its equals: jobs of one priority take turns.
                    self._jobs[job] = next(self._order)
                else:
                    del self._jobs[job]
            # The board keeps an ended job a while; were this the last reference, it would be destroyed on this thread.
            del job

    def _step(self, job: Job) -> bool:
        """One step; True while the job has more to do."""
        try:
            if job.stop_asked:
                job.close()
                self._delivery.post(job, "cancelled", None)
                return False
            self._tell(job, State.RUNNING)
            value = job.step()
        except StopIteration as stop:
            self._delivery.post(job, "finished", stop.value)
        except BaseException as error:  # noqa: BLE001 - whatever a generator raises becomes the job's failure
            self._delivery.post(job, "failed", error)
        else:
            progressed = isinstance(value, Progress)
            # Before the value is on its way: who receives it finds the job held.
            if not progressed and job.hold_after is not None and job.hold_after(value):
                job.held = job.pause_asked = True
            self._delivery.post(job, "progressed" if progressed else "stepped", value)
            return True
        return False
