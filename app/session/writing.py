"""The generators that write text, stepped by a lane. Torch is imported in their bodies."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from app.engine.errors import UserError
from app.jobs.job import Progress
from app.session.generated import GeneratedToken, RunCost

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


@dataclass(frozen=True)
class Means:
    """What the runs share."""

    holder: list[KeptForward]
    """The cache of the run before, of which what still holds is used; empty at first. Used on the lane only."""
    watched: Watched
    """The head whose row is recorded with the next token, None for none."""

    def kept(self) -> KeptForward:
        """The cache itself."""
        from app.engine.decode.kept import KeptForward

        if not self.holder:
            self.holder.append(KeptForward())
        return self.holder[0]


def generate(
    loaded: LoadedModel, text: str, ask: Ask, given: tuple[int, ...], means: Means
) -> Generator[Any, None, str]:
    """The prompt's tokens, then one GeneratedToken a step, now and then a RunCost. Returns why the text ended."""
    from app.engine.decode import stream
    from app.engine.models.memory import memory_errors
    from app.engine.trace.tokens import tokenize

    yield tokenize(loaded.tokenizer, text)
    used, kept = ask(), means.kept()

    def asked() -> DecodingSettings:
        nonlocal used
        used = ask()
        return used

    clock = _Clock()
    count, ended = len(given), False
    with memory_errors("writing", _FEWER):
        for step in stream(loaded, text, asked, given=given, kept=kept, watch=means.watched):
            count += 1
            clock.step()
            ended = _ends(step)
            # Told before the token, after which slow motion holds: what is told then is true as long as it holds.
            if clock.due():
                yield clock.cost(kept)
                done, most = min(1.0, count / used.max_new_tokens), used.max_new_tokens
                yield Progress(done, f"{count} of {most} tokens", before=min(done, len(given) / most))
            yield _token(loaded, step, used)
    yield clock.cost(kept)
    return _why(loaded, text, ended, count, used.max_new_tokens)


def generate_batch(
    loaded: LoadedModel, text: str, ask: Ask, count: int, means: Means
) -> Generator[Any, None, tuple[str, ...]]:
    """Several texts at once: the prompt's tokens, then (which, GeneratedToken), now and then a RunCost of them all.

    Returns why each ended.
    """
    from app.engine.decode.batch import stream_batch
    from app.engine.models.memory import memory_errors
    from app.engine.trace.tokens import tokenize

    yield tokenize(loaded.tokenizer, text)
    used, kept = ask(), means.kept()

    def asked() -> DecodingSettings:
        nonlocal used
        used = ask()
        return used

    clock, lengths, ended = _Clock(), [0] * count, [False] * count
    with memory_errors("writing several texts", _FEWER):
        for row, step in stream_batch(loaded, text, asked, count, kept=kept, watch=means.watched):
            clock.step()
            lengths[row] += 1
            ended[row] = _ends(step)
            if clock.due():
                longest = max(lengths)
                yield clock.cost(kept)
                yield Progress(
                    min(1.0, longest / used.max_new_tokens),
                    f"{count} texts, {longest} token{'' if longest == 1 else 's'} each",
                )
            yield row, _token(loaded, step, used)
    yield clock.cost(kept)
    return tuple(
        _why(loaded, text, end, length, used.max_new_tokens) for end, length in zip(ended, lengths, strict=True)
    )


def search(loaded: LoadedModel, text: str, settings: DecodingSettings, means: Means) -> Generator[Any, None, BeamTree]:
    """A beam search: the prompt's tokens, then the tree as it grows, now and then a RunCost. Returns the finished tree.

    Between the last tree and the end greedy search writes its text, of which there is progress only.
    """
    from app.engine.decode.beams import grow_beams
    from app.engine.models.memory import memory_errors
    from app.engine.trace.tokens import tokenize

    yield tokenize(loaded.tokenizer, text)
    kept, clock = means.kept(), _Clock()
    steps, depth, greedy = grow_beams(loaded, text, settings, kept=kept), 0, 0
    last: BeamTree | None = None
    while True:
        try:
            with memory_errors("the beam search", _FEWER):
                tree = next(steps)
        except StopIteration as end:
            found: BeamTree = end.value
            return found
        if tree is last:
            greedy += 1
            share, words = greedy / settings.max_new_tokens, f"greedy search for comparison, token {greedy}"
        else:
            depth += 1
            clock.step()
            yield tree
            share, words = depth / settings.max_new_tokens, f"step {depth} of at most {settings.max_new_tokens}"
            if tree.finished or clock.due():
                yield clock.cost(kept)
        last = tree
        yield Progress(min(1.0, share), words)


