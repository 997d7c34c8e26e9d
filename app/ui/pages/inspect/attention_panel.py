"""One attention, large: a head's weights or scores, lines of several heads, or the arithmetic of one weight."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QHBoxLayout,
    QMenu,
    QScrollArea,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from app.engine.trace.records import HeadReading, LayerReading, Token, WeightReading
from app.ui.pages.inspect.token_filter import PAIR_FILTERS, Shown, shown_tokens
from app.ui.theme import Theme
from app.ui.widgets.attention_lines import AttentionLines
from app.ui.widgets.export_button import ExportButton
from app.ui.widgets.folding_checks import FoldingChecks
from app.ui.widgets.heatmap import Heatmap
from app.ui.widgets.panel import Panel
from app.ui.widgets.picture_export import Lines, PictureExport
from app.ui.widgets.segmented import Segmented
from app.ui.widgets.table_twin import TableTwin
from app.ui.widgets.token_text import visible_token
from app.ui.widgets.weight_steps import STEPS, WeightSteps

MODES = WEIGHTS, SCORES, LINES, ONE_WEIGHT = ("weights", "scores", "lines", "one weight")
KINDS = ("encoder", "self", "cross")
WEIGHTINGS = (
    ("Raw weights", "raw", "The weights that softmax gave"),
    (
        "Value norms",
        "norms",
        "‖α·v·W_O‖ as a share of its row: how long a vector each key really adds (Kobayashi et al. 2020)",
    ),
    (
        "Rollout to here",
        "rollout",
        "How much of each token has reached each other one after this block, all heads averaged and half of every "
        "step the stream itself (Abnar and Zuidema 2020)",
    ),
)
"""What can stand in the place of the weights: words, its name in the selection, what it is."""
TITLES = {"self": "Attention", "encoder": "In encoder", "cross": "Cross-attention"}


_ONLY_RAW = "Scores belong to the raw weights; choose those first"


def tensor_name(name: str, reading: HeadReading) -> str:
    """What the values of a head are called where they are saved: not every weighting is a tensor of the model."""
    if reading.weighting == "rollout":
        return f"rollout.{reading.kind}.0-{reading.layer}"
    part = ".value_norms" if reading.weighting == "norms" else ""
    return f"{name}.{reading.head}{part}"


class AttentionPanel(Panel):
    """`mode_chosen` says which of `MODES` is wanted, `kind_chosen` which attention of an encoder-decoder.

    Rows and columns that the filters leave out are not drawn; `cell_chosen` and `cell_hovered` count all tokens.
    """

    mode_chosen = Signal(str)
    kind_chosen = Signal(str)
    weighting_chosen = Signal(str)
    cell_chosen = Signal(int, int)
    cell_hovered = Signal(int, int)

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme, "Attention")
        self._theme = theme
        self._reading: HeadReading | None = None
        self._rows: Sequence[Token] = ()
        self._columns: Sequence[Token] = ()
        self._shown = Shown((), ())
        self._cell = (-1, -1)
        self.heatmap = Heatmap(theme)
        self.heatmap.clicked.connect(self._cell_clicked)
        self.heatmap.hovered.connect(self._cell_hovered)
        self.modes = Segmented(
            theme, ["Weights", "Scores", "Lines", "One weight"], "Weights, scores, lines or one weight"
        )
        self.modes.changed.connect(self._mode_changed)
        self.modes.pointed.connect(self._mode_pointed)
        self.add_header_widget(self.modes)
        self.twin = TableTwin(theme, self.heatmap)
        self.add_header_widget(self.twin.button)
        self.add_export(ExportButton(theme, self._export_menu))
        self.body_layout.setContentsMargins(12, 6, 12, 6)
        self.body_layout.setSpacing(4)
        self.body_layout.addWidget(self._options(theme))
        self.lines = AttentionLines(theme)
        self.steps = WeightSteps(theme)
        self.until = Segmented(theme, STEPS, "How far the arithmetic of one weight is shown")
        self.until.set_index(len(STEPS) - 1)
        self.steps_export = PictureExport(self.steps, "one-weight", self._steps_lines)
        self.until.changed.connect(self.steps.show_until)
        self.until.pointed.connect(self._keys_to_steps)
        self._sheets = QStackedWidget()
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setWidget(self.steps)
        self._steps_sheet = QWidget()
        column = QVBoxLayout(self._steps_sheet)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(self.until)
        column.addWidget(scroll, 1)
        self.steps.setProperty("role", "page")
        for sheet in (self.twin, self.lines, self._steps_sheet):
            self._sheets.addWidget(sheet)
        self.body_layout.addWidget(self._sheets, 1)
        self.twin.shown_as_table.connect(self.values.setDisabled)

    def _options(self, theme: Theme) -> QWidget:
        self.kinds = Segmented(theme, ["Encoder", "Decoder", "Cross"], "Which attention")
        self.kinds.changed.connect(self._kind_changed)
        self.pairs = QComboBox()
        self.pairs.addItems(PAIR_FILTERS)
        self.pairs.setAccessibleName("Which sentence looks at which")
        self.pairs.setToolTip("Which sentence looks at which: A is the first, B the second")
        self.pairs.currentIndexChanged.connect(self._filter_changed)
        self.weightings = QComboBox()
        self.weightings.setAccessibleName("What the picture shows")
        for words, weighting, tip in WEIGHTINGS:
            self.weightings.addItem(words, weighting)
            self.weightings.setItemData(self.weightings.count() - 1, tip, Qt.ItemDataRole.ToolTipRole)
        self.weightings.activated.connect(self._weighting_changed)
        self.without_first = QCheckBox("Hide first")
        self.without_first.setToolTip(
            "Leave out the column of the first token, where idle heads rest; the other weights stay as they are"
        )
        self.without_first.toggled.connect(self._filter_changed)
        self.values = QCheckBox("Values")
        self.values.setChecked(True)
        self.values.setToolTip("Print weights from .10 on, and every score, into cells that are large enough")
        self.values.toggled.connect(self.heatmap.set_values_shown)
        options = QWidget()
        row = QHBoxLayout(options)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(10)
        row.addWidget(self.kinds)
        row.addWidget(self.pairs)
        row.addWidget(self.weightings)
        self.checks = FoldingChecks((self.without_first, self.values))
        row.addWidget(self.checks, 1)
        self.kinds.hide()
        self.pairs.hide()
        return options

    def _export_menu(self) -> QMenu:
        """What can be taken along of what is shown."""
        sheet = self._sheets.currentWidget()
        if sheet is self.lines:
            return self.lines.export.menu()
        return self.steps_export.menu() if sheet is self._steps_sheet else self.heatmap.context_menu()

    def _steps_lines(self) -> Lines:
        return [["step"], *([line] for line in self.steps.lines())]

    def set_kinds(self, kinds: Sequence[str]) -> None:
        """Offer the kinds of attention that the model has."""
        self.kinds.setVisible(len(kinds) > 1)

    def clear(self) -> None:
        """Nothing of an older run stays."""
        self._reading, self._rows, self._columns, self._shown = None, (), (), Shown((), ())
        self.heatmap.clear()
        self.lines.clear()
        self.steps.show_weight(None, "", "")
        self.set_subtitle("")

    def show_head(
        self, reading: HeadReading, rows: Sequence[Token], columns: Sequence[Token], mode: str, name: str
    ) -> None:
        """Draw a head; `rows` are the tokens that look, `columns` those looked at; `mode` is one of `MODES`, `name` the
        tensor's in the trace."""
        self._reading, self._rows, self._columns = reading, rows, columns
        self.set_title(TITLES[reading.kind])
        rolled = reading.weighting == "rollout"
        self.set_subtitle(f"L0 to L{reading.layer}, all heads" if rolled else f"L{reading.layer} · H{reading.head}")
        what = {"norms": "value norms", "rollout": "rollout"}.get(reading.weighting, mode)
        self.heatmap.set_title(f"{TITLES[reading.kind]} L{reading.layer} H{reading.head} {what}")
        self.kinds.set_index(KINDS.index(reading.kind))
        self.pairs.setVisible(any(token.segment for token in columns))
        place = self.weightings.findData(reading.weighting)
        self.weightings.setCurrentIndex(place)
        self.weightings.setToolTip(WEIGHTINGS[place][2])
        self.modes.set_segment_enabled(1, reading.weighting == "raw", "" if reading.weighting == "raw" else _ONLY_RAW)
        self.without_first.setEnabled(len(columns) > 1)
        self._draw()
        shown = reading.scores if name.endswith("scores") else reading.pattern
        self.heatmap.set_tensor(tensor_name(name, reading), shown)
        self.set_mode(mode)

    def set_mode(self, mode: str) -> None:
        """Show one of `MODES`."""
        if mode in (WEIGHTS, SCORES) and self._reading is not None:
            self.heatmap.set_mode(mode)
        self.modes.set_index(MODES.index(mode))
        sheet = {LINES: self.lines, ONE_WEIGHT: self._steps_sheet}.get(mode, self.twin)
        self._sheets.setCurrentWidget(sheet)
        heat = sheet is self.twin
        self.weightings.setVisible(heat and mode == WEIGHTS)
        self.checks.offer(self.values, heat)
        self.twin.button.setVisible(heat)
        self.checks.offer(self.without_first, sheet is not self._steps_sheet)

    def _draw(self) -> None:
        reading = self._reading
        if reading is None:
            return
        chosen = PAIR_FILTERS[self.pairs.currentIndex()] if not self.pairs.isHidden() else PAIR_FILTERS[0]
        self._shown = shown_tokens(self._rows, self._columns, chosen, self.without_first.isChecked())
        cells = np.ix_(self._shown.rows, self._shown.columns)
        self.heatmap.set_attention(
            reading.pattern[cells],
            reading.visible[cells],
            [self._rows[place].shown for place in self._shown.rows],
            [self._columns[place].shown for place in self._shown.columns],
            reading.scores[cells] if reading.weighting == "raw" else None,
        )

    def show_layer(self, reading: LayerReading, head: int) -> None:
        """The layer's heads as lines, `head` chosen at first."""
        rows, columns = ([token.shown for token in tokens] for tokens in (self._rows, self._columns))
        self.lines.show_layer(reading.patterns, rows, columns, self._shown.rows, self._shown.columns, head)

    def show_weight(self, reading: WeightReading | str | None) -> None:
        """The arithmetic of one weight, or why it cannot be told."""
        if reading is None or isinstance(reading, str):
            self.steps.show_weight(None, "", "", reading or "")
            return
        query, key = visible_token(self._rows[reading.query].shown), visible_token(self._columns[reading.key].shown)
        self.steps.show_weight(reading, f"{query} #{reading.query}", f"{key} #{reading.key}")

    def select(self, query: int, key: int) -> None:
        """Mark a cell; one that the filters leave out marks only what is shown of it."""
        self._cell = (query, key)
        row, column = self._shown.row_of(query), self._shown.column_of(key)
        self.heatmap.set_selected(row, column)
        self.lines.set_selected(query)

    @Slot(int, int)
    def _cell_clicked(self, row: int, column: int) -> None:
        self.cell_chosen.emit(self._shown.rows[row], self._shown.columns[column])

    @Slot(int, int)
    def _cell_hovered(self, row: int, column: int) -> None:
        inside = 0 <= row < len(self._shown.rows) and 0 <= column < len(self._shown.columns)
        self.cell_hovered.emit(*((self._shown.rows[row], self._shown.columns[column]) if inside else (-1, -1)))

    @Slot()
    def _filter_changed(self) -> None:
        self._draw()
        self.lines.set_shown(self._shown.rows, self._shown.columns)
        self.select(*self._cell)

    @Slot(int)
    def _mode_changed(self, index: int) -> None:
        self.mode_chosen.emit(MODES[index])

    @Slot()
    def _mode_pointed(self) -> None:
        if self.modes.index() == MODES.index(ONE_WEIGHT):
            self._keys_to_steps()

    @Slot()
    def _keys_to_steps(self) -> None:
        """Left and right choose another key, as Explain says, and not another button."""
        self.steps.setFocus(Qt.FocusReason.OtherFocusReason)

    @Slot(int)
    def _weighting_changed(self, index: int) -> None:
        self.weighting_chosen.emit(WEIGHTINGS[index][1])

    @Slot(int)
    def _kind_changed(self, index: int) -> None:
        self.kind_chosen.emit(KINDS[index])
