"""Where the candidates of a beam search lie: one column a step, in the order of their parents, so that no edges cross.

Coordinates are pixels from the top left corner of the picture, headings included.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor

from PySide6.QtCore import QPointF, QRectF

from app.engine.decode.records import BeamNode

MOST_PRUNED = 3
"""Pruned candidates shown in a step; the others are counted."""


@dataclass(frozen=True)
class BeamSizes:
    """Pixels of the parts, which follow from the fonts."""

    root: float = 64.0
    """Width of the prompt's box."""
    box: float = 128.0
    """Width of a candidate."""
    kept: float = 42.0
    """Height of a candidate that was kept or ended, and of the prompt's box."""
    pruned: float = 26.0
    """Height of a candidate that was pruned."""
    gap: float = 14.0
    """Between two candidates of a column, at least."""
    wide_gap: float = 30.0
    """The same where there is room."""
    between: float = 53.0
    """Between two columns, where the edges run."""
    more: float = 20.0
    """Height of the line that counts the pruned ones that are not shown."""
    header: float = 44.0
    margin: float = 14.0

    @property
    def pitch(self) -> float:
        """From one column to the next."""
        return self.box + self.between

    def height(self, node: BeamNode) -> float:
        """Height of a candidate's box."""
        return self.pruned if is_pruned(node) else self.kept


@dataclass(frozen=True)
class BeamColumn:
    """One step of the search."""

    order: tuple[int, ...]
    """Indices of the nodes shown, from top to bottom."""
    kept: int
    hidden: int
    """How many pruned candidates are not shown."""
    filled: float
    """Height of the candidates on top of each other, without the gaps."""

    def stack(self, gap: float) -> float:
        """Height of the candidates with this gap between them."""
        return self.filled + gap * (len(self.order) - 1)


def is_pruned(node: BeamNode) -> bool:
    """Whether the search gave this candidate up."""
    return node.kept is None and not node.ended


