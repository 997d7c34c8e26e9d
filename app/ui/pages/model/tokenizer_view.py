"""The tokenizer of the open model: its vocabulary to search, its special tokens, its chat template."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, QTimer, Signal, Slot
from PySide6.QtWidgets import (
    QHeaderView,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from app.engine.models.records import TokenizerFacts, VocabularyEntry
from app.ui.theme import Theme
from app.ui.widgets.labels import make_label
from app.ui.widgets.token_text import visible_token

ASK_AFTER_MS = 200
ROW = 24
"""Pixels of a row of a table."""


class TokenizerView(QWidget):
    """Shows facts and entries; `searched(text)` a moment after the last key."""

    searched = Signal(str)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self.facts: QLabel = make_label(theme, "", 12.5, role="secondary")
        self.field = QLineEdit()
        self.field.setPlaceholderText("Search the vocabulary: a text or an id")
        self.field.setClearButtonEnabled(True)
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(ASK_AFTER_MS)
        self._soon.timeout.connect(self._ask)
        self.field.textChanged.connect(self._soon.start)
        self.found: QLabel = make_label(theme, "", 12, role="caption")
        self.entries = _table("Vocabulary", ["Id", "Token", "Written as"])
        self.special = _table("Special tokens", ["Role", "Token", "Id"])
        self.template = QPlainTextEdit()
        self.template.setReadOnly(True)
        self.template.setAccessibleName("Chat template")
        self.no_template: QLabel = make_label(theme, "This tokenizer has no chat template.", 12, role="caption")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 10, 12, 12)
        layout.addWidget(self.facts)
        layout.addWidget(self.field)
        layout.addWidget(self.found)
        layout.addWidget(self.entries, 3)
        for words, part, stretch in (("Special tokens", self.special, 1), ("Chat template", self.template, 1)):
            layout.addWidget(make_label(theme, words, 12, 600))
            layout.addWidget(part, stretch)
        layout.setStretchFactor(self.special, 0)
        layout.addWidget(self.no_template)
        theme.changed.connect(self._restyle)
        self._restyle()

    def show_facts(self, facts: TokenizerFacts | None) -> None:
        """Show what a tokenizer is made of; None clears."""
        self.facts.setText("" if facts is None else f"{facts.type}, {facts.size:,} entries")
        special = [] if facts is None else [(role, text, str(id_)) for role, text, id_ in facts.special]
        _fill(self.special, special)
        # All of a few are seen at once; of many, enough to see that there are more.
        rows = min(max(len(special), 1), 4)
        self.special.setFixedHeight(self.special.horizontalHeader().sizeHint().height() + rows * ROW + 4)
        template = facts.chat_template if facts is not None else ""
        self.template.setPlainText(template)
        self.template.setVisible(bool(template))
        self.no_template.setVisible(not template)
        if facts is not None:
            self._ask()

    def show_entries(self, entries: Sequence[VocabularyEntry]) -> None:
        """Show what the search found."""
        sought, count = self.field.text().strip(), len(entries)
        if not sought:
            words = f"The first {count:,} entries"
        elif count == 0:
            words = f"No entry holds “{sought}”"
        else:
            words = f"{count:,} entr{'y' if count == 1 else 'ies'} with “{sought}”, the closest first"
        self.found.setText(words)
        _fill(self.entries, [(str(entry.id), visible_token(entry.text), entry.written) for entry in entries])

    @Slot()
    def _ask(self) -> None:
        self.searched.emit(self.field.text())

    @Slot()
    def _restyle(self) -> None:
        for part in (self.entries, self.special, self.template):
            part.setFont(self._theme.font(12, mono=True))


def _table(name: str, columns: list[str]) -> QTableWidget:
    table = QTableWidget(0, len(columns))
    table.setHorizontalHeaderLabels(columns)
    table.setAccessibleName(name)
    table.verticalHeader().hide()
    table.verticalHeader().setDefaultSectionSize(ROW)
    table.setShowGrid(False)
    table.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
    table.setSelectionBehavior(QTableWidget.SelectionBehavior.SelectRows)
    table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
    table.horizontalHeader().setDefaultAlignment(Qt.AlignmentFlag.AlignLeft)
    table.setMinimumHeight(70)
    return table


def _fill(table: QTableWidget, rows: Sequence[tuple[str, ...]]) -> None:
    table.setRowCount(len(rows))
    for line, row in enumerate(rows):
        for column, text in enumerate(row):
            table.setItem(line, column, QTableWidgetItem(text))
