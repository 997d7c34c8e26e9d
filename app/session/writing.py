"""The generators that write text, stepped by a lane. Torch is imported in their bodies."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from app.jobs.job import Progress
from app.session.generated import DistributionReading, GeneratedToken, RunCost

if TYPE_CHECKING:
    from app.engine.decode.kept import KeptForward
    from app.engine.decode.records import BeamTree, Step
    from app.engine.decode.settings import DecodingSettings
    from app.engine.models.loaded import LoadedModel

TELL_EVERY = 0.2
"""Seconds between two words about the progress of a run whose steps are much shorter."""
_FEWER = "Write fewer tokens or texts at once, keep fewer beams, or open the model in a smaller precision."
Ask = Callable[[], "DecodingSettings"]
Watched = Callable[[], "tuple[str, int, int] | None"]


def generate(
    loaded: LoadedModel, text: str, ask: Ask, given: tuple[int, ...], holder: list[KeptForward], watched: Watched | None
) -> Generator[Any, None, str]:
    """The prompt's tokens, then one GeneratedToken a step, now and then a RunCost. Returns why the text ended.

    `holder` keeps the cache of the run before, of which what still holds is used; empty at first.
    """
    from app.engine.decode import stream
    from app.engine.decode.kept import KeptForward
    from app.engine.models.memory import memory_errors
    from app.engine.trace.tokens import tokenize

    yield tokenize(loaded.tokenizer, text)
    used = ask()
    if not holder:
        holder.append(KeptForward())
    kept = holder[0]

    def asked() -> DecodingSettings:
        nonlocal used
        used = ask()
        return used

    clock = _Clock()
    count, ended = len(given), False
    with memory_errors("writing", _FEWER):
        for step in stream(loaded, text, asked, given=given, kept=kept, watch=watched):
            count += 1
            clock.step()
            ended = _ends(step)
            yield _token(loaded, step, used)
            if clock.due():
                yield clock.cost(kept)
                yield Progress(min(1.0, count / used.max_new_tokens), f"{count} of {used.max_new_tokens} tokens")
    yield clock.cost(kept)
    return _why(loaded, text, ended, count, used.max_new_tokens)


def generate_batch(
    loaded: LoadedModel, text: str, ask: Ask, count: int, given: tuple[int, ...]
) -> Generator[Any, None, tuple[str, ...]]:
    """Several texts at once: the prompt's tokens, then (which, GeneratedToken). Returns why each ended."""
    from app.engine.decode.batch import stream_batch
    from app.engine.models.memory import memory_errors
    from app.engine.trace.tokens import tokenize

    yield tokenize(loaded.tokenizer, text)
    used = ask()

    def asked() -> DecodingSettings:
        nonlocal used
        used = ask()
        return used

    clock, lengths, ended = _Clock(), [len(given)] * count, [False] * count
    with memory_errors("writing several texts", _FEWER):
        for row, step in stream_batch(loaded, text, asked, count, given):
            clock.step()
            lengths[row] += 1
            ended[row] = _ends(step)
            yield row, _token(loaded, step, used)
            if clock.due():
                longest = max(lengths)
                yield Progress(min(1.0, longest / used.max_new_tokens), f"{count} texts, {longest} tokens each")
    return tuple(
        _why(loaded, text, end, length, used.max_new_tokens) for end, length in zip(ended, lengths, strict=True)
    )


def search(
    loaded: LoadedModel, text: str, settings: DecodingSettings, given: tuple[int, ...]
) -> Generator[Any, None, BeamTree]:
    """A beam search: the prompt's tokens, then the tree as it grows. Returns the finished tree."""
    from app.engine.decode.beams import grow_beams
    from app.engine.models.memory import memory_errors
    from app.engine.trace.tokens import tokenize

    yield tokenize(loaded.tokenizer, text)
    steps, depth = grow_beams(loaded, text, settings, given), 0
    while True:
        try:
            with memory_errors("the beam search", _FEWER):
                tree = next(steps)
        except StopIteration as end:
            found: BeamTree = end.value
            return found
        depth += 1
        yield tree
        yield Progress(min(1.0, depth / settings.max_new_tokens), f"step {depth} of at most {settings.max_new_tokens}")


