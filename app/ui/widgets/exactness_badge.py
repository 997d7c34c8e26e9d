"""How far the pictures of a model lie from the untouched model, as a badge."""

from __future__ import annotations

from app.engine.trace.records import Exactness
from app.ui.widgets.badge import Badge

PATTERN_LIMIT = 5e-3
"""Above this the eager run's other rounding no longer explains a difference; half precision comes near it."""


class ExactnessBadge(Badge):
    """Green where nothing differs; otherwise it says what does."""

    def show_exactness(self, measured: Exactness | None) -> None:
        """Say how far these pictures lie from the untouched model; None says nothing."""
        if measured is None:
            self.say("")
            return
        same = "bit for bit the untouched model's" if measured.logits == 0 else f"off by up to {measured.logits:.1e}"
        tip = f"Measured on {measured.tokens} tokens when the model was opened. Logits: {same}. "
        if measured.pattern is None:
            tip += f"Patterns could not be compared: {measured.reason}."
        else:
            tip += f"Attention patterns: within {measured.pattern:.1e} of transformers' eager attention."
        exact = measured.logits == 0 and measured.pattern is not None and measured.pattern <= PATTERN_LIMIT
        words = "exact" if exact else "patterns unchecked" if measured.pattern is None else "not exact"
        self.say(words, "ok" if exact else "warn", tip)
