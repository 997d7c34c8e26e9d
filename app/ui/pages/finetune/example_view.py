"""What becomes of the chosen record, and how long all of them are: two views of which one is shown."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QSize, Qt, Slot
from PySide6.QtWidgets import QScrollArea, QSizePolicy, QStackedWidget, QVBoxLayout, QWidget

from app.engine.finetune.records import PreviewToken
from app.ui.pages.finetune.data_words import lengths_words, short_lengths_words
from app.ui.pages.finetune.example_tokens import ExampleTokens
from app.ui.pages.finetune.lengths_view import LengthsView
from app.ui.theme import Theme
from app.ui.widgets.labels import make_label
from app.ui.widgets.segmented import Segmented


class ExampleView(QWidget):
    """The example as tokens, or the lengths with their figures. `views` switches; its owner gives it a place."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.views = Segmented(theme, ("Tokens", "Lengths"), "What is shown of the examples")
        self.views.button(0).setToolTip(
            "The chosen example as the model gets it, after the template: underlined tokens are "
            "trained, grey ones given"
        )
        self.views.button(1).setToolTip("How many tokens the examples have")
        self.views.changed.connect(self._view_chosen)
        self.tokens = ExampleTokens(theme)
        self.lengths = LengthsView(theme)
        self.figures = make_label(theme, "", 11.5, role="caption")
        self.figures.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        scroll = _Small(self.tokens)
        scroll.setWidgetResizable(True)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.stack = QStackedWidget()
        self.stack.addWidget(scroll)
        self.stack.addWidget(self.lengths)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.figures)
        column.addWidget(self.stack, 1)
        self._view_chosen(0)

    def show_tokens(self, tokens: Sequence[PreviewToken], note: str) -> None:
        """Show an example, or words where there is none."""
        self.tokens.set_note(note)
        self.tokens.set_tokens(tokens)

    def show_lengths(self, lengths: np.ndarray, longest: int) -> None:
        """Show how long the examples are, int64 `[example]`."""
        self.lengths.set_lengths(lengths, longest)
        self.figures.setText(short_lengths_words(lengths, longest))
        self.figures.setToolTip(lengths_words(lengths, longest))

    @Slot(int)
    def _view_chosen(self, index: int) -> None:
        self.stack.setCurrentIndex(index)
        self.figures.setVisible(index == 1)


class _Small(QScrollArea):
    """Asks for one row of tokens; more comes by scrolling, or where there is room to spare."""

    def __init__(self, tokens: ExampleTokens) -> None:
        super().__init__()
        self._tokens = tokens
        tokens.setProperty("role", "page")
        self.setWidget(tokens)

    def sizeHint(self) -> QSize:
        return self.minimumSizeHint()

    def minimumSizeHint(self) -> QSize:
        return self._tokens.minimumSizeHint()
