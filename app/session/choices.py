"""How a token that stands in a text was chosen, looked at again: from its kept logits, or the model asked once more."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from app.engine.errors import UserError
from app.session.generated import DistributionReading, GeneratedToken

if TYPE_CHECKING:
    from app.engine.decode.settings import DecodingSettings
    from app.engine.models.loaded import LoadedModel

OTHER_WEIGHTS = 0.25
"""Nats by which a token's log-probability differs from the one it was written with, where the weights are others."""


@dataclass(frozen=True)
class Look:
    """What is asked of one step of a text."""

    index: int
    step: GeneratedToken
    settings: DecodingSettings
    """Those under which it is looked at: of a text that a beam search found that search's own."""
    supposed: bool
    """They are not those that wrote it."""
    apart: DecodingSettings | None
    """Settings under which it is looked at besides, where a beam search found the text and they search no more."""
    text: str
    """The prompt."""
    given: tuple[int, ...]
    """The new tokens before it."""


def distribution(loaded: LoadedModel, look: Look) -> Generator[Any, None, DistributionReading]:
    """How a step would be chosen under settings, from its kept logits and its random number; by a beam search only its
    odds, for no token is chosen alone.

    A step of an earlier start has no logits: the model runs once on the prompt and the new tokens before it.
    """
    import numpy as np

    from app.engine.decode.beams import search_stages
    from app.engine.decode.distribution import describe
    from app.engine.decode.funnel import funnel_of
    from app.engine.decode.settings import BEAMS
    from app.engine.decode.stages import is_forced, recompute, run_stages

    yield None
    step, settings, tokenizer = look.step, look.settings, loaded.tokenizer
    if step.raw is None or step.context is None:
        step = _with_logits(loaded, step, look.text, look.given)
    assert step.raw is not None
    assert step.context is not None
    searched, forced = settings.method in BEAMS, is_forced(settings, step.context)
    chosen: int | None = step.token_id
    if searched:
        # A search adds up log-probabilities, and its stages act on them.
        staged = search_stages(step.raw - np.logaddexp.reduce(step.raw), step.context, settings)
        outcomes = (replace(staged[0], logits=step.raw), *staged[1:])
    else:
        chosen, outcomes = recompute(step.raw, step.context, settings, step.draw)
    draw = step.draw if settings.draws and not searched and not forced else None
    undrawn = settings.draws and not searched and not forced and step.draw is None and chosen is not None
    chosen = step.token_id if undrawn else chosen
    funnel = funnel_of(outcomes, chosen, draw, tokenizer)
    funnel = replace(funnel, searched=searched, forced=forced, supposed=look.supposed, undrawn=undrawn)
    apart = None
    if look.apart is not None:
        outcomes = run_stages(step.raw, step.context, look.apart)
        apart = look.apart, describe(funnel_of(outcomes, step.token_id, None, tokenizer), None)
    return DistributionReading(look.index, describe(funnel, draw), funnel, step, settings, apart)


def _with_logits(loaded: LoadedModel, step: GeneratedToken, text: str, given: tuple[int, ...]) -> GeneratedToken:
    import numpy as np

    from app.engine.decode.forward import CachedForward
    from app.engine.decode.prompt import read_prompt
    from app.engine.decode.records import StageContext

    prompt = read_prompt(loaded, text, given)
    ids = np.array([*prompt.ids, *prompt.given], dtype=np.int64)
    raw = CachedForward(loaded.model, prompt)(ids).numpy()
    # The same weights give the same figure, up to how the machine rounds.
    if abs(float(raw[step.token_id] - np.logaddexp.reduce(raw)) - step.logprob) > OTHER_WEIGHTS:
        raise UserError(
            "The model's weights are no longer those that wrote this text, so how its tokens were chosen is not known.",
            "Write it again.",
        )
    return replace(step, raw=raw, context=StageContext(ids, len(prompt.ids), prompt.rules))
