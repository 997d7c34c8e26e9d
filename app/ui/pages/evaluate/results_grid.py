"""Models × texts: a cell for each pair, walked through by keys, with what can be done with it in menus."""

from __future__ import annotations

from PySide6.QtCore import QItemSelection, QItemSelectionModel, QPoint, QRect, Qt, Signal, Slot
from PySide6.QtGui import (
    QContextMenuEvent,
    QGuiApplication,
    QKeyEvent,
    QKeySequence,
    QPainter,
    QPaintEvent,
    QResizeEvent,
)
from PySide6.QtWidgets import QAbstractItemView, QMenu, QTableView, QWidget

from app.session.measured import DONE, FAILED, Table
from app.ui.actions import bound
from app.ui.pages.evaluate.results_cells import PADDING, CellPainter
from app.ui.pages.evaluate.results_heads import ColumnHeads, RowHeads
from app.ui.pages.evaluate.results_model import ResultsModel
from app.ui.pages.evaluate.results_words import cell_tip
from app.ui.theme import Theme
from app.ui.widgets.labels import make_label, make_rule

_HEAD_SHARE = 0.36
"""What the models' names may take of the width."""
_WIDEST = 220
"""Pixels of a column at most: numbers stand not too far from the names."""
_BORDER = 2
NOWHERE = (-1, -1)

Places = list[tuple[int, int]]
"""(row, column) of cells."""


