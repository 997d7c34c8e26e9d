"""How long opening a model takes, checks and all, against plain transformers."""

from __future__ import annotations

import tempfile
from pathlib import Path

from transformers import AutoModelForCausalLM, AutoTokenizer

from app.engine.models import load
from tests.bench.measure import Row, compare, hand_over, in_turn, milliseconds, seconds
from tests.bench.models import one_thread, saved_gpt2

REPEATS = 5


def plainly(folder: Path) -> object:
    """What a notebook does."""
    return AutoModelForCausalLM.from_pretrained(folder).eval(), AutoTokenizer.from_pretrained(folder)


def measure(repeats: int = REPEATS) -> list[Row]:
    """One row."""
    one_thread()
    with tempfile.TemporaryDirectory(prefix="unembed-bench-") as place:
        folder = saved_gpt2(Path(place) / "gpt2")
        sides = {"ours": seconds(lambda: load(folder)), "plain": seconds(lambda: plainly(folder))}
        numbers = in_turn(sides, repeats)
    words = "opening a model of GPT-2's size (0.5 GB)"
    return [compare(words, numbers["ours"], "plain from_pretrained", numbers["plain"], None, milliseconds)]


if __name__ == "__main__":
    hand_over(measure())
