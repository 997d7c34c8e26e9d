"""Direct logit attribution as a table: the parts of the model that added most to one logit."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QHeaderView, QLabel, QStackedWidget, QTableWidget, QTableWidgetItem, QWidget

from app.engine.trace.records import Attribution
from app.ui.theme import Theme
from app.ui.widgets.labels import make_label
from app.ui.widgets.number_text import signed_number
from app.ui.widgets.picture_export import PictureExport
from app.ui.widgets.token_text import visible_token

_ROW = 24
_ALIGN = (
    Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter,
    Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter,
    Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter,
)
_HEAD = Qt.ItemDataRole.UserRole


Place = tuple[int, int, str]
"""Layer, head and kind of attention of a head."""


def parts_of(made: Attribution) -> list[tuple[str, float, Place | None]]:
    """Every part in words, what it added, and where a head stands; the largest first."""
    parts: list[tuple[str, float, Place | None]] = [("Embedding", made.embedding, None)]
    for kind, words, heads in (("self", "", made.heads), ("cross", " cross", made.cross_heads)):
        parts += [
            (f"L{layer} H{head}{words}", float(heads[layer, head]), (int(layer), int(head), kind))
            for layer, head in np.argwhere(~np.isnan(heads))
        ]
    for name, values in (("attention", made.attentions), ("cross-attention", made.crosses), ("MLP", made.mlps)):
        parts += [(f"L{layer} {name}", float(value), None) for layer, value in enumerate(values) if not np.isnan(value)]
    parts.append(("Biases and norms", made.rest, None))
    return sorted(parts, key=lambda part: -abs(part[1]))


class AttributionTable(QStackedWidget):
    """The table, or the sentence that says why there is none. `head_chosen(layer, head, kind)` for a line of a head."""

    head_chosen = Signal(int, int, str)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._made: Attribution | None = None
        self.why = ""
        """Why nothing can be told, '' while something is."""
        self.table = QTableWidget(0, 3)
        self.table.setAccessibleName("Who wrote the answer")
        self.table.verticalHeader().hide()
        self.table.verticalHeader().setDefaultSectionSize(_ROW)
        self.table.setShowGrid(False)
        self.table.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
        self.table.setSelectionBehavior(QTableWidget.SelectionBehavior.SelectRows)
        self.table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        self.table.cellClicked.connect(self._clicked)
        self.table.setToolTip("What each part added to the logit, the final norm frozen (Elhage et al. 2021)")
        self.export = PictureExport(self.table, "who-wrote-it", self._lines, picture=False)
        self.words: QLabel = make_label(theme, "", 13, role="secondary")
        self.words.setWordWrap(True)
        self.words.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.addWidget(self.table)
        self.addWidget(self.words)
        theme.changed.connect(self._restyle)
        self._restyle()

    def show_attribution(self, made: Attribution | str | None) -> None:
        """Show an attribution, or why there is none."""
        self.why = made if isinstance(made, str) else ""
        self._made = made if isinstance(made, Attribution) else None
        if not isinstance(made, Attribution):
            self.words.setText(self.why)
            self.table.setRowCount(0)
            self.setCurrentWidget(self.words)
            return
        parts = parts_of(made)
        self.table.setHorizontalHeaderLabels(
            ["Written by", f"Added to {visible_token(made.text)}", f"of {signed_number(made.logit, 2)}"]
        )
        for column, align in enumerate(_ALIGN):
            if (heading := self.table.horizontalHeaderItem(column)) is not None:
                heading.setTextAlignment(align)
        self.table.setRowCount(len(parts))
        for line, (name, value, head) in enumerate(parts):
            share = f"{100 * value / made.logit:.1f}%".replace("-", "−") if made.logit else ""
            for column, text in enumerate((name, signed_number(value, 3), share)):
                item = QTableWidgetItem(text)
                item.setData(_HEAD, head)
                item.setTextAlignment(_ALIGN[column])
                self.table.setItem(line, column, item)
        self.setCurrentWidget(self.table)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        # The style sheet, applied when first shown, puts other fonts in their place.
        self._restyle()

    def _lines(self) -> list[list[str]]:
        """All parts with what they added, as many figures as a float32 has."""
        made = self._made
        if made is None:
            return []
        heading = ["written by", f"added to {visible_token(made.text)}"]
        return [heading, *([name, str(np.float32(value))] for name, value, _ in parts_of(made))]

    @Slot(int, int)
    def _clicked(self, row: int, _column: int) -> None:
        item = self.table.item(row, 0)
        head = item.data(_HEAD) if item is not None else None
        if head is not None:
            self.head_chosen.emit(*head)

    @Slot()
    def _restyle(self) -> None:
        self.table.setFont(self._theme.font(12, mono=True))
        self.table.horizontalHeader().setFont(self._theme.font(11.5))
