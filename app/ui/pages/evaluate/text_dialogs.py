"""Dialogs that ask for a text to paste and for a dataset of the hub."""

from __future__ import annotations

from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QSpinBox,
    QWidget,
)

from app.engine.texts.records import HUB, SourceFacts, TextSource


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
        form.addRow(_buttons(self, "Add"))


class DatasetDialog(QDialog):
    """Which dataset, and which part of it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("A dataset of the hub")
        self.setMinimumWidth(420)
        self.ref, self.config, self.split = QLineEdit(), QLineEdit(), QLineEdit()
        self.column, self.source_column = QLineEdit(), QLineEdit()
        self.ref.setPlaceholderText("Salesforce/wikitext")
        self.config.setPlaceholderText("the only one")
        self.split.setPlaceholderText("test, or what there is")
        self.column.setPlaceholderText("text")
        self.source_column.setPlaceholderText("only for a translator: the column that it reads")
        self.limit = QSpinBox()
        self.limit.setRange(0, 10_000_000)
        self.limit.setValue(200)
        self.limit.setSpecialValueText("all")
        form = QFormLayout(self)
        words = QLabel(
            "Rows come from the hub when they are measured; a folder of a dataset on this machine works too."
        )
        words.setWordWrap(True)
        form.addRow(words)
        for label, field in (
            ("Dataset", self.ref),
            ("Configuration", self.config),
            ("Split", self.split),
            ("Column", self.column),
            ("Source column", self.source_column),
            ("Rows", self.limit),
        ):
            form.addRow(label, field)
        form.addRow(_buttons(self, "Add"))

    def answer(self) -> TextSource:
        """The dataset, with no more rows than were asked for."""
        fields = (self.ref, self.config, self.split, self.column, self.source_column)
        ref, config, split, column, source = (field.text().strip() for field in fields)
        limit = self.limit.value() or None
        return TextSource(
            HUB, ref, path=ref, config=config, split=split, column=column, source_column=source, limit=limit
        )


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
        form.addRow(_buttons(self, "Use"))

    def answer(self) -> tuple[str, str]:
        """The column of the text, and of the source ('' for none)."""
        return self.column.currentText(), self.source.currentText() if self.source.currentIndex() else ""


def _buttons(dialog: QDialog, words: str) -> QDialogButtonBox:
    buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
    buttons.addButton(words, QDialogButtonBox.ButtonRole.AcceptRole)
    buttons.accepted.connect(dialog.accept)
    buttons.rejected.connect(dialog.reject)
    return buttons
