"""A beam search as it grows, and the texts it finished."""

from __future__ import annotations

from PySide6.QtCore import Qt, QTimer, Signal, Slot
from PySide6.QtWidgets import QPushButton, QScrollArea, QSplitter, QToolButton, QVBoxLayout, QWidget

from app.session.generation import Generation
from app.ui.theme import Theme
from app.ui.widgets.beam_table import BeamTable
from app.ui.widgets.beam_tree_view import BeamTreeView
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
        for button in (self.pause, self.stop, self.start):
            self.panel.add_header_widget(button)
        self.tree = BeamTreeView(theme)
        self.tree.setProperty("role", "page")
        self.room = QScrollArea()
        self.room.setWidgetResizable(True)
        self.room.setWidget(self.tree)
        self.panel.body_layout.setContentsMargins(4, 4, 4, 4)
        self.panel.body_layout.addWidget(self.room)
        self.found = Panel(theme, "Finished beams")
        self.table = BeamTable(theme)
        self.table.chosen.connect(self._row_chosen)
        self.found.body_layout.setContentsMargins(4, 4, 4, 4)
        self.found.body_layout.addWidget(self.table)
        both = QSplitter(Qt.Orientation.Vertical)
        both.addWidget(self.panel)
        both.addWidget(self.found)
        both.setSizes([470, 280])
        both.setChildrenCollapsible(False)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(both)
        generation.beams_grew.connect(self.show_tree)

    @Slot()
    def show_tree(self) -> None:
        """Draw the tree as far as it has come; the newest step stays in view while it grows."""
        generation = self._generation
        tree = generation.tree
        if tree is None:
            return
        prompt = generation.prompt
        self.tree.set_tree(tree, prompt[-1].shown if prompt else "")
        self.table.set_tree(tree if tree.finished else None, generation.settings.num_sequences)
        steps = tree.nodes[-1].step + 1 if tree.nodes else 0
        kind = "beams, drawn" if tree.seed is not None else "beams"
        seed = f", seed {tree.seed}" if tree.seed is not None else ""
        state = f"{steps} steps" if tree.finished else f"step {steps}"
        self.panel.set_subtitle(f"{generation.settings.num_beams} {kind}, {state}{seed}")
        self.found.set_title("Finished beams" if tree.finished else "Finished beams, when the search ends")
        if not tree.finished:
            QTimer.singleShot(0, self._follow)

    @Slot()
    def _follow(self) -> None:
        bar = self.room.horizontalScrollBar()
        bar.setValue(bar.maximum())

    @Slot(int)
    def _row_chosen(self, row: int) -> None:
        tree = self._generation.tree
        if tree is not None and 0 <= row < len(tree.sequences):
            self.text_chosen.emit(tree.sequences[row].ids)
