"""The generators that lanes step. Torch is imported in their bodies, so on a lane and after first paint."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from app.engine.errors import UserError, WeightsGoneError
from app.engine.trace.records import Thumbnails, Token
from app.jobs.job import Progress
from app.session.state import Opening, OpenModel, RoomWanted, is_mask

if TYPE_CHECKING:
    from app.engine.models.loaded import LoadedModel
    from app.engine.trace.records import (
        Attribution,
        Candidate,
        ClassShare,
        CodeRead,
        HeadReading,
        LayerReading,
        LensMap,
        LensReading,
        TensorReading,
        WeightReading,
    )
    from app.engine.trace.result import Trace


T = TypeVar("T")


@dataclass(frozen=True)
class TextsRead:
    """The tokens of what was typed: the text (with the second of a pair), and what the decoder is fed."""

    tokens: tuple[Token, ...]
    targets: tuple[Token, ...]
    written: bool
    """The model wrote the target itself."""


@dataclass(frozen=True)
class Asked:
    """A reading that somebody wants: its key, what reads it, and for what."""

    key: tuple[Any, ...]
    reader: Callable[..., Generator[Any, None, Any]]
    arguments: tuple[Any, ...]


@dataclass(frozen=True, eq=False)
class ReadAgain:
    """A text once more with other weights, and everything that was read of it, all of one state of the model."""

    texts: TextsRead
    trace: Trace
    thumbnails: tuple[Thumbnails, ...]
    answers: tuple[tuple[tuple[Any, ...], Any], ...]


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


def switch_adapter(loaded: LoadedModel, active: bool) -> Generator[Any, None, None]:
    """The adapter on or off for everything that runs from now on."""
    yield
    loaded.set_adapter_active(active)


def within_memory(steps: Generator[Any, None, T], what: str) -> Generator[Any, None, T]:
    """`steps`, with running out of memory on the way told as a sentence about `what` is being read."""
    from app.engine.models.memory import memory_errors

    with memory_errors(f"reading {what}", "Use a shorter text, or close what else needs memory, another model first."):
        return (yield from steps)


MOST_TARGET_TOKENS = 60
"""How much a model writes when no target was typed."""


def inspect(loaded: LoadedModel, text: str, second: str, edits: tuple[Any, ...]) -> Generator[Any, None, Trace]:
    """The texts' tokens, then the trace, then one step a layer with its heads' thumbnails. Returns the trace.

    `second` is the second sentence of a pair or the target; without one an encoder-decoder writes its own, greedily.
    """
    from app.engine.trace import trace
    from app.engine.trace.readings import read_thumbnails
    from app.engine.trace.run import decoder_start, model_input
    from app.engine.trace.tokens import target_tokens, tokenize

    two, pairs = loaded.kind == "encoder-decoder", loaded.summary.takes_pair
    pair, target = (second or None if pairs else None), (second or None if two else None)
    # Shown before anything is refused, so that the text on screen is the one that a message is about.
    tokens = tokenize(loaded.tokenizer, text, pair)
    start = decoder_start(loaded) if two else 0
    yield TextsRead(tokens, target_tokens(loaded.tokenizer, target, start) if two else (), two and not second)
    if two and not second:
        model_input(loaded, text)
        target = yield from _written(loaded, text)
        yield TextsRead(tokens, target_tokens(loaded.tokenizer, target, start), True)
    made = trace(loaded, text, pair=pair, target=target, edits=edits)
    yield made
    sites = [(kind, layer) for kind, layer in loaded.anatomy.sites]
    for count, (kind, layer) in enumerate(sites, 1):
        yield read_thumbnails(made, layer, kind)
        yield Progress(count / len(sites), f"attention {count} of {len(sites)}")
    return made


def read_again(
    loaded: LoadedModel, text: str, second: str, edits: tuple[Any, ...], asked: Sequence[Asked]
) -> Generator[Any, None, None]:
    """A ReadAgain, in one go: between two steps of a lane the model in training would become another."""
    values, trace = _drained(inspect(loaded, text, second, edits))
    texts = [value for value in values if isinstance(value, TextsRead)][-1]
    # A target that the model writes itself may be shorter than the one before: what was asked beyond it is not there.
    absent = (UserError, IndexError) if texts.written else UserError
    answers = []
    for each in asked:
        try:
            answers.append((each.key, _drained(each.reader(trace, loaded.tokenizer, *each.arguments))[1]))
        except absent:
            # Whoever wants it asks again, and is told why not.
            continue
    yield ReadAgain(texts, trace, tuple(value for value in values if isinstance(value, Thumbnails)), tuple(answers))


def _drained(steps: Generator[Any, None, Any]) -> tuple[list[Any], Any]:
    """What a generator yields, and what it returns."""
    values = []
    while True:
        try:
            values.append(next(steps))
        except StopIteration as stop:
            return values, stop.value


def _why_not(error: UserError) -> str:
    """The sentence in a reading's place; a run whose weights have gone is run again instead."""
    if isinstance(error, WeightsGoneError):
        raise error
    return str(error)


