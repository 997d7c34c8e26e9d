"""Mouse, wheel, keys and the context menu of a matrix picture."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QEvent, QPointF, Qt, Signal
from PySide6.QtGui import QContextMenuEvent, QFocusEvent, QKeyEvent, QKeySequence, QMouseEvent, QWheelEvent
from PySide6.QtWidgets import QApplication, QMenu, QWidget

from app.ui.actions import bound
from app.ui.theme import Theme
from app.ui.widgets.focus_reasons import KEYBOARD_REASONS
from app.ui.widgets.matrix_export import MOST_VALUES
from app.ui.widgets.matrix_view import NOWHERE, MatrixView
from app.ui.widgets.save_dialog import ask_where, try_saving

_KEY_STEP = 1.5
_WHEEL_STEP = 1.2
_NOTCH = 120.0
"""One notch of a wheel in the unit of QWheelEvent.angleDelta."""
_MOVES = {
    Qt.Key.Key_Left: (0, -1),
    Qt.Key.Key_Right: (0, 1),
    Qt.Key.Key_Up: (-1, 0),
    Qt.Key.Key_Down: (1, 0),
}


class PointedMatrix(MatrixView):
    """A matrix picture that answers: hover, click, drag, wheel, arrow keys, right click.

    Wheel zooms about the pointer, Shift and wheel pan sideways, dragging pans, Ctrl with + and − zooms about the
    selected cell, 0 shows everything, arrows move the selected cell.
    """

    code_wanted = Signal()
    """Python that gives the tensor is to be copied."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(theme, parent)
        self.can_be_code = True
        """What is shown is a tensor of the model, and not something made of one."""
        self.more_entries: Callable[[QMenu], None] | None = None
        """Adds what its owner has to offer to the menu."""
        self._pressed: QPointF | None = None
        self._dragging = False
        self._last = QPointF()
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def _step(self, row: int, column: int, move: tuple[int, int]) -> tuple[int, int]:
        """The cell one arrow key further; the same cell at an edge."""
        rows, columns = self._levels.values.shape
        return min(max(row + move[0], 0), rows - 1), min(max(column + move[1], 0), columns - 1)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() != Qt.MouseButton.LeftButton:
            event.ignore()
            return
        self._pressed = self._last = event.position()
        self._dragging = False

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        position = event.position()
        if self._pressed is not None and self._zoom > 1.0:
            away = (position - self._pressed).manhattanLength()
            self._dragging = self._dragging or away >= QApplication.startDragDistance()
            if self._dragging:
                self.setCursor(Qt.CursorShape.ClosedHandCursor)
                self.pan_by(position.x() - self._last.x(), position.y() - self._last.y())
                self._last = position
                return
        self._point_at(self._cell_under(position))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.button() != Qt.MouseButton.LeftButton or self._pressed is None:
            return
        self._pressed = None
        if self._dragging:
            self._dragging = False
            self.unsetCursor()
            return
        cell = self._cell_under(event.position())
        if cell != NOWHERE:
            self.choose(*cell)

    def leaveEvent(self, event: QEvent) -> None:
        self._point_at(NOWHERE)

    def wheelEvent(self, event: QWheelEvent) -> None:
        turn = event.angleDelta()
        sideways = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        if sideways or abs(turn.x()) > abs(turn.y()):
            moved = self._zoom > 1.0
            if moved:
                self.pan_by((turn.x() or turn.y()) / 2.0, 0.0)
        else:
            moved = self.zoom_by(_WHEEL_STEP ** (turn.y() / _NOTCH), event.position())
        if moved:
            self._point_at(self._cell_under(event.position()))
        # What changes nothing here scrolls the page around the picture.
        event.setAccepted(moved)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if self._empty:
            event.ignore()
        elif event.matches(QKeySequence.StandardKey.Copy):
            self.copy_values()
        elif event.key() in _MOVES:
            self._move_selection(_MOVES[Qt.Key(event.key())])
        elif event.key() in (Qt.Key.Key_Plus, Qt.Key.Key_Equal):
            self.zoom_by(_KEY_STEP, self._selected_point())
        elif event.key() in (Qt.Key.Key_Minus, Qt.Key.Key_Underscore):
            self.zoom_by(1.0 / _KEY_STEP, self._selected_point())
        elif event.key() == Qt.Key.Key_0:
            self.reset_zoom()
        else:
            event.ignore()

    def focusInEvent(self, event: QFocusEvent) -> None:
        self._focus_shown = event.reason() in KEYBOARD_REASONS
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        self.update()

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        if not self._empty:
            self.context_menu().popup(event.globalPos())

    def context_menu(self) -> QMenu:
        """The menu of a right click; it deletes itself when it closes."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        part = " in view" if self._levels.values.size > MOST_VALUES else ""
        menu.addAction(f"Copy values{part}").triggered.connect(self.copy_values)
        menu.addAction("Copy picture").triggered.connect(self.copy_picture)
        if self._tensor is not None and self.can_be_code:
            menu.addAction("Copy as Python").triggered.connect(self.code_wanted)
        menu.addSeparator()
        for words, ending, kind, save in (
            ("Save picture as PNG…", "png", "PNG picture", self.save_png),
            ("Save picture as SVG…", "svg", "SVG picture", self.save_svg),
            (f"Save values{part} as CSV…", "csv", "CSV table", self.save_csv),
            ("Save values as NPY…", "npy", "NumPy array", self.save_npy),
            ("Save tensor as safetensors…", "safetensors", "Safetensors", self.save_safetensors),
        ):
            menu.addAction(words).triggered.connect(bound(self._ask_where, ending, kind, save))
        if self.more_entries is not None:
            self.more_entries(menu)
        return menu

    def _ask_where(self, ending: str, kind: str, save: Callable[[Path], None]) -> None:
        path = ask_where(self, self._file_stem(), ending, kind)
        if path is not None:
            try_saving(save, path, self.done.emit, self.failed.emit)

    def _file_stem(self) -> str:
        return (self._title or "matrix").replace(",", "").replace(" ", "-").replace("/", "-")

    def _point_at(self, cell: tuple[int, int]) -> None:
        if cell != self._hover:
            self._hover = cell
            self._announce()
            self.hovered.emit(*cell)

    def choose(self, row: int, column: int) -> None:
        """Mark a cell as a click on it does."""
        self.set_selected(row, column)
        self.clicked.emit(row, column)

    def _move_selection(self, move: tuple[int, int]) -> None:
        row, column = self._selected
        target = (max(row, 0), max(column, 0)) if row < 0 or column < 0 else self._step(row, column, move)
        if target != self._selected:
            self._rows = self._rows.revealing(target[0])
            self._columns = self._columns.revealing(target[1])
            self._repaint_all()
            self.choose(*target)

    def _selected_point(self) -> QPointF | None:
        """The middle of the selected cell, about which keys zoom."""
        row, column = self._selected
        if row < 0 or column < 0:
            return None
        return QPointF(self._columns.centre(column), self._rows.centre(row))
