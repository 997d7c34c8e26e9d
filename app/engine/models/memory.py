"""The one place where running out of memory becomes a sentence."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch

from app.engine.errors import UserError
from app.engine.models.devices import free_bytes

# What the CPU allocator says in its RuntimeError (c10/core/impl/alloc_cpu.cpp).
_CPU_ALLOCATOR = "DefaultCPUAllocator"


class NoMemoryError(UserError):
    """An allocation failed; with less at once it may succeed."""


def require_memory(needed: int, device: str, what: str, remedy: str) -> None:
    """Raise UserError when `needed` bytes are not free on `device`.

    On a CPU the kernel would kill the process instead of failing the allocation, so this is asked first.
    """
    free = free_bytes(device)
    if needed > free:
        raise UserError(f"{what} needs {needed / 1e9:.1f} GB, {free / 1e9:.1f} GB is free on {device}.", remedy)


@contextmanager
def memory_errors(what: str, remedy: str | Callable[[], str]) -> Iterator[None]:
    """Turn every kind of out-of-memory error inside into a UserError that names `what` and the way out."""
    try:
        yield
    except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
        if not isinstance(error, torch.OutOfMemoryError | MemoryError) and _CPU_ALLOCATOR not in str(error):
            raise
        # Its traceback holds what the functions held that failed; an error that is shown is kept for long.
        way_out = remedy if isinstance(remedy, str) else remedy()
        raise NoMemoryError(f"There was not enough memory for {what}.", way_out) from error.with_traceback(None)
