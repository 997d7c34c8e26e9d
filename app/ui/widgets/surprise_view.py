"""How surprised one or two models were by a text, token by token, over one grid of letters."""

from __future__ import annotations

import html
from collections.abc import Sequence

from PySide6.QtCore import QEvent, QPointF, QRect, QRectF, QSize, Qt, Signal, Slot
from PySide6.QtGui import (
    QContextMenuEvent,
    QFocusEvent,
    QGuiApplication,
    QHelpEvent,
    QKeyEvent,
    QKeySequence,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
)
from PySide6.QtWidgets import QAbstractScrollArea, QFrame, QMenu, QToolTip, QWidget

from app.engine.evaluate.records import Piece, Stretch, TextPage
from app.ui.theme import Theme
from app.ui.widgets.focus_reasons import KEYBOARD_REASONS
from app.ui.widgets.painting import focus_ring
from app.ui.widgets.surprise_colours import BOTH, DIFFERENCE
from app.ui.widgets.surprise_painting import SurprisePainter
from app.ui.widgets.surprise_sheet import MOVING_KEYS, NOWHERE, SurpriseSheet

NOTHING_MEASURED = "No text has been measured yet."
_DIFFERENCE_WORDS = "A − B"
_AROUND = 8
"""Pixels that stay in view around what is chosen."""


