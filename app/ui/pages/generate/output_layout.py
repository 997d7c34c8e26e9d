"""What the output panel is made of, and how its parts share the room; what they show and do is the panel's."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Slot
from PySide6.QtGui import QFontMetricsF, QResizeEvent
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLabel,
    QMenu,
    QPushButton,
    QSizePolicy,
    QSplitter,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app.session.examples import to_write_on
from app.ui.icons import icon
from app.ui.pages.generate.branch_text import BranchText
from app.ui.pages.generate.chip_colours import COLOURS
from app.ui.pages.generate.invitation import invitation
from app.ui.theme import Theme
from app.ui.widgets.chip_legend import ChipLegend
from app.ui.widgets.elided_combo import ElidedCombo
from app.ui.widgets.empty_state import EmptyState
from app.ui.widgets.labels import make_elided_label, make_label
from app.ui.widgets.panel import Panel
from app.ui.widgets.step_scrubber import StepScrubber

LOW_FOR_TWO, VERY_LOW_FOR_TWO = 420, 300
"""A panel lower than this has no room for two texts and the scrubber, nor for what stands under it."""
LOW = 400
"""A panel lower than this has more use for lines of text than for high bars and a line of figures."""
PACES = (("Full speed", 0.0), ("5 a second", 5.0), ("1 a second", 1.0), ("1 in 3 s", 1 / 3))
_BESIDE_WORDS = 28
"""Pixels of the header that belong neither to its words nor to its buttons: its edges, and the gap after its title."""
_SEPARATOR = " · "


class OutputLayout(Panel):
    """Buttons in the header; then the texts, the scrubber, the choice of colours, and lines of words."""

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme, "Output")
        self._two = False
        self._make_buttons()
        self.ours, self.theirs = BranchText(theme, "Generated text"), BranchText(theme, "Text compared with")
        self.text, self.other = self.ours.strip, self.theirs.strip
        self.empty = EmptyState(theme, "Nothing written yet", invitation(None), to_write_on(None))
        self.scrubber = StepScrubber(theme)
        self.partner = ElidedCombo()
        self.partner.setAccessibleName("Text to compare with")
        self.partner.setToolTip("The text that stands at the right: any other one of the list of branches")
        self._here = make_label(theme, "The current text", 12, role="caption")
        self._here.setFixedHeight(28)
        self._both = both = QSplitter(Qt.Orientation.Horizontal)
        both.setObjectName("generate compared")
        both.setHandleWidth(8)
        both.setChildrenCollapsible(False)
        self._right = _under(self.partner, self.theirs)
        both.addWidget(_under(self._here, self.ours))
        both.addWidget(self._right)
        self._stack = QStackedWidget()
        self._stack.addWidget(self.empty)
        self._stack.addWidget(both)
        self._told: tuple[str, ...] = ()
        self._figures: tuple[str, ...] = ()
        self._difference, self._unknown = _line(theme, 12), _line(theme)
        self.facts = make_elided_label(theme, "", 11.5, role="caption")
        self.body_layout.setContentsMargins(10, 6, 10, 6)
        self.body_layout.setSpacing(4)
        self.body_layout.addWidget(self._stack, 1)
        self._steps, self._row = self._scrubbing(), self._controls(theme)
        for part in (self._difference, self._unknown, self._steps, self._row, self.facts):
            self.body_layout.addWidget(part)
        for part in (self._unknown, self.facts):
            part.hide()
        theme.changed.connect(self.tint_icons)
        self.tint_icons()

    def _make_buttons(self) -> None:
        """What runs, holds and ends a text, in the header."""
        self.start = QPushButton("Generate")
        self.start.setProperty("kind", "primary")
        self.start.setToolTip("Continue the prompt (Ctrl+Enter)")
        # As wide as its longest words, so that nothing moves under the pointer when a run ends.
        self.start.setText("Generate again")
        self.start.setMinimumWidth(self.start.sizeHint().width())
        self.start.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        names = ("copy", "edit", "pause", "one", "stop", "back", "forth")
        self.copy, self.edit, self.pause, self.one, self.stop, self.back, self.forth = (QToolButton() for _ in names)
        for button, name, words in (
            (self.copy, "Copy the whole text", "Copy the whole text; from the menu with its settings, or save it"),
            (self.edit, "Edit the whole text", "Edit the whole text and go on from there"),
            (self.one, "One token more", "One token more, then hold again"),
            (self.stop, "Stop", "Stop (Esc)"),
            (self.back, "Step back", "How the token before was chosen (,)"),
            (self.forth, "Step forward", "How the token after was chosen (.)"),
        ):
            button.setAccessibleName(name)
            button.setToolTip(words)
        for widget in (self.pause, self.one, self.stop, self.start):
            self.add_header_widget(widget)
        menu = QMenu(self)
        self.with_settings = menu.addAction("Copy with its settings")
        self.save_text = menu.addAction("Save with its settings…")
        self.copy.setMenu(menu)
        # Room for the arrow of its menu beside the icon.
        self.copy.setMinimumWidth(44)
        self.copy.setPopupMode(QToolButton.ToolButtonPopupMode.MenuButtonPopup)

    def _scrubbing(self) -> QWidget:
        """The scrubber between its buttons and those for the text."""
        whole = QWidget()
        row = QHBoxLayout(whole)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(2)
        for widget in (self.back, self.forth):
            row.addWidget(widget)
        row.addWidget(self.scrubber, 1)
        for widget in (self.copy, self.edit):
            row.addWidget(widget)
        return whole

    def _controls(self, theme: Theme) -> QWidget:
        self.colours, self.paces = QComboBox(), QComboBox()
        self.colours.setObjectName("generate colours")
        self.paces.setObjectName("generate speed")
        self.colours.addItems(list(COLOURS))
        self.colours.setAccessibleName("Colour of the tokens")
        self.legend = ChipLegend(theme)
        self.paces.addItems([words for words, _ in PACES])
        self.paces.setAccessibleName("Speed")
        self.paces.setToolTip("Slow motion: so many tokens are written in a second")
        whole = QWidget()
        row = QHBoxLayout(whole)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        for widget in (self.colours, self.legend, self.paces):
            row.addWidget(widget, 1 if widget is self.legend else 0)
        return whole

    @Slot()
    def tint_icons(self) -> None:
        """Icons in the theme's ink."""
        names = {
            self.copy: "copy",
            self.edit: "edit",
            self.stop: "stop",
            self.one: "step-forward",
            self.back: "chevron-left",
            self.forth: "chevron-right",
        }
        for button, name in names.items():
            button.setIcon(icon(self._theme, name))

    def _show_sheet(self, index: int) -> None:
        """Examples (0) or texts (1); the one that is not seen claims no room."""
        self._stack.setCurrentIndex(index)
        for place, sheet in enumerate((self.empty, self._both)):
            policy = QSizePolicy.Policy.Expanding if place == index else QSizePolicy.Policy.Ignored
            sheet.setSizePolicy(policy, policy)
        self._make_room()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._make_room()
        self._place_words()

    def say(self, told: Sequence[str], figures: Sequence[str], tip: str) -> None:
        """What stands beside the title: what the text is, which is always to be read, then figures of its run."""
        self._told, self._figures = tuple(told), tuple(figures)
        self.setToolTip(tip)
        self._place_words()

    def said(self) -> str:
        """All of it, wherever there is room for it."""
        return _SEPARATOR.join((*self._told, *self._figures))

    def _place_words(self) -> None:
        """As many words as fit stand beside the title, the others on a line of their own: where the panel is low only
        if they are more than figures, which the tooltip has too."""
        buttons = (self.pause, self.one, self.stop, self.start)
        taken = sum(button.sizeHint().width() + self._header.spacing() for button in buttons) + _BESIDE_WORDS
        room = self.width() - taken - self._title.sizeHint().width()
        metrics, words = QFontMetricsF(self._subtitle.font()), (*self._told, *self._figures)
        fit = len(words)
        while fit and metrics.horizontalAdvance(_SEPARATOR.join(words[:fit])) > room:
            fit -= 1
        self.set_subtitle(_SEPARATOR.join(words[:fit]))
        self.facts.setText(_SEPARATOR.join(words[fit:]))
        self.facts.setVisible(fit < len(self._told) or (fit < len(words) and self.height() >= LOW))

    def _make_room(self) -> None:
        """Two texts in a low window take the room of the scrubber, in a very low one that of all under it; examples
        need neither steps nor figures."""
        two, high, written = self._two, self.height(), self._stack.currentIndex() == 1
        self._steps.setVisible(written and (not two or high >= LOW_FOR_TWO))
        self.scrubber.set_low(high < LOW)
        self._row.setVisible(not two or high >= VERY_LOW_FOR_TWO)


def _under(head: QWidget, text: QWidget) -> QWidget:
    """A text with what stands over it."""
    whole = QWidget()
    column = QVBoxLayout(whole)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(4)
    column.addWidget(head)
    column.addWidget(text, 1)
    return whole


def _line(theme: Theme, px: float = 11.5) -> QLabel:
    """A line of words that wraps where it must."""
    label = make_label(theme, "", px, role="caption")
    label.setWordWrap(True)
    return label
