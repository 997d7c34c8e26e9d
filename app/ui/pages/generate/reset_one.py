"""One setting put back to what the program starts with, on controls that are no sliders: by key and by menu."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QContextMenuEvent, QKeyEvent
from PySide6.QtWidgets import QCheckBox, QLineEdit, QMenu, QWidget

from app.ui.actions import bound

RESET_WORDS = "Put the default back"


class ResetOne(QObject):
    """`wanted(name)` for Delete and Backspace on a check box, and from the menu of any control that is watched."""

    wanted = Signal(str)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._names: dict[QObject, str] = {}

    def watch(self, control: QWidget, name: str) -> None:
        """Offer to put back the setting of this name."""
        self._names[control] = name
        control.installEventFilter(self)

    def menu_for(self, control: QWidget) -> QMenu:
        """The menu of a control: its own, if it has one, then the way back."""
        menu = control.createStandardContextMenu() if isinstance(control, QLineEdit) else QMenu(control)
        if menu.actions():
            menu.addSeparator()
        menu.addAction(RESET_WORDS).triggered.connect(bound(self.wanted.emit, self._names[control]))
        return menu

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        # While the window goes, Qt still delivers events to what Python has let go of.
        if watched not in self._names:
            return False
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress and isinstance(watched, QCheckBox):
            if event.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
                self.wanted.emit(self._names[watched])
                return True
        elif isinstance(event, QContextMenuEvent) and isinstance(watched, QWidget):
            menu = self.menu_for(watched)
            menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            menu.popup(event.globalPos())
            return True
        return super().eventFilter(watched, event)
