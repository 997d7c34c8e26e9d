"""The model's answer at the chosen token, what each block would have said, and what its heads say of the whole text."""

from __future__ import annotations

from collections.abc import Sequence
from math import isnan

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QPushButton, QStackedWidget

from app.engine.trace.records import Attribution, ClassShare, LensReading
from app.session.session import Session
from app.ui.theme import Theme
from app.ui.widgets.attribution_table import AttributionTable
from app.ui.widgets.labels import make_label
from app.ui.widgets.lens_table import LensTable
from app.ui.widgets.panel import Panel
from app.ui.widgets.probability_bars import ProbabilityBars
from app.ui.widgets.segmented import Segmented
from app.ui.widgets.token_text import visible_token

ANSWER, LENS, WRITTEN, FOLLOWS = range(4)
TITLES = {"next token": "Next token", "masked token": "At this place", "class": "Class", "": "No head"}
_TIPS = {
    "next token": "What the model expects after the chosen token; click a bar to have it explained",
    "masked token": "What the model expects in the place of the chosen token; mask the token to make it guess",
    "class": "What the classification head says of the whole text",
    "": "This checkpoint has no head that answers",
}


NEEDS_TWO = (
    "This head says whether one sentence follows another, so it needs two. Press Edit above, type the second sentence "
    "into the field beside the first, and press Enter."
)
_SEGMENT_TIPS = {
    LENS: "The logit lens: what each block would say, were it the last (nostalgebraist 2020)",
    WRITTEN: "Direct logit attribution: what each head and feed-forward added to the answer (Elhage et al. 2021)",
    FOLLOWS: "Whether the second sentence follows the first",
}


