"""How one token was chosen: the likeliest tokens from raw logits through every stage to the draw."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from PySide6.QtCore import QEvent, QPoint, QPointF, QRectF, QSize, QSizeF, Qt, Signal, Slot
from PySide6.QtGui import (
    QContextMenuEvent,
    QGuiApplication,
    QHelpEvent,
    QKeyEvent,
    QKeySequence,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
)
from PySide6.QtWidgets import QMenu, QSizePolicy, QToolTip, QWidget

from app.engine.decode.records import Funnel
from app.ui.theme import Theme
from app.ui.widgets.funnel_columns import Place
from app.ui.widgets.funnel_ink import EDGE, WRAPPED
from app.ui.widgets.funnel_picture import FunnelPicture
from app.ui.widgets.funnel_words import EMPTY, between_text, describe, table_text
from app.ui.widgets.painting import focus_ring


class FunnelView(QWidget):
    """Columns in the order of the pipeline, the same token rows in each.

    `row_clicked(token_id)` for the mouse and for Enter on the row that Up and Down move; `hovered(token_id)` for both
    as well, with −1 when there is no such row any more.
    """

    row_clicked = Signal(int)
    hovered = Signal(int)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._funnel: Funnel | None = None
        self._words: dict[str, str] = {}
        self._notes: dict[str, str] = {}
        self._empty = EMPTY
        self._picture: FunnelPicture | None = None
        self._current = -1
        self._clicked_at = QPoint()
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName("Sampling funnel")
        self.setAccessibleDescription(EMPTY)
        theme.changed.connect(self._on_theme)

    def set_funnel(
        self, funnel: Funnel | None, words: Mapping[str, str], notes: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        """Show a funnel, or that there is none. `words`: what each stage's setting is, by its name, such as "÷ 0.80".

        "raw" and "draw" may have words too, such as "all" and "seed 42". `notes`: what else the tip of a
        column says.
        """
        self._funnel, self._words, self._notes = funnel, dict(words), dict(notes)
        self.setAccessibleDescription(self._empty if funnel is None else describe(funnel))
        self._set_current(-1)
        self._lay_out()

    def set_empty(self, words: str) -> None:
        """What is said while there is no funnel."""
        self._empty = words
        if self._funnel is None:
            self.setAccessibleDescription(words)
            self.update()

    def funnel(self) -> Funnel | None:
        """What is shown."""
        return self._funnel

    def row_rect(self, row: int) -> QRectF:
        """Where a row of the funnel is painted; empty where there is no room for it."""
        return QRectF() if self._picture is None else self._picture.row_rect(row)

    def clicked_at(self) -> QPoint:
        """Where on the screen the last row was clicked; for one taken by the keys, under its name."""
        return self.mapToGlobal(self._clicked_at)

    def shown_rows(self) -> tuple[int, ...]:
        """The rows there is room for."""
        return () if self._picture is None else self._picture.shown

    def between(self) -> list[str]:
        """What stands between two rows, from the top down."""
        return [] if self._picture is None else [between_text(kept) for _, kept in self._picture.between()]

    def columns(self) -> tuple[Place, ...]:
        """The columns and where they stand."""
        return () if self._picture is None else self._picture.places

    def table_text(self) -> str:
        """Tab-separated: token, logit, its probability before any stage and after each that acts; all rows."""
        return "" if self._funnel is None else table_text(self._funnel)

    def sizeHint(self) -> QSize:
        return QSize(760, 390)

    def minimumSizeHint(self) -> QSize:
        return QSize(560, 240)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self._picture is None:
            painter.setFont(self._theme.font(13))
            painter.setPen(self._theme.color("ink3"))
            painter.drawText(QRectF(self.rect()).adjusted(20, 0, -20, 0), WRAPPED, self._empty)
        else:
            self._picture.paint(painter, self._current)
        if self.hasFocus() and self._current < 0:
            focus_ring(painter, QRectF(self.rect()), self._theme.color("accent"))
        painter.end()

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._lay_out()
        super().resizeEvent(event)

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            tip = "" if self._picture is None else self._picture.tip(QPointF(event.pos()))
            QToolTip.showText(event.globalPos(), tip, self)
            return True
        return super().event(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._set_current(self._row_at(event.position().y()))

    def leaveEvent(self, event: QEvent) -> None:
        self._set_current(-1)
        super().leaveEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        row = self._row_at(event.position().y())
        if event.button() == Qt.MouseButton.LeftButton and row >= 0:
            self._click(row, event.position().toPoint())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        shown = self.shown_rows()
        place = shown.index(self._current) if self._current in shown else None
        if event.matches(QKeySequence.StandardKey.Copy):
            self._copy()
        elif event.key() == Qt.Key.Key_Down and shown:
            self._set_current(shown[0 if place is None else min(place + 1, len(shown) - 1)])
        elif event.key() == Qt.Key.Key_Up and shown:
            self._set_current(shown[0 if place is None else max(place - 1, 0)])
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and place is not None:
            rect = self.row_rect(self._current)
            self._click(self._current, QPointF(rect.left() + EDGE, rect.bottom()).toPoint())
        else:
            super().keyPressEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        if self._funnel is None:
            return
        menu = QMenu(self)
        copy = menu.addAction("Copy values")
        if menu.exec(event.globalPos()) is copy:
            self._copy()
        menu.deleteLater()

    def _copy(self) -> None:
        if self._funnel is not None:
            QGuiApplication.clipboard().setText(self.table_text())

    def _click(self, row: int, at: QPoint) -> None:
        if self._funnel is not None:
            self._clicked_at = at
            self.row_clicked.emit(self._funnel.rows[row].token_id)

    def _row_at(self, y: float) -> int:
        return -1 if self._picture is None else self._picture.row_at(y)

    def _set_current(self, row: int) -> None:
        if row != self._current:
            self._current = row
            self.update()
            self.hovered.emit(-1 if row < 0 or self._funnel is None else self._funnel.rows[row].token_id)

    def _lay_out(self) -> None:
        self._picture = None
        if self._funnel is not None and self._funnel.rows:
            self._picture = FunnelPicture(self._theme, self._funnel, self._words, QSizeF(self.size()), self._notes)
        if self._current not in self.shown_rows():
            self._set_current(-1)
        self.update()

    @Slot()
    def _on_theme(self) -> None:
        # Colours are asked for at painting; only fonts could change the layout, and they come with the same signal.
        self._lay_out()
