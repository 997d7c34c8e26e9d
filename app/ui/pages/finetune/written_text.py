"""A text of which a part was written by a model: filled in its soft colour, underlined, its first difference bold."""

from __future__ import annotations

from itertools import pairwise

from PySide6.QtCore import Qt, Slot
from PySide6.QtGui import QTextCharFormat, QTextCursor
from PySide6.QtWidgets import QTextEdit, QWidget

from app.ui.theme import Theme


class WrittenText(QTextEdit):
    """Can be selected and copied; scrolls where it is too long."""

    def __init__(self, theme: Theme, slot: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme, self._slot = theme, slot
        self._text, self._written, self._marked = "", 0, (0, 0)
        self.setReadOnly(True)
        self.setFrameShape(QTextEdit.Shape.NoFrame)
        self.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self.setAccessibleName(f"What model {slot} wrote")
        self.setStyleSheet("QTextEdit { border: none; padding: 0; background: transparent; }")
        self.document().setDocumentMargin(0)
        theme.changed.connect(self._write)

    def show_text(self, text: str, written: int, marked: tuple[int, int] = (0, 0)) -> None:
        """Show a text; from the place `written` on it is the model's, and the stretch `marked` is bold."""
        self._text, self._written, self._marked = text, written, marked
        self._write()

    def stretches(self) -> list[tuple[str, bool, bool]]:
        """The text in pieces: (letters, whether the model's, whether marked)."""
        start, stop = self._marked
        places = sorted({0, self._written, start, stop, len(self._text)})
        cuts = [place for place in places if 0 <= place <= len(self._text)]
        return [(self._text[left:right], left >= self._written, start <= left < stop) for left, right in pairwise(cuts)]

    @Slot()
    def _write(self) -> None:
        self.clear()
        cursor, color = QTextCursor(self.document()), self._theme.color
        strong, soft = color(self._slot.lower()), color(f"{self._slot.lower()}soft")
        for letters, written, marked in self.stretches():
            style = QTextCharFormat()
            style.setFont(self._theme.font(13, 700 if marked else 400))
            style.setForeground(strong if marked else color("ink"))
            if written:
                style.setBackground(soft)
                style.setFontUnderline(True)
                style.setUnderlineColor(strong)
            cursor.insertText(letters, style)
        # The cursor went along to the end, and what is resized keeps its cursor in sight.
        self.moveCursor(QTextCursor.MoveOperation.Start)
