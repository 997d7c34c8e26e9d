"""The named stages between logits and a token.

Each stage is a pure function of the logits, what stands before the token, and the settings. Each gives, bit for bit,
what transformers' processor of that name gives (`transformers.generation.logits_process`, `min_tokens_to_keep` 1);
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

from app.engine.decode.draw import draw
from app.engine.decode.records import ModelRules, StageContext, StageOutcome
from app.engine.decode.settings import DecodingSettings

_CUT = float("-inf")
_CUT32 = np.float32(_CUT)

_TOP_P_SHARE = 1 / 512
_TOP_P_MARGIN = 1e-4


class Stage(NamedTuple):
    """A stage: its name, whether it acts now, and what it makes of float32 logits `[vocabulary]` (a new tensor)."""

    name: str
    active: Callable[[DecodingSettings, StageContext], bool]
    apply: Callable[[torch.Tensor, StageContext, DecodingSettings], torch.Tensor]


def _through(processor: LogitsProcessor, logits: torch.Tensor, context: StageContext) -> torch.Tensor:
    return processor(torch.from_numpy(context.ids)[None], logits[None])[0]


def repetition(logits: torch.Tensor, context: StageContext, settings: DecodingSettings) -> torch.Tensor:
    """Logits of ids that stand before: positive ones divided by the penalty, negative ones multiplied."""
    return _through(RepetitionPenaltyLogitsProcessor(settings.repetition_penalty), logits, context)


def frequency_presence(logits: torch.Tensor, context: StageContext, settings: DecodingSettings) -> torch.Tensor:
    """Takes frequency_penalty · count + presence_penalty · [count > 0] off; counts new tokens only."""
    ids, counts = np.unique(context.new_ids, return_counts=True)
    after = logits.clone()
    penalty = settings.frequency_penalty * counts + settings.presence_penalty
    after[torch.from_numpy(ids)] -= torch.from_numpy(penalty.astype(np.float32))
    return after


def ngram(logits: torch.Tensor, context: StageContext, settings: DecodingSettings) -> torch.Tensor:
    """Cuts tokens that would complete an n-gram that stands before."""
    return _through(NoRepeatNGramLogitsProcessor(settings.no_repeat_ngram), logits, context)


def bans(logits: torch.Tensor, context: StageContext, settings: DecodingSettings) -> torch.Tensor:
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
    banned = [token for token in settings.banned if token < len(logits)]
    if banned:
        logits = logits.clone()
        logits[banned] = _CUT
    forced = _forced_now(settings, context)
    return logits if forced is None else _only(logits, [forced])


def temperature(logits: torch.Tensor, context: StageContext, settings: DecodingSettings) -> torch.Tensor:
    """Logits divided by the temperature."""
    return logits / settings.temperature


def top_k(logits: torch.Tensor, context: StageContext, settings: DecodingSettings) -> torch.Tensor:
    """Cuts everything below the k-th largest logit; ties with it stay."""
    least = torch.topk(logits, min(settings.top_k, len(logits)))[0][-1].item()
    before = logits.numpy()
    return torch.from_numpy(np.where(before < np.float32(least), _CUT32, before))


def top_p(logits: torch.Tensor, context: StageContext, settings: DecodingSettings) -> torch.Tensor:
    """Keeps the smallest set of likeliest tokens whose probabilities reach p together, and at least one.

    transformers sorts the whole vocabulary. Tokens of at least 1/512 are at most 512 and the likeliest, so when they
    reach p the border lies among them. Where the border is within rounding of p, or between equal logits (the order of
    the sort decides), transformers' own processor is asked.
    """
    border = _nucleus_border(logits.numpy(), settings.top_p)
    if border is None:
        return TopPLogitsWarper(settings.top_p)(None, logits[None])[0]
    before = logits.numpy()
    return torch.from_numpy(np.where(before < border, _CUT32, before))


def _nucleus_border(logits: np.ndarray, p: float) -> np.float32 | None:
    """The smallest logit inside the nucleus, None when it cannot be told beyond doubt from the likeliest tokens."""
    largest = logits.max()
    if not np.isfinite(largest):
        return None
    total = np.exp(logits - largest).sum(dtype=np.float64)
    head = logits[logits >= np.float32(largest + np.log(total * _TOP_P_SHARE))]
    if not head.size:
        return None
    head = -np.sort(-head)
    reached = np.cumsum(np.exp(head - largest), dtype=np.float64) / total
    last = int(np.searchsorted(reached, p, side="left"))
    if last >= head.size or reached[last] < p + _TOP_P_MARGIN:
        return None
    if (reached[last - 1] if last else 0.0) > p - _TOP_P_MARGIN:
        return None
    if last + 1 < head.size and head[last + 1] == head[last]:
        return None
    return head[last]


def min_p(logits: torch.Tensor, context: StageContext, settings: DecodingSettings) -> torch.Tensor:
    """Cuts tokens whose probability is below min_p times the largest."""
    return MinPLogitsWarper(settings.min_p)(None, logits[None])[0]


def typical_p(logits: torch.Tensor, context: StageContext, settings: DecodingSettings) -> torch.Tensor:
    """Locally typical sampling (Meister et al. 2022): keeps those whose surprise is nearest the entropy.

    transformers refuses a mass of 0; the smallest float means the same, the most typical token alone.
    """
    return TypicalLogitsWarper(settings.typical_p or np.finfo(np.float64).tiny)(None, logits[None])[0]


def _bans_act(settings: DecodingSettings, context: StageContext) -> bool:
    rules = context.rules
    return (
        bool(settings.banned or rules.bad_words or rules.suppressed)
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


def run_stages(logits: torch.Tensor, context: StageContext, settings: DecodingSettings) -> tuple[StageOutcome, ...]:
    """The outcomes "raw" to "typical_p". `logits`: float32 `[vocabulary]` on the CPU; never changed.

    When chance decides nothing (greedy, temperature 0), the stages from temperature on are inactive.
    """
    array = logits.numpy()
    outcomes = [StageOutcome("raw", True, array)]
    for name, active, apply in STAGES:
        acts = active(settings, context)
        if acts:
            logits = apply(logits, context, settings)
            array = logits.numpy()
        outcomes.append(StageOutcome(name, acts, array))
    return tuple(outcomes)


def choose(outcomes: tuple[StageOutcome, ...], u: float | None) -> tuple[int, StageOutcome]:
    """The token and the outcome "draw", where it alone is left. `u` in [0, 1), None takes the likeliest."""
    logits = outcomes[-1].logits
    token = int(logits.argmax()) if u is None else draw(logits, u)
    alone = np.full_like(logits, _CUT32)
    alone[token] = logits[token]
    return token, StageOutcome("draw", True, alone)


def recompute(
    raw: np.ndarray, context: StageContext, settings: DecodingSettings, u: float | None
) -> tuple[int | None, tuple[StageOutcome, ...]]:
    """Run the stages again on a finished step's raw logits, float32 `[vocabulary]`, without the model.

    Gives the token that would be chosen under the same random number (the likeliest when `u` is None or the settings
    are greedy) and the eleven outcomes; None and ten outcomes when the settings cut every token.
    """
    outcomes = run_stages(torch.from_numpy(raw), context, settings)
    if not np.isfinite(outcomes[-1].logits.max()):
        return None, outcomes
    token, drawn = choose(outcomes, u if settings.draws else None)
    return token, (*outcomes, drawn)


def _only(logits: torch.Tensor, tokens: list[int]) -> torch.Tensor:
    after = torch.full_like(logits, _CUT)
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
    return [token for token in forced if token not in settings.banned]


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
