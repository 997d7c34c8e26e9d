"""Any tensor as a picture, one page at a time: its values, turned if wanted, or how alike its rows are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QSpinBox, QWidget

from app.engine.trace.records import TensorReading, Token
from app.session.state import is_mask
from app.ui.pages.inspect.stages import shape_text
from app.ui.theme import Theme
from app.ui.widgets.exactness_badge import ExactnessBadge
from app.ui.widgets.export_button import ExportButton
from app.ui.widgets.folding_checks import FoldingChecks
from app.ui.widgets.labels import make_label
from app.ui.widgets.panel import Panel
from app.ui.widgets.segmented import Segmented
from app.ui.widgets.table_twin import TableTwin
from app.ui.widgets.tensor_view import Look, TensorView

FAMILIES = (("attn.q", "attn.k", "attn.v"), ("attn.q_pre", "attn.k_pre"), ("cross.q", "cross.k", "cross.v"))
_WORDS = {"query": "token", "key": "token"}
"""Axes that are read under another name."""
MOST_ALIKE = 1024
"""How many rows are compared with each other at most."""


class TensorPanel(Panel):
    """The tensor view with its name and shape. `name_chosen` comes when Q, K or V is switched."""

    name_chosen = Signal(str)
    drawn = Signal()
    """Another page, the rows for columns, or how alike rows are: `values` holds what is looked at now."""

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme, "Tensor")
        self._prefix = ""
        self._family: tuple[str, ...] = ()
        self._reading: TensorReading | None = None
        self._tokens: Sequence[Token] = ()
        self._keys: Sequence[Token] = ()
        self._labels: Sequence[str] = ()
        self.values = np.zeros((0, 0), dtype=np.float32)
        """The whole tensor, or how alike its rows are."""
        self._rows_are, self._columns_are = "", ""
        """Which axis lies down and which across."""
        self.view = TensorView(theme)
        self.letters = {family: Segmented(theme, [part[5].upper() for part in family]) for family in FAMILIES}
        for family, letters in self.letters.items():
            letters.changed.connect(self._letter_chosen)
            letters.setVisible(False)
            letters.setToolTip("Query, key or value" if len(family) == 3 else "Query or key")
            self.add_header_widget(letters)
        self.twin = TableTwin(theme, self.view)
        self.add_header_widget(self.twin.button)
        self.add_export(ExportButton(theme, self.view.context_menu))
        self.body_layout.setContentsMargins(12, 6, 12, 8)
        self.body_layout.setSpacing(4)
        self.options = self._options(theme)
        self.body_layout.addWidget(self.options)
        self.body_layout.addWidget(self.twin, 1)

    def _options(self, theme: Theme) -> QWidget:
        self.page_words = make_label(theme, "Page", 12.5, role="secondary")
        self.page = QSpinBox()
        self.page.setAccessibleName("Page of the tensor")
        self.page.valueChanged.connect(self._draw)
        self.turned = QCheckBox("Transpose")
        self.turned.setToolTip("Rows become columns and columns rows")
        self.turned.toggled.connect(self._draw)
        self.alike = QCheckBox("Row similarity")
        self.alike.setToolTip(
            "The cosine between every two rows instead of their values: −1 opposite, 0 unlike, 1 alike"
        )
        self.alike.toggled.connect(self._draw)
        options = QWidget()
        row = QHBoxLayout(options)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(12)
        self.of_pages = make_label(theme, "", 12.5, role="caption")
        self.exact = ExactnessBadge(theme)
        self.checks = FoldingChecks((self.turned, self.alike))
        for part in (self.page_words, self.page, self.of_pages):
            row.addWidget(part)
        row.addWidget(self.checks, 1)
        row.addWidget(self.exact)
        return options

    def clear(self) -> None:
        """Nothing of an older run stays."""
        self._reading, self._tokens, self._keys, self._labels = None, (), (), ()
        self.values = np.zeros((0, 0), dtype=np.float32)
        self.view.clear()
        for letters in self.letters.values():
            letters.hide()
        self.options.hide()
        self.set_title("Tensor")
        self.set_subtitle("")

    def show_tensor(
        self,
        reading: TensorReading,
        tokens: Sequence[Token],
        keys: Sequence[Token],
        head: int,
        query_heads: int,
        labels: Sequence[str] = (),
    ) -> None:
        """Draw a tensor; of one with heads, the page that belongs to query head `head`, of others the first. Its rows
        are about `tokens`; what has a key axis is about `keys` there, and classes are called `labels`."""
        fresh = self._reading is None or self._reading.name != reading.name
        self._reading, self._tokens, self._keys, self._labels = reading, tokens, keys, labels
        self.options.show()
        self._prefix, part = _split(reading.name)
        self._family = next((family for family in FAMILIES if part in family), ())
        for family, letters in self.letters.items():
            letters.setVisible(family == self._family)
            if family == self._family:
                letters.set_index(family.index(part))
        pages = int(np.prod(reading.values.shape[:-2]))
        by_head = reading.info.axes[:1] == ("head",)
        self.page.blockSignals(True)
        self.page.setRange(0, max(pages - 1, 0))
        if by_head:
            # Several query heads share one key-value head.
            self.page.setValue(min(head * pages // query_heads, pages - 1))
        elif fresh:
            self.page.setValue(0)
        self.page.blockSignals(False)
        group = "KV head" if by_head and pages < query_heads else "Head" if by_head else "Page"
        self.page_words.setText(group)
        self.of_pages.setText(f"of {pages}")
        for widget in (self.page, self.page_words, self.of_pages):
            widget.setVisible(pages > 1)
        self._draw()

    @Slot()
    def _draw(self) -> None:
        reading = self._reading
        if reading is None:
            return
        page, _ = page_of(reading.values, self.page.value())
        axes = reading.info.axes or ("column",)
        flat = page.ndim == 2
        for choice in (self.turned, self.alike):
            choice.setEnabled(flat)
        self._rows_are, self._columns_are = axes[-2] if flat and len(axes) > 1 else "", axes[-1]
        look = Look(rows=_WORDS.get(self._rows_are, self._rows_are))
        if reading.name.endswith("resid_norms"):
            look = Look(from_zero=True, margins=False, printed=True, rows="block")
        if is_mask(reading.name) or reading.info.shares:
            look = Look(shares=True, margins=False, printed=not is_mask(reading.name))
        shown = page
        if self.compares:
            shown = similarity(page[:MOST_ALIKE])
            look = Look(limit=1.0, margins=False, printed=True, rows=look.rows)
            self._columns_are = self._rows_are
        elif self.turned.isChecked() and flat:
            shown = page.T
            self._rows_are, self._columns_are = self._columns_are, self._rows_are
            look = replace(look, rows=_WORDS.get(self._rows_are, self._rows_are))
        self.values = shown if self.compares else reading.values
        words = [shape_text(reading.info.shape), reading.dtype]
        if self.compares and reading.values.shape[-2] > MOST_ALIKE:
            words.append(f"first {MOST_ALIKE:,} rows")
        self.set_subtitle(" · ".join(words))
        title = f"{reading.name} · row similarity" if self.compares else reading.name
        self.set_title(title)
        self.view.set_title(title.replace(" ·", ""))
        self.view.set_tensor(*((title.replace(" · ", "."), shown) if self.compares else (reading.name, reading.values)))
        self.view.can_be_code = not self.compares and not is_mask(reading.name)
        down, across = (self._names(axis, count) for axis, count in zip(self._axes(), _two(shown.shape), strict=True))
        columns = _WORDS.get(self._columns_are, self._columns_are).replace("_", " ") or "row"
        self.view.set_values(shown, down if flat else None, columns, across, look)
        self.drawn.emit()

    def _axes(self) -> tuple[str, str]:
        return self._rows_are, self._columns_are

    def _names(self, axis: str, count: int) -> list[str] | None:
        """What the places along an axis are called; None where they are only counted."""
        if axis in ("token", "query", "key"):
            tokens = self._keys if axis == "key" else self._tokens
            return [token.shown for token in tokens[:count]] if 0 < count <= len(tokens) else None
        if axis == "label":
            return list(self._labels) if count == len(self._labels) else None
        if axis == "block":
            return ["before", *(f"L{block}" for block in range(count - 1))]
        return [f"H{head}" for head in range(count)] if axis == "head" else None

    @property
    def compares(self) -> bool:
        """Whether it shows how alike rows are, and not the values."""
        return self.alike.isChecked() and self._reading is not None and self._reading.values.ndim > 1

    @property
    def rows_are_tokens(self) -> bool:
        """Whether a row is a token of the text."""
        return self._rows_are in ("token", "query")

    def mark_token(self, token: int) -> None:
        """Mark the row of a token, or its column where columns are tokens."""
        row, column = self.view.selected()
        if self.rows_are_tokens:
            self.view.set_selected(token, column)
        elif self._columns_are in ("token", "query"):
            self.view.set_selected(row, token)

    def chosen_row(self) -> tuple[str, np.ndarray]:
        """The chosen row's name, '' when none is or there is but one, and its values."""
        row, table = self.view.selected()[0], self.view.table()
        if row < 0 or len(table.values) < 2:
            return "", table.values
        label = table.row_labels[row]
        return (f"{label} #{row}" if self.rows_are_tokens else label), table.values[row]

    def chosen_value(self) -> float | None:
        """The value of the chosen cell, None without one."""
        row, column = self.view.selected()
        values = self.view.table().values
        return float(values[row, column]) if row >= 0 and column >= 0 and values.size else None

    @Slot(int)
    def _letter_chosen(self, index: int) -> None:
        self.name_chosen.emit(self._prefix + self._family[index])