def _written(loaded: LoadedModel, text: str) -> Generator[Any, None, str]:
    """What the model makes of `text`, its likeliest token at every step."""
    from app.engine.decode import DecodingSettings, stream

    pieces = []
    for step in stream(loaded, text, DecodingSettings(method="greedy", max_new_tokens=MOST_TARGET_TOKENS)):
        pieces.append(step.text)
        yield Progress(min(1.0, len(pieces) / MOST_TARGET_TOKENS), f"{len(pieces)} tokens of the target")
    return "".join(pieces)


def cut_texts(loaded: LoadedModel, text: str, second: str, limit: int) -> Generator[Any, None, tuple[str, str]]:
    """The texts, each as long as the model's positions allow; two that share them get half each."""
    from app.engine.trace.tokens import cut

    yield None
    each = limit // 2 if second and loaded.summary.takes_pair else limit
    return cut(loaded.tokenizer, text, each), cut(loaded.tokenizer, second, each)


def read_head(
    trace: Trace, _tokenizer: Any, layer: int, head: int, kind: str, weighting: str
) -> Generator[Any, None, HeadReading | str]:
    """One head of one layer, or the sentence that says why it cannot be shown with this weighting."""
    from app.engine.trace import readings

    yield None
    try:
        return readings.read_head(trace, layer, head, kind, weighting)
    except UserError as error:
        if weighting == "raw":
            raise
        return _why_not(error)


def read_code(trace: Trace, _tokenizer: Any, name: str, text: str, second: str) -> Generator[Any, None, CodeRead]:
    """Python that gives a tensor again, or the sentence that says why there is none."""
    from app.engine.trace.recipe import recipe
    from app.engine.trace.records import CodeRead

    yield None
    pair = second or None if trace.loaded.summary.takes_pair else None
    try:
        return CodeRead(name, recipe(trace, name, text, pair, second or None))
    except UserError as error:
        return CodeRead(name, "", _why_not(error))


def read_attribution(trace: Trace, _tokenizer: Any, position: int) -> Generator[Any, None, Attribution | str]:
    """Who wrote the answer at a position, or the sentence that says why it cannot be told."""
    from app.engine.trace.beyond import attribute_logit

    yield None
    try:
        return attribute_logit(trace, position)
    except UserError as error:
        return _why_not(error)


def read_layer(trace: Trace, _tokenizer: Any, layer: int, kind: str) -> Generator[Any, None, LayerReading]:
    """All heads of one layer."""
    from app.engine.trace import readings

    yield None
    return readings.read_layer(trace, layer, kind)


def read_classes(
    trace: Trace, _tokenizer: Any
) -> Generator[Any, None, tuple[tuple[ClassShare, ...], tuple[ClassShare, ...]]]:
    """What a classification head and a next-sentence head say; empty where there is none."""
    from app.engine.trace import readings

    yield None
    return readings.read_classes(trace), readings.read_next_sentence(trace)


def read_weight(
    trace: Trace, _tokenizer: Any, layer: int, head: int, query: int, key: int, kind: str
) -> Generator[Any, None, WeightReading | str]:
    """One weight and how it came about, or the sentence that says why this family does not show it."""
    from app.engine.trace import readings

    yield None
    try:
        return readings.read_weight(trace, layer, head, query, key, kind)
    except UserError as error:
        return _why_not(error)


def why_no_lens(trace: Trace) -> str:
    """Why this model has no logit lens, '' where nothing speaks against one yet."""
    from app.engine.trace.lens import why_none

    return why_none(trace)


def read_lens(trace: Trace, _tokenizer: Any, position: int) -> Generator[Any, None, LensReading | str]:
    """The logit lens at a position, or the sentence that says why this model has none."""
    from app.engine.trace.lens import read_lens as read

    yield None
    try:
        return read(trace, position)
    except UserError as error:
        return _why_not(error)


def save_tensors(trace: Trace, names: tuple[str, ...], path: Path) -> Generator[Any, None, str]:
    """Write tensors by name into one safetensors file, float32; a step for each. Returns what to say of it."""
    from app.engine.models.memory import memory_errors
    from app.session.tensor_file import save_tensors as write

    found = {}
    for done, name in enumerate(names, 1):
        with memory_errors(f"the tensor {name}", "Save fewer tensors into one file."):
            found[name] = trace[name].float().numpy()
        yield Progress(done / len(names), name)
    write(found, path)
    return f"{len(found)} tensor{'s are' if len(found) > 1 else ' is'} in {path}."


def read_lens_map(trace: Trace, _tokenizer: Any) -> Generator[Any, None, LensMap | str]:
    """The logit lens at every position, or the sentence that says why this model has none."""
    from app.engine.trace.lens import lens_map_steps

    steps = lens_map_steps(trace)
    try:
        while True:
            try:
                share = next(steps)
            except StopIteration as stop:
                return stop.value
            yield Progress(share, "logit lens")
    except UserError as error:
        return _why_not(error)
    finally:
        steps.close()


def read_tensor(trace: Trace, _tokenizer: Any, name: str) -> Generator[Any, None, TensorReading]:
    """One tensor by name, or the mask of an attention."""
    from app.engine.trace import readings

    yield None
    return readings.read_mask(trace, name) if is_mask(name) else readings.read_tensor(trace, name)


def read_candidates(trace: Trace, tokenizer: Any, position: int) -> Generator[Any, None, tuple[Candidate, ...]]:
    """What may follow token `position`."""
    from app.engine.trace import readings

    yield None
    return readings.read_candidates(trace, tokenizer, position)
