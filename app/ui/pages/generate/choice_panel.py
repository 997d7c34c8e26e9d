"""How one token was chosen: the funnel, or bars; from each row the token can be taken, banned or forced."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QPoint, Qt, Signal, Slot
from PySide6.QtWidgets import QMenu, QPushButton, QSizePolicy, QStackedWidget

from app.engine.decode.records import Funnel
from app.engine.decode.settings import DecodingSettings
from app.session.branches import Branch
from app.session.generated import DistributionReading
from app.ui.actions import bound
from app.ui.theme import Theme
from app.ui.widgets.funnel_view import FunnelView
from app.ui.widgets.funnel_words import EMPTY, FORCED, LIKELIEST, SEARCHED
from app.ui.widgets.labels import make_label
from app.ui.widgets.panel import Panel
from app.ui.widgets.probability_bars import ProbabilityBars
from app.ui.widgets.segmented import Segmented
from app.ui.widgets.token_text import visible_token

FUNNEL, BARS = range(2)
CHOSEN, SUPPOSED = "How a token was chosen", "How a token would be chosen"
_LEAST_OVER_WORDS = 200
"""Pixels that the funnel needs at least, a row or two fewer than alone."""
_BESIDE = QPoint(4, 4)
"""From the place clicked to the corner of the menu, so that the pointer is on none of its lines."""


class ChoicePanel(Panel):
    """`taken(token_id)`: fork with it; `banned(token_id)` and `forced(token_id)`: change the settings so."""

    taken = Signal(int)
    banned = Signal(int)
    forced = Signal(int)
    open_wanted = Signal(str)
    """What opens the closed model that wrote the text."""

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme, CHOSEN)
        self._reading: DistributionReading | None = None
        self.opens = QPushButton()
        self.opens.clicked.connect(self._open_pressed)
        self.opens.hide()
        self._closed = ""
        self.add_header_widget(self.opens)
        self.left = make_label(theme, "", 11.5, role="accent", mono=True)
        self.add_header_widget(self.left)
        self.views = Segmented(theme, ["Funnel", "Bars"], "Funnel or bars")
        self.views.changed.connect(self._view_chosen)
        self.add_header_widget(self.views)
        self.funnel = FunnelView(theme)
        self.funnel.row_clicked.connect(self._offer)
        self.bars = ProbabilityBars(theme)
        self.bars.set_columns("model", "with settings")
        self.bars.setToolTip("Bar: the model's own probability. Tick: with the settings. Marked: the token drawn.")
        self.bars.clicked.connect(self._bar_clicked)
        self._sheets = QStackedWidget()
        self._sheets.addWidget(self.funnel)
        self._sheets.addWidget(self.bars)
        self.body_layout.setContentsMargins(8, 6, 8, 6)
        self.body_layout.addWidget(self._sheets, 1)
        self._view_chosen(FUNNEL)
        self.note = make_label(theme, "", 11.5, role="caption")
        self.note.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.note.hide()
        self.body_layout.addWidget(self.note)

    def clear(self) -> None:
        """Nothing is chosen."""
        self._reading = None
        self.set_title(CHOSEN)
        self.bars.set_rows([])
        self.funnel.set_funnel(None, {})
        self.left.setText("")
        self.set_subtitle("")
        self.say("")

    def say(self, words: str, more: str = "") -> None:
        """Something about this step that no funnel shows, under it, with `more` in its tooltip; '' for nothing."""
        self.note.setText(words)
        self.note.setToolTip(f"{words} {more}".strip())
        self.note.setVisible(bool(words))
        # Its line is the funnel's, so that the text above keeps its room.
        self.funnel.setMinimumHeight(_LEAST_OVER_WORDS if words else 0)

    def say_closed(self, branch: Branch | None, opening: bool = False) -> None:
        """Say of a text whose model is closed why nothing is shown, and offer to open the model, unless that is under
        way; None for one whose model is open."""
        self._closed = "" if branch is None else branch.ref
        self.opens.setVisible(branch is not None and not opening)
        if branch is None:
            self.funnel.set_empty(EMPTY)
            return
        self.clear()
        self.opens.setText(f"Open {branch.model}")
        self.opens.setToolTip(f"Open {branch.ref} as model A")
        if opening:
            words = f"{branch.model} is being opened; then the choices of this text can be looked at."
        else:
            words = f"{branch.model}, which wrote this text, is not open, so how it chose cannot be looked at."
        self.funnel.set_empty(words)

    @Slot()
    def _open_pressed(self) -> None:
        self.open_wanted.emit(self._closed)

    def show_reading(self, reading: DistributionReading, subtitle: str, seed: int | None) -> None:
        """Show a step's choice; `seed` is the one it was drawn with."""
        self._reading = reading
        found, settings = reading.distribution, reading.settings
        chosen = next((place for place, row in enumerate(found.rows) if row.token_id == found.chosen), None)
        # Where nothing is drawn the odds after the settings say nothing.
        after = settings.draws and not reading.funnel.forced
        self.bars.set_rows([(row.text, row.before, row.after if after else None) for row in found.rows], chosen)
        words = setting_words(replace(settings, seed=seed), reading.funnel.forced)
        self.funnel.set_funnel(reading.funnel, words, column_notes(reading))
        alone = FORCED if reading.funnel.forced else SEARCHED if reading.funnel.searched else LIKELIEST
        self.set_title(SUPPOSED if reading.funnel.supposed else CHOSEN)
        self.left.setText(f"{found.left:,} of {found.vocabulary:,} left" if after else alone)
        self.set_subtitle(subtitle)

    def funnel_shown(self) -> Funnel | None:
        """The funnel of the step that is shown."""
        return self._reading.funnel if self._reading is not None else None

    def menu_for(self, token: int) -> QMenu:
        """What can be done with a token of the step."""
        menu = QMenu(self)
        row = next(row for row in self._reading.funnel.rows if row.token_id == token) if self._reading else None
        name = visible_token(row.text) if row is not None else f"id {token}"
        acts = [(f"Ban {name}", self.banned)]
        # A gap of a masked model has no text after it that could fork, and none begins with it.
        if self._reading is None or self._reading.step.position is None:
            acts = [(f"Fork here with {name}", self.taken), *acts, (f"Let the text begin with {name}", self.forced)]
        for words, signal in acts:
            menu.addAction(words).triggered.connect(bound(signal.emit, token))
        return menu

    @Slot(int)
    def _offer(self, token: int) -> None:
        menu = self.menu_for(token)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup((self.funnel if self._sheets.currentIndex() == FUNNEL else self.bars).clicked_at() + _BESIDE)

    @Slot(int)
    def _bar_clicked(self, row: int) -> None:
        if self._reading is not None:
            self._offer(self._reading.distribution.rows[row].token_id)

    @Slot(int)
    def _view_chosen(self, index: int) -> None:
        self._sheets.setCurrentIndex(index)
        # The one that is not seen claims no room.
        for place, sheet in enumerate((self.funnel, self.bars)):
            policy = QSizePolicy.Policy.Expanding if place == index else QSizePolicy.Policy.Ignored
            sheet.setSizePolicy(policy, policy)


