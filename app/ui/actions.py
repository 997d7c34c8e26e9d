"""Everything the window can be told to do, in one list: for the keys, for the palette, for the menus."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Command:
    """One thing to do. `keys` is as Qt writes them ("Ctrl+K"), '' when it has none."""

    title: str
    act: Callable[[], object]
    keys: str = ""
    icon: str = ""
    words: str = ""
    """More words by which it is found."""
    available: Callable[[], bool] = lambda: True
    absent: str = ""
    """Why what it names does not exist: it is listed grey, and doing it says so."""


def matching(commands: list[Command], typed: str) -> list[Command]:
    """The commands that hold every typed word, first those whose title holds them all, then those whose
    title begins with the first one."""
    wanted = typed.casefold().split()
    found = [
        command
        for command in commands
        if command.available() and all(word in f"{command.title} {command.words}".casefold() for word in wanted)
    ]
    if not wanted:
        return found

    def rank(command: Command) -> tuple[bool, bool, int]:
        title = command.title.casefold()
        return not all(word in title for word in wanted), not title.startswith(wanted[0]), len(title)

    return sorted(found, key=rank)


def bound(act: Callable[..., object], *arguments: object) -> Callable[[], None]:
    """A function of no arguments that calls `act` with these, for signals that send none or others."""

    def call() -> None:
        act(*arguments)

    return call
