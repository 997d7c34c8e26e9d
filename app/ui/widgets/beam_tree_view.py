"""The tree of a beam search: what it considered at every step, what it kept, and the path that is best so far."""

from __future__ import annotations

import html
from math import ceil

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal, Slot
from PySide6.QtGui import (
    QContextMenuEvent,
    QGuiApplication,
    QHelpEvent,
    QKeyEvent,
    QKeySequence,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QRegion,
    QResizeEvent,
)
from PySide6.QtWidgets import QMenu, QScrollArea, QSizePolicy, QToolTip, QWidget

from app.engine.decode.records import BeamNode, BeamTree
from app.ui.theme import Theme
from app.ui.widgets.beam_tree_layout import BeamLayout, is_pruned
from app.ui.widgets.beam_tree_painting import BeamPainter
from app.ui.widgets.beam_words import node_words, table_text, tree_words
from app.ui.widgets.painting import focus_ring

_EMPTY = "The tree grows here while a beam search runs."
_RIM = 8
_ARROWS = (Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_Up, Qt.Key.Key_Down)


class BeamTreeView(QWidget):
    """Candidates in a column for each step, best path in the accent colour; made for a scroll area.

    `node_clicked(index)` for the mouse and for Enter on the current node, which the arrow keys move;
    `hovered(index)` comes with −1 when the pointer leaves. Indices are those of `BeamTree.nodes`.
    """

    node_clicked = Signal(int)
    hovered = Signal(int)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._painter = BeamPainter(theme)
        self._layout = BeamLayout(self._painter.sizes)
        self._tree: BeamTree | None = None
        self._prompt_end = ""
        self._best: frozenset[int] = frozenset()
        self._hovered = -1
        self._current = -1
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName("Beam tree")
        theme.changed.connect(self._on_theme)
        self.set_tree(None, "")

    def set_tree(self, tree: BeamTree | None, prompt_end: str) -> None:
        """Show this tree after the prompt's last token; of one that grew, only the new steps are laid out."""
        self._tree, self._prompt_end = tree, prompt_end
        self._layout.set_nodes(tree.nodes if tree is not None else ())
        self._best = frozenset(tree.sequences[0].nodes) if tree is not None and tree.sequences else frozenset()
        if self._current not in self._layout.rects:
            self._current = -1
        if self._hovered not in self._layout.rects:
            self._set_hovered(-1)
        # Without columns there is only a sentence, which needs no room of its own.
        self.setMinimumSize(self._picture_size() if self._layout.columns else QSize(0, 0))
        self._describe()
        self.update()

    def tree(self) -> BeamTree | None:
        """What is shown."""
        return self._tree

    def current(self) -> int:
        """The node that the keys are on, −1 for none."""
        return self._current

    def node_rect(self, index: int) -> QRectF:
        """Where a node is painted; empty for a pruned one that is only counted."""
        rect = self._layout.rects.get(index)
        return rect.translated(0, self._down()) if rect is not None else QRectF()

    def root_rect(self) -> QRectF:
        """Where the prompt's last token is painted."""
        return self._layout.root_rect.translated(0, self._down())

    def table_text(self) -> str:
        """Every candidate, shown or only counted, as tab-separated text."""
        return table_text(self._tree) if self._tree is not None else ""

    def sizeHint(self) -> QSize:
        return self.minimumSize()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self._tree is None or not self._layout.columns:
            painter.setFont(self._theme.font(13))
            painter.setPen(self._theme.color("ink3"))
            painter.drawText(self.rect(), int(Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap), _EMPTY)
        else:
            self._paint_tree(painter, self._tree.nodes, QRectF(event.rect()))
        if self.hasFocus() and self._current < 0:
            seen = QRectF(self.visibleRegion().boundingRect())
            focus_ring(painter, seen, self._theme.color("accent"))
        painter.end()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._set_hovered(self._node_at(event.position()))

    def leaveEvent(self, event: QEvent) -> None:
        self._set_hovered(-1)
        super().leaveEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        index = self._node_at(event.position())
        if event.button() == Qt.MouseButton.LeftButton and index >= 0:
            self._set_current(index)
            self.node_clicked.emit(index)
        else:
            super().mousePressEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = Qt.Key(event.key())
        if event.matches(QKeySequence.StandardKey.Copy):
            QGuiApplication.clipboard().setText(self.table_text())
        elif key in _ARROWS and self._layout.columns and not event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier:
            self._set_current(self._neighbour(key))
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self._current >= 0:
            self.node_clicked.emit(self._current)
        else:
            super().keyPressEvent(event)

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            index = self._node_at(QPointF(event.pos()))
            if index >= 0:
                tip = f"<qt>{html.escape(self.describe_node(index))}</qt>"
                QToolTip.showText(event.globalPos(), tip, self, self.node_rect(index).toRect())
            else:
                QToolTip.hideText()
            return True
        return super().event(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        menu = QMenu(self)
        copy = menu.addAction("Copy table")
        if menu.exec(event.globalPos()) is copy:
            QGuiApplication.clipboard().setText(self.table_text())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._layout.set_room(event.size().height())
        self.update()

    def describe_node(self, index: int) -> str:
        """A node in one line: token, percent, sum, what became of it, and the text it follows."""
        return node_words(self._tree, index, self._prompt_end) if self._tree is not None else ""

    def _picture_size(self) -> QSize:
        return QSize(ceil(self._layout.width), ceil(self._layout.least_height))

    def _down(self) -> float:
        """How far the boxes lie below their place in the layout: the tree stands in the middle of what it is given."""
        return max(round((self.height() - self._layout.height) / 2), 0)

    def _node_at(self, point: QPointF) -> int:
        return self._layout.node_at(point - QPointF(0, self._down()))

    def _paint_tree(self, painter: QPainter, nodes: tuple[BeamNode, ...], dirty: QRectF) -> None:
        layout, down = self._layout, self._down()
        # Rings and end signs reach a little out of their column.
        steps = layout.steps_between(dirty.left() - _RIM, dirty.right() + _RIM)
        for step in steps:
            self._painter.paint_header(painter, layout.left(step), step, layout.columns[step])
        painter.save()
        painter.translate(0, down)
        shown = [nodes[index] for step in steps for index in layout.columns[step].order]
        # What matters more lies above: pruned edges first, the best path last.
        for node in sorted(shown, key=lambda node: (node.index in self._best, not is_pruned(node))):
            parent = layout.rects.get(node.parent, layout.root_rect)
            self._painter.paint_edge(painter, parent, layout.rects[node.index], node, node.index in self._best)
        if dirty.left() <= layout.root_rect.right():
            self._painter.paint_root(painter, layout.root_rect, self._prompt_end)
        for node in shown:
            self._painter.paint_node(painter, layout.rects[node.index], node, self._states(node.index))
        for step in steps:
            if layout.columns[step].hidden:
                self._painter.paint_more(painter, layout.more_rect(step), layout.columns[step].hidden)
        painter.restore()

    def _states(self, index: int) -> frozenset[str]:
        states = {
            "best": index in self._best,
            "hovered": index == self._hovered,
            "current": index == self._current,
            "focused": self.hasFocus(),
        }
        return frozenset(name for name, held in states.items() if held)

    def _neighbour(self, key: Qt.Key) -> int:
        """Where an arrow key leads; at the edge of the tree it stays."""
        if self._tree is None or self._current < 0:
            return self._first_choice(self._layout.columns[0].order)
        node = self._tree.nodes[self._current]
        if key == Qt.Key.Key_Left:
            return node.parent if node.parent >= 0 else node.index
        if key == Qt.Key.Key_Right:
            following = self._layout.columns[node.step + 1].order if node.step + 1 < len(self._layout.columns) else ()
            children = [index for index in following if self._tree.nodes[index].parent == node.index]
            return self._first_choice(children) if children else node.index
        order = self._layout.columns[node.step].order
        place = order.index(node.index) + (1 if key == Qt.Key.Key_Down else -1)
        return order[min(max(place, 0), len(order) - 1)]

    def _first_choice(self, indices: tuple[int, ...] | list[int]) -> int:
        """The one on the best path, else the topmost, which among children is the best."""
        return next((index for index in indices if index in self._best), indices[0])

    def _set_current(self, index: int) -> None:
        if index == self._current:
            return
        self._current = index
        self._reveal(index)
        self._describe()
        self.update()

    def _reveal(self, index: int) -> None:
        """Scroll so that a node is seen."""
        area = self.parentWidget()
        while area is not None and not isinstance(area, QScrollArea):
            area = area.parentWidget()
        if area is not None and index >= 0:
            rect = self.node_rect(index)
            centre = rect.center().toPoint()
            area.ensureVisible(centre.x(), centre.y(), round(rect.width()), round(rect.height()))

    def _set_hovered(self, index: int) -> None:
        if index != self._hovered:
            changed = [self.node_rect(at) for at in (self._hovered, index)]
            self._hovered = index
            region = QRegion()
            for rect in changed:
                region += rect.toAlignedRect().adjusted(-2, -2, 2, 2)
            self.update(region)
            self.hovered.emit(index)

    def _describe(self) -> None:
        words = tree_words(self._tree) if self._tree is not None else _EMPTY
        on = f". On {self.describe_node(self._current)}" if self._current >= 0 else ""
        self.setAccessibleDescription(words + on)

    @Slot()
    def _on_theme(self) -> None:
        self.update()
