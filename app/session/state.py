"""What the user has chosen, as frozen values."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from app.engine.models.records import Estimate

SLOTS = ("A", "B")


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


@dataclass(frozen=True)
class OpenRequest:
    """A model to open, where and how."""

    ref: str
    device: str = "auto"
    precision: str = "auto"
    slot: str = "A"

    @property
    def name(self) -> str:
        """The last part of the ref."""
        return Path(self.ref).name


@dataclass(frozen=True)
class RoomWanted:
    """A model that does not fit beside those that are open, and those whose closing makes room."""

    request: OpenRequest
    estimate: Estimate
    closing: tuple[str, ...]


@dataclass(frozen=True)
class OpenModel:
    """What is known of a resident model when another one is to be opened."""

    slot: str
    name: str
    device: str
    size: int
    """Bytes its weights take."""


@dataclass(frozen=True)
class Opening:
    """A request with what is open beside it."""

    request: OpenRequest
    open: tuple[OpenModel, ...] = field(default_factory=tuple)


def block_of(name: str) -> int | None:
    """The block a tensor name belongs to, None outside the blocks."""
    pieces = name.split(".", 2)
    return int(pieces[1]) if pieces[0] == "blocks" and len(pieces) == 3 else None


def part_of(name: str) -> str:
    """The name within its block: "attn.q" of "blocks.3.attn.q"; other names as they are."""
    return name.split(".", 2)[2] if block_of(name) is not None else name
