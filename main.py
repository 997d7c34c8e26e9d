"""Unembed: read the options, show the window, only then touch torch."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QEventLoop, QProcess, QStandardPaths, Qt
from PySide6.QtWidgets import QApplication

from app.engine.decode.settings import BALANCED
from app.engine.errors import UserError
from app.engine.models.catalogue import bundled_models
from app.jobs.board import Board
from app.jobs.garbage import MainThreadCollector
from app.session.keeper import Keeper
from app.session.saved import Saved
from app.session.session import Session
from app.session.state import OpenRequest
from app.ui.options import PAGES, Options, parse
from app.ui.remembered import open_settings, restore_parts, restore_place, runs_folder
from app.ui.screenshot import Screenshot
from app.ui.theme import Theme
from app.ui.window import Window
from app.ui.zoom import stored_zoom, use_zoom

DEFAULT_SIZE = (1440, 900)
BUNDLED = "story-gpt"
PICTURE_TOKENS, PICTURE_SEED = 40, 42


def log_file() -> Path:
    """Where warnings and defects are written."""
    return Path(QStandardPaths.writableLocation(QStandardPaths.StandardLocation.AppDataLocation)) / "unembed.log"


def session_file() -> Path:
    """Where the session is kept."""
    return log_file().with_name("session.json")


def figures_file() -> Path:
    """Where the figures of the Evaluate page are kept."""
    return log_file().with_name("evaluation.json")


def start_log(file: Path) -> None:
    """Write to a file that does not grow for ever. Its module is slow to import and waits until after first paint."""
    import logging.handlers

    file.parent.mkdir(parents=True, exist_ok=True)
    handler = logging.handlers.RotatingFileHandler(
        file, maxBytes=1_000_000, backupCount=1, encoding="utf-8", delay=True
    )
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.getLogger("unembed").addHandler(handler)


def share_interpreter() -> None:
    """Let a lane that waits for the interpreter have it after 0.05 ms instead of Python's 5 ms.

    torch gives the interpreter's lock back at every operation, so each one may wait for the window; with 5 ms a fifth
    of the tokens per second were lost while the window drew them.
    """
    sys.setswitchinterval(0.00005)


class Program:
    """The one place where theme, session, jobs and window are wired together."""

    def __init__(self, application: QApplication, options: Options) -> None:
        self.application, self.options = application, options
        self.remembering = options.screenshot is None
        settings = open_settings() if self.remembering else None
        choice = options.theme or (str(settings.value("theme", "system")) if settings else "system")
        self.theme = Theme(choice if choice in ("light", "dark", "system") else "system")
        self.theme.apply(application)
        self.collector = MainThreadCollector()
        self.board = Board()
        self.board.catch_everything()
        page = options.page or (settings.value("page") if settings else None)
        self.page = page if page in PAGES else "inspect"
        pictured = replace(BALANCED, seed=PICTURE_SEED, max_new_tokens=PICTURE_TOKENS)
        decoding = pictured if options.screenshot is not None else BALANCED
        self.session = Session(self.board, decoding)
        log = str(log_file())
        self.window = Window(self.theme, self.session, self.board, bundled_models(), log, self.remembering)
        self.keeper = Keeper(self.session, self.board, session_file())
        self.session.model_changed.connect(self.collector.settle, Qt.ConnectionType.SingleShotConnection)
        self.session.models.closed.connect(self.collector.collect)
        self.window.resize(*(options.size or DEFAULT_SIZE))
        if self.remembering and options.size is None:
            restore_place(self.window)

    def begin(self) -> None:
        """After first paint: the pages, the one in front first; then the model, the prompt, what the options ask."""
        from app.ui.pages.inspect.layout import EXAMPLES

        self.window.show_page(self.page)
        # It is seen before the others are built.
        self.application.processEvents(QEventLoop.ProcessEventsFlag.ExcludeUserInputEvents)
        self.window.complete()
        if self.remembering:
            restore_parts(self.window)
            start_log(log_file())
        if self.options.session is not None:
            self._play(self.options.session)
            return
        saved = self._last_session()
        prompt = self.options.prompt
        if prompt is None and not saved.models:
            prompt = EXAMPLES[0]
        if prompt:
            self.session.set_prompt(prompt)
        once = Qt.ConnectionType.SingleShotConnection
        if self.page == "generate" and self.options.prompt:
            self.session.model_changed.connect(self.session.generate_plainly, once)
        first = OpenRequest(self.options.model) if self.options.model else saved.models.get("A", OpenRequest(BUNDLED))
        if (second := saved.models.get("B")) is not None and not self.options.model:
            self.session.model_changed.connect(lambda: self.session.models.open(second), once)
        self.session.models.open(first)
        if not self.options.model and first.ref != BUNDLED:
            self.session.models.failed.connect(self._open_bundled, once)
        if self.options.screenshot is not None:
            Screenshot(self.window, self.session, self.board, self.options.screenshot, self.end)

    def _play(self, file: Path) -> None:
        """A recorded session in the place of the last one, which stays as it was saved."""
        try:
            self.window.demos.demo.play(file)
        except UserError as error:
            self.end(1, str(error))
            return
        if self.options.screenshot is not None:
            Screenshot(self.window, self.session, self.board, self.options.screenshot, self.end)

    def _last_session(self) -> Saved:
        """What was saved when the program ran last; nothing for a picture."""
        if not self.remembering:
            return Saved()
        self.window.closing.connect(self.keeper.finish)
        self.window.closing.connect(self.session.evaluation.finish)
        self.session.evaluation.keep_in(figures_file())
        self.session.finetuning.runs.keep_in(runs_folder(figures_file().with_name("runs")))
        self.window.restart_wanted.connect(self.restart)
        self.keeper.restored.connect(self.window.note)
        saved = self.keeper.begin()
        if saved.models:
            self.session.restore(saved)
        return saved

    def _open_bundled(self, _error: object) -> None:
        """The model of the last session is gone: its message stands, and there is one to go on with."""
        if self.session.summary is None and not self.session.opening:
            self.session.open_model(BUNDLED)

    def restart(self) -> None:
        """End, and start again as after any other end: the session comes back."""
        if not self.window.close():
            return
        os.environ.pop("QT_SCALE_FACTOR", None)
        QProcess.startDetached(sys.executable, [str(Path(__file__).resolve())])
        self.application.exit(0)

    def end(self, code: int, message: str) -> None:
        """Close everything and leave with this exit code."""
        if message:
            print(message, file=sys.stderr)
        self.window.close()
        self.application.exit(code)


def main() -> int:
    """Run the program; the exit code is returned."""
    options = parse(sys.argv[1:])
    share_interpreter()
    QApplication.setApplicationName("Unembed")
    QApplication.setOrganizationName("Unembed")
    if options.screenshot is None:
        use_zoom(stored_zoom())
    application = QApplication(sys.argv[:1])
    program = Program(application, options)
    program.window.first_painted.connect(program.begin)
    program.window.show()
    return application.exec()


if __name__ == "__main__":
    sys.exit(main())
