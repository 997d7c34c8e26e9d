"""What a run took and what it drew with, in words."""

from __future__ import annotations

from collections.abc import Sequence

from app.session.generated import GeneratedToken, RunCost


def seed_words(steps: Sequence[GeneratedToken]) -> str:
    """The seeds that tokens were drawn with: "seed 3", of a fork "seed 3, from new token 12 on seed 5"; '' where
    nothing was drawn."""
    parts: list[str] = []
    last: int | None = None
    for place, step in enumerate(steps):
        if step.settings.draws and step.seed != last:
            last = step.seed
            parts.append(f"seed {last}" if place == 0 else f"from new token {place + 1} on seed {last}")
    return ", ".join(parts)


def cost_words(cost: RunCost | None) -> str:
    """Tokens a second, time to the first token and the memory of the cache, for one line; '' before they are known."""
    if cost is None or not cost.tokens:
        return ""
    speed = f"{cost.per_second:,.0f} tokens/s" if cost.per_second else ""
    cache = f"cache {cost.cache_bytes / 1e6:,.1f} MB" if cost.cache_bytes else ""
    return " · ".join(part for part in (speed, f"first after {cost.first:.2f} s", cache) if part)


def cost_tip(cost: RunCost | None) -> str:
    """The same in sentences; '' before it is known."""
    if cost is None or not cost.tokens:
        return ""
    speed = f", then {cost.per_second:,.1f} tokens a second" if cost.per_second else ""
    cache = f" The cache of keys and values takes {cost.cache_bytes / 1e6:,.1f} MB." if cost.cache_bytes else ""
    reused = f" {cost.reused:,} tokens of the text were in it already." if cost.reused else ""
    return f"First token after {cost.first:.2f} s{speed}.{cache}{reused}"
