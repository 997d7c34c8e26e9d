"""The flow of the model: the residual stream as a spine, what leaves it and what is added back."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFontMetricsF, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from app.ui.pages.inspect.stages import FlowRow, same_row
from app.ui.theme import Theme

ROW = 29
SPINE = 17.0
GROUP_LEFT = 32.0


class FlowView(QWidget):
    """Painted rows; `stage_chosen(name)` and `block_chosen(stack, index)` for mouse and keys (up, down, Enter)."""

    stage_chosen = Signal(str)
    block_chosen = Signal(str, int)
    """Its stack ("" where there is one) and its index."""
    end_chosen = Signal(bool)
    """The first row (True), the text's tokens, or the last, the next token."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._rows: tuple[FlowRow, ...] = ()
        self._shown = ""
        self._hovered = -1
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("Flow of the model")
        theme.changed.connect(self.update)

    def set_rows(self, rows: tuple[FlowRow, ...], shown: str) -> None:
        """Show these rows with the tensor `shown` marked."""
        self._rows, self._shown = rows, shown
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
        return QRectF(GROUP_LEFT, 6 + index * ROW, self.width() - GROUP_LEFT - 4, ROW)

    def sizeHint(self) -> QSize:
        return QSize(236, 12 + ROW * len(self._rows))

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
        centres = [self.row_rect(index).center().y() for index in range(len(self._rows))]
        painter.setPen(QPen(self._theme.color("res"), 2.5))
        for stack in dict.fromkeys(row.stack for row in self._rows):
            own = [centre for centre, row in zip(centres, self._rows, strict=True) if row.stack == stack]
            painter.drawLine(QPointF(SPINE, own[0]), QPointF(SPINE, own[-1]))
        self._paint_memory(painter, centres)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        left_at: float | None = None
        for index, row in enumerate(self._rows):
            y = centres[index]
            if row.branches:
                left_at = y - ROW / 2
            if row.adds and row.inside and left_at is not None:
                painter.setPen(QPen(self._theme.color("line2"), 1.3))
                right = GROUP_LEFT - 4
                painter.drawPolyline(
                    [QPointF(SPINE, left_at), QPointF(right, left_at), QPointF(right, y), QPointF(SPINE + 6, y)]
                )
                left_at = None
        for index, row in enumerate(self._rows):
            self._paint_knot(painter, QPointF(SPINE, centres[index]), row)

    def _paint_memory(self, painter: QPainter, centres: list[float]) -> None:
        """From the encoder's last row to where the decoder's open block reads it."""
        reads = next((place for place, row in enumerate(self._rows) if ".cross.q" in row.name), None)
        leaves = max((place for place, row in enumerate(self._rows) if row.stack == "encoder."), default=None)
        if reads is None or leaves is None:
            return
        painter.setPen(QPen(self._theme.color("accent"), 2))
        right = GROUP_LEFT + 1
        path = [QPointF(SPINE, centres[leaves]), QPointF(5, centres[leaves]), QPointF(5, centres[reads])]
        painter.drawPolyline([*path, QPointF(right, centres[reads])])
        tip = QPointF(right, centres[reads])
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
        elif not row.inside:
            painter.setBrush(self._theme.color("surface"))
            painter.drawEllipse(centre, 3.5, 3.5)

    def _paint_row(self, painter: QPainter, index: int, row: FlowRow) -> None:
        rect = self.row_rect(index).adjusted(4, 1.5, -4, -1.5)
        chosen = bool(row.name) and same_row(self._shown, row.name)
        selectable = bool(row.name) or row.block is not None or row.ends
        if row.block is not None and not row.opened:
            painter.setPen(QPen(self._theme.color("line"), 1))
            painter.setBrush(self._theme.color("hover" if index == self._hovered else "surface"))
            painter.drawRoundedRect(rect.adjusted(-4, 0, 4, 0), 5, 5)
        elif chosen or (index == self._hovered and selectable):
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(self._theme.color("accent" if chosen else "hover"))
            painter.drawRoundedRect(rect, 5, 5)
        ink = self._theme.color("onaccent" if chosen else "ink")
        faint = self._theme.color("onaccent" if chosen else "ink3")
        left = rect.left() + 4
        if row.block is not None:
            self._paint_chevron(painter, QPointF(left + 4, rect.center().y()), row.opened)
            left += 18
        mono = row.block is None
        detail_font = self._theme.font(11, mono=mono)
        detail_width = QFontMetricsF(detail_font).horizontalAdvance(row.detail)
        title_font = self._theme.font(12, 600 if row.block is not None or chosen else 400)
        title_space = rect.right() - 6 - left - detail_width - 8
        title = QFontMetricsF(title_font).elidedText(row.title, Qt.TextElideMode.ElideRight, title_space)
        painter.setFont(title_font)
        painter.setPen(ink)
        painter.drawText(QRectF(left, rect.top(), title_space + 4, rect.height()), Qt.AlignmentFlag.AlignVCenter, title)
        painter.setFont(detail_font)
        painter.setPen(faint)
        right = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight
        if row.block is None or row.opened:
            painter.drawText(rect.adjusted(0, 0, -6, 0), right, row.detail)
        if chosen and self.hasFocus():
            painter.setPen(QPen(self._theme.color("accent"), 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(rect.adjusted(-3, -1, 3, 1), 6, 6)

    def _paint_chevron(self, painter: QPainter, centre: QPointF, opened: bool) -> None:
        painter.setPen(QPen(QColor(self._theme.color("ink2")), 1.6))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        across, down = (QPointF(3.5, 0), QPointF(0, 2)) if opened else (QPointF(0, 3.5), QPointF(2, 0))
        painter.drawPolyline([centre - across - down, centre + down, centre + across - down])

    def _row_at(self, y: float) -> int:
        index = int((y - 6) // ROW)
        return index if 0 <= index < len(self._rows) else -1

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        index = self._row_at(event.position().y())
        if index != self._hovered:
            self._hovered = index
            row = self._rows[index] if index >= 0 else None
            self.setToolTip(f"{row.name}  {row.detail}" if row is not None and row.name else "")
            self.update()

    def leaveEvent(self, event: QEvent) -> None:
        self._hovered = -1
        self.update()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._choose(self._row_at(event.position().y()))

    def _choose(self, index: int) -> None:
        if index < 0:
            return
        row = self._rows[index]
        if row.block is not None:
            self.block_chosen.emit(row.stack, row.block)
        elif row.name:
            self.stage_chosen.emit(row.name)
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
