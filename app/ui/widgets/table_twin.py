"""A picture's twin: the same matrix as a table that a screen reader can walk through."""

from __future__ import annotations

from typing import Any

import numpy as np
from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, QPoint, Qt, Signal, Slot
from PySide6.QtGui import QKeyEvent, QKeySequence
from PySide6.QtWidgets import QHeaderView, QMenu, QStackedWidget, QTableView, QToolButton, QWidget

from app.ui.icons import icon
from app.ui.theme import Theme
from app.ui.widgets.head_grid import HeadGrid
from app.ui.widgets.matrix_export import MatrixTable
from app.ui.widgets.matrix_pointing import PointedMatrix
from app.ui.widgets.number_text import number

_Index = QModelIndex | QPersistentModelIndex
_NONE = QModelIndex()
_ROW, _COLUMN = 24, 92


class MatrixModel(QAbstractTableModel):
    """A `MatrixTable` as Qt's tables read it, cell by cell, so that a large one costs nothing."""

    def __init__(self, table: MatrixTable) -> None:
        super().__init__()
        self.table = table

    def rowCount(self, parent: _Index = _NONE) -> int:
        return 0 if parent.isValid() else self.table.values.shape[0]

    def columnCount(self, parent: _Index = _NONE) -> int:
        return 0 if parent.isValid() else self.table.values.shape[1]

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        if role not in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return None
        value = float(self.table.values[index.row(), index.column()])
        text = "masked" if np.isneginf(value) else number(value, 4)
        if role == Qt.ItemDataRole.DisplayRole:
            return text
        row, column = self.table.row_labels[index.row()], self.table.column_labels[index.column()]
        return f"{row}, {column}: {text}"

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if role != Qt.ItemDataRole.DisplayRole:
            return None
        across = orientation == Qt.Orientation.Horizontal
        labels = self.table.column_labels if across else self.table.row_labels
        label = labels[section]
        # Tokens repeat, so they are read with their place.
        return label if label[-1:].isdigit() else f"{label} #{section}"


class _TableView(QTableView):
    """Copies the whole table where Qt's own copies one cell: the picture it is the twin of does so, too."""

    copy_wanted = Signal()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.matches(QKeySequence.StandardKey.Copy):
            self.copy_wanted.emit()
        else:
            super().keyPressEvent(event)


class TableTwin(QStackedWidget):
    """The picture, or its table; `button` switches and stands where the owner puts it.

    The current cell of the table is the picture's selected cell, and moving it counts as a click there. A right click
    offers what it does on the picture.
    """

    shown_as_table = Signal(bool)

    def __init__(self, theme: Theme, picture: PointedMatrix | HeadGrid, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme, self.picture = theme, picture
        self._following = False
        self.view = _TableView()
        self.view.setAccessibleName(f"{picture.accessibleName()} as a table")
        self.view.setSelectionMode(QTableView.SelectionMode.SingleSelection)
        self.view.setCornerButtonEnabled(False)
        for header, size in ((self.view.horizontalHeader(), _COLUMN), (self.view.verticalHeader(), _ROW)):
            header.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
            header.setDefaultSectionSize(size)
        self.view.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.view.customContextMenuRequested.connect(self._open_menu)
        self.view.copy_wanted.connect(self._copy)
        self.addWidget(picture)
        self.addWidget(self.view)
        self.button = QToolButton()
        self.button.setCheckable(True)
        self.button.setToolTip("Show as a table")
        self.button.setAccessibleName("Show as a table")
        self.button.toggled.connect(self._toggled)
        picture.matrix_changed.connect(self._refill)
        picture.selected_changed.connect(self._follow)
        theme.changed.connect(self._restyle)
        self._restyle()

    @property
    def is_table(self) -> bool:
        """Whether the table is in front."""
        return self.currentWidget() is self.view

    @Slot()
    def _restyle(self) -> None:
        self.button.setIcon(icon(self._theme, "table"))
        self.view.setFont(self._theme.font(12, mono=True))

    @Slot(bool)
    def _toggled(self, table: bool) -> None:
        front = self.view if table else self.picture
        self.setCurrentWidget(front)
        self._refill()
        front.setFocus()
        self.shown_as_table.emit(table)

    def menu(self) -> QMenu:
        """What a right click offers, of the picture and of its table; it deletes itself when it closes."""
        return self.picture.export.menu() if isinstance(self.picture, HeadGrid) else self.picture.context_menu()

    @Slot(QPoint)
    def _open_menu(self, place: QPoint) -> None:
        self.menu().popup(self.view.viewport().mapToGlobal(place))

    @Slot()
    def _copy(self) -> None:
        (self.picture.export if isinstance(self.picture, HeadGrid) else self.picture).copy_values()

    @Slot()
    def _refill(self) -> None:
        """Tables that nobody looks at are not made."""
        if not self.is_table:
            return
        before = self.view.model()
        self.view.setModel(MatrixModel(self.picture.table()))
        self.view.selectionModel().currentChanged.connect(self._moved)
        if before is not None:
            before.deleteLater()
        self._follow()

    @Slot()
    def _follow(self) -> None:
        model = self.view.model()
        row, column = self.picture.selected()
        if not self.is_table or model is None or row < 0 or column < 0:
            return
        chosen = model.index(row, column)
        if chosen != self.view.currentIndex():
            self._following = True
            self.view.setCurrentIndex(chosen)
            self.view.scrollTo(chosen)
            self._following = False

    @Slot(QModelIndex, QModelIndex)
    def _moved(self, current: QModelIndex, _before: QModelIndex) -> None:
        if current.isValid() and not self._following:
            self.picture.choose(current.row(), current.column())
