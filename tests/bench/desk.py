"""Unembed's window with story-gpt open, as a measurement needs it."""

from __future__ import annotations

import time
from collections.abc import Callable

from PySide6.QtCore import QEventLoop, QTimer
from PySide6.QtWidgets import QApplication

from app.engine.decode.settings import DecodingSettings
from app.jobs.board import Board
from app.jobs.garbage import MainThreadCollector
from app.session.session import Session
from app.ui.theme import Theme
from app.ui.window import Window
from main import share_interpreter
from tests.bench.models import STORY


class Desk:
    """A shown window with the Generate page in front; close it at the end."""

    def __init__(self) -> None:
        share_interpreter()
        self.application = QApplication.instance() or QApplication([])
        self.theme = Theme("light")
        assert isinstance(self.application, QApplication)
        self.theme.apply(self.application)
        self.collector = MainThreadCollector()
        self.board = Board()
        self.session = Session(self.board, DecodingSettings())
        self.window = Window(self.theme, self.session, self.board, (), "", remembering=False)
        self.window.resize(1440, 900)
        self.window.show_page("generate")
        self.window.complete()
        self.window.show()
        self.session.open_model(STORY)
        self.wait(lambda: self.session.summary is not None and self.board.idle)
        self.collector.settle()
        self.session.models.closed.connect(self.collector.collect)

    def wait(self, until: Callable[[], bool], seconds: float = 300.0) -> None:
        """Run the event loop until something is true, asking every 5 ms. Raises TimeoutError when it never is.

        The loop really sleeps in between: one that polls would hold the interpreter's lock against the lane.
        """
        end, loop, ask = time.monotonic() + seconds, QEventLoop(), QTimer()
        ask.setInterval(5)
        ask.timeout.connect(lambda: loop.quit() if until() or time.monotonic() > end else None)
        ask.start()
        loop.exec()
        ask.stop()
        if not until():
            raise TimeoutError("The window did not get there.")

    def generate(self, text: str, settings: DecodingSettings) -> tuple[int, float]:
        """Tokens written and the seconds it took, from the request to the last chip."""
        self.session.generation.set_settings(settings)
        self.session.set_prompt(text)
        self.wait(lambda: self.board.idle)
        start = time.perf_counter()
        self.session.generate()
        loop = QEventLoop()
        self.session.generation.state_changed.connect(lambda: None if self.session.generation.running else loop.quit())
        loop.exec()
        return len(self.session.generation.steps), time.perf_counter() - start

    def close(self) -> None:
        """End the lanes."""
        self.window.close()
        self.collector.end()
