"""The rail of pages at the left of the window."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QRectF, QSize, Qt, Signal, Slot
from PySide6.QtGui import QKeyEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QAbstractButton, QButtonGroup, QFrame, QHBoxLayout, QVBoxLayout, QWidget

from app.ui.icons import pixmap
from app.ui.theme import Theme
from app.ui.widgets.labels import make_rule
from app.ui.widgets.painting import fill_round, focus_ring

_WIDTH = 72
_BUTTON_HEIGHT = 58
_ICON = 20


class RailButton(QAbstractButton):
    """One page: its icon over its name; the chosen one has an accent bar at the left."""

    def __init__(self, theme: Theme, label: str, icon_name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._icon_name = icon_name
        self.setText(label)
        self.setCheckable(True)
        self.setAccessibleName(label)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setFixedHeight(_BUTTON_HEIGHT)
        theme.changed.connect(self._on_theme)

    def sizeHint(self) -> QSize:
        return QSize(_WIDTH, _BUTTON_HEIGHT)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        color, plate = self._theme.color, QRectF(7, 1, self.width() - 13, self.height() - 2)
        token = "accent" if self.isChecked() else "ink2" if self.isEnabled() else "ink3"
        if self.isChecked():
            fill_round(painter, plate, 8, color("accentsoft"))
            fill_round(painter, QRectF(-3, 12, 6, self.height() - 24), 2, color("accent"))
        elif self.underMouse() and self.isEnabled():
            fill_round(painter, plate, 8, color("hover"))
        left = round(plate.center().x() - _ICON / 2)
        painter.drawPixmap(left, 10, pixmap(self._theme, self._icon_name, token, _ICON))
        painter.setFont(self._theme.font(11, 650 if self.isChecked() else 500))
        painter.setPen(color(token))
        under = QRectF(plate.left() - 6, 32, plate.width() + 12, 18)
        painter.drawText(under, Qt.AlignmentFlag.AlignCenter, self.text())
        if self.hasFocus():
            focus_ring(painter, plate, color("accent"), 8)
        painter.end()

    @Slot()
    def _on_theme(self) -> None:
        self.update()


class Rail(QFrame):
    """72 px of pages, given as (key, label, icon name). `chosen(key)` comes for the person's choice only."""

    chosen = Signal(str)

    def __init__(self, theme: Theme, pages: Sequence[tuple[str, str, str]], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self.setProperty("role", "bar")
        self.setFixedWidth(_WIDTH)
        self.setAccessibleName("Pages")
        self._keys = [key for key, _, _ in pages]
        self._group = QButtonGroup(self)
        column = QVBoxLayout()
        column.setContentsMargins(0, 8, 0, 8)
        column.setSpacing(0)
        for index, (_, label, icon_name) in enumerate(pages):
            button = RailButton(theme, label, icon_name)
            button.setToolTip(f"{label} (Ctrl+{index + 1})")
            self._group.addButton(button, index)
            column.addWidget(button)
        column.addStretch(1)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(column, 1)
        layout.addWidget(make_rule(vertical=True))
        self._group.idClicked.connect(self._on_clicked)

    def current(self) -> str:
        """The key of the chosen page; "" before one is chosen."""
        index = self._group.checkedId()
        return self._keys[index] if index >= 0 else ""

    def set_current(self, key: str) -> None:
        """Show a page as chosen; emits nothing."""
        self._group.button(self._keys.index(key)).setChecked(True)

    def button(self, key: str) -> QAbstractButton:
        """The button of a page."""
        return self._group.button(self._keys.index(key))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        # Home and End reach the rail from its buttons, which handle the arrows themselves.
        ends = {Qt.Key.Key_Home: 0, Qt.Key.Key_End: len(self._keys) - 1}
        if event.key() in ends:
            button = self._group.button(ends[Qt.Key(event.key())])
            button.setFocus(Qt.FocusReason.TabFocusReason)
            button.click()
        else:
            super().keyPressEvent(event)

    @Slot(int)
    def _on_clicked(self, index: int) -> None:
        self.chosen.emit(self._keys[index])
