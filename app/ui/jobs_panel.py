"""All jobs: what runs, with progress and cancel, and what has ended, with its outcome."""

from __future__ import annotations

import time

from PySide6.QtCore import QPoint, Qt, QTimer, Slot
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QScrollArea, QToolButton, QVBoxLayout, QWidget

from app.jobs.board import Board
from app.jobs.job import Job, State
from app.ui.icons import icon, pixmap
from app.ui.job_status import duration
from app.ui.theme import Theme
from app.ui.widgets.labels import make_label, make_rule
from app.ui.widgets.progress_line import ProgressLine

UPDATE_MS = 200
_WIDTH, _HEIGHT = 460, 380
_OUTCOMES = {
    State.DONE: ("check", "ok", "done"),
    State.CANCELLED: ("close", "ink3", "cancelled"),
    State.FAILED: ("error", "err", "failed"),
}


class JobRow(QWidget):
    """One job: its name, how far it is or how it ended."""

    def __init__(self, theme: Theme, job: Job) -> None:
        super().__init__()
        self._theme, self.job = theme, job
        self._ended: bool | None = None
        self.icon = QLabel()
        self.name: QLabel = make_label(theme, job.name, 12.5, 600)
        self.detail: QLabel = make_label(theme, "", 12, role="secondary")
        self.detail.setWordWrap(True)
        self.bar = ProgressLine(theme, f"Progress of {job.name}")
        self.pause, self.cancel = QToolButton(), QToolButton()
        self.cancel.setToolTip("Cancel")
        self.cancel.setAccessibleName(f"Cancel {job.name}")
        self.pause.clicked.connect(self._pause_pressed)
        self.cancel.clicked.connect(job.cancel)
        words = QVBoxLayout()
        words.setSpacing(3)
        for part in (self.name, self.bar, self.detail):
            words.addWidget(part)
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 8, 8, 8)
        row.addWidget(self.icon, 0, Qt.AlignmentFlag.AlignTop)
        row.addLayout(words, 1)
        row.addWidget(self.pause)
        row.addWidget(self.cancel)
        self.refresh()

    def refresh(self) -> None:
        """Say where the job stands now."""
        job, ended = self.job, self.job.state.ended
        if ended and self._ended:
            return
        self._ended = ended
        for part in (self.bar, self.pause, self.cancel):
            part.setVisible(not ended)
        if ended:
            name, token, words = _OUTCOMES[job.state]
            self.icon.setPixmap(pixmap(self._theme, name, token, 16))
            took = f" after {duration(job.took)}" if job.took is not None and job.took >= 1 else ""
            when = time.strftime("%H:%M", time.localtime(job.ended_at)) if job.ended_at else ""
            self.detail.setText(f"{when} · {words}{took}" + (f": {job.error}" if job.error is not None else ""))
            return
        paused = job.state is State.PAUSED and not job.held
        self.icon.setPixmap(pixmap(self._theme, "pause" if paused else "jobs", "accent", 16))
        self.bar.set_share(job.progress.done if job.progress else None, "line2" if paused else "accent")
        left = job.seconds_left
        parts = [job.state.value, job.progress.text if job.progress else "", f"{duration(left)} left" if left else ""]
        self.detail.setText(" · ".join(part for part in parts if part))
        self.pause.setIcon(icon(self._theme, "play" if paused else "pause"))
        self.pause.setToolTip("Go on" if paused else "Pause")
        self.pause.setAccessibleName(f"{'Go on with' if paused else 'Pause'} {job.name}")
        self.cancel.setIcon(icon(self._theme, "close"))

    @Slot()
    def _pause_pressed(self) -> None:
        self.job.pause(not self.job.pause_asked)


class JobsPanel(QFrame):
    """A popup above the job strip. Jobs that only answer a hover or a slider are not listed."""

    def __init__(self, theme: Theme, board: Board, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self._theme, self._board, self._over = theme, board, parent
        self.setProperty("role", "panel")
        self.setAccessibleName("Jobs")
        self.rows: list[JobRow] = []
        self._listed: list[Job] = []
        page = QWidget()
        page.setProperty("role", "page")
        self._column = QVBoxLayout(page)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(0)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(page)
        head = make_label(theme, "Jobs", 13, 650)
        head.setContentsMargins(12, 10, 12, 10)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(1, 1, 1, 1)
        layout.setSpacing(0)
        layout.addWidget(head)
        layout.addWidget(make_rule())
        layout.addWidget(scroll, 1)
        self._tick = QTimer(self)
        self._tick.setInterval(UPDATE_MS)
        self._tick.timeout.connect(self.refresh)

    @Slot()
    def open(self) -> None:
        """Show it in the window's lower right corner."""
        self.resize(_WIDTH, _HEIGHT)
        corner = QPoint(self._over.width() - _WIDTH - 12, self._over.height() - _HEIGHT - 40)
        self.move(self._over.mapToGlobal(corner))
        self.refresh()
        self.show()

    @Slot()
    def refresh(self) -> None:
        """List the jobs again when others run, and say where each stands."""
        running = [job for job in self._board.running() if not job.quiet]
        jobs = [*running, *(job for job in reversed(self._board.history) if job not in running)]
        if jobs != self._listed or not self._column.count():
            self._rebuild(jobs)
        for row in self.rows:
            row.refresh()

    def _rebuild(self, jobs: list[Job]) -> None:
        while (item := self._column.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        self._listed = jobs
        self.rows = [JobRow(self._theme, job) for job in jobs]
        for row in self.rows:
            self._column.addWidget(row)
        if not jobs:
            empty = make_label(self._theme, "Nothing has run yet.", 12.5, role="caption")
            empty.setContentsMargins(12, 12, 12, 12)
            self._column.addWidget(empty)
        self._column.addStretch(1)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._tick.start()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._tick.stop()
