"""A choice between two to four views, all visible."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QObject, Qt, Signal, Slot
from PySide6.QtGui import QKeyEvent, QShowEvent
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QPushButton, QSizePolicy, QWidget

from app.ui.theme import Theme


class Segmented(QWidget):
    """Exclusive segments. `changed(index)` comes for the person's choice only.

    Tab enters at the chosen segment; arrows, Home and End choose another.
    """

    changed = Signal(int)
    pointed = Signal()
    """A segment was pressed, and not reached with the arrow keys: the keys are not needed here."""

    def __init__(self, theme: Theme, labels: Sequence[str], name: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._index = 0
        self._by_keys = False
        self.setAccessibleName(name)
        self._group = QButtonGroup(self)
        self._buttons: list[QPushButton] = []
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        for index, label in enumerate(labels):
            button = self._make_button(label, index, len(labels))
            layout.addWidget(button)
            self._group.addButton(button, index)
            self._buttons.append(button)
        self.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        self._group.idClicked.connect(self._on_clicked)
        theme.changed.connect(self._show)
        self._show()

    def index(self) -> int:
        """The chosen segment, counted from 0."""
        return self._index

    def label(self) -> str:
        """The words of the chosen segment."""
        return self._buttons[self._index].text()

    def set_index(self, index: int) -> None:
        """Choose a segment; emits nothing."""
        self._index = index
        self._show()

    def set_segment_enabled(self, index: int, enabled: bool, reason: str = "") -> None:
        """Switch a segment on or off; `reason` becomes its tooltip."""
        self._buttons[index].setEnabled(enabled)
        self._buttons[index].setToolTip(reason)

    def button(self, index: int) -> QPushButton:
        """The button of a segment."""
        return self._buttons[index]

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        # The style sheet, applied when first shown, puts back the fonts that were measured.
        self._show()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            step = {Qt.Key.Key_Left: -1, Qt.Key.Key_Up: -1, Qt.Key.Key_Right: 1, Qt.Key.Key_Down: 1}
            if event.key() in step:
                return self._move(self._index, step[Qt.Key(event.key())])
            if event.key() == Qt.Key.Key_Home:
                return self._move(-1, 1)
            if event.key() == Qt.Key.Key_End:
                return self._move(len(self._buttons), -1)
        return super().eventFilter(watched, event)

    def _move(self, start: int, step: int) -> bool:
        """Choose the next enabled segment from `start` in a direction; the key is always used up."""
        target = start + step
        while 0 <= target < len(self._buttons) and not self._buttons[target].isEnabled():
            target += step
        if 0 <= target < len(self._buttons) and target != self._index:
            self._buttons[target].setFocus(Qt.FocusReason.TabFocusReason)
            self._by_keys = True
            self._buttons[target].click()
            self._by_keys = False
        return True

    def _make_button(self, label: str, index: int, count: int) -> QPushButton:
        button = QPushButton(label)
        button.setCheckable(True)
        place = "first" if index == 0 else "last" if index == count - 1 else "middle"
        button.setProperty("segment", place)
        # As wide as the bold label, so that choosing moves nothing.
        button.setFont(self._theme.font(12.5, 650))
        button.setMinimumWidth(button.sizeHint().width())
        button.installEventFilter(self)
        return button

    @Slot()
    def _show(self) -> None:
        for index, button in enumerate(self._buttons):
            chosen = index == self._index
            button.setChecked(chosen)
            button.setFont(self._theme.font(12.5, 650 if chosen else 400))
            button.setFocusPolicy(Qt.FocusPolicy.StrongFocus if chosen else Qt.FocusPolicy.ClickFocus)

    @Slot(int)
    def _on_clicked(self, index: int) -> None:
        if index != self._index:
            self._index = index
            self._show()
            self.changed.emit(index)
        if not self._by_keys:
            self.pointed.emit()
