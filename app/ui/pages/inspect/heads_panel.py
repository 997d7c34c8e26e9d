"""All heads of one kind of attention at a glance, by place or sorted by what they do on the text."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import Qt, QTimer, Signal, Slot
from PySide6.QtWidgets import QComboBox, QHBoxLayout

from app.session.session import Session
from app.ui.theme import Theme
from app.ui.widgets.exactness_badge import ExactnessBadge
from app.ui.widgets.head_grid import HeadGrid
from app.ui.widgets.labels import make_label
from app.ui.widgets.panel import Panel
from app.ui.widgets.table_twin import TableTwin

SORTINGS = (
    ("By block", "", "Blocks down, heads across"),
    ("Most to the previous token", "previous_token", "Mean of A[i, i−1] over i ≥ 1, on this text"),
    ("Most to the first token", "first_token", "Mean of A[i, 0] over i ≥ 1, on this text"),
    (
        "Most induction",
        "induction",
        "Mean of Σ A[i, j+1] over the places j before i that held the same token (Olsson et al. 2022)",
    ),
    ("Most local", "local", "Mean of Σ A[i, j] over |i − j| ≤ 3, over i ≥ 1"),
    ("Widest spread", "spread", "Mean of −Σ A ln A ⁄ ln n over rows that see n ≥ 2 keys: 100% when all weigh alike"),
)
"""How heads can be ordered: words, the field of HeadScores, and its formula."""
LARGEST = "The largest weight of each row, averaged over the rows"
"""What the table holds while nothing is sorted by."""
UNSORTED = "This text has nothing to measure that by; the heads stand by block."
TITLES = {"cross": "All cross heads", "encoder": "All encoder heads"}
REDRAW_MS = 60
"""Thumbnails of many layers arrive quickly; the grid is drawn at most so often."""


class HeadsPanel(Panel):
    """Follows the session's thumbnails and its selection. `chosen(layer, head)` for mouse and keys."""

    chosen = Signal(int, int)

    def __init__(self, theme: Theme, session: Session) -> None:
        super().__init__(theme, "All heads")
        self._session = session
        self._kind = ""
        """The kind of attention whose heads are drawn."""
        self._unmeasured = False
        """What is sorted by cannot be measured on this text."""
        self.grid = HeadGrid(theme)
        self.grid.chosen.connect(self.chosen)
        self.twin = TableTwin(theme, self.grid)
        self.twin.button.setToolTip("Show as a table: per head what it is sorted by, by block the largest weight")
        self.twin.shown_as_table.connect(self._caption)
        self.add_header_widget(self.twin.button)
        self.exact = ExactnessBadge(theme)
        self.formula = make_label(theme, "", 11.5, role="caption")
        self.formula.setWordWrap(True)
        self.sorting = QComboBox()
        self.sorting.setAccessibleName("Order of the heads")
        for words, field, tip in SORTINGS:
            self.sorting.addItem(words, field)
            self.sorting.setItemData(self.sorting.count() - 1, tip, Qt.ItemDataRole.ToolTipRole)
        self.sorting.setToolTip(SORTINGS[0][2])
        self.sorting.currentIndexChanged.connect(self._sorted)
        self.body_layout.setContentsMargins(6, 6, 6, 6)
        self.body_layout.setSpacing(4)
        order = QHBoxLayout()
        order.setContentsMargins(2, 0, 2, 0)
        order.addWidget(self.exact)
        order.addStretch(1)
        self.formula.hide()
        self.body_layout.addWidget(self.sorting)
        self.body_layout.addWidget(self.formula)
        self.body_layout.addLayout(order)
        self.body_layout.addWidget(self.twin, 1)
        self._redraw = QTimer(self)
        self._redraw.setSingleShot(True)
        self._redraw.setInterval(REDRAW_MS)
        self._redraw.timeout.connect(self.draw)
        session.model_changed.connect(self._model_changed)
        session.selection_changed.connect(self._selection_changed)
        session.inspection.thumbnails_changed.connect(self._thumbnail_came)
        session.structure.exactness_measured.connect(self._exactness_measured)

    def clear(self) -> None:
        """Nothing of an older run stays."""
        self.grid.set_patterns(np.zeros((0, 0, 1, 1), dtype=np.float32))

    @Slot()
    def _model_changed(self) -> None:
        summary = self._session.summary
        self.set_subtitle(f"{summary.layers} × {summary.heads}" if summary else "")

    @Slot()
    def _exactness_measured(self) -> None:
        summary = self._session.summary
        self.exact.show_exactness(self._session.structure.exactness, summary.precision if summary else "fp32")

    @Slot()
    def _selection_changed(self) -> None:
        selection = self._session.selection
        if selection.kind != self._kind:
            self.draw()
        self.grid.set_selected(selection.layer, selection.head)

    @Slot(str, int)
    def _thumbnail_came(self, _kind: str, _layer: int) -> None:
        if not self._redraw.isActive():
            self._redraw.start()

    @Slot()
    def _sorted(self) -> None:
        self.sorting.setToolTip(str(self.sorting.currentData(Qt.ItemDataRole.ToolTipRole)))
        self.draw()
        self._caption()

    @Slot()
    def _caption(self) -> None:
        """What the heads are sorted by and their table holds."""
        table = self.twin.is_table
        formula = self.sorting.toolTip() if self.sorting.currentData() else LARGEST if table else ""
        words = f"Table: {formula[:1].lower()}{formula[1:]}" if table else formula
        self.formula.setText(f"{words}. {UNSORTED}" if self._unmeasured else words)
        self.formula.setVisible(bool(formula))

    @Slot()
    def draw(self) -> None:
        """Draw what is known of the selected kind of attention."""
        selection, summary = self._session.selection, self._session.summary
        thumbnails = self._session.inspection.thumbnails
        known = [found for (kind, _), found in thumbnails.items() if kind == selection.kind]
        first = next((found.patterns for found in known if found.patterns is not None), None)
        self._kind = selection.kind
        if first is None or summary is None:
            return
        layers = summary.attention_shape(selection.kind)[0]
        patterns = np.full((layers, *first.shape), np.nan, dtype=np.float32)
        shares = np.full(patterns.shape[:2], np.nan)
        sorting = self.sorting.currentData()
        for found in known:
            if found.patterns is None or found.visible is None:
                continue
            # NaN is the grid's word for a block without attention; weights that went wrong are drawn as ∞ is.
            weights = np.where(np.isnan(found.patterns), np.inf, found.patterns)
            patterns[found.layer] = np.where(found.visible, weights, -np.inf)
            if sorting:
                values = [getattr(scores, sorting) for scores in found.measured]
                shares[found.layer] = [np.nan if value is None else value for value in values]
        self.grid.set_patterns(patterns)
        self.grid.set_shares(shares if sorting else None, str(sorting).replace("_", " "))
        self._unmeasured = bool(sorting) and bool(np.isnan(shares).all())
        self._caption()
        self.set_title(TITLES.get(selection.kind, "All heads"))
        groups = summary.kv_heads if patterns.shape[1] == summary.heads else patterns.shape[1]
        shared = f" · {groups} KV groups" if groups < patterns.shape[1] else ""
        self.grid.set_groups(groups)
        self.set_subtitle(f"{patterns.shape[0]} × {patterns.shape[1]}{shared}")
        self.grid.set_selected(selection.layer, selection.head)
