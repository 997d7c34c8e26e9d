"""Tokens side by side, each with its probability as a bar and a number."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Slot
from PySide6.QtGui import QFontMetricsF, QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from app.engine.evaluate.records import WorkedExample
from app.ui.theme import Theme
from app.ui.widgets.painting import fill_round, outline_round
from app.ui.widgets.token_text import faint_prefix, visible_token

_BAR, _BAR_WIDTH, _GAP, _EDGE = 52.0, 30.0, 6.0, 2.0
_MOST_CONTEXT = 200.0
_SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
_MIDDLE = int(Qt.AlignmentFlag.AlignCenter)


class WorkedColumns(QWidget):
    """What stood before in a dashed chip, then one column a token; typed numbers are called p₁, p₂, …"""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._example: WorkedExample | None = None
        self._numbers: tuple[str, ...] = ()
        self._chip_font, self._number_font = theme.font(14, mono=True), theme.font(12, mono=True)
        self._power_font, self._small = theme.font(11, mono=True), theme.font(11)
        self._line = QFontMetricsF(self._number_font).height() + 6.0
        self._chip = QFontMetricsF(self._chip_font).height() + 8.0
        self.setFixedHeight(round(_BAR + self._line + self._chip + 4.0))
        self.setAccessibleName("Probability of each token")
        theme.changed.connect(self._on_theme)

    def show_example(self, example: WorkedExample, numbers: Sequence[str]) -> None:
        """Show these tokens with their numbers as they stand in the steps (a power as "^{−7}")."""
        self._example, self._numbers = example, tuple(numbers)
        spoken = (f"{self._name(at)} {self._spoken(at)}" for at in range(len(example.tokens)))
        self.setAccessibleDescription(", ".join(spoken))
        self.setMinimumWidth(self.sizeHint().width())
        self.updateGeometry()
        self.update()

    def column_rect(self, index: int) -> QRectF:
        """A token's column."""
        left = _EDGE + self._context_width()
        left += sum(self._width(before) + _GAP for before in range(index))
        return QRectF(left, 0.0, self._width(index), self.height())

    def sizeHint(self) -> QSize:
        count = len(self._numbers)
        right = self.column_rect(count - 1).right() if count else 0.0
        return QSize(round(right + _EDGE) + 1, self.height())

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def paintEvent(self, event: QPaintEvent) -> None:
        if self._example is None:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._paint_context(painter)
        for index in range(len(self._numbers)):
            column = self.column_rect(index)
            if column.intersects(QRectF(event.rect())):
                self._paint_column(painter, index, column)
        painter.end()

    def _name(self, index: int) -> str:
        text = self._example.tokens[index].text if self._example else ""
        return visible_token(text) if text else f"p{index + 1}".translate(_SUBSCRIPTS)

    def _spoken(self, index: int) -> str:
        return self._numbers[index].replace("^{", " to the power of ").replace("}", "")

    def _width(self, index: int) -> float:
        chip = QFontMetricsF(self._chip_font).horizontalAdvance(self._name(index)) + 14.0
        return max(chip, self._number_width(self._numbers[index]) + 8.0, 56.0)

    def _number_width(self, number: str) -> float:
        base, _, power = number.removesuffix("}").partition("^{")
        wide = QFontMetricsF(self._number_font).horizontalAdvance(base)
        return wide + QFontMetricsF(self._power_font).horizontalAdvance(power)

    def _context_text(self) -> str:
        context = self._example.context if self._example else ""
        metrics = QFontMetricsF(self._chip_font)
        # Of a long beginning its end counts: it stands before the first token.
        return metrics.elidedText(visible_token(context), Qt.TextElideMode.ElideLeft, _MOST_CONTEXT) if context else ""

    def _context_width(self) -> float:
        text = self._context_text()
        return QFontMetricsF(self._chip_font).horizontalAdvance(text) + 14.0 + 2 * _GAP if text else 0.0

    def _chip_top(self) -> float:
        return _BAR + self._line + 2.0

    def _paint_context(self, painter: QPainter) -> None:
        text = self._context_text()
        if not text:
            return
        chip = QRectF(_EDGE, self._chip_top(), self._context_width() - 2 * _GAP, self._chip)
        outline_round(painter, chip, 4.0, self._theme.color("line2"), 1.0, style=Qt.PenStyle.DashLine)
        painter.setPen(self._theme.color("ink3"))
        painter.setFont(self._chip_font)
        painter.drawText(chip, _MIDDLE, text)
        painter.setFont(self._small)
        painter.drawText(QRectF(chip.left(), _BAR, chip.width(), self._line), _MIDDLE, "given")

    def _paint_column(self, painter: QPainter, index: int, column: QRectF) -> None:
        theme, example = self._theme, self._example
        if example is None:
            return
        token = example.tokens[index]
        track = QRectF(column.center().x() - _BAR_WIDTH / 2, 1.0, _BAR_WIDTH, _BAR - 1.0)
        fill_round(painter, track, 3.0, theme.color("hover"))
        height = max(track.height() * min(token.probability, 1.0), 1.5)
        bar = QRectF(track.left(), track.bottom() - height, track.width(), height)
        fill_round(painter, bar, min(3.0, height / 2), theme.bar_color())
        self._paint_number(painter, QRectF(column.left(), _BAR, column.width(), self._line), self._numbers[index])
        chip = QRectF(column.left(), self._chip_top(), column.width(), self._chip)
        if token.text:
            outline_round(painter, chip, 4.0, theme.color("line2"), 1.0, theme.color("sunken"))
        self._paint_token(painter, chip, self._name(index))

    def _paint_number(self, painter: QPainter, rect: QRectF, number: str) -> None:
        """A number in the middle; its power, if it has one, is raised."""
        base, _, power = number.removesuffix("}").partition("^{")
        metrics = QFontMetricsF(self._number_font)
        left = rect.center().x() - self._number_width(number) / 2
        level = rect.center().y() + (metrics.ascent() - metrics.descent()) / 2
        painter.setPen(self._theme.color("ink"))
        painter.setFont(self._number_font)
        painter.drawText(QPointF(left, level), base)
        if power:
            painter.setFont(self._power_font)
            painter.drawText(QPointF(left + metrics.horizontalAdvance(base), level - 5.0), power)

    def _paint_token(self, painter: QPainter, chip: QRectF, shown: str) -> None:
        metrics = QFontMetricsF(self._chip_font)
        left = chip.center().x() - metrics.horizontalAdvance(shown) / 2
        level = chip.center().y() + (metrics.ascent() - metrics.descent()) / 2
        split = faint_prefix(shown)
        painter.setFont(self._chip_font)
        painter.setPen(self._theme.color("ink3"))
        painter.drawText(QPointF(left, level), shown[:split])
        painter.setPen(self._theme.color("ink"))
        painter.drawText(QPointF(left + metrics.horizontalAdvance(shown[:split]), level), shown[split:])

    @Slot()
    def _on_theme(self) -> None:
        self.update()
