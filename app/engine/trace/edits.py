"""Edits of a run, addressed by layer and head. Records only: the tap carries them out."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class AblateHead:
    """Set a head's z (pattern·v, before the output projection) to zero: no mean, no renormalising."""

    layer: int
    head: int
    kind: str = "self"


@dataclass(frozen=True)
class KnockOut:
    """Set one score to −inf before softmax, so that the row's other weights grow to sum to 1. Head None: all heads."""

    layer: int
    head: int | None
    query: int
    key: int
    kind: str = "self"


Edit = AblateHead | KnockOut
