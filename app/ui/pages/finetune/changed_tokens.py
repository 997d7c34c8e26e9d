"""What is said next, before and after: where in the text that differs, and which tokens gained and lost."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from app.engine.trace.records import Token, TraceComparison
from app.ui.theme import Theme
from app.ui.widgets.chart_axes import nice_step
from app.ui.widgets.labels import make_label
from app.ui.widgets.pair_bars import PairBars
from app.ui.widgets.segmented import Segmented
from app.ui.widgets.token_chip import GENERATE
from app.ui.widgets.token_strip import TokenStrip
from app.ui.widgets.token_text import visible_token

ORDERS = ("first", "second", "change")
NO_TOKENS = "The two do not choose from the same tokens, so what they say next cannot be compared."
_LEAST = 0.001


class ChangedTokens(QWidget):
    """`position_chosen(position)` for a token that was clicked or reached with the arrow keys."""

    position_chosen = Signal(int)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._comparison: TraceComparison | None = None
        self._tokens: Sequence[Token] = ()
        self._position = -1
        self._limit = 0.0
        self.strip = TokenStrip(theme, GENERATE)
        self.strip.setAccessibleName("Tokens by how differently the two go on after them")
        self.strip.setProperty("role", "page")
        self.strip.clicked.connect(self._clicked)
        self._scroll = QScrollArea()
        self._scroll.setFrameShape(QFrame.Shape.NoFrame)
        self._scroll.setWidgetResizable(True)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._scroll.setWidget(self.strip)
        self._scroll.verticalScrollBar().rangeChanged.connect(self._reveal)
        self.scale = make_label(theme, "", 12, role="caption")
        self.scale.setToolTip("How differently A and B go on after each token: Jensen–Shannon divergence in bits")
        self.words = make_label(theme, "", 12, 500)
        self.words.setMinimumWidth(40)
        self.order = Segmented(theme, ("By A", "By B", "By change"), "Order of the tokens")
        self.order.set_index(2)
        self.order.changed.connect(self._draw_bars)
        self.bars = PairBars(theme)
        left, right = QVBoxLayout(), QVBoxLayout()
        for side in (left, right):
            side.setSpacing(4)
        left.addWidget(self.scale)
        left.addWidget(self._scroll, 1)
        head = QHBoxLayout()
        head.addWidget(self.words, 1)
        head.addWidget(self.order)
        right.addLayout(head)
        right.addWidget(self.bars, 1)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(16)
        layout.addLayout(left, 4)
        layout.addLayout(right, 6)

    def show_comparison(self, comparison: TraceComparison, tokens: Sequence[Token]) -> None:
        """Show these tokens; the chosen one stays where the text is the same, else it is the last."""
        apart = comparison.next_token
        assert apart is not None
        same = [token.id for token in self._tokens] == [token.id for token in tokens]
        self._comparison = comparison
        if not same:
            self._tokens = tokens
            self.strip.set_tokens([(token.shown, token.id, None, False) for token in tokens])
            self._position = len(tokens) - 1
        # The scale only grows, so that from checkpoint to checkpoint a change is seen to grow.
        self._limit = max(self._limit, nice_step(float(np.max(apart, initial=_LEAST)), 1))
        self.strip.set_shades([float(value) / self._limit for value in apart])
        self.strip.set_selected(self._position)
        self._reveal()
        self.scale.setText(f"Shade: 0 to {self._limit:g} bits apart")
        self._draw_bars()

    def clear(self) -> None:
        """Nothing stays, the end of the scale neither."""
        self._comparison, self._tokens, self._position, self._limit = None, (), -1, 0.0
        self.strip.set_tokens([])
        self.scale.setText("")
        self._draw_bars()

    def position(self) -> int:
        """The token that is chosen, −1 for none."""
        return self._position

    def set_position(self, position: int) -> None:
        """Choose a token elsewhere; emits nothing."""
        if 0 <= position < len(self._tokens):
            self._position = position
            self.strip.set_selected(position)
            self._reveal()
            self._draw_bars()

    @Slot()
    def _reveal(self) -> None:
        """Scroll to the chosen token."""
        if 0 <= self._position < self.strip.count():
            chip = self.strip.chip_rect(self._position)
            self._scroll.ensureVisible(chip.center().x(), chip.center().y(), 0, chip.height())

    @Slot(int)
    def _clicked(self, position: int) -> None:
        self.set_position(position)
        self.position_chosen.emit(position)

    @Slot()
    def _draw_bars(self) -> None:
        comparison = self._comparison
        if comparison is None or comparison.next_token is None or comparison.extra_bits is None:
            self.words.setText("")
            self.bars.set_rows(())
            return
        at = self._position
        pairs = comparison.pairs(at, ORDERS[self.order.index()])
        self.bars.set_rows([(pair.text, pair.first, pair.second) for pair in pairs])
        bits, extra = float(comparison.next_token[at]), float(comparison.extra_bits[at])
        self.words.setText(f"At {visible_token(self._tokens[at].shown)} #{at}: {bits:.3f} bits apart")
        self.words.setToolTip(
            f"Jensen–Shannon divergence {bits:.4f} bits, 0 for the same answer and 1 for wholly another (Lin 1991). "
            f"D(B ‖ A) {extra:.4f} bits: what A's code would cost for what B says, beyond B's own."
        )
