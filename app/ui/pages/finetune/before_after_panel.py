"""Before and after: what the untouched and the trained model write for the same prompt."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QSizePolicy,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from app.engine.finetune.records import Forgetting
from app.ui.pages.finetune.before_after import BeforeAfter, first_difference, with_prompt
from app.ui.pages.finetune.forgetting_view import note_of, short
from app.ui.pages.finetune.written_text import WrittenText
from app.ui.theme import Theme
from app.ui.widgets.labels import make_label, make_rule
from app.ui.widgets.panel import Panel
from app.ui.widgets.segmented import Segmented
from app.ui.widgets.slot_badge import SlotBadge

BEFORE, BOTH, AFTER = range(3)
_LOWEST = 150
_IDLE, _BUSY = "Write both", "Writing…"
_EMPTY = "Write both to see what the model says before and after training, to the same prompt."


class _Card(QWidget):
    """One model's text under its name."""

    def __init__(self, theme: Theme, slot: str) -> None:
        super().__init__()
        self.name = make_label(theme, "", 12.5, 650)
        # A long name is cut and does not push the other card away.
        self.name.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.figure = make_label(theme, "", 12, role="caption")
        self.text = WrittenText(theme, slot)
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(SlotBadge(theme, slot))
        head.addWidget(self.name, 1)
        head.addWidget(self.figure)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 6, 12, 1)
        layout.setSpacing(3)
        layout.addLayout(head)
        layout.addWidget(self.text, 1)


class BeforeAfterPanel(Panel):
    """`write_wanted(prompt)` for the page, which answers with `show_texts`, or with `show_idle` when it failed."""

    write_wanted = Signal(str)

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme, "Before and after")
        self._busy, self._ready, self._why = False, True, ""
        self._own = False
        """Whether the person typed what stands in the field."""
        self.views = Segmented(theme, ("Before", "Side by side", "After"), "Which text")
        self.views.set_index(BOTH)
        self.add_header_widget(self.views)
        self.prompt, self.write = QLineEdit(), QPushButton(_IDLE)
        self.cards = (_Card(theme, "A"), _Card(theme, "B"))
        self._between = make_rule(vertical=True)
        self._empty = self._empty_label()
        self._stack = QStackedWidget()
        self._lay_out()
        self.setMinimumHeight(_LOWEST)
        self.views.changed.connect(self._view_chosen)
        self.write.clicked.connect(self._ask)
        self.prompt.returnPressed.connect(self._ask)
        self.prompt.textChanged.connect(self._fit_button)
        self.prompt.textEdited.connect(self._typed)
        theme.changed.connect(self._restyle)
        self._restyle()
        self._view_chosen(BOTH)
        self._fit_button()

    def set_prompt(self, prompt: str) -> None:
        """Put a prompt into the field."""
        self.prompt.setText(prompt)
        self.prompt.setCursorPosition(0)
        self._own = False

    def own_prompt(self) -> str:
        """What the person typed, '' where what stands in the field was put there."""
        return self.prompt.text() if self._own and self.prompt.text().strip() else ""

    def set_ready(self, ready: bool, why: str = "") -> None:
        """Whether there are two models to write; why not is the button's tooltip."""
        self._ready, self._why = ready, why
        self._fit_button()

    def show_busy(self) -> None:
        """Both are writing."""
        self._busy = True
        self.write.setText(_BUSY)
        self._fit_button()

    def show_idle(self) -> None:
        """Nothing is being written: after a failure what was shown before stands."""
        self._busy = False
        self.write.setText(_IDLE)
        self._fit_button()

    def show_texts(self, texts: BeforeAfter) -> None:
        """Show what both wrote, and where they part first."""
        written = [with_prompt(texts.prompt if texts.continued else "", text) for text in texts.texts]
        parts = first_difference(*(text[start:] for text, start in written))
        for place, (text, start) in enumerate(written):
            card, marked = self.cards[place], (0, 0)
            if parts is not None:
                marked = parts[place][0] + start, parts[place][1] + start
            card.name.setText(texts.names[place])
            card.name.setToolTip(texts.names[place])
            card.text.show_text(text, start, marked)
        self.set_subtitle("both wrote the same" if parts is None else "bold: where they part")
        self._stack.setCurrentIndex(1)
        self.show_idle()

    def show_figures(self, figures: Forgetting | None) -> None:
        """How surprised both are by the texts of the run and by old ones; None while that is not measured."""
        for place, card in enumerate(self.cards):
            words, tip = "", ""
            if figures is not None and (figures.new is not None or figures.old is not None):
                words = f"perplexity new {short(figures.new, place)} · old {short(figures.old, place)}"
                known = (each for each in (figures.new, figures.old) if each is not None)
                tip = "\n".join(note_of(each) for each in known)
            card.figure.setText(words)
            card.figure.setToolTip(tip)

    def clear(self) -> None:
        """Nothing was written yet."""
        self.show_figures(None)
        self.set_subtitle("")
        self._stack.setCurrentIndex(0)
        self.show_idle()

    def _lay_out(self) -> None:
        self.prompt.setPlaceholderText("Prompt")
        self.prompt.setAccessibleName("Prompt for both models")
        # As wide as its longest words, so that nothing moves under the pointer.
        self.write.setMinimumWidth(self.write.sizeHint().width())
        asked = QHBoxLayout()
        asked.setContentsMargins(12, 6, 8, 6)
        asked.setSpacing(8)
        asked.addWidget(self.prompt, 1)
        asked.addWidget(self.write)
        both = QWidget()
        row = QHBoxLayout(both)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        row.addWidget(self.cards[0], 1)
        row.addWidget(self._between)
        row.addWidget(self.cards[1], 1)
        self._stack.addWidget(self._empty)
        self._stack.addWidget(both)
        self.body_layout.setContentsMargins(0, 0, 0, 1)
        self.body_layout.setSpacing(0)
        self.body_layout.addLayout(asked)
        self.body_layout.addWidget(make_rule())
        self.body_layout.addWidget(self._stack, 1)

    def _empty_label(self) -> QLabel:
        label = make_label(self._theme, _EMPTY, 13, role="caption")
        label.setWordWrap(True)
        label.setAlignment(Qt.AlignmentFlag.AlignCenter)
        label.setContentsMargins(24, 4, 24, 4)
        return label

    @Slot(int)
    def _view_chosen(self, view: int) -> None:
        self.cards[0].setVisible(view != AFTER)
        self.cards[1].setVisible(view != BEFORE)
        self._between.setVisible(view == BOTH)

    @Slot()
    def _fit_button(self) -> None:
        typed = bool(self.prompt.text().strip())
        self.write.setEnabled(self._ready and not self._busy and typed)
        why = self._why if not self._ready else "Both are writing." if self._busy else "" if typed else "Type a prompt."
        self.write.setToolTip(why or "Let both models go on with this prompt (Enter)")
        self._empty.setText(_EMPTY if self._ready else self._why or _EMPTY)

    @Slot()
    def _typed(self) -> None:
        self._own = True

    @Slot()
    def _ask(self) -> None:
        if self.write.isEnabled():
            self.write_wanted.emit(self.prompt.text())

    @Slot()
    def _restyle(self) -> None:
        self.prompt.setFont(self._theme.font(12.5))
        self.write.setFont(self._theme.font(12.5))
