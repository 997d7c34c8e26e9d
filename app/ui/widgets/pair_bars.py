"""The same next tokens in two models: two bars a token, A above B."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QRectF, QSize, Qt, Slot
from PySide6.QtGui import QFontMetricsF, QGuiApplication, QKeyEvent, QKeySequence, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.ui.theme import Theme
from app.ui.widgets.number_text import percent_text
from app.ui.widgets.painting import fill_round, focus_ring, outline_round
from app.ui.widgets.slot_badge import BADGE, paint_slot
from app.ui.widgets.token_text import visible_token

Row = tuple[str, float, float]
_ROW, _TOP, _BAR, _GAP = 25.0, 26.0, 8.0, 8.0
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


class PairBars(QWidget):
    """Rows of (token, probability in A, probability in B), as many as there is room for, in the order given."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._rows: list[Row] = []
        self._font = theme.font(13, mono=True)
        self._numbers = theme.font(12, mono=True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName("Next token probabilities in A and B")
        theme.changed.connect(self._on_theme)

    def set_rows(self, rows: Sequence[Row]) -> None:
        """Show these; probabilities are 0..1."""
        self._rows = list(rows)
        spoken = (f"{visible_token(text)} {percent_text(a)} and {percent_text(b)}" for text, a, b in self._rows)
        self.setAccessibleDescription(", ".join(spoken))
        self.update()

    def rows(self) -> list[Row]:
        """The rows, those without room too."""
        return list(self._rows)

    def row_rect(self, row: int) -> QRectF:
        """Where a row is painted."""
        return QRectF(0, _TOP + row * self._pitch(), self.width(), self._pitch())

    def values_text(self) -> str:
        """The rows as tab-separated text, exact to six digits."""
        lines = ["token\tA\tB"]
        lines += [f"{visible_token(text)}\t{first:.6g}\t{second:.6g}" for text, first, second in self._rows]
        return "\n".join(lines)

    def sizeHint(self) -> QSize:
        return QSize(320, round(_TOP + 8 * self._pitch()))

    def minimumSizeHint(self) -> QSize:
        return QSize(200, round(_TOP + 2 * self._pitch()))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.matches(QKeySequence.StandardKey.Copy):
            QGuiApplication.clipboard().setText(self.values_text())
        else:
            super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        names = QFontMetricsF(self._font)
        widest = max((names.horizontalAdvance(visible_token(row[0])) for row in self._rows), default=0.0)
        name = min(widest, self.width() * 0.35)
        number = QFontMetricsF(self._numbers).horizontalAdvance("100.0%")
        if self._rows:
            for place, slot in enumerate(("B", "A")):
                right = self.width() - 4.0 - place * (number + _GAP)
                paint_slot(painter, self._theme, QRectF(right - BADGE, 2.0, BADGE, BADGE), slot)
        for index, row in enumerate(self._rows):
            rect = self.row_rect(index)
            if rect.bottom() > self.height() + 1.0:
                # A row that has no room is left out whole: half a figure reads as another.
                break
            self._paint_row(painter, rect, row, name, number)
        if self.hasFocus():
            focus_ring(painter, QRectF(self.rect()), self._theme.color("accent"))
        painter.end()

    def _pitch(self) -> float:
        return max(_ROW, QFontMetricsF(self._font).height() + 4.0)

    def _paint_row(self, painter: QPainter, rect: QRectF, row: Row, name: float, number: float) -> None:
        color = self._theme.color
        painter.setFont(self._font)
        painter.setPen(color("ink"))
        metrics = QFontMetricsF(self._font)
        shown = metrics.elidedText(visible_token(row[0]), Qt.TextElideMode.ElideMiddle, name + 1)
        painter.drawText(QRectF(4.0, rect.top(), name + 2.0, rect.height()), _RIGHT, shown)
        painter.setFont(self._numbers)
        for place, share in enumerate((row[2], row[1])):
            right = rect.right() - 4.0 - place * (number + _GAP)
            painter.drawText(QRectF(right - number, rect.top(), number, rect.height()), _RIGHT, percent_text(share))
        left = name + 6.0 + _GAP
        wide = rect.right() - 4.0 - 2 * (number + _GAP) - left
        if wide <= 4.0:
            return
        for slot, share, top in (("a", row[1], -_BAR - 0.5), ("b", row[2], 0.5)):
            bar = QRectF(left, rect.center().y() + top, max(wide * min(max(share, 0.0), 1.0), 1.5), _BAR)
            # A is filled, B an outline: told apart without their colours.
            if slot == "a":
                fill_round(painter, bar, 2, color("a"))
            else:
                outline_round(painter, bar, 2, color("b"), 1.5, color("bsoft"))

    @Slot()
    def _on_theme(self) -> None:
        self.update()
