"""Where token chips stand: rows that wrap at a width, or one row that is cut. Knows no painting."""

from __future__ import annotations

from bisect import bisect_right


class TokenFlow:
    """Chips in rows. Appending places only the new chip; a new width or cut places all again."""

    def __init__(self, chip_height: int, row_pitch: int, gap: int, single_line: bool = False) -> None:
        self.chip_height = chip_height
        self.row_pitch = row_pitch
        self.gap = gap
        self.single_line = single_line
        self.available = 0
        self.first = 0
        self._widths: list[int] = []
        self._x: list[int] = []
        self._row_starts: list[int] = []
        self._end = 0

    def __len__(self) -> int:
        return len(self._widths)

    @property
    def rows(self) -> int:
        """How many rows are taken, at least one."""
        return max(len(self._row_starts), 1)

    @property
    def height(self) -> int:
        """Pixels from the top of the first row to the bottom of the last."""
        return self.rows * self.row_pitch

    def clear(self) -> None:
        """Forget every chip; the available width stays."""
        self._widths.clear()
        self._x.clear()
        self._row_starts.clear()
        self.first = 0
        self._end = 0

    def append(self, width: int) -> None:
        """Place one more chip of this width (pixels) after the last."""
        self._widths.append(width)
        self._place(len(self._widths) - 1)

    def set_available(self, available: int) -> bool:
        """Flow into this width; true when the chips were placed again."""
        if available == self.available:
            return False
        self.available = available
        self._place_all()
        return True

    def rows_at(self, available: int) -> int:
        """How many rows the chips would take at another width."""
        if self.single_line or not self._widths:
            return 1
        if available == self.available:
            return self.rows
        rows, end = 1, 0
        for width in self._widths:
            taken = min(width, available)
            if end and end + taken > available:
                rows, end = rows + 1, 0
            end += taken + self.gap
        return rows

    def reveal(self, index: int, reserved: int) -> None:
        """In one row: start the row late enough that the chip is seen beside `reserved` pixels at the right."""
        if not self.single_line or not self._widths:
            return
        room = self.available - reserved
        first = min(self.first, index)
        span = sum(min(w, self.available) + self.gap for w in self._widths[first : index + 1]) - self.gap
        while span > room and first < index:
            span -= min(self._widths[first], self.available) + self.gap
            first += 1
        if first != self.first:
            self.first = first
            self._place_all()

    def cell(self, index: int) -> tuple[int, int, int]:
        """Left, top and width of a chip in pixels; in one row, chips before the start lie at negative places."""
        row = bisect_right(self._row_starts, index) - 1
        return self._x[index], row * self.row_pitch, min(self._widths[index], max(self.available, 1))

    def indices_between(self, top: int, bottom: int) -> range:
        """The chips of the rows that touch the pixels from `top` to `bottom`."""
        if not self._row_starts:
            return range(0)
        first_row = min(max(top // self.row_pitch, 0), self.rows - 1)
        last_row = min(max(bottom // self.row_pitch, 0), self.rows - 1)
        stop = self._row_starts[last_row + 1] if last_row + 1 < len(self._row_starts) else len(self._widths)
        return range(max(self._row_starts[first_row], self.first), stop)

    def visible_stop(self, reserved: int) -> int:
        """In one row: the first chip that no longer fits; `reserved` pixels are kept when any is cut."""
        stop = len(self._widths)
        if not self.single_line or not stop or self._end - self.gap <= self.available:
            return stop
        # Binary search is possible because places only grow along the row.
        room = self.available - reserved
        low, high = self.first, stop
        while low < high:
            middle = (low + high) // 2
            if self._x[middle] + self._widths[middle] <= room:
                low = middle + 1
            else:
                high = middle
        return max(low, self.first + 1)

    def index_at(self, x: int, y: int) -> int:
        """The chip under a point, or −1; the gaps belong to no chip, the ids below to theirs."""
        for index in self.indices_between(y, y):
            left, top, width = self.cell(index)
            if left <= x < left + width and top <= y < top + self.row_pitch:
                return index
        return -1

    def _place_all(self) -> None:
        self._x.clear()
        self._row_starts.clear()
        self._end = 0
        for index in range(len(self._widths)):
            self._place(index)
        if self.single_line and self.first and self._widths:
            shift = self._x[self.first]
            self._x = [x - shift for x in self._x]
            self._end -= shift

    def _place(self, index: int) -> None:
        width = min(self._widths[index], max(self.available, 1))
        wraps = not self.single_line and self._end > 0 and self._end + width > self.available
        if index == 0 or wraps:
            self._row_starts.append(index)
            self._end = 0
        self._x.append(self._end)
        self._end += width + self.gap
