"""Texts with what matched in them: coloured by length, and underlined once for every word of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Slot
from PySide6.QtGui import (
    QFont,
    QFontMetricsF,
    QHelpEvent,
    QPainter,
    QPaintEvent,
    QTextBlock,
    QTextBlockFormat,
    QTextCharFormat,
    QTextCursor,
)
from PySide6.QtWidgets import QSizePolicy, QTextEdit, QToolTip, QWidget

from app.engine.metrics.records import LONGEST, Match
from app.ui.theme import Theme
from app.ui.widgets.painting import fill_round

_BETWEEN = 14
"""Pixels between two lines of text, for four underlines and some air."""
_STROKE, _PITCH = 1.0, 2.0
_UNDER = 3.0
"""Between the foot of the letters and the first underline."""
_BREAKS = str.maketrans("\r\n\u2028\u2029\t", "     ")
"""What a document would make a paragraph of; a space instead, so that places stay what they are."""
_IN_A_ROW = "words in a row"


@dataclass(frozen=True)
class MarkedText:
    """A text under a heading, and the stretches of it that matched, from left to right without overlap."""

    heading: str
    text: str
    runs: tuple[Match, ...] = ()


def paint_match(painter: QPainter, theme: Theme, rect: QRectF, foot: float, order: int) -> None:
    """The ground of a match and its underlines, one for every word; `foot` is where the letters end."""
    fill_round(painter, rect, 3, theme.chip_fill(order / LONGEST))
    ink = theme.chip_underline()
    for line in range(order):
        painter.fillRect(QRectF(rect.left(), foot + _UNDER + line * _PITCH, rect.width(), _STROKE), ink)


class MatchText(QTextEdit):
    """Can be selected and copied; the tooltip of a match says how long it is."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._texts: tuple[MarkedText, ...] = ()
        self._units: list[list[int]] = []
        self.setReadOnly(True)
        self.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self.setAccessibleName("What matched")
        theme.changed.connect(self._restyle)

    def show_texts(self, texts: Sequence[MarkedText]) -> None:
        """Show these one under the other."""
        self._texts = tuple(texts)
        self._units = [_units(each.text) for each in texts]
        self.setAccessibleDescription(". ".join(_told(each) for each in texts if each.runs))
        self._restyle()

    def texts(self) -> tuple[MarkedText, ...]:
        """What is shown."""
        return self._texts

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self.viewport())
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        foot = QFontMetricsF(self._font()).descent()
        for run, rect, baseline in self._places():
            if rect.bottom() >= event.rect().top() and rect.top() <= event.rect().bottom():
                paint_match(painter, self._theme, rect, baseline + foot, run.order)
        painter.end()
        super().paintEvent(event)

    def viewportEvent(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            words = self.words_at(QPointF(event.pos()))
            QToolTip.showText(event.globalPos(), words, self.viewport())
            return True
        return super().viewportEvent(event)

    def words_at(self, point: QPointF) -> str:
        """What the tooltip says at a place of the viewport."""
        run = next((run for run, rect, _ in self._places() if rect.contains(point)), None)
        return "" if run is None else f"Found on the other side: {_length(run.order)}"

    def match_rects(self) -> list[tuple[int, QRectF]]:
        """(order, place in the viewport) of all that is marked; a match over two lines has two places."""
        return [(run.order, rect) for run, rect, _ in self._places()]

    def _font(self) -> QFont:
        return self._theme.font(13, mono=True)

    def _places(self) -> Iterator[tuple[Match, QRectF, float]]:
        """Every run where it stands in the viewport, line by line, with the baseline of its letters."""
        shift = QPointF(-self.horizontalScrollBar().value(), -self.verticalScrollBar().value())
        for number, marked in enumerate(self._texts):
            block = self.document().findBlockByNumber(2 * number + 1)
            units = self._units[number]
            for run in marked.runs:
                yield from self._pieces(block, shift, run, units[run.start], units[run.stop])

    def _pieces(
        self, block: QTextBlock, shift: QPointF, run: Match, start: int, stop: int
    ) -> Iterator[tuple[Match, QRectF, float]]:
        layout, text = block.layout(), block.text()
        origin = self.document().documentLayout().blockBoundingRect(block).topLeft() + shift
        metrics = QFontMetricsF(self._font())
        for number in range(layout.lineCount()):
            line = layout.lineAt(number)
            first, last = max(start, line.textStart()), min(stop, line.textStart() + line.textLength())
            # The space at which a line is broken is not underlined.
            last = first + len(text[first:last].rstrip())
            if first < last:
                left, right = sorted((line.cursorToX(first)[0], line.cursorToX(last)[0]))  # type: ignore[index]
                baseline = origin.y() + line.y() + line.ascent()
                top, bottom = baseline - metrics.ascent(), baseline + metrics.descent() + _UNDER + LONGEST * _PITCH
                yield run, QRectF(origin.x() + left, top, right - left, bottom - top), baseline

    @Slot()
    def _restyle(self) -> None:
        """Write the document: headings and texts are paragraphs in turn."""
        self.clear()
        cursor = QTextCursor(self.document())
        heading, body = QTextCharFormat(), QTextCharFormat()
        heading.setFont(self._theme.font(11.5))
        heading.setForeground(self._theme.color("ink3"))
        body.setFont(self._font())
        body.setForeground(self._theme.color("ink"))
        above, spacing = QTextBlockFormat(), QTextBlockFormat()
        above.setBottomMargin(3)
        spacing.setLineHeight(_BETWEEN, QTextBlockFormat.LineHeightTypes.LineDistanceHeight.value)
        for number, marked in enumerate(self._texts):
            above.setTopMargin(6 if number else 0)
            for letters, paragraph, style in (
                (marked.heading, above, heading),
                (marked.text.translate(_BREAKS), spacing, body),
            ):
                if number or style is body:
                    cursor.insertBlock(paragraph, style)
                else:
                    cursor.setBlockFormat(paragraph)
                cursor.insertText(letters, style)
        self.verticalScrollBar().setValue(0)


class MatchLegend(QWidget):
    """What colours and underlines stand for: "1 2 3 4+ words in a row"."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setToolTip("Each match is coloured by how many words it has, and underlined once for each")
        self.setAccessibleName("Underlined once for every word of a match, four times for four and more")
        theme.changed.connect(self._on_theme)

    def sizeHint(self) -> QSize:
        metrics = QFontMetricsF(self._theme.font(11.5))
        return QSize(round(4 * self._cell() + 6 + metrics.horizontalAdvance(_IN_A_ROW)), 28)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(self._theme.font(11.5))
        cell, foot = self._cell(), 17.0
        for order in range(1, LONGEST + 1):
            rect = QRectF((order - 1) * cell, 1, cell - 4, 26)
            paint_match(painter, self._theme, rect, foot - 1, order)
            painter.setPen(self._theme.color("ink"))
            painter.drawText(
                QRectF(rect.left(), 1, rect.width(), foot),
                Qt.AlignmentFlag.AlignCenter,
                f"{order}+" if order == LONGEST else str(order),
            )
        painter.setPen(self._theme.color("ink3"))
        rest = QRectF(LONGEST * cell + 2, 1, self.width(), foot)
        painter.drawText(rest, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, _IN_A_ROW)
        painter.end()

    def _cell(self) -> float:
        return QFontMetricsF(self._theme.font(11.5)).horizontalAdvance("4+") + 14

    @Slot()
    def _on_theme(self) -> None:
        self.update()


def _length(order: int) -> str:
    return "a word" if order == 1 else f"{order}{' or more' if order == LONGEST else ''} words in a row"


def _told(marked: MarkedText) -> str:
    pieces = (f"{marked.text[run.start : run.stop]} ({_length(run.order)})" for run in marked.runs)
    return f"{marked.heading}: {', '.join(pieces)}"


def _units(text: str) -> list[int]:
    """For every place in the text the place in Qt's, where a letter outside the first 65,536 counts twice."""
    units = [0]
    for letter in text:
        units.append(units[-1] + (2 if ord(letter) > 0xFFFF else 1))
    return units
