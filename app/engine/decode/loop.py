"""The token loop: one new token per `next`."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch

from app.engine.decode.forward import CachedForward
from app.engine.decode.prompt import Prompt, check_settings, read_prompt
from app.engine.decode.records import StageContext, Step
from app.engine.decode.settings import DecodingSettings
from app.engine.decode.stages import choose, run_stages
from app.engine.decode.text import Detokeniser, StopGate
from app.engine.errors import UserError

Ask = Callable[[], DecodingSettings]

_ROOM = 256


def stream(
    model: Any,
    text: str,
    settings: DecodingSettings | Ask,
    cancel: Callable[[], bool] | None = None,
) -> Iterator[Step]:
    """Write on from `text`, one Step per new token (in an encoder-decoder: per decoder token after the start token).

    `model` is a LoadedModel. `settings` may be a function; it is asked before each token, so every setting acts on the
    next one, only the seed is read once. The last Step is the one with an EOS id and text '', or the one at
    `max_new_tokens`, or the one after which the model has no position left for another (unlike `generate()`, which runs
    on and fails or degrades there), or the one before a stop string. `cancel` is asked before each token too; once it
    says True nothing more is yielded, not even tokens held back for a stop string.

    Raises UserError at once for a prompt or a model that cannot be used and for unusable settings; at the next token
    when settings that come from a function are, or when they leave no token to choose.
    """
    prompt = read_prompt(model, text)
    if isinstance(settings, DecodingSettings):
        check_settings(settings, prompt)
        fixed = settings
        return _write(model, prompt, lambda: fixed, cancel)
    return _write(model, prompt, settings, cancel)


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


def _write(model: Any, prompt: Prompt, ask: Ask, cancel: Callable[[], bool] | None) -> Iterator[Step]:
    ids = _Ids(prompt.ids)
    forward = CachedForward(model.model, prompt)
    text = Detokeniser(model.tokenizer, prompt.text_ids)
    gate = StopGate()
    chance: _Chance | None = None
    checked: DecodingSettings | None = None
    made = 0
    while cancel is None or not cancel():
        settings = ask()
        if settings is not checked:
            check_settings(settings, prompt)
            checked = settings
        if made >= settings.max_new_tokens:
            yield from gate.flush()
            return
        chance = chance or _Chance(settings.seed)
        logits = forward(ids.view())
        step = _decide(logits, StageContext(ids.view(), len(prompt.ids), prompt.rules), settings, chance)
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


class _Chance:
    """The random numbers of one run."""

    def __init__(self, seed: int | None) -> None:
        # 31 bits when drawn: short enough to be read aloud and typed again.
        self.seed = secrets.randbelow(2**31) if seed is None else seed
        self._generator = torch.Generator().manual_seed(self.seed)

    def number(self) -> float:
        """Uniform in [0, 1)."""
        return torch.rand((), generator=self._generator, dtype=torch.float64).item()


def _decide(logits: torch.Tensor, context: StageContext, settings: DecodingSettings, chance: _Chance) -> Step:
    """The step without its text."""
    u = chance.number() if settings.draws else None
    token, outcomes = choose(run_stages(logits.numpy(), context, settings), u)
    if token is not None:
        logprob = float(torch.log_softmax(logits, dim=-1)[token])
        return Step(token, "", logprob, outcomes, u, chance.seed, context)
    if not np.isfinite(outcomes[0].logits.max()):
        raise UserError(
            "The model's logits are not finite numbers, so no token can be chosen.",
            "Its weights may be damaged, or its precision too low: load it again in fp32.",
        )
    raise UserError(
        "The settings cut every token, so none is left to choose.",
        "Ban fewer tokens, or allow n-grams to repeat.",
    )


def _with_text(step: Step, text: str) -> Step:
    return Step(step.token_id, text, step.logprob, step.stages, step.draw, step.seed, step.context)
