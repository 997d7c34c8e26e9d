"""Dialogs that ask for a text to paste and for the columns of a table."""

from __future__ import annotations

from PySide6.QtCore import Slot
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QWidget,
)

from app.engine.texts.records import SourceFacts, TextSource
from app.ui.widgets.dataset_dialog import answer_buttons


class PasteDialog(QDialog):
    """A text, its name, and for translators the source it was written from."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("A text to measure")
        self.setMinimumSize(560, 420)
        self.name = QLineEdit()
        self.name.setPlaceholderText("its first words")
        self.text = QPlainTextEdit()
        self.text.setAccessibleName("Text")
        self.source = QPlainTextEdit()
        self.source.setMaximumHeight(90)
        self.source.setAccessibleName("Source")
        self.source.setPlaceholderText("Only for models that write one text from another, such as a translator")
        form = QFormLayout(self)
        form.addRow("Name", self.name)
        form.addRow("Text", self.text)
        form.addRow("Source", self.source)
        buttons = answer_buttons(self, "Add")
        form.addRow(buttons)
        self.add = next(
            each for each in buttons.buttons() if buttons.buttonRole(each) == QDialogButtonBox.ButtonRole.AcceptRole
        )
        self.text.textChanged.connect(self._allow)
        self._allow()

    @Slot()
    def _allow(self) -> None:
        """An empty text is not added."""
        self.add.setEnabled(bool(self.text.toPlainText().strip()))


class ColumnsDialog(QDialog):
    """Which column of a table is the text, and which is its source for models that read one and write another."""

    def __init__(self, facts: SourceFacts, text: TextSource, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Columns of the table")
        self.setMinimumWidth(380)
        self.column, self.source = QComboBox(), QComboBox()
        self.column.addItems(facts.columns)
        self.column.setCurrentText(text.column)
        self.source.addItems(["none", *facts.columns])
        self.source.setCurrentText(text.source_column or "none")
        form = QFormLayout(self)
        words = QLabel("A translator reads the source and is measured on the text; other models read the text alone.")
        words.setWordWrap(True)
        form.addRow(words)
        form.addRow("Text", self.column)
        form.addRow("Source", self.source)
        form.addRow(answer_buttons(self, "Use"))

    def answer(self) -> tuple[str, str]:
        """The column of the text, and of the source ('' for none)."""
        return self.column.currentText(), self.source.currentText() if self.source.currentIndex() else ""
