"""Carrying results from lanes to the main thread in batches."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject, Qt, QTimer, Signal, Slot

from app.jobs.job import Job

SHORTEST_GAP = 1 / 30
"""Seconds between two deliveries: the window repaints no oftener."""


class Delivery(QObject):
    """A list that lanes append to and the main thread empties, at most 30 times a second.

    Only the append that finds the list empty wakes the main thread, and the main thread swaps the whole list out; one
    lock covers both, so no wake-up is lost.
    """

    _waiting = Signal()

    def __init__(self, on_error: Callable[[BaseException], None]) -> None:
        super().__init__()
        self._lock = threading.Lock()
        self._posts: list[tuple[Job, str, Any]] = []
        self._last = 0.0
        self._on_error = on_error
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self.deliver)
        self._waiting.connect(self._schedule, Qt.ConnectionType.QueuedConnection)

    def post(self, job: Job, kind: str, value: Any) -> None:
        """From any thread: hand `value` to `job` on the main thread, after everything posted before it."""
        with self._lock:
            first = not self._posts
            self._posts.append((job, kind, value))
        if first:
            self._waiting.emit()

    @Slot()
    def _schedule(self) -> None:
        gap = SHORTEST_GAP - (time.monotonic() - self._last)
        self._timer.start(max(0, round(gap * 1000)))

    @Slot()
    def deliver(self) -> None:
        """Empty the list now. An error in one receiver does not keep the others from theirs."""
        with self._lock:
            posts, self._posts = self._posts, []
        self._last = time.monotonic()
        for job, kind, value in posts:
            try:
                job.deliver(kind, value)
            except Exception as error:  # noqa: BLE001 - a receiver's defect goes to the one funnel
                self._on_error(error)
