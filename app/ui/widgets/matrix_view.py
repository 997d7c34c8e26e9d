"""The common part of the large matrix pictures: layout, zoom, pan, hover, selection, export."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal, Slot
from PySide6.QtGui import QGuiApplication, QImage, QPainter, QPaintEvent, QPixmap, QResizeEvent
from PySide6.QtWidgets import QWidget

from app.session.tensor_file import save_tensors
from app.ui.theme import Theme
from app.ui.widgets.matrix_export import (
    MOST_VALUES,
    MatrixTable,
    save_array_npy,
    save_image_png,
    save_picture_svg,
    save_table_csv,
    table_text,
)
from app.ui.widgets.matrix_geometry import Axis, pool_factor, snapped, strongest_in_block
from app.ui.widgets.matrix_image import hatch_brush, plot_image
from app.ui.widgets.matrix_levels import MatrixLevels
from app.ui.widgets.matrix_overview import draw_overview, overview_image, overview_rect
from app.ui.widgets.painting import focus_ring

NOWHERE = (-1, -1)
_PICTURE_RATIO = 2.0


class MatrixView(QWidget):
    """A matrix of cells that can be zoomed, dragged, pointed at and exported. Subclasses say what is drawn.

    The still part (cells, labels, legend) is kept as one pixmap, so that moving the pointer repaints marks only.
    """

    hovered = Signal(int, int)
    """Row and column under the pointer, (−1, −1) when it leaves. Where cells are pooled: the cell that is shown."""
    clicked = Signal(int, int)
    """Row and column that was clicked or reached with the arrow keys."""
    failed = Signal(str)
    """A sentence: an export did not succeed."""
    done = Signal(str)
    """A sentence: what is on the clipboard now, or in which file."""
    matrix_changed = Signal()
    selected_changed = Signal()

    _signed = False
    _masked = True
    """−inf stands for a masked cell."""
    _most_blocks = (256, 256)
    _largest_cells = (64.0, 64.0)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._levels = MatrixLevels(np.full((1, 1), -np.inf, dtype=np.float32), signed=self._signed)
        self._empty = True
        self._row_labels: Sequence[str] = [""]
        self._column_labels: Sequence[str] = [""]
        self._small: QImage | None = None
        """The whole matrix small, made when it is first zoomed."""
        self._title = ""
        self._tensor: tuple[str, np.ndarray] | None = None
        self._zoom = 1.0
        self._rows = Axis(1, 0.0, 1.0, 1.0)
        self._columns = Axis(1, 0.0, 1.0, 1.0)
        self._hover = NOWHERE
        self._selected = NOWHERE
        self._backdrop: QPixmap | None = None
        self._focus_shown = False
        self.setMinimumSize(160, 120)
        theme.changed.connect(self._restyle)

    # What subclasses say

    def _margins(self) -> tuple[float, float, float, float]:
        """Room around the plot in pixels: left, top, right, bottom."""
        raise NotImplementedError

    def _fit(self, height: float, width: float) -> tuple[float, float]:
        """Height and width of a cell at which the whole matrix fits."""
        raise NotImplementedError

    def _colours(self, values: np.ndarray) -> np.ndarray:
        """Colours uint32 of values, masked cells transparent."""
        raise NotImplementedError

    def _paint_around(self, painter: QPainter) -> None:
        """Everything still that stands on or around the cells."""
        raise NotImplementedError

    def _paint_marks(self, painter: QPainter) -> None:
        """What follows pointer and selection."""
        raise NotImplementedError

    def _describe(self) -> str:
        """What is selected or pointed at, as a sentence for screen readers."""
        raise NotImplementedError

    def _table(self) -> MatrixTable:
        """The numbers to export with all labels."""
        raise NotImplementedError

    # Public

    def sizeHint(self) -> QSize:
        return QSize(480, 440)

    def set_title(self, title: str) -> None:
        """What the picture shows, for instance "Block 3 head 2"; begins the text for screen readers."""
        self._title = title
        self._announce()

    def set_selected(self, row: int, column: int) -> None:
        """Mark a cell; a column of −1 marks the row alone, (−1, −1) nothing. Out of range counts as −1."""
        rows, columns = self._levels.values.shape
        self._selected = (row if 0 <= row < rows else -1, column if 0 <= column < columns else -1)
        self._announce()
        self.selected_changed.emit()

    def selected(self) -> tuple[int, int]:
        """Row and column that are marked, −1 where none is."""
        return self._selected

    def table(self) -> MatrixTable:
        """What is shown, in numbers, masked cells −inf; no rows when there is nothing."""
        whole = self._table()
        values = np.zeros((0, 0), dtype=np.float32) if self._empty else self._levels.values
        return MatrixTable(whole.corner, whole.row_labels, whole.column_labels, values)

    def set_hovered(self, row: int, column: int) -> None:
        """Show the marks of a cell that is pointed at elsewhere. Emits nothing."""
        self._hover = (row, column) if self._inside(row, column) else NOWHERE
        self._announce()

    def reset_zoom(self) -> None:
        """Show the whole matrix."""
        self._zoom = 1.0
        self._layout()

    def zoom_by(self, factor: float, anchor: QPointF | None = None) -> bool:
        """Make cells larger by `factor`; what lies under `anchor` stays. False when nothing can change."""
        fits = self._fit_now()
        most = max(largest / fit for largest, fit in zip(self._largest_cells, fits, strict=True))
        zoom = min(max(self._zoom * factor, 1.0), max(1.0, most))
        if zoom == self._zoom:
            return False
        if anchor is None:
            anchor = QPointF(self._columns.begin + self._columns.length / 2, self._rows.begin + self._rows.length / 2)
        self._zoom = zoom
        height, width = self._cells(fits)
        self._rows = self._rows.resized(height, anchor.y())
        self._columns = self._columns.resized(width, anchor.x())
        self._repaint_all()
        return True

    def pan_by(self, across: float, down: float) -> None:
        """Move the matrix under the plot by pixels."""
        self._columns = self._columns.scrolled(self._columns.offset - across)
        self._rows = self._rows.scrolled(self._rows.offset - down)
        self._repaint_all()

    def cell_rect(self, row: int, column: int) -> QRectF:
        """Where a cell is drawn now, in pixels of the widget, its gap excluded; where cells are pooled: its block."""
        tall, wide = self.pooled_by()
        row, column = row // tall * tall, column // wide * wide
        top, left = self._rows.edge(row), self._columns.edge(column)
        below, beyond = self._rows.edge(row + tall), self._columns.edge(column + wide)
        return QRectF(left, top, max(1, beyond - left - self._columns.gap), max(1, below - top - self._rows.gap))

    def pooled_by(self) -> tuple[int, int]:
        """How many rows and columns one drawn block stands for now, (1, 1) when every cell is drawn."""
        return pool_factor(self._rows, self._most_blocks[0]), pool_factor(self._columns, self._most_blocks[1])

    def copy_values(self) -> None:
        """Put the values with their labels on the clipboard, tab-separated."""
        QGuiApplication.clipboard().setText(table_text(self._exported(), "\t"))
        self.done.emit("The values are on the clipboard.")

    def copy_picture(self) -> None:
        """Put the picture on the clipboard."""
        QGuiApplication.clipboard().setImage(self.picture())
        self.done.emit("The picture is on the clipboard.")

    def save_csv(self, path: str | Path) -> None:
        """Write the values with their labels. Raises UserError when the file cannot be written."""
        save_table_csv(self._exported(), path)

    def save_png(self, path: str | Path) -> None:
        """Write the picture at twice its size on screen. Raises UserError when the file cannot be written."""
        save_image_png(self.picture(), path)

    def save_npy(self, path: str | Path) -> None:
        """Write the values as a NumPy file, float32 `[row, column]`, as `table` gives them. Raises UserError."""
        save_array_npy(self._table().values, path)

    def save_safetensors(self, path: str | Path) -> None:
        """Write the whole tensor, of which a slice may be shown, under its name. Raises UserError."""
        name, values = self._tensor if self._tensor is not None else (self._title or "matrix", self._table().values)
        save_tensors({name: values}, path)

    def set_tensor(self, name: str, values: np.ndarray) -> None:
        """The tensor that the picture is a slice of, and its name in the trace."""
        self._tensor = (name, values)

    def save_svg(self, path: str | Path) -> None:
        """Write the picture as SVG, lines and letters as such. Raises UserError when the file cannot be written."""
        save_picture_svg(self.size(), self._paint_whole, path)

    def _paint_whole(self, painter: QPainter, ratio: float) -> None:
        hover, self._hover = self._hover, NOWHERE
        self._paint_still(painter, ratio)
        self._paint_moving(painter)
        self._hover = hover

    def picture(self) -> QImage:
        """The picture as shown, selection included, at two pixels per pixel."""
        image = QImage(self.size() * _PICTURE_RATIO, QImage.Format.Format_ARGB32_Premultiplied)
        image.setDevicePixelRatio(_PICTURE_RATIO)
        painter = QPainter(image)
        self._paint_whole(painter, _PICTURE_RATIO)
        painter.end()
        return image

    # Values and layout

    def _set_matrix(self, values: np.ndarray, row_labels: Sequence[str], column_labels: Sequence[str]) -> None:
        """New values float32 `[row, column]` (masked −inf). The zoom is kept when the shape is the same."""
        same = values.shape == self._levels.values.shape and not self._empty
        self._empty = values.size == 0
        shown = values if values.size else np.full((1, 1), -np.inf, dtype=np.float32)
        self._levels = MatrixLevels(shown, signed=self._signed, masked=self._masked or self._empty)
        self._small = None
        self._row_labels, self._column_labels = row_labels, column_labels
        if not same:
            self._zoom, self._hover, self._selected = 1.0, NOWHERE, NOWHERE
        self._layout()
        self._announce()
        self.matrix_changed.emit()

    def _fit_now(self) -> tuple[float, float]:
        left, top, right, bottom = self._margins()
        return self._fit(max(1.0, self.height() - top - bottom), max(1.0, self.width() - left - right))

    def _cells(self, fits: tuple[float, float]) -> tuple[float, float]:
        height, width = (
            snapped(min(fit * self._zoom, max(fit, largest)))
            for fit, largest in zip(fits, self._largest_cells, strict=True)
        )
        return height, width

    def _layout(self) -> None:
        """Place both axes for the widget's size and zoom; the first cell in view stays."""
        left, top, right, bottom = (float(round(margin)) for margin in self._margins())
        height, width = self._cells(self._fit_now())
        rows, columns = self._levels.values.shape
        down = Axis(rows, top, max(1.0, self.height() - top - bottom), height)
        across = Axis(columns, left, max(1.0, self.width() - left - right), width)
        self._rows = down.scrolled(self._rows.offset / self._rows.cell * height if self._zoom > 1.0 else 0.0)
        self._columns = across.scrolled(self._columns.offset / self._columns.cell * width if self._zoom > 1.0 else 0.0)
        self._repaint_all()

    def _plot(self) -> QRectF:
        return QRectF(self._columns.begin, self._rows.begin, self._columns.length, self._rows.length)

    def _inside(self, row: int, column: int) -> bool:
        rows, columns = self._levels.values.shape
        return not self._empty and 0 <= row < rows and 0 <= column < columns

    def _cell_under(self, position: QPointF) -> tuple[int, int]:
        """The cell under a point; of a pooled block the cell whose value it shows."""
        row, column = self._rows.at(position.y()), self._columns.at(position.x())
        if row < 0 or column < 0 or self._empty:
            return NOWHERE
        factors = self.pooled_by()
        if factors == (1, 1):
            return row, column
        return strongest_in_block(self._levels.drawn, row, column, *factors, signed=self._signed)

    def _exported(self) -> MatrixTable:
        table = self.table() if self._empty else self._table()
        if table.values.size <= MOST_VALUES:
            return table
        (top, bottom), (left, right) = self._rows.visible, self._columns.visible
        return MatrixTable(
            table.corner,
            table.row_labels[top:bottom],
            table.column_labels[left:right],
            table.values[top:bottom, left:right],
        )

    # Painting

    @Slot()
    def _restyle(self) -> None:
        self._levels.recolour()
        self._small = None
        self._layout()

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._layout()

    def _repaint_all(self) -> None:
        self._backdrop = None
        self.update()

    def _announce(self) -> None:
        self.setAccessibleDescription(self._describe())
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        ratio = self.devicePixelRatioF()
        if self._backdrop is None or self._backdrop.devicePixelRatio() != ratio:
            self._backdrop = QPixmap(self.size() * ratio)
            self._backdrop.setDevicePixelRatio(ratio)
            still = QPainter(self._backdrop)
            self._paint_still(still, ratio)
            still.end()
        painter = QPainter(self)
        painter.drawPixmap(0, 0, self._backdrop)
        self._paint_moving(painter)
        if self._focus_shown and self.hasFocus():
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            focus_ring(painter, QRectF(self.rect()), self._theme.color("accent"))
        painter.end()

    def _paint_still(self, painter: QPainter, ratio: float) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(self.rect(), self._theme.color("surface"))
        if self._empty:
            return
        plot = self._plot()
        painter.setBrushOrigin(plot.topLeft())
        painter.fillRect(plot, hatch_brush(self._theme.color("mask"), self._theme.color("hatch"), ratio))
        factors = self.pooled_by()
        colours, first = self._levels.coloured(factors, self._rows.visible, self._columns.visible, self._colours)
        gap = self._theme.color("surface")
        painter.drawImage(plot.topLeft(), plot_image(colours, first, (self._rows, self._columns), factors, ratio, gap))
        self._paint_around(painter)

    def _paint_moving(self, painter: QPainter) -> None:
        if not self._empty:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            self._paint_marks(painter)
            self._paint_overview(painter)

    def overview(self) -> QRectF | None:
        """Where the small picture of the whole stands, None while all of it is in view."""
        zoomed = self._zoom > 1.0 and not self._empty
        return overview_rect(self._plot(), self._levels.values.shape) if zoomed else None

    def _paint_overview(self, painter: QPainter) -> None:
        place = self.overview()
        if place is None:
            return
        if self._small is None:
            self._small = overview_image(self._levels, self._colours)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        draw_overview(painter, self._theme, self._small, place, (self._rows, self._columns))
