"""Dialogs that ask for a text to paste and for a dataset of the hub."""

from __future__ import annotations

from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QSpinBox,
    QWidget,
)


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
        self.ref, self.config, self.split, self.column = QLineEdit(), QLineEdit(), QLineEdit(), QLineEdit()
        self.ref.setPlaceholderText("Salesforce/wikitext")
        self.config.setPlaceholderText("the only one")
        self.split.setPlaceholderText("test, or what there is")
        self.column.setPlaceholderText("text")
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
            ("Rows", self.limit),
        ):
            form.addRow(label, field)
        form.addRow(_buttons(self, "Add"))

    def answer(self) -> tuple[str, str, str, str, int | None]:
        """Dataset, configuration, split, column and the most rows (None for all)."""
        fields = (self.ref, self.config, self.split, self.column)
        ref, config, split, column = (field.text().strip() for field in fields)
        return ref, config, split, column, self.limit.value() or None


def _buttons(dialog: QDialog, words: str) -> QDialogButtonBox:
    buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
    buttons.addButton(words, QDialogButtonBox.ButtonRole.AcceptRole)
    buttons.accepted.connect(dialog.accept)
    buttons.rejected.connect(dialog.reject)
    return buttons
