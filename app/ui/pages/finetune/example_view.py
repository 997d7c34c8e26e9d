"""What becomes of the chosen record, and how long all of them are: two views of which one is shown."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QSize, Qt, Slot
from PySide6.QtWidgets import QHBoxLayout, QScrollArea, QSizePolicy, QStackedWidget, QVBoxLayout, QWidget

from app.engine.finetune.records import PreviewToken
from app.ui.pages.finetune.data_words import lengths_words, short_lengths_words
from app.ui.pages.finetune.example_tokens import ExampleTokens
from app.ui.pages.finetune.lengths_view import LengthsView
from app.ui.theme import Theme
from app.ui.widgets.labels import make_label
from app.ui.widgets.parts_bar import PartKey
from app.ui.widgets.segmented import Segmented


class ExampleView(QWidget):
    """The example as tokens, or the lengths; a legend or the figures beside the switch."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.views = Segmented(theme, ("Tokens", "Lengths"), "What is shown of the examples")
        self.views.button(0).setToolTip("The chosen example as the model gets it, after the template")
        self.views.button(1).setToolTip("How many tokens the examples have")
        self.views.changed.connect(self._view_chosen)
        self.tokens = ExampleTokens(theme)
        self.lengths = LengthsView(theme)
        self.figures = make_label(theme, "", 11.5, role="caption")
        self.figures.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.figures.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.legend = QWidget()
        keys = QHBoxLayout(self.legend)
        keys.setContentsMargins(0, 0, 0, 0)
        keys.setSpacing(10)
        trained, given = PartKey(theme, "accent", "trained"), PartKey(theme, "hatch", "given")
        trained.setToolTip("The model learns to say these tokens")
        given.setToolTip("The model reads these tokens and is not judged by them")
        for key in (trained, given):
            keys.addWidget(key)
        scroll = _Small(self.tokens)
        scroll.setWidgetResizable(True)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.stack = QStackedWidget()
        self.stack.addWidget(scroll)
        self.stack.addWidget(self.lengths)
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(self.views)
        head.addWidget(self.figures, 1)
        head.addWidget(self.legend, 0, Qt.AlignmentFlag.AlignRight)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addLayout(head)
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
        self.legend.setVisible(index == 0)
        self.figures.setVisible(index == 1)


class _Small(QScrollArea):
    """Asks for two rows of tokens; more comes by scrolling, or where there is room to spare."""

    def __init__(self, tokens: ExampleTokens) -> None:
        super().__init__()
        self._tokens = tokens
        tokens.setProperty("role", "page")
        self.setWidget(tokens)

    def sizeHint(self) -> QSize:
        return self.minimumSizeHint()

    def minimumSizeHint(self) -> QSize:
        return QSize(120, 2 * self._tokens.minimumSizeHint().height())
