"""What can be done with runs that are kept: opened, gone on with, merged, exported, deleted."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, QUrl, Slot
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QFileDialog, QMessageBox

from app.session.session import Session
from app.ui.pages.finetune.runs_panel import RunsPanel


class KeptRuns(QObject):
    """Asks the session for what the list of runs wants."""

    def __init__(self, session: Session, panel: RunsPanel) -> None:
        super().__init__(panel)
        self._session, self._panel = session, panel
        panel.open_wanted.connect(self._session.open_model)
        panel.settings_wanted.connect(self._settings_of)
        panel.resume_wanted.connect(self._resume)
        panel.merge_wanted.connect(self._merge)
        panel.export_wanted.connect(self._export)
        panel.reveal_wanted.connect(self._reveal)
        panel.remove_wanted.connect(self._remove)

    @Slot(str)
    def _settings_of(self, folder: str) -> None:
        self._session.finetuning.runs.read_run(Path(folder))

    @Slot(str)
    def _resume(self, folder: str) -> None:
        self._session.finetuning.resume(Path(folder))

    @Slot(str)
    def _merge(self, folder: str) -> None:
        if into := self._new_folder("Where to write the merged model", f"{Path(folder).name}-merged"):
            self._session.finetuning.runs.merge(Path(folder), into)

    @Slot(str)
    def _export(self, folder: str) -> None:
        if into := self._new_folder("Where to write the exported run", f"{Path(folder).name}-export"):
            self._session.finetuning.runs.export(Path(folder), into)

    def _new_folder(self, words: str, name: str) -> Path | None:
        chosen = QFileDialog.getExistingDirectory(self._panel, words)
        return Path(chosen) / name if chosen else None

    @Slot(str)
    def _reveal(self, folder: str) -> None:
        QDesktopServices.openUrl(QUrl.fromLocalFile(folder))

    @Slot(str)
    def _remove(self, folder: str) -> None:
        words = f"Delete the run {Path(folder).name} with its checkpoints and its result?"
        if QMessageBox.question(self._panel, "Delete the run", words) == QMessageBox.StandardButton.Yes:
            self._session.finetuning.runs.remove(Path(folder))