def fill(loaded: LoadedModel, text: str, ask: Ask, means: Means) -> Generator[Any, None, str]:
    """Fill the masks of a text: its tokens, then one GeneratedToken with its position a gap, and a RunCost."""
    from app.engine.decode.masks import fill_masks
    from app.engine.models.memory import memory_errors
    from app.engine.trace.tokens import tokenize

    yield tokenize(loaded.tokenizer, text)
    clock = _Clock()
    with memory_errors("filling the gaps", "Shorten the text, or open the model in a smaller precision."):
        for filled in fill_masks(loaded, text, ask):
            clock.step()
            yield _token(loaded, filled.step, ask(), filled.position)
            if clock.due():
                yield clock.cost(None)
    yield clock.cost(None)
    return "all gaps filled"


def tail(loaded: LoadedModel, text: str, written: tuple[int, ...]) -> Generator[Any, None, str]:
    """The last half of a text, the prompt and what was written after it, as text."""
    yield None
    ids = [*loaded.tokenizer(text, verbose=False)["input_ids"], *written]
    last: str = loaded.tokenizer.decode(
        ids[len(ids) // 2 :], skip_special_tokens=True, clean_up_tokenization_spaces=False
    )
    return last


def one_token(loaded: LoadedModel, text: str) -> Generator[Any, None, tuple[int, str]]:
    """The one token that a text is, its id and what it stands for. Raises UserError for several."""
    yield None
    given = {"text_target": text} if loaded.kind == "encoder-decoder" else {"text": text}
    ids = [int(token) for token in loaded.tokenizer(**given, add_special_tokens=False)["input_ids"]]
    texts = [loaded.tokenizer.decode([token]) for token in ids]
    if not ids:
        raise UserError(f"{loaded.summary.name} has no token for that.", "Type a letter, a word or a sign.")
    if len(ids) > 1:
        named = ", ".join(f"“{piece.replace(' ', '␣')}”" for piece in texts)
        spaced = {name: f" {value}" for name, value in given.items()}
        whole = len(loaded.tokenizer(**spaced, add_special_tokens=False)["input_ids"]) == 1
        remedy = f"With a space before it, “␣{text}” is one." if whole else "Type one of them."
        raise UserError(f"That is {len(ids)} tokens of {loaded.summary.name}: {named}.", remedy)
    return ids[0], texts[0]


def target_ids(loaded: LoadedModel, text: str) -> Generator[Any, None, tuple[int, ...]]:
    """A text that an encoder-decoder is to go on writing, as the ids of its decoder after the start token."""
    from app.engine.trace.tokens import target_tokens

    yield None
    return tuple(token.id for token in target_tokens(loaded.tokenizer, text, 0)[1:])


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
    across = step.head is not None and step.head[0] == "cross"
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
        None if across else step.attention,
        step.attention if across else None,
        step.head,
        _ends(step),
        step.shortened,
        loaded.training_step,
        end_name(loaded, step.token_id) if _ends(step) else "",
    )


def end_name(loaded: LoadedModel, token: int) -> str:
    """What the tokenizer calls the token that ended a text."""
    return str(loaded.tokenizer.decode([token]))


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

    def cost(self, kept: KeptForward | None) -> RunCost:
        if kept is None:
            return RunCost(self._tokens, self._last, self._first, 0, 0)
        return RunCost(self._tokens, self._last, self._first, kept.bytes, kept.reused)
