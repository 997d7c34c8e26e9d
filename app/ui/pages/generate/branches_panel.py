"""The texts of this session as a tree of branches, with what can be done at the chosen token."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QTimer, Signal, Slot
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QPushButton, QScrollArea, QSizePolicy

from app.session.branches import MOST, Branch
from app.session.generation import Generation
from app.ui.pages.generate.text_names import model_words, own_words, partings, settings_apart, settings_words
from app.ui.theme import Theme
from app.ui.widgets.branch_tree import BranchShown, BranchTree
from app.ui.widgets.labels import make_elided_label
from app.ui.widgets.panel import Panel
from app.ui.widgets.token_text import visible_token

FORK_TIP = "Write on from the chosen token in a branch of its own, with the settings as they are (F)"
_LONGEST, _LONGEST_BESIDE = 26, 14
"""Letters of a text that tell it in the list: alone, and where settings stand beside them."""
NO_FORK = "A beam search finishes its texts together and forks none: choose Greedy or Sample to fork here"


class BranchesPanel(Panel):
    """Follows the generation. `fork_wanted` and `compare_wanted(bool)` are for the page, which knows the token."""

    fork_wanted = Signal()
    compare_wanted = Signal(bool)
    second_wanted = Signal()
    beams_wanted = Signal()

    def __init__(self, theme: Theme, generation: Generation) -> None:
        super().__init__(theme, "Branches")
        self._generation = generation
        self._seen = (0, -1)
        """How many branches were shown, and which was the current one."""
        self._written = -1
        """The last text of a batch that has just come, which is brought into view with its first."""
        self.fork = QPushButton("Fork here")
        self.fork.setToolTip(FORK_TIP)
        self.fork.clicked.connect(self.fork_wanted)
        self.compare = QPushButton("Compare")
        self.compare.setCheckable(True)
        self.compare.setToolTip("Show another text beside this one, with the first token that differs marked")
        self.compare.toggled.connect(self.compare_wanted)
        self.beside = QCheckBox("Keep texts")
        self.beside.setChecked(True)
        self.beside.setToolTip(
            "What is written next stands beside these texts: by other settings, from another prompt, by another model."
            f"\nThe newest {MOST} are kept, also while their model is closed and when the program starts again. "
            "Off: the next run begins with an empty list."
        )
        self.second = QPushButton("Write with B")
        self.second.setToolTip("Let the model in slot B continue the same prompt with the same seed, beside this text")
        self.second.clicked.connect(self.second_wanted)
        self.second.hide()
        self.add_header_widget(self.fork)
        self.tree = BranchTree(theme)
        self.tree.setProperty("role", "page")
        self.tree.chosen.connect(generation.choose)
        self.tree.removed.connect(generation.remove)
        self._room = scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setWidget(self.tree)
        self.body_layout.setContentsMargins(8, 6, 8, 6)
        self.body_layout.addWidget(scroll, 1)
        self.note = make_elided_label(theme, "Numbers: mean log-probability a token.", 11.5, role="caption")
        self.note.setToolTip("Click a token of the text, then a row of its funnel, to fork there with another one")
        self.note.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._build_rows()
        generation.branches_changed.connect(self.show_branches)
        # A few times a second while one is written.
        generation.cost_told.connect(self.show_branches)
        self.show_branches()

    def _build_rows(self) -> None:
        """What is done with the whole list, under it."""
        self.again = QPushButton("Bring back")
        self.again.clicked.connect(self._generation.take_back)
        self.back = QPushButton("Beams")
        self.back.setToolTip("Back to the tree of the last beam search")
        self.back.clicked.connect(self.beams_wanted)
        # Two at most in a row: the panel is narrow.
        for left, right in ((self.note, self.again), (self.beside, self.back), (self.compare, self.second)):
            row = QHBoxLayout()
            row.setSpacing(6)
            row.addWidget(left, int(left is self.note))
            row.addStretch(int(left is not self.note))
            row.addWidget(right)
            self.body_layout.addLayout(row)

    def _label(self, branch: Branch, place: int, settings: frozenset[str], writers: Sequence[Branch]) -> str:
        """What tells a text: its words from where it parts, and settings, model and weights where these differ."""
        apart = settings_words(branch, settings - {"seed"})
        own = own_words(branch, place, _LONGEST_BESIDE if apart else _LONGEST)
        whose = model_words(branch, writers) if branch.parent is None else ""
        trained = branch.training_words.removeprefix("the weights of training ")
        own = f"{whose}: {visible_token(own)}" if whose else own
        return " · ".join(part for part in (own, apart, trained) if part)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        QTimer.singleShot(0, self._show_current)

    @Slot()
    def _show_current(self) -> None:
        count, current = self._seen
        if count and count == len(self._generation.branches):
            self.tree.resize(self.tree.width(), max(self.tree.height(), self.tree.minimumHeight()))
            last, self._written = max(current, min(self._written, count - 1)), -1
            for place in (last, current):
                row = self.tree.row_rect(place)
                self._room.ensureVisible(0, round(row.center().y()), 0, round(row.height() / 2))

    @Slot()
    def show_branches(self) -> None:
        """Draw the tree as it stands; the current text's row is in view."""
        branches = self._generation.branches
        places = {id(branch): place for place, branch in enumerate(branches)}
        begins, shown, apart = partings(branches), [], settings_apart(branches)
        writers = list({(branch.ref, branch.precision): branch for branch in branches}.values())
        for branch in branches:
            place = begins.get(branch, branch.fork)
            # The same as another, or its beginning, has nothing of its own.
            place_shown = place if place < len(branch.steps) or branch.parent is not None else 0
            label = self._label(branch, place_shown, apart, writers)
            parent = places.get(id(holder)) if (holder := branch.forked_from) is not None else None
            score = branch.score if branch.steps else None
            seed = settings_words(branch, apart)
            shown.append(BranchShown(parent, branch.fork, len(branch.steps), label, score, place, seed))
        current = places.get(id(self._generation.current), 0)
        self.tree.set_branches(shown, current)
        self.set_subtitle(str(len(branches)) if branches else "")
        if branches and (len(branches), current) != self._seen:
            batch = self._generation.current.batch
            if batch is not None and len(branches) != self._seen[0]:
                self._written = current + batch[1] - batch[0]
            # Once it has its new height; and the person may look elsewhere while the same text grows.
            QTimer.singleShot(0, self._show_current)
        self._seen = (len(branches), current)
        self.back.setVisible(self._generation.tree is not None)
        removed = self._generation.removed
        self.again.setVisible(removed is not None)
        if removed is not None:
            count = len(removed.gone)
            self.again.setToolTip(f"Bring back the {'text' if count == 1 else f'{count} texts'} removed last (Ctrl+Z)")
        self.compare.setEnabled(len(branches) > 1)
        if len(branches) < 2 and self.compare.isChecked():
            self.compare.setChecked(False)
