"""The command palette: type a few letters of what to do, press Enter."""

from __future__ import annotations

import html
import re
from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, QPoint, QSize, Qt, Slot
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QLineEdit, QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from app.ui.actions import Command, matching
from app.ui.icons import pixmap
from app.ui.theme import Theme
from app.ui.widgets.labels import make_elided_label, make_label

_WIDTH, _ROW, _MOST = 560, 38, 9


MOST = 60
"""How many lines are listed; a model has more tensors than anybody scrolls through."""


class Palette(QFrame):
    """A popup at the top of its window. `commands` is asked each time it opens."""

    def __init__(self, theme: Theme, commands: Callable[[], list[Command]], parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self._theme, self._commands, self._over = theme, commands, parent
        self._shown: list[Command] = []
        self.setProperty("role", "panel")
        self.setAccessibleName("Find or run")
        self.field = QLineEdit()
        self.field.setPlaceholderText("Find or run")
        self.field.setFont(theme.font(14))
        self.field.textChanged.connect(self._fill)
        self.field.returnPressed.connect(self.run_current)
        self.field.installEventFilter(self)
        self.list = QListWidget()
        self.list.setAccessibleName("Commands")
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.itemClicked.connect(self.run_current)
        self.nothing: QLabel = make_label(theme, "Nothing has that name.", 12.5, role="caption")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(10, 10, 10, 10)
        layout.addWidget(self.field)
        layout.addWidget(self.list)
        layout.addWidget(self.nothing)

    @Slot()
    def open(self, typed: str = "") -> None:
        """Show it under the top of the window, empty or with something typed."""
        self.field.setText(typed)
        self._fill()
        self.move(self._over.mapToGlobal(QPoint((self._over.width() - _WIDTH) // 2, 56)))
        self.show()
        self.field.setFocus()

    def shown(self) -> list[str]:
        """The titles listed."""
        return [command.title for command in self._shown]

    @Slot()
    def _fill(self) -> None:
        self._shown = matching(self._commands(), self.field.text())[:MOST]
        self.list.clear()
        for command in self._shown:
            item = QListWidgetItem(self.list)
            item.setSizeHint(QSize(_WIDTH - 40, _ROW))
            item.setData(Qt.ItemDataRole.AccessibleTextRole, f"{command.title} {command.keys}")
            self.list.setItemWidget(item, self._row(command))
        self.list.setCurrentRow(0)
        rows = min(len(self._shown), _MOST)
        self.list.setVisible(bool(rows))
        self.nothing.setVisible(not rows)
        self.list.setFixedHeight(rows * _ROW + 4)
        self.resize(_WIDTH, self.sizeHint().height())
        self.adjustSize()
        self.resize(_WIDTH, self.height())

    def _row(self, command: Command) -> QWidget:
        row = QWidget()
        layout = QHBoxLayout(row)
        layout.setContentsMargins(10, 0, 10, 0)
        layout.setSpacing(12)
        picture = QLabel()
        picture.setPixmap(pixmap(self._theme, command.icon or "chevron-right", "ink2", 16))
        title = QLabel(_marked(command.title, self.field.text()))
        title.setFont(self._theme.font(13))
        layout.addWidget(picture)
        if command.absent:
            title.setProperty("role", "caption")
            why = make_elided_label(self._theme, f"not here: {command.absent}", 12, role="caption")
            layout.addWidget(title)
            layout.addWidget(why, 1)
        else:
            layout.addWidget(title, 1)
        if command.keys:
            keys = make_label(self._theme, command.keys, 11, role="caption", mono=True)
            layout.addWidget(keys)
        row.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        return row

    @Slot()
    def run_current(self) -> None:
        """Close, then do what is marked."""
        place = self.list.currentRow()
        if 0 <= place < len(self._shown):
            command = self._shown[place]
            self.hide()
            command.act()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            step = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1}.get(Qt.Key(event.key()))
            if step is not None and self._shown:
                self.list.setCurrentRow((self.list.currentRow() + step) % len(self._shown))
                return True
        return super().eventFilter(watched, event)


def _marked(title: str, typed: str) -> str:
    """The title with what was typed in bold."""
    words = [re.escape(html.escape(word)) for word in typed.split()]
    escaped = html.escape(title)
    return re.sub(f"({'|'.join(words)})", r"<b>\1</b>", escaped, flags=re.IGNORECASE) if words else escaped
