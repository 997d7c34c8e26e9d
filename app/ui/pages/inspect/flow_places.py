"""Where the rows of the flow stand: one column, or an encoder's and a decoder's side by side."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRectF

from app.ui.pages.inspect.stages import FlowRow

ROW, ROW_OF_TWO = 26, 34
"""The height of a row; of two columns, which write shapes under the titles."""
TOP = 6
_SPINE, _LEFT, _LEFT_OF_TWO = 17.0, 32.0, 29.0


class FlowPlaces:
    """Rows placed in a width. Of two stacks the encoder's memory stands where the open decoder block reads it."""

    def __init__(self, rows: Sequence[FlowRow]) -> None:
        self._rows = rows
        self.two = any(row.stack == "encoder." for row in rows)
        self.row_height = ROW_OF_TWO if self.two else ROW
        self._columns = [1 if row.stack == "decoder." else 0 for row in rows]
        self._lines: list[int] = []
        taken = [0, 0]
        for column in self._columns:
            self._lines.append(taken[column])
            taken[column] += 1
        self.reads = next((place for place, row in enumerate(rows) if ".cross.q" in row.name), None)
        """The row that reads the encoder's memory, where such a block is open."""
        self.memory = max((place for place, row in enumerate(rows) if row.stack == "encoder."), default=None)
        if self.reads is not None and self.memory is not None:
            self._lines[self.memory] = max(self._lines[self.memory], self._lines[self.reads])
        self._width = 0.0

    @property
    def height(self) -> int:
        """Pixels that all rows take."""
        return 2 * TOP + self.row_height * (1 + max(self._lines, default=-1))

    def fit(self, width: float) -> None:
        """Place the rows in this width."""
        self._width = width

    def column(self, index: int) -> int:
        """In which column a row stands."""
        return self._columns[index]

    def spine(self, index: int) -> QPointF:
        """The row's place on its spine."""
        return QPointF(self._left(self._columns[index]) + _SPINE, self.rect(index).center().y())

    def rect(self, index: int) -> QRectF:
        """Where a row is painted."""
        share = self._width / 2 if self.two else self._width
        inset = _LEFT_OF_TWO if self.two else _LEFT
        left = self._left(self._columns[index]) + inset
        return QRectF(left, TOP + self._lines[index] * self.row_height, share - inset - 4, self.row_height)

    def at(self, point: QPointF) -> int:
        """The row under a point, its spine counted to it; −1 where there is none."""
        column = 1 if self.two and point.x() >= self._width / 2 else 0
        line = int((point.y() - TOP) // self.row_height)
        places = zip(self._columns, self._lines, strict=True)
        return next((index for index, place in enumerate(places) if place == (column, line)), -1)

    def _left(self, column: int) -> float:
        return column * self._width / 2
