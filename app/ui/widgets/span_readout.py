"""The card beside a text that says what a chosen stretch cost each model."""

from __future__ import annotations

import html
from collections.abc import Sequence

from PySide6.QtCore import QRectF, Qt, Signal, Slot
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from app.ui.theme import Theme
from app.ui.widgets.labels import make_label
from app.ui.widgets.painting import outline_round
from app.ui.widgets.slot_badge import SlotBadge
from app.ui.widgets.surprise_words import EQUAL_BITS, bits_text, count_text, kind_of, odds_text, probability_text
from app.ui.widgets.token_text import faint_prefix, visible_token

_LONGEST = 60
"""Letters of the chosen text that are shown; the whole of it is in the tooltip."""
_NOTHING = "Choose a token to see what it cost."

SpanRow = tuple[str, int, float | None]
"""The model's letter, '' for one that is not open; how many tokens the text is to it; their bits, None where they were
not scored."""


class SpanReadout(QWidget):
    """Chosen text, a line for each model, a sentence that compares them, and the way to Inspect."""

    inspect_wanted = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._shown = ""
        self.setAccessibleName("The chosen text")
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)
        self.setMinimumWidth(180)
        self._text = make_label(theme, "", 13, 700, mono=True)
        self._text.setTextFormat(Qt.TextFormat.RichText)
        self._text.setWordWrap(True)
        self._sentence = make_label(theme, "", 12.5, role="secondary")
        self._extra = make_label(theme, "", 12.5, role="secondary")
        for label in (self._sentence, self._extra):
            label.setWordWrap(True)
        self._lines = [self._make_line() for _ in range(2)]
        self.link = QPushButton("Inspect this position  →")
        self.link.setProperty("kind", "link")
        self.link.setFont(theme.font(12.5, 650))
        self.link.setCursor(Qt.CursorShape.PointingHandCursor)
        self.link.clicked.connect(self._wanted)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 10, 12, 6)
        layout.setSpacing(6)
        layout.addWidget(self._text)
        grid = QGridLayout()
        grid.setHorizontalSpacing(8)
        grid.setVerticalSpacing(4)
        grid.setColumnStretch(1, 1)
        for number, widgets in enumerate(self._lines):
            for column, widget in enumerate(widgets):
                grid.addWidget(widget, number, column)
        layout.addLayout(grid)
        layout.addWidget(self._sentence)
        layout.addWidget(self._extra)
        foot = QHBoxLayout()
        foot.addWidget(self.link)
        foot.addStretch(1)
        layout.addLayout(foot)
        theme.changed.connect(self._on_theme)
        self.clear()

    def show_span(self, text: str, rows: Sequence[SpanRow], extra: str = "", kind: str = "") -> None:
        """Show what `text` cost one model or two. `extra` is more to say: with one, what follows the probability.

        `kind` is what the text is called, as `SurpriseView.selected_kind` says; without it that is seen from the text.
        """
        self._shown = visible_token(text)
        self._text.setToolTip(self._shown if len(self._shown) > _LONGEST else "")
        for number, (badge, tokens, bits) in enumerate(self._lines):
            for widget in (badge, tokens, bits):
                widget.setVisible(number < len(rows))
            if number < len(rows):
                slot, count, cost = rows[number]
                badge.setVisible(bool(slot))
                badge.set_slot(slot)
                tokens.setText(count_text(count))
                bits.setText("not scored" if cost is None else f"{bits_text(cost)} bits")
        if len(rows) == 1 and rows[0][2] is not None:
            self._say(_one(rows[0][2], extra), "")
        else:
            self._say(compare(kind or kind_of(text), rows), extra)
        self.link.show()
        self._restyle()

    def clear(self) -> None:
        """Show that nothing is chosen."""
        self._shown = ""
        for widgets in self._lines:
            for widget in widgets:
                widget.hide()
        self._say(_NOTHING, "")
        self.link.hide()
        self._restyle()

    def sentence(self) -> str:
        """What it says under the numbers."""
        return self._sentence.text()

    def lines(self) -> list[tuple[str, str, str]]:
        """Letter, tokens and bits of each model shown."""
        shown = (line for line in self._lines if not line[1].isHidden())
        return [(badge.slot(), tokens.text(), bits.text()) for badge, tokens, bits in shown]

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        color = self._theme.color
        outline_round(painter, QRectF(self.rect()), 6, color("line2"), 1.0, color("surface"))
        painter.end()

    def _make_line(self) -> tuple[SlotBadge, QLabel, QLabel]:
        tokens = make_label(self._theme, "", 12.5, role="secondary")
        bits = make_label(self._theme, "", 12.5, 700, mono=True)
        bits.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        bits.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        return SlotBadge(self._theme), tokens, bits

    def _say(self, sentence: str, extra: str) -> None:
        for label, words in ((self._sentence, sentence), (self._extra, extra)):
            label.setText(words)
            label.setVisible(bool(words))
        costs = (f"{slot}: {tokens}, {bits}" if slot else f"{tokens}, {bits}" for slot, tokens, bits in self.lines())
        self.setAccessibleDescription(". ".join(part for part in (self._shown, *costs, sentence, extra) if part))

    @Slot()
    def _wanted(self) -> None:
        self.inspect_wanted.emit()

    def _restyle(self) -> None:
        """The text with its spaces faint."""
        shown = self._shown if len(self._shown) <= _LONGEST else f"{self._shown[: _LONGEST - 1]}…"
        split = faint_prefix(shown)
        faint = self._theme.color("ink3").name()
        signs = f'<span style="color:{faint}">{html.escape(shown[:split])}</span>' if split else ""
        self._text.setText(signs + html.escape(shown[split:]))
        self._text.setVisible(bool(shown))
        self.update()

    @Slot()
    def _on_theme(self) -> None:
        self._restyle()


def compare(kind: str, rows: Sequence[SpanRow]) -> str:
    """Which of two models finds the text easier, and by how much."""
    if len(rows) != 2:
        return ""
    (first, _, one), (second, _, other) = rows
    if one is None or other is None:
        return ""
    difference = one - other
    if abs(difference) < EQUAL_BITS:
        return f"{first} and {second} find this {kind} equally likely."
    better = second if difference > 0 else first
    return f"{better} finds this {kind} {bits_text(abs(difference))} bits easier: {odds_text(abs(difference))}."


def _one(bits: float, extra: str) -> str:
    """ "p = 3.1%, 5.0 bits: the model's rank 12, …" """
    tail = f": {extra}" if extra else ""
    return f"p = {probability_text(bits)}, {bits_text(bits)} bits{tail}".rstrip(".") + "."
