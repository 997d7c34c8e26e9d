"""The generators that lay two sides of a model, or of two, beside each other; stepped on the models' lane."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.engine.finetune.records import Forgetting, WeightChange
from app.engine.texts.records import FILE, TextSource
from app.engine.trace.records import Token, TraceComparison
from app.jobs.job import Progress
from app.session.text_shelf import samples
from app.session.work import MOST_TARGET_TOKENS

if TYPE_CHECKING:
    import numpy as np

    from app.engine.finetune.sides import Side
    from app.engine.models.loaded import LoadedModel

BEFORE = 0
"""The step before a run learnt anything."""
_PAIRS = Path(__file__).resolve().parents[2] / "resources" / "finetune" / "short-sentences.en-fr.jsonl"


@dataclass(frozen=True)
class Choice:
    """A side that can be chosen: an open model as it is now, before its run, or at a checkpoint of it."""

    slot: str
    step: int | None
    """None as it is with all it learnt, BEFORE without, else a checkpoint's step."""
    name: str


Pair = tuple[Choice, Choice]
Opened = tuple["LoadedModel", "int | None", "Path | None"]
"""What a side is made of on the lane: a model, a step, the folder of its run."""


@dataclass(frozen=True)
class Written:
    """What two sides make of the same prompt with the same random numbers."""

    prompt: str
    sides: Pair
    texts: tuple[str, str]
    continued: bool
    """Whether the texts go on from the prompt."""


@dataclass(frozen=True)
class Measured:
    """How surprised two sides are by new texts and by old ones."""

    sides: Pair
    figures: Forgetting


@dataclass(frozen=True, eq=False)
class Compared:
    """One text through two sides."""

    text: str
    sides: Pair
    tokens: tuple[Token, ...]
    target_tokens: tuple[Token, ...]
    """Of an encoder-decoder what both decoders were fed: what the first side wrote."""
    comparison: TraceComparison
    weights: tuple[WeightChange, ...]
    patterns: dict[tuple[str, int], tuple[np.ndarray, np.ndarray]]
    """By kind and layer, float32 `[head, query, key]` of both."""


def old_domain(kind: str, base: str) -> TextSource | None:
    """A text of the kind that a model knew before: a bundled one that suits it, None where there is none."""
    if kind != "encoder-decoder":
        return samples()[0]
    return TextSource(FILE, "Short sentences", path=str(_PAIRS)) if Path(base).name == "bart-en-fr" else None


def write_both(
    opened: tuple[Opened, Opened], sides: Pair, prompt: str, seed: int, count: int
) -> Generator[Any, None, Written]:
    """The same prompt and random numbers by both sides."""
    from app.engine.finetune.samples import write_sample

    texts: list[str] = []
    made = _sides(opened)
    for number, side in enumerate(made):
        yield Progress(0.5 * number, sides[number].name)
        # In one go: between two tokens others would find the model in this state, and a cache of keys is of one state.
        with side.entered():
            texts.append(_drained(write_sample(side.loaded, prompt, seed, count)))
    continued = made[0].loaded.kind == "decoder"
    return Written(prompt, sides, (texts[0], texts[1]), continued)


def compare(opened: tuple[Opened, Opened], sides: Pair, text: str) -> Generator[Any, None, Compared]:
    """One text through both sides: what is between the two, and how far the weights moved.

    Each side is read in one go, since the model is brought into its state for it.
    """
    from app.engine.decode import DecodingSettings, stream
    from app.engine.finetune.changes import changes_of
    from app.engine.trace import trace
    from app.engine.trace.compare import compare as compare_traces
    from app.engine.trace.held import HeldTrace

    first, second = _sides(opened)
    held: list[HeldTrace] = []
    target: str | None = None
    for number, side in enumerate((first, second)):
        yield Progress(0.1 + 0.4 * number, sides[number].name)
        with side.entered():
            if number == 0 and side.loaded.kind == "encoder-decoder":
                settings = DecodingSettings(method="greedy", max_new_tokens=MOST_TARGET_TOKENS)
                target = "".join(step.text for step in stream(side.loaded, text, settings))
            takes = side.loaded.kind == "encoder-decoder"
            held.append(HeldTrace(trace(side.loaded, text, target=target if takes else None)))
    yield Progress(0.9, "comparing")
    found = compare_traces(held[0], held[1])
    changes = changes_of(first, second)
    patterns = {
        site: (held[0].patterns[site].numpy(), held[1].patterns[site].numpy())
        for site in held[0].patterns
        if site in held[1].patterns
    }
    return Compared(text, sides, held[1].tokens, held[1].target_tokens, found, changes, patterns)


def measure(
    opened: tuple[Opened, Opened], sides: Pair, runs: tuple[Path, ...], old: TextSource | None
) -> Generator[Any, None, Measured]:
    """Perplexity of both sides on the held-out examples of a run and on an old text."""
    yield Progress(0.0, "reading")
    from app.engine.finetune.domains import measure_forgetting

    steps = measure_forgetting(_sides(opened), runs, old)
    while True:
        try:
            share = next(steps)
        except StopIteration as stop:
            return Measured(sides, stop.value)
        yield Progress(share, "new texts" if share < 0.5 else "old texts")


def _sides(opened: tuple[Opened, Opened]) -> tuple[Side, Side]:
    from app.engine.finetune.sides import Side

    first, second = (Side(*each) for each in opened)
    return first, second


def _drained(steps: Generator[None, None, str]) -> str:
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            found: str = stop.value
            return found
