"""Reading the training corpora: plain text, one paragraph a line, `<|endoftext|>` after each document."""

from __future__ import annotations

import lzma
from pathlib import Path

END_OF_TEXT = "<|endoftext|>"


def read_text(path: Path) -> str:
    """The whole text of a `.txt` or `.txt.xz` file, UTF-8.

    Raises SystemExit naming the file when it is missing, since a corpus is something the user has to fetch.
    """
    if not path.exists():
        raise SystemExit(f"The corpus {path} is missing. Name the folder that holds the corpora with --data.")
    if path.suffix == ".xz":
        with lzma.open(path, "rt", encoding="utf-8", newline="\n") as file:
            return file.read()
    return path.read_text(encoding="utf-8")


def documents(text: str) -> list[str]:
    """The documents of a corpus text, without their end marks."""
    return [part.strip("\n") for part in text.split(END_OF_TEXT) if part.strip()]
