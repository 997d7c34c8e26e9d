"""The pooled levels of one matrix and the coloured part of a level that is in view, each made once."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from app.ui.widgets.matrix_geometry import pooled

_MARGIN = 64
"""Blocks coloured beyond each edge of the view, so that panning only crops most of the time."""


class MatrixLevels:
    """A matrix at every zoom: pooled on demand, the visible tile coloured on demand."""

    def __init__(self, values: np.ndarray, *, signed: bool, masked: bool = True) -> None:
        """`values` is float32 `[row, column]`; `signed` pools by magnitude. −inf are masked cells, without `masked`
        numbers that went wrong as +inf did, so that no pooling hides them."""
        self.values = values
        self.drawn = (
            values if masked or not np.isneginf(values).any() else np.where(np.isneginf(values), np.inf, values)
        )
        """The values as they are coloured and pooled."""
        self._signed = signed
        self._levels: dict[tuple[int, int], np.ndarray] = {(1, 1): self.drawn}
        self._tile = np.zeros((0, 0), dtype=np.uint32)
        self._tile_level = (0, 0)
        self._tile_first = (0, 0)

    def level(self, factors: tuple[int, int]) -> np.ndarray:
        """The matrix in blocks of `factors` (rows, columns) cells, made from the nearest finer level there is."""
        if factors not in self._levels:
            finer = [have for have in self._levels if have[0] <= factors[0] and have[1] <= factors[1]]
            start = max(finer, key=lambda have: have[0] * have[1])
            self._levels[factors] = pooled(
                self._levels[start], factors[0] // start[0], factors[1] // start[1], signed=self._signed
            )
        return self._levels[factors]

    def coloured(
        self,
        factors: tuple[int, int],
        rows: tuple[int, int],
        columns: tuple[int, int],
        colour: Callable[[np.ndarray], np.ndarray],
    ) -> tuple[np.ndarray, tuple[int, int]]:
        """Colours uint32 of a part of a level, and the part's first block.

        `rows` and `columns` are the cells in view, end excluded.
        """
        wanted = [
            (first // factor, (last - 1) // factor + 1)
            for (first, last), factor in zip((rows, columns), factors, strict=True)
        ]
        if not self._holds(factors, wanted):
            level = self.level(factors)
            (top, bottom), (left, right) = (
                (max(0, first - _MARGIN), min(count, last + _MARGIN))
                for (first, last), count in zip(wanted, level.shape, strict=True)
            )
            self._tile = colour(level[top:bottom, left:right])
            self._tile_level, self._tile_first = factors, (top, left)
        return self._tile, self._tile_first

    def recolour(self) -> None:
        """Forget the colours; the theme or the map changed."""
        self._tile_level = (0, 0)

    def _holds(self, factors: tuple[int, int], wanted: list[tuple[int, int]]) -> bool:
        return self._tile_level == factors and all(
            begin <= first and last <= begin + size
            for (first, last), begin, size in zip(wanted, self._tile_first, self._tile.shape, strict=True)
        )
