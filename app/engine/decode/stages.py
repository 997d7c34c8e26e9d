"""The named stages between logits and a token.

Each stage is a pure function of the logits, what stands before the token, and the settings. Each gives, bit for bit,
what transformers' processor of that name gives (`transformers.generation.logits_process`, `min_tokens_to_keep` 1,
or what the context says);
top-k and top-p have a quicker way to the same answer, because they run at every step. Frequency and presence penalty,
which transformers lacks, follow the formula of OpenAI's API reference.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch
from transformers.generation.logits_process import (
    LogitsProcessor,
    MinPLogitsWarper,
    NoBadWordsLogitsProcessor,
    NoRepeatNGramLogitsProcessor,
    RepetitionPenaltyLogitsProcessor,
    SuppressTokensAtBeginLogitsProcessor,
    SuppressTokensLogitsProcessor,
    TopPLogitsWarper,
    TypicalLogitsWarper,
)

from app.engine.decode.draw import draw, likeliest
from app.engine.decode.records import ModelRules, StageContext, StageOutcome
from app.engine.decode.settings import DecodingSettings
from app.engine.errors import UserError

_CUT = np.float32(-np.inf)

_TOP_P_SHARE = 1 / 512
_TOP_P_MARGIN = 1e-4


class Stage(NamedTuple):
    """A stage: its name, whether it acts now, and what it makes of float32 logits `[vocabulary]` (a new array)."""

    name: str
    active: Callable[[DecodingSettings, StageContext], bool]
    apply: Callable[[np.ndarray, StageContext, DecodingSettings], np.ndarray]


def _through(processor: LogitsProcessor, logits: np.ndarray, context: StageContext) -> np.ndarray:
    ids = torch.from_numpy(context.ids)[None]
    return processor(ids, torch.from_numpy(logits)[None])[0].numpy()


def repetition(logits: np.ndarray, context: StageContext, settings: DecodingSettings) -> np.ndarray:
    """Logits of ids that stand before: positive ones divided by the penalty, negative ones multiplied."""
    return _through(RepetitionPenaltyLogitsProcessor(settings.repetition_penalty), logits, context)


def frequency_presence(logits: np.ndarray, context: StageContext, settings: DecodingSettings) -> np.ndarray:
    """Takes frequency_penalty · count + presence_penalty · [count > 0] off; counts new tokens only."""
    ids, counts = np.unique(context.new_ids, return_counts=True)
    after = logits.copy()
    after[ids] -= (settings.frequency_penalty * counts + settings.presence_penalty).astype(np.float32)
    return after


def ngram(logits: np.ndarray, context: StageContext, settings: DecodingSettings) -> np.ndarray:
    """Cuts tokens that would complete an n-gram that stands before."""
    return _through(NoRepeatNGramLogitsProcessor(settings.no_repeat_ngram), logits, context)


def bans(logits: np.ndarray, context: StageContext, settings: DecodingSettings) -> np.ndarray:
    """The model's own rules in transformers' order, then the settings' bans, then the settings' forced token.

    A forced token keeps logit 0 and everything else is cut, as transformers does it. What the settings ban, the model's
    rules cannot force: banning EOS lets a text run on although the model would end it there.
    """
    for processor in _bad_words(context.rules):
        logits = _through(processor, logits, context)
    by_rule = _forced_by_rule(settings, context)
    if by_rule:
        logits = _only(logits, by_rule)
    # transformers suppresses after it forces; both touching one step is a contradiction in the model's own config.
    for processor in _suppressors(context.rules):
        logits = _through(processor, logits, context)
    banned = [token for token in (*settings.banned, *_endings_banned(settings, context)) if token < len(logits)]
    if banned:
        logits = logits.copy()
        logits[banned] = _CUT
    forced = _forced_now(settings, context)
    return logits if forced is None else _only(logits, [forced])


def temperature(logits: np.ndarray, context: StageContext, settings: DecodingSettings) -> np.ndarray:
    """Logits divided by the temperature."""
    return logits / np.float32(settings.temperature)


def top_k(logits: np.ndarray, context: StageContext, settings: DecodingSettings) -> np.ndarray:
    """Cuts everything below the k-th largest logit; ties with it stay."""
    kept = torch.topk(torch.from_numpy(logits), min(max(settings.top_k, context.at_least), len(logits)))[0]
    return np.where(logits < kept.numpy()[-1], _CUT, logits)


def top_p(logits: np.ndarray, context: StageContext, settings: DecodingSettings) -> np.ndarray:
    """Keeps the smallest set of likeliest tokens whose probabilities reach p together, and at least one.

    transformers sorts the whole vocabulary. Tokens of at least 1/512 are at most 512 and the likeliest, so when they
    reach p the border lies among them. Where the border is within rounding of p, or between tokens as good as equal
    (the order of the sort decides), transformers' own processor is asked.
    """
    last = _last_of_nucleus(logits, settings.top_p) if context.at_least == 1 else None
    if last is None:
        return _through(TopPLogitsWarper(settings.top_p, min_tokens_to_keep=context.at_least), logits, context)
    return np.where(logits < logits[last], _CUT, logits)


def _last_of_nucleus(logits: np.ndarray, p: float) -> int | None:
    """The least likely token inside the nucleus; None when the likeliest tokens do not tell beyond doubt."""
    if not np.isfinite(logits.max()):
        return None
    ids, weights, total = likeliest(logits, _TOP_P_SHARE)
    below, above = (p - _TOP_P_MARGIN) * total, (p + _TOP_P_MARGIN) * total
    reached = 0.0
    for place, weight in enumerate(weights):
        if reached > below:
            return None
        reached += weight
        if reached > above:
            equal = place + 1 < len(weights) and weights[place + 1] > weight * (1 - 1e-5)
            return None if equal else ids[place]
    return None


def min_p(logits: np.ndarray, context: StageContext, settings: DecodingSettings) -> np.ndarray:
    """Cuts tokens whose probability is below min_p times the largest."""
    return _through(MinPLogitsWarper(settings.min_p, min_tokens_to_keep=context.at_least), logits, context)


def typical_p(logits: np.ndarray, context: StageContext, settings: DecodingSettings) -> np.ndarray:
    """Locally typical sampling (Meister et al. 2022): keeps those whose surprise is nearest the entropy.

    transformers refuses a mass of 0; the smallest float means the same, the most typical token alone.
    """
    mass = settings.typical_p or np.finfo(np.float64).tiny
    return _through(TypicalLogitsWarper(mass, min_tokens_to_keep=context.at_least), logits, context)


def _bans_act(settings: DecodingSettings, context: StageContext) -> bool:
    rules = context.rules
    return (
        bool(settings.banned or rules.bad_words or rules.suppressed or _endings_banned(settings, context))
        or (bool(settings.forced) and _forced_now(settings, context) is not None)
        or bool(_forced_by_rule(settings, context))
        or (bool(rules.suppressed_first) and len(context.ids) == rules.begin_index)
    )


STAGES: tuple[Stage, ...] = (
    Stage("repetition", lambda settings, _: settings.repetition_penalty != 1.0, repetition),
    Stage(
        "frequency_presence",
        lambda settings, context: (
            (settings.frequency_penalty != 0.0 or settings.presence_penalty != 0.0) and context.new_ids.size > 0
        ),
        frequency_presence,
    ),
    Stage("ngram", lambda settings, _: settings.no_repeat_ngram > 0, ngram),
    Stage("bans", _bans_act, bans),
    Stage("temperature", lambda settings, _: settings.draws and settings.temperature != 1.0, temperature),
    Stage("top_k", lambda settings, _: settings.draws and settings.top_k > 0, top_k),
    Stage("top_p", lambda settings, _: settings.draws and settings.top_p < 1.0, top_p),
    Stage("min_p", lambda settings, _: settings.draws and settings.min_p > 0.0, min_p),
    Stage("typical_p", lambda settings, _: settings.draws and settings.typical_p < 1.0, typical_p),
)


def run_stages(logits: np.ndarray, context: StageContext, settings: DecodingSettings) -> tuple[StageOutcome, ...]:
    """The outcomes "raw" to "typical_p". `logits`: float32 `[vocabulary]`, never changed.

    When chance decides nothing (greedy, temperature 0), the stages from temperature on are inactive.
    """
    outcomes = [StageOutcome("raw", True, logits)]
    for name, active, apply in STAGES:
        acts = active(settings, context)
        if acts:
            logits = apply(logits, context, settings)
        outcomes.append(StageOutcome(name, acts, logits))
    return tuple(outcomes)


def choose(outcomes: tuple[StageOutcome, ...], u: float | None) -> tuple[int | None, tuple[StageOutcome, ...]]:
    """The token, and the outcomes with "draw" at their end, where it alone is left.

    `u` in [0, 1) draws, None takes the likeliest. When no token is left, None and the outcomes as they are.
    """
    logits = outcomes[-1].logits
    token = int(logits.argmax())
    if not np.isfinite(logits[token]):
        return None, outcomes
    if u is not None:
        token = draw(logits, u)
    alone = np.full_like(logits, _CUT)
    alone[token] = logits[token]
    return token, (*outcomes, StageOutcome("draw", True, alone))


def is_forced(settings: DecodingSettings, context: StageContext) -> bool:
    """Whether one token is given here, by the settings or by the model's own rules."""
    return _forced_now(settings, context) is not None or len(_forced_by_rule(settings, context)) == 1


