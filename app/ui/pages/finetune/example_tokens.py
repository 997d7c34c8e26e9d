"""One example as the model gets it, token by token: what is given, and what is learnt."""

from __future__ import annotations

import html
from collections.abc import Sequence

from PySide6.QtCore import QEvent, QPointF, QRect, QRectF, QSize, Qt, Slot
from PySide6.QtGui import (
    QFontMetricsF,
    QGuiApplication,
    QHelpEvent,
    QKeyEvent,
    QKeySequence,
    QPainter,
    QPaintEvent,
    QResizeEvent,
)
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from app.engine.finetune.records import PreviewToken
from app.ui.pages.finetune.data_words import counted
from app.ui.theme import Theme
from app.ui.widgets.painting import fill_round, focus_ring
from app.ui.widgets.token_flow import TokenFlow
from app.ui.widgets.token_text import faint_prefix, visible_token

_MARGIN, _PADDING, _GAP = 4, 3, 2


class ExampleTokens(QWidget):
    """Chips in rows. Trained ones are filled softly and underlined in the accent, given ones are grey without a line.

    `set_note` gives the words that stand where there is no token.
    """

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._font = theme.font(12, mono=True)
        self._metrics = QFontMetricsF(self._font)
        self._height = round(self._metrics.height()) + 5
        self._flow = TokenFlow(self._height, self._height + 3, _GAP)
        self._tokens: tuple[PreviewToken, ...] = ()
        self._shown: list[str] = []
        self._note = ""
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("The chosen example as tokens")
        theme.changed.connect(self._on_theme)

    def set_tokens(self, tokens: Sequence[PreviewToken]) -> None:
        """Show these."""
        self._tokens = tuple(tokens)
        self._shown = [visible_token(token.text) for token in self._tokens]
        self._flow.clear()
        for shown in self._shown:
            self._flow.append(round(self._metrics.horizontalAdvance(shown)) + 2 * _PADDING)
        self._relayout()

    def set_note(self, words: str) -> None:
        """What is said where there is no token."""
        self._note = words
        self._relayout()

    def tokens(self) -> tuple[PreviewToken, ...]:
        """What is shown."""
        return self._tokens

    def words(self) -> str:
        """ "118 tokens, 64 trained"; the note where there is none."""
        trained = sum(token.trained for token in self._tokens)
        return f"{counted(len(self._tokens), 'token')}, {trained:,} trained" if self._tokens else self._note

    def chip_rect(self, index: int) -> QRect:
        """Where a token is painted."""
        left, top, width = self._flow.cell(index)
        return QRect(left + _MARGIN, top + _MARGIN, width, self._height)

    def describe_token(self, index: int) -> str:
        """A token in one line."""
        token = self._tokens[index]
        kind = "trained: the model learns to say it" if token.trained else "given: the model reads it"
        return f"{self._shown[index]}  #{index} · {kind}{', a special token' if token.special else ''}"

    def hasHeightForWidth(self) -> bool:
        return True

    def heightForWidth(self, width: int) -> int:
        return self._flow.rows_at(width - 2 * _MARGIN) * self._flow.row_pitch + 2 * _MARGIN

    def sizeHint(self) -> QSize:
        return QSize(240, self.heightForWidth(max(self.width(), 240)))

    def minimumSizeHint(self) -> QSize:
        return QSize(120, self._flow.row_pitch + 2 * _MARGIN)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            self._relayout()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if not self._tokens:
            painter.setFont(self._theme.font(12))
            painter.setPen(self._theme.color("ink3"))
            words = self.rect().adjusted(_MARGIN, _MARGIN, -_MARGIN, -_MARGIN)
            painter.drawText(words, int(Qt.AlignmentFlag.AlignTop | Qt.TextFlag.TextWordWrap), self._note)
        painter.setFont(self._font)
        dirty = event.rect()
        for index in self._flow.indices_between(dirty.top() - _MARGIN, dirty.bottom() - _MARGIN):
            self._paint_chip(painter, index)
        if self.hasFocus():
            focus_ring(painter, QRectF(self.visibleRegion().boundingRect()), self._theme.color("accent"))
        painter.end()

    def _paint_chip(self, painter: QPainter, index: int) -> None:
        rect, token, shown = QRectF(self.chip_rect(index)), self._tokens[index], self._shown[index]
        color = self._theme.color
        fill_round(painter, rect, 3, color("accentsoft" if token.trained else "hover"))
        if token.trained:
            painter.fillRect(QRectF(rect.left(), rect.bottom() - 2, rect.width(), 2), color("accent"))
        if token.text and not token.special:
            ink = color("ink" if token.trained else "ink3")
        else:
            ink = color("accent" if token.trained else "ink3")
        baseline = rect.top() + 2 + self._metrics.ascent()
        left, room = rect.left() + _PADDING, rect.width() - 2 * _PADDING
        shown = self._metrics.elidedText(shown, Qt.TextElideMode.ElideMiddle, room + 2)
        split = faint_prefix(shown)
        painter.setPen(color("ink3"))
        painter.drawText(QPointF(left, baseline), shown[:split])
        painter.setPen(ink)
        painter.drawText(QPointF(left + self._metrics.horizontalAdvance(shown[:split]), baseline), shown[split:])

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.matches(QKeySequence.StandardKey.Copy):
            QGuiApplication.clipboard().setText("".join(token.text for token in self._tokens))
        else:
            super().keyPressEvent(event)

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            index = self._flow.index_at(event.pos().x() - _MARGIN, event.pos().y() - _MARGIN)
            if index >= 0:
                tip = f"<qt>{html.escape(self.describe_token(index))}</qt>"
                QToolTip.showText(event.globalPos(), tip, self, self.chip_rect(index))
            else:
                QToolTip.hideText()
            return True
        return super().event(event)

    def _relayout(self) -> None:
        self._flow.set_available(self.width() - 2 * _MARGIN)
        self.setAccessibleDescription(self.words())
        self.updateGeometry()
        self.update()

    @Slot()
    def _on_theme(self) -> None:
        self.update()
