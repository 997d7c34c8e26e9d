"""Perplexity by hand: a sentence's tokens, or numbers that a person types, worked step by step."""

from __future__ import annotations

from math import isinf

from PySide6.QtCore import QSize, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QAction, QGuiApplication, QResizeEvent
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QScrollArea,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app.engine.evaluate.records import WorkedExample
from app.ui.actions import bound
from app.ui.icons import icon
from app.ui.theme import Theme
from app.ui.widgets.labels import make_label
from app.ui.widgets.number_text import short_number
from app.ui.widgets.segmented import Segmented
from app.ui.widgets.worked_columns import WorkedColumns
from app.ui.widgets.worked_words import PERPLEXITY, BadNumbersError, Step, example_of, parse_numbers, steps_text, work

SENTENCE, NUMBERS = 0, 1
EXAMPLES = ("0.4, 0.27, 0.55, 0.79", "0.7, 0.5, 0.6, 0.9")
_PAUSE_MS = 700
"""How long typing rests before a number that does not fit is told of: half a number is not a mistake yet."""
_HINT = "Type a sentence and press Enter: the model says how likely each of its tokens was."
_NOTHING = "Nothing in this sentence could be scored: type at least two tokens."
_BUSY = "Asking the model…"


class StepLines(QFrame):
    """The steps below each other, each with its name; they can be selected."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "well")
        self._theme = theme
        self._rows: list[tuple[QLabel, QLabel]] = []
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(12, 10, 12, 10)
        self._grid.setHorizontalSpacing(14)
        self._grid.setVerticalSpacing(4)
        self._grid.setColumnStretch(1, 1)
        for row in (0, 1, 2, 4, 5, 6):
            self._add_row(row)
        heading = make_label(theme, "The same through logarithms", 11, 650, role="secondary")
        heading.setContentsMargins(0, 6, 0, 0)
        self._grid.addWidget(heading, 3, 0, 1, 2)

    def show_steps(self, steps: tuple[Step, ...]) -> None:
        """Show six steps, the last three through logarithms."""
        for (caption, formula), step in zip(self._rows, steps, strict=True):
            caption.setText(step.caption)
            formula.setText(step.html())
            formula.setAccessibleName(f"{step.caption}: {step.plain()}")
        self._make_room()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._make_room()

    def _make_room(self) -> None:
        """Lines that wrap need their height whatever the page would give them."""
        self.setMinimumHeight(max(self._grid.totalHeightForWidth(self.width()), 0))

    def _add_row(self, row: int) -> None:
        caption = make_label(self._theme, "", 12, role="caption")
        formula = QLabel()
        formula.setTextFormat(Qt.TextFormat.RichText)
        formula.setFont(self._theme.font(15))
        formula.setWordWrap(True)
        formula.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._grid.addWidget(caption, row, 0, Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        self._grid.addWidget(formula, row, 1)
        # Both lines of writing at the same height, though the fonts differ.
        caption.setContentsMargins(0, max(formula.fontMetrics().ascent() - caption.fontMetrics().ascent(), 0), 0, 0)
        self._rows.append((caption, formula))


class WorkedPerplexity(QWidget):
    """Two examples that share the steps: the model's sentence and the person's own numbers."""

    sentence_asked = Signal(str)
    """Enter in the sentence's line: the model is to be asked for these tokens' probabilities."""
    numbers_typed = Signal(object)
    """The person's numbers, a tuple of floats, whenever they change and all fit."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._sentence_example: WorkedExample | None = None
        self._model, self._quantity = "", PERPLEXITY
        self._numbers = parse_numbers(EXAMPLES[0])
        self._busy = False
        self._problem = ""
        """What is wrong with the sentence: it stays until the next answer."""
        self.choice = Segmented(theme, ("This sentence", "My numbers"), "What is worked")
        self.sentence_field, self.numbers_field = QLineEdit(), QLineEdit(EXAMPLES[0])
        self.columns, self.lines = WorkedColumns(theme), StepLines(theme)
        self.words = make_label(theme, "", 13, role="secondary")
        self.message = make_label(theme, "", 12)
        self.copy_action = QAction("Copy steps", self)
        self.copy_action.triggered.connect(self.copy)
        self._copy_button = QToolButton()
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(_PAUSE_MS)
        self._pause.timeout.connect(self._say_what_is_wrong)
        self._build()
        theme.changed.connect(self._restyle)
        self._restyle()
        self._show()

    def show_example(self, example: WorkedExample, model: str, quantity: str = PERPLEXITY) -> None:
        """A model's answer for the sentence, and what its last line is called. The person's choice of the two stays."""
        self._sentence_example, self._busy, self._problem = example, False, ""
        self._model, self._quantity = model, quantity
        self._show()

    def forget(self) -> None:
        """Another model, or other weights: what was worked is no longer theirs."""
        self._sentence_example, self._busy, self._problem = None, False, ""
        self._show()

    def show_busy(self) -> None:
        """The model is being asked; what was worked before stays until it answers."""
        self._busy, self._problem = True, ""
        self._show()

    def show_problem(self, words: str) -> None:
        """The model could not be asked: a sentence under its line."""
        self._busy, self._problem, self._sentence_example = False, words, None
        self._show()

    def set_sentence(self, text: str) -> None:
        """Write a sentence into its line; asks nothing."""
        self.sentence_field.setText(text)

    def set_mode(self, mode: int) -> None:
        """Show SENTENCE or NUMBERS."""
        self.choice.set_index(mode)
        self._show()

    def mode(self) -> int:
        """SENTENCE or NUMBERS."""
        return self.choice.index()

    def example(self) -> WorkedExample | None:
        """What is worked now; None before the model was asked."""
        return self._sentence_example if self.mode() == SENTENCE else example_of(self._numbers)

    def steps_text(self) -> str:
        """The steps as plain text, '' without any."""
        example = self.example()
        if example is None or not example.tokens:
            return ""
        return steps_text(example, self.quantity(), self._whose() if self.mode() == SENTENCE else "")

    def quantity(self) -> str:
        """What the last line of the steps is called."""
        return self._quantity if self.mode() == SENTENCE else PERPLEXITY

    @Slot()
    def copy(self) -> None:
        """Put the steps on the clipboard."""
        if words := self.steps_text():
            QGuiApplication.clipboard().setText(words)

    # Layout

    def _build(self) -> None:
        self.sentence_field.setPlaceholderText("Type a sentence and press Enter")
        self.sentence_field.setAccessibleName("Sentence")
        self.sentence_field.returnPressed.connect(self.ask)
        self.numbers_field.setPlaceholderText("0.4, 1/4, 40%")
        self.numbers_field.setAccessibleName("Probabilities")
        self.numbers_field.textEdited.connect(self._on_typed)
        self.numbers_field.editingFinished.connect(self._say_what_is_wrong)
        self.choice.changed.connect(self._mode_chosen)
        self._copy_button.setDefaultAction(self.copy_action)
        self._copy_button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.message.setWordWrap(True)
        self.words.setWordWrap(True)
        head = QHBoxLayout()
        head.addWidget(self.choice)
        head.addStretch(1)
        head.addWidget(self._copy_button)
        self._fields = QStackedWidget()
        self._pages = (self._make_page(self.sentence_field), self._make_page(self.numbers_field, EXAMPLES))
        for page in self._pages:
            self._fields.addWidget(page)
        self._scroll = QScrollArea()
        self._scroll.setFrameShape(QFrame.Shape.NoFrame)
        self._scroll.setWidgetResizable(True)
        self._scroll.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.columns.setProperty("role", "page")
        self._scroll.setWidget(self.columns)
        # Room for the scroll bar too, so that a longer sentence moves nothing.
        self._scroll.setFixedHeight(self.columns.height() + 12)
        self._scroll.setAccessibleName("Tokens")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addLayout(head)
        for part in (self._fields, self.message, self._scroll, self.lines, self.words):
            layout.addWidget(part)
        layout.addStretch(1)

    def _make_page(self, field: QLineEdit, examples: tuple[str, ...] = ()) -> QWidget:
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addWidget(field)
        row = QHBoxLayout()
        row.setSpacing(6)
        self.example_buttons = [QPushButton(words) for words in examples]
        for button in self.example_buttons:
            button.setAccessibleName(f"Example {button.text()}")
            button.clicked.connect(bound(self._take_example, button.text()))
            row.addWidget(button)
        row.addStretch(1)
        if examples:
            row.insertWidget(0, make_label(self._theme, "Examples", 12, role="caption"))
            column.addLayout(row)
        column.addStretch(1)
        return page

    @Slot()
    def _restyle(self) -> None:
        self.copy_action.setIcon(icon(self._theme, "copy"))
        self._copy_button.setIconSize(QSize(16, 16))
        self._copy_button.setFont(self._theme.font(12.5))
        for field in (self.sentence_field, self.numbers_field):
            field.setFont(self._theme.font(13, mono=True))
        for button in self.example_buttons:
            button.setFont(self._theme.font(12, mono=True))

    # What the person does

    @Slot()
    def ask(self) -> None:
        if self.sentence_field.text().strip():
            self.sentence_asked.emit(self.sentence_field.text())

    def ask_once(self) -> None:
        """Ask for the sentence unless its answer, or why there is none, stands here or is on its way."""
        if self.mode() == SENTENCE and self._sentence_example is None and not self._busy and not self._problem:
            self.ask()

    @Slot()
    def _mode_chosen(self) -> None:
        self._show()
        self.ask_once()

    @Slot()
    def _on_typed(self) -> None:
        self._pause.stop()
        if not self._take_numbers():
            self._pause.start()

    def _take_example(self, words: str) -> None:
        self.numbers_field.setText(words)
        self._on_typed()

    def _take_numbers(self) -> bool:
        """Work what is typed; while it does not fit, the last good ones stay until the typing ends."""
        try:
            numbers = parse_numbers(self.numbers_field.text())
        except BadNumbersError:
            return False
        changed = numbers != self._numbers
        self._numbers = numbers
        self._show()
        if changed:
            self.numbers_typed.emit(numbers)
        return True

    @Slot()
    def _say_what_is_wrong(self) -> None:
        self._pause.stop()
        try:
            parse_numbers(self.numbers_field.text())
        except BadNumbersError as problem:
            if self.mode() == NUMBERS:
                self._say(str(problem), "error")
                self._show_steps(None)

    # What is shown

    @Slot()
    def _show(self) -> None:
        mode, example = self.mode(), self.example()
        self._fields.setCurrentIndex(mode)
        self._fields.setFixedHeight(self._pages[mode].sizeHint().height())
        if mode == NUMBERS:
            self._say("")
        elif self._problem:
            self._say(self._problem, "error")
        elif self._busy:
            self._say(_BUSY, "caption")
        else:
            self._say(_HINT if example is None else self._whose() if example.tokens else _NOTHING, "caption")
        self._show_steps(example if example is not None and example.tokens else None)
        if mode == NUMBERS:
            self._say_what_is_wrong()

    def _show_steps(self, example: WorkedExample | None) -> None:
        for part in (self._scroll, self.lines, self.words):
            part.setVisible(example is not None)
        self.copy_action.setEnabled(example is not None)
        if example is None:
            return
        worked = work(example, self.quantity())
        self.columns.show_example(example, worked.numbers)
        self.lines.show_steps(worked.steps + worked.log_steps)
        self.words.setText(_in_words(example.perplexity))

    def _whose(self) -> str:
        """Which model gave the tokens their probabilities, and under which condition."""
        hidden = "" if self._quantity == PERPLEXITY else f"; the outcome is a {self._quantity}, not ranked with others"
        return f"The probability that {self._model} gave each token{hidden}"

    def _say(self, words: str, role: str = "caption") -> None:
        self.message.setText(words)
        self.message.setVisible(bool(words))
        if self.message.property("role") != role:
            self.message.setProperty("role", role)
            # Properties are read by the style sheet only when a widget is polished.
            self.message.style().polish(self.message)


def _in_words(perplexity: float) -> str:
    if isinf(perplexity):
        return "A token that the model holds for impossible makes the perplexity infinite."
    return f"On average as unsure as choosing between {short_number(perplexity)} equally likely tokens."
