"""The prompt: token chips, and an editor in their place when it is changed; a second text where the model takes one."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QObject, Qt, Signal, Slot
from PySide6.QtGui import QKeyEvent, QResizeEvent
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QPushButton,
    QScrollArea,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from app.engine.trace.records import Token
from app.ui.theme import Theme
from app.ui.widgets.labels import make_rule
from app.ui.widgets.token_strip import TokenStrip

ONE_ROW, TWO_ROWS, TWO_LOW_ROWS, PLAIN_ROW, TWO_PLAIN_ROWS = 78, 148, 108, 54, 76
AROUND, TWO_PLAIN_CHIPS = 10, 76
"""Pixels of margins and frame around plain chips; no more than two rows of chips take so many."""
_SECOND = {
    "encoder": ("Second sentence", "Second sentence of a pair, if you want one"),
    "encoder-decoder": ("Target", "Target text; leave it empty and the model writes its own"),
}
"""By kind of model: what a second text is called, and what its empty editor says."""


class _Caption(QWidget):
    """A title with two faint lines under it."""

    def __init__(self, theme: Theme, title: str) -> None:
        super().__init__()
        self._theme = theme
        self.title, self.first, self.second = QLabel(title), QLabel(), QLabel()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addStretch()
        for label in (self.title, self.first, self.second):
            label.setMinimumWidth(86)
            column.addWidget(label)
        column.addStretch()
        for label in (self.first, self.second):
            label.setProperty("role", "caption")
        theme.changed.connect(self._restyle)
        self._restyle()

    @Slot()
    def _restyle(self) -> None:
        self.title.setFont(self._theme.font(13, 600))
        for label in (self.first, self.second):
            label.setFont(self._theme.font(11))

    def say(self, first: str, second: str = "") -> None:
        """The lines under the title."""
        self.first.setText(first)
        self.second.setText(second)
        self.second.setVisible(bool(second))


class PromptLine(QFrame):
    """`submitted(text, second)` comes for Ctrl+Enter, Enter and the Run button; Esc puts the old texts back.

    A `plain` one is a low row of chips without ids, for a page that shows its prompt elsewhere too.
    """

    submitted = Signal(str, str)
    rewritten = Signal(str)
    """Another text than the prompt, which `edit_instead` put into the editor, as the person left it."""

    def __init__(self, theme: Theme, parent: QWidget | None = None, plain: bool = False) -> None:
        super().__init__(parent)
        self._theme = theme
        self._plain = plain
        self._text, self._second = "", ""
        self._kind = "decoder"
        self._low = False
        self._instead = False
        """The editor holds another text than the prompt."""
        self.setProperty("role", "panel")
        layout = QHBoxLayout(self)
        high = 4 if plain else 8
        layout.setContentsMargins(12, high, 12, high)
        layout.setSpacing(12)
        self._stack = QStackedWidget()
        self._stack.addWidget(self._chips(theme))
        self._stack.addWidget(self._editors(theme))
        layout.addWidget(self._stack, 1)
        self.button = QPushButton("Edit")
        self.button.clicked.connect(self._pressed)
        layout.addWidget(self.button, 0, Qt.AlignmentFlag.AlignVCenter)
        theme.changed.connect(self._restyle)
        self._restyle()
        self.set_kind("decoder")
        self.edit(True)

    def _chips(self, theme: Theme) -> QWidget:
        self.strip, self.target_strip = TokenStrip(theme), TokenStrip(theme)
        self._caption, self._target_caption = _Caption(theme, "Prompt"), _Caption(theme, "Decoder")
        self._scrolls: dict[TokenStrip, QScrollArea] = {}
        chips = QWidget()
        column = QVBoxLayout(chips)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        self._rule = make_rule()
        column.addWidget(self._row(self._caption, self.strip, "Prompt tokens"), 1)
        column.addWidget(self._rule)
        self._target_row = self._row(self._target_caption, self.target_strip, "Decoder tokens")
        column.addWidget(self._target_row, 1)
        return chips

    def _row(self, caption: QWidget, strip: TokenStrip, name: str) -> QWidget:
        strip.setAccessibleName(name)
        strip.setProperty("role", "page")
        scroll = QScrollArea()
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setWidgetResizable(True)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(strip)
        self._scrolls[strip] = scroll
        whole = QWidget()
        row = QHBoxLayout(whole)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(12)
        row.addWidget(caption)
        row.addWidget(scroll, 1)
        return whole

    def _editors(self, theme: Theme) -> QWidget:
        self.editor, self.second_editor = QPlainTextEdit(), QPlainTextEdit()
        self.editor.setPlaceholderText("Type a sentence and press Enter")
        self.editor.setAccessibleName("Prompt")
        editors = QWidget()
        row = QHBoxLayout(editors)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(12)
        self._edit_caption = _Caption(theme, "Prompt")
        row.addWidget(self._edit_caption)
        for editor in (self.editor, self.second_editor):
            editor.setTabChangesFocus(True)
            editor.installEventFilter(self)
            row.addWidget(editor, 1)
        return editors

    @Slot()
    def _restyle(self) -> None:
        for editor in (self.editor, self.second_editor):
            editor.setFont(self._theme.font(13, mono=True))

    @property
    def editing(self) -> bool:
        """Whether the editor is shown."""
        return self._stack.currentIndex() == 1

    def set_kind(self, kind: str) -> None:
        """What kind of model reads the prompt: "decoder", "encoder" or "encoder-decoder"."""
        self._kind = kind
        name, words = _SECOND.get(kind, ("", ""))
        self.second_editor.setVisible(bool(name))
        self.second_editor.setAccessibleName(name)
        self.second_editor.setPlaceholderText(words)
        self._caption.title.setText("Encoder" if kind == "encoder-decoder" else "Prompt")
        self._show_target()

    def set_low(self, low: bool) -> None:
        """In a low window two rows of tokens go without their ids."""
        self._low = low
        self._show_target()

    def _show_target(self) -> None:
        shown = self._kind == "encoder-decoder" and not self.editing and self.target_strip.count() > 0
        self._rule.setVisible(shown)
        self._target_row.setVisible(shown)
        rows = TWO_LOW_ROWS if self._low else TWO_ROWS
        for strip in (self.strip, self.target_strip):
            strip.set_ids_shown(not (self._plain or (shown and self._low)))
        one = self._plain_height() if self._plain and not self.editing else ONE_ROW
        self.setFixedHeight(rows if shown else one)

    def _plain_height(self) -> int:
        """A plain prompt of more tokens than fit in a row takes a second one; what is longer scrolls."""
        scroll = self._scrolls[self.strip]
        chips = self.strip.heightForWidth(scroll.viewport().width())
        if chips <= PLAIN_ROW - AROUND:
            return PLAIN_ROW
        # Two rows that are all stand whole; of more none is begun under them.
        return chips + AROUND if chips <= TWO_PLAIN_CHIPS else TWO_PLAIN_ROWS

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            self._show_target()

    def set_text(self, text: str, second: str = "") -> None:
        """Show texts that were set elsewhere; an empty one opens the editor."""
        self._text, self._second = text, second
        self.editor.setPlainText(text)
        self.second_editor.setPlainText(second)
        self.edit(not text)

    def set_tokens(self, tokens: Sequence[Token], targets: Sequence[Token] = (), written: bool = False) -> None:
        """Show the chips with their ids; `targets` are the decoder's, `written` by the model itself."""
        self.strip.set_tokens((token.shown, token.id, None, True) for token in tokens)
        self.strip.set_second_from(next((place for place, token in enumerate(tokens) if token.segment), None))
        self.target_strip.set_tokens((token.shown, token.id, None, True) for token in targets)
        typed = len(self._text) + (len(self._second) if any(token.segment for token in tokens) else 0)
        length = f"{typed:,} characters" if tokens and not targets and not self._plain else ""
        self._caption.say(_count(tokens), length)
        self._target_caption.say(_count(targets), "the model's own" if written else "typed")
        self._show_target()

    def select(self, index: int | None, target: bool = False) -> None:
        """Mark a token, and scroll to it where the prompt takes more rows than are seen; with `target` of the
        decoder's tokens."""
        chosen, other = (self.target_strip, self.strip) if target else (self.strip, self.target_strip)
        other.set_selected(None)
        chosen.set_selected(index)
        if index is not None and index < chosen.count():
            rect = chosen.chip_rect(index)
            self._scrolls[chosen].ensureVisible(rect.center().x(), rect.center().y(), 20, rect.height())

    def edit(self, editing: bool) -> None:
        """Open the editor or show the chips."""
        self._instead = False
        self._edit_caption.say("")
        self._stack.setCurrentIndex(1 if editing else 0)
        self._edit_caption.title.setText("Prompt" if self._kind == "decoder" else "Texts")
        self.button.setText("Run" if editing else "Edit")
        self.button.setProperty("kind", "primary" if editing else None)
        self.button.style().unpolish(self.button)
        self.button.style().polish(self.button)
        self.button.setToolTip("Run the model on this text (Ctrl+Enter)" if editing else "Change the prompt")
        self._show_target()
        if editing and self.isVisible():
            self.editor.setFocus()
            self.editor.selectAll()

    def edit_instead(self, title: str, text: str) -> None:
        """Open the editor on another text; Enter gives it as `rewritten`, Esc leaves it, and the prompt stays."""
        self.editor.setPlainText(text)
        self.edit(True)
        self._instead = True
        self._edit_caption.title.setText(title)
        self._edit_caption.say("Enter: go on", "Esc: leave it")
        self.button.setToolTip("Let the model go on from this text (Ctrl+Enter)")

    def submit(self) -> None:
        """Take what stands in the editors."""
        if self._instead:
            text = self.editor.toPlainText()
            self.set_text(self._text, self._second)
            self.rewritten.emit(text)
            return
        self._text = self.editor.toPlainText()
        self._second = self.second_editor.toPlainText() if self._kind in _SECOND else self._second
        self.edit(not self._text)
        self.submitted.emit(self._text, self._second)

    @Slot()
    def _pressed(self) -> None:
        if self.editing:
            self.submit()
        else:
            self.edit(True)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        ours = watched in (self.editor, self.second_editor)
        if ours and isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            enter = event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
            if enter and not event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
                self.submit()
                return True
            if event.key() == Qt.Key.Key_Escape and self._text:
                self.set_text(self._text, self._second)
                return True
        return super().eventFilter(watched, event)


def _count(tokens: Sequence[Token]) -> str:
    return f"{len(tokens):,} token{'' if len(tokens) == 1 else 's'}" if tokens else ""
