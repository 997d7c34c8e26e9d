"""The texts that a beam search found, best first, and what greedy decoding would have written instead."""

from __future__ import annotations

import html
from math import ceil, exp

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, Qt, Signal, Slot
from PySide6.QtGui import QColor, QFontMetricsF, QKeyEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from app.engine.decode.records import BeamSequence, BeamTree
from app.ui.theme import Theme
from app.ui.widgets.beam_words import greedy_reason, sum_words, visible_text
from app.ui.widgets.labels import make_label
from app.ui.widgets.number_text import number, percent_text

PROBABILITY = 5
COLUMNS = ("Rank", "Text", "Σ log p", "per token", "score", "probability", "")
_TEXT, _USE = 1, len(COLUMNS) - 1
_RETURNED, _OFFER = "✓ Use this one", "Use this one"
_WIDEST = {0: "100", 2: "−888.88", 3: "−88.88", 4: "−888.88", 5: "100.0%", _USE: _RETURNED + "  "}
"""What a column has room for, beside its heading."""
_PADDING = 20
_ROW = 28
_LONGEST = 56
"""Signs of greedy's text that are written out; the tooltip has all."""
_TIPS = {
    "Σ log p": "Sum of the log-probabilities of its tokens; of drawn beams after the settings, temperature included",
    "per token": "The sum divided by the number of tokens",
    "score": "The sum divided by the length to the power of the length penalty: what the ranking goes by",
    "probability": "e to the power of the sum: how likely exactly this text is; not known of drawn beams",
}
_CENTRE_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_CENTRE_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


