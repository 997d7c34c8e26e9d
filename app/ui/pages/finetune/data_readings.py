"""What is learnt from: chosen by menu, dialog, button or drop, asked of the session, shown on the Data panel."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import Slot
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QFileDialog

from app.engine.finetune.records import PreviewToken, Shape
from app.engine.texts.records import FILE, TextSource
from app.session.session import Session
from app.ui.actions import bound
from app.ui.pages.finetune.changes_readings import FILES, ChangesReadings
from app.ui.pages.finetune.sample_sets import SETS, fitting
from app.ui.theme import Theme
from app.ui.widgets.dataset_dialog import DatasetDialog

DATASET_ROWS = 1000
"""Of a dataset, unless the person says otherwise: it may have millions."""


class DataReadings(ChangesReadings):
    """The page as far as it chooses examples and shows them."""

    def __init__(self, theme: Theme, session: Session) -> None:
        super().__init__(theme, session)
        self.setAcceptDrops(True)
        data = self._tuning.data
        data.data_changed.connect(self._show_data)
        data.tokens_read.connect(self._tokens_read)
        self.data.source_menu.aboutToShow.connect(self._fill_sources)
        self.data.row_chosen.connect(data.read_tokens)
        self.data.shape_chosen.connect(self._shape_chosen)
        self.data.held_out_changed.connect(self._held_out_changed)
        self.data.sample_chosen.connect(self.choose_sample)
        self.data.file_wanted.connect(self.choose_file)
        self.data.refused.connect(self.show_error)
        self._show_samples_offered()
        self._show_data()

    @Slot()
    def _fill_sources(self) -> None:
        menu = self.data.source_menu
        menu.clear()
        menu.addAction("File…", self.choose_file)
        menu.addAction("Hub dataset…", self.ask_dataset)
        menu.addSeparator()
        for each in fitting(self._session.summary):
            menu.addAction(f"Sample: {each.words}", bound(self.choose_sample, each.key))

    @Slot()
    def choose_file(self) -> None:
        """Ask for a file of examples."""
        path, _ = QFileDialog.getOpenFileName(self, "Examples to learn from", "", FILES)
        if path:
            self.choose(path)

    def choose(self, path: str) -> None:
        """Take a file of examples."""
        self.banner.clear(including_errors=True)
        self._tuning.data.choose(TextSource(FILE, Path(path).name, path=path))

    @Slot()
    def ask_dataset(self) -> None:
        """Ask for a dataset of the hub."""
        dialog = DatasetDialog(self, "train", "recognised from the rows", DATASET_ROWS, "when they are read")
        if dialog.exec() and dialog.ref.text().strip():
            self.banner.clear(including_errors=True)
            self._tuning.data.choose(dialog.answer())

    @Slot(str)
    def choose_sample(self, key: str) -> None:
        """A set that comes with the program, with settings under which it visibly works."""
        chosen = next(each for each in SETS if each.key == key)
        self.banner.clear(including_errors=True)
        self._tuning.data.choose(chosen.source, settings=chosen.settings(self._session.summary))

    def _show_samples_offered(self) -> None:
        self.data.set_samples([(each.key, each.words) for each in fitting(self._session.summary)])

    @Slot(object)
    def _shape_chosen(self, shape: Shape) -> None:
        self._tuning.data.choose_shape(shape)

    @Slot(float)
    def _held_out_changed(self, share: float) -> None:
        self._tuning.data.set_settings(replace(self._tuning.data.settings, held_out=share))

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if self._dropped(event):
            event.acceptProposedAction()
        else:
            event.ignore()

    def dropEvent(self, event: QDropEvent) -> None:
        if path := self._dropped(event):
            event.acceptProposedAction()
            self.choose(path)

    @staticmethod
    def _dropped(event: QDropEvent) -> str:
        """A file; a model's folder goes on to the window, which opens it."""
        paths = [url.toLocalFile() for url in event.mimeData().urls() if url.isLocalFile()]
        return next((path for path in paths if Path(path).is_file()), "")

    @Slot()
    def _show_data(self) -> None:
        data = self._tuning.data
        if data.reading:
            self.data.show_busy(f"Reading {data.reading}…")
        else:
            name = f"{data.source.name}: " if data.source is not None else ""
            self.data.show_preview(data.preview, f"{name}{data.unread}" if data.unread else "")

    @Slot(str, object)
    def _tokens_read(self, _place: str, tokens: tuple[PreviewToken, ...]) -> None:
        self.data.show_tokens(tokens)
