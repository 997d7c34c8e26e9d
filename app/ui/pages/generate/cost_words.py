"""How long a text is, what its run took and what it drew with, in words."""

from __future__ import annotations

from collections.abc import Sequence

from app.session.branches import Branch
from app.session.generated import GeneratedToken, RunCost


def count_words(branch: Branch, writing: bool) -> str:
    """How many tokens a text has, of how many where it may go on or went that far; which weights wrote it."""
    count = len(branch.steps)
    words = f"{count} token{'' if count == 1 else 's'}"
    if branch.filled:
        words = f"{count} gap{'' if count == 1 else 's'} filled"
    elif writing or branch.ended_by == "length":
        words = f"{count} of {branch.most} tokens"
    trained = branch.training_words.removeprefix("the weights of training ")
    return f"{words}, {trained}" if trained else words


def seed_words(steps: Sequence[GeneratedToken]) -> str:
    """The seeds that tokens were drawn with: "seed 3", of a fork "seeds 3, 5"; '' where nothing was drawn."""
    seeds = [seed for _, seed in _seeds(steps)]
    return f"seed{'s' if len(seeds) > 1 else ''} {', '.join(map(str, seeds))}" if seeds else ""


def seed_tip(steps: Sequence[GeneratedToken]) -> str:
    """Which tokens of a fork were drawn with which seed; '' where there is but one."""
    seeds = _seeds(steps)
    later = [f", from new token {place + 1} on with {seed}" for place, seed in seeds[1:]]
    return f"Drawn with seed {seeds[0][1]}{''.join(later)}." if later else ""


def _seeds(steps: Sequence[GeneratedToken]) -> list[tuple[int, int | None]]:
    """Where another seed begins, and which."""
    drawn = [(place, step.seed) for place, step in enumerate(steps) if step.settings.draws]
    return [each for at, each in enumerate(drawn) if at == 0 or each[1] != drawn[at - 1][1]]


def cost_words(cost: RunCost | None) -> str:
    """Tokens a second, time to the first token and the memory of the cache, for one line; '' before they are known."""
    if cost is None or not cost.tokens:
        return ""
    # In slow motion it is less than one.
    speed = f"{cost.per_second:,.{1 if cost.per_second < 10 else 0}f} tokens/s" if cost.per_second else ""
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