def fill(loaded: LoadedModel, text: str, ask: Ask) -> Generator[Any, None, str]:
    """Fill the masks of a text: its tokens, then one GeneratedToken with its position a gap."""
    from app.engine.decode.masks import fill_masks
    from app.engine.trace.tokens import tokenize

    yield tokenize(loaded.tokenizer, text)
    for filled in fill_masks(loaded, text, ask):
        yield _token(loaded, filled.step, ask(), filled.position)
    return "all gaps filled"


def distribution(
    loaded: LoadedModel, index: int, step: GeneratedToken, settings: DecodingSettings, text: str, given: tuple[int, ...]
) -> Generator[Any, None, DistributionReading]:
    """How step `index` would be chosen under `settings`, from its kept logits and its random number.

    A step of an earlier start has no logits: the model runs once on the prompt `text` and the new tokens `given` that
    stand before it.
    """
    from app.engine.decode.distribution import describe
    from app.engine.decode.funnel import funnel_of
    from app.engine.decode.stages import recompute

    yield None
    if step.raw is None or step.context is None:
        step = _with_logits(loaded, step, text, given)
    assert step.raw is not None
    assert step.context is not None
    chosen, outcomes = recompute(step.raw, step.context, settings, step.draw)
    tokenizer = loaded.tokenizer
    funnel = funnel_of(outcomes, chosen, step.draw if settings.draws else None, tokenizer)
    return DistributionReading(index, describe(funnel, step.draw), funnel, step)


def _with_logits(loaded: LoadedModel, step: GeneratedToken, text: str, given: tuple[int, ...]) -> GeneratedToken:
    import numpy as np

    from app.engine.decode.forward import CachedForward
    from app.engine.decode.prompt import read_prompt
    from app.engine.decode.records import StageContext

    prompt = read_prompt(loaded, text, given)
    ids = np.array([*prompt.ids, *prompt.given], dtype=np.int64)
    raw = CachedForward(loaded.model, prompt)(ids).numpy()
    return replace(step, raw=raw, context=StageContext(ids, len(prompt.ids), prompt.rules))


def _why(loaded: LoadedModel, text: str, ended: bool, count: int, most: int) -> str:
    """Why a text of `count` new tokens went no further."""
    if ended:
        return "end of text"
    if count >= most:
        return "length"
    # Held-back tokens of a stop string are not counted, so a text at its context's end is told by its length.
    limit = getattr(loaded.model.config.get_text_config(decoder=True), "max_position_embeddings", None)
    stands = count + (1 if loaded.kind == "encoder-decoder" else len(loaded.tokenizer(text)["input_ids"]))
    return "context full" if limit is not None and stands > limit else "stop string"


def _ends(step: Step) -> bool:
    assert step.context is not None
    return step.token_id in step.context.rules.eos


def _token(loaded: LoadedModel, step: Step, used: DecodingSettings, position: int | None = None) -> GeneratedToken:
    assert step.context is not None
    return GeneratedToken(
        step.token_id,
        step.text,
        step.logprob,
        step.stages[0].logits,
        step.context,
        step.draw,
        used,
        step.seed,
        position,
        step.attention,
        _ends(step),
        loaded.training_step,
    )


class _Clock:
    """Times one run on the lane."""

    def __init__(self) -> None:
        self._began = self._told = time.monotonic()
        self._first = self._last = 0.0
        self._tokens = 0

    def step(self) -> None:
        self._tokens += 1
        self._last = time.monotonic() - self._began
        if self._tokens == 1:
            self._first = self._last

    def due(self) -> bool:
        now = time.monotonic()
        if now - self._told <= TELL_EVERY:
            return False
        self._told = now
        return True

    def cost(self, kept: KeptForward) -> RunCost:
        return RunCost(self._tokens, self._last, self._first, kept.bytes, kept.reused)
