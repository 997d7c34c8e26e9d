"""The generators that lanes step. Torch is imported in their bodies, so on a lane and after first paint."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any

from app.engine.errors import UserError
from app.jobs.job import Progress
from app.session.generated import DistributionReading, GeneratedToken
from app.session.state import Opening, OpenModel, RoomWanted

TELL_EVERY = 0.2
"""Seconds between two words about the progress of a run whose steps are much shorter."""

if TYPE_CHECKING:
    from app.engine.decode.settings import DecodingSettings
    from app.engine.models.loaded import LoadedModel
    from app.engine.trace.records import Candidate, HeadReading, LensReading, TensorReading, WeightReading
    from app.engine.trace.result import Trace


def open_model(asked: Opening) -> Generator[Any, None, LoadedModel | RoomWanted]:
    """Load a model, or say what would have to be closed for it; the first step imports torch and transformers."""
    yield Progress(0.0, "Starting torch")
    import torch

    # One core stays free for the window: with every core busy a 20 ms step was seen to take up to 900 ms.
    torch.set_num_threads(max(1, (os.cpu_count() or 2) - 1))
    yield Progress(0.05, "Starting transformers")
    import app.engine.trace.readings  # noqa: F401 - the slow import belongs to loading, not to the first trace
    from app.engine.models.loading import load_steps

    request = asked.request
    if (wanted := room_wanted(asked)) is not None:
        return wanted
    steps = load_steps(request.ref, request.device, request.precision)
    try:
        while True:
            try:
                step = next(steps)
            except StopIteration as stop:
                return stop.value
            yield Progress(0.1 + 0.9 * step.fraction, step.doing)
    finally:
        steps.close()


def room_wanted(asked: Opening) -> RoomWanted | None:
    """What must be closed so that a model fits, B before A; None when it fits, or would not even then."""
    from app.engine.models.catalogue import is_here
    from app.engine.models.estimate import estimate

    request = asked.request
    if not asked.open or not is_here(request.ref):
        return None
    closing: list[OpenModel] = []
    for model in (None, *sorted(asked.open, key=lambda model: model.slot, reverse=True)):
        closing += [model] if model is not None else []
        returned = sum(model.size for model in closing)
        found = estimate(request.ref, request.device, request.precision, returned)
        if found.verdict != "too big":
            return None
        if found.fits_after_closing:
            return RoomWanted(request, found, tuple(model.slot for model in closing))
    return None


def close_model(loaded: LoadedModel) -> Generator[Any, None, None]:
    """Give a model's memory back, on its lane, after whatever still uses it."""
    loaded.unload()
    yield


def inspect(loaded: LoadedModel, text: str, edits: tuple[Any, ...]) -> Generator[Any, None, Trace]:
    """Tokens, then the trace, then one step a layer with its heads' thumbnails. Returns the trace."""
    from app.engine.trace import trace
    from app.engine.trace.readings import read_thumbnails
    from app.engine.trace.tokens import tokenize

    yield tokenize(loaded.tokenizer, text)
    made = trace(loaded, text, edits=edits)
    yield made
    layers = loaded.summary.layers
    for layer in range(layers):
        yield read_thumbnails(made, layer)
        yield Progress((layer + 1) / layers, f"block {layer + 1} of {layers}")
    return made


def read_head(trace: Trace, _tokenizer: Any, layer: int, head: int) -> Generator[Any, None, HeadReading]:
    """One head of one layer."""
    from app.engine.trace import readings

    yield None
    return readings.read_head(trace, layer, head)


def read_weight(
    trace: Trace, _tokenizer: Any, layer: int, head: int, query: int, key: int
) -> Generator[Any, None, WeightReading]:
    """One weight and how it came about."""
    from app.engine.trace import readings

    yield None
    return readings.read_weight(trace, layer, head, query, key)


def read_lens(trace: Trace, _tokenizer: Any, position: int) -> Generator[Any, None, LensReading | str]:
    """The logit lens at a position, or the sentence that says why this model has none."""
    from app.engine.trace.lens import read_lens as read

    yield None
    try:
        return read(trace, position)
    except UserError as error:
        return str(error)


def read_tensor(trace: Trace, _tokenizer: Any, name: str) -> Generator[Any, None, TensorReading]:
    """One tensor by name."""
    from app.engine.trace import readings

    yield None
    return readings.read_tensor(trace, name)


def read_candidates(trace: Trace, tokenizer: Any, position: int) -> Generator[Any, None, tuple[Candidate, ...]]:
    """What may follow token `position`."""
    from app.engine.trace import readings

    yield None
    return readings.read_candidates(trace, tokenizer, position)


def generate(loaded: LoadedModel, text: str, settings: Callable[[], DecodingSettings]) -> Generator[Any, None, str]:
    """The prompt's tokens, then one GeneratedToken a step. Returns why the text ended."""
    from app.engine.decode import stream
    from app.engine.trace.tokens import tokenize

    yield tokenize(loaded.tokenizer, text)
    used = settings()

    def ask() -> DecodingSettings:
        nonlocal used
        used = settings()
        return used

    count, ended, told = 0, False, time.monotonic()
    for step in stream(loaded, text, ask):
        count += 1
        assert step.context is not None
        ended = step.token_id in step.context.rules.eos
        raw = step.stages[0].logits
        yield GeneratedToken(step.token_id, step.text, step.logprob, raw, step.context, step.draw, used, step.seed)
        if time.monotonic() - told > TELL_EVERY:
            told = time.monotonic()
            yield Progress(min(1.0, count / used.max_new_tokens), f"{count} of {used.max_new_tokens} tokens")
    if ended:
        return "end of text"
    if count >= used.max_new_tokens:
        return "length"
    return "stop string" if used.stop else "context full"


def distribution(
    loaded: LoadedModel, index: int, step: GeneratedToken, settings: DecodingSettings
) -> Generator[Any, None, DistributionReading]:
    """How step `index` would be chosen under `settings`, from its kept logits and its random number."""
    from app.engine.decode.distribution import describe
    from app.engine.decode.stages import recompute

    yield None
    chosen, outcomes = recompute(step.raw, step.context, settings, step.draw)
    return DistributionReading(index, describe(outcomes, chosen, step.draw, loaded.tokenizer))
