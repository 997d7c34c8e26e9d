"""A text as token chips, painted by one widget so that thousands of tokens stay smooth."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
from PySide6.QtCore import QEvent, QPoint, QRect, QRectF, QSize, Qt, Signal, Slot
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

from app.ui.theme import Theme
from app.ui.widgets.painting import fill_round, focus_ring
from app.ui.widgets.token_chip import GENERATE, INSPECT, Chip, ChipPainter, ChipState
from app.ui.widgets.token_flow import TokenFlow

_MARGIN = 4
_MORE_WIDTH = 56
_CARET_WIDTH = 9


class TokenStrip(QWidget):
    """Token chips in rows (or in one row that is cut), in the style "inspect" or "generate".

    `hovered(index)` comes with −1 when the pointer leaves; `clicked(index)` for the mouse and for the keys
    Left, Right, Home and End, which move the selection.
    """

    hovered = Signal(int)
    clicked = Signal(int)
    done = Signal(str)
    """A sentence: what is on the clipboard now."""

    def __init__(
        self, theme: Theme, style: str = INSPECT, single_line: bool = False, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        if style not in (INSPECT, GENERATE):
            raise ValueError(f"A token strip is {INSPECT!r} or {GENERATE!r}, not {style!r}.")
        self._theme = theme
        self._style = style
        self._painter = ChipPainter(theme, style)
        self._flow = TokenFlow(self._painter.chip_height, self._pitch(), 4 if style == INSPECT else 3, single_line)
        self._chips: list[Chip] = []
        self._selected: int | None = None
        self._hovered = -1
        self._weights: np.ndarray | None = None
        self._dim_after = True
        self._streaming = False
        self._ringed: int | None = None
        self._second_from: int | None = None
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setAccessibleName("Tokens")
        theme.changed.connect(self._on_theme)
        self._describe()

    def set_tokens(self, tokens: Iterable[tuple[str, int | None, float | None, bool]]) -> None:
        """Show these (text, id, probability, is_prompt); selection and weights are forgotten."""
        self._chips = [Chip.of(*token) for token in tokens]
        self._flow.clear()
        for chip in self._chips:
            self._flow.append(self._painter.width(chip))
        self._selected, self._weights, self._hovered, self._ringed = None, None, -1, None
        self._second_from = None
        self._relayout()

    def set_ids_shown(self, shown: bool) -> None:
        """Whether ids stand under the chips; the tooltip has them either way."""
        self._painter.show_ids(shown)
        self._flow.row_pitch = self._pitch()
        self._flow.clear()
        for chip in self._chips:
            self._flow.append(self._painter.width(chip))
        self._relayout()

    def _pitch(self) -> int:
        return self._painter.chip_height + self._painter.id_height + (6 if self._style == GENERATE else 4)

    def set_shades(self, shades: Sequence[float | None] | None) -> None:
        """Colour the chips by these instead of their probabilities, 0..1 `[token]`; None goes back to those, NaN is a
        shade that is not known."""
        wanted = [None] * len(self._chips) if shades is None else list(shades)
        self._chips = [replace(chip, shade=shade) for chip, shade in zip(self._chips, wanted, strict=True)]
        self.update()

    def set_scale(self, name: str) -> None:
        """By which map the shades are coloured: "probability" or "surprise"."""
        self._painter.scale = name
        self.update()

    def set_ringed(self, index: int | None) -> None:
        """Mark a chip as the place where two texts part."""
        self._ringed = index
        self.update()

    def set_second_from(self, index: int | None) -> None:
        """Draw a line before the chip with which a second sentence begins; None draws none."""
        self._second_from = index
        self.update()

    def append(
        self,
        text: str,
        token_id: int | None = None,
        probability: float | None = None,
        is_prompt: bool = False,
        shade: float | None = None,
    ) -> None:
        """Add one token at the end; only its own place is computed and painted."""
        rows = self._flow.rows
        chip = Chip.of(text, token_id, probability, is_prompt)
        if shade is not None:
            chip = replace(chip, shade=shade)
        self._chips.append(chip)
        self._flow.append(self._painter.width(chip))
        self._describe()
        if self._flow.rows != rows:
            self.updateGeometry()
        if self._flow.single_line:
            self.update()
        else:
            self.update(self._area(len(self._chips) - 1))
            if len(self._chips) > 1:
                self.update(self._area(len(self._chips) - 2))

    def set_selected(self, index: int | None) -> None:
        """Mark one chip (the query token in "inspect") or none; emits nothing."""
        if index is not None and not 0 <= index < len(self._chips):
            index = None
        if index != self._selected:
            self._selected = index
            if index is not None:
                self._flow.reveal(index, _MORE_WIDTH)
            self._describe()
            self.update()

    @property
    def weighted(self) -> bool:
        """Whether weights are underlined."""
        return self._weights is not None

    def set_weights(self, weights: np.ndarray | None) -> None:
        """Underline each chip by a weight 0..1, one row of attention `[token]`; None removes the underlines."""
        self._weights = None if weights is None else np.asarray(weights, dtype=np.float64)
        self.update()

    def set_dim_after(self, dim: bool) -> None:
        """Whether tokens after the selected one are dashed, as they are where a query cannot see ahead."""
        self._dim_after = dim
        self.update()

    def set_streaming(self, streaming: bool) -> None:
        """Show a steady caret after the last token while text is being written."""
        self._streaming = streaming
        self.update()

    def selected(self) -> int | None:
        """The index of the selected chip."""
        return self._selected

    def count(self) -> int:
        """How many tokens are shown."""
        return len(self._chips)

    def text(self) -> str:
        """The tokens joined as they were given."""
        return "".join(chip.text for chip in self._chips)

    def chip_rect(self, index: int) -> QRect:
        """Where a chip is painted, without the id under it; for tooltips and scrolling."""
        left, top, width = self._flow.cell(index)
        return QRect(left + _MARGIN, top + _MARGIN, width, self._flow.chip_height)

    def hasHeightForWidth(self) -> bool:
        return True

    def heightForWidth(self, width: int) -> int:
        return self._flow.rows_at(width - 2 * _MARGIN) * self._flow.row_pitch + 2 * _MARGIN

    def sizeHint(self) -> QSize:
        width = max(self.width(), 320)
        return QSize(width, self.heightForWidth(width))

    def minimumSizeHint(self) -> QSize:
        return QSize(120, self._flow.row_pitch + 2 * _MARGIN)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            self._relayout()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        dirty, region = event.rect(), event.region()
        stop = self._flow.visible_stop(_MORE_WIDTH)
        for index in self._flow.indices_between(dirty.top() - _MARGIN, dirty.bottom() - _MARGIN):
            if index < stop and region.intersects(self._area(index)):
                self._painter.paint(painter, QRectF(self.chip_rect(index)), self._chips[index], self._state(index))
        if self._second_from is not None and self._second_from < stop:
            rect = self.chip_rect(self._second_from)
            line = QRectF(rect.left() - 3, rect.top() - 2, 2, rect.height() + self._painter.id_height + 2)
            painter.fillRect(line, self._theme.color("accent"))
        if stop < len(self._chips):
            self._paint_more(painter, stop)
        elif self._streaming:
            self._paint_caret(painter)
        if self.hasFocus() and self._selected is None:
            focus_ring(painter, QRectF(self.visibleRegion().boundingRect()), self._theme.color("accent"))
        painter.end()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._set_hovered(self._index_at(event.position().toPoint()))

    def leaveEvent(self, event: QEvent) -> None:
        self._set_hovered(-1)
        super().leaveEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        index = self._index_at(event.position().toPoint())
        if event.button() == Qt.MouseButton.LeftButton and index >= 0:
            self._choose(index)
        else:
            super().mousePressEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        last = len(self._chips) - 1
        at = self._selected
        targets = {
            Qt.Key.Key_Left: last if at is None else max(at - 1, 0),
            Qt.Key.Key_Right: 0 if at is None else min(at + 1, last),
            Qt.Key.Key_Home: 0,
            Qt.Key.Key_End: last,
        }
        if event.matches(QKeySequence.StandardKey.Copy):
            self._copy(self.text())
        elif last >= 0 and event.key() in targets and not event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier:
            self._choose(targets[Qt.Key(event.key())])
        else:
            super().keyPressEvent(event)

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            index = self._index_at(event.pos())
            if index >= 0:
                tip = f"<qt>{html.escape(self.describe_token(index))}</qt>"
                QToolTip.showText(event.globalPos(), tip, self, self.chip_rect(index))
            else:
                QToolTip.hideText()
            return True
        return super().event(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        index = self._index_at(event.pos())
        menu = QMenu(self)
        copies = {menu.addAction("Copy text"): self.text()}
        if any(chip.token_id is not None for chip in self._chips):
            ids = (str(chip.token_id) for chip in self._chips if chip.token_id is not None)
            copies[menu.addAction("Copy token ids")] = f"[{', '.join(ids)}]"
        if index >= 0:
            copies[menu.addAction("Copy this token")] = self._chips[index].text
        chosen = menu.exec(event.globalPos())
        if chosen is not None:
            self._copy(copies[chosen])

    def _copy(self, text: str) -> None:
        QGuiApplication.clipboard().setText(text)
        self.done.emit("The tokens are on the clipboard.")

    def describe_token(self, index: int) -> str:
        """A token in one line: its place, text, id and probability."""
        chip = self._chips[index]
        parts = [f"{chip.shown}  #{index}"]
        if chip.token_id is not None:
            parts.append(f"id {chip.token_id}")
        if chip.probability is not None:
            parts.append(f"{100 * chip.probability:.1f}%")
        if self._second_from is not None:
            parts.append(f"{'first' if index < self._second_from else 'second'} sentence")
        if self._weights is not None and index < len(self._weights):
            parts.append(f"weight {self._weights[index]:.4f}")
        return " · ".join(parts)

    def _choose(self, index: int) -> None:
        self.set_selected(index)
        self.clicked.emit(index)

    def _set_hovered(self, index: int) -> None:
        if index != self._hovered:
            for changed in (self._hovered, index):
                if 0 <= changed < len(self._chips):
                    self.update(self._area(changed))
            self._hovered = index
            self.hovered.emit(index)

    def _state(self, index: int) -> ChipState:
        weight = None
        if self._weights is not None and index < len(self._weights):
            weight = float(self._weights[index])
        after = self._dim_after and self._selected is not None and index > self._selected
        dimmed = after and self._style == INSPECT
        return ChipState(index == self._selected, index == self._hovered, dimmed, weight, index == self._ringed)

    def _paint_more(self, painter: QPainter, stop: int) -> None:
        left, top, width = self._flow.cell(stop - 1)
        rect = QRectF(left + width + _MARGIN + 8, top + _MARGIN, _MORE_WIDTH, self._flow.chip_height)
        painter.setFont(self._theme.font(12))
        painter.setPen(self._theme.color("ink3"))
        align = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft
        painter.drawText(rect, align, f"+{len(self._chips) - stop:,}")

    def _paint_caret(self, painter: QPainter) -> None:
        rect = QRectF(_MARGIN, _MARGIN, 0, self._flow.chip_height)
        if self._chips:
            rect = QRectF(self.chip_rect(len(self._chips) - 1))
        caret = QRectF(rect.right() + 5, rect.top() + 2, _CARET_WIDTH, rect.height() - 4)
        if caret.right() > self.width():
            caret.moveRight(self.width() - 1)
        fill_round(painter, caret, 1, self._theme.color("accent"))

    def _area(self, index: int) -> QRect:
        """What must be repainted when a chip changes: it, its id, and the caret that may follow."""
        return self.chip_rect(index).adjusted(-6, -4, 8 + _CARET_WIDTH, self._painter.id_height + 4)

    def _index_at(self, point: QPoint) -> int:
        index = self._flow.index_at(point.x() - _MARGIN, point.y() - _MARGIN)
        return index if index < self._flow.visible_stop(_MORE_WIDTH) else -1

    def _relayout(self) -> None:
        self._flow.set_available(self.width() - 2 * _MARGIN)
        self.updateGeometry()
        self._describe()
        self.update()

    def _describe(self) -> None:
        count = f"{len(self._chips):,} tokens" if len(self._chips) != 1 else "1 token"
        chosen = "" if self._selected is None else f", selected {self.describe_token(self._selected)}"
        self.setAccessibleDescription(count + chosen)

    @Slot()
    def _on_theme(self) -> None:
        self.update()
