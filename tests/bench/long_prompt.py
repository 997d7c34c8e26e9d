"""A prompt of 4,096 tokens on the Inspect page: until its first heatmap, until all heads, the frames, the memory."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch

from tests.bench.desk import Desk
from tests.bench.measure import Budget, Row, hand_over, megabytes, milliseconds, run_child
from tests.bench.memory import BASE, HAS_PEAK, peak_growth
from tests.bench.models import one_thread, saved_gpt2, text_of
from tests.bench.panning import FRAMES, frame_rows, pan_times

TOKENS = 4096
LAYERS, HEADS, WIDTH = 4, 4, 256
"""Those of story-gpt."""


def look(tokens: int, layers: int, heads: int, frames: int = FRAMES) -> dict[str, Any]:
    """Type a text of `tokens` into the window, with a random model of that many layers and heads open: seconds until
    its heatmap is painted and until all heads are, seconds of frames of a drag, bytes of memory at the most, and
    seconds of a run of eager attention that hands out all patterns."""
    one_thread()
    with tempfile.TemporaryDirectory(prefix="unembed-bench-") as place:
        sizes = {"n_embd": WIDTH, "n_layer": layers, "n_head": heads, "n_positions": tokens}
        folder = saved_gpt2(Path(place) / "long", **sizes, vocab_size=4096)
        desk = Desk()
        session, page = desk.session, desk.window.pages["inspect"]
        desk.window.show_page("inspect")
        session.open_model(folder)
        desk.wait(
            lambda: desk.board.idle and session.models.loaded() is not None and session.models.loaded().folder == folder
        )
        loaded = session.models.loaded()
        assert loaded is not None
        text, found = text_of(loaded.tokenizer, tokens), dict[str, Any]()
        session.set_prompt(text_of(loaded.tokenizer, BASE))
        desk.wait(lambda: desk.board.idle and session.inspection.head is not None)
        heatmap = page.attention.heatmap  # type: ignore[attr-defined]

        def watch() -> None:
            start = time.perf_counter()
            session.set_prompt(text)
            inspection = session.inspection
            desk.wait(lambda: inspection.head is not None and len(inspection.head.pattern) == tokens)
            heatmap.repaint()
            found["first"] = time.perf_counter() - start
            desk.wait(lambda: desk.board.idle and len(inspection.thumbnails) == layers)
            page.grid.repaint()  # type: ignore[attr-defined]
            found["all"] = time.perf_counter() - start

        found["memory"] = peak_growth(watch) if HAS_PEAK else watch() or 0
        found["frames"] = pan_times(heatmap, frames)
        found["eager"] = _eager(loaded, text)
        desk.close()
    return found


def _eager(loaded: Any, text: str) -> float:
    ids = loaded.tokenizer(text, return_tensors="pt")["input_ids"]
    loaded.model.set_attn_implementation("eager")
    start = time.perf_counter()
    with torch.no_grad():
        loaded.model(ids, use_cache=False, output_attentions=True)
    return time.perf_counter() - start


def rows(whole: dict[str, Any], half: dict[str, Any], small: dict[str, Any], tokens: int) -> list[Row]:
    """What was measured on a text, on one half as long, and on it with a model of one head a block, as wide."""
    eager = f"eager with output_attentions, without a window: {milliseconds(whole['eager'])}"
    what = f"{tokens:,} tokens in the window, a model of story-gpt’s size:"
    times = [
        Row(f"{what} {name}", milliseconds(whole[key]), eager, f"{whole[key] / whole['eager']:.3g}", "–", None)
        for key, name in (("first", "until the first heatmap"), ("all", "until all heads are drawn and measured"))
    ]
    frames = frame_rows(whole["frames"], f"a frame of panning the heatmap of {tokens:,} tokens in the window")
    if not HAS_PEAK:
        return [*times, *frames]
    memory = []
    for other, words, limit in ((half, "half as many tokens", 4.4), (small, "1 head a block", 1.2)):
        budget, ratio = Budget(limit), whole["memory"] / other["memory"]
        shown = megabytes(whole["memory"]), f"{words}: {megabytes(other['memory'])}", f"{ratio:.3g}"
        memory.append(Row(f"{what} peak memory", *shown, str(budget), budget.met(ratio)))
    return [*times, *frames, *memory]


def measure(tokens: int = TOKENS) -> list[Row]:
    """Each in a process of its own, so that nothing freed earlier is used again."""
    sizes = (tokens, LAYERS, HEADS), (tokens // 2, LAYERS, HEADS), (tokens, LAYERS, 1)
    whole, half, small = (run_child("long_prompt", *map(str, size)) for size in sizes)
    return rows(whole, half, small, tokens)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(look(*map(int, sys.argv[1:]))))
    else:
        hand_over(measure())
