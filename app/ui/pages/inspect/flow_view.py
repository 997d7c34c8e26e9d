"""The flow of the model: the residual stream as a spine, what leaves it and what is added back."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFontMetricsF, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QWidget

from app.ui.pages.inspect.flow_places import FlowPlaces
from app.ui.pages.inspect.stages import FlowRow, same_row
from app.ui.theme import Theme

WIDTH, WIDTH_OF_TWO = 236, 304


class FlowView(QWidget):
    """Painted rows; `stage_chosen(name)` and `block_chosen(stack, index)` for mouse and keys (up, down, Enter)."""

    stage_chosen = Signal(str)
    block_chosen = Signal(str, int)
    """Its stack ("" where there is one) and its index."""
    end_chosen = Signal(bool)
    """The first row (True), the text's tokens, or the last, the next token."""
    absent_chosen = Signal(str, str)
    """The title of a row that this model lacks, and why."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._rows: tuple[FlowRow, ...] = ()
        self._places = FlowPlaces(())
        self._shown = ""
        self._hovered = -1
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("Flow of the model")
        theme.changed.connect(self.update)

    def set_rows(self, rows: tuple[FlowRow, ...], shown: str) -> None:
        """Show these rows with the tensor `shown` marked."""
        self._rows, self._shown = rows, shown
        self._places = FlowPlaces(rows)
        self._places.fit(self.width())
        self.setMinimumHeight(self.sizeHint().height())
        chosen = next((row for row in rows if row.name and same_row(shown, row.name)), None)
        self.setAccessibleDescription(f"{chosen.title}, shape {chosen.detail}" if chosen else "")
        self.updateGeometry()
        self.update()

    def chosen_row(self) -> QRectF | None:
        """Where the tensor shown stands, None when no row has it."""
        place = next((i for i, row in enumerate(self._rows) if row.name and same_row(self._shown, row.name)), None)
        return None if place is None else self.row_rect(place)

    def rows(self) -> tuple[FlowRow, ...]:
        """The rows shown."""
        return self._rows

    def row_rect(self, index: int) -> QRectF:
        """Where a row is painted."""
        return self._places.rect(index)

    def sizeHint(self) -> QSize:
        return QSize(WIDTH_OF_TWO if self._places.two else WIDTH, self._places.height)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._places.fit(event.size().width())

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if not self._rows:
            return
        self._paint_group(painter)
        self._paint_spine(painter)
        for index, row in enumerate(self._rows):
            self._paint_row(painter, index, row)

    def _paint_group(self, painter: QPainter) -> None:
        inside = [index for index, row in enumerate(self._rows) if row.inside]
        if not inside:
            return
        box = self.row_rect(inside[0] - 1).united(self.row_rect(inside[-1])).adjusted(0, 1, 0, 1)
        painter.setPen(QPen(self._theme.color("line"), 1))
        painter.setBrush(self._theme.color("sunken"))
        painter.drawRoundedRect(box, 6, 6)

    def _paint_spine(self, painter: QPainter) -> None:
        places = self._places
        painter.setPen(QPen(self._theme.color("res"), 2.5))
        for column in (0, 1):
            own = [index for index in range(len(self._rows)) if places.column(index) == column]
            if own:
                painter.drawLine(places.spine(own[0]), places.spine(own[-1]))
        self._paint_memory(painter)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        left_at: float | None = None
        for index, row in enumerate(self._rows):
            knot = places.spine(index)
            if row.branches:
                left_at = knot.y() - places.row_height / 2
            if row.adds and row.inside and left_at is not None:
                painter.setPen(QPen(self._theme.color("line2"), 1.3))
                right, left = places.rect(index).left() - 4, knot.x()
                painter.drawPolyline(
                    [QPointF(left, left_at), QPointF(right, left_at), QPointF(right, knot.y()), knot + QPointF(6, 0)]
                )
                left_at = None
        for index, row in enumerate(self._rows):
            self._paint_knot(painter, places.spine(index), row)

    def _paint_memory(self, painter: QPainter) -> None:
        """From the encoder's memory to where the decoder's open block reads it."""
        reads, memory = self._places.reads, self._places.memory
        if reads is None or memory is None:
            return
        painter.setPen(QPen(self._theme.color("accent"), 2))
        title = QFontMetricsF(self._theme.font(12)).horizontalAdvance(self._rows[memory].title)
        start = QPointF(self._places.rect(memory).left() + title + 13, self._places.spine(memory).y())
        tip = QPointF(self._places.rect(reads).left() + 2, start.y())
        painter.drawLine(start, tip)
        painter.drawPolyline([tip + QPointF(-5, -4), tip, tip + QPointF(-5, 4)])

    def _paint_knot(self, painter: QPainter, centre: QPointF, row: FlowRow) -> None:
        spine = self._theme.color("res")
        painter.setPen(QPen(spine, 2))
        if row.ends:
            painter.setBrush(spine)
            painter.drawEllipse(centre, 5, 5)
        elif row.adds:
            painter.setBrush(self._theme.color("surface"))
            painter.drawEllipse(centre, 6, 6)
            painter.setPen(QPen(spine, 1.5))
            painter.drawLine(centre - QPointF(3, 0), centre + QPointF(3, 0))
            painter.drawLine(centre - QPointF(0, 3), centre + QPointF(0, 3))
        elif not row.inside and not row.absent:
            painter.setBrush(self._theme.color("surface"))
            painter.drawEllipse(centre, 3.5, 3.5)

    def _paint_row(self, painter: QPainter, index: int, row: FlowRow) -> None:
        margin = 2 if self._places.two else 4
        rect = self.row_rect(index).adjusted(margin, 1.5, -margin, -1.5)
        chosen = bool(row.name) and same_row(self._shown, row.name)
        selectable = bool(row.name) or row.block is not None or row.ends or bool(row.absent)
        if row.block is not None and not row.opened:
            painter.setPen(QPen(self._theme.color("line"), 1))
            painter.setBrush(self._theme.color("hover" if index == self._hovered else "surface"))
            painter.drawRoundedRect(rect.adjusted(-4, 0, 4, 0), 5, 5)
        elif chosen or (index == self._hovered and selectable):
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(self._theme.color("accent" if chosen else "hover"))
            painter.drawRoundedRect(rect, 5, 5)
        left = rect.left() + 4
        if row.block is not None:
            self._paint_chevron(painter, QPointF(left + 4, rect.center().y()), row.opened)
            left += 18
        self._paint_words(painter, rect, left, row, chosen)
        if chosen and self.hasFocus():
            painter.setPen(QPen(self._theme.color("accent"), 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(rect.adjusted(-3, -1, 3, 1), 6, 6)

    def _paint_words(self, painter: QPainter, rect: QRectF, left: float, row: FlowRow, chosen: bool) -> None:
        """Title and shape: side by side, or in two columns one under the other."""
        below = self._places.two
        detail_font = self._theme.font(10.5 if below else 11, mono=row.block is None)
        detail_width = 0.0 if below else QFontMetricsF(detail_font).horizontalAdvance(row.detail) + 8
        title_font = self._theme.font(12, 600 if row.block is not None or chosen else 400)
        space = rect.right() - (2 if below else 6) - left - detail_width
        title = QFontMetricsF(title_font).elidedText(row.title, Qt.TextElideMode.ElideRight, space)
        middle = Qt.AlignmentFlag.AlignVCenter
        half = rect.height() / 2 if below and row.detail else rect.height()
        painter.setFont(title_font)
        painter.setPen(self._theme.color("onaccent" if chosen else "ink3" if row.absent else "ink"))
        painter.drawText(QRectF(left, rect.top(), space + 4, half + (2 if half < rect.height() else 0)), middle, title)
        if row.block is not None and not row.opened:
            return
        painter.setFont(detail_font)
        painter.setPen(self._theme.color("onaccent" if chosen else "ink3"))
        if below:
            painter.drawText(QRectF(left, rect.top() + half - 1, space + 4, half), middle, row.detail)
        else:
            painter.drawText(rect.adjusted(0, 0, -6, 0), middle | Qt.AlignmentFlag.AlignRight, row.detail)

    def _paint_chevron(self, painter: QPainter, centre: QPointF, opened: bool) -> None:
        painter.setPen(QPen(QColor(self._theme.color("ink2")), 1.6))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        across, down = (QPointF(3.5, 0), QPointF(0, 2)) if opened else (QPointF(0, 3.5), QPointF(2, 0))
        painter.drawPolyline([centre - across - down, centre + down, centre + across - down])

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        index = self._places.at(event.position())
        if index != self._hovered:
            self._hovered = index
            row = self._rows[index] if index >= 0 else None
            known = f"{row.name}  {row.detail}" if row is not None and row.name else ""
            self.setToolTip(row.absent if row is not None and row.absent else known)
            self.update()

    def leaveEvent(self, event: QEvent) -> None:
        self._hovered = -1
        self.update()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._choose(self._places.at(event.position()))

    def _choose(self, index: int) -> None:
        if index < 0:
            return
        row = self._rows[index]
        if row.block is not None:
            self.block_chosen.emit(row.stack, row.block)
        elif row.name:
            self.stage_chosen.emit(row.name)
        elif row.absent:
            self.absent_chosen.emit(row.title, row.absent)
        elif row.ends:
            self.end_chosen.emit(index == 0)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        step = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1}.get(Qt.Key(event.key()))
        if step is None:
            super().keyPressEvent(event)
            return
        index = next((i for i, row in enumerate(self._rows) if row.name and same_row(self._shown, row.name)), 0)
        index += step
        while 0 <= index < len(self._rows):
            row = self._rows[index]
            if row.name or (row.block is not None and not row.opened):
                self._choose(index)
                return
            index += step
