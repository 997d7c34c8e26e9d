"""One head's attention, large."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QCheckBox, QStackedWidget

from app.engine.trace.records import HeadReading, Token, WeightReading
from app.ui.theme import Theme
from app.ui.widgets.heatmap import Heatmap
from app.ui.widgets.panel import Panel
from app.ui.widgets.segmented import Segmented
from app.ui.widgets.table_twin import TableTwin
from app.ui.widgets.token_text import visible_token
from app.ui.widgets.weight_steps import WeightSteps

MODES = ("weights", "scores", "one weight")


class AttentionPanel(Panel):
    """The heatmap with its controls, or one weight's arithmetic. `mode_chosen` says which of `MODES` is wanted."""

    mode_chosen = Signal(str)

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme, "Attention")
        self.heatmap = Heatmap(theme)
        self.modes = Segmented(theme, ["Weights", "Scores", "One weight"], "Weights, scores or one weight")
        self.modes.changed.connect(self._mode_changed)
        self.values = QCheckBox("Values")
        self.values.setChecked(True)
        self.values.setToolTip("Print weights from .10 on, and every score, into cells that are large enough")
        self.values.toggled.connect(self.heatmap.set_values_shown)
        self.add_header_widget(self.modes)
        self.add_header_widget(self.values)
        self.twin = TableTwin(theme, self.heatmap)
        self.twin.shown_as_table.connect(self.values.setDisabled)
        self.add_header_widget(self.twin.button)
        self.body_layout.setContentsMargins(12, 6, 12, 6)
        self.steps = WeightSteps(theme)
        self._sheets = QStackedWidget()
        self._sheets.addWidget(self.twin)
        self._sheets.addWidget(self.steps)
        self.body_layout.addWidget(self._sheets)

    def show_head(self, reading: HeadReading, tokens: Sequence[Token], mode: str) -> None:
        """Draw a head; `mode` is one of `MODES`."""
        labels = [token.shown for token in tokens]
        self.set_subtitle(f"L{reading.layer} · H{reading.head}")
        self.heatmap.set_title(f"Block {reading.layer} head {reading.head}")
        self.heatmap.set_attention(reading.pattern, reading.visible, labels, labels, reading.scores)
        one = mode == MODES[2]
        if not one:
            self.heatmap.set_mode(mode)
        self.modes.set_index(MODES.index(mode))
        self._sheets.setCurrentWidget(self.steps if one else self.twin)
        for control in (self.values, self.twin.button):
            control.setVisible(not one)

    def show_weight(self, reading: WeightReading | None, tokens: Sequence[Token]) -> None:
        """The arithmetic of one weight."""
        if reading is None:
            self.steps.show_weight(None, "", "")
            return
        query, key = (visible_token(tokens[place].shown) for place in (reading.query, reading.key))
        self.steps.show_weight(reading, f"{query} #{reading.query}", f"{key} #{reading.key}")

    @Slot(int)
    def _mode_changed(self, index: int) -> None:
        self.mode_chosen.emit(MODES[index])
