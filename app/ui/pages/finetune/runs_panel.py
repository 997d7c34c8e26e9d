"""Earlier runs: what each of them was, and what can be done with what it left."""

from __future__ import annotations

from PySide6.QtCore import QPoint, Qt, Signal, SignalInstance, Slot
from PySide6.QtWidgets import QMenu, QPushButton, QStackedWidget

from app.engine.finetune.records import DIVERGED, RUNNING, RunEntry
from app.ui.actions import bound
from app.ui.icons import icon
from app.ui.pages.finetune.runs_list import RunsList
from app.ui.theme import Theme
from app.ui.widgets.labels import make_label
from app.ui.widgets.panel import Panel

_LOWEST = 150
_EMPTY = "No runs yet. Every run keeps a folder of its own and is listed here."


def resumable(entry: RunEntry) -> bool:
    """Whether a run has a checkpoint to go on from, and steps to go. One that diverged would do it again: the losses of
    a run that goes on are the same."""
    held = entry.state in ("done", RUNNING, DIVERGED)
    return not held and entry.step < entry.steps and bool(entry.checkpoints)


def mergeable(entry: RunEntry) -> bool:
    """Whether a run left an adapter; a full finetune is a whole model already."""
    return entry.method.casefold().startswith("lora")


def opens(entry: RunEntry) -> str:
    """What opens the weights of a run: its result, of one without any the best it had, '' for none."""
    return "" if entry.state == RUNNING else entry.result or entry.best


def why_not_opened(entry: RunEntry) -> str:
    """Why a run left nothing to open, '' where it did."""
    if opens(entry):
        return ""
    if entry.state == RUNNING:
        return "This run is under way: there is something to open when it has ended."
    if entry.state == DIVERGED:
        return "This run diverged and left nothing to open."
    on = ": Resume goes on with it" if resumable(entry) else ""
    return f"This run was broken off before it left anything to open{on}."


def why_not_merged(entry: RunEntry) -> str:
    """Why there is no adapter to merge, '' where there is one."""
    if entry.result and entry.state != RUNNING:
        return ""
    best = f"its best weights, of step {entry.best_step or 0:,}, can be opened"
    return why_not_opened(entry) or f"This run came to no end and has no result to merge; {best}."


class RunsPanel(Panel):
    """Every signal carries the folder of the run it is about. Nobody has been asked yet whether they mean it."""

    open_wanted = Signal(str)
    """This folder: the run's, or that of its best weights."""
    settings_wanted = Signal(str)
    """Start another run from the settings of this one."""
    resume_wanted = Signal(str)
    merge_wanted = Signal(str)
    """Put the adapter into the weights of its base."""
    export_wanted = Signal(str)
    reveal_wanted = Signal(str)
    remove_wanted = Signal(str)

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme, "Runs")
        self.open, self.resume, self.more = QPushButton("Open"), QPushButton("Resume"), QPushButton("More")
        self.resume.setToolTip("Go on with this run from its last checkpoint")
        self.more_menu = QMenu(self)
        self.more.setMenu(self.more_menu)
        for button in (self.resume, self.open, self.more):
            self.add_header_widget(button)
        self.list = RunsList(theme)
        empty = make_label(theme, _EMPTY, 13, role="caption")
        empty.setWordWrap(True)
        empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        empty.setContentsMargins(24, 8, 24, 8)
        self._stack = QStackedWidget()
        self._stack.addWidget(empty)
        self._stack.addWidget(self.list)
        self.body_layout.setContentsMargins(0, 0, 0, 1)
        self.body_layout.addWidget(self._stack, 1)
        self.setMinimumHeight(_LOWEST)
        self._connect()
        self._restyle()
        self._fit_buttons()

    def show_runs(self, runs: tuple[RunEntry, ...]) -> None:
        """Show these."""
        self.list.show_runs(runs)
        self._stack.setCurrentIndex(1 if runs else 0)
        self.set_subtitle(f"{len(runs):,} run{'' if len(runs) == 1 else 's'}" if runs else "")

    def run_menu(self) -> QMenu:
        """What can be done with the current run; deletes itself when it closes."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._fill(menu, everything=True)
        return menu

    def _connect(self) -> None:
        self.open.clicked.connect(self._open)
        self.resume.clicked.connect(bound(self._tell, self.resume_wanted))
        self.more_menu.aboutToShow.connect(self._fill_more)
        self.list.chosen.connect(self._fit_buttons)
        self.list.opened.connect(self._open)
        self.list.removed.connect(bound(self._tell, self.remove_wanted))
        self.list.menu_wanted.connect(self._menu_at)
        self._theme.changed.connect(self._restyle)

    def _tell(self, signal: SignalInstance) -> None:
        entry = self.list.current()
        if entry is not None:
            signal.emit(entry.folder)

    @Slot()
    def _open(self) -> None:
        entry = self.list.current()
        if entry is not None and opens(entry):
            self.open_wanted.emit(opens(entry))

    def _fill(self, menu: QMenu, everything: bool) -> None:
        """Without `everything` what has a button of its own is left out."""
        entry = self.list.current()
        if entry is None:
            return
        menu.setToolTipsVisible(True)
        if everything:
            if entry.result or not entry.best:
                self._act(menu, "Open", self.open_wanted, why_not_opened(entry))
            if resumable(entry):
                self._act(menu, "Resume", self.resume_wanted)
        if entry.best and entry.state != RUNNING:
            words = f"Open the best, step {entry.best_step:,}"
            menu.addAction(words).triggered.connect(bound(self.open_wanted.emit, entry.best))
        self._act(menu, "Start from these settings", self.settings_wanted)
        menu.addSeparator()
        if mergeable(entry):
            self._act(menu, "Merge into its base…", self.merge_wanted, why_not_merged(entry))
        self._act(menu, "Export…", self.export_wanted)
        self._act(menu, "Show in folder", self.reveal_wanted)
        menu.addSeparator()
        self._act(menu, "Remove…", self.remove_wanted)

    def _act(self, menu: QMenu, words: str, signal: SignalInstance, why_not: str = "") -> None:
        action = menu.addAction(words)
        action.triggered.connect(bound(self._tell, signal))
        action.setEnabled(not why_not)
        action.setToolTip(why_not)

    @Slot()
    def _fill_more(self) -> None:
        self.more_menu.clear()
        self._fill(self.more_menu, everything=False)

    @Slot(object)
    def _menu_at(self, place: QPoint) -> None:
        self.run_menu().popup(place)

    @Slot()
    def _fit_buttons(self) -> None:
        entry = self.list.current()
        self.open.setVisible(entry is not None)
        if entry is not None:
            best = opens(entry) == entry.best != ""
            self.open.setEnabled(bool(opens(entry)))
            self.open.setText("Open the best" if best else "Open")
            left = f"Open its best weights, of step {entry.best_step:,}" if best else "Open what this run left"
            self.open.setToolTip(why_not_opened(entry) or f"{left} (Enter)")
        self.more.setVisible(entry is not None)
        self.resume.setVisible(entry is not None and resumable(entry))
        self._fold_title()

    @Slot()
    def _restyle(self) -> None:
        for button in (self.open, self.resume, self.more):
            button.setFont(self._theme.font(12.5))
        self.resume.setIcon(icon(self._theme, "play", "ink2", 14))
        self.open.setIcon(icon(self._theme, "folder", "ink2", 14))
