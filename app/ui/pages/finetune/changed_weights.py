"""How far every weight moved, as a share of what it was: layers down, modules across."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.engine.finetune.records import WeightChange
from app.ui.theme import Theme
from app.ui.widgets.chart_axes import nice_step
from app.ui.widgets.labels import make_label
from app.ui.widgets.layer_grid import LayerBars
from app.ui.widgets.number_text import percent_text, short_number
from app.ui.widgets.table_twin import TableTwin

_LEAST = 1e-6


class ChangedWeights(QWidget):
    """Bars of ‖ΔW‖ / ‖W‖; what stands outside the blocks is told in words under them."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._changes: tuple[WeightChange, ...] = ()
        self._limit = 0.0
        self.bars = LayerBars(theme, "How far weights moved", "‖ΔW‖ / ‖W‖")
        self.bars.setToolTip("‖ΔW‖ / ‖W‖: the Frobenius norm of the change as a share of the weight's own before it")
        self.twin = TableTwin(theme, self.bars)
        self.outside = make_label(theme, "", 12, role="secondary")
        self.outside.setWordWrap(True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self.twin, 1)
        layout.addWidget(self.outside)

    def changes(self) -> tuple[WeightChange, ...]:
        """What is shown."""
        return self._changes

    def show_changes(self, changes: Sequence[WeightChange]) -> None:
        """Show these; none clears, the end of the scale too."""
        self._changes = tuple(changes)
        inside = {(change.layer, change.part): change for change in changes if change.layer is not None}
        layers = sorted({change.layer for change in changes if change.layer is not None})
        parts = list(dict.fromkeys(part for _, part in inside))
        values = np.full((len(layers), len(parts)), np.nan, dtype=np.float32)
        for row, layer in enumerate(layers):
            for column, part in enumerate(parts):
                if (layer, part) in inside:
                    values[row, column] = inside[layer, part].relative
        finite = values[np.isfinite(values)]
        # The scale only grows, so that from checkpoint to checkpoint a change is seen to grow.
        largest = nice_step(float(finite.max(initial=_LEAST)), 1)
        self._limit = max(self._limit, largest) if changes else 0.0

        def words(row: int, column: int) -> str:
            change = inside.get((layers[row], parts[column]))
            return "" if change is None else _words(change)

        self.bars.set_values(values, [f"L{layer}" for layer in layers], parts, self._limit or 1.0, words)
        others = [change for change in changes if change.layer is None]
        said = ", ".join(f"{change.part} {_share(change)}" for change in others)
        self.outside.setText(f"Outside the blocks: {said}" if others else "")
        self.outside.setVisible(bool(others))


def _share(change: WeightChange) -> str:
    return "∞" if np.isinf(change.relative) else percent_text(change.relative)


def _words(change: WeightChange) -> str:
    shape = " × ".join(f"{size:,}" for size in change.shape)
    return f"{change.path}: {_share(change)} of its norm, ‖ΔW‖ {short_number(change.norm)}, {shape}"
