"""A dialog that asks for a dataset of the hub."""

from __future__ import annotations

from PySide6.QtWidgets import QDialog, QDialogButtonBox, QFormLayout, QLabel, QLineEdit, QSpinBox, QWidget

from app.engine.texts.records import HUB, TextSource


class DatasetDialog(QDialog):
    """Which dataset, and which part of it; `split` and `column` are what is taken where nothing is said, `rows` how
    many rows at first, and `when` when they are fetched."""

    def __init__(
        self,
        parent: QWidget | None = None,
        split: str = "test",
        column: str = "text",
        rows: int = 200,
        when: str = "when they are measured",
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("A dataset of the hub")
        self.setMinimumWidth(420)
        self.ref, self.config, self.split = QLineEdit(), QLineEdit(), QLineEdit()
        self.column, self.source_column = QLineEdit(), QLineEdit()
        self.ref.setPlaceholderText("Salesforce/wikitext")
        self.config.setPlaceholderText("the only one")
        self.split.setPlaceholderText(f"{split}, or what there is")
        self.column.setPlaceholderText(column)
        self.source_column.setPlaceholderText("only for a translator: the column that it reads")
        self.limit = QSpinBox()
        self.limit.setRange(0, 10_000_000)
        self.limit.setValue(rows)
        self.limit.setSpecialValueText("all")
        form = QFormLayout(self)
        words = QLabel(f"Rows come from the hub {when}; a folder of a dataset on this machine works too.")
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
        form.addRow(answer_buttons(self, "Add"))

    def answer(self) -> TextSource:
        """The dataset, with no more rows than were asked for."""
        fields = (self.ref, self.config, self.split, self.column, self.source_column)
        ref, config, split, column, source = (field.text().strip() for field in fields)
        limit = self.limit.value() or None
        return TextSource(
            HUB, ref, path=ref, config=config, split=split, column=column, source_column=source, limit=limit
        )


def answer_buttons(dialog: QDialog, words: str) -> QDialogButtonBox:
    """Cancel, and a button with these words that takes the answer."""
    buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
    buttons.addButton(words, QDialogButtonBox.ButtonRole.AcceptRole)
    buttons.accepted.connect(dialog.accept)
    buttons.rejected.connect(dialog.reject)
    return buttons
