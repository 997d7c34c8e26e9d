"""What an empty Generate page says, by what the model does with a text."""

from __future__ import annotations

from app.engine.models.records import ModelSummary


def invitation(summary: ModelSummary | None) -> str:
    """The sentence over the examples."""
    if summary is None or summary.kind == "decoder":
        return "Type a prompt above, or continue one of these:"
    if summary.kind == "encoder-decoder":
        return "Type a source text above, or let the model answer one of these:"
    if summary.answer != "masked token":
        return "This model writes no tokens. Its answer stands on the Inspect page."
    return f"Type a text with {summary.mask_token} above, or fill the gap of one of these:"
