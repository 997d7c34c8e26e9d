"""Any tensor as a picture, one slice at a time."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QLabel

from app.engine.trace.records import TensorReading, Token
from app.ui.pages.inspect.stages import shape_text
from app.ui.theme import Theme
from app.ui.widgets.panel import Panel
from app.ui.widgets.segmented import Segmented
from app.ui.widgets.table_twin import TableTwin
from app.ui.widgets.tensor_view import TensorView

FAMILIES = (("attn.q", "attn.k", "attn.v"), ("attn.q_pre", "attn.k_pre"))


def slice_of(reading: TensorReading, head: int) -> tuple[int | None, int]:
    """(slice shown, slices there are) of a tensor `[head, token, head_dim]`; (None, 1) of a plain matrix.

    Keys and values of grouped-query attention have fewer heads; several query heads share one of them. `head` is the
    query head, the caller gives it already divided.
    """
    if reading.values.ndim != 3:
        return None, 1
    return min(head, reading.values.shape[0] - 1), reading.values.shape[0]


class TensorPanel(Panel):
    """The tensor view with its name and shape. `name_chosen` comes when Q, K or V is switched."""

    name_chosen = Signal(str)

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme, "Tensor")
        self._theme = theme
        self._prefix = ""
        self._family: tuple[str, ...] = ()
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
        self.body_layout.addWidget(self.twin)
        theme.changed.connect(self._restyle)
        self._restyle()

    @Slot()
    def _restyle(self) -> None:
        for label in (self.shape, self.dtype):
            label.setFont(self._theme.font(11, mono=True))

    def show_tensor(self, reading: TensorReading, tokens: Sequence[Token], head: int, query_heads: int) -> None:
        """Draw a tensor; of one with heads, the slice that belongs to query head `head`."""
        self._prefix, part = _split(reading.name)
        self._family = next((family for family in FAMILIES if part in family), ())
        for family, letters in self.letters.items():
            letters.setVisible(family == self._family)
            if family == self._family:
                letters.set_index(family.index(part))
        place, slices = slice_of(reading, head * reading.values.shape[0] // query_heads)
        values = reading.values if place is None else reading.values[place]
        labels = [token.shown for token in tokens] if values.ndim == 2 else None
        group = "KV head" if slices < query_heads else "head"
        self.set_title(reading.name)
        self.set_subtitle("" if place is None else f"{group} {place} of {slices}")
        self.shape.setText(shape_text(reading.info.shape))
        self.dtype.setText(reading.dtype)
        axis = reading.info.axes[-1] if reading.info.axes else "column"
        self.view.set_title(reading.name)
        self.view.set_tensor(reading.name, reading.values)
        self.view.set_values(values, labels, axis.replace("_", " "))

    @Slot(int)
    def _letter_chosen(self, index: int) -> None:
        self.name_chosen.emit(self._prefix + self._family[index])


def _split(name: str) -> tuple[str, str]:
    pieces = name.split(".", 2)
    return (f"{pieces[0]}.{pieces[1]}.", pieces[2]) if len(pieces) == 3 else ("", name)
