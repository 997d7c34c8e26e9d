"""A short list of names and values."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPoint, Qt, Signal, Slot
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QGridLayout, QLabel, QMenu, QSizePolicy, QWidget

from app.ui.theme import Theme


class Facts(QWidget):
    """Rows of (name, value, tooltip); the context menu copies them as tab-separated text."""

    done = Signal(str)
    """A sentence: what is on the clipboard now."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._rows: list[tuple[str, str, str]] = []
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(12, 6, 12, 8)
        self._grid.setVerticalSpacing(3)
        self._grid.setColumnStretch(0, 1)
        self._labels: list[tuple[QLabel, QLabel]] = []
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.customContextMenuRequested.connect(self._menu)
        theme.changed.connect(self._restyle)

    def set_rows(self, rows: Sequence[tuple[str, str, str]]) -> None:
        """Show these rows; labels are kept and reused, so nothing flickers while the selection moves."""
        self._rows = list(rows)
        while len(self._labels) < len(rows):
            name, value = QLabel(), QLabel()
            # In a narrow panel the name gives way: a figure that is cut reads as another.
            name.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
            name.setProperty("role", "secondary")
            value.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            line = len(self._labels)
            self._grid.addWidget(name, line, 0)
            self._grid.addWidget(value, line, 1, Qt.AlignmentFlag.AlignRight)
            self._grid.setRowStretch(line, 0)
            self._grid.setRowStretch(line + 1, 1)
            self._labels.append((name, value))
        for index, (name, value) in enumerate(self._labels):
            shown = index < len(rows)
            name.setVisible(shown)
            value.setVisible(shown)
            if shown:
                name.setText(rows[index][0])
                value.setText(rows[index][1])
                name.setToolTip(rows[index][2])
                value.setToolTip(rows[index][2])
        self._restyle()

    def rows(self) -> list[tuple[str, str]]:
        """The names and values shown."""
        return [(name, value) for name, value, _ in self._rows]

    @Slot()
    def _restyle(self) -> None:
        for name, value in self._labels:
            name.setFont(self._theme.font(12))
            value.setFont(self._theme.font(12, mono=True))

    @Slot(QPoint)
    def _menu(self, place: QPoint) -> None:
        menu = QMenu(self)
        menu.addAction("Copy values", self.copy)
        menu.exec(self.mapToGlobal(place))

    @Slot()
    def copy(self) -> None:
        """Put the rows on the clipboard."""
        QGuiApplication.clipboard().setText("\n".join(f"{name}\t{value}" for name, value, _ in self._rows))
        self.done.emit("The values are on the clipboard.")
