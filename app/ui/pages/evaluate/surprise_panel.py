"""The text of a measured cell, coloured by what each token cost one model, or two on the same letters."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import Signal, Slot
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QComboBox, QGridLayout, QMenu, QPushButton, QToolButton

from app.engine.evaluate.records import CAUSAL, Piece, Stretch, TextPage
from app.engine.trace.records import Candidate
from app.session.measured import CellReading
from app.ui.actions import bound
from app.ui.icons import icon
from app.ui.pages.evaluate.token_side import TokenSide
from app.ui.theme import Theme
from app.ui.widgets.panel import Panel
from app.ui.widgets.segmented import Segmented
from app.ui.widgets.surprise_colours import BOTH, DIFFERENCE
from app.ui.widgets.surprise_legend import SurpriseLegend
from app.ui.widgets.surprise_view import SurpriseView
from app.ui.widgets.surprise_words import bits_text
from app.ui.widgets.text_overview import TextOverview
from app.ui.widgets.token_text import visible_token

_ALONE = "no other model"
_WIDE = 930
"""Pixels of the panel in which the text leaves room for two columns beside it."""


class SurprisePanel(Panel):
    """`token_chosen(row, index)` of a reading's model; `beside_chosen(row or −1)` of the table; `byte_wanted(byte)`
    for the page that holds it; `inspect_wanted(row, index)`."""

    token_chosen = Signal(int, int)
    beside_chosen = Signal(int)
    byte_wanted = Signal(int)
    inspect_wanted = Signal(int, int)

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme, "Surprise, token by token")
        self._reading: CellReading | None = None
        self._page: TextPage | None = None
        self._row = 0
        self._piece: Piece | None = None
        self.legend = SurpriseLegend(theme)
        self.beside = QComboBox()
        self.beside.setAccessibleName("Compared with")
        self.beside.setToolTip("The model that is held against this one, on the same letters")
        self._rows: list[int] = []
        self.largest = QPushButton()
        self.largest.setText("Largest")
        self.largest.setToolTip("Where one model wins most: choose a place to go there")
        self.largest_menu = QMenu(self)
        self.largest.setMenu(self.largest_menu)
        self.mode = Segmented(theme, ("Both", "A − B"), "What the colours show")
        self.back, self.forth = self._turner(), self._turner()
        for widget in (self.beside, self.largest, self.mode, self.back, self.forth):
            self.add_header_widget(widget)
        self.overview = TextOverview(theme)
        self.view = SurpriseView(theme)
        self.view.setMinimumHeight(60)
        self.side = TokenSide(theme)
        self.readout, self.expected, self.bars = self.side.readout, self.side.expected, self.side.bars
        self.body_layout.setContentsMargins(12, 8, 12, 6)
        self.body_layout.addLayout(self._laid_out(), 1)
        self.view.chosen.connect(self._chosen)
        self.overview.place_chosen.connect(self._place_chosen)
        self.mode.changed.connect(self._mode_chosen)
        self.beside.activated.connect(self._beside_chosen)
        self.back.clicked.connect(bound(self._turn, -1))
        self.forth.clicked.connect(bound(self._turn, 1))
        self.readout.inspect_wanted.connect(self._inspect)
        theme.changed.connect(self._on_theme)
        self._on_theme()
        self.show_reading(None, None, ())

    @staticmethod
    def _turner() -> QToolButton:
        button = QToolButton()
        button.setAutoRaise(True)
        return button

    def _laid_out(self) -> QGridLayout:
        """Above: the whole text in one strip and what the colours mean. Below: the letters and what they cost."""
        grid = QGridLayout()
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(6)
        grid.addWidget(self.overview, 0, 0)
        grid.addWidget(self.legend, 0, 1)
        grid.addWidget(self.view, 1, 0)
        grid.addWidget(self.side, 1, 1)
        grid.setColumnStretch(0, 1)
        grid.setRowStretch(1, 1)
        return grid

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.side.make_room(self.width() >= _WIDE)

    def show_reading(
        self, reading: CellReading | None, page: TextPage | None, rivals: Sequence[tuple[int, str]], beside: int = -1
    ) -> None:
        """Show a cell, or nothing. `rivals` are rows of the table, with their names, that can stand beside it."""
        self._reading = reading
        two = reading is not None and len(reading.figures) > 1
        text = "choose a cell above"
        if reading is not None:
            named = zip(reading.slots, reading.figures, strict=True)
            names = " above ".join(f"{slot} {each.model}".strip() for slot, each in named)
            text = f"{reading.figures[0].text}, {names}"
        self.set_subtitle(text)
        self.mode.setVisible(two)
        self.largest.setVisible(two and bool(reading and reading.spans))
        self.beside.setVisible(bool(rivals))
        self._rows = [-1, *(row for row, _ in rivals)]
        self.beside.blockSignals(True)
        self.beside.clear()
        self.beside.addItems([_ALONE, *(f"beside {name}" for _, name in rivals)])
        self.beside.setCurrentIndex(self._rows.index(beside) if beside in self._rows else 0)
        self.beside.blockSignals(False)
        self._fill_largest(reading.spans if reading is not None else ())
        self._show_overview()
        self.show_page(page)
        self._fold_title()

    def show_page(self, page: TextPage | None) -> None:
        """Another page of the same text."""
        self._page, self._piece = page, None
        slots = self._reading.slots if self._reading is not None else ("A", "B")
        self.view.set_page(page, slots)
        # One model alone has no difference, whatever was chosen for two.
        self.legend.set_mode(self.view.mode())
        self.readout.clear()
        self.show_candidates((), None)
        more = page is not None and page.stop - page.start < page.total
        for button in (self.back, self.forth):
            button.setVisible(more)
        if page is not None:
            self.back.setEnabled(page.start > 0)
            self.forth.setEnabled(page.stop < page.total)
            self.overview.set_place(page.start / max(page.total, 1), page.stop / max(page.total, 1))

    def show_candidates(self, found: Sequence[Candidate], index: int | None) -> None:
        """What the model had held for likely at the chosen token, best first, the token itself marked."""
        self.side.show_candidates(found if self._piece is not None else (), index)

    def say_not_open(self) -> None:
        """The model of the chosen token is not open, so it cannot be asked again."""
        if self._piece is not None and self._reading is not None:
            figures = self._reading.figures[self._row]
            self.side.say_not_open(f"{figures.model} {figures.precision}")

    def go_to(self, byte: int) -> None:
        """Show a byte of the text, on another page where it is not on this one."""
        if self._page is not None and self._page.start <= byte < self._page.stop:
            self.view.set_selected_byte(byte)
            self._show_span()
        else:
            self.byte_wanted.emit(byte)

    @property
    def chosen(self) -> tuple[int, Piece] | None:
        """The model's row in the reading and its token."""
        return (self._row, self._piece) if self._piece is not None else None

    # What the person does

    @Slot(int, int)
    def _chosen(self, row: int, index: int) -> None:
        self._row = row
        self._show_span()
        if self._piece is not None and self._piece.bits is not None:
            self.token_chosen.emit(row, index)

    def _show_span(self) -> None:
        self._piece = self.view.selected_piece()
        reading = self._reading
        if self._piece is None or reading is None:
            self.readout.clear()
            return
        stretch = self.view.selected_stretch()
        if stretch is not None and len(reading.slots) > 1:
            rows = [
                (slot, tokens, bits)
                for slot, tokens, bits in zip(reading.slots, stretch.tokens, stretch.bits, strict=True)
            ]
            self.readout.show_span(stretch.text, rows, kind=self.view.selected_kind())
        else:
            self.readout.show_span(self._piece.text, [(reading.slots[0], 1, self._piece.bits)], kind="token")
        objective = reading.figures[0].objective
        self.readout.link.setVisible(objective == CAUSAL and self._piece.bits is not None)
        self.show_candidates((), None)

    @Slot()
    def _inspect(self) -> None:
        if self._piece is not None:
            self.inspect_wanted.emit(self._row, self._piece.index)

    @Slot(int)
    def _mode_chosen(self, index: int) -> None:
        mode = DIFFERENCE if index else BOTH
        self.view.set_mode(mode)
        self.legend.set_mode(self.view.mode())
        self._show_overview()

    @Slot(int)
    def _beside_chosen(self, index: int) -> None:
        self.beside_chosen.emit(self._rows[index])

    @Slot(float)
    def _place_chosen(self, share: float) -> None:
        if self._page is not None:
            self.go_to(min(int(share * self._page.total), self._page.total - 1))

    def _turn(self, way: int) -> None:
        page = self._page
        if page is not None:
            self.byte_wanted.emit(page.stop if way > 0 else max(0, page.start - (page.stop - page.start)))

    def _fill_largest(self, spans: Sequence[Stretch]) -> None:
        self.largest_menu.clear()
        slots = self._reading.slots if self._reading is not None else ("A", "B")
        for span in spans:
            better = slots[0] if span.bits[0] < span.bits[1] else slots[1]
            bits = bits_text(abs(span.bits[0] - span.bits[1]))
            text = visible_token(span.text)
            text = f"{text[:50]}…" if len(text) > 50 else text
            self.largest_menu.addAction(f"{better} by {bits}:  {text}", bound(self.go_to, span.start))

    def _show_overview(self) -> None:
        reading = self._reading
        difference = self.mode.index() == 1 and reading is not None and len(reading.overview) > 1
        if reading is None:
            self.overview.set_values(None)
        elif difference:
            self.overview.set_values(reading.overview[0] - reading.overview[1], DIFFERENCE)
        else:
            self.overview.set_values(np.mean(reading.overview, axis=0))

    @Slot()
    def _on_theme(self) -> None:
        self.back.setIcon(icon(self._theme, "chevron-left", "ink", 16))
        self.forth.setIcon(icon(self._theme, "chevron-right", "ink", 16))
        for button, words in ((self.back, "The part of the text before"), (self.forth, "The next part of the text")):
            button.setToolTip(words)
            button.setAccessibleName(words)
