"""Beside the text: what the chosen token cost, and what the model had expected in its place."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QScrollArea, QVBoxLayout, QWidget

from app.engine.trace.records import Candidate
from app.ui.theme import Theme
from app.ui.widgets.labels import make_label
from app.ui.widgets.probability_bars import ProbabilityBars
from app.ui.widgets.span_readout import SpanReadout

_EXPECTED = "What the model expected here"
_CARD, _BARS, _BETWEEN = 218, 202, 12
_ALONE = 232
"""Pixels of a column that has both below each other."""
_HIGH = 420
"""Pixels in which both have room below each other."""
_FEWEST, _MOST = 4, 8
"""Rows of bars: at most as many as are in view."""


class TokenSide(QScrollArea):
    """A card and bars: side by side where the text is low and wide, else below each other."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._found: tuple[Candidate, ...] = ()
        self._own: int | None = None
        self.readout = SpanReadout(theme)
        self.expected = make_label(theme, _EXPECTED, 11, 650, role="secondary")
        self.expected.setWordWrap(True)
        self.bars = ProbabilityBars(theme)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFrameShape(QScrollArea.Shape.NoFrame)
        self.setWidget(self._laid_out())
        self.make_room(False)

    def make_room(self, wide: bool) -> None:
        """Whether the text beside it is wide enough to leave it two columns."""
        beside = wide and self.height() < _HIGH
        self._both.setDirection(QBoxLayout.Direction.LeftToRight if beside else QBoxLayout.Direction.TopToBottom)
        self.setFixedWidth(_CARD + _BETWEEN + _BARS + 4 if beside else _ALONE)

    def show_candidates(self, found: Sequence[Candidate], own: int | None) -> None:
        """What was held for likely, best first, with the token of this id marked; nothing hides the bars."""
        self._found, self._own = tuple(found), own
        self.expected.setText(_EXPECTED)
        self._fill()

    def say_not_open(self, model: str) -> None:
        """The model of the chosen token is not open, so it cannot be asked again."""
        self.expected.setText(f"{model} is not open: open it (Model page) to see what it expected here")
        self.expected.setVisible(True)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fill()

    def _laid_out(self) -> QWidget:
        inner = QWidget()
        inner.setProperty("role", "page")
        self._both = QBoxLayout(QBoxLayout.Direction.TopToBottom, inner)
        self._both.setContentsMargins(0, 0, 4, 0)
        self._both.setSpacing(_BETWEEN)
        for parts, share in (((self.readout,), _CARD), ((self.expected, self.bars), _BARS)):
            column = QVBoxLayout()
            column.setSpacing(6)
            for part in parts:
                column.addWidget(part)
            column.addStretch(1)
            self._both.addLayout(column, share)
        return inner

    def _fill(self) -> None:
        """As many rows as can be seen at once; the token itself is always among them."""
        shown = list(self._found[: self._rows_in_view()])
        own = next((each for each in self._found[::-1] if each.token_id == self._own), None)
        if own is not None and own not in shown:
            shown = [*shown[:-1], own]
        self.bars.set_rows(
            [(each.text, each.probability, None) for each in shown], shown.index(own) if own is not None else None
        )
        self.bars.setVisible(bool(shown))
        self.expected.setVisible(bool(shown))

    def _rows_in_view(self) -> int:
        if self._both.direction() == QBoxLayout.Direction.TopToBottom:
            return _MOST
        room = self.height() - self.expected.sizeHint().height() - self._both.spacing()
        return min(max(int(room // self.bars.row_rect(0).height()), _FEWEST), _MOST)
