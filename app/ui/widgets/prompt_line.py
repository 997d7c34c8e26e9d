"""The prompt: token chips, and an editor in their place when it is changed."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QObject, Qt, Signal, Slot
from PySide6.QtGui import QKeyEvent
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
from app.ui.widgets.token_strip import TokenStrip


class PromptLine(QFrame):
    """`submitted(text)` comes for Ctrl+Enter, Enter and the Run button; Esc puts the old text back."""

    submitted = Signal(str)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._text = ""
        self.setProperty("role", "panel")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(12, 8, 12, 8)
        layout.setSpacing(12)
        layout.addLayout(self._caption(), 0)
        self.strip = TokenStrip(theme)
        self.strip.setAccessibleName("Prompt tokens")
        self.strip.setProperty("role", "page")
        self._scroll = QScrollArea()
        self._scroll.setFrameShape(QFrame.Shape.NoFrame)
        self._scroll.setWidgetResizable(True)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._scroll.setWidget(self.strip)
        self.editor = QPlainTextEdit()
        self.editor.setPlaceholderText("Type a sentence and press Enter")
        self.editor.setAccessibleName("Prompt")
        self.editor.setTabChangesFocus(True)
        self.editor.installEventFilter(self)
        self._stack = QStackedWidget()
        self._stack.addWidget(self._scroll)
        self._stack.addWidget(self.editor)
        layout.addWidget(self._stack, 1)
        self.button = QPushButton("Edit")
        self.button.clicked.connect(self._pressed)
        layout.addWidget(self.button, 0, Qt.AlignmentFlag.AlignVCenter)
        self.setFixedHeight(78)
        theme.changed.connect(self._restyle)
        self._restyle()
        self.edit(True)

    def _caption(self) -> QVBoxLayout:
        column = QVBoxLayout()
        column.setSpacing(0)
        self._title, self._counts, self._length = QLabel("Prompt"), QLabel(), QLabel()
        column.addStretch()
        for label in (self._title, self._counts, self._length):
            label.setMinimumWidth(86)
            column.addWidget(label)
        for label in (self._counts, self._length):
            label.setProperty("role", "caption")
        column.addStretch()
        return column

    @Slot()
    def _restyle(self) -> None:
        self._title.setFont(self._theme.font(13, 600))
        for label in (self._counts, self._length):
            label.setFont(self._theme.font(11))
        self.editor.setFont(self._theme.font(13, mono=True))

    @property
    def editing(self) -> bool:
        """Whether the editor is shown."""
        return self._stack.currentWidget() is self.editor

    def set_text(self, text: str) -> None:
        """Show a prompt that was set elsewhere; an empty one opens the editor."""
        self._text = text
        self.editor.setPlainText(text)
        self.edit(not text)

    def set_tokens(self, tokens: Sequence[Token]) -> None:
        """Show the chips with their ids."""
        self.strip.set_tokens((token.shown, token.id, None, True) for token in tokens)
        self._counts.setText(f"{len(tokens):,} token{'' if len(tokens) == 1 else 's'}" if tokens else "")
        self._length.setText(f"{len(self._text):,} characters" if tokens else "")

    def select(self, index: int | None) -> None:
        """Mark a token, and scroll to it where the prompt takes more rows than are seen."""
        self.strip.set_selected(index)
        if index is not None and index < self.strip.count():
            rect = self.strip.chip_rect(index)
            self._scroll.ensureVisible(rect.center().x(), rect.center().y(), 20, rect.height())

    def edit(self, editing: bool) -> None:
        """Open the editor or show the chips."""
        self._stack.setCurrentWidget(self.editor if editing else self._scroll)
        self.button.setText("Run" if editing else "Edit")
        self.button.setProperty("kind", "primary" if editing else None)
        self.button.style().unpolish(self.button)
        self.button.style().polish(self.button)
        self.button.setToolTip("Run the model on this text (Ctrl+Enter)" if editing else "Change the prompt")
        if editing and self.isVisible():
            self.editor.setFocus()
            self.editor.selectAll()

    def submit(self) -> None:
        """Take what stands in the editor."""
        self._text = self.editor.toPlainText()
        self.edit(not self._text)
        self.submitted.emit(self._text)

    @Slot()
    def _pressed(self) -> None:
        if self.editing:
            self.submit()
        else:
            self.edit(True)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self.editor and isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            enter = event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
            if enter and not event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
                self.submit()
                return True
            if event.key() == Qt.Key.Key_Escape and self._text:
                self.set_text(self._text)
                return True
        return super().eventFilter(watched, event)
