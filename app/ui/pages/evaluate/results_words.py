"""What the table of models and texts says in words and numbers. Knows no Qt."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import permutations
from math import ceil, isfinite, isnan, log, log10

from app.engine.evaluate.records import CAUSAL, CONDITIONAL, MASKED, OBJECTIVE_WORDS
from app.session.measured import DONE, FAILED, NO_SOURCE, NOT_YET, RUNNING, STALE, WAITING, Cell, Figures, Table
from app.ui.widgets.number_text import number, short_number

BITS, PERPLEXITY = "bits per byte", "perplexity"
"""What is large in a cell; the other one stands small below it."""
KIND_WORDS = {CAUSAL: "", MASKED: "pseudo", CONDITIONAL: "conditional"}
"""The small word beside figures that are not a plain perplexity."""
STATE_WORDS = {NOT_YET: "–", WAITING: "waiting", FAILED: "failed", NO_SOURCE: "needs a source", STALE: "changed"}
_TICK = "The lowest bits per byte of this text, or within 0.2% of it"
_NAMED = {
    MASKED: "pseudo-perplexity of a masked model",
    CONDITIONAL: "conditional perplexity of an encoder-decoder",
    CAUSAL: "perplexity",
}


def measured(table: Table) -> Iterator[tuple[int, int, Figures]]:
    """Row, column and figures of every cell that has some, old ones too."""
    for row, cells in enumerate(table.cells):
        for column, cell in enumerate(cells):
            if cell.figures is not None:
                yield row, column, cell.figures


def decimals_of(table: Table) -> int:
    """Places of bits per byte: two, or three where two models of one text would read alike."""
    for column in range(len(table.columns)):
        figures = [row[column].figures for row in table.cells]
        bits = [each.bits_per_byte for each in figures if each is not None and isfinite(each.bits_per_byte)]
        if len({number(each, 2) for each in bits}) < len(set(bits)):
            return 3
    return 2


def is_ranked(table: Table, measure: str) -> bool:
    """Whether the lowest of a measure may be ticked: perplexities compare only where texts are split alike."""
    return measure == BITS or table.split_alike


def ticked(table: Table, row: int, column: int, measure: str) -> bool:
    """Whether a cell carries the tick."""
    cell = table.cells[row][column]
    return cell.best and cell.state == DONE and is_ranked(table, measure)


def large_and_small(figures: Figures, measure: str, decimals: int) -> tuple[str, str]:
    """The two numbers of a cell."""
    bits, perplexity = number(figures.bits_per_byte, decimals), short_number(figures.perplexity)
    return (bits, perplexity) if measure == BITS else (perplexity, bits)


def error_text(figures: Figures, decimals: int) -> str:
    """The standard error as "±0.02", with places enough to be more than nothing; '' where it is not known."""
    error = figures.standard_error
    if isnan(error):
        return ""
    needed = ceil(-log10(error)) if error > 0 else decimals
    return f"±{number(error, min(max(decimals, needed), 4))}"


def cell_words(table: Table, row: int, column: int, decimals: int) -> str:
    """A cell read aloud: "story-gpt, Fairy tale: 1.05 bits per byte, perplexity 11.9, best"."""
    cell = table.cells[row][column]
    return f"{table.rows[row].name}, {table.columns[column].name}: {_state_words(cell, decimals)}"


def cell_tip(table: Table, row: int, column: int) -> list[str]:
    """Everything about a cell, line by line."""
    cell = table.cells[row][column]
    lines = [f"{table.rows[row].name} on {table.columns[column].name}"]
    if cell.state == FAILED:
        lines.append(f"Failed: {cell.error}")
    elif cell.state == NO_SOURCE:
        lines.append(cell.error)
    elif cell.state == STALE:
        lines.append(f"Changed since it was measured: {cell.error}")
    elif cell.state == RUNNING:
        lines.append(f"Being measured, {_percent(cell)} done")
    elif cell.state != DONE:
        lines.append({WAITING: "Waiting for its turn", NOT_YET: "Not measured yet"}[cell.state])
    if cell.best and cell.state == DONE:
        lines.append(_TICK)
    return lines + (_figure_lines(cell.figures) if cell.figures is not None else [])


def tokenizer_note(table: Table, measure: str) -> tuple[str, str]:
    """(fact, what follows from it) where the models split texts differently, else two ''."""
    if table.split_alike:
        return "", ""
    ticks = "Ticks mark the lowest bits per byte: a byte is the same to every tokenizer."
    if measure == PERPLEXITY:
        ticks = "So none is ticked here: a byte is the same to every tokenizer, a token is not."
    fact = "These models split text differently: compare their bits per byte, not their perplexities."
    return fact, f"{ticks} {_example(table)}".strip()


def objective_note(table: Table) -> tuple[str, str]:
    """(fact, what follows from it) where figures of several kinds stand in the table, else two ''."""
    names = [words for kind, words in _NAMED.items() if kind in table.objectives]
    if len(names) < 2:
        return "", ""
    listed = f"{', '.join(names[:-1])} and {names[-1]}"
    return f"{listed[0].upper()}{listed[1:]} are different quantities;", "they are ranked apart."


def _state_words(cell: Cell, decimals: int) -> str:
    if cell.state == RUNNING:
        return f"running, {_percent(cell)}"
    if cell.state == FAILED:
        return f"failed: {cell.error}"
    if cell.state == NO_SOURCE:
        return f"{STATE_WORDS[NO_SOURCE]}: {cell.error}"
    if cell.figures is None or cell.state in (NOT_YET, WAITING):
        return {NOT_YET: "not measured yet"}.get(cell.state, cell.state)
    figures = cell.figures
    words = f"{number(figures.bits_per_byte, decimals)} bits per byte"
    if error := error_text(figures, decimals):
        words += f" {error}"
    words += f", {OBJECTIVE_WORDS[figures.objective]} {short_number(figures.perplexity)}"
    if cell.state == STALE:
        return f"{words}, changed: {cell.error}"
    return f"{words}, best" if cell.best else words


def _percent(cell: Cell) -> str:
    return f"{100 * min(max(cell.share, 0.0), 1.0):.0f}%"


def _figure_lines(figures: Figures) -> list[str]:
    error = error_text(figures, 3)
    kind = OBJECTIVE_WORDS[figures.objective]
    lines = [
        f"{number(figures.bits_per_byte, 3)} bits per byte{f' {error} (standard error)' if error else ''}",
        f"{kind[0].upper()}{kind[1:]} {short_number(figures.perplexity)}, {number(figures.nats_per_token, 3)} nats a "
        "token",
        f"{figures.tokens:,} tokens scored, {figures.bytes:,} bytes",
        f"Window {figures.window:,}, stride {figures.stride:,}, {figures.plan}",
        f"{figures.precision} on {figures.device}, {short_number(figures.seconds)} s, {local_time(figures.when)}",
    ]
    if figures.skipped:
        lines.insert(3, f"{figures.skipped:,} of {figures.records:,} records were too short to be scored")
    return [*lines, f"Note: {figures.note}"] if figures.note else lines


def local_time(when: float) -> str:
    """Seconds since the epoch as "2026-11-25 21:27" on the person's clock."""
    return "" if isnan(when) else datetime.fromtimestamp(when).astimezone().strftime("%Y-%m-%d %H:%M")


