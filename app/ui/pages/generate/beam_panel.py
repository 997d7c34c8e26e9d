"""A beam search as it grows, and the texts it finished."""

from __future__ import annotations

from PySide6.QtCore import Qt, QTimer, Signal, Slot
from PySide6.QtWidgets import QPushButton, QScrollArea, QSplitter, QToolButton, QVBoxLayout, QWidget

from app.engine.decode.settings import DecodingSettings
from app.session.generation import Generation
from app.ui.pages.generate.cost_words import cost_tip, cost_words
from app.ui.theme import Theme
from app.ui.widgets.beam_legend import BeamLegend
from app.ui.widgets.beam_table import BeamTable
from app.ui.widgets.beam_tree_view import BeamTreeView
from app.ui.widgets.labels import make_label
from app.ui.widgets.panel import Panel


class BeamPanel(QWidget):
    """Follows the generation's tree. `text_chosen(ids)` when one of the texts is to be looked at."""

    text_chosen = Signal(object)

    def __init__(self, theme: Theme, generation: Generation) -> None:
        super().__init__()
        self._generation = generation
        self.panel = Panel(theme, "Beam search")
        self.start = QPushButton("Search again")
        self.start.setProperty("kind", "primary")
        self.start.setToolTip("Search anew from the prompt, with the settings as they are (Ctrl+Enter)")
        self.pause, self.stop = QToolButton(), QToolButton()
        self.stop.setToolTip("Stop (Esc)")
        self.stop.setAccessibleName("Stop")
        self.legend = BeamLegend(theme)
        self.texts = QPushButton("Texts")
        self.texts.setToolTip("Back to the texts that are kept, the newest first")
        self.texts.hide()
        for part in (self.legend, self.texts, self.pause, self.stop, self.start):
            self.panel.add_header_widget(part)
        self.tree = BeamTreeView(theme)
        self.tree.setProperty("role", "page")
        self.room = QScrollArea()
        self.room.setWidgetResizable(True)
        self.room.setWidget(self.tree)
        self.panel.body_layout.setContentsMargins(4, 4, 4, 4)
        self.panel.body_layout.addWidget(self.room, 1)
        self.facts = make_label(theme, "", 11.5, role="caption")
        self.facts.setContentsMargins(8, 0, 8, 2)
        self.facts.hide()
        self.panel.body_layout.addWidget(self.facts)
        self.found = Panel(theme, "Finished beams")
        self.table = BeamTable(theme)
        self.table.chosen.connect(self._row_chosen)
        self.found.body_layout.setContentsMargins(4, 4, 4, 4)
        self.found.body_layout.addWidget(self.table)
        both = QSplitter(Qt.Orientation.Vertical)
        both.setObjectName("generate beams")
        both.addWidget(self.panel)
        both.addWidget(self.found)
        both.setSizes([470, 280])
        both.setChildrenCollapsible(False)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(both)
        generation.beams_grew.connect(self.show_tree)
        generation.cost_told.connect(self._say_state)
        generation.state_changed.connect(self._say_found)

    @Slot()
    def show_tree(self) -> None:
        """Draw the tree as far as it has come; the newest step stays in view while it grows."""
        generation = self._generation
        tree = generation.tree
        if tree is None:
            return
        prompt, bar = generation.search.prompt, self.room.horizontalScrollBar()
        at_end = bar.value() >= bar.maximum() - 1
        self.tree.set_tree(tree, prompt[-1].shown if prompt else "")
        self.table.set_tree(tree if tree.finished else None, self._settings().num_sequences)
        self._say_state()
        self._say_found()
        if not tree.finished or at_end:
            QTimer.singleShot(0, self._follow)

    @Slot()
    def _say_found(self) -> None:
        tree = self._generation.tree
        stopped = tree is not None and not tree.finished and not self._generation.running
        waits = "none: the search was stopped" if stopped else "when the search ends"
        self.found.set_title("Finished beams" if tree is None or tree.finished else f"Finished beams, {waits}")

    def _settings(self) -> DecodingSettings:
        """Those of the search."""
        return self._generation.search.searched or self._generation.settings

    @Slot()
    def _say_state(self) -> None:
        """How many beams, how far they are, and what the search took."""
        generation = self._generation
        tree = generation.tree
        if tree is None:
            return
        steps = tree.nodes[-1].step + 1 if tree.nodes else 0
        count = self._settings().num_beams
        kind = f"{count} beam{'' if count == 1 else 's'}{', drawn' if tree.seed is not None else ''}"
        # Under the tree it is never cut, and it is what writes the same texts again.
        seed = f"seed {tree.seed}" if tree.seed is not None else ""
        state = f"{steps} steps" if tree.finished else f"step {steps}"
        # Once one of its texts is written out, the cost is that run's.
        cost = None if generation.steps else generation.cost
        self.panel.set_subtitle(f"{kind}, {state}")
        self.facts.setText(" · ".join(part for part in (seed, cost_words(cost)) if part))
        self.facts.setToolTip(cost_tip(cost))
        self.facts.setVisible(bool(self.facts.text()))

    @Slot()
    def _follow(self) -> None:
        bar = self.room.horizontalScrollBar()
        bar.setValue(bar.maximum())

    @Slot(int)
    def _row_chosen(self, row: int) -> None:
        tree = self._generation.tree
        if tree is not None and 0 <= row < len(tree.sequences):
            self.text_chosen.emit(tree.sequences[row].ids)
