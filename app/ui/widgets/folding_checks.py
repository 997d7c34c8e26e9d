"""Check boxes in a row, which fold into a menu where there is no room for them."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSize, Slot
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QMenu, QPushButton, QSizePolicy, QWidget

_GAP = 10


class FoldingChecks(QWidget):
    """Holds check boxes made elsewhere. The menu's entries are the same boxes under another hand: they press them."""

    def __init__(self, boxes: Sequence[QCheckBox], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._boxes = tuple(boxes)
        self._offered = dict.fromkeys(self._boxes, True)
        self.button = QPushButton("View  ▾")
        self.button.setToolTip("What the picture shows")
        self.menu = QMenu(self)
        self.menu.aboutToShow.connect(self._fill)
        self.button.clicked.connect(self._open)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(_GAP)
        row.addStretch(1)
        for box in (*self._boxes, self.button):
            row.addWidget(box)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self._fold()

    def offer(self, box: QCheckBox, offered: bool) -> None:
        """Whether a box has a meaning for what is shown now."""
        self._offered[box] = offered
        self.updateGeometry()
        self._fold()

    @property
    def folded(self) -> bool:
        """Whether the menu stands in the place of the boxes."""
        return self.width() < self.sizeHint().width()

    def sizeHint(self) -> QSize:
        boxes = [box.sizeHint() for box, offered in self._offered.items() if offered]
        width = sum(size.width() for size in boxes) + _GAP * max(len(boxes) - 1, 0)
        return QSize(width, max((size.height() for size in boxes), default=0))

    def minimumSizeHint(self) -> QSize:
        some = any(self._offered.values())
        return self.button.sizeHint().boundedTo(self.sizeHint()) if some else QSize(0, 0)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fold()

    def _fold(self) -> None:
        folded = self.folded
        for box, offered in self._offered.items():
            box.setVisible(offered and not folded)
        self.button.setVisible(folded and any(self._offered.values()))

    @Slot()
    def _fill(self) -> None:
        self.menu.clear()
        for box, offered in self._offered.items():
            if offered:
                entry = self.menu.addAction(box.text())
                entry.setCheckable(True)
                entry.setChecked(box.isChecked())
                entry.setEnabled(box.isEnabled())
                entry.triggered.connect(box.click)

    @Slot()
    def _open(self) -> None:
        self.menu.popup(self.button.mapToGlobal(self.button.rect().bottomLeft()))