def setting_words(settings: DecodingSettings, forced: bool = False) -> dict[str, str]:
    """What each stage's setting is, in the words of the funnel's columns; whether the token was `forced`."""
    frequency, presence = settings.frequency_penalty, settings.presence_penalty
    banned = len(settings.banned)
    bans = [word for word, there in ((f"{banned:,} banned", banned), ("forced", forced)) if there]
    return {
        "raw": "all",
        "repetition": f"penalty {settings.repetition_penalty:g}",
        "frequency_presence": f"−{frequency:g}·n −{presence:g}",
        "ngram": f"no {settings.no_repeat_ngram} twice",
        "bans": ", ".join(bans) or ("no end yet" if _holds_end(settings) else "the model's own"),
        "temperature": f"÷ {settings.temperature:.2f}",
        "top_k": f"keep {settings.top_k}" if settings.top_k else "off",
        "top_p": f"keep {settings.top_p:.2f}" if settings.top_p < 1 else "off",
        "min_p": f"≥ {settings.min_p:g} × best" if settings.min_p else "off",
        "typical_p": f"keep {settings.typical_p:.2f}" if settings.typical_p < 1 else "off",
        "draw": f"seed {settings.seed}" if settings.seed is not None else "",
    }


def _holds_end(settings: DecodingSettings) -> bool:
    return settings.ignore_eos or settings.min_new_tokens > 0


def column_notes(reading: DistributionReading) -> dict[str, str]:
    """What the tips of the funnel's columns say besides: whose bans act, and why top-k kept more than k."""
    settings, funnel = reading.settings, reading.funnel
    left = {stage.name: stage.left for stage in funnel.stages if stage.active}
    asked = reading.index < len(reading.step.settings.forced)
    told = (
        (bool(settings.banned), "the tokens that you banned are cut"),
        (_holds_end(settings), "the text may not end yet"),
        (funnel.forced, f"{'you asked for this token' if asked else 'the model demands this token'}, so all others go"),
    )
    # A gap takes no special token; else it is what the model's generation config forbids.
    own = "the model's own special tokens" if reading.step.position is not None else "tokens that the model forbids"
    bans = [words for holds, words in told if holds] or [f"{own} are cut"]
    notes = {"bans": "; ".join(bans)}
    # A search keeps more for another reason: each of its beams needs somewhere to go.
    if not funnel.searched and 0 < settings.top_k < (kept := left.get("top_k", 0)):
        notes["top_k"] = f"{kept - settings.top_k:,} more than {settings.top_k:,}, tied with the last of these"
    return notes
