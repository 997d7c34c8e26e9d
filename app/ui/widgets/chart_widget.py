"""The common part of painted charts: a still picture that is kept, marks that move over it, copying and saving."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QRectF, Qt, Signal, Slot
from PySide6.QtGui import (
    QContextMenuEvent,
    QFocusEvent,
    QGuiApplication,
    QImage,
    QKeyEvent,
    QKeySequence,
    QPainter,
    QPaintEvent,
    QPixmap,
    QResizeEvent,
)
from PySide6.QtWidgets import QMenu, QWidget

from app.ui.actions import bound
from app.ui.theme import Theme
from app.ui.widgets.chart_points import plain_table
from app.ui.widgets.focus_reasons import KEYBOARD_REASONS
from app.ui.widgets.matrix_export import MatrixTable, save_image_png, save_picture_svg, save_text_csv
from app.ui.widgets.painting import focus_ring
from app.ui.widgets.save_dialog import ask_where, try_saving

_PICTURE_RATIO = 2.0


class ChartWidget(QWidget):
    """Subclasses say what is drawn and which numbers it stands for.

    What does not follow the pointer is painted once into a pixmap, so that hovering stays quick with many points.
    """

    failed = Signal(str)
    """A sentence: an export did not succeed."""
    done = Signal(str)
    """A sentence: what was copied, or where it was saved."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._still: QPixmap | None = None
        self._focus_shown = False
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        theme.changed.connect(self._on_theme)

    # What subclasses say

    def table(self) -> MatrixTable:
        """The numbers shown, NaN where there is none."""
        raise NotImplementedError

    def _paint_still(self, painter: QPainter) -> None:
        """Everything that does not follow the pointer, on a ground that is filled already."""
        raise NotImplementedError

    def _paint_moving(self, painter: QPainter) -> None:
        """What follows pointer and keys."""
        raise NotImplementedError

    def _file_stem(self) -> str:
        """The name that a file is offered, without its ending."""
        raise NotImplementedError

    # Getting it out

    def values_text(self) -> str:
        """The numbers as tab-separated text."""
        return plain_table(self.table(), "\t")

    def copy_values(self) -> None:
        """Put the numbers on the clipboard, tab-separated."""
        QGuiApplication.clipboard().setText(self.values_text())
        self.done.emit("The values are on the clipboard.")

    def copy_picture(self) -> None:
        """Put the picture on the clipboard."""
        QGuiApplication.clipboard().setImage(self.picture())
        self.done.emit("The picture is on the clipboard.")

    def picture(self) -> QImage:
        """The picture without pointer and readout, at two pixels per pixel."""
        image = QImage(self.size() * _PICTURE_RATIO, QImage.Format.Format_ARGB32_Premultiplied)
        image.setDevicePixelRatio(_PICTURE_RATIO)
        painter = QPainter(image)
        self._paint_whole(painter)
        painter.end()
        return image

    def save_csv(self, path: str | Path) -> None:
        """Write the numbers. Raises UserError when the file cannot be written."""
        save_text_csv(plain_table(self.table(), ","), path)

    def save_png(self, path: str | Path) -> None:
        """Write the picture at twice its size on screen. Raises UserError when the file cannot be written."""
        save_image_png(self.picture(), path)

    def save_svg(self, path: str | Path) -> None:
        """Write the picture as SVG, lines and letters as such. Raises UserError when the file cannot be written."""
        save_picture_svg(self.size(), self._paint_into_svg, path)

    def context_menu(self) -> QMenu:
        """The menu of a right click; it deletes itself when it closes."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction("Copy values").triggered.connect(self.copy_values)
        menu.addAction("Copy picture").triggered.connect(self.copy_picture)
        menu.addSeparator()
        for words, ending, kind, save in (
            ("Save picture as PNG…", "png", "PNG picture", self.save_png),
            ("Save picture as SVG…", "svg", "SVG picture", self.save_svg),
            ("Save values as CSV…", "csv", "CSV table", self.save_csv),
        ):
            menu.addAction(words).triggered.connect(bound(self._ask_where, ending, kind, save))
        return menu

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        self.context_menu().popup(event.globalPos())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.matches(QKeySequence.StandardKey.Copy):
            self.copy_values()
        else:
            event.ignore()

    def _ask_where(self, ending: str, kind: str, save: Callable[[Path], None]) -> None:
        path = ask_where(self, self._file_stem(), ending, kind)
        if path is not None:
            try_saving(save, path, self.done.emit, self.failed.emit)

    # Painting

    @Slot()
    def _on_theme(self) -> None:
        """A slot of its own: a connection to a method that subclasses replace outlives the widget."""
        self._repaint_all()

    def _repaint_all(self) -> None:
        """The still part has changed."""
        self._still = None
        self.update()

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._repaint_all()

    def focusInEvent(self, event: QFocusEvent) -> None:
        self._focus_shown = event.reason() in KEYBOARD_REASONS
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        ratio = self.devicePixelRatioF()
        if self._still is None or self._still.devicePixelRatioF() != ratio:
            self._still = QPixmap(self.size() * ratio)
            self._still.setDevicePixelRatio(ratio)
            inner = QPainter(self._still)
            self._paint_whole(inner)
            inner.end()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.drawPixmap(0, 0, self._still)
        self._paint_moving(painter)
        if self._focus_shown and self.hasFocus():
            focus_ring(painter, QRectF(self.rect()), self._theme.color("accent"))
        painter.end()

    def _paint_into_svg(self, painter: QPainter, _ratio: float) -> None:
        self._paint_whole(painter)

    def _paint_whole(self, painter: QPainter) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(self.rect(), self._theme.color("surface"))
        self._paint_still(painter)
