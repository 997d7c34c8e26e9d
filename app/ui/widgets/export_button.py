"""The button in a panel's header that opens what a right click on its picture opens."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QPoint, QSize, Slot
from PySide6.QtWidgets import QMenu, QPushButton

from app.ui.icons import icon
from app.ui.theme import Theme

WORD = "Export"


class ExportButton(QPushButton):
    """Its menu is made when it is pressed, for what is shown then. Without room in the header the word goes."""

    def __init__(self, theme: Theme, menu: Callable[[], QMenu]) -> None:
        super().__init__(WORD)
        self._theme, self._menu = theme, menu
        self.setIconSize(QSize(16, 16))
        self.setToolTip("Copy what is shown, or save it")
        self.setAccessibleName("Export")
        self.clicked.connect(self._open)
        theme.changed.connect(self._restyle)
        self._restyle()

    def shorten(self, short: bool) -> None:
        """Leave the word out, or write it."""
        self.setText("" if short else WORD)

    @Slot()
    def _open(self) -> None:
        self._menu().popup(self.mapToGlobal(QPoint(0, self.height() + 2)))

    @Slot()
    def _restyle(self) -> None:
        self.setIcon(icon(self._theme, "export", "ink", 16))
