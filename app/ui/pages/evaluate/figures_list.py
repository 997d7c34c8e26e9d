"""All figures: a row for each measurement, sorted, filtered, copied, with a note of one's own."""

from __future__ import annotations

from math import ceil

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QPoint, Qt, Signal, Slot
from PySide6.QtGui import QAction, QFontMetricsF, QGuiApplication, QKeyEvent, QKeySequence
from PySide6.QtWidgets import (
    QLineEdit,
    QMenu,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from app.session.measured import Figures, Table
from app.ui.pages.evaluate.figures_model import COLUMNS, NOTE, FiguresFilter, FiguresModel
from app.ui.theme import Theme

_WIDEST = {"model": 220, "text": 220, "versions": 180, "note": 220, "ref": 220}
"""Pixels of columns whose words have any length; their tooltips have all."""
_PADDING, _ARROW = 20, 16
"""Pixels at both ends of a cell, and of the arrow that says how a column is sorted."""
_Index = QModelIndex | QPersistentModelIndex


class FiguresList(QWidget):
    """The measurements with a line to filter them by."""

    note_written = Signal(str, str)
    """The key of a measurement and what was written about it."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._fitting = False
        self._drawn: set[int] = set()
        self.filter = QLineEdit()
        self.filter.setPlaceholderText("Filter: words of any column shown")
        self.filter.setAccessibleName("Filter the figures")
        self.filter.setClearButtonEnabled(True)
        self._figures = FiguresModel(theme)
        self._shown = FiguresFilter()
        self._shown.setSourceModel(self._figures)
        self.view = _Rows()
        self._set_up_view()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 8, 12, 8)
        layout.setSpacing(6)
        layout.addWidget(self.filter)
        layout.addWidget(self.view, 1)
        self.filter.textChanged.connect(self._shown.set_words)
        self._figures.note_written.connect(self.note_written)
        self.view.horizontalHeader().sectionResized.connect(self._resized)
        theme.changed.connect(self._restyle)
        self._restyle()

    def show_table(self, table: Table) -> None:
        """Show the measurements of the table."""
        before = [figures.key for figures, _ in self._figures.rows]
        self._figures.set_table(table)
        if before != [figures.key for figures, _ in self._figures.rows]:
            self._fit()

    def figures(self) -> list[Figures]:
        """The measurements that pass the filter, in the order shown."""
        indexes = (self._shown.mapToSource(self._shown.index(row, 0)) for row in range(self._shown.rowCount()))
        return [self._figures.rows[index.row()][0] for index in indexes]

    def column_menu(self) -> QMenu:
        """A tick for each column that is shown; deletes itself when it closes."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for place, column in enumerate(COLUMNS):
            action = menu.addAction(column.heading)
            action.setCheckable(True)
            action.setChecked(not self.view.isColumnHidden(place))
            action.setData(place)
            # Without its first column nobody knows whose figures a row holds, and the header is the way back.
            action.setEnabled(place > 0)
        menu.triggered.connect(self._column_switched)
        return menu

    def _set_up_view(self) -> None:
        view, header = self.view, self.view.horizontalHeader()
        view.setAccessibleName("All figures")
        view.setModel(self._shown)
        view.setItemDelegate(_Cells(view))
        view.verticalHeader().hide()
        view.setShowGrid(False)
        view.setWordWrap(False)
        view.setAlternatingRowColors(True)
        view.setTabKeyNavigation(False)
        view.setStyleSheet("QTableView::item { padding: 0 5px; }")
        # Without one the style draws a box where the two scroll bars meet.
        view.setCornerWidget(QWidget())
        view.setHorizontalScrollMode(QTableView.ScrollMode.ScrollPerPixel)
        view.setSelectionBehavior(QTableView.SelectionBehavior.SelectRows)
        view.setSelectionMode(QTableView.SelectionMode.ExtendedSelection)
        view.setEditTriggers(QTableView.EditTrigger.DoubleClicked | QTableView.EditTrigger.EditKeyPressed)
        view.setSortingEnabled(True)
        # In the order of the table until a column is clicked.
        view.sortByColumn(-1, Qt.SortOrder.AscendingOrder)
        header.setHighlightSections(False)
        header.setSectionsMovable(True)
        header.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        header.customContextMenuRequested.connect(self._column_menu_at)
        for place, column in enumerate(COLUMNS):
            view.setColumnHidden(place, column.hidden)

    @Slot()
    def _fit(self) -> None:
        """Columns as wide as what they hold, unless that has any length, or the person has drawn them."""
        self._fitting = True
        for place, column in enumerate(COLUMNS):
            if place not in self._drawn and not self.view.isColumnHidden(place):
                needed = self._width_needed(place) if place != NOTE else _WIDEST["note"]
                self.view.setColumnWidth(place, min(needed, _WIDEST.get(column.field, needed)))
        self._fitting = False

    def _width_needed(self, place: int) -> int:
        """Qt's own way asks for every cell's size, which takes seconds for some hundred rows."""
        words = QFontMetricsF(self._theme.font(12, mono=COLUMNS[place].numeric))
        heading = QFontMetricsF(self._theme.font(12)).horizontalAdvance(COLUMNS[place].heading) + _ARROW
        return ceil(max(words.horizontalAdvance(self._figures.longest(place)), heading)) + _PADDING

    @Slot(int, int, int)
    def _resized(self, place: int, before: int, now: int) -> None:
        # Hiding a column is a change to and from nothing.
        if not self._fitting and before and now:
            self._drawn.add(place)

    @Slot(QAction)
    def _column_switched(self, action: QAction) -> None:
        self.view.setColumnHidden(action.data(), not action.isChecked())
        self._shown.set_columns([each for each in range(len(COLUMNS)) if not self.view.isColumnHidden(each)])
        self._fit()

    @Slot(QPoint)
    def _column_menu_at(self, place: QPoint) -> None:
        self.column_menu().popup(self.view.horizontalHeader().mapToGlobal(place))

    @Slot()
    def _restyle(self) -> None:
        self.filter.setFont(self._theme.font(12.5))
        self.view.horizontalHeader().setFont(self._theme.font(12))
        line = QFontMetricsF(self._theme.font(12, mono=True)).height()
        self.view.verticalHeader().setDefaultSectionSize(max(28, ceil(line) + 10))
        self._fit()


class _Rows(QTableView):
    """A table whose selected rows are copied as they are shown, with their headings, for a spreadsheet."""

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.matches(QKeySequence.StandardKey.Copy):
            QGuiApplication.clipboard().setText(self.selected_text())
        else:
            super().keyPressEvent(event)

    def selected_text(self) -> str:
        """The selected rows, tab-separated."""
        header, model = self.horizontalHeader(), self.model()
        logical = [header.logicalIndex(place) for place in range(header.count())]
        columns = [column for column in logical if not header.isSectionHidden(column)]
        rows = sorted(index.row() for index in self.selectionModel().selectedRows(columns[0]))
        headings = [COLUMNS[column].heading for column in columns]
        lines = [[str(model.index(row, column).data()) for column in columns] for row in rows]
        return "\n".join("\t".join(_one_line(words) for words in line) for line in [headings, *lines])


class _Cells(QStyledItemDelegate):
    """No frame around a single cell, since rows are selected; the editor of a note is as low as its row."""

    def initStyleOption(self, option: QStyleOptionViewItem, index: _Index) -> None:
        super().initStyleOption(option, index)
        if index.column() != NOTE:
            option.state &= ~QStyle.StateFlag.State_HasFocus

    def createEditor(self, parent: QWidget, option: QStyleOptionViewItem, index: _Index) -> QWidget:
        editor = super().createEditor(parent, option, index)
        editor.setProperty("compact", True)
        editor.setAccessibleName("Note")
        return editor


def _one_line(words: str) -> str:
    return words.replace("\t", " ").replace("\n", " ")
