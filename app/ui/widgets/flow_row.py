"""Small widgets side by side, in as many rows as they need."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QSize, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QWidget


class FlowRow(QWidget):
    """Holds widgets in the order they were added, each in the size it asks for. Hidden ones take no room."""

    def __init__(self, gap: int = 8, row_gap: int = 4, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._gap, self._row_gap = gap, row_gap
        self._widgets: list[QWidget] = []
        policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)

    def add(self, widget: QWidget) -> None:
        """Put a widget behind those already there."""
        hidden = widget.isHidden() and widget.testAttribute(Qt.WidgetAttribute.WA_WState_ExplicitShowHide)
        widget.setParent(self)
        # A parent that is on the screen already does not show what comes later.
        widget.setVisible(not hidden)
        self._widgets.append(widget)
        self._changed()

    def remove(self, widget: QWidget) -> None:
        """Throw a widget away."""
        self._widgets.remove(widget)
        widget.hide()
        widget.deleteLater()
        self._changed()

    def sizeHint(self) -> QSize:
        widths = [widget.sizeHint().width() for widget in self._shown()]
        width = sum(widths) + self._gap * max(len(widths) - 1, 0)
        return QSize(width, self._place(width, move=False))

    def minimumSizeHint(self) -> QSize:
        # As high as its rows are now: a layout that gives no more than the minimum would cut the last one.
        width = max((widget.sizeHint().width() for widget in self._shown()), default=0)
        return QSize(width, self._place(max(self.width(), width), move=False))

    def hasHeightForWidth(self) -> bool:
        return True

    def heightForWidth(self, width: int) -> int:
        return self._place(width, move=False)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._changed()

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.LayoutRequest:
            self._changed()
        return super().event(event)

    def _shown(self) -> list[QWidget]:
        return [widget for widget in self._widgets if not widget.isHidden()]

    def _changed(self) -> None:
        self._place(self.width(), move=True)
        self.updateGeometry()

    def _place(self, width: int, move: bool) -> int:
        """Lay the widgets out in this width, each in the middle of its row; the height they take."""
        rows: list[list[QWidget]] = []
        left = 0
        for widget in self._shown():
            wide = widget.sizeHint().width()
            if not rows or left + wide > width:
                rows.append([])
                left = 0
            rows[-1].append(widget)
            left += wide + self._gap
        top = 0
        for row in rows:
            high = max(widget.sizeHint().height() for widget in row)
            if move:
                self._place_row(row, top, high)
            top += high + self._row_gap
        return max(top - self._row_gap, 0)

    def _place_row(self, row: list[QWidget], top: int, high: int) -> None:
        left = 0
        for widget in row:
            size = widget.sizeHint()
            wide = min(size.width(), max(self.width(), 1))
            widget.setGeometry(left, top + (high - size.height()) // 2, wide, size.height())
            left += size.width() + self._gap
