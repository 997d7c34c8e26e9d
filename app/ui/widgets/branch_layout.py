"""Where the branches of a text lie: which row each one takes, and which parts of which lines it is made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

_BEND = 16.0
"""Pixels that a line needs to leave its parent's row."""
_SHORTEST = 8.0
"""Pixels of a line after its bend, however few tokens it has."""


@dataclass(frozen=True)
class BranchShown:
    """One text among those that begin alike."""

    parent: int | None
    """The branch it leaves, None for the first."""
    fork: int
    """Index of the first new token that differs from the parent's."""
    length: int
    """How many new tokens it has."""
    label: str
    """The token at the fork, or words that begin with it."""
    score: float | None
    """Mean log-probability of its tokens; None before the first."""
    parts: int = 0
    """Of one that leaves no other: the first token that no other one shares."""
    by: str = ""
    """What wrote it, where others were written otherwise."""


def rows_of(branches: Sequence[BranchShown]) -> list[int]:
    """The branches from the top row down.

    Each stands under its parent, those that leave it late first: then no line runs across another.
    """
    children: dict[int | None, list[int]] = {}
    for index, branch in enumerate(branches):
        children.setdefault(branch.parent, []).append(index)
    order: list[int] = []
    waiting = children.get(None, [])[::-1]
    while waiting:
        index = waiting.pop()
        order.append(index)
        waiting.extend(sorted(children.get(index, []), key=lambda child: (branches[child].fork, -child)))
    return order


def way_to(branches: Sequence[BranchShown], index: int) -> dict[int, int]:
    """The branches that a text runs along, and up to which token on each."""
    way, branch = {index: branches[index].length}, branches[index]
    while branch.parent is not None:
        way[branch.parent] = branch.fork
        branch = branches[branch.parent]
    return way


@dataclass(frozen=True)
class BranchAxis:
    """Tokens to pixels: the longest branch takes all the width there is."""

    left: float
    right: float
    longest: int

    def place(self, tokens: int) -> float:
        """Where a branch is after this many tokens; the last bend is left room for."""
        room = self.right - self.left - _BEND - _SHORTEST
        return self.left + room * tokens / max(self.longest, 1)

    def begin(self, branch: BranchShown) -> float:
        """Where a branch's own row begins, after its bend."""
        return self.left if branch.parent is None else self.place(branch.fork) + _BEND

    def end(self, branch: BranchShown) -> float:
        """Where a branch ends."""
        return max(self.place(branch.length), self.begin(branch) + _SHORTEST)
