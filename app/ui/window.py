"""The window: top bar, rail, pages, Explain, job strip, and the keys that work everywhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QTimer, Signal, Slot
from PySide6.QtGui import (
    QCloseEvent,
    QDragEnterEvent,
    QDropEvent,
    QGuiApplication,
    QKeySequence,
    QPaintEvent,
    QResizeEvent,
    QShortcut,
)
from PySide6.QtWidgets import QHBoxLayout, QMainWindow, QStackedWidget, QVBoxLayout, QWidget

from app.engine.errors import UserError
from app.jobs.board import Board
from app.session.session import Session
from app.ui.about_dialog import AboutDialog
from app.ui.actions import Command, bound
from app.ui.closing import Closing
from app.ui.defect_dialog import DefectDialog
from app.ui.demo_controls import DemoControls
from app.ui.explanation import Explanation
from app.ui.job_status import JobStatus
from app.ui.jobs_panel import JobsPanel
from app.ui.model_controls import ModelControls
from app.ui.options import SMALLEST
from app.ui.page import Page, pass_the_keyboard_on
from app.ui.remembered import remember, remember_page, remember_runs, remember_theme
from app.ui.theme import Theme
from app.ui.widgets.explain_panel import ExplainPanel
from app.ui.widgets.job_strip import JobStrip
from app.ui.widgets.palette import Palette
from app.ui.widgets.rail import Rail
from app.ui.widgets.top_bar import TopBar
from app.ui.window_commands import model_commands, tensor_commands, window_commands
from app.ui.zoom import stepped, store_zoom, stored_zoom

if TYPE_CHECKING:
    from app.ui.pages.model.page import ModelPage

FULL = 100
SMALLEST_ZOOMED = (720, 440)
NARROW = 1280
"""Below this width Explain collapses by itself."""
LABELS = {
    "model": "Model",
    "inspect": "Inspect",
    "generate": "Generate",
    "evaluate": "Evaluate",
    "finetune": "Finetune",
}
"""The pages in the order of the rail; the keys are also the names of their icons."""


class Window(QMainWindow):
    """Wires the session to the pages; knows no model."""

    first_painted = Signal()
    """Once: the frame is on the screen, so that whatever is slow may begin."""

    restart_wanted = Signal()
    closing = Signal()
    """The window closes; lanes still run."""

    def __init__(
        self, theme: Theme, session: Session, board: Board, bundled: Sequence[str], log_file: str, remembering: bool
    ) -> None:
        super().__init__()
        self.theme, self.session, self._board = theme, session, board
        self.bundled, self._log_file, self._remembering = tuple(bundled), log_file, remembering
        self._narrow: bool | None = None
        self._painted = False
        self._asked: Callable[[], object] | None = None
        self.labels: Mapping[str, str] = LABELS
        self.setWindowTitle("Unembed")
        self.setAcceptDrops(True)
        self._zoom = stored_zoom()
        # Larger drawing leaves room for less of it: at 200 % a screen of 1,440 × 900 has 720 × 450 of our pixels.
        self.setMinimumSize(*(SMALLEST if self._zoom <= FULL else SMALLEST_ZOOMED))
        self._start = session.generation.settings
        self.pages: dict[str, Page] = {}
        self._build()
        theme.dress(self)
        self.demos = DemoControls(self, session, lambda: self.page, self.show_page)
        self._ending = Closing(session.finetuning, self)
        self._keys()
        session.failed.connect(self._failed)
        board.defect.connect(self._defect)
        QGuiApplication.clipboard().dataChanged.connect(self._clipboard_changed)
        if remembering:
            theme.changed.connect(self._theme_changed)

    @Slot()
    def _theme_changed(self) -> None:
        remember_theme(self.theme.choice)

    @Slot()
    def _clipboard_changed(self) -> None:
        """Every copy is confirmed, wherever it is made; a page that says more of it does so after. What other programs
        copy, they do while another window is active."""
        if self.isActiveWindow():
            self.strip.note("Copied to the clipboard.")

    def complete(self) -> None:
        """Build the pages that are not there yet."""
        for key in LABELS:
            self._page(key)

    def _page(self, key: str) -> Page:
        if key not in self.pages:
            made = self._new_page(key)
            pass_the_keyboard_on(made)
            self.pages[key] = made
            self.stack.addWidget(made)
            made.banner.action_triggered.connect(self._answered)
            made.page_wanted.connect(self.show_page)
            made.noted.connect(self.strip.note)
            made.explained.connect(lambda said, page=made: self._explained(page, said))
        return self.pages[key]

    def _explained(self, page: Page, said: Explanation) -> None:
        """Explain speaks of the page in front; the others go on changing behind it."""
        if page is self.stack.currentWidget():
            self.explain.set_explanation(said)

    def _new_page(self, key: str) -> Page:
        # Imported here so that the window's frame is painted before its pages are read from disk.
        if key == "generate":
            from app.ui.pages.generate.page import GeneratePage

            return GeneratePage(self.theme, self.session, self._start)
        if key == "evaluate":
            from app.session.text_shelf import TextShelf
            from app.ui.pages.evaluate.page import EvaluatePage

            return EvaluatePage(self.theme, self.session, TextShelf(self._board))
        if key == "finetune":
            from app.ui.pages.finetune.page import FinetunePage

            return FinetunePage(self.theme, self.session)
        if key == "model":
            shelf = model_page()(self.theme, self.session)
            shelf.folder_wanted.connect(self.controls.choose_folder)
            return shelf
        from app.ui.pages.inspect.page import InspectPage

        page = InspectPage(self.theme, self.session)
        page.any_tensor.clicked.connect(bound(self.palette_popup.open, "tensor "))
        for keys, step, act in (
            ("[", -1, page.step_head),
            ("]", 1, page.step_head),
            ("PgUp", -1, page.step_layer),
            ("PgDown", 1, page.step_layer),
        ):
            shortcut = QShortcut(QKeySequence(keys), page)
            shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            shortcut.activated.connect(bound(act, step))
        return page

    def _build(self) -> None:
        theme = self.theme
        self.top_bar = TopBar(theme)
        self.top_bar.theme_chosen.connect(theme.set_choice)
        self.controls = ModelControls(self.top_bar, self.session, self.bundled, self)
        self.controls.asked.connect(self.ask)
        self.rail = Rail(theme, [(key, label, key) for key, label in LABELS.items()])
        self.rail.chosen.connect(self.show_page)
        self.stack = QStackedWidget()
        self.explain = ExplainPanel(theme)
        self.strip = JobStrip(theme)
        self.status = JobStatus(self._board, self.strip, self.top_bar)
        self.jobs = JobsPanel(theme, self._board, self)
        self.palette_popup = Palette(theme, self._commands, self)
        self.top_bar.find_requested.connect(self.palette_popup.open)
        self.top_bar.jobs_requested.connect(self.jobs.open)
        self.strip.all_requested.connect(self.jobs.open)
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
        for command in window_commands(self):
            if command.keys:
                QShortcut(QKeySequence(command.keys), self).activated.connect(command.act)
        for keys, act in (("Ctrl+Enter", self.run), ("Ctrl+Y", self.session.redo), ("Ctrl+=", bound(self.zoom_by, 1))):
            QShortcut(QKeySequence(keys), self).activated.connect(act)

    def _commands(self) -> list[Command]:
        of_pages = [command for page in self.pages.values() for command in page.commands()]
        return [*window_commands(self), *of_pages, *model_commands(self), *tensor_commands(self)]

    @Slot(str)
    def show_page(self, key: str) -> None:
        """Bring a page to the front."""
        page = self._page(key)
        self.rail.set_current(key)
        self.stack.setCurrentWidget(page)
        if self._remembering:
            remember_page(key)
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
    def run(self) -> None:
        if self.pages:
            self.page.run()

    @Slot()
    def stop(self) -> None:
        if self.pages:
            self.page.stop()

    @Slot(str, str, str, object)
    def ask(self, fact: str, remedy: str, action: str, act: Callable[[], object]) -> None:
        """Say something on the page in front with one thing to do about it."""
        self._asked = act
        banner = self.page.banner
        banner.clear(including_errors=True)
        banner.show_message("info", fact, remedy, action)

    @Slot()
    def _answered(self) -> None:
        act, self._asked = self._asked, None
        if act is not None:
            self.page.banner.clear()
            act()

    @Slot()
    def search_hub(self) -> None:
        """To the hub's shelf of the Model page."""
        self.show_page("model")
        page = self.page
        if isinstance(page, model_page()):
            page.sources.search_hub()

    @Slot()
    def about(self) -> None:
        """Versions and devices."""
        dialog = AboutDialog(self.session.library.devices, self._log_file, self)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.show()

    def zoom_by(self, step: int) -> None:
        """One zoom larger or smaller."""
        self.zoom_to(stepped(self._zoom, step))

    def zoom_to(self, zoom: int) -> None:
        """Store a zoom and offer to start again with it."""
        self._zoom = zoom
        store_zoom(zoom)
        self.ask(
            f"Zoom {zoom}% from the next start on.",
            "The session comes back as it is.",
            "Start again now",
            self.restart_wanted.emit,
        )

    # Models dropped on the window

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if _dropped(event) is not None:
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        path = _dropped(event)
        if path is not None:
            event.acceptProposedAction()
            self.session.open_model(path)

    @Slot(str, object)
    def _failed(self, where: str, error: BaseException) -> None:
        if isinstance(error, UserError):
            # What concerns no page that works with the model is said on the page in front.
            (self.pages[where] if where in ("inspect", "generate", "evaluate", "finetune") else self.page).show_error(
                error
            )
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
        if self._remembering and not self._ending.agreed():
            event.ignore()
            return
        if self._remembering and self.pages:
            remember(self, self.theme.choice, self.page_key)
            remember_runs(self.session.finetuning.runs.root)
        self.controls.end()
        self.closing.emit()
        self._board.close()
        super().closeEvent(event)


def model_page() -> type[ModelPage]:
    """The class of the Model page, imported when it is first wanted."""
    from app.ui.pages.model.page import ModelPage

    return ModelPage


def _dropped(event: QDropEvent) -> str | None:
    """The first file or folder of what is dragged over the window."""
    return next((url.toLocalFile() for url in event.mimeData().urls() if url.isLocalFile()), None)