class BeamLayout:
    """The columns of a tree that may grow: what is laid out already is kept."""

    def __init__(self, sizes: BeamSizes) -> None:
        self.sizes = sizes
        self.columns: list[BeamColumn] = []
        self.rects: dict[int, QRectF] = {}
        self._nodes: tuple[BeamNode, ...] = ()
        self._room = 0.0
        self._gap, self._band = sizes.gap, sizes.kept

    @property
    def width(self) -> float:
        """Of the whole picture."""
        margins = 2 * self.sizes.margin + self.sizes.root
        return margins + len(self.columns) * self.sizes.pitch

    @property
    def height(self) -> float:
        """Of the whole picture, as it lies in the room it was given."""
        return self._around + self._band

    @property
    def least_height(self) -> float:
        """Of the whole picture with the smallest gaps."""
        return self._around + self._tallest(self.sizes.gap)

    @property
    def root_rect(self) -> QRectF:
        """The prompt's box."""
        middle = self.sizes.header + self.sizes.margin + self._band / 2
        return QRectF(self.sizes.margin, middle - self.sizes.pruned * 0.7, self.sizes.root, self.sizes.pruned * 1.4)

    def left(self, step: int) -> float:
        """Where a column begins."""
        return self.sizes.margin + self.sizes.root + self.sizes.between + step * self.sizes.pitch

    def more_rect(self, step: int) -> QRectF:
        """Where the pruned candidates that are not shown are counted: under the last one of the column."""
        last = self.rects[self.columns[step].order[-1]]
        return QRectF(last.left(), last.bottom(), last.width(), self.sizes.more)

    def set_nodes(self, nodes: tuple[BeamNode, ...]) -> None:
        """Lay these out; of a tree that only grew, the steps that are new."""
        known = len(self._nodes)
        grown = nodes[:known] == self._nodes
        if grown and known == len(nodes):
            return
        first = nodes[known].step if grown else 0
        self._nodes = nodes
        self._choose(first)
        self._place_all(first)

    def set_room(self, height: float) -> None:
        """Spread the candidates where this height has room for more than the smallest gaps."""
        self._room = height - self._around
        self._place_all(len(self.columns))

    def steps_between(self, left: float, right: float) -> range:
        """The columns whose boxes, or the edges that lead to them, lie between two places."""
        begin = self.left(0) - self.sizes.between
        first = max(floor((left - begin) / self.sizes.pitch), 0)
        return range(first, min(floor((right - begin) / self.sizes.pitch) + 1, len(self.columns)))

    def node_at(self, point: QPointF) -> int:
        """The node at a place, −1 for none."""
        for step in self.steps_between(point.x(), point.x()):
            for index in self.columns[step].order:
                if self.rects[index].contains(point):
                    return index
        return -1

    @property
    def _around(self) -> float:
        """Height above and below the candidates."""
        return self.sizes.header + 2 * self.sizes.margin

    def _tallest(self, gap: float) -> float:
        return max((column.stack(gap) for column in self.columns), default=self.sizes.kept)

    def _place_all(self, first: int) -> None:
        """Place the columns from this one on, or all of them where the tallest one changes the gaps."""
        gaps = [(self._room - column.filled) / max(len(column.order) - 1, 1) for column in self.columns]
        gap = min(max(min(gaps, default=0.0), self.sizes.gap), self.sizes.wide_gap)
        band = self._tallest(gap)
        if (gap, band) != (self._gap, self._band):
            self._gap, self._band, first = gap, band, 0
        for step in range(first, len(self.columns)):
            self._place(step)

    def _choose(self, first: int) -> None:
        """Choose and order what the columns from this one on show."""
        steps: dict[int, list[BeamNode]] = {}
        for node in self._nodes:
            if node.step >= first:
                steps.setdefault(node.step, []).append(node)
        for column in self.columns[first:]:
            for index in column.order:
                self.rects.pop(index, None)
        del self.columns[first:]
        for step in sorted(steps):
            before = self.columns[-1].order if self.columns else ()
            self.columns.append(self._column(steps[step], before))

    def _column(self, nodes: Sequence[BeamNode], before: Sequence[int]) -> BeamColumn:
        held = [node for node in nodes if not is_pruned(node)]
        pruned = sorted((node for node in nodes if is_pruned(node)), key=lambda node: -node.total)
        place = {index: at for at, index in enumerate(before)}
        shown = held + pruned[:MOST_PRUNED]
        shown.sort(key=lambda node: (place.get(node.parent, 0), is_pruned(node), -node.total))
        hidden = max(len(pruned) - MOST_PRUNED, 0)
        filled = sum(self.sizes.height(node) for node in shown) + (self.sizes.more if hidden else 0.0)
        kept = sum(node.kept is not None for node in nodes)
        return BeamColumn(tuple(node.index for node in shown), kept, hidden, filled)

    def _place(self, step: int) -> None:
        """Put every box as near to its parent as the others allow; kept ones pull harder, so their paths are straight.

        With the boxes stacked and each moved down by its own shift, shifts must not fall from one to the next: least
        squares under that condition is isotonic regression, solved by pooling neighbours that disagree.
        """
        column, top = self.columns[step], self.sizes.header + self.sizes.margin
        pools: list[tuple[float, float, int]] = []
        stacked, offsets = top, []
        for index in column.order:
            node = self._nodes[index]
            height = self.sizes.height(node)
            parent = self.rects.get(node.parent, self.root_rect)
            shift, weight, count = parent.center().y() - height / 2 - stacked, 1.0 if is_pruned(node) else 4.0, 1
            while pools and pools[-1][0] > shift:
                other, heavy, many = pools.pop()
                shift = (shift * weight + other * heavy) / (weight + heavy)
                weight, count = weight + heavy, count + many
            pools.append((shift, weight, count))
            offsets.append(stacked)
            stacked += height + self._gap
        shifts = [shift for shift, _, count in pools for _ in range(count)]
        room = self._band - column.stack(self._gap)
        for index, offset, shift in zip(column.order, offsets, shifts, strict=True):
            y = round(offset + min(max(shift, 0.0), room))
            self.rects[index] = QRectF(self.left(step), y, self.sizes.box, self.sizes.height(self._nodes[index]))
