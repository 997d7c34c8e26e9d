"""Models × texts: the grid, all figures as a list, what may be compared, and ways to take the figures along."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QSize, Signal, Slot
from PySide6.QtGui import QGuiApplication, QResizeEvent
from PySide6.QtWidgets import QMenu, QPushButton, QStackedWidget, QVBoxLayout, QWidget

from app.session.measured import Figures, Table
from app.ui.actions import bound
from app.ui.icons import icon
from app.ui.pages.evaluate.figures_export import as_csv, as_json, as_markdown
from app.ui.pages.evaluate.figures_list import FiguresList
from app.ui.pages.evaluate.results_grid import ResultsGrid
from app.ui.pages.evaluate.results_words import BITS, PERPLEXITY, measured, objective_note, tokenizer_note
from app.ui.theme import Theme
from app.ui.widgets.banner import Banner
from app.ui.widgets.empty_state import EmptyState
from app.ui.widgets.panel import Panel
from app.ui.widgets.save_dialog import ask_where
from app.ui.widgets.segmented import Segmented

SAMPLES = "Use sample texts"
COPY_MARKDOWN, COPY_CSV = "Copy as Markdown", "Copy as CSV"
SAVE_CSV, SAVE_JSON, SAVE_MARKDOWN = "Save CSV…", "Save JSON…", "Save Markdown…"
_COPIES = {COPY_MARKDOWN: as_markdown, COPY_CSV: as_csv}
_FILES = {
    SAVE_CSV: ("csv", "CSV table", as_csv),
    SAVE_JSON: ("json", "JSON", as_json),
    SAVE_MARKDOWN: ("md", "Markdown", as_markdown),
}
_NO_TEXTS = "Add a text, and what every model pays for it stands here, in bits per byte."
_NO_MODELS = "Open a model on the Model page, or add one here with “Model”."
_LOWEST, _ROOMY = 180, 260
"""Pixels: the lowest panel, and the one from which on notes may take more than one line."""
_LINE, _LINES = 28, 44
"""Pixels of a note in one line, and of one with all its words."""
_BOTH = "Tokenizers and kinds of perplexity differ: compare bits per byte, kind by kind."
_EXPORT = "Export"
_EMPTY_HEIGHT = 260
"""Pixels for the drawing, the sentence and the button."""
_FRAME = 52
"""Pixels of the header, the borders and the margin below."""
_GAP, _MARGINS = 6, 28
"""Pixels of the header: between two controls, and at its ends."""


class ResultsPanel(Panel):
    """The table of models and texts. `model_menu` and `text_menu` are filled by the owner."""

    samples_wanted = Signal()
    cell_chosen = Signal(int, int)
    row_removed = Signal(int)
    column_removed = Signal(int)
    measure_wanted = Signal(list)
    """(row, column) of cells that are to be measured, again where they were before."""
    note_written = Signal(str, str)
    """The key of a measurement and what was written about it."""
    export_wanted = Signal(str)
    """An entry of the menu was chosen, one of the constants above; the panel does it itself."""
    saved = Signal(str)
    """A sentence: a file was written, and where."""
    failed = Signal(str)
    """A sentence: a file could not be written."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(theme, "Models × texts", parent=parent)
        self._table = Table()
        self._measure = BITS
        self.measure = Segmented(theme, ["Bits per byte", "Perplexity"], "What is large")
        self.views = Segmented(theme, ["Grid", "All figures"], "View")
        self.model_menu, self.text_menu, self.export_menu = QMenu(self), QMenu(self), QMenu(self)
        self.add_model = self._menu_button("Model", "Add a model", self.model_menu)
        self.add_text = self._menu_button("Text", "Add a text", self.text_menu)
        self.export = self._menu_button(_EXPORT, "Copy or save the figures", self.export_menu)
        for widget in (self.measure, self.views, self.add_model, self.add_text, self.export):
            self.add_header_widget(widget)
        self.grid = ResultsGrid(theme)
        self.list = FiguresList(theme)
        self.empty = EmptyState(theme)
        self.comparing, self.kinds = Banner(theme), Banner(theme)
        self._stack = QStackedWidget()
        for page in (self.empty, self.grid, self.list):
            self._stack.addWidget(page)
        # A low panel cuts its notes short, see _say_notes; their full height would keep it from getting low.
        self.setMinimumHeight(_LOWEST)
        self._lay_out()
        self._connect()
        self._tint_icons()
        self._show_all()

    def _menu_button(self, words: str, tip: str, menu: QMenu) -> QPushButton:
        button = QPushButton(words)
        button.setFont(self._theme.font(12.5, 500))
        button.setToolTip(tip)
        button.setAccessibleName(tip)
        button.setIconSize(QSize(14, 14))
        button.setMenu(menu)
        return button

    def _lay_out(self) -> None:
        notes = QVBoxLayout()
        notes.setContentsMargins(12, 0, 12, 0)
        notes.setSpacing(6)
        for banner in (self.comparing, self.kinds):
            # It is true as long as the table is so.
            banner.close_button.hide()
            notes.addWidget(banner)
        self.body_layout.setContentsMargins(0, 0, 0, 8)
        self.body_layout.addWidget(self._stack, 1)
        self.body_layout.addLayout(notes)

    def _connect(self) -> None:
        self.measure.changed.connect(self._measure_chosen)
        self.views.changed.connect(self._show_all)
        self.empty.chosen.connect(self.samples_wanted)
        self.grid.cell_chosen.connect(self.cell_chosen)
        self.grid.row_removed.connect(self.row_removed)
        self.grid.column_removed.connect(self.column_removed)
        self.grid.measure_wanted.connect(self.measure_wanted)
        self.list.note_written.connect(self.note_written)
        self._theme.changed.connect(self._tint_icons)
        for what in (*_COPIES, *_FILES):
            if what == SAVE_CSV:
                self.export_menu.addSeparator()
            self.export_menu.addAction(what).triggered.connect(bound(self._export, what))

    def show_table(self, table: Table) -> None:
        """Show models, texts and what is known between them."""
        self._table = table
        self.grid.show_table(table)
        self.list.show_table(table)
        self._show_all()

    def figures(self) -> list[Figures]:
        """What is exported: with the list in front what it shows, in its order; else everything measured."""
        if self._stack.currentWidget() is self.list:
            return self.list.figures()
        return [figures for _, _, figures in measured(self._table)]

    def save_to(self, path: Path, what: str) -> None:
        """Write the figures into a file, as SAVE_CSV, SAVE_JSON or SAVE_MARKDOWN."""
        try:
            path.write_text(_FILES[what][2](self.figures()), encoding="utf-8")
        except OSError as error:
            self.failed.emit(f"The file {path} could not be written: {error.strerror}. Choose another.")
        else:
            self.saved.emit(f"The figures were written to {path}.")

    def wanted_height(self) -> int:
        """Pixels that show every model of the grid with the notes in one line each."""
        if self._stack.currentWidget() is self.empty:
            return _EMPTY_HEIGHT
        notes = sum(1 for note in (tokenizer_note(self._table, self._measure), objective_note(self._table)) if note[0])
        return _FRAME + self.grid.wanted_height() + min(notes, 1) * (_LINE + 2 * _GAP)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit_header()
        self._say_notes()

    @Slot()
    def _show_all(self) -> None:
        as_list = self.views.index() == 1
        there = bool(self._table.columns) and bool(self._table.rows)
        self._stack.setCurrentWidget(self.empty if not there else self.list if as_list else self.grid)
        if not there:
            self._show_empty()
        self.measure.setVisible(there and not as_list)
        self.views.setVisible(there)
        self.export.setVisible(there)
        self.export.setEnabled(any(True for _ in measured(self._table)))
        self._fit_header()
        self._say_notes()

    def _fit_header(self) -> None:
        """In a narrow panel the longest button loses its word, and a subtitle that would be cut is left out."""
        title, controls = self._title.sizeHint().width(), (self.add_model, self.add_text, self.measure, self.views)
        taken = sum(each.sizeHint().width() + _GAP for each in controls if not each.isHidden())
        self.export.setText(_EXPORT)
        wide = self.export.sizeHint().width() + _GAP
        if taken + wide + title + _MARGINS > self.width():
            self.export.setText("")
            wide = self.export.sizeHint().width() + _GAP
        words = self._subtitle_words()
        room = self.width() - taken - wide - title - _MARGINS
        self.set_subtitle(words if self._subtitle.fontMetrics().horizontalAdvance(words) < room else "")
        self._fold_title()

    def _show_empty(self) -> None:
        sentence = _NO_MODELS if self._table.columns else _NO_TEXTS
        if self.empty.accessibleName() != sentence:
            self.empty.set_text("", sentence)
            self.empty.set_examples(() if self._table.columns else (SAMPLES,))

    def _subtitle_words(self) -> str:
        if self._stack.currentWidget() is not self.grid:
            return "a row for each measurement" if self._stack.currentWidget() is self.list else ""
        small = PERPLEXITY if self._measure == BITS else BITS
        return f"large: {self._measure}, small: {small}"

    def _say_notes(self) -> None:
        """Say what may not be compared: whole under a high grid, else in one line with the rest in its tooltip."""
        split, kinds = tokenizer_note(self._table, self._measure), objective_note(self._table)
        whole = [" ".join(note) for note in (split, kinds) if note[0]]
        front, low = self._stack.currentWidget(), self.height() < max(_ROOMY, self.wanted_height() + 2 * _LINES)
        short = low or front is self.list
        # In a low panel the list's own rows come first; and it ranks nothing.
        silent = front is self.empty or (low and front is self.list)
        if short:
            split, kinds = (_BOTH if len(whole) == 2 else split[0], ""), ("" if split[0] else kinds[0], kinds[1])
        for banner, kind, (fact, rest) in ((self.comparing, "warn", split), (self.kinds, "info", kinds)):
            if not fact or silent:
                banner.clear()
                continue
            banner.show_message(kind, fact, rest)
            banner.setToolTip("\n".join(whole) if short else "")
            banner.setMinimumHeight(_LINE if short else _LINES)
            if (layout := banner.layout()) is not None:
                layout.setContentsMargins(14, *((3, 10, 3) if short else (8, 10, 8)))

    @Slot(int)
    def _measure_chosen(self, index: int) -> None:
        self._measure = PERPLEXITY if index else BITS
        self.grid.set_measure(self._measure)
        self._show_all()

    def _export(self, what: str) -> None:
        self.export_wanted.emit(what)
        if what in _COPIES:
            QGuiApplication.clipboard().setText(_COPIES[what](self.figures()))
            return
        ending, kind, _ = _FILES[what]
        path = ask_where(self, "figures", ending, kind)
        if path is not None:
            self.save_to(path, what)

    @Slot()
    def _tint_icons(self) -> None:
        for button, name in ((self.add_model, "plus"), (self.add_text, "plus"), (self.export, "export")):
            button.setIcon(icon(self._theme, name, "ink2", 14))
