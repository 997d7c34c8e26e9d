"""The flow in a drop-down, for windows too narrow to keep it beside the picture."""

from __future__ import annotations

from PySide6.QtCore import QPoint, Qt, Slot
from PySide6.QtWidgets import QFrame, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from app.ui.theme import Theme

_WIDTH, _WIDE, _MOST_HEIGHT = 300, 360, 560


class FlowDropDown(QPushButton):
    """A button that opens the flow under itself; its tooltip says which stage is shown."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__("Flow  ▾", parent)
        self.wide = False
        """Two columns stand side by side in the flow."""
        self.sheet = QFrame(self, Qt.WindowType.Popup)
        self.sheet.setProperty("role", "panel")
        self._room = QVBoxLayout(self.sheet)
        self._room.setContentsMargins(1, 3, 1, 3)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Flow")
        self.clicked.connect(self._open)

    def hold(self, *parts: QWidget) -> None:
        """Take the flow and its controls in; whoever puts them elsewhere takes them out again."""
        for part in parts:
            self._room.addWidget(part)
            part.show()

    def say(self, name: str) -> None:
        """Name the tensor that is shown, for the pointer and for readers of the screen."""
        self.setToolTip(f"The flow of the model: choose what is shown. Now: {name}")
        self.setAccessibleDescription(f"Shows {name}")

    @Slot()
    def _open(self) -> None:
        self.sheet.resize(_WIDE if self.wide else _WIDTH, min(_MOST_HEIGHT, max(self.window().height() - 200, 240)))
        self.sheet.move(self.mapToGlobal(QPoint(0, self.height() + 4)))
        self.sheet.show()

    @Slot()
    def close_sheet(self) -> None:
        """A stage was chosen."""
        self.sheet.hide()
