"""Getting a painted widget out: its numbers as text, its picture as PNG or SVG."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject, QPoint, Qt, Signal, Slot
from PySide6.QtGui import QGuiApplication, QImage, QPainter
from PySide6.QtWidgets import QMenu, QWidget

from app.ui.actions import bound
from app.ui.widgets.matrix_export import save_image_png, save_picture_svg, save_text_csv
from app.ui.widgets.save_dialog import ask_where, try_saving

_RATIO = 2
Lines = list[list[str]]


class PictureExport(QObject):
    """The menu of a right click on a widget that draws itself. `lines` gives its numbers, a heading first."""

    failed = Signal(str)
    """A sentence: a file could not be written."""
    done = Signal(str)
    """A sentence: what is on the clipboard now, or in which file."""

    def __init__(self, widget: QWidget, stem: str, lines: Callable[[], Lines], picture: bool = True) -> None:
        super().__init__(widget)
        self._widget, self._stem, self._lines, self._has_picture = widget, stem, lines, picture
        widget.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        widget.customContextMenuRequested.connect(self._open)

    def menu(self) -> QMenu:
        """It deletes itself when it closes."""
        menu = QMenu(self._widget)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction("Copy values").triggered.connect(self.copy_values)
        if self._has_picture:
            menu.addAction("Copy picture").triggered.connect(self.copy_picture)
        menu.addSeparator()
        kinds = [("Save values as CSV…", "csv", "CSV table", self.save_csv)]
        if self._has_picture:
            kinds = [
                ("Save picture as PNG…", "png", "PNG picture", self.save_png),
                ("Save picture as SVG…", "svg", "SVG picture", self.save_svg),
                *kinds,
            ]
        for words, ending, kind, save in kinds:
            menu.addAction(words).triggered.connect(bound(self._ask_where, ending, kind, save))
        return menu

    def values_text(self, delimiter: str = "\t") -> str:
        """The numbers as text, quoted where a cell holds the delimiter."""
        return "".join(delimiter.join(_quoted(cell, delimiter) for cell in line) + "\n" for line in self._lines())

    @Slot()
    def copy_values(self) -> None:
        """Put the numbers on the clipboard, tab-separated."""
        QGuiApplication.clipboard().setText(self.values_text())
        self.done.emit("The values are on the clipboard.")

    @Slot()
    def copy_picture(self) -> None:
        """Put the picture on the clipboard."""
        QGuiApplication.clipboard().setImage(self.picture())
        self.done.emit("The picture is on the clipboard.")

    def picture(self) -> QImage:
        """The widget as it is, also what is scrolled out of sight, at two pixels per pixel."""
        image = QImage(self._widget.size() * _RATIO, QImage.Format.Format_ARGB32_Premultiplied)
        image.setDevicePixelRatio(_RATIO)
        image.fill(self._widget.palette().window().color())
        self._widget.render(image)
        return image

    def save_png(self, path: str | Path) -> None:
        """Write the picture. Raises UserError when the file cannot be written."""
        save_image_png(self.picture(), path)

    def save_svg(self, path: str | Path) -> None:
        """Write the picture as SVG, lines and letters as such. Raises UserError when the file cannot be written."""
        save_picture_svg(self._widget.size(), self._paint, path)

    def save_csv(self, path: str | Path) -> None:
        """Write the numbers. Raises UserError when the file cannot be written."""
        save_text_csv(self.values_text(","), path)

    def _paint(self, painter: QPainter, _ratio: float) -> None:
        self._widget.render(painter, QPoint())

    @Slot(QPoint)
    def _open(self, place: QPoint) -> None:
        self.menu().popup(self._widget.mapToGlobal(place))

    def _ask_where(self, ending: str, kind: str, save: Callable[[Path], None]) -> None:
        path = ask_where(self._widget, self._stem, ending, kind)
        if path is not None:
            try_saving(save, path, self.done.emit, self.failed.emit)


def _quoted(cell: str, delimiter: str) -> str:
    """A cell as CSV writes it."""
    return f'"{cell.replace(chr(34), chr(34) * 2)}"' if any(sign in cell for sign in (delimiter, '"', "\n")) else cell
