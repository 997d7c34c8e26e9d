"""The text being generated: its steps, the settings that act on the next one, and any step's distribution."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal, Slot

from app.engine.decode.settings import DecodingSettings
from app.engine.trace.records import Token
from app.jobs.board import Board
from app.jobs.job import Job
from app.session import work
from app.session.generated import GeneratedToken

if TYPE_CHECKING:
    from app.engine.models.loaded import LoadedModel

LANE = "model"


class Generation(QObject):
    """Starts, pauses and stops the token loop, and keeps what it wrote."""

    started = Signal()
    prompt_known = Signal()
    grew = Signal(int)
    """So many tokens were added at the end."""
    state_changed = Signal()
    settings_changed = Signal()
    distribution_read = Signal(object)
    failed = Signal(object)

    def __init__(self, board: Board, settings: DecodingSettings) -> None:
        super().__init__()
        self._board = board
        self._settings = settings
        self.prompt: tuple[Token, ...] = ()
        self.prompt_text = ""
        self.steps: list[GeneratedToken] = []
        self.ended_by = ""
        """Why the text ended: "end of text", "stop string", "length", "stopped"; '' before and while it is written."""
        self._job: Job | None = None
        self._loaded: LoadedModel | None = None

    @property
    def settings(self) -> DecodingSettings:
        """What acts on the next token."""
        return self._settings

    def set_settings(self, settings: DecodingSettings) -> None:
        """Replace the settings; a run under way reads them before its next token."""
        if settings != self._settings:
            self._settings = settings
            self.settings_changed.emit()

    @property
    def running(self) -> bool:
        """Whether tokens are being written or the run is paused."""
        return self._job is not None

    @property
    def paused(self) -> bool:
        """Whether the run holds between two tokens."""
        return self._job is not None and self._job.pause_asked

    @property
    def text(self) -> str:
        """The prompt and everything written after it."""
        return self.prompt_text + "".join(step.text for step in self.steps)

    def start(self, loaded: LoadedModel, text: str) -> None:
        """Write a new continuation of `text`; a run under way is stopped."""
        if self._job is not None:
            self._job.cancel()
        self._loaded = loaded
        self.prompt, self.prompt_text, self.steps, self.ended_by = (), text, [], ""
        job = self._board.start(
            LANE, "Generate", lambda: work.generate(loaded, text, lambda: self._settings), key="generate"
        )
        self._job = job
        job.stepped.connect(self._stepped)
        job.finished.connect(self._finished)
        job.failed.connect(self._failed)
        job.cancelled.connect(self._cancelled)
        self.started.emit()
        self.state_changed.emit()

    def pause(self, paused: bool) -> None:
        """Hold before the next token, or go on."""
        if self._job is not None:
            self._job.pause(paused)
            self.state_changed.emit()

    def stop(self) -> None:
        """End the run; what was written stays."""
        if self._job is not None:
            self._job.cancel()

    def clear(self) -> None:
        """Stop and forget what was written, for instance when its model closes."""
        self.stop()
        self._loaded = None
        self.prompt, self.prompt_text, self.steps, self.ended_by = (), "", [], ""
        self.started.emit()

    def read_distribution(self, index: int) -> None:
        """Ask how step `index` was chosen, under the settings as they are now; `distribution_read` answers."""
        if self._loaded is None or not 0 <= index < len(self.steps):
            return
        loaded, step, settings = self._loaded, self.steps[index], self._settings
        job = self._board.start(
            LANE,
            "Distribution",
            lambda: work.distribution(loaded, index, step, settings),
            key="distribution",
            quiet=True,
        )
        job.finished.connect(self.distribution_read)
        job.failed.connect(self.failed)

    @Slot(object)
    def _stepped(self, value: Any) -> None:
        if isinstance(value, GeneratedToken):
            self.steps.append(value)
            self.grew.emit(1)
        else:
            self.prompt = value
            self.prompt_known.emit()

    @Slot(object)
    def _finished(self, reason: str) -> None:
        self._end(reason)

    @Slot(object)
    def _failed(self, error: BaseException) -> None:
        self._end("")
        self.failed.emit(error)

    @Slot()
    def _cancelled(self) -> None:
        # A run that was stopped because a newer one began has nothing more to say about it.
        if self._job is None or self._job.state.ended:
            self._end("stopped")

    def _end(self, reason: str) -> None:
        self._job, self.ended_by = None, reason
        self.state_changed.emit()
