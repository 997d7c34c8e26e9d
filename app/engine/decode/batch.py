"""Several texts from one prompt in one batch: each draws its own random numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from app.engine.decode.chance import Chance
from app.engine.decode.forward import CachedForward, weights_of
from app.engine.decode.loop import decide
from app.engine.decode.nonfinite import nonfinite_error
from app.engine.decode.prompt import Prompt, check_settings, read_prompt
from app.engine.decode.records import StageContext, Step
from app.engine.decode.settings import DecodingSettings
from app.engine.decode.text import Detokeniser, StopGate, detokeniser_after


@dataclass
class _Row:
    """One of the texts, while it is written."""

    place: int
    chance: Chance
    text: Detokeniser
    gate: StopGate


def stream_batch(
    model: Any,
    text: str,
    settings: DecodingSettings | Callable[[], DecodingSettings],
    count: int,
    given: Sequence[int] = (),
) -> Iterator[tuple[int, Step]]:
    """Write `count` continuations of `text` at once: (which text, its next Step), round after round.

    Text i draws with the seed plus i, so text 0 is what `stream` writes with that seed (up to the rounding of a batch).
    Everything else is as for `stream`; texts that end leave the batch.
    """
    prompt = read_prompt(model, text, given)
    if isinstance(settings, DecodingSettings):
        check_settings(settings, prompt)
        fixed = settings
        return _write(model, prompt, lambda: fixed, count)
    return _write(model, prompt, settings, count)


def _write(model: Any, prompt: Prompt, ask: Callable[[], DecodingSettings], count: int) -> Iterator[tuple[int, Step]]:
    first = ask()
    check_settings(first, prompt)
    start = Chance(first.seed).seed
    rows = [
        _Row(row, Chance(start + row, len(prompt.given)), detokeniser_after(model.tokenizer, prompt), StopGate())
        for row in range(count)
    ]
    forward = CachedForward(model.model, prompt, lambda: weights_of(model))
    ids = np.tile(np.array([*prompt.ids, *prompt.given], dtype=np.int64), (count, 1))
    made = len(prompt.given)
    while rows:
        settings = ask()
        if settings is not first:
            check_settings(settings, prompt)
        if made >= settings.max_new_tokens:
            break
        logits = forward.rows(ids)
        made += 1
        full = prompt.context is not None and ids.shape[1] + 1 > prompt.context
        last = full or made >= settings.max_new_tokens
        going, tokens = [], []
        for place, row in enumerate(rows):
            if not np.isfinite(logits[place].numpy().max()):
                raise nonfinite_error(model, prompt, ids[place])
            context = StageContext(ids[place], len(prompt.ids), prompt.rules)
            step = decide(logits[place], context, settings, row.chance)
            ready, ended = _shown(step, row, settings, prompt, last)
            yield from ((row.place, each) for each in ready)
            if not ended:
                going.append(place)
                tokens.append(step.token_id)
        if last:
            return
        if len(going) < len(rows):
            forward.select(np.array(going, dtype=np.int64))
            rows = [rows[place] for place in going]
        ids = np.concatenate([ids[going], np.array(tokens, dtype=np.int64)[:, None]], axis=1)
    for row in rows:
        yield from ((row.place, each) for each in row.gate.flush())


def _shown(step: Step, row: _Row, settings: DecodingSettings, prompt: Prompt, last: bool) -> tuple[list[Step], bool]:
    """The steps of a text that may be shown now, and whether it has ended."""
    if step.token_id in prompt.rules.eos:
        return [*row.gate.flush(), step], True
    piece = row.text.push(step.token_id)
    if last:
        piece += row.text.finish()
    ready, stopped = row.gate.push(replace(step, text=piece), settings.stop, row.text.waiting)
    if last and not stopped:
        ready += row.gate.flush()
    return ready, stopped or last