def none_left() -> UserError:
    """The error for settings after whose stages no token is left."""
    return UserError(
        "The settings cut every token, so none is left to choose.",
        "Ban fewer tokens, or allow n-grams to repeat.",
    )


def recompute(
    raw: np.ndarray, context: StageContext, settings: DecodingSettings, u: float | None
) -> tuple[int | None, tuple[StageOutcome, ...]]:
    """Run the stages again on a finished step's raw logits, float32 `[vocabulary]`, without the model.

    Gives the token that would be chosen under the same random number (the likeliest when `u` is None or the settings
    are greedy) and the eleven outcomes; None and ten outcomes when the settings cut every token.
    """
    return choose(run_stages(raw, context, settings), u if settings.draws else None)


def _only(logits: np.ndarray, tokens: list[int]) -> np.ndarray:
    after = np.full_like(logits, _CUT)
    after[tokens] = 0
    return after


def _forced_by_rule(settings: DecodingSettings, context: StageContext) -> list[int]:
    """What the model's config forces here: its EOS in the last place, its first token behind a lone start token."""
    rules = context.rules
    forced: tuple[int, ...] = ()
    if rules.forced_last and context.new_ids.size == settings.max_new_tokens - 1:
        forced = rules.forced_last
    elif rules.forced_first is not None and len(context.ids) == 1:
        forced = (rules.forced_first,)
    banned = (*settings.banned, *_endings_banned(settings, context))
    return [token for token in forced if token not in banned]


def _endings_banned(settings: DecodingSettings, context: StageContext) -> tuple[int, ...]:
    """The EOS ids, while the text may not end; as transformers' MinNewTokensLengthLogitsProcessor."""
    too_short = context.new_ids.size < settings.min_new_tokens
    return context.rules.eos if settings.ignore_eos or too_short else ()


def _forced_now(settings: DecodingSettings, context: StageContext) -> int | None:
    place = len(context.ids) - context.prompt_length
    return settings.forced[place] if place < len(settings.forced) else None


@lru_cache(maxsize=16)
def _bad_words(rules: ModelRules) -> tuple[LogitsProcessor, ...]:
    words = [list(ids) for ids in rules.bad_words if ids not in {(token,) for token in rules.eos}]
    return (NoBadWordsLogitsProcessor(words),) if words else ()


@lru_cache(maxsize=16)
def _suppressors(rules: ModelRules) -> tuple[LogitsProcessor, ...]:
    made: list[LogitsProcessor] = []
    if rules.suppressed:
        made.append(SuppressTokensLogitsProcessor(rules.suppressed))
    if rules.suppressed_first:
        made.append(SuppressTokensAtBeginLogitsProcessor(rules.suppressed_first, rules.begin_index))
    return tuple(made)