def page_of(values: np.ndarray, page: int) -> tuple[np.ndarray, int]:
    """One page `[row, column]` of a tensor of any number of axes, and how many pages it has."""
    if values.ndim < 3:
        return values, 1
    pages = values.reshape(-1, *values.shape[-2:])
    return pages[min(page, len(pages) - 1)], len(pages)


def _two(shape: tuple[int, ...]) -> tuple[int, int]:
    """Rows and columns; of one axis, one row."""
    return (1, shape[0]) if len(shape) == 1 else (shape[0], shape[1])


def similarity(values: np.ndarray) -> np.ndarray:
    """The cosine of every two rows, float32 `[row, row]`; a row of zeros is like none, and one that holds what is no
    finite number has no cosine (NaN)."""
    finite = np.where(np.isfinite(values).all(axis=1, keepdims=True), values, np.nan).astype(np.float32)
    lengths = np.linalg.norm(finite, axis=1, keepdims=True)
    unit = np.divide(finite, lengths, out=np.zeros_like(finite), where=lengths != 0)
    return unit @ unit.T


def _split(name: str) -> tuple[str, str]:
    """ "blocks.3." and "attn.q" of "blocks.3.attn.q", the stack's name kept in front."""
    place = name.find("blocks.")
    pieces = name[place:].split(".", 2) if place >= 0 else []
    if len(pieces) != 3:
        return "", name
    return f"{name[:place]}{pieces[0]}.{pieces[1]}.", pieces[2]
