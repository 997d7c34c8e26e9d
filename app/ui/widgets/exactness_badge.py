"""How far the pictures of a model lie from the untouched model, as a badge."""

from __future__ import annotations

from app.engine.trace.records import Exactness
from app.ui.widgets.badge import Badge
from app.ui.widgets.number_text import short_number

PATTERN_LIMITS = {"fp32": 5e-5}
"""Above this the eager run's other rounding no longer explains a difference, by the precision computed in."""
HALF_LIMIT = 5e-3
"""The same in half precision, whose roundings are that coarse."""


class ExactnessBadge(Badge):
    """Green with the largest difference where rounding explains it; otherwise it says what differs, and how much."""

    def show_exactness(self, measured: Exactness | None, precision: str = "fp32") -> None:
        """Say how far these pictures lie from the untouched model, computed in `precision`; None says nothing."""
        if measured is None:
            self.say("")
            return
        limit = PATTERN_LIMITS.get(precision, HALF_LIMIT)
        same = "bit for bit the untouched model's" if measured.logits == 0 else f"off by up to {measured.logits:.1e}"
        tip = f"Measured on a sample of {measured.tokens} tokens when the model was opened, not on your text. "
        tip += f"Logits: {same}. "
        if measured.pattern is None:
            tip += f"Patterns could not be compared: {measured.reason}."
        else:
            tip += (
                f"Attention patterns: within {measured.pattern:.1e} of transformers' eager attention; in {precision} "
                f"other rounding makes up to {limit:.0e}."
            )
        words, tone = "patterns unchecked", "warn"
        if measured.logits != 0:
            words = f"logits off {short_number(measured.logits)}"
        elif measured.pattern is not None:
            # Not "larger than": a difference that is no number is no small one.
            exact = measured.pattern <= limit
            tone = "ok" if exact else "warn"
            words = f"{'exact to' if exact else 'weights off'} {short_number(measured.pattern)}"
            words = "exact" if measured.pattern == 0 else words
        self.say(words, tone, tip)
