"""What the user has chosen, as one frozen value."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Selection:
    """The one selection that every view follows. Layers, heads and tokens count from 0."""

    name: str = "blocks.0.attn.pattern"
    """The tensor that is shown, by its name in the trace."""
    layer: int = 0
    head: int = 0
    query: int | None = None
    """The token that looks; None means the last one."""
    key: int | None = None
    """The token that is looked at, None when only the row is chosen."""


def block_of(name: str) -> int | None:
    """The block a tensor name belongs to, None outside the blocks."""
    pieces = name.split(".", 2)
    return int(pieces[1]) if pieces[0] == "blocks" and len(pieces) == 3 else None


def part_of(name: str) -> str:
    """The name within its block: "attn.q" of "blocks.3.attn.q"; other names as they are."""
    return name.split(".", 2)[2] if block_of(name) is not None else name
