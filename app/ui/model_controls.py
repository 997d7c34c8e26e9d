"""The open models in the top bar: their boxes, menus, the memory, and the question when one does not fit."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QObject, QPoint, QTimer, Signal, Slot
from PySide6.QtWidgets import QFileDialog, QMenu, QWidget

from app.engine.models.records import ModelSummary
from app.session.session import Session
from app.session.state import RoomWanted
from app.ui.actions import bound
from app.ui.family_names import family_name
from app.ui.widgets.memory_bar import bytes_text
from app.ui.widgets.top_bar import TopBar

MEMORY_EVERY_MS = 2000


def count_text(count: int) -> str:
    """ "4.3M", "1.1B"."""
    for size, letter in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if count >= size:
            return f"{count / size:.1f}{letter}"
    return str(count)


class ModelControls(QObject):
    """Shows models A and B in the top bar and opens, swaps and closes them from there."""

    asked = Signal(str, str, str, object)
    """A fact, the way out, what the button says, and what it does."""

    def __init__(self, bar: TopBar, session: Session, bundled: Sequence[str], window: QWidget) -> None:
        super().__init__(window)
        self._bar, self._session, self._bundled, self._window = bar, session, tuple(bundled), window
        bar.open_requested.connect(self._choose_model)
        bar.second_requested.connect(self._second_menu)
        session.model_changed.connect(self._model_changed)
        session.second_changed.connect(self._second_changed)
        session.opening_changed.connect(self._opening_changed)
        session.models.weights_changed.connect(self._weights_changed)
        session.models.training_moved.connect(self._training_moved)
        session.models.room_wanted.connect(self._room_wanted)
        self._memory = QTimer(self)
        self._memory.setInterval(MEMORY_EVERY_MS)
        self._memory.timeout.connect(self._show_memory)
        self._memory.start()
        self._opening_changed()

    def _words(self, summary: ModelSummary, slot: str) -> str:
        return _words_of(summary, self._session.models.adapter_words(slot))

    @Slot()
    def _weights_changed(self) -> None:
        self._model_changed()
        self._second_changed()

    @Slot()
    def _training_moved(self) -> None:
        for slot, show in (("A", self._bar.set_model), ("B", self._bar.set_second)):
            summary = self._session.models.summary(slot)
            if summary is not None and self._session.models.loaded(slot) is self._session.models.in_training:
                show(summary.name, self._words(summary, slot))

    def end(self) -> None:
        """Ask for nothing any more."""
        self._memory.stop()

    @Slot()
    def _model_changed(self) -> None:
        summary = self._session.summary
        if summary is not None:
            self._bar.set_model(summary.name, self._words(summary, "A"))
            self._show_memory()
        self._opening_changed()

    @Slot()
    def _second_changed(self) -> None:
        summary = self._session.models.summary("B")
        self._bar.set_second(summary.name if summary else "", self._words(summary, "B") if summary else "")
        self._show_memory()

    @Slot()
    def _opening_changed(self) -> None:
        if self._session.summary is None:
            opening = self._session.opening
            self._bar.set_model("Opening…" if opening else "", "" if opening else "No model is open")

    @Slot()
    def _choose_model(self) -> None:
        menu = QMenu(self._window)
        refs = [f"{name} (bundled)" for name in self._bundled]
        for name, words in zip(self._bundled, refs, strict=True):
            menu.addAction(words, bound(self._session.open_model, name))
        recent = [ref for ref in self._session.recent if ref not in self._bundled]
        if recent:
            menu.addSeparator()
        for ref in recent:
            menu.addAction(ref, bound(self._session.open_model, ref))
        menu.addSeparator()
        menu.addAction("Open a folder…", self.choose_folder)
        menu.exec(self._bar.mapToGlobal(QPoint(160, self._bar.height() - 4)))

    @Slot()
    def choose_folder(self) -> None:
        """Ask for a folder and open the model in it."""
        folder = QFileDialog.getExistingDirectory(self._window, "Open a model folder")
        if folder:
            self._session.open_model(folder)

    @Slot()
    def _second_menu(self) -> None:
        menu, models, box = QMenu(self._window), self._session.models, self._bar.second_box
        menu.addAction("Swap A and B", models.swap)
        menu.addAction("Close B", bound(models.close, "B"))
        menu.exec(box.mapToGlobal(QPoint(0, box.height())))

    @Slot(object)
    def _room_wanted(self, wanted: RoomWanted) -> None:
        """Nothing is closed without a yes."""
        made, models = wanted.estimate, self._session.models
        names = [summary.name for slot in wanted.closing if (summary := models.summary(slot)) is not None]
        fact = f"{wanted.request.name} needs {bytes_text(made.total)}, {bytes_text(made.free)} is free."
        act: Callable[[], None] = bound(models.make_room, wanted)
        self.asked.emit(
            fact, f"Closing {' and '.join(names)} makes room.", f"Close and open {wanted.request.name}", act
        )

    @Slot()
    def _show_memory(self) -> None:
        import psutil

        memory = psutil.virtual_memory()
        self._bar.set_memory((memory.total - memory.available) / 1e9, memory.total / 1e9)


def _words_of(summary: ModelSummary, adapter: str = "") -> str:
    facts = (family_name(summary.family), count_text(summary.parameters), summary.precision, summary.device.upper())
    return " · ".join((*facts, adapter) if adapter else facts)
