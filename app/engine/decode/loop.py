"""The token loop: one new token per `next`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from app.engine.decode.chance import Chance
from app.engine.decode.kept import KeptForward
from app.engine.decode.nonfinite import nonfinite_error
from app.engine.decode.prompt import Prompt, check_settings, read_prompt
from app.engine.decode.records import StageContext, Step
from app.engine.decode.settings import DecodingSettings
from app.engine.decode.stages import choose, none_left, run_stages
from app.engine.decode.text import detokeniser_after, gate_after
from app.engine.decode.watch import Watch, WatchedForward

Ask = Callable[[], DecodingSettings]

_ROOM = 256


def stream(
    model: Any,
    text: str,
    settings: DecodingSettings | Ask,
    cancel: Callable[[], bool] | None = None,
    *,
    given: Sequence[int] = (),
    kept: KeptForward | None = None,
    watch: Watch | None = None,
) -> Iterator[Step]:
    """Write on from `text`, one Step per new token (in an encoder-decoder: per decoder token after the start token).

    `model` is a LoadedModel. `settings` may be a function; it is asked before each token, so every setting acts on the
    next one, only the seed is read once. The last Step is the one with an EOS id and text '', or the one at
    `max_new_tokens`, or the one after which the model has no position left for another (unlike `generate()`, which runs
    on and fails or degrades there), or the one before a stop string. `cancel` is asked before each token too; once it
    says True nothing more is yielded, not even tokens held back for a stop string.

    `given` are new tokens of an earlier run to go on after; they count as written, and with the same seed the random
    numbers go on where they were. `kept` holds the cache of the run before, of which what still holds is used again.
    `watch` names an attention head before each token; its row is the Step's `attention`.

    Raises UserError at once for a prompt or a model that cannot be used and for unusable settings; at the next token
    when settings that come from a function are, or when they leave no token to choose.
    """
    prompt = read_prompt(model, text, given)
    kept = kept or KeptForward()
    if isinstance(settings, DecodingSettings):
        check_settings(settings, prompt)
        fixed = settings
        return _write(model, prompt, lambda: fixed, cancel, kept, watch)
    return _write(model, prompt, settings, cancel, kept, watch)


class _Ids:
    """The ids so far, as views of one growing array: a context kept by a Step costs no copy."""

    def __init__(self, ids: tuple[int, ...]) -> None:
        self._array = np.empty(len(ids) + _ROOM, dtype=np.int64)
        self._array[: len(ids)] = ids
        self.length = len(ids)

    def append(self, token: int) -> None:
        if self.length == len(self._array):
            self._array = np.concatenate([self._array, np.empty(len(self._array), dtype=np.int64)])
        self._array[self.length] = token
        self.length += 1

    def view(self) -> np.ndarray:
        return self._array[: self.length]


def _write(
    model: Any,
    prompt: Prompt,
    ask: Ask,
    cancel: Callable[[], bool] | None,
    kept: KeptForward,
    watch: Watch | None,
) -> Iterator[Step]:
    ids = _Ids(prompt.ids + prompt.given)
    forward = kept.take(model, prompt, ids.view())
    watched = WatchedForward(model, forward, watch) if watch is not None else None
    text = detokeniser_after(model.tokenizer, prompt)
    gate = gate_after(model.tokenizer, prompt)
    chance: Chance | None = None
    checked: DecodingSettings | None = None
    made = len(prompt.given)
    while cancel is None or not cancel():
        settings = ask()
        if settings is not checked:
            check_settings(settings, prompt)
            checked = settings
        if made >= settings.max_new_tokens:
            yield from gate.flush()
            return
        chance = chance or Chance(settings.seed, len(prompt.given))
        logits = forward(ids.view()) if watched is None else watched(ids.view())
        if not np.isfinite(logits.numpy().max()):
            raise nonfinite_error(model, prompt, ids.view())
        step = decide(logits, StageContext(ids.view(), len(prompt.ids), prompt.rules), settings, chance)
        if watched is not None:
            step = watched.told(step)
        if step.token_id in prompt.rules.eos:
            yield from gate.flush()
            yield step
            return
        made += 1
        ids.append(step.token_id)
        full = prompt.context is not None and ids.length > prompt.context
        last = full or made >= settings.max_new_tokens
        piece = text.push(step.token_id)
        if last:
            piece += text.finish()
        ready, stopped = gate.push(_with_text(step, piece), settings.stop, text.waiting)
        yield from ready
        if stopped:
            return
        if last:
            yield from gate.flush()
            return


def decide(logits: torch.Tensor, context: StageContext, settings: DecodingSettings, chance: Chance) -> Step:
    """The step without its text."""
    u = chance.number() if settings.draws else None
    token, outcomes = choose(run_stages(logits.numpy(), context, settings), u)
    if token is not None:
        logprob = float(torch.log_softmax(logits, dim=-1)[token])
        return Step(token, "", logprob, outcomes, u, chance.seed, context)
    raise none_left()


def _with_text(step: Step, text: str) -> Step:
    return replace(step, text=text)
