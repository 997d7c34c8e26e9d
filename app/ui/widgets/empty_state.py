"""What a page shows before there is anything to show."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QRectF, QSize, Qt, Signal, Slot
from PySide6.QtGui import QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QPushButton, QVBoxLayout, QWidget

from app.ui.theme import Theme
from app.ui.widgets.labels import make_label

_CELL, _PITCH, _STEPS = 8, 9, 5


class CausalDrawing(QWidget):
    """A small grey staircase of cells: attention that cannot look ahead."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self.setFixedSize(QSize(_STEPS * _PITCH, _STEPS * _PITCH))
        theme.changed.connect(self._on_theme)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        grey = self._theme.color("hatch")
        for row in range(_STEPS):
            for column in range(row + 1):
                painter.fillRect(QRectF(column * _PITCH, row * _PITCH, _CELL, _CELL), grey)
        painter.end()

    @Slot()
    def _on_theme(self) -> None:
        self.update()


class EmptyState(QWidget):
    """A drawing, a title, a sentence, and buttons with examples; `chosen(words)` names the button pressed."""

    chosen = Signal(str)

    def __init__(
        self,
        theme: Theme,
        title: str = "",
        sentence: str = "",
        examples: Sequence[str] = (),
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._theme = theme
        self._title = make_label(theme, title, 14, 650)
        self._sentence = make_label(theme, sentence, 13, role="secondary")
        self._sentence.setWordWrap(True)
        self._sentence.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._row = QVBoxLayout()
        self._row.setSpacing(8)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 16)
        layout.setSpacing(8)
        layout.addStretch(1)
        self._drawing = CausalDrawing(theme)
        layout.addWidget(self._drawing, 0, Qt.AlignmentFlag.AlignHCenter)
        layout.addWidget(self._title, 0, Qt.AlignmentFlag.AlignHCenter)
        layout.addWidget(self._sentence)
        layout.addLayout(self._row)
        layout.addStretch(1)
        self._buttons: list[QPushButton] = []
        self.set_text(title, sentence)
        self.set_examples(examples)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Where there is no room for all, the drawing goes: words and buttons are what one needs."""
        super().resizeEvent(event)
        layout = self.layout()
        assert layout is not None
        margins = layout.contentsMargins()
        inner = self.width() - margins.left() - margins.right()
        words = self._sentence.heightForWidth(inner) + (self._title.sizeHint().height() if self._title.text() else 0)
        spaces = 4 * layout.spacing() + margins.top() + margins.bottom()
        needed = words + self._row.sizeHint().height() + spaces + self._drawing.height()
        self._drawing.setVisible(self.height() >= needed)

    def set_text(self, title: str, sentence: str) -> None:
        """Change the title (none when "") and the sentence."""
        self._title.setText(title)
        self._title.setVisible(bool(title))
        self._sentence.setText(sentence)
        self.setAccessibleName(f"{title} {sentence}".strip())

    def set_examples(self, examples: Sequence[str]) -> None:
        """One button for each; the first is the primary one."""
        while (item := self._row.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        self._buttons = []
        for words in examples:
            button = QPushButton(words)
            button.setFont(self._theme.font(13, 500))
            button.setProperty("kind", "primary" if not self._buttons else "")
            button.clicked.connect(self._on_clicked)
            # One under the other: side by side, sentences would be cut.
            self._row.addWidget(button, 0, Qt.AlignmentFlag.AlignHCenter)
            self._buttons.append(button)

    def buttons(self) -> list[QPushButton]:
        """The example buttons, in order."""
        return list(self._buttons)

    @Slot()
    def _on_clicked(self) -> None:
        button = self.sender()
        if isinstance(button, QPushButton):
            self.chosen.emit(button.text())
