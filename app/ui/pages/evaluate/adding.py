"""Putting models and texts into the table: the two menus, their dialogs, and files that are dropped."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QObject, Signal, Slot
from PySide6.QtWidgets import QFileDialog, QInputDialog, QMenu, QWidget

from app.engine.texts.records import FILE, PASTED, SourceFacts, TextSource
from app.session.measured import Contender
from app.session.session import Session
from app.session.text_shelf import Asked, Looked, TextShelf, samples
from app.ui.actions import bound
from app.ui.pages.evaluate.text_dialogs import ColumnsDialog, PasteDialog
from app.ui.widgets.dataset_dialog import DatasetDialog

ENCODINGS = ("utf-8", "cp1252", "iso-8859-15", "utf-16", "cp1251", "shift_jis", "gb18030", "big5", "euc-kr")
PRECISIONS = ("fp32", "bf16", "fp16")
_NAME_LETTERS = 28


class Adding(QObject):
    """Fills the menus of the results panel and carries out what they offer."""

    problem = Signal(str)
    noted = Signal(str)
    added = Signal()
    """Texts came into the table."""

    def __init__(self, session: Session, shelf: TextShelf, models: QMenu, texts: QMenu, window: QWidget) -> None:
        super().__init__(window)
        self._session, self._shelf, self._window = session, shelf, window
        self._models, self._texts = models, texts
        models.aboutToShow.connect(self._fill_models)
        texts.aboutToShow.connect(self._fill_texts)
        shelf.looked.connect(self._looked)
        shelf.read_again.connect(self._choose_again)

    # Models

    @Slot()
    def _fill_models(self) -> None:
        menu, session = self._models, self._session
        menu.clear()
        entries = [entry for entry in session.library.entries if not entry.problem]
        if not entries:
            # Asked for when the page was shown; here only if that has not answered yet.
            menu.addAction("Looking for models…").setEnabled(False)
        for entry in entries:
            menu.addAction(entry.name, bound(self.add_model, entry.ref)).setToolTip(entry.ref)
        menu.addSeparator()
        others = menu.addMenu("Another precision of")
        for contender in session.evaluation.contenders:
            inner = others.addMenu(contender.name)
            for precision in PRECISIONS:
                inner.addAction(precision, bound(self.add_model, contender.ref, precision))
        menu.addAction("Folder or adapter…", self.choose_model_folder)
        menu.addAction("Hub id…", self.ask_hub_id)

    def add_model(self, ref: str, precision: str = "auto") -> None:
        """A row for a model that is opened when its turn comes."""
        self._session.evaluation.add_model(Contender(ref, precision))

    @Slot()
    def choose_model_folder(self) -> None:
        """Ask for the folder of a model or an adapter."""
        folder = QFileDialog.getExistingDirectory(self._window, "A model or adapter folder to measure")
        if folder:
            self.add_model(folder)

    @Slot()
    def ask_hub_id(self) -> None:
        """Ask for a model of the hub; it is downloaded when it is measured, unless the cache has it."""
        text, given = QInputDialog.getText(self._window, "A model of the hub", "Its id, for instance openai/gpt2:")
        if given and text.strip():
            self.add_model(text.strip())

    # Texts

    @Slot()
    def _fill_texts(self) -> None:
        menu = self._texts
        menu.clear()
        menu.addAction("Paste or type…", self.ask_text)
        menu.addAction("Files…", self.choose_files)
        menu.addAction("Folder…", self.choose_folder)
        menu.addAction("Hub dataset…", self.ask_dataset)
        menu.addSeparator()
        for text in samples():
            menu.addAction(f"Sample: {text.name}", bound(self._session.evaluation.add_texts, (text,)))
        menu.addAction("All samples", self.add_samples)
        if self._session.prompt:
            menu.addAction("The prompt", self.add_prompt)

    @Slot()
    def add_samples(self) -> None:
        """The texts that come with the program."""
        self._session.evaluation.add_texts(samples())

    @Slot()
    def add_prompt(self) -> None:
        """What stands in the prompt line of the other pages."""
        self.add_pasted(self._session.prompt, self._session.second)

    def add_pasted(self, text: str, source: str = "", name: str = "") -> None:
        """A text that was typed; `source` for models that write one text from another."""
        self._session.evaluation.add_texts((pasted(text, source, name),))

    @Slot()
    def ask_text(self) -> None:
        """A text and its name, typed or pasted."""
        dialog = PasteDialog(self._window)
        if dialog.exec() and dialog.text.toPlainText().strip():
            self.add_pasted(dialog.text.toPlainText(), dialog.source.toPlainText(), dialog.name.text().strip())

    @Slot()
    def choose_files(self) -> None:
        """Ask for files of any kind that is read."""
        paths, _ = QFileDialog.getOpenFileNames(
            self._window,
            "Texts to measure",
            "",
            "Texts and tables (*.txt *.md *.jsonl *.json *.csv *.tsv *.parquet);;Every file (*)",
        )
        if paths:
            self._shelf.look_at(paths)

    @Slot()
    def choose_folder(self) -> None:
        """Ask for a folder whose texts are added, each for itself."""
        folder = QFileDialog.getExistingDirectory(self._window, "A folder of texts")
        if folder:
            self._shelf.look_at([folder])

    @Slot()
    def ask_dataset(self) -> None:
        """Ask for a dataset of the hub."""
        dialog = DatasetDialog(self._window)
        if dialog.exec() and dialog.ref.text().strip():
            self._shelf.look_at_dataset(dialog.answer())

    def drop(self, paths: list[str]) -> None:
        """Files or folders that were dropped on the page."""
        self._shelf.look_at(paths)

    @Slot(object)
    def _looked(self, found: Looked) -> None:
        texts = [*found.texts]
        alike = Counter(facts.columns for _, _, facts in found.questions)
        answers: dict[tuple[str, ...], str] = {}
        for name, path, facts in found.questions:
            # Tables with the same columns, as a folder may hold, are asked about once.
            if facts.columns not in answers:
                answers[facts.columns] = self._ask_column(facts, alike[facts.columns] - 1)
            if column := answers[facts.columns]:
                texts.append(TextSource(FILE, f"{name}: {column}", path=path, column=column))
        if texts:
            self._session.evaluation.add_texts(texts)
            self.added.emit()
        notes = (*found.guessed, *found.left_out)
        if found.problems:
            self.problem.emit("\n".join((*found.problems, *notes)))
        elif notes:
            self.noted.emit(" ".join(notes))

    @Slot(int)
    def ask_columns(self, column: int) -> None:
        """Choose which columns of a table are the text and, for a translator, its source."""
        text = self._session.evaluation.texts[column]
        self._shelf.look_again(column, text, "columns")

    @Slot(int)
    def ask_encoding(self, column: int) -> None:
        """Choose in which encoding a file is read."""
        text = self._session.evaluation.texts[column]
        self._shelf.look_again(column, text, "encoding")

    @Slot(int, object)
    def _choose_again(self, column: int, asked: Asked) -> None:
        """The text was looked at: ask, and put the other reading in the place of the old one."""
        evaluation, facts = self._session.evaluation, asked.facts
        if column >= len(evaluation.texts) or evaluation.texts[column] != asked.text:
            return
        if asked.what == "columns":
            dialog = ColumnsDialog(facts, asked.text, self._window)
            if dialog.exec():
                chosen, source = dialog.answer()
                evaluation.replace_text(column, replace(asked.text, column=chosen, source_column=source))
            return
        known = list(dict.fromkeys([facts.encoding, *facts.encodings, *ENCODINGS]))
        words = f"In which encoding is {facts.name} written?"
        name, given = QInputDialog.getItem(self._window, "Choose an encoding", words, known, 0, True)
        if given and name:
            evaluation.replace_text(column, replace(asked.text, encoding=name))

    def _ask_column(self, facts: SourceFacts, alike: int) -> str:
        others = f" {alike:,} more {'has' if alike == 1 else 'have'} the same columns." if alike else ""
        words = f"{facts.name} is a table.{others} Which column is the text?"
        column, given = QInputDialog.getItem(self._window, "Choose a column", words, list(facts.columns), 0, False)
        return column if given else ""


def pasted(text: str, source: str = "", name: str = "") -> TextSource:
    """A text that was typed, named by its first words."""
    first = " ".join(text.split())
    short = first if len(first) <= _NAME_LETTERS else f"{first[:_NAME_LETTERS].rstrip()}…"
    return TextSource(PASTED, name or short, text=text, source_text=source)


def dropped_texts(paths: list[str]) -> list[str]:
    """Of what was dropped, everything but folders that hold a model."""
    kept = []
    for path in paths:
        folder = Path(path)
        model = folder.is_dir() and any((folder / name).exists() for name in ("config.json", "adapter_config.json"))
        if not model:
            kept.append(path)
    return kept
