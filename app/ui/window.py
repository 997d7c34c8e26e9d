"""The window: top bar, rail, pages, Explain, job strip, and the keys that work everywhere."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QPoint, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QCloseEvent, QKeySequence, QPaintEvent, QResizeEvent, QShortcut
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QMainWindow, QMenu, QStackedWidget, QVBoxLayout, QWidget

from app.engine.errors import UserError
from app.jobs.board import Board
from app.session.session import Session
from app.ui.defect_dialog import DefectDialog
from app.ui.job_status import JobStatus
from app.ui.options import SMALLEST
from app.ui.page import Page
from app.ui.remembered import remember
from app.ui.theme import Theme
from app.ui.widgets.explain_panel import ExplainPanel
from app.ui.widgets.job_strip import JobStrip
from app.ui.widgets.rail import Rail
from app.ui.widgets.top_bar import TopBar

NARROW = 1280
"""Below this width Explain collapses by itself."""
MEMORY_EVERY_MS = 2000
LABELS = {"inspect": "Inspect", "generate": "Generate"}
"""The pages in the order of the rail; the keys are also the names of their icons."""
FAMILIES = {"gpt2": "GPT-2", "opt": "OPT", "gpt_neox": "GPT-NeoX", "phi": "Phi", "phi3": "Phi-3", "llama": "Llama"}


def count_text(count: int) -> str:
    """ "4.3M", "1.1B"."""
    for size, letter in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if count >= size:
            return f"{count / size:.1f}{letter}"
    return str(count)


class Window(QMainWindow):
    """Wires the session to the pages; knows no model."""

    first_painted = Signal()
    """Once: the frame is on the screen, so that whatever is slow may begin."""

    closing = Signal()
    """The window closes; lanes still run."""

    def __init__(
        self, theme: Theme, session: Session, board: Board, bundled: Sequence[str], log_file: str, remembering: bool
    ) -> None:
        super().__init__()
        self._theme, self._session, self._board = theme, session, board
        self._bundled, self._log_file, self._remembering = tuple(bundled), log_file, remembering
        self._narrow: bool | None = None
        self._painted = False
        self.setWindowTitle("Unembed")
        self.setMinimumSize(*SMALLEST)
        self._start = session.generation.settings
        self.pages: dict[str, Page] = {}
        self._build()
        self._keys()
        session.model_changed.connect(self._model_changed)
        session.opening_changed.connect(self._opening_changed)
        session.failed.connect(self._failed)
        board.defect.connect(self._defect)
        self._memory = QTimer(self)
        self._memory.setInterval(MEMORY_EVERY_MS)
        self._memory.timeout.connect(self._show_memory)
        self._memory.start()
        self._opening_changed()

    def complete(self) -> None:
        """Build the pages that are not there yet."""
        for key in LABELS:
            self._page(key)

    def _page(self, key: str) -> Page:
        if key not in self.pages:
            made = self._new_page(key)
            self.pages[key] = made
            self.stack.addWidget(made)
            made.explained.connect(self.explain.set_explanation)
        return self.pages[key]

    def _new_page(self, key: str) -> Page:
        # Imported here so that the window's frame is painted before its pages are read from disk.
        if key == "generate":
            from app.ui.pages.generate.page import GeneratePage

            return GeneratePage(self._theme, self._session, self._start)
        from app.ui.pages.inspect.page import InspectPage

        page = InspectPage(self._theme, self._session)
        for keys, step, act in (
            ("[", -1, page.step_head),
            ("]", 1, page.step_head),
            ("PgUp", -1, page.step_layer),
            ("PgDown", 1, page.step_layer),
        ):
            shortcut = QShortcut(QKeySequence(keys), page)
            shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            shortcut.activated.connect(_bound(act, step))
        return page

    def _build(self) -> None:
        theme = self._theme
        self.top_bar = TopBar(theme)
        self.top_bar.open_requested.connect(self._choose_model)
        self.top_bar.theme_chosen.connect(theme.set_choice)
        self.rail = Rail(theme, [(key, label, key) for key, label in LABELS.items()])
        self.rail.chosen.connect(self.show_page)
        self.stack = QStackedWidget()
        self.explain = ExplainPanel(theme)
        self.strip = JobStrip(theme)
        self.status = JobStatus(self._board, self.strip, self.top_bar)
        middle = QHBoxLayout()
        middle.setSpacing(0)
        middle.addWidget(self.rail)
        middle.addWidget(self.stack, 1)
        middle.addWidget(self.explain)
        central = QWidget()
        column = QVBoxLayout(central)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.top_bar)
        column.addLayout(middle, 1)
        column.addWidget(self.strip)
        self.setCentralWidget(central)

    def _keys(self) -> None:
        for index, key in enumerate(LABELS, 1):
            self._key(f"Ctrl+{index}", self._page_key(key))
        self._key("Ctrl+Return", self._run)
        self._key("Ctrl+Enter", self._run)
        self._key("Escape", self._stop)
        self._key("F1", self.explain.toggle)
        self._key(QKeySequence.StandardKey.Quit, self.close)

    def _key(self, keys: str | QKeySequence.StandardKey, act: Callable[[], object]) -> None:
        QShortcut(QKeySequence(keys), self).activated.connect(act)

    def _page_key(self, key: str) -> Callable[[], None]:
        return _bound(self.show_page, key)

    @Slot(str)
    def show_page(self, key: str) -> None:
        """Bring a page to the front."""
        page = self._page(key)
        self.rail.set_current(key)
        self.stack.setCurrentWidget(page)
        page.explain()
        page.take_focus()

    @property
    def page(self) -> Page:
        """The page in front; only once one was shown."""
        return self.pages[self.page_key]

    @property
    def page_key(self) -> str:
        """Its key."""
        return next(key for key, page in self.pages.items() if page is self.stack.currentWidget())

    @Slot()
    def _run(self) -> None:
        if self.pages:
            self.page.run()

    @Slot()
    def _stop(self) -> None:
        if self.pages:
            self.page.stop()

    @Slot()
    def _model_changed(self) -> None:
        summary = self._session.summary
        if summary is None:
            return
        family = FAMILIES.get(summary.family, summary.family)
        words = (family, count_text(summary.parameters), summary.precision, summary.device.upper())
        self.top_bar.set_model(summary.name, " · ".join(words))
        self._show_memory()

    @Slot()
    def _opening_changed(self) -> None:
        if self._session.summary is None:
            opening = self._session.opening
            self.top_bar.set_model("Opening…" if opening else "", "" if opening else "No model is open")

    @Slot()
    def _choose_model(self) -> None:
        menu = QMenu(self)
        for name in self._bundled:
            menu.addAction(f"{name} (bundled)", _bound(self._session.open_model, name))
        menu.addSeparator()
        menu.addAction("Open a folder…", self._choose_folder)
        menu.exec(self.top_bar.mapToGlobal(QPoint(160, self.top_bar.height() - 4)))

    @Slot()
    def _choose_folder(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Open a model folder")
        if folder:
            self._session.open_model(folder)

    @Slot(str, object)
    def _failed(self, where: str, error: BaseException) -> None:
        if isinstance(error, UserError):
            self.pages.get(where, self.page).show_error(error)
        else:
            self._board.report(error)

    @Slot(str)
    def note(self, words: str) -> None:
        """Say something on the page in front that is no error of what the person did there."""
        if words:
            self.page.banner.show_message("warn", words)

    @Slot(object)
    def _defect(self, error: BaseException) -> None:
        dialog = DefectDialog(error, self._log_file, self)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.show()

    @Slot()
    def _show_memory(self) -> None:
        import psutil

        memory = psutil.virtual_memory()
        self.top_bar.set_memory((memory.total - memory.available) / 1e9, memory.total / 1e9)

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if not self._painted:
            self._painted = True
            # The window is painted before what it holds, all in one go; the timer comes after the last of it.
            QTimer.singleShot(0, self.first_painted.emit)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        narrow = self.width() < NARROW
        if narrow != self._narrow:
            self._narrow = narrow
            self.explain.set_collapsed(narrow)

    def closeEvent(self, event: QCloseEvent) -> None:
        if self._remembering and self.pages:
            remember(self, self._theme.choice, self.page_key)
        self._memory.stop()
        self.closing.emit()
        self._board.close()
        super().closeEvent(event)


def _bound(act: Callable[..., object], *arguments: object) -> Callable[[], None]:
    def call() -> None:
        act(*arguments)

    return call
