"""One record while it is measured."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np

from app.engine.evaluate.encoding import Encoded, utf8
from app.engine.evaluate.surprisal import Noted
from app.engine.evaluate.windows import Window


class RecordScores:
    """Its tokens as far as they are known, and what was noted of them."""

    def __init__(self, lm_eval: bool, own_only: bool) -> None:
        self.parts: list[Encoded] = []
        self.noted: list[Noted] = []
        self.places: list[np.ndarray] = []
        """int64 `[token]` beside each of `noted`: which tokens of the record those are."""
        self.tokens = self.bytes = 0
        """So far; bytes are counted when they are read."""
        self.settled = 0
        """Bytes that `tokens` stand for."""
        self.in_windows = 0
        """How many tokens windows are cut from: all, or with `own_only` those that are not special."""
        # lm-evaluation-harness counts what lies between stretches of white space, also nothing at the ends.
        self.words = 1 if lm_eval else 0
        self.told = 0.0
        """Bytes that were told as scored."""
        self._run = re.compile(r"\s+" if lm_eval else r"\S+")
        self._own_only = own_only
        self._lead = 0
        self._held = np.empty(0, np.int64)
        """The ids in windows that are still needed, from `_from` on."""
        self._from = self._needed = 0

    def counted(self, pieces: Iterator[str]) -> Iterator[str]:
        """The text's pieces; bytes and words are counted while they pass."""
        inside = False
        for piece in pieces:
            self.bytes += len(utf8(piece))
            # A word that is cut in two is one.
            self.words += sum(1 for _ in self._run.finditer(piece)) - (inside and self._run.match(piece) is not None)
            inside = self._run.match(piece[-1:]) is not None
            yield piece

    def add(self, part: Encoded) -> None:
        """Further tokens."""
        ids = part.ids
        if self._own_only:
            ids = ids[~part.special]
            if not self.parts:
                self._lead = int(np.argmin(part.special)) if len(ids) else len(part.ids)
        self.parts.append(part)
        self.tokens += len(part.ids)
        self.settled = int(part.spans[-1, 1]) if len(part.ids) else self.settled
        self.in_windows += len(ids)
        self._held = np.concatenate([self._held[self._needed - self._from :], ids])
        self._from = self._needed

    def ids(self, window: Window) -> np.ndarray:
        """int64 `[token]`: the tokens of a window. Windows come in order; what is before one is let go of."""
        self._needed = window.start
        return self._held[window.start - self._from : window.stop - self._from]

    def note(self, noted: Noted, first: int, last: int) -> None:
        """Keep what the tokens from `first` to `last` cost, counted as windows count them."""
        self.noted.append(noted)
        self.places.append(np.arange(first, last) + self._lead)