class ResultsGrid(QTableView):
    """The table of models and texts.

    Arrows walk through the cells, and from the first row or column into the heads, where Delete removes.
    """

    cell_chosen = Signal(int, int)
    """By a click or by keys."""
    row_removed = Signal(int)
    column_removed = Signal(int)
    columns_wanted = Signal(int)
    """Another column of the table behind a text, or a source for it."""
    encoding_wanted = Signal(int)
    measure_wanted = Signal(list)
    """`Places` that are to be measured, again where they were before."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._quiet = False
        self.results = ResultsModel()
        self._painter = CellPainter(theme, self.results, self)
        self._corner = make_label(theme, "Model", 11.5, 600, role="secondary")
        self._corner.setParent(self)
        self._corner.setContentsMargins(PADDING, 0, 0, 0)
        self._corner_rule = make_rule()
        self._corner_rule.setParent(self)
        self.rows = RowHeads(theme, self.results, self)
        self.columns = ColumnHeads(theme, self.results, self)
        self._set_up()
        self._connect()
        self._fit()

    def _set_up(self) -> None:
        self.setAccessibleName("Models × texts")
        self.setModel(self.results)
        self.setItemDelegate(self._painter)
        self.setVerticalHeader(self.rows)
        self.setHorizontalHeader(self.columns)
        self.setShowGrid(False)
        self.setCornerButtonEnabled(False)
        self.setMouseTracking(True)
        self.setTabKeyNavigation(False)
        # Without one the style draws a box where the two scroll bars meet.
        self.setCornerWidget(QWidget())
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        for scroll in (self.setVerticalScrollMode, self.setHorizontalScrollMode):
            scroll(QAbstractItemView.ScrollMode.ScrollPerPixel)

    def _connect(self) -> None:
        self.selectionModel().selectionChanged.connect(self._selected)
        self.rows.moved.connect(self._show_row)
        self.columns.moved.connect(self._show_column)
        self.rows.entered_cells.connect(self._enter_row)
        self.columns.entered_cells.connect(self._enter_column)
        self.rows.removed.connect(self.row_removed)
        self.columns.removed.connect(self.column_removed)
        self.rows.menu_wanted.connect(self._row_menu_at)
        self.columns.menu_wanted.connect(self._column_menu_at)
        self._theme.changed.connect(self._fit)

    def show_table(self, table: Table) -> None:
        """Show this. The chosen cell stays chosen where its model and text are still there; emits nothing."""
        before, (row, column) = self.results.table, self.chosen()
        self.results.set_table(table)
        if (row, column) != NOWHERE:
            contender, name = before.rows[row].contender, before.columns[column].name
            contenders = [head.contender for head in table.rows]
            names = [head.name for head in table.columns]
            if contender in contenders and name in names:
                self.choose(contenders.index(contender), names.index(name))
            else:
                self.choose(*NOWHERE)
        self._fit()

    def set_measure(self, measure: str) -> None:
        """Make BITS or PERPLEXITY the large number."""
        self.results.set_measure(measure)
        self._fit()

    def chosen(self) -> tuple[int, int]:
        """(row, column) of the chosen cell; NOWHERE when none is."""
        found = self.selectionModel().selectedIndexes()
        return (found[0].row(), found[0].column()) if found else NOWHERE

    def choose(self, row: int, column: int) -> None:
        """Choose a cell, or none with NOWHERE; emits nothing."""
        self._quiet = True
        index = self.results.index(row, column)
        if index.isValid():
            self.selectionModel().setCurrentIndex(index, QItemSelectionModel.SelectionFlag.ClearAndSelect)
        else:
            self.selectionModel().clear()
        self.rows.set_chosen(self.chosen()[0])
        self.columns.set_chosen(self.chosen()[1])
        self._quiet = False

    def cell_menu(self, row: int, column: int) -> QMenu:
        """What can be done with a cell; deletes itself when it closes."""
        cell = self.results.table.cells[row][column]
        again = cell.figures is not None or cell.state == FAILED
        menu = self._menu()
        words = "Measure again" if again else "Measure only this"
        menu.addAction(words).triggered.connect(bound(self.measure_wanted.emit, [(row, column)]))
        menu.addAction("Copy in words").triggered.connect(bound(self._copy, row, column))
        return menu

    def row_menu(self, row: int) -> QMenu:
        """What can be done with a model; deletes itself when it closes."""
        menu = self._places_menu([(row, column) for column in range(len(self.results.table.columns))])
        menu.addAction("Remove").triggered.connect(bound(self.row_removed.emit, row))
        return menu

    def column_menu(self, column: int) -> QMenu:
        """What can be done with a text; deletes itself when it closes."""
        menu = self._places_menu([(row, column) for row in range(len(self.results.table.rows))])
        menu.addAction("Columns and source…").triggered.connect(bound(self.columns_wanted.emit, column))
        menu.addAction("Encoding…").triggered.connect(bound(self.encoding_wanted.emit, column))
        menu.addAction("Remove").triggered.connect(bound(self.column_removed.emit, column))
        return menu

    def keyPressEvent(self, event: QKeyEvent) -> None:
        row, column = self.currentIndex().row(), self.currentIndex().column()
        if event.matches(QKeySequence.StandardKey.Copy) and self.chosen() != NOWHERE:
            self._copy(*self.chosen())
        elif event.key() == Qt.Key.Key_Left and column == 0:
            self.rows.setFocus()
            self.rows.mark(row)
        elif event.key() == Qt.Key.Key_Up and row == 0:
            self.columns.setFocus()
            self.columns.mark(column)
        else:
            super().keyPressEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        keyed = event.reason() == QContextMenuEvent.Reason.Keyboard
        index = self.currentIndex() if keyed else self.indexAt(event.pos())
        if index.isValid():
            place = self.visualRect(index).center() if keyed else event.pos()
            self.cell_menu(index.row(), index.column()).popup(self.viewport().mapToGlobal(place))

    def wanted_height(self) -> int:
        """Pixels that show every model."""
        return self.columns.height() + self.rows.length() + 2 * _BORDER + 2

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def paintEvent(self, event: QPaintEvent) -> None:
        # The lines between the models go on where the columns end.
        painter = QPainter(self.viewport())
        for row in range(self.rows.count()):
            rect = self.rows.section_rect(row)
            painter.fillRect(QRect(0, rect.bottom(), self.viewport().width(), 1), self._theme.color("line"))
        painter.end()
        super().paintEvent(event)

    @Slot()
    def _fit(self) -> None:
        """Columns share what the names leave; the table scrolls where that is too little."""
        self._painter.prepare()
        self.columns.fit()
        self.rows.fit(round(_HEAD_SHARE * self.width()))
        self.rows.setDefaultSectionSize(self._painter.row_height())
        # A wider or narrower head changes the viewport, and only then is the room of the columns known.
        self.updateGeometries()
        count = self.columns.count()
        if count:
            each, rest = divmod(self.viewport().width(), count)
            for column in range(count):
                width = min(each + (1 if column < rest else 0), max(_WIDEST, self._painter.narrowest))
                self.columns.resizeSection(column, max(width, self._painter.narrowest))
        width, height = self.rows.width(), self.columns.height()
        self._corner.setGeometry(_BORDER, _BORDER, width, height - 1)
        self._corner_rule.setGeometry(_BORDER, _BORDER + height - 1, width, 1)
        self.viewport().update()

    def _menu(self) -> QMenu:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        return menu

    def _places_menu(self, places: Places) -> QMenu:
        """Measuring what is not done yet, or everything."""
        cells = self.results.table.cells
        missing = [(row, column) for row, column in places if cells[row][column].state != DONE]
        menu = self._menu()
        for words, wanted in (("Measure only this", missing), ("Measure again", places)):
            action = menu.addAction(words)
            action.setEnabled(bool(wanted))
            action.triggered.connect(bound(self.measure_wanted.emit, wanted))
        return menu

    def _copy(self, row: int, column: int) -> None:
        QGuiApplication.clipboard().setText("\n".join(cell_tip(self.results.table, row, column)))

    @Slot(QItemSelection, QItemSelection)
    def _selected(self, _now: QItemSelection, _before: QItemSelection) -> None:
        row, column = self.chosen()
        self.rows.set_chosen(row)
        self.columns.set_chosen(column)
        if not self._quiet and (row, column) != NOWHERE:
            self.cell_chosen.emit(row, column)

    @Slot(int)
    def _show_row(self, row: int) -> None:
        self._scroll_to(row, max(self.columnAt(0), 0))

    @Slot(int)
    def _show_column(self, column: int) -> None:
        self._scroll_to(max(self.rowAt(0), 0), column)

    def _scroll_to(self, row: int, column: int) -> None:
        self.scrollTo(self.results.index(row, column))

    @Slot(int)
    def _enter_row(self, row: int) -> None:
        self._enter(row, max(self.currentIndex().column(), 0))

    @Slot(int)
    def _enter_column(self, column: int) -> None:
        self._enter(max(self.currentIndex().row(), 0), column)

    def _enter(self, row: int, column: int) -> None:
        self.setFocus()
        self.setCurrentIndex(self.results.index(row, column))

    @Slot(int, QPoint)
    def _row_menu_at(self, row: int, place: QPoint) -> None:
        self.row_menu(row).popup(place)

    @Slot(int, QPoint)
    def _column_menu_at(self, column: int, place: QPoint) -> None:
        self.column_menu(column).popup(place)
