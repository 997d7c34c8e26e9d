"""Stop sequences as one line of text, and back: separated by bars, with backslashes before what cannot stand there."""

from __future__ import annotations

import re
from collections.abc import Sequence

from app.engine.errors import UserError
from app.session.branches import Branch

_WRITTEN = {"\\": "\\\\", "|": "\\|", "\n": "\\n", "\t": "\\t", "\r": "\\r"}
_READ = {written[1]: sign for sign, written in _WRITTEN.items()}
_PIECE = re.compile(r"\\(.)|(\|)|(.)", re.DOTALL)


def written_stops(stops: Sequence[str]) -> str:
    """The line that `read_stops` reads as these."""
    return "|".join("".join(_WRITTEN.get(sign, sign) for sign in stop) for stop in stops)


def read_stops(line: str) -> tuple[str, ...]:
    """The stop sequences of a line, none for an empty one. Raises UserError where one of them is empty."""
    if not line:
        return ()
    parts = [""]
    for escaped, bar, plain in _PIECE.findall(line):
        if bar:
            parts.append("")
        elif escaped:
            # A backslash before any other sign is itself.
            parts[-1] += _READ.get(escaped, f"\\{escaped}")
        else:
            parts[-1] += plain
    if "" in parts:
        raise UserError(
            f"“{line}” holds an empty stop sequence, which would end every text at once.",
            "Take the bar out, or write \\| where the bar belongs to the text.",
        )
    return tuple(parts)


def stop_note(branch: Branch, index: int) -> tuple[str, str]:
    """Why what followed a text's last step cannot be looked at, where a stop sequence ended it, and what helps; else
    two empty ones."""
    if branch.ended_by != "stop string" or index != len(branch.steps) - 1:
        return "", ""
    if branch.steps[index].shortened:
        return "A stop sequence begins inside this token: the text ends in the middle of it, and no choice follows.", ""
    return (
        "A stop sequence followed: its tokens were taken back, and how they were chosen is not kept.",
        "Take it out of “Stop at” and press Generate again: with the same seed the same tokens come, and stay.",
    )
