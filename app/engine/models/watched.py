"""A long call of a library, made into steps: it runs on a thread of its own and reports from there."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from app.engine.errors import Cancelled

T = TypeVar("T")
Report = TypeVar("Report")
LOOK_EVERY = 0.05
"""Seconds after which the generator comes back at the latest, so that it can be closed."""

LEAVE_AFTER = 2.0
"""Seconds that closing waits for the thread."""


def watched(work: Callable[[Callable[[Report], None]], T]) -> Generator[Report | None, None, T]:
    """Run `work(tell)` on a thread and yield what it tells, None while it tells nothing; its result is returned.

    Closing the generator makes the next `tell` raise Cancelled inside `work` and waits until it has ended, but not for
    ever: a call that hangs in the network ends by itself later. What `work` raises is raised here.
    """
    told: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()
    stop = threading.Event()

    def tell(report: Report) -> None:
        if stop.is_set():
            raise Cancelled
        told.put(("told", report))

    def run() -> None:
        try:
            told.put(("done", work(tell)))
        except BaseException as error:  # noqa: BLE001 - raised again on the thread that steps the generator
            told.put(("failed", error))

    thread = threading.Thread(target=run, name="watched work", daemon=True)
    thread.start()
    try:
        while True:
            try:
                kind, value = told.get(timeout=LOOK_EVERY)
            except queue.Empty:
                yield None
                continue
            if kind == "done":
                return value
            if kind == "failed":
                raise value
            yield value
    finally:
        stop.set()
        thread.join(LEAVE_AFTER)


@contextmanager
def loading_told(tell: Callable[[float], None]) -> Iterator[None]:
    """Let transformers' own bar "Loading weights" tell the share done, 0 to 1, instead of drawing itself.

    Its hook is the process's, so other threads get their bars as before.
    """
    from transformers.utils import logging

    thread = threading.get_ident()

    def hook(factory: Callable[..., Any], arguments: tuple[Any, ...], options: dict[str, Any]) -> Any:
        if threading.get_ident() != thread:
            return factory(*arguments, **options)
        bar = factory(*arguments, **{**options, "disable": True})
        return _Told(bar, tell) if options.get("desc") == "Loading weights" else bar

    before = logging.set_tqdm_hook(hook)
    try:
        yield
    finally:
        logging.set_tqdm_hook(before)


class _Told:
    """Iterates as the bar does and tells how far it is."""

    def __init__(self, bar: Any, tell: Callable[[float], None]) -> None:
        self._bar, self._tell = bar, tell

    def __iter__(self) -> Iterator[Any]:
        total = len(self._bar) or 1
        for place, item in enumerate(self._bar):
            self._tell(place / total)
            yield item

    def __getattr__(self, name: str) -> Any:
        return getattr(self._bar, name)
