"""Any tensor as a picture, one page at a time: its values, turned if wanted, or how alike its rows are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QLabel, QSpinBox, QWidget

from app.engine.trace.records import TensorReading, Token
from app.ui.pages.inspect.stages import shape_text
from app.ui.theme import Theme
from app.ui.widgets.labels import make_label
from app.ui.widgets.panel import Panel
from app.ui.widgets.segmented import Segmented
from app.ui.widgets.table_twin import TableTwin
from app.ui.widgets.tensor_view import TensorView

FAMILIES = (("attn.q", "attn.k", "attn.v"), ("attn.q_pre", "attn.k_pre"), ("cross.q", "cross.k", "cross.v"))
MOST_ALIKE = 1024
"""How many rows are compared with each other at most."""


class TensorPanel(Panel):
    """The tensor view with its name and shape. `name_chosen` comes when Q, K or V is switched."""

    name_chosen = Signal(str)

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme, "Tensor")
        self._theme = theme
        self._prefix = ""
        self._family: tuple[str, ...] = ()
        self._reading: TensorReading | None = None
        self._tokens: Sequence[Token] = ()
        self.view = TensorView(theme)
        self.shape, self.dtype = QLabel(), QLabel()
        for label in (self.shape, self.dtype):
            label.setProperty("role", "caption")
        self.letters = {family: Segmented(theme, [part[5].upper() for part in family]) for family in FAMILIES}
        self.add_header_widget(self.shape)
        self.add_header_widget(self.dtype)
        for family, letters in self.letters.items():
            letters.changed.connect(self._letter_chosen)
            letters.setVisible(False)
            letters.setToolTip("Query, key or value" if len(family) == 3 else "Query or key")
            self.add_header_widget(letters)
        self.twin = TableTwin(theme, self.view)
        self.add_header_widget(self.twin.button)
        self.body_layout.setContentsMargins(12, 6, 12, 8)
        self.body_layout.setSpacing(4)
        self.body_layout.addWidget(self._options(theme))
        self.body_layout.addWidget(self.twin, 1)
        theme.changed.connect(self._restyle)
        self._restyle()

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
        for part in (self.page_words, self.page, self.turned, self.alike):
            row.addWidget(part)
        row.addStretch(1)
        return options

    @Slot()
    def _restyle(self) -> None:
        for label in (self.shape, self.dtype):
            label.setFont(self._theme.font(11, mono=True))

    def show_tensor(self, reading: TensorReading, tokens: Sequence[Token], head: int, query_heads: int) -> None:
        """Draw a tensor; of one with heads, the page that belongs to query head `head`, of others the first."""
        fresh = self._reading is None or self._reading.name != reading.name
        self._reading, self._tokens = reading, tokens
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
        for widget in (self.page, self.page_words):
            widget.setVisible(pages > 1)
        self.set_title(reading.name)
        self.shape.setText(shape_text(reading.info.shape))
        self.dtype.setText(reading.dtype)
        self._draw()

    @Slot()
    def _draw(self) -> None:
        reading = self._reading
        if reading is None:
            return
        values, pages = page_of(reading.values, self.page.value())
        axes = reading.info.axes
        by_tokens = len(axes) > 1 and axes[-2] == "token" and len(self._tokens) == values.shape[0]
        labels = [token.shown for token in self._tokens] if by_tokens else None
        columns = axes[-1].replace("_", " ") if axes else "column"
        for choice in (self.turned, self.alike):
            choice.setEnabled(values.ndim == 2)
        if self.alike.isChecked() and values.ndim == 2:
            values = similarity(values[:MOST_ALIKE])
            labels = labels[:MOST_ALIKE] if labels is not None else None
            columns = "token" if by_tokens else "row"
        elif self.turned.isChecked() and values.ndim == 2:
            values, labels, columns = values.T, None, "token" if by_tokens else "row"
        words = [f"{self.page_words.text()} {self.page.value()} of {pages}"] if pages > 1 else []
        if self.alike.isChecked() and reading.values.ndim > 1 and reading.values.shape[-2] > MOST_ALIKE:
            words.append(f"first {MOST_ALIKE:,} rows")
        self.set_subtitle(" · ".join(words))
        self.view.set_title(reading.name)
        self.view.set_tensor(reading.name, reading.values)
        self.view.set_values(values, labels, columns)

    @Slot(int)
    def _letter_chosen(self, index: int) -> None:
        self.name_chosen.emit(self._prefix + self._family[index])


def page_of(values: np.ndarray, page: int) -> tuple[np.ndarray, int]:
    """One page `[row, column]` of a tensor of any number of axes, and how many pages it has."""
    if values.ndim < 3:
        return values, 1
    pages = values.reshape(-1, *values.shape[-2:])
    return pages[min(page, len(pages) - 1)], len(pages)


def similarity(values: np.ndarray) -> np.ndarray:
    """The cosine of every two rows, float32 `[row, row]`; a row of zeros is like none."""
    finite = np.where(np.isfinite(values), values, 0.0).astype(np.float32)
    lengths = np.linalg.norm(finite, axis=1, keepdims=True)
    unit = np.divide(finite, lengths, out=np.zeros_like(finite), where=lengths > 0)
    return unit @ unit.T


def _split(name: str) -> tuple[str, str]:
    """ "blocks.3." and "attn.q" of "blocks.3.attn.q", the stack's name kept in front."""
    place = name.find("blocks.")
    pieces = name[place:].split(".", 2) if place >= 0 else []
    if len(pieces) != 3:
        return "", name
    return f"{name[:place]}{pieces[0]}.{pieces[1]}.", pieces[2]
