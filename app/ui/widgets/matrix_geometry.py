"""Where the cells of a matrix lie on screen, which labels fit, and how many cells are pooled into one.

Pure functions over numbers and numpy arrays: no Qt, so every rule of the matrix views can be tested by hand.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor

import numpy as np

GAP_FROM = 5.0
"""Cells of at least this many pixels are parted by a gap of one pixel."""
BINARY_STEPS = (1, 2, 4, 8)
"""Steps for `label_step` along dimensions, which come in powers of two."""
WHOLE_FROM = 12.0
"""Cells of at least this many pixels are a whole number of pixels, so that a small matrix looks even."""


@dataclass(frozen=True)
class Axis:
    """One axis of a matrix on screen. All lengths are in pixels of the widget."""

    count: int
    """Number of cells along the axis."""
    begin: float
    """Where the plot begins."""
    extent: float
    """How much room the plot may take."""
    cell: float
    """Size of one cell."""
    offset: float = 0.0
    """How far the matrix is scrolled."""

    @property
    def length(self) -> float:
        """How much of the room the cells fill."""
        return min(self.extent, self.count * self.cell)

    @property
    def end(self) -> float:
        """Where the plot ends."""
        return self.begin + self.length

    @property
    def gap(self) -> int:
        """Pixels between two cells; small cells touch."""
        return 1 if self.cell >= GAP_FROM else 0

    @property
    def in_view(self) -> float:
        """How many cells are in view, as a fraction."""
        return self.length / self.cell

    @property
    def visible(self) -> tuple[int, int]:
        """First cell in view and the one after the last."""
        first = max(0, floor(self.offset / self.cell + 1e-6))
        last = min(self.count, ceil((self.offset + self.length) / self.cell - 1e-6))
        return min(first, self.count - 1), max(last, 1)

    def at(self, position: float) -> int:
        """The cell under a position in pixels, or −1 outside the plot."""
        if not self.begin <= position < self.end:
            return -1
        return min(self.count - 1, max(0, floor((position + 0.5 - self.begin + self.offset) / self.cell)))

    def edge(self, cell: int) -> int:
        """The first pixel of a cell; `edge(cell + 1)` is the first one after it. Agrees with `at`."""
        return ceil(self.begin + cell * self.cell - self.offset - 0.5)

    def centre(self, cell: int) -> float:
        """The middle of a cell in pixels."""
        return self.begin + (cell + 0.5) * self.cell - self.offset

    def scrolled(self, offset: float) -> Axis:
        """The same axis scrolled to `offset`, kept within the matrix."""
        limit = max(0.0, self.count * self.cell - self.extent)
        return Axis(self.count, self.begin, self.extent, self.cell, min(max(0.0, offset), limit))

    def resized(self, cell: float, anchor: float) -> Axis:
        """The same axis with cells of another size; what lies under the pixel `anchor` stays there if it can."""
        place = (anchor + 0.5 - self.begin + self.offset) / self.cell
        grown = Axis(self.count, self.begin, self.extent, cell, 0.0)
        return grown.scrolled(place * cell - (anchor + 0.5 - self.begin))

    def revealing(self, cell: int) -> Axis:
        """The same axis scrolled just far enough that `cell` is wholly in view."""
        low, high = cell * self.cell, (cell + 1) * self.cell
        return self.scrolled(min(max(self.offset, high - self.extent), low))


def snapped(cell: float) -> float:
    """Cell size in pixels: whole for large cells, as it is for small ones."""
    return float(floor(cell)) if cell >= WHOLE_FROM else cell


def pool_factor(axis: Axis, most: int) -> int:
    """How many cells one drawn block stands for: the smallest power of two that leaves at most `most` blocks in view
    and gives every block at least one pixel. 1 means that every cell is drawn."""
    factor = 1
    while axis.in_view / factor > most or (axis.cell * factor < 1.0 and factor < axis.count):
        factor *= 2
    return factor


def label_step(cell: float, room: float, steps: tuple[int, ...] = (1, 2, 5)) -> int:
    """Every how many cells a label of `room` pixels can stand: `steps`, then ten times them, and so on.

    `steps=BINARY_STEPS` counts in powers of two (each later round is sixteen times the one before).
    """
    scale = 16 if steps == BINARY_STEPS else 10
    while True:
        for step in steps:
            if step * cell >= room:
                return step
        steps = tuple(step * scale for step in steps)


def larger(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Element by element the larger one. Masked cells (−inf) lose against everything, NaN wins."""
    return np.maximum(first, second)


