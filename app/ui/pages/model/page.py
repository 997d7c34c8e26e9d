"""The Model page: where models come from, whether one fits, and what the open one is made of."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QLineEdit, QScrollArea, QStackedWidget, QToolButton, QVBoxLayout, QWidget

from app.engine.errors import UserError
from app.session.session import Session
from app.ui.icons import icon
from app.ui.page import Page, split
from app.ui.pages.model import explanations
from app.ui.pages.model.family_cards import FamilyCards
from app.ui.pages.model.load_panel import LoadPanel
from app.ui.pages.model.module_tree import ModuleTree
from app.ui.pages.model.sources_panel import SourcesPanel
from app.ui.pages.model.tokenizer_view import TokenizerView
from app.ui.theme import Theme
from app.ui.widgets.labels import make_label
from app.ui.widgets.panel import Panel
from app.ui.widgets.segmented import Segmented


class ModelPage(Page):
    """What is chosen at the left is what the load panel is about; tree, tokenizer and kinds are model A's."""

    folder_wanted = Signal()

    def __init__(self, theme: Theme, session: Session) -> None:
        super().__init__(theme, session)
        self._looked = False
        self._revealed = ""
        """The open model whose shelf was brought to the front once; after that the person chooses."""
        self.sources = SourcesPanel(theme, session)
        self.sources.setMinimumWidth(270)
        self.sources.chosen.connect(self._chosen)
        self.sources.opened.connect(self._opened)
        self.sources.folder_wanted.connect(self.folder_wanted)
        self.load = LoadPanel(theme, session)
        self.load.load_wanted.connect(self._load)
        below = split(
            "model below", Qt.Orientation.Horizontal, (self._structure(theme), 640), (self._families(theme), 290)
        )
        right = QWidget()
        column = QVBoxLayout(right)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(12)
        column.addWidget(self.load)
        column.addWidget(below, 1)
        whole = split("model whole", Qt.Orientation.Horizontal, (self.sources, 300), (right, 900))
        whole.setStretchFactor(0, 0)
        self.body.addWidget(whole, 1)
        session.model_changed.connect(self._model_changed)
        session.recent_changed.connect(self._look)
        session.structure.changed.connect(self._show_structure)
        session.structure.vocabulary_found.connect(self._show_vocabulary)
        session.library.search_failed.connect(self._search_failed)
        session.library.entries_changed.connect(self._first_choice)
        theme.changed.connect(self._tint)
        self._tint()
        self._model_changed()
        self._show_structure()

    def _structure(self, theme: Theme) -> QWidget:
        self.structure = Panel(theme, "Architecture", "shape, parameters, share")
        self.views = Segmented(theme, ["Modules", "Tokenizer"], "Modules or tokenizer")
        self.views.changed.connect(self._view_chosen)
        self.collapse = QToolButton()
        self.collapse.setToolTip("Fold every module")
        self.collapse.setAccessibleName("Fold every module")
        self.structure.add_header_widget(self.collapse)
        self.structure.add_header_widget(self.views)
        self.search = QLineEdit()
        self.search.setPlaceholderText("Find a module: a name, a class or a part")
        self.search.setClearButtonEnabled(True)
        self.tree = ModuleTree(theme)
        self.search.textChanged.connect(self._searched)
        self.collapse.clicked.connect(self.tree.collapseAll)
        modules = QWidget()
        column = QVBoxLayout(modules)
        column.setContentsMargins(12, 10, 12, 8)
        column.addWidget(self.search)
        column.addWidget(self.tree, 1)
        self.no_module = make_label(theme, "No module of this name.", 12.5, role="secondary")
        self.no_module.setVisible(False)
        column.addWidget(self.no_module, 1, Qt.AlignmentFlag.AlignTop)
        self.tokenizer = TokenizerView(theme)
        self.tokenizer.searched.connect(self._session.structure.search_vocabulary)
        self._sheets = QStackedWidget()
        self._sheets.addWidget(modules)
        self._sheets.addWidget(self.tokenizer)
        self.structure.body_layout.setContentsMargins(0, 0, 0, 0)
        self.structure.body_layout.addWidget(self._sheets)
        return self.structure

    def _families(self, theme: Theme) -> QWidget:
        panel = Panel(theme, "Who looks at whom")
        self.families = FamilyCards(theme)
        self.families.setProperty("role", "page")
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(self.families)
        panel.body_layout.setContentsMargins(0, 0, 0, 0)
        panel.body_layout.addWidget(scroll)
        return panel

    # What the session says

    @Slot()
    def _model_changed(self) -> None:
        summary = self._session.summary
        self.families.show_model(summary)
        if summary is not None:
            self.banner.clear(including_errors=True)
            self._revealed = summary.ref if self.sources.reveal(summary.ref) else ""
            self.load.look_at(summary.ref)
            self.load.ask()
        self.explain()

    @Slot()
    def _show_structure(self) -> None:
        structure = self._session.structure
        self.tree.set_rows(structure.rows)
        self.tokenizer.show_facts(structure.tokenizer)
        # Model A's modules, whatever is chosen in the list.
        summary = self._session.summary
        self.structure.set_subtitle(f"of {summary.name}, open as A" if summary else "open a model to see its modules")

    def _chosen_besides(self) -> str:
        """The name of the model that the load panel is about where that is not model A."""
        summary = self._session.summary
        return self.load.title() if summary is not None and self.load.ref not in ("", summary.ref) else ""

    @Slot()
    def _show_vocabulary(self) -> None:
        self.tokenizer.show_entries(self._session.structure.vocabulary)

    @Slot(object)
    def _search_failed(self, error: BaseException) -> None:
        if isinstance(error, UserError):
            self.show_error(error)

    @Slot()
    def _first_choice(self) -> None:
        summary = self._session.summary
        if summary is not None and not self.load.ref:
            self.load.look_at(summary.ref)
        if self.load.ref:
            if summary is not None and self.load.ref == summary.ref and summary.ref != self._revealed:
                self._revealed = summary.ref if self.sources.reveal(summary.ref) else ""
            self.sources.list.set_current(self.load.ref)
            self.load.refresh()

    # What the person does

    @Slot(str)
    def _chosen(self, ref: str) -> None:
        self.load.look_at(ref)
        self.explain()

    @Slot(str)
    def _opened(self, ref: str) -> None:
        self.load.look_at(ref)
        self._load("A")

    @Slot(str)
    def _load(self, slot: str) -> None:
        if self.load.ref:
            self._session.open_model(self.load.ref, self.load.device, self.load.precision, slot)

    @Slot(str)
    def _searched(self, text: str) -> None:
        self.tree.set_filter(text)
        found = bool(self.tree.shown())
        self.tree.setVisible(found)
        self.no_module.setVisible(not found)

    @Slot(int)
    def _view_chosen(self, index: int) -> None:
        self._sheets.setCurrentIndex(index)
        self.structure.set_title("Tokenizer" if index else "Architecture")
        self.collapse.setVisible(not index)

    @Slot()
    def _tint(self) -> None:
        self.collapse.setIcon(icon(self._theme, "minus"))

    @Slot()
    def _look(self) -> None:
        """List models and devices, once the page was shown; again when another was opened."""
        if self._looked:
            self._session.library.refresh(self._session.recent)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._looked = True
        self._look()
        self._session.library.find_devices()
        self.load.ask()

    # What the window asks

    def run(self) -> None:
        self._load("A")

    def stop(self) -> None:
        if self._session.opening:
            self._session.models.cancel_opening()

    def take_focus(self) -> None:
        (self.sources.list if self.sources.list.isVisible() else self.sources.field).setFocus()

    def explain(self) -> None:
        summary = self._session.summary
        if summary is None:
            self.explained.emit(explanations.INTRODUCTION)
        else:
            self.explained.emit(explanations.explain_model(summary, self._chosen_besides()))
