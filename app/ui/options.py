"""The command line."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

PAGES = ("model", "inspect", "generate", "evaluate", "finetune")
THEMES = ("light", "dark", "system")
SMALLEST = (1120, 720)


@dataclass(frozen=True)
class Options:
    """What was asked for at the start."""

    model: str | None
    """None: the one that was open the last time."""
    page: str | None
    """None: the page that was in front the last time."""
    prompt: str | None
    theme: str | None
    size: tuple[int, int] | None
    screenshot: Path | None
    session: Path | None = None
    """A recorded session to play."""


class _Parser(argparse.ArgumentParser):
    """Ends with code 1 and one sentence that names what there is."""

    def error(self, message: str) -> NoReturn:
        known = ", ".join(action.option_strings[-1] for action in self._actions)
        self.exit(1, f"{self.prog}: {message}. The options are {known}.\n")


def _page(text: str) -> str:
    if text not in PAGES:
        raise argparse.ArgumentTypeError(f"there is no page “{text}”; the pages are {', '.join(PAGES)}")
    return text


def _theme(text: str) -> str:
    if text not in THEMES:
        raise argparse.ArgumentTypeError(f"there is no theme “{text}”; the themes are {', '.join(THEMES)}")
    return text


def _size(text: str) -> tuple[int, int]:
    width, cross, height = text.partition("x")
    if not (cross and width.isdecimal() and height.isdecimal()):
        raise argparse.ArgumentTypeError(f"“{text}” is no size; write for instance 1440x900")
    size = (int(width), int(height))
    if size[0] < SMALLEST[0] or size[1] < SMALLEST[1] or max(size) > 16_384:
        raise argparse.ArgumentTypeError(f"{text} does not fit; the window is at least {SMALLEST[0]}x{SMALLEST[1]}")
    return size


def parse(arguments: Sequence[str]) -> Options:
    """Read the command line; on a mistake the program ends with code 1 and a sentence."""
    parser = _Parser("unembed", description="Open a transformer up.", allow_abbrev=False)
    parser.add_argument("--model", metavar="REF", help="a bundled model's name, a folder, or a hub id")
    parser.add_argument("--page", type=_page, metavar="|".join(PAGES))
    parser.add_argument("--prompt", metavar="TEXT", help="the text to start with")
    parser.add_argument("--theme", type=_theme, metavar="|".join(THEMES))
    parser.add_argument("--size", type=_size, metavar="1440x900", help="size of the window in pixels")
    parser.add_argument(
        "--screenshot",
        type=Path,
        metavar="FILE",
        help="write a picture of the page as PNG and end; nothing is remembered",
    )
    parser.add_argument(
        "--session", type=Path, metavar="FILE", help="play a recorded session: its model writes its text again"
    )
    return Options(**vars(parser.parse_args(arguments)))
