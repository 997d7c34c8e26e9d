"""Runs to look at: their reports, as an engine hands them over, and what is left of old ones."""

from __future__ import annotations

from math import exp

from app.engine.finetune.records import CheckpointReport, HeldOutReport, Report, RunEnd, RunEntry, StepReport


def step(at: int, steps: int = 500, loss: float = 2.0, seconds: float = 0.5, tokens: int = 1000) -> StepReport:
    """A step; its learning rate falls and its gradient is a tenth of its loss."""
    return StepReport(at, steps, loss, 2e-4 * (1 - at / steps), loss / 10, tokens, seconds, at / 25)


def look(at: int, loss: float) -> HeldOutReport:
    """A look at the held-out examples."""
    return HeldOutReport(at, loss, exp(loss), 4120, best=False)


def reports(upto: int, steps: int = 500, every: int = 100) -> list[Report]:
    """A run whose loss falls from 3 towards 1, with looks and checkpoints every so many steps."""
    found: list[Report] = [look(0, 3.2)]
    for at in range(1, upto + 1):
        found.append(step(at, steps, 1.0 + 2.0 * exp(-at / 50)))
        if at % every == 0:
            found += [look(at, 1.2 + 2.0 * exp(-at / 50)), CheckpointReport(at, f"/runs/pirates/checkpoint-{at}")]
    return found


def end(reason: str = "stopped", at: int = 310, steps: int = 500) -> RunEnd:
    """How that run ended."""
    return RunEnd(reason, at, steps, "/runs/pirates", 3.2, 1.71, 1.7, 300, 172.0, 310_000)


def entry(name: str = "pirates", state: str = "done", at: int = 500, when: float = 1.79e9, **more) -> RunEntry:
    """A run in the list of runs."""
    known = {
        "base": "story-gpt",
        "method": "lora",
        "data": "tales.jsonl",
        "steps": 500,
        "first_held_out": 3.2,
        "best_held_out": 1.71,
        "checkpoints": (100, 200),
        "result": f"/runs/{name}" if state in ("done", "stopped") else "",
    }
    return RunEntry(f"/runs/{name}", name, step=at, state=state, when=when, **{**known, **more})