class BeamTable(QWidget):
    """A row for each text with its figures, under a line about greedy decoding.

    `chosen(row)` for a double click, for Enter, and for a click on "Use this one".
    """

    chosen = Signal(int)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._tree: BeamTree | None = None
        self._returned = 1
        self.greedy_before = make_label(theme, "", 12, role="secondary")
        self.greedy_text = make_label(theme, "", 12, 700, mono=True)
        self.greedy_after = make_label(theme, "", 12, role="secondary")
        self.reason = make_label(theme, "", 12, role="secondary")
        self.reason.setWordWrap(True)
        self.table = _Rows(0, len(COLUMNS))
        self._set_up_table()
        line = QHBoxLayout()
        line.setSpacing(6)
        for label in (self.greedy_before, self.greedy_text, self.greedy_after):
            line.addWidget(label)
        line.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        words = QVBoxLayout()
        words.setContentsMargins(10, 6, 10, 0)
        words.setSpacing(2)
        words.addLayout(line)
        words.addWidget(self.reason)
        layout.addLayout(words)
        layout.addWidget(self.table, 1)
        theme.changed.connect(self._restyle)
        self._restyle()

    def set_tree(self, tree: BeamTree | None, num_returned: int = 1) -> None:
        """Show the texts of this search, of which the first `num_returned` are handed back."""
        self._tree, self._returned = tree, num_returned
        # Of drawn beams the sum is no log-probability of the model's own.
        self.table.setColumnHidden(PROBABILITY, tree is not None and tree.seed is not None)
        sequences = tree.sequences if tree is not None else ()
        self.table.setRowCount(len(sequences))
        for row, sequence in enumerate(sequences):
            self._fill(row, sequence)
        self._say_greedy()

    def lines(self) -> list[list[str]]:
        """The cells shown."""
        items = [[self.table.item(row, column) for column in range(len(COLUMNS))] for row in self._rows()]
        return [[item.text() if item is not None else "" for item in row] for row in items]

    def greedy_line(self) -> str:
        """What is said about greedy decoding, without the reason."""
        return " ".join(label.text() for label in self._greedy_labels() if label.text())

    def _set_up_table(self) -> None:
        table, header = self.table, self.table.horizontalHeader()
        table.setAccessibleName("Finished beams")
        table.verticalHeader().hide()
        table.setShowGrid(False)
        # Beams often differ in their last tokens only.
        table.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        table.setWordWrap(False)
        table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        table.setTabKeyNavigation(False)
        table.setItemDelegate(_Cells(table))
        table.setStyleSheet("QTableView::item { padding: 0 5px; }")
        for column, name in enumerate(COLUMNS):
            heading = QTableWidgetItem(name)
            heading.setTextAlignment(_CENTRE_LEFT if column in (0, _TEXT) else _CENTRE_RIGHT)
            heading.setToolTip(_TIPS.get(name, ""))
            table.setHorizontalHeaderItem(column, heading)
        header.setHighlightSections(False)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        header.setSectionResizeMode(_TEXT, QHeaderView.ResizeMode.Stretch)
        table.chosen.connect(self.chosen)
        table.cellDoubleClicked.connect(self._double_clicked)
        table.cellClicked.connect(self._clicked)

    def _rows(self) -> range:
        return range(self.table.rowCount())

    def _greedy_labels(self) -> tuple[QLabel, ...]:
        return self.greedy_before, self.greedy_text, self.greedy_after

    def _fill(self, row: int, sequence: BeamSequence) -> None:
        returned = row < self._returned
        cells = (
            str(row + 1),
            visible_text(sequence.text),
            number(sequence.total, 2),
            number(sequence.total / max(len(sequence.ids), 1), 2),
            number(sequence.score, 2),
            percent_text(exp(sequence.total)) if self._tree is None or self._tree.seed is None else "",
            _RETURNED if returned else _OFFER,
        )
        for column, text in enumerate(cells):
            item = self.table.item(row, column)
            if item is None:
                item = QTableWidgetItem()
                item.setTextAlignment(_CENTRE_LEFT if column in (0, _TEXT) else _CENTRE_RIGHT)
                self.table.setItem(row, column, item)
            item.setText(text)
        self._item(row, _TEXT).setToolTip(f"<qt>{html.escape(cells[_TEXT])}</qt>")
        use = "Write it out as a text, of which every choice can be looked at (also a double click, or Enter)"
        self._item(row, _USE).setToolTip(f"{use}. ✓: one of those asked for." if returned else use)
        self._dress(row)

    def _item(self, row: int, column: int) -> QTableWidgetItem:
        item = self.table.item(row, column)
        if item is None:
            raise IndexError(f"The table has no cell {row}, {column}.")
        return item

    def _dress(self, row: int) -> None:
        """Fonts and colours of a row: the winner on the accent's ground, what can be clicked in the accent colour."""
        theme = self._theme
        for column in range(len(COLUMNS)):
            item = self._item(row, column)
            words = column in (0, _USE)
            item.setFont(theme.font(12, 600 if row == 0 or column == _USE else 400, mono=not words))
            item.setForeground(theme.color("accent" if column == _USE or (row == 0 and words) else "ink"))
            item.setBackground(theme.color("accentsoft") if row == 0 else QColor(Qt.GlobalColor.transparent))

    def _say_greedy(self) -> None:
        tree = self._tree
        greedy = tree.greedy if tree is not None else None
        words, text, after = "", "", ""
        if tree is not None and greedy is not None:
            same = tree.finished and bool(tree.sequences) and greedy.ids == tree.sequences[0].ids
            words = "Greedy would have written the same." if same else "Greedy would have written"
            if not same:
                text, after = visible_text(greedy.text), f"at {sum_words(greedy.total)}"
        self.greedy_before.setText(words)
        self.greedy_text.setText(text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…")
        self.greedy_text.setToolTip(f"<qt>{html.escape(text)}</qt>" if text else "")
        self.greedy_after.setText(after)
        self.reason.setText(greedy_reason(tree) if tree is not None else "")
        for label in (*self._greedy_labels(), self.reason):
            label.setVisible(bool(label.text()))

    @Slot(int, int)
    def _double_clicked(self, row: int, column: int) -> None:
        # The first click on the offer has chosen the row already.
        if column != _USE:
            self.chosen.emit(row)

    @Slot(int, int)
    def _clicked(self, row: int, column: int) -> None:
        if column == _USE:
            self.chosen.emit(row)

    @Slot()
    def _restyle(self) -> None:
        heading, cell = QFontMetricsF(self._theme.font(13)), QFontMetricsF(self._theme.font(12, 700, mono=True))
        for column, widest in _WIDEST.items():
            width = max(heading.horizontalAdvance(COLUMNS[column]), cell.horizontalAdvance(widest))
            self.table.setColumnWidth(column, ceil(width) + _PADDING)
        line = QFontMetricsF(self._theme.font(12, mono=True)).height()
        self.table.verticalHeader().setDefaultSectionSize(max(_ROW, ceil(line) + 10))
        for row in self._rows():
            self._dress(row)


class _Cells(QStyledItemDelegate):
    """Cells under their headings, and no frame around a single one: rows are chosen, not cells."""

    def initStyleOption(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> None:
        super().initStyleOption(option, index)
        option.state &= ~QStyle.StateFlag.State_HasFocus


class _Rows(QTableWidget):
    """A table whose current row is chosen by Enter."""

    chosen = Signal(int)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.currentRow() >= 0:
            self.chosen.emit(self.currentRow())
        else:
            super().keyPressEvent(event)
