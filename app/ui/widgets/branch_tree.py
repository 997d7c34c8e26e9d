"""The branches of a text as a small tree: where each one leaves another, and how likely it is."""

from __future__ import annotations

import html
from math import ceil

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal, Slot
from PySide6.QtGui import (
    QContextMenuEvent,
    QFontMetricsF,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QPen,
)
from PySide6.QtWidgets import QMenu, QSizePolicy, QToolTip, QWidget

from app.ui.theme import Theme
from app.ui.widgets.branch_layout import BranchAxis, BranchShown, rows_of, way_to
from app.ui.widgets.number_text import number
from app.ui.widgets.painting import fill_round, focus_ring
from app.ui.widgets.token_text import visible_token

__all__ = ["BranchShown", "BranchTree"]

_MARGIN, _KNOT, _GAP = 12.0, 5.0, 10.0
_NONE = "No branches yet."


class BranchTree(QWidget):
    """A row for each branch; the current one and the way to it are in the accent colour.

    `chosen(index)` for a click and for Enter on the row that Up and Down move to; `removed(index)` for Delete and
    from the menu, never for the only branch. Indices are those of `set_branches`.
    """

    chosen = Signal(int)
    removed = Signal(int)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._branches: list[BranchShown] = []
        self._order: list[int] = []
        self._current = self._marked = self._hovered = -1
        self._label, self._bold = theme.font(12, mono=True), theme.font(12, 700, mono=True)
        self._score, self._strong = theme.font(11, mono=True), theme.font(11, 700, mono=True)
        self._row = max(40, ceil(QFontMetricsF(self._label).height()) + 22)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.MinimumExpanding)
        self.setAccessibleName("Branches")
        theme.changed.connect(self._on_theme)
        self.set_branches([], -1)

    def set_branches(self, branches: list[BranchShown], current: int) -> None:
        """Show these; `current` is the index of the one that is open."""
        current = current if 0 <= current < len(branches) else -1
        if current != self._current or len(branches) < len(self._branches):
            # Of branches that only grow, pointer and keys stay where they are.
            self._marked, self._hovered = current, -1
        self._branches, self._order, self._current = list(branches), rows_of(branches), current
        self.setMinimumSize(160, round(len(self._order) * self._row + 8))
        self._describe()
        self.update()

    def marked(self) -> int:
        """The branch that the keys are on, −1 for none."""
        return self._marked

    def row_rect(self, index: int) -> QRectF:
        """The row of a branch, which answers to clicks."""
        return QRectF(0, self._order.index(index) * self._row, self.width(), self._row)

    def knot(self, index: int) -> QPointF:
        """Where a branch leaves its parent; where the first one begins."""
        branch, axis = self._branches[index], self._axis()
        if branch.parent is None:
            return QPointF(axis.left, self._line(index))
        return QPointF(axis.place(branch.fork), self._line(branch.parent))

    def end(self, index: int) -> QPointF:
        """Where a branch ends."""
        return QPointF(self._axis().end(self._branches[index]), self._line(index))

    def sizeHint(self) -> QSize:
        return QSize(260, self.minimumHeight())

    def menu_for(self, index: int) -> QMenu:
        """What can be done with a branch."""
        menu = QMenu(self)
        switch = menu.addAction("Switch to this branch")
        switch.setEnabled(index != self._current)
        switch.triggered.connect(lambda: self.chosen.emit(index))
        remove = menu.addAction("Remove branch")
        remove.setEnabled(len(self._branches) > 1)
        remove.triggered.connect(lambda: self._remove(index))
        return menu

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if not self._order:
            painter.setFont(self._theme.font(12))
            painter.setPen(self._theme.color("ink3"))
            painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, _NONE)
            return
        way = way_to(self._branches, self._current) if self._current >= 0 else {}
        if self._hovered >= 0:
            fill_round(painter, self.row_rect(self._hovered).adjusted(3, 1, -3, -1), 5, self._theme.color("hover"))
        for index in self._order:
            self._paint_line(painter, index, self._branches[index].length, "line2", 2.0)
        for index, tokens in way.items():
            self._paint_line(painter, index, tokens, "accent", 3.5)
        for index in self._order:
            self._paint_knots(painter, index, index in way)
            self._paint_words(painter, index)
        if self.hasFocus():
            rect = self.row_rect(self._marked).adjusted(2, 1, -2, -1) if self._marked >= 0 else QRectF(self.rect())
            focus_ring(painter, rect, self._theme.color("accent"))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._set_hovered(self._index_at(event.position().y()))

    def leaveEvent(self, event: QEvent) -> None:
        self._set_hovered(-1)
        super().leaveEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        index = self._index_at(event.position().y())
        if event.button() == Qt.MouseButton.LeftButton and index >= 0:
            self._mark(index)
            self.chosen.emit(index)
        else:
            super().mousePressEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = event.key()
        if key in (Qt.Key.Key_Up, Qt.Key.Key_Down) and self._order:
            place = self._order.index(self._marked) if self._marked >= 0 else -1
            place += 1 if key == Qt.Key.Key_Down else -1
            self._mark(self._order[min(max(place, 0), len(self._order) - 1)])
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self._marked >= 0:
            self.chosen.emit(self._marked)
        elif key == Qt.Key.Key_Delete and self._marked >= 0:
            self._remove(self._marked)
        else:
            super().keyPressEvent(event)

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            index = self._index_at(event.pos().y())
            if index >= 0:
                tip = f"<qt>{html.escape(self.describe_branch(index))}</qt>"
                QToolTip.showText(event.globalPos(), tip, self, self.row_rect(index).toRect())
            else:
                QToolTip.hideText()
            return True
        return super().event(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        # The menu's own key asks for the row that the keys are on.
        by_key = event.reason() == QContextMenuEvent.Reason.Keyboard
        index = self._marked if by_key else self._index_at(event.pos().y())
        if index >= 0:
            self.menu_for(index).exec(event.globalPos())

    def describe_branch(self, index: int) -> str:
        """A branch in one line: its words, its fork, its length, its score, and what wrote it."""
        branch = self._branches[index]
        fork = f" · forks at token {branch.fork + 1:,}" if branch.parent is not None else ""
        if branch.parent is None and 0 < branch.parts < branch.length:
            fork = f" · parts from the others at token {branch.parts + 1:,}"
        score = "nothing written yet" if branch.score is None else f"mean log-probability {number(branch.score, 2)}"
        return f"{visible_token(branch.label)}{fork} · {branch.length:,} tokens · {score}" + (
            f" · {branch.by}" if branch.by else ""
        )

    def _axis(self) -> BranchAxis:
        longest = max((branch.length for branch in self._branches), default=1)
        return BranchAxis(_MARGIN, self.width() - _MARGIN - self._score_width() - _GAP, longest)

    def _score_width(self) -> float:
        metrics = QFontMetricsF(self._strong)
        return max((metrics.horizontalAdvance(_score_text(branch)) for branch in self._branches), default=0.0)

    def _line(self, index: int) -> float:
        """The height at which a branch's line runs, under its label."""
        return self._order.index(index) * self._row + self._row * 0.66 + 2

    def _index_at(self, y: float) -> int:
        row = int(y // self._row)
        return self._order[row] if 0 <= row < len(self._order) else -1

    def _paint_line(self, painter: QPainter, index: int, tokens: int, color: str, width: float) -> None:
        """A branch from its knot to a place on it."""
        axis, branch, knot = self._axis(), self._branches[index], self.knot(index)
        begin = QPointF(axis.begin(branch), self._line(index))
        whole = tokens >= branch.length
        stop = QPointF(axis.end(branch) if whole else max(axis.place(tokens), begin.x()), begin.y())
        path = QPainterPath(knot)
        if branch.parent is not None:
            path.cubicTo(QPointF(knot.x() + 3, begin.y()), QPointF(knot.x() + 2, begin.y()), begin)
        path.lineTo(stop)
        painter.setPen(QPen(self._theme.color(color), width, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawPath(path)

    def _paint_knots(self, painter: QPainter, index: int, on_way: bool) -> None:
        color = self._theme.color
        own = color("accent" if on_way else "line2")
        first = self._branches[index].parent is None
        painter.setPen(Qt.PenStyle.NoPen if first else QPen(own, 2))
        painter.setBrush(own if first else color("surface"))
        painter.drawEllipse(self.knot(index), _KNOT - 1 if first else _KNOT, _KNOT - 1 if first else _KNOT)
        size = _KNOT + 1 if index == self._current else _KNOT - 1
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(color("accent" if index == self._current else "line2"))
        painter.drawEllipse(self.end(index), size, size)

    def _label_room(self, index: int, wide: float) -> tuple[QRectF, Qt.AlignmentFlag]:
        """Where the label of a branch stands: over its line, or before its bend if it leaves too late for that."""
        axis, branch, top = self._axis(), self._branches[index], self.row_rect(index).top()
        height = self._line(index) - _KNOT - 1 - top
        left = axis.begin(branch) - (0 if branch.parent is None else 4)
        after = QRectF(left, top, axis.right + _GAP - left, height)
        # Lines that pass this row on their way down are not written over.
        row = self._order.index(index)
        passing = (
            self.knot(other).x() + _GAP
            for other in self._order[row + 1 :]
            if (parent := self._branches[other].parent) is not None and self._order.index(parent) < row
        )
        begin = max(passing, default=axis.left)
        before = QRectF(begin, top, self.knot(index).x() - _KNOT - begin, height)
        if wide <= after.width() or before.width() <= after.width():
            return after, Qt.AlignmentFlag.AlignLeft
        return before, Qt.AlignmentFlag.AlignRight

    def _paint_words(self, painter: QPainter, index: int) -> None:
        branch, row, current = self._branches[index], self.row_rect(index), index == self._current
        font = self._bold if current else self._label
        metrics, label = QFontMetricsF(font), visible_token(branch.label)
        rect, side = self._label_room(index, metrics.horizontalAdvance(label))
        painter.setFont(font)
        painter.setPen(self._theme.color("ink" if current else "ink2"))
        shown = metrics.elidedText(label, Qt.TextElideMode.ElideRight, rect.width() + 1)
        painter.drawText(rect, side | Qt.AlignmentFlag.AlignBottom, shown)
        painter.setFont(self._strong if current else self._score)
        painter.setPen(self._theme.color("accent" if current else "ink2"))
        place = QRectF(row.left(), self._line(index) - 10, row.width() - _MARGIN, 20)
        painter.drawText(place, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, _score_text(branch))

    def _mark(self, index: int) -> None:
        self._marked = index
        self._describe()
        self.update()

    def _remove(self, index: int) -> None:
        if len(self._branches) > 1:
            self.removed.emit(index)

    def _set_hovered(self, index: int) -> None:
        if index != self._hovered:
            self._hovered = index
            self.update()

    def _describe(self) -> None:
        count = len(self._branches)
        words = f"{count:,} branches" if count != 1 else "1 branch"
        if self._current >= 0:
            words += f", current {self.describe_branch(self._current)}"
        if self._marked not in (-1, self._current):
            words += f", on {self.describe_branch(self._marked)}"
        self.setAccessibleDescription(words if count else _NONE)

    @Slot()
    def _on_theme(self) -> None:
        self.update()


def _score_text(branch: BranchShown) -> str:
    return number(branch.score, 2) if branch.score is not None else "…"