def _example(table: Table) -> str:
    """The clearest text on which one model has the lower perplexity and yet the higher bits per byte."""
    found: list[tuple[bool, float, str]] = []
    decimals = decimals_of(table)
    for column, head in enumerate(table.columns):
        measured_rows = [row for row, cells in enumerate(table.cells) if cells[column].state == DONE]
        for first, second in permutations(measured_rows, 2):
            one, other = table.cells[first][column].figures, table.cells[second][column].figures
            if one is None or other is None or not _are_at_odds(one, other):
                continue
            slots = [table.rows[row].contender.slot for row in (first, second)]
            names = slots if all(slots) else [table.rows[row].name for row in (first, second)]
            words = (
                f"{head.name} shows why: {names[0]} has the lower perplexity "
                f"({short_number(one.perplexity)} against {short_number(other.perplexity)}), yet {names[1]} has the "
                f"lower bits per byte ({number(other.bits_per_byte, decimals)} against "
                f"{number(one.bits_per_byte, decimals)})."
            )
            apart = min(log(other.perplexity / one.perplexity), log(one.bits_per_byte / other.bits_per_byte))
            found.append((all(slots), apart, words))
    return max(found)[2] if found else ""


def _are_at_odds(one: Figures, other: Figures) -> bool:
    """Whether the first has the lower perplexity and yet the higher bits per byte, by another tokenizer."""
    numbers = (one.perplexity, other.perplexity, one.bits_per_byte, other.bits_per_byte)
    if one.objective != other.objective or one.tokenizer_hash == other.tokenizer_hash:
        return False
    comparable = all(isfinite(value) and value > 0 for value in numbers)
    return comparable and one.perplexity < other.perplexity and one.bits_per_byte > other.bits_per_byte
