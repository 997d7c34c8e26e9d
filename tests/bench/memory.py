"""How much memory it takes to look at one head: with n² once, whatever the number of layers and heads."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.bench.measure import Budget, Row, hand_over, megabytes, run_child

SHORT, LONG = 1024, 2048
TRACED = (128, 512, 1024, 4096)
HEAD_WIDTH = 16
BASE = 64
"""A text this short warms everything up without touching what is measured."""


HAS_PEAK = Path("/proc/self/clear_refs").exists()
"""The kernel tells the peak and forgets it when asked to (Linux)."""


def peak_growth(work: Callable[[], object]) -> int:
    """Bytes by which the process's resident memory rose above its present size while `work` ran (Linux).

    The kernel's own high-water mark is set back first; `ru_maxrss` would remember the loading, and the parent.
    """
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    before = _status("VmRSS")
    result = work()
    after = _status("VmHWM")
    del result
    return after - before


def _status(field: str) -> int:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{field}:"))


def grow(layers: int, heads: int, tokens: int) -> dict[str, int]:
    """Peak growths in bytes: of reading one head from a trace, of trace and head, of eager's patterns."""
    import torch

    from app.engine.trace import trace
    from app.engine.trace.readings import read_head
    from tests.bench.models import one_thread, random_gpt2, text_of

    one_thread()
    loaded = random_gpt2(n_layer=layers, n_head=heads, n_embd=HEAD_WIDTH * heads, n_positions=LONG, vocab_size=4096)
    text = text_of(loaded.tokenizer, tokens)
    read_head(trace(loaded, text_of(loaded.tokenizer, BASE)), layers // 2, 0)
    ids = loaded.tokenizer(text, return_tensors="pt")["input_ids"]

    def both() -> Any:
        made = trace(loaded, text)
        return made, read_head(made, layers // 2, 0)

    def eager() -> Any:
        with torch.no_grad():
            return loaded.model(ids, use_cache=False, output_attentions=True)

    with_trace = peak_growth(both)
    head = _peak_of_reading(trace(loaded, text), layers // 2)
    loaded.model.set_attn_implementation("eager")
    return {"head": head, "trace and head": with_trace, "eager": peak_growth(eager)}


def _peak_of_reading(made: Any, layer: int) -> int:
    from app.engine.trace.readings import read_head

    return peak_growth(lambda: read_head(made, layer, 0))


def traced(tokens: int) -> int:
    """Peak growth in bytes while a text is traced by a random model of GPT-2's size."""
    from app.engine.trace import trace
    from tests.bench.models import one_thread, random_gpt2, text_of

    one_thread()
    loaded = random_gpt2(n_positions=TRACED[-1], vocab_size=4096)
    trace(loaded, text_of(loaded.tokenizer, BASE))
    text = text_of(loaded.tokenizer, tokens)
    return peak_growth(lambda: trace(loaded, text))


def grown(layers: int, heads: int, tokens: int) -> dict[str, int]:
    """`grow` in a fresh process, so that nothing freed earlier is used again."""
    found: dict[str, int] = run_child("memory", str(layers), str(heads), str(tokens))
    return found


def measure(long: int = LONG) -> list[Row]:
    """Growth with the text, with layers and heads, and against holding every pattern."""
    if not HAS_PEAK:
        return [Row("memory of inspecting one head", "–", "only measured on Linux", "–", "–", None)]
    half, whole, small = grown(12, 12, long // 2), grown(12, 12, long), grown(2, 2, long)
    shape = f"{long:,} tokens, 12 layers, 12 heads"

    def row(what: str, ours: int, other: str, theirs: int, budget: Budget) -> Row:
        ratio = ours / theirs
        words = megabytes(ours), f"{other}: {megabytes(theirs)}", f"{ratio:.3g}"
        return Row(f"{what}; {shape}", *words, str(budget), budget.met(ratio))

    sizes = {tokens: run_child("memory", str(tokens)) for tokens in TRACED}
    first = f"{TRACED[0]} tokens: {megabytes(sizes[TRACED[0]])}"
    traces = [
        Row(
            f"peak memory of a trace; GPT-2 size, {tokens:,} tokens",
            megabytes(size),
            first,
            f"{size / sizes[TRACED[0]]:.3g}",
            "–",
            None,
        )
        for tokens, size in sizes.items()
    ]
    return [
        *traces,
        row("peak memory of reading one head", whole["head"], "half as many tokens", half["head"], Budget(4.4)),
        row("peak memory of reading one head", whole["head"], "2 layers, 2 heads", small["head"], Budget(1.1)),
        row(
            "peak memory of a trace and one head",
            whole["trace and head"],
            "half as many tokens",
            half["trace and head"],
            Budget(4.0),
        ),
        row(
            "peak memory of a trace and one head",
            whole["trace and head"],
            "eager with output_attentions",
            whole["eager"],
            Budget(0.5),
        ),
    ]


if __name__ == "__main__":
    if len(sys.argv) == 2:
        print(json.dumps(traced(int(sys.argv[1]))))
    elif len(sys.argv) > 1:
        print(json.dumps(grow(*map(int, sys.argv[1:]))))
    else:
        hand_over(measure())
