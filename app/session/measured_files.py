"""What was measured, as files: the figures and the table in one JSON, every cell's tokens in a file of its own."""

from __future__ import annotations

import json
import time
from collections.abc import Generator, Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from app.engine.evaluate.records import Plan, Scores
from app.engine.texts.records import TextSource
from app.session.measured import Contender, Figures
from app.session.saved import write

VERSION = 1
_ARRAYS = ("ids", "token_nats", "spans", "entropy", "rank", "confidence", "starts")


@dataclass(frozen=True)
class KeptTable:
    """What the Evaluate page brings back at the next start."""

    others: tuple[Contender, ...] = ()
    texts: tuple[TextSource, ...] = ()
    plan: Plan = field(default_factory=Plan)
    figures: tuple[Figures, ...] = ()


def encode(kept: KeptTable) -> str:
    """The table as JSON. NaN and infinity are written as Python reads them."""
    return json.dumps({"version": VERSION, **asdict(kept)}, ensure_ascii=False, indent=1)


def decode(text: str) -> KeptTable:
    """The table from JSON. Raises ValueError when it cannot be understood."""
    content = json.loads(text)
    if not isinstance(content, dict) or content.get("version") != VERSION:
        raise ValueError("it was written by another version of Unembed")
    try:
        return KeptTable(
            tuple(Contender(**each) for each in content["others"]),
            tuple(TextSource(**each) for each in content["texts"]),
            Plan(**content["plan"]),
            tuple(Figures(**each) for each in content["figures"]),
        )
    except (KeyError, TypeError) as error:
        raise ValueError(f"a part of it is missing or wrong ({error})") from error


def read(path: Path) -> Generator[Any, None, tuple[KeptTable, str]]:
    """The kept table and a note for the person; a file that cannot be read is kept beside it under another name."""
    yield None
    try:
        return decode(path.read_text(encoding="utf-8")), ""
    except FileNotFoundError:
        return KeptTable(), ""
    except (ValueError, OSError) as error:
        aside = path.with_name(f"{path.stem}-unreadable-{time.strftime('%Y%m%d-%H%M%S')}{path.suffix}")
        with suppress(OSError):
            path.replace(aside)
        return KeptTable(), f"What was measured before could not be read: {error}. It is kept as {aside}."


def save(path: Path, kept: KeptTable) -> Generator[Any, None, None]:
    """Replace the file in one step, and let go of tokens whose figures are gone."""
    yield None
    write(path, encode(kept))
    known = {figures.key for figures in kept.figures}
    for file in tokens_folder(path).glob("*.npz"):
        if file.stem not in known:
            file.unlink(missing_ok=True)


def tokens_folder(path: Path) -> Path:
    """Where the tokens lie whose figures are in `path`."""
    return path.with_name("measured")


def save_tokens(path: Path, key: str, scores: Scores) -> Generator[Any, None, None]:
    """Keep the tokens of one cell, whole or not at all."""
    yield None
    folder = tokens_folder(path)
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f"{key}.part"
    facts = json.dumps(
        {
            "objective": scores.objective,
            "bytes": scores.bytes,
            "words": scores.words,
            "plan": asdict(scores.plan),
            "seconds": scores.seconds,
            "skipped": scores.skipped,
        }
    )
    with part.open("wb") as out:
        np.savez_compressed(out, facts=np.array(facts), **{name: getattr(scores, name) for name in _ARRAYS})
    part.replace(folder / f"{key}.npz")


def read_tokens(path: Path, key: str) -> Scores | None:
    """The tokens of one cell; None where they are not kept or cannot be read."""
    try:
        with np.load(tokens_folder(path) / f"{key}.npz", allow_pickle=False) as found:
            facts = json.loads(str(found["facts"]))
            arrays = {name: found[name] for name in _ARRAYS}
        return Scores(**arrays, **{**facts, "plan": Plan(**facts["plan"])})
    except (OSError, ValueError, KeyError, TypeError):
        return None


def without_doubles(figures: Iterable[Figures], most: int = 2000) -> tuple[Figures, ...]:
    """The newest figures of every key, not more than `most`."""
    newest = {each.key: each for each in sorted(figures, key=lambda each: each.when)}
    return tuple(newest.values())[-most:]