class AnswerPanel(Panel):
    """Follows the session's query; the lens is read only while it is looked at. `mask_wanted` to hide a token."""

    mask_wanted = Signal()
    every_wanted = Signal()
    """The lens is to be shown at every position."""

    def __init__(self, theme: Theme, session: Session) -> None:
        super().__init__(theme, "Next token")
        self._session = session
        self._count = 0
        self.classes: Sequence[ClassShare] = ()
        """What a classification head says of the text."""
        self._follows: Sequence[ClassShare] = ()
        self.bars = ProbabilityBars(theme)
        self.lens = LensTable(theme)
        self.mask_button = QPushButton("Mask it")
        self.mask_button.setToolTip("Put the mask in the place of the chosen token and run again")
        self.mask_button.clicked.connect(self.mask_wanted)
        self.add_header_widget(self.mask_button)
        self.every_button = QPushButton("Every position")
        self.every_button.setToolTip("Blocks × tokens: what each block would say at every token")
        self.every_button.clicked.connect(self.every_wanted)
        self.every_button.hide()
        self.add_header_widget(self.every_button)
        self.answers = Segmented(
            theme, ["Answer", "Lens", "Who wrote it", "Next sentence"], "The model's answer and what made it"
        )
        self.add_header_widget(self.answers)
        self._sheets = QStackedWidget()
        self._sheets.addWidget(self.bars)
        self._sheets.addWidget(self.lens)
        self.written = AttributionTable(theme)
        self.written.head_chosen.connect(self._head_wanted)
        self._sheets.addWidget(self.written)
        self.words = make_label(theme, NEEDS_TWO, 13, role="secondary")
        self.words.setWordWrap(True)
        self.words.setAlignment(Qt.AlignmentFlag.AlignTop)
        self._sheets.addWidget(self.words)
        for place, tip in _SEGMENT_TIPS.items():
            self.answers.button(place).setToolTip(tip)
        self.body_layout.setContentsMargins(12, 6, 12, 6)
        self.body_layout.addWidget(self._sheets)
        self.answers.changed.connect(self._show)
        self.lens.layer_chosen.connect(self._block_wanted)
        session.model_changed.connect(self._model_changed)
        session.inspection.candidates_read.connect(self._candidates_read)
        session.inspection.classes_read.connect(self._classes_read)
        session.inspection.lens_read.connect(self._lens_read)
        session.inspection.attribution_read.connect(self._attribution_read)
        self._model_changed()

    def clear(self) -> None:
        """Nothing of an older run stays."""
        self.classes, self._follows = (), ()
        self.bars.set_rows([])
        self.lens.show_lens(None)
        self.written.show_attribution(None)
        self.set_subtitle("")

    def why(self, view: int) -> str:
        """Why the lens or who wrote the answer cannot be shown, '' where it can."""
        return {LENS: self.lens.why, WRITTEN: self.written.why}.get(view, "")

    def set_bar_count(self, count: int) -> None:
        """Show this many bars."""
        self._count = count
        self._show()

    @Slot()
    def _model_changed(self) -> None:
        summary = self._session.summary
        answer = summary.answer if summary is not None else "next token"
        self.bars.setToolTip(_TIPS[answer])
        self.mask_button.setVisible(summary is not None and bool(summary.mask_token))
        self.answers.button(FOLLOWS).setVisible(summary is not None and summary.next_sentence)
        self.answers.setVisible(answer in ("next token", "masked token"))
        self.answers.set_index(ANSWER)
        self._show()

    @Slot()
    def _show(self) -> None:
        """What is chosen, as far as it is known."""
        session, chosen = self._session, self.answers.index()
        answer = session.summary.answer if session.summary is not None else "next token"
        self.set_title("Next sentence" if chosen == FOLLOWS else TITLES[answer])
        if chosen == FOLLOWS:
            self.mask_button.hide()
        self._offer_every()
        if chosen == LENS:
            self.mask_button.hide()
            self.set_title("Raw logit lens")
        self._sheets.setCurrentWidget({LENS: self.lens, WRITTEN: self.written}.get(chosen, self.bars))
        place = session.answer_at
        if place is None or session.summary is None:
            return
        if chosen == LENS:
            session.inspection.read_lens(place)
        elif chosen == WRITTEN:
            session.inspection.read_attribution(place)
        elif chosen == FOLLOWS:
            self._show_shares(self._follows, "")
            if not self._pair():
                self._sheets.setCurrentWidget(self.words)
        elif session.summary.answer == "class":
            session.inspection.read_classes()
        elif place in session.inspection.candidates:
            self._candidates_read(place)

    def _pair(self) -> bool:
        """Whether the text is two sentences."""
        return any(token.segment for token in self._session.inspection.tokens)

    def _offer_every(self) -> None:
        """The lens at every position, where there is one at all."""
        refused = self.lens.why or self._session.inspection.why_no_lens
        self.every_button.setVisible(self.answers.index() == LENS and not refused)

    def _show_shares(self, shares: Sequence[ClassShare], words: str) -> None:
        best = sorted(shares, key=lambda share: -share.probability)[: self._count]
        self.bars.set_rows([(share.label, share.probability, None) for share in best])
        self.set_subtitle(words)

    @Slot(int)
    def _candidates_read(self, position: int) -> None:
        session = self._session
        if position != session.answer_at or session.summary is None:
            return
        answer = session.summary.answer
        if answer == "class" or session.summary.next_sentence:
            session.inspection.read_classes()
        if answer == "class" or self.answers.index() == FOLLOWS:
            return
        if answer == "":
            self.set_subtitle("this checkpoint has none that answers")
            return
        tokens = session.inspection.targets or session.inspection.tokens
        found = session.inspection.candidates[position][: self._count]
        if any(isnan(candidate.probability) for candidate in found):
            self.bars.set_rows([])
            self.set_subtitle("its logits hold NaN")
            return
        self.bars.set_rows([(candidate.text, candidate.probability, None) for candidate in found])
        where = "after " if answer == "next token" else ""
        self.set_subtitle(f"{where}{visible_token(tokens[position].shown)} #{position}")
        maskable = bool(session.summary.mask_token) and not tokens[position].special
        self.mask_button.setVisible(maskable and self.answers.index() != LENS)
        if self.answers.index() == LENS:
            session.inspection.read_lens(position)
        elif self.answers.index() == WRITTEN:
            session.inspection.read_attribution(position)

    @Slot(object, object)
    def _classes_read(self, classes: Sequence[ClassShare], follows: Sequence[ClassShare]) -> None:
        self.classes, self._follows = classes, follows if self._pair() else ()
        if classes:
            named = [share.label for share in classes]
            self._show_shares(classes, f"{' or '.join(named)}?" if len(named) <= 3 else "of the whole text")
        elif self.answers.index() == FOLLOWS:
            self._show()

    @Slot(int, object)
    def _lens_read(self, position: int, found: LensReading | str) -> None:
        if position == self._session.answer_at:
            self.lens.show_lens(found)
            self._offer_every()

    @Slot(int, object)
    def _attribution_read(self, position: int, found: Attribution | str) -> None:
        if position == self._session.answer_at:
            self.written.show_attribution(found)

    @Slot(int, int, str)
    def _head_wanted(self, layer: int, head: int, kind: str) -> None:
        session = self._session
        # Another kind of attention lets the chosen token go; both are of the token whose answer this is.
        other = {} if kind == session.selection.kind else {"kind": kind, "query": session.answer_at}
        session.select(layer=layer, head=head, **other)

    @Slot(int)
    def _block_wanted(self, layer: int) -> None:
        self._session.select(layer=layer)
