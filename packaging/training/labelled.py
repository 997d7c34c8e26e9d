"""Reading labelled sentences: a tab-separated file with the header `sentence label`, quotes without meaning."""

from __future__ import annotations

from pathlib import Path

from training.corpora import read_text


def read_labelled(path: Path) -> list[tuple[str, int]]:
    """The sentences with their labels, in the file's order. Raises SystemExit when the file is missing."""
    rows = (line.split("\t") for line in read_text(path).splitlines()[1:])
    return [(sentence, int(label)) for sentence, label in rows]