def larger_magnitude(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Element by element the value further from zero, with its sign. Masked cells (−inf) lose, NaN wins."""
    weight_first = np.where(np.isneginf(first), -1.0, np.abs(first))
    weight_second = np.where(np.isneginf(second), -1.0, np.abs(second))
    return np.where((weight_second > weight_first) | np.isnan(second), second, first)


def pooled(values: np.ndarray, rows: int, columns: int, *, signed: bool = False) -> np.ndarray:
    """Blocks of `rows` × `columns` cells (powers of two) as one cell each: the largest value, never the mean.

    `values` is float32 `[row, column]`; the result is float32 `[ceil(row / rows), ceil(column / columns)]`.
    With `signed` the value of largest magnitude stands for its block. Halving again and again keeps the cost at
    about twice one pass over the values and needs no copy in another shape.
    """
    pick = larger_magnitude if signed else larger
    while rows > 1:
        values = pick(_padded(values, 0)[0::2], _padded(values, 0)[1::2])
        rows //= 2
    while columns > 1:
        values = pick(_padded(values, 1)[:, 0::2], _padded(values, 1)[:, 1::2])
        columns //= 2
    return np.ascontiguousarray(values)


def _padded(values: np.ndarray, axis: int) -> np.ndarray:
    """An even number of rows (axis 0) or columns (axis 1): a masked one is added to an odd number."""
    if values.shape[axis] % 2 == 0:
        return values
    extra = [(0, 0), (0, 0)]
    extra[axis] = (0, 1)
    return np.pad(values, extra, constant_values=-np.inf)


def strongest_in_block(
    values: np.ndarray, row: int, column: int, rows: int, columns: int, *, signed: bool
) -> tuple[int, int]:
    """The cell that a pooled block shows: the one whose value `pooled` kept. `row`, `column` lie in the block."""
    top, left = row // rows * rows, column // columns * columns
    block = values[top : top + rows, left : left + columns]
    weight = np.abs(block) if signed else block
    weight = np.where(np.isneginf(block), -np.inf, weight)
    if np.isneginf(weight).all():
        return row, column
    down, across = np.unravel_index(int(np.argmax(weight)), weight.shape)
    return top + int(down), left + int(across)


def pixel_cells(axis: Axis, factor: int, ratio: float) -> tuple[np.ndarray, np.ndarray]:
    """For every device pixel of the plot along an axis: the pooled cell it shows, and whether it is a gap.

    `ratio` is device pixels per widget pixel. Returns int64 and bool, both `[pixel]`.
    """
    size = max(1, round(axis.length * ratio))
    places = (np.arange(size) + 0.5) / ratio + axis.offset
    cells = np.clip(np.floor(places / axis.cell).astype(np.int64), 0, axis.count - 1) // factor
    gaps = np.zeros(size, dtype=bool)
    if factor == 1 and axis.gap:
        width = max(1, round(axis.gap * ratio))
        beyond = np.floor((places + width / ratio) / axis.cell).astype(np.int64)
        gaps = beyond > cells
    return cells, gaps


FEW = 100
"""Of fewer values the hundredth part is less than one: all of them fit on the scale."""


def symmetric_limit(values: np.ndarray, percentile: float = 99.0, most: int = 4_000_000) -> float:
    """The percentile of |x| over finite values at which a signed map is clipped, of `FEW` values the largest; 1 when
    there is nothing but zeros.

    Above `most` values an evenly spaced sample of that many is taken: its percentile differs by less than a colour
    step and a matrix of a vocabulary times a thousand tokens does not halt the window.
    """
    flat = values.reshape(-1)
    if flat.size > most:
        flat = flat[:: flat.size // most + 1]
    finite = flat[np.isfinite(flat)]
    if finite.size == 0:
        return 1.0
    magnitudes = np.abs(finite)
    limit = float(np.percentile(magnitudes, percentile)) if magnitudes.size >= FEW else 0.0
    limit = limit or float(magnitudes.max())
    return limit or 1.0
