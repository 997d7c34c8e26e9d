"""The generators that look into what was measured; numpy alone, on a lane of their own."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from app.engine.errors import UserError
from app.engine.evaluate.records import MASKED, Scores, TextPage
from app.engine.texts.records import TextSource
from app.session.measured import CellReading, Figures
from app.session.measured_files import read_tokens

PAGE_BYTES = 4_000
OVERVIEW = 480
CHANGED = "The text is no longer the one that was measured."


def read_cell(
    path: Path | None,
    text: TextSource,
    figures: Sequence[Figures],
    scores: Sequence[Scores | None],
    slots: Sequence[str],
    chosen: int,
) -> Generator[Any, None, tuple[CellReading, bytes, tuple[Scores, ...], tuple[str, ...]]]:
    """Everything that the panels below the table show, with the text's bytes and the scores for turning its pages, and
    what an encoder-decoder read beside each record.

    `chosen` is the cell that was clicked, the other one stands beside it.
    Raises UserError where the text changed since, or the tokens of a cell are gone.
    """
    from app.engine.evaluate import align, curves, significance

    yield None
    raw, sources = _contents(replace(text, revision=figures[0].revision), figures[0].text_hash)
    yield None
    known = tuple(_scores(path, each, held) for each, held in zip(figures, scores, strict=True))
    yield None
    pair = known if len(known) == 2 else None
    named = [(each, one.model, slot) for each, one, slot in zip(known, figures, slots, strict=True)]
    reading = CellReading(
        tuple(figures),
        tuple(slots),
        align.page(raw, known, 0, PAGE_BYTES),
        tuple(curves.overview(each, min(OVERVIEW, max(1, each.bytes))) for each in known),
        tuple(curves.by_position(*each) for each in named),
        tuple(curves.cumulative(*each) for each in named),
        tuple(curves.by_context(*each) for each in named if each[0].objective != MASKED),
        tuple(curves.calibration(each) for each in known),
        align.largest_spans(align.align(*pair), raw) if pair else (),
        significance.compare(*pair) if pair else None,
        _warming(known[chosen]),
        chosen,
    )
    return reading, raw, known, sources


def read_page(raw: bytes, scores: Sequence[Scores], start: int) -> Generator[Any, None, TextPage]:
    """Another page of the text."""
    from app.engine.evaluate.align import page

    yield None
    return page(raw, scores, start, PAGE_BYTES)


def _contents(text: TextSource, wanted: str) -> tuple[bytes, tuple[str, ...]]:
    """The UTF-8 bytes of all records of a text, and their sources, () without any. Raises UserError when they are not
    those that were measured."""
    from app.engine.evaluate.encoding import utf8
    from app.engine.texts.source import ContentHash, records

    parts: list[bytes] = []
    sources: list[str] = []
    known = ContentHash()
    for record in records(text, whole=False):
        parts += (utf8(piece) for piece in known.passing(record).pieces())
        sources.append(record.source)
    if known.hexdigest() != wanted:
        raise UserError(CHANGED, "Measure it again.")
    return b"".join(parts), tuple(sources) if any(sources) else ()


def _scores(path: Path | None, figures: Figures, held: Scores | None) -> Scores:
    found = held if held is not None else read_tokens(path, figures.key) if path is not None else None
    if found is None:
        raise UserError(f"The tokens of {figures.model} on {figures.text} are no longer kept.", "Measure it again.")
    return found


def _warming(scores: Scores) -> int:
    """Bytes until the first window is full; 0 where the whole text is one window."""
    window = scores.plan.window or 0
    return int(scores.spans[window - 1, 1]) if 0 < window < len(scores.ids) else 0
