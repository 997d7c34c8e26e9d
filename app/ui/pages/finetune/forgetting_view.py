"""What was learnt and what was forgotten for it: perplexity of both sides on new texts and on old ones."""

from __future__ import annotations

from math import isfinite

from PySide6.QtCore import QRectF, QSize, Qt, Slot
from PySide6.QtGui import QFontMetricsF, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QMenu, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from app.engine.evaluate.records import OBJECTIVE_WORDS
from app.engine.finetune.records import LEARNT, DomainFigures, Forgetting
from app.ui.pages.finetune.run_words import perplexity_text
from app.ui.theme import Theme
from app.ui.widgets.labels import make_label
from app.ui.widgets.painting import fill_round, outline_round
from app.ui.widgets.slot_badge import BADGE, paint_slot

_BAR, _PITCH, _NUMBER = 16.0, 28.0, 92.0
_LEVEL = int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft)
_SAME = 0.02
"""Shares below this are no change."""
MEASURING = "Measuring both sides on new texts and on old ones…"
EMPTY = "How surprised both sides are by the texts of the run and by others stands here once it is measured."


class ForgettingView(QWidget):
    """Two pairs of bars; `old_menu` is for whoever owns it to fill with old texts."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.words = make_label(theme, EMPTY, 13)
        self.words.setWordWrap(True)
        self.new, self.old = _Bars(theme), _Bars(theme)
        self.names = tuple(make_label(theme, "", 13, 650) for _ in range(2))
        self.notes = tuple(make_label(theme, "", 12, role="caption") for _ in range(2))
        self.old_text = QPushButton("Old text")
        self.old_text.setFont(theme.font(12.5))
        self.old_text.setToolTip("Choose a text of the kind that the model knew before")
        self.old_menu = QMenu(self)
        self.old_text.setMenu(self.old_menu)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 8, 0, 0)
        column.setSpacing(6)
        column.addWidget(self.words)
        for place, bars in enumerate((self.new, self.old)):
            column.addSpacing(10)
            head = QHBoxLayout()
            head.addWidget(self.names[place])
            head.addStretch(1)
            if place:
                head.addWidget(self.old_text)
            column.addLayout(head)
            self.notes[place].setWordWrap(True)
            column.addWidget(self.notes[place])
            column.addWidget(bars)
        column.addStretch(1)
        self.show_figures(None)

    def show_busy(self) -> None:
        """They are being measured."""
        self.words.setText(MEASURING)

    def show_figures(self, figures: Forgetting | None) -> None:
        """Show these, or that there are none yet."""
        self.words.setText(EMPTY if figures is None else told(figures))
        new, old = (None, None) if figures is None else (figures.new, figures.old)
        why = ("", "") if figures is None else (figures.why_not_new, figures.why_not_old)
        # One scale for both, so that the pairs can be compared.
        known = [value for each in (new, old) if each is not None for value in each.perplexities if isfinite(value)]
        largest = max(known, default=1.0)
        for place, (each, bars, name) in enumerate(
            zip((new, old), (self.new, self.old), ("New domain", "Old domain"), strict=True)
        ):
            self.names[place].setText(name)
            self.notes[place].setText(why[place] if each is None else note_of(each))
            bars.show_pair(None if each is None else each.perplexities, largest, name)


class _Bars(QWidget):
    """A's perplexity above B's."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._pair: tuple[float, float] | None = None
        self._largest = 1.0
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self._on_theme)

    def show_pair(self, pair: tuple[float, float] | None, largest: float, name: str) -> None:
        """Show two figures on a scale that ends at `largest`; None shows nothing."""
        self._pair, self._largest = pair, largest
        self.setVisible(pair is not None)
        self.setAccessibleName(name)
        self.setAccessibleDescription(
            ""
            if pair is None
            else ", ".join(f"{slot} {perplexity_text(value)}" for slot, value in zip("AB", pair, strict=True))
        )
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(200, round(2 * _PITCH))

    def paintEvent(self, event: QPaintEvent) -> None:
        if self._pair is None:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        color = self._theme.color
        for place, (slot, value) in enumerate(zip("AB", self._pair, strict=True)):
            top = place * _PITCH
            paint_slot(painter, self._theme, QRectF(0, top + (_PITCH - BADGE) / 2, BADGE, BADGE), slot)
            left = BADGE + 10.0
            room = max(self.width() - left - _NUMBER, 1.0)
            share = min(value / self._largest, 1.0) if isfinite(value) and self._largest > 0 else 1.0
            bar = QRectF(left, top + (_PITCH - _BAR) / 2, max(room * share, 2.0), _BAR)
            # A is filled, B an outline: told apart without their colours.
            if slot == "A":
                fill_round(painter, bar, 3, color("a"))
            else:
                outline_round(painter, bar, 3, color("b"), 1.5, color("bsoft"))
            painter.setFont(self._theme.font(15, 650))
            painter.setPen(color("ink"))
            words = QRectF(bar.right() + 8.0, top, _NUMBER, _PITCH)
            shown = QFontMetricsF(painter.font()).elidedText(
                perplexity_text(value), Qt.TextElideMode.ElideRight, _NUMBER - 8.0
            )
            painter.drawText(words, _LEVEL, shown)
        painter.end()

    @Slot()
    def _on_theme(self) -> None:
        self.update()


def note_of(figures: DomainFigures) -> str:
    """ "held-out perplexity, as the run has it · 24 held-out texts of pirate-tales.jsonl · 2,104 learnt tokens"."""
    if figures.objective == LEARNT:
        return f"held-out perplexity, as the run has it · {figures.texts} · {figures.tokens:,} learnt tokens"
    return f"{OBJECTIVE_WORDS[figures.objective]} · {figures.texts} · all {figures.tokens:,} tokens"


def told(figures: Forgetting) -> str:
    """What the two pairs mean, in a sentence each."""
    said = []
    if figures.new is not None:
        first, second = figures.new.perplexities
        said.append(f"On the new texts B is {_changed(first, second)}.")
    if figures.old is not None:
        first, second = figures.old.perplexities
        said.append(f"On the old ones B is {_changed(first, second)}{_meaning(first, second)}")
    return " ".join(said) or "Neither could be measured; why not stands below."


def short(figures: DomainFigures | None, side: int) -> str:
    """A side's figure in short: "24.5"; "–" where it is not known."""
    return "–" if figures is None else perplexity_text(figures.perplexities[side])


def _changed(first: float, second: float) -> str:
    times = f"({perplexity_text(first)} → {perplexity_text(second)})"
    if abs(second - first) <= _SAME * first:
        return f"as sure as A {times}"
    return f"surer than A {times}" if second < first else f"more surprised than A {times}"


def _meaning(first: float, second: float) -> str:
    if second > (1.0 + _SAME) * first:
        return ": some of what A knew is forgotten."
    return ": nothing of this kind was forgotten."
