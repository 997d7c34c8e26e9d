"""A long text streamed into the page: a token's cost at its beginning and at its end, and the gaps between frames."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from app.engine.decode.settings import DecodingSettings
from tests.bench.desk import Desk
from tests.bench.frames import Clock
from tests.bench.measure import Budget, Row, hand_over, milliseconds
from tests.bench.models import one_thread, saved_gpt2

PROMPT = "Once upon a time, there was a"
TOKENS, PART = 2000, 500


def measure(tokens: int = TOKENS, part: int = PART) -> list[Row]:
    """Milliseconds of the main thread a token, first `part` tokens against last; and the gaps over the whole text."""
    one_thread()
    with tempfile.TemporaryDirectory(prefix="unembed-bench-") as place:
        folder = saved_gpt2(Path(place) / "long", n_embd=256, n_layer=4, n_head=4, n_positions=4096, vocab_size=4096)
        desk, clock = Desk(), Clock()
        desk.session.open_model(folder)
        desk.wait(lambda: desk.board.idle and desk.session.models.loaded() is not None)
        drawn: list[float] = []
        page = desk.window.pages["generate"]
        draw = page.output.draw  # type: ignore[attr-defined]

        def timed() -> bool:
            before, start = page.text.count(), time.process_time()  # type: ignore[attr-defined]
            something: bool = draw()
            new = page.text.count() - before  # type: ignore[attr-defined]
            drawn.extend([(time.process_time() - start) / new] * new if new > 0 else [])
            return something

        page.output.draw = timed  # type: ignore[attr-defined]
        clock.start()
        count, _ = desk.generate(
            PROMPT, DecodingSettings(temperature=0.9, top_k=40, seed=1, max_new_tokens=tokens, ignore_eos=True)
        )
        gaps = sorted(clock.stop())
        desk.close()
    first, last = sum(drawn[:part]) / part, sum(drawn[-part:]) / part
    limit = Budget(1.5)
    rows = [
        Row(
            f"appending a token to the page, the last {part} of {count:,}",
            milliseconds(last),
            f"the first {part}: {milliseconds(first)}",
            f"{last / first:.2f}",
            str(limit),
            limit.met(last / first),
        )
    ]
    for name, value, most in (("99 % of the gaps", gaps[int(0.99 * len(gaps))], 0.033), ("worst gap", gaps[-1], 0.1)):
        budget = Budget(most * 1000, unit=" ms")
        words = f"{name} between frames while {count:,} tokens are written ({len(gaps):,} gaps)"
        rows.append(Row(words, milliseconds(value), "–", "–", str(budget), value <= most))
    return rows


if __name__ == "__main__":
    hand_over(measure())
