"""Which tokens of an attention are drawn: the usual filter of sentence pairs, and the first token left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.engine.trace.records import Token

PAIR_FILTERS = ("All", "A→A", "A→B", "B→A", "B→B")


@dataclass(frozen=True)
class Shown:
    """Places of the rows and columns that are drawn, among all tokens."""

    rows: tuple[int, ...]
    columns: tuple[int, ...]

    def row_of(self, query: int) -> int:
        """Where a token's row is drawn, −1 when it is left out."""
        return self.rows.index(query) if query in self.rows else -1

    def column_of(self, key: int) -> int:
        """Where a token's column is drawn, −1 when it is left out."""
        return self.columns.index(key) if key in self.columns else -1


def shown_tokens(rows: Sequence[Token], columns: Sequence[Token], pair: str, without_first: bool) -> Shown:
    """What one of `PAIR_FILTERS` leaves of rows and columns; `without_first` drops the first column."""
    looks, looked_at = (None, None) if pair == PAIR_FILTERS[0] else ("AB".index(pair[0]), "AB".index(pair[-1]))
    first = 1 if without_first and len(columns) > 1 else 0
    return Shown(
        tuple(place for place, token in enumerate(rows) if looks in (None, token.segment)),
        tuple(place for place, token in enumerate(columns) if looked_at in (None, token.segment) and place >= first),
    )
