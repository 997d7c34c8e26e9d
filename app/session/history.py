"""Undo and redo of what was chosen: prompt, selection, decoding settings."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from app.engine.decode.settings import DecodingSettings
from app.session.state import Selection

MERGING = ("settings", "selection")
MERGE_SECONDS = 0.8
"""Changes of one of these kinds that follow each other faster are one step: a slider that is dragged, arrows held."""
MOST = 200


@dataclass(frozen=True)
class Moment:
    """Everything that undo brings back."""

    prompt: str
    selection: Selection
    settings: DecodingSettings
    second: str = ""


class History:
    """Moments before and after the present one."""

    def __init__(self, now: Moment, clock: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._clock = clock
        self._past: list[Moment] = []
        self._future: list[Moment] = []
        self._last: tuple[str, float] = ("", 0.0)

    def note(self, moment: Moment, kind: str) -> None:
        """The person has changed something of this kind, for instance "prompt"."""
        if moment == self._now:
            return
        now = self._clock()
        soon = kind in MERGING and self._last[0] == kind and now - self._last[1] < MERGE_SECONDS
        follows = soon and bool(self._past)
        if not follows:
            self._past.append(self._now)
            del self._past[:-MOST]
        self._now, self._last = moment, (kind, now)
        self._future.clear()

    def separate(self) -> None:
        """Something happened that is kept elsewhere: the next change is one of its own."""
        self._last = ("", 0.0)

    @property
    def present(self) -> Moment:
        """How things are now."""
        return self._now

    def undo(self) -> Moment | None:
        """The moment before, None at the beginning."""
        return self._step(self._past, self._future)

    def redo(self) -> Moment | None:
        """The moment that was undone last, None when there is none."""
        return self._step(self._future, self._past)

    def replace_present(self, moment: Moment) -> None:
        """The program itself changed something, which undo does not bring back."""
        self._now = moment

    def _step(self, source: list[Moment], target: list[Moment]) -> Moment | None:
        if not source:
            return None
        target.append(self._now)
        self._now, self._last = source.pop(), ("", 0.0)
        return self._now
