"""The logit lens as a table: a line for each block, what it would say, and where the final answer stands there."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QHeaderView, QLabel, QStackedWidget, QTableWidget, QTableWidgetItem, QWidget

from app.engine.trace.records import LensReading
from app.ui.theme import Theme
from app.ui.widgets.labels import make_label
from app.ui.widgets.number_text import percent_text
from app.ui.widgets.picture_export import PictureExport
from app.ui.widgets.token_text import visible_token

_ROW = 24


class LensTable(QStackedWidget):
    """The table, or the sentence that says why there is none. `layer_chosen(layer)` for a line that is clicked."""

    layer_chosen = Signal(int)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self.why = ""
        """Why there is no lens, '' while there is one."""
        self.table = QTableWidget(0, 4)
        self.table.setAccessibleName("Logit lens")
        self.table.verticalHeader().hide()
        self.table.verticalHeader().setDefaultSectionSize(_ROW)
        self.table.setShowGrid(False)
        self.table.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
        self.table.setSelectionBehavior(QTableWidget.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QTableWidget.SelectionMode.SingleSelection)
        self.table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        self.table.horizontalHeader().setDefaultAlignment(Qt.AlignmentFlag.AlignLeft)
        self.table.setToolTip(
            "The raw lens: each block's stream through the model's own final norm and unembedding. Early blocks do not "
            "write in that basis, so read them as hints."
        )
        self.table.cellClicked.connect(self._clicked)
        self.export = PictureExport(self.table, "logit-lens", self._with_heading, picture=False)
        self.words: QLabel = make_label(theme, "", 13, role="secondary")
        self.words.setWordWrap(True)
        self.words.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.addWidget(self.table)
        self.addWidget(self.words)
        theme.changed.connect(self._restyle)
        self._restyle()

    def show_lens(self, reading: LensReading | str | None) -> None:
        """Show a reading, or the reason why there is none; None clears."""
        self.why = reading if isinstance(reading, str) else ""
        if not isinstance(reading, LensReading):
            self.table.setRowCount(0)
            self.words.setText(self.why)
            self.setCurrentWidget(self.words)
            return
        self.setCurrentWidget(self.table)
        final = visible_token(reading.final_text)
        self.table.setHorizontalHeaderLabels(["After block", "Says", "Probability", f"Rank of {final}"])
        self.table.setRowCount(len(reading.rows))
        for line, row in enumerate(reading.rows):
            cells = (str(row.layer), visible_token(row.text), percent_text(row.probability), f"{row.rank + 1:,}")
            for column, text in enumerate(cells):
                self.table.setItem(line, column, QTableWidgetItem(text))

    def lines(self) -> list[list[str]]:
        """The cells shown."""
        model = self.table.model()
        columns = range(model.columnCount())
        return [[str(model.index(line, column).data()) for column in columns] for line in range(model.rowCount())]

    def _with_heading(self) -> list[list[str]]:
        model = self.table.model()
        across = Qt.Orientation.Horizontal
        return [[str(model.headerData(place, across)) for place in range(model.columnCount())], *self.lines()]

    @Slot(int, int)
    def _clicked(self, line: int, _column: int) -> None:
        self.layer_chosen.emit(line)

    @Slot()
    def _restyle(self) -> None:
        self.table.setFont(self._theme.font(12, mono=True))