class SurpriseView(QAbstractScrollArea):
    """A page of text: a row of chips for each model, letters above each other; or one row of A − B.

    It scrolls by itself and paints what is in view; `full_height` is what it needs to show everything. Left and Right
    move by token, Up and Down between rows and lines, Home and End along the line (with Ctrl: the page).
    """

    chosen = Signal(int, int)
    """The row of the model and the token's place among all its tokens (`Piece.index`), by the mouse or the keys."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._painter = SurprisePainter(theme)
        self._mode = BOTH
        self._sheet = SurpriseSheet(self._painter, None, ("A", "B"), BOTH)
        self._place, self._hover = NOWHERE, NOWHERE
        self._byte: int | None = None
        self._focus_shown = False
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.viewport().setMouseTracking(True)
        self.viewport().setAutoFillBackground(False)
        self._nothing = NOTHING_MEASURED
        self.setAccessibleName("Surprise, token by token")
        theme.changed.connect(self._on_theme)
        self._describe()

    def set_page(self, page: TextPage | None, slots: Sequence[str] = ("A", "B")) -> None:
        """Show a page, or none; `slots` are the letters of its rows' models. What was chosen is forgotten."""
        self._byte = None
        self.verticalScrollBar().setValue(0)
        self._lay_out(page, slots)

    def say_nothing(self, words: str) -> None:
        """Why there is no text to show, in the middle of the empty view."""
        self._nothing = words
        self._describe()
        self.viewport().update()

    def page(self) -> TextPage | None:
        """What is shown."""
        return self._sheet.page

    def set_mode(self, mode: str) -> None:
        """BOTH models' surprise, or the DIFFERENCE A − B, which needs two rows. What is chosen stays."""
        if mode not in (BOTH, DIFFERENCE):
            raise ValueError(f"Surprise is shown as {BOTH!r} or {DIFFERENCE!r}, not {mode!r}.")
        if mode != self._mode:
            self._mode = mode
            self._lay_out(self._sheet.page, self._sheet.slots)

    def mode(self) -> str:
        """What is shown: DIFFERENCE only where there are two rows."""
        return self._sheet.mode

    def set_selected_byte(self, byte: int | None) -> None:
        """Choose the token at a byte of the whole text and scroll to it; None, or one outside, chooses none."""
        place = NOWHERE if byte is None else self._sheet.place_of(byte, max(self._place[0], 0))
        self._byte = None if place == NOWHERE else byte
        self._mark(place)

    def selected_byte(self) -> int | None:
        """The byte that was chosen, or where the chosen token begins."""
        return self._byte

    def selected_piece(self) -> Piece | None:
        """The chosen token; in the difference, the first one of A in the chosen stretch."""
        return None if self._place == NOWHERE else self._sheet.model_piece(self._place)[1]

    def selected_stretch(self) -> Stretch | None:
        """The common stretch around what is chosen; None with one model."""
        page, index = self._sheet.page, self._sheet.stretch_of(self._place)
        return page.stretches[index] if page is not None and index >= 0 else None

    def selected_kind(self) -> str:
        """What the chosen stretch or token is called: "word" or "stretch"; "" where nothing is chosen."""
        return "" if self._place == NOWHERE else self._sheet.kind_of(self._place)

    def text(self) -> str:
        """The page's letters."""
        return self._sheet.text

    def table(self) -> list[list[str]]:
        """The page as a table with its head: texts and bits of the common stretches, or of one model's tokens."""
        return self._sheet.table()

    def copy(self) -> None:
        """Put the table on the clipboard as tab-separated text."""
        QGuiApplication.clipboard().setText("\n".join("\t".join(line) for line in self.table()))

    def full_height(self, width: int) -> int:
        """Pixels that the whole page needs at a width."""
        return self._sheet.height_at(width)

    def token_rect(self, row: int, index: int) -> QRect:
        """Where the first part of a token's chip is in the viewport; `index` counts in the row shown."""
        return self._chips((row, index))[0].toRect()

    def describe_token(self, row: int, index: int) -> str:
        """What is read out over a chip: text, bits, probability and bytes."""
        return self._sheet.describe((row, index))

    def sizeHint(self) -> QSize:
        return QSize(560, self._sheet.height(min(max(len(self._sheet.layout.lines), 2), 4)))

    def minimumSizeHint(self) -> QSize:
        return QSize(240, self._sheet.height(1))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._break()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self.viewport())
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if not self._sheet.layout.lines:
            painter.setFont(self._theme.font(12))
            painter.setPen(self._theme.color("ink3"))
            painter.drawText(self.viewport().rect(), Qt.AlignmentFlag.AlignCenter, self._nothing)
        scrolled, dirty = self._scrolled(), event.rect()
        painter.translate(0, -scrolled)
        for line in self._sheet.lines_between(dirty.top() + scrolled, dirty.bottom() + scrolled):
            self._paint_line(painter, line)
        if self._hover not in (NOWHERE, self._place):
            self._painter.paint_outline(painter, self._sheet.chips(self._hover), strong=False)
        if self._place != NOWHERE:
            self._painter.paint_frames(painter, self._sheet.frames(self._place))
            if self.hasFocus() and self._focus_shown:
                self._painter.paint_outline(painter, self._sheet.chips(self._place), strong=True)
        painter.resetTransform()
        if self.hasFocus() and self._focus_shown and self._place == NOWHERE:
            focus_ring(painter, QRectF(self.viewport().rect()), self._theme.color("accent"))
        painter.end()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._set_hover(self._place_at(event.position()))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        event.accept()
        place = self._place_at(event.position())
        if event.button() == Qt.MouseButton.LeftButton and place != NOWHERE:
            self._focus_shown = False
            self._choose(place)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        event.accept()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        whole = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
        if event.matches(QKeySequence.StandardKey.Copy):
            self.copy()
        elif event.key() in MOVING_KEYS:
            place = self._sheet.after_key(event.key(), self._place, whole=whole)
            self._focus_shown = True
            if place != NOWHERE:
                self._choose(place)
        else:
            super().keyPressEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self._focus_shown = event.reason() in KEYBOARD_REASONS
        self.viewport().update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.viewport().update()

    def viewportEvent(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Leave:
            self._set_hover(NOWHERE)
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            place = self._place_at(QPointF(event.pos()))
            if place != NOWHERE:
                words = f"<qt>{html.escape(self.describe_token(*place))}</qt>"
                QToolTip.showText(event.globalPos(), words, self.viewport(), self.token_rect(*place))
            else:
                QToolTip.hideText()
            return True
        return super().viewportEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        # The menu's own key asks for the token that the keys are on.
        by_key = event.reason() == QContextMenuEvent.Reason.Keyboard
        place = self._place if by_key else self._place_at(QPointF(self.viewport().mapFrom(self, event.pos())))
        if self._sheet.page is not None:
            self.menu_for(*place).exec(event.globalPos())

    def menu_for(self, row: int, index: int) -> QMenu:
        """What can be copied: the page, and the token at a place (−1, −1 for none)."""
        menu, clipboard = QMenu(self), QGuiApplication.clipboard()
        menu.addAction("Copy values as a table", self.copy)
        menu.addAction("Copy text", lambda: clipboard.setText(self.text()))
        if (row, index) != NOWHERE:
            words = self.describe_token(row, index)
            menu.addAction("Copy this token", lambda: clipboard.setText(words))
        return menu

    def _lay_out(self, page: TextPage | None, slots: Sequence[str]) -> None:
        """Make the sheet anew; what is chosen is found again by its byte."""
        self._sheet = SurpriseSheet(self._painter, page, slots, self._mode)
        self._place, self._hover = NOWHERE, NOWHERE
        self._break()
        self.updateGeometry()
        self.set_selected_byte(self._byte)

    def _break(self) -> None:
        """Break the lines for the width there is, and set the scroll bar to their height."""
        self._sheet.set_width(self.viewport().width())
        bar, seen = self.verticalScrollBar(), self.viewport().height()
        bar.setRange(0, max(self._sheet.height() - seen, 0))
        bar.setPageStep(seen)
        bar.setSingleStep(round(self._painter.row_pitch))
        self.viewport().update()

    def _paint_line(self, painter: QPainter, line: int) -> None:
        sheet = self._sheet
        for row, tokens in enumerate(sheet.layout.rows):
            slot = _DIFFERENCE_WORDS if sheet.mode == DIFFERENCE else sheet.slots[row]
            self._painter.paint_slot(painter, line, row, sheet.rows, slot)
            for index in sheet.layout.tokens_on(tokens, line):
                self._painter.paint_token(painter, sheet.layout, (row, index), line, sheet.mode)

    def _choose(self, place: tuple[int, int]) -> None:
        row, piece = self._sheet.model_piece(place)
        self._byte = piece.start
        self._mark(place)
        self.chosen.emit(row, piece.index)

    def _mark(self, place: tuple[int, int]) -> None:
        self._place = place
        if place != NOWHERE:
            self._reveal()
        self._describe()
        self.viewport().update()

    def _chips(self, place: tuple[int, int]) -> list[QRectF]:
        """A token's chips in the viewport."""
        return [chip.translated(0, -self._scrolled()) for chip in self._sheet.chips(place)]

    def _place_at(self, point: QPointF) -> tuple[int, int]:
        return self._sheet.place_at(point + QPointF(0, self._scrolled()))

    def _set_hover(self, place: tuple[int, int]) -> None:
        if place != self._hover:
            for changed in (self._hover, place):
                for chip in self._chips(changed) if changed != NOWHERE else ():
                    self.viewport().update(chip.toAlignedRect().adjusted(-3, -3, 3, 3))
            self._hover = place

    def _reveal(self) -> None:
        """Scroll so that the frame around what is chosen is in view, its beginning if it is too large for that."""
        frames, bar, seen = self._sheet.frames(self._place), self.verticalScrollBar(), self.viewport().height()
        if frames:
            top, bottom = round(frames[0].top()) - _AROUND, round(frames[-1].bottom()) + _AROUND
            bar.setValue(min(max(bar.value(), bottom - seen), top))

    def _scrolled(self) -> int:
        return self.verticalScrollBar().value()

    def _describe(self) -> None:
        if self._sheet.page is None:
            self.setAccessibleDescription(self._nothing)
            return
        chosen = f" Chosen: {self.describe_token(*self._place)}." if self._place != NOWHERE else ""
        self.setAccessibleDescription(self._sheet.summary() + chosen)

    @Slot()
    def _on_theme(self) -> None:
        self.viewport().update()
