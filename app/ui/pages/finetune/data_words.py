"""How the data are told in words."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from app.engine.finetune.records import CHAT, COMPLETION, INSTRUCTION, TEXT, DataPreview, PreviewRow, Problem, Shape

USABLE, CHECK, SKIPPED = "usable", "check", "skipped"
NO_TEXT = "(no text)"
_SHAPE_WORDS = {TEXT: "text", COMPLETION: "prompt → completion", INSTRUCTION: "instruction", CHAT: "chat"}


def shape_words(shape: Shape) -> str:
    """ "prompt → completion (question, answer)"."""
    columns = ", ".join(column for _, column in shape.columns if column)
    name = _SHAPE_WORDS.get(shape.kind, shape.kind)
    return f"{name} ({columns})" if columns else name


def tokens_words(count: int) -> str:
    """ "41k tokens", "850 tokens"."""
    for size, letter in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if count >= size:
            share = count / size
            return f"{share:.1f}{letter} tokens" if share < 10 else f"{share:.0f}{letter} tokens"
    return counted(count, "token")


def counted(count: int, what: str) -> str:
    """ "1 text", "1,204 texts"."""
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"


def tags(preview: DataPreview) -> dict[str, int]:
    """How many records are usable, are worth a look, are left out."""
    used = {problem.place for problem in preview.problems if problem.used}
    left_out = {problem.place for problem in preview.problems if not problem.used}
    return {USABLE: preview.usable, CHECK: len(used - left_out), SKIPPED: len(left_out)}


def rows_of(preview: DataPreview, shown: str) -> tuple[PreviewRow, ...]:
    """The rows that a tag shows, all of them for ''. Problems beyond the first records have a row without a text."""
    if shown == USABLE:
        return tuple(row for row in preview.rows if row.problem is None or row.problem.used)
    if not shown:
        return preview.rows
    known = {row.place: row for row in preview.rows}
    wanted = (problem for problem in preview.problems if problem.used == (shown == CHECK))
    rows = {each.place: known.get(each.place) or PreviewRow(each.place, "", -1, each) for each in wanted}
    return tuple(row for row in rows.values() if row.problem is not None and row.problem.used == (shown == CHECK))


def place_words(place: str) -> str:
    """The place in a narrow column: "12" for "line 12"."""
    return place.removeprefix("line ")


def problem_words(problem: Problem) -> str:
    """A problem as a tag beside its place: "duplicate of 2", "broken JSON"."""
    return problem.words.removeprefix(f"{problem.place}: ").replace(" of line ", " of ")


def row_words(row: PreviewRow) -> str:
    """The text's beginning in one line; what stands for it where there is none."""
    if row.tokens < 0:
        return "…"
    return " ".join(row.text.split()) or NO_TEXT


def row_tip(row: PreviewRow) -> str:
    """A row in a sentence."""
    parts = [row.place, row_words(row)]
    if row.tokens < 0:
        parts[1] = "beyond the records that are shown here"
    if row.held_out:
        parts.append("held out: never learnt from")
    if row.problem is not None:
        parts.append(row.problem.words + ("" if row.problem.used else ", left out"))
    return ": ".join(parts[:2]) + "".join(f"; {part}" for part in parts[2:])


def lengths_words(lengths: np.ndarray, longest: int) -> str:
    """ "median 97 tokens, longest 1,204, 22 cut at 512"."""
    if not len(lengths):
        return "no example"
    cut = int(np.count_nonzero(lengths > longest))
    words = f"median {np.median(lengths):,.0f} tokens, longest {lengths.max():,}"
    return f"{words}, {cut:,} cut at {longest:,}" if cut else words


def short_lengths_words(lengths: np.ndarray, longest: int) -> str:
    """ "median 97 · 22 cut"."""
    if not len(lengths):
        return ""
    cut = int(np.count_nonzero(lengths > longest))
    return f"median {np.median(lengths):,.0f}" + (f" · {cut:,} cut" if cut else "")


def distinct(shapes: Sequence[Shape]) -> list[Shape]:
    """Each shape once, in order."""
    return list(dict.fromkeys(shapes))
