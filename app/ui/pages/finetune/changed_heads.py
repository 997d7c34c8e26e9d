"""Which heads look elsewhere, and where one of them looks before and after."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app.engine.trace.records import Token, TraceComparison
from app.ui.theme import Theme
from app.ui.widgets.chart_axes import nice_step
from app.ui.widgets.compared_patterns import ComparedPatterns
from app.ui.widgets.layer_grid import LayerGrid
from app.ui.widgets.segmented import Segmented
from app.ui.widgets.table_twin import TableTwin

KINDS = ("encoder", "self", "cross")
_NAMES = {"encoder": "Encoder", "self": "Decoder", "cross": "Cross"}
_LEAST = 0.001
"""The scale never ends below this many bits, or rounding would look like a change."""
_NARROWEST = 200
HINT = "Choose a head on the left to see where it looks in A, in B, and what is different."
WAITING = "Looking at this head…"


class ChangedHeads(QWidget):
    """`head_chosen(kind, layer, head)` for a click or the arrow keys."""

    head_chosen = Signal(str, int, int)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._comparison: TraceComparison | None = None
        self._tokens: Sequence[Token] = ()
        self._targets: Sequence[Token] = ()
        self._limits: dict[str, float] = {}
        self._kind = "self"
        self.kinds = Segmented(theme, [_NAMES[kind] for kind in KINDS], "Which attention")
        self.kinds.changed.connect(self._kind_chosen)
        self.grid = LayerGrid(theme, "How differently heads look", "bits")
        self.grid.setToolTip(
            "Jensen–Shannon divergence of a head's attention in A and in B, in bits, mean over the queries: 0 for the "
            "same weights, 1 for weights on other tokens altogether (Lin 1991)"
        )
        self.grid.clicked.connect(self._clicked)
        self.twin = TableTwin(theme, self.grid)
        self.patterns = ComparedPatterns(theme)
        left = QVBoxLayout()
        left.setSpacing(4)
        left.addWidget(self.kinds)
        left.addWidget(self.twin, 1)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(12)
        layout.addLayout(left, 3)
        layout.addWidget(self.patterns, 7)
        self.clear()

    def show_comparison(
        self, comparison: TraceComparison, tokens: Sequence[Token], target_tokens: Sequence[Token]
    ) -> None:
        """Show the heads; what is chosen stays. Patterns stay too where the text is the same, until new ones come."""
        same = [token.id for token in self._tokens] == [token.id for token in tokens] and [
            token.id for token in self._targets
        ] == [token.id for token in target_tokens]
        self._comparison, self._tokens, self._targets = comparison, tokens, target_tokens
        self.kinds.setVisible(len(comparison.heads) > 1)
        if self._kind not in comparison.heads:
            self._kind = next(iter(comparison.heads))
        self.kinds.set_index(KINDS.index(self._kind))
        self._draw()
        if self.chosen() is None:
            self._choose_most()
        if not same:
            self.patterns.clear(HINT if self.chosen() is None else WAITING)

    def show_patterns(
        self,
        layer: int,
        head: int,
        patterns: tuple[np.ndarray, np.ndarray],
        kind: str,
        visible: np.ndarray | None,
    ) -> None:
        """Show a head's patterns in A and in B, float32 `[query, key]`; of a head that is not chosen any more,
        nothing."""
        if self._comparison is None or self.chosen() not in (None, (kind, layer, head)):
            return
        rows = self._tokens if kind == "encoder" or not self._targets else self._targets
        columns = self._tokens if kind != "self" or not self._targets else self._targets
        if patterns[0].shape != (len(rows), len(columns)) or patterns[0].shape != patterns[1].shape:
            return
        # Softmax leaves weight on everything it may look at.
        seen = (patterns[0] > 0) | (patterns[1] > 0) if visible is None else visible
        texts = [[token.shown for token in tokens] for tokens in (rows, columns)]
        if self.chosen() is None:
            self.choose(kind, layer, head)
        self.patterns.show_patterns(f"L{layer} H{head}", patterns, seen, *texts)

    def chosen(self) -> tuple[str, int, int] | None:
        """Kind, layer and head that are chosen."""
        layer, head = self.grid.selected()
        return (self._kind, layer, head) if layer >= 0 and head >= 0 else None

    def choose(self, kind: str, layer: int, head: int) -> None:
        """Mark a head that was chosen elsewhere; emits nothing."""
        if self._comparison is None or kind not in self._comparison.heads:
            return
        self._kind = kind
        self.kinds.set_index(KINDS.index(kind))
        self._draw()
        self.grid.set_selected(layer, head)
        self.patterns.clear(WAITING)

    def clear(self) -> None:
        """Nothing stays, the ends of the scales neither."""
        self._comparison, self._tokens, self._targets = None, (), ()
        self._limits = {}
        self.grid.clear()
        self.grid.set_selected(-1, -1)
        self.kinds.hide()
        self.patterns.clear(HINT)

    def _draw(self) -> None:
        assert self._comparison is not None
        values = self._comparison.heads[self._kind]
        largest = float(np.nanmax(values, initial=_LEAST))
        # The scale only grows, so that from checkpoint to checkpoint a change is seen to grow.
        limit = self._limits[self._kind] = max(self._limits.get(self._kind, 0.0), nice_step(largest, 1))
        layers, heads = values.shape
        rows, columns = [f"L{layer}" for layer in range(layers)], [f"H{head}" for head in range(heads)]

        def words(layer: int, head: int) -> str:
            value = values[layer, head]
            return f"L{layer} H{head}: " + ("no attention" if np.isnan(value) else f"{value:.4f} bits apart")

        self.grid.set_title(f"{_NAMES[self._kind]} heads" if len(self._comparison.heads) > 1 else "Heads")
        self.grid.set_values(values, rows, columns, limit, words)
        # What few heads do not need, the patterns get.
        self.twin.setMaximumWidth(max(_NARROWEST, self.grid.widest()))

    def _choose_most(self) -> None:
        """The head that looks elsewhere most is the one to begin with; where none does there is none."""
        assert self._comparison is not None
        values = np.nan_to_num(self._comparison.heads[self._kind])
        if values.any():
            layer, head = np.unravel_index(np.argmax(values), values.shape)
            self.grid.set_selected(int(layer), int(head))

    @Slot(int)
    def _kind_chosen(self, index: int) -> None:
        kind = KINDS[index]
        if self._comparison is not None and kind in self._comparison.heads:
            self._kind = kind
            self.grid.set_selected(-1, -1)
            self._draw()
            self._choose_most()
            chosen = self.chosen()
            self.patterns.clear(HINT if chosen is None else WAITING)
            if chosen is not None:
                self.head_chosen.emit(*chosen)

    @Slot(int, int)
    def _clicked(self, layer: int, head: int) -> None:
        if self.patterns.head() != f"L{layer} H{head}":
            self.patterns.clear(WAITING)
        self.head_chosen.emit(self._kind, layer, head)
