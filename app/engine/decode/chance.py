"""The random numbers of one run."""

from __future__ import annotations

import secrets

import torch


class Chance:
    """Numbers from one seed, drawn when none is given. `skipped` numbers of an earlier run with it are passed over."""

    def __init__(self, seed: int | None, skipped: int = 0) -> None:
        # 31 bits when drawn: short enough to be read aloud and typed again.
        self.seed = secrets.randbelow(2**31) if seed is None else seed
        self.generator = torch.Generator().manual_seed(self.seed)
        for _ in range(skipped):
            self.number()

    def number(self) -> float:
        """Uniform in [0, 1)."""
        return torch.rand((), generator=self.generator, dtype=torch.float64).item()
