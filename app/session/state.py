"""What the user has chosen, as frozen values."""

from __future__ import annotations

import re
from collections.abc import Sequence
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
    weighting: str = "raw"
    """What stands in the place of the weights: "raw", "norms" or "rollout"."""
    kind: str = "self"
    """Which attention: "self", or in an encoder-decoder also "encoder" and "cross"."""


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


LENS_MAP = "logit_lens"
"""What is selected while the logit lens is looked at at every position: no tensor of the model, but made of many."""
_NAME = re.compile(r"((?:encoder|decoder)\.)?blocks\.(\d+)\.(.+)")


def block_of(name: str) -> int | None:
    """The block a tensor name belongs to, None outside the blocks."""
    found = _NAME.fullmatch(name)
    return int(found[2]) if found else None


def part_of(name: str) -> str:
    """The name within its block: "attn.q" of "blocks.3.attn.q"; other names as they are."""
    found = _NAME.fullmatch(name)
    return found[3] if found else name


def stack_of(name: str) -> str:
    """ "encoder." or "decoder." where a name begins so, else ''."""
    first = name.partition(".")[0]
    return f"{first}." if first in ("encoder", "decoder") else ""


def kind_of(name: str) -> str:
    """The kind of attention that a name belongs to: "self", "encoder" or "cross"."""
    return "encoder" if stack_of(name) == "encoder." else "cross" if part_of(name).startswith("cross.") else "self"


def shows_attention(name: str) -> bool:
    """Whether a name is that of attention weights or scores."""
    return part_of(name) in ("attn.pattern", "attn.scores", "cross.pattern", "cross.scores")


def is_mask(name: str) -> bool:
    """Whether a name is that of the mask of an attention, which is handed to the model's attention and no output."""
    return part_of(name) == "attn.mask"


def attention_name(kinds: Sequence[str], kind: str, layer: int, part: str = "pattern") -> str:
    """The name of a part of an attention in a model that has these `kinds`."""
    stack = {"encoder": "encoder.", "cross": "decoder."}.get(kind, "decoder." if len(kinds) > 1 else "")
    return f"{stack}blocks.{layer}.{'cross' if kind == 'cross' else 'attn'}.{part}"
