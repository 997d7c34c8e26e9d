"""The model's answer after the chosen token, and what each block would have said: bars, or the logit lens."""

from __future__ import annotations

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QStackedWidget

from app.engine.trace.records import LensReading
from app.session.session import Session
from app.ui.theme import Theme
from app.ui.widgets.lens_table import LensTable
from app.ui.widgets.panel import Panel
from app.ui.widgets.probability_bars import ProbabilityBars
from app.ui.widgets.segmented import Segmented
from app.ui.widgets.token_text import visible_token


class AnswerPanel(Panel):
    """Follows the session's query; the lens is read only while it is looked at."""

    def __init__(self, theme: Theme, session: Session) -> None:
        super().__init__(theme, "Next token")
        self._session = session
        self._count = 0
        self.bars = ProbabilityBars(theme)
        self.bars.setToolTip("What the model expects after the chosen token; click a bar to have it explained")
        self.lens = LensTable(theme)
        self.answers = Segmented(theme, ["Answer", "Logit lens"], "The model's answer, or what each block would say")
        self.add_header_widget(self.answers)
        self._sheets = QStackedWidget()
        self._sheets.addWidget(self.bars)
        self._sheets.addWidget(self.lens)
        self.body_layout.setContentsMargins(12, 6, 12, 6)
        self.body_layout.addWidget(self._sheets)
        self.answers.changed.connect(self._sheets.setCurrentIndex)
        self.answers.changed.connect(self._ask_lens)
        self.lens.layer_chosen.connect(self._block_wanted)
        session.inspection.candidates_read.connect(self._candidates_read)
        session.inspection.lens_read.connect(self._lens_read)

    def clear(self) -> None:
        """Nothing of an older run stays."""
        self.bars.set_rows([])
        self.lens.show_lens(None)
        self.set_subtitle("")

    def set_bar_count(self, count: int) -> None:
        """Show this many bars."""
        self._count = count
        query = self._session.query
        if query is not None and query in self._session.inspection.candidates:
            self._candidates_read(query)

    @Slot(int)
    def _candidates_read(self, position: int) -> None:
        inspection = self._session.inspection
        if position != self._session.query:
            return
        found = inspection.candidates[position][: self._count]
        self.bars.set_rows([(candidate.text, candidate.probability, None) for candidate in found])
        self.set_subtitle(f"after {visible_token(inspection.tokens[position].shown)} #{position}")
        self._ask_lens()

    @Slot()
    def _ask_lens(self) -> None:
        query = self._session.query
        if self.answers.index() == 1 and query is not None:
            self._session.inspection.read_lens(query)

    @Slot(int, object)
    def _lens_read(self, position: int, found: LensReading | str) -> None:
        if position == self._session.query:
            self.lens.show_lens(found)

    @Slot(int)
    def _block_wanted(self, layer: int) -> None:
        self._session.select(layer=layer)
