"""Which attention head is watched while text is written: its kind, its layer and its number."""

from __future__ import annotations

from PySide6.QtCore import QSignalBlocker, Signal, Slot
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QWidget

from app.engine.models.records import ModelSummary
from app.session.generated import GeneratedToken
from app.session.text_runs import Head
from app.ui.theme import Theme
from app.ui.widgets.labels import make_label

_KINDS = {"self": "Self", "cross": "Cross"}
"""The kinds whose rows come with a new token; an encoder reads its source once, before the first."""


class HeadChooser(QWidget):
    """`chosen(kind, layer, head)` when the person picks another."""

    chosen = Signal(str, int, int)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.kinds, self.layers, self.heads = QComboBox(), QComboBox(), QComboBox()
        self._said = make_label(theme, "", 11.5, role="caption")
        self._said.setMinimumWidth(0)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        for box, name, tip in (
            (self.kinds, "Kind of attention", "Self: where a new token looks in the text. Cross: in the source."),
            (self.layers, "Layer of the watched head", "The layer, counted from 0, of the head whose row is recorded"),
            (self.heads, "Watched head", "The head, counted from 0, whose row is recorded with every new token"),
        ):
            box.setAccessibleName(name)
            box.setToolTip(tip)
            box.activated.connect(self._activated)
            row.addWidget(box)
        row.addWidget(self._said, 1)
        self._told: tuple[tuple[str, ...], int, int] | None = None

    def show_head(self, summary: ModelSummary, head: Head) -> None:
        """Offer what a model has, with this head chosen; emits nothing."""
        kind, layer, number = head
        kinds, (layers, heads) = tuple(each for each in _KINDS if each in summary.kinds), summary.attention_shape(kind)
        with QSignalBlocker(self.kinds), QSignalBlocker(self.layers), QSignalBlocker(self.heads):
            if self._told != (kinds, layers, heads):
                self._told = (kinds, layers, heads)
                for box, words in (
                    (self.kinds, [_KINDS[each] for each in kinds]),
                    (self.layers, [f"Layer {place}" for place in range(layers)]),
                    (self.heads, [f"Head {place}" for place in range(heads)]),
                ):
                    box.clear()
                    box.addItems(words)
            self.kinds.setVisible(len(kinds) > 1)
            self.kinds.setCurrentIndex(kinds.index(kind))
            self.layers.setCurrentIndex(layer)
            self.heads.setCurrentIndex(number)

    def say_row(self, step: GeneratedToken | None, watched: Head) -> None:
        """What is known of the head at the step whose row is shown."""
        words = tip = ""
        if step is not None and step.head is None:
            words, tip = "Not recorded", "The head was not watched when this token was chosen"
        elif step is not None and step.head is not None and step.head != watched:
            kind, layer, head = step.head
            # The kind needs no word where the boxes beside it say the same one: a low window has little room.
            words = f"Shown: layer {layer}, head {head}" if kind == watched[0] else f"Shown: {head_words(step.head)}"
            tip = f"{head_words(step.head)}, was watched when this token was chosen"
        elif step is not None and watched[0] == "cross":
            words, tip = "Underlined above", "Where the head looked in the source is underlined there"
        self._said.setText(words)
        self._said.setToolTip(tip)

    def said(self) -> str:
        """What is said of the row that is shown."""
        return self._said.text()

    @Slot()
    def _activated(self) -> None:
        kind = next(name for name, words in _KINDS.items() if words == self.kinds.currentText())
        self.chosen.emit(kind, self.layers.currentIndex(), self.heads.currentIndex())


def head_words(head: Head) -> str:
    """ "Self-attention, layer 2, head 0"."""
    kind, layer, number = head
    return f"{_KINDS[kind]}-attention, layer {layer}, head {number}"


def watched_head(summary: ModelSummary, head: Head) -> Head | None:
    """The head of the shared selection as one that can be watched; None where the model has no attention."""
    kind = head[0] if head[0] in _KINDS else "self"
    layers, heads = summary.attention_shape(kind)
    if not layers or not heads:
        return None
    return kind, min(head[1], layers - 1), min(head[2], heads - 1)
