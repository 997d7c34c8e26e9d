"""What the job strip and the top bar say about the jobs."""

from __future__ import annotations

from PySide6.QtCore import QObject, QTimer, Slot

from app.jobs.board import Board
from app.jobs.job import Job, State
from app.ui.widgets.job_strip import JobStrip
from app.ui.widgets.top_bar import TopBar

FAILED_FOR_MS = 10_000
"""How long the strip names a failed job; its message stays on the page."""
UPDATE_MS = 100
"""Jobs report hundreds of steps a second; the strip is written so often."""
SHOW_AFTER_MS = 300
"""Shorter work is not named: it would only flicker."""


class JobStatus(QObject):
    """Watches the board; the oldest job that somebody waits for is the one named."""

    def __init__(self, board: Board, strip: JobStrip, bar: TopBar) -> None:
        super().__init__(strip)
        self._board, self._strip, self._bar = board, strip, bar
        self._shown: Job | None = None
        self._seen: Job | None = None
        self._delay = QTimer(self)
        self._delay.setSingleShot(True)
        self._delay.setInterval(SHOW_AFTER_MS)
        self._delay.timeout.connect(self._show_seen)
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(UPDATE_MS)
        self._soon.timeout.connect(self._update)
        self._forget = QTimer(self)
        self._forget.setSingleShot(True)
        self._forget.setInterval(FAILED_FOR_MS)
        self._forget.timeout.connect(strip.set_idle)
        board.changed.connect(self._changed)
        strip.pause_requested.connect(self._pause)
        strip.cancel_requested.connect(self._cancel)
        strip.set_idle()

    @Slot()
    def _changed(self) -> None:
        if not self._soon.isActive():
            self._soon.start()

    @Slot()
    def _update(self) -> None:
        named = [job for job in self._board.running() if not job.quiet]
        self._bar.set_jobs(len(named))
        first = named[0] if named else None
        if first is not self._seen:
            self._seen = first
            self._delay.start()
        if self._shown is not None and self._shown is first:
            self._describe(self._shown)
        elif self._shown is not None and first is None:
            self._leave(self._shown)

    def _leave(self, job: Job) -> None:
        self._shown = None
        self._strip.set_queue("")
        if job.state is State.FAILED:
            self._strip.set_failed(job.name, "see the message on the page")
            self._forget.start()
        else:
            self._strip.set_idle()

    @Slot()
    def _show_seen(self) -> None:
        self._shown = self._seen
        if self._shown is not None:
            self._forget.stop()
            self._describe(self._shown)

    def _describe(self, job: Job) -> None:
        share = job.progress.done if job.progress is not None else None
        words = job.progress.text if job.progress is not None else ""
        left = job.seconds_left
        if left is not None and left >= 1:
            words = f"{words} · {duration(left)} left" if words else f"{duration(left)} left"
        self._strip.set_job(job.name, words, share)
        self._strip.set_paused(job.state is State.PAUSED and not job.held)
        # The job itself may have ended since: then it is not among those that run, and all of them are others.
        waiting = sum(other is not job and not other.quiet for other in self._board.running())
        self._strip.set_queue(f"{waiting} more" if waiting else "")

    @Slot(bool)
    def _pause(self, paused: bool) -> None:
        if self._shown is not None:
            self._shown.pause(paused)

    @Slot()
    def _cancel(self) -> None:
        if self._shown is not None:
            self._shown.cancel()


def duration(seconds: float) -> str:
    """ "8 s", "1 min 48 s", "2 h 5 min"."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
