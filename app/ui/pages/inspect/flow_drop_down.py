"""The flow in a drop-down, for windows too narrow to keep it beside the picture."""

from __future__ import annotations

from PySide6.QtCore import QPoint, Qt, Slot
from PySide6.QtWidgets import QFrame, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from app.ui.theme import Theme

_WIDTH, _MOST_HEIGHT = 300, 560


class FlowDropDown(QPushButton):
    """A button that says which stage is shown and opens the flow under itself."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self.sheet = QFrame(self, Qt.WindowType.Popup)
        self.sheet.setProperty("role", "panel")
        self._room = QVBoxLayout(self.sheet)
        self._room.setContentsMargins(1, 3, 1, 3)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.setToolTip("The flow of the model: choose what is shown")
        self.setAccessibleName("Flow")
        self.clicked.connect(self._open)

    def hold(self, flow: QWidget) -> None:
        """Take the flow in; whoever puts it elsewhere takes it out again."""
        self._room.addWidget(flow)
        flow.show()

    def say(self, name: str) -> None:
        """Name the tensor that is shown."""
        self.setText(f"Flow: {name}  ▾")

    @Slot()
    def _open(self) -> None:
        self.sheet.resize(max(_WIDTH, self.width()), min(_MOST_HEIGHT, max(self.window().height() - 200, 240)))
        self.sheet.move(self.mapToGlobal(QPoint(0, self.height() + 4)))
        self.sheet.show()

    @Slot()
    def close_sheet(self) -> None:
        """A stage was chosen."""
        self.sheet.hide()
