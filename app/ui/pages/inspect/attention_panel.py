"""One head's attention, large."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QCheckBox

from app.engine.trace.records import HeadReading, Token
from app.ui.theme import Theme
from app.ui.widgets.heatmap import Heatmap
from app.ui.widgets.panel import Panel
from app.ui.widgets.segmented import Segmented
from app.ui.widgets.table_twin import TableTwin

MODES = ("weights", "scores")


class AttentionPanel(Panel):
    """The heatmap with its controls. `mode_chosen("weights" | "scores")` when the person switches."""

    mode_chosen = Signal(str)

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme, "Attention")
        self.heatmap = Heatmap(theme)
        self.modes = Segmented(theme, ["Weights", "Scores"], "Weights or scores")
        self.modes.changed.connect(self._mode_changed)
        self.values = QCheckBox("Values")
        self.values.setChecked(True)
        self.values.setToolTip("Print the numbers into cells that are large enough")
        self.values.toggled.connect(self.heatmap.set_values_shown)
        self.add_header_widget(self.modes)
        self.add_header_widget(self.values)
        self.twin = TableTwin(theme, self.heatmap)
        self.twin.shown_as_table.connect(self.values.setDisabled)
        self.add_header_widget(self.twin.button)
        self.body_layout.setContentsMargins(12, 6, 12, 6)
        self.body_layout.addWidget(self.twin)

    def show_head(self, reading: HeadReading, tokens: Sequence[Token], mode: str) -> None:
        """Draw a head; `mode` is "weights" or "scores"."""
        labels = [token.shown for token in tokens]
        self.set_subtitle(f"L{reading.layer} · H{reading.head}")
        self.heatmap.set_title(f"Block {reading.layer} head {reading.head}")
        self.heatmap.set_attention(reading.pattern, reading.visible, labels, labels, reading.scores)
        self.heatmap.set_mode(mode)
        self.modes.set_index(MODES.index(mode))

    @Slot(int)
    def _mode_changed(self, index: int) -> None:
        self.mode_chosen.emit(MODES[index])
