"""Texts that were written, each possibly a branch of another: what stands in them, and how they compare."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate
from typing import TYPE_CHECKING

from app.engine.decode.settings import BEAMS, DecodingSettings
from app.engine.trace.records import Token
from app.session.generated import GeneratedToken

if TYPE_CHECKING:
    from app.engine.models.loaded import LoadedModel

OF_BEAMS = ("num_beams", "length_penalty")
"""Settings that mean nothing without a beam search."""
MOST = 100
"""More texts than this are not kept: the oldest goes."""
WITH_LOGITS = 8
"""Logits are kept of so many of the newest texts; a vocabulary of 150,000 takes 120 MB for 200 tokens. Of the others
the model is asked again."""


@dataclass(eq=False)
class Branch:
    """One text: its prompt and the steps after it, the first `fork` of them shared with its parent."""

    prompt_text: str
    prompt: tuple[Token, ...] = ()
    steps: list[GeneratedToken] = field(default_factory=list)
    parent: Branch | None = None
    fork: int = 0
    """The first step that differs from the parent's."""
    model: str = ""
    """Name of the model that wrote it."""
    adapter: str = ""
    """In which state that model was then, as `adapter_state` tells it."""
    kind: str = ""
    """That model's: "decoder", "encoder" or "encoder-decoder"."""
    ref: str = ""
    """What opens that model again."""
    precision: str = ""
    """Of its weights: "fp32", "fp16" or "bf16"; '' where that is not known."""
    loaded: LoadedModel | None = None
    """That model, for going on and for looking at its choices; None while it is closed."""
    ended_by: str = ""
    """Why the text ended: "end of text", "stop string", "length", "context full", "stopped"; '' while it is written."""
    found_by: str = ""
    """What chose its tokens where that was no run of its own: a row of a beam search."""
    searched: DecodingSettings | None = None
    """The settings of that search, with its seed where it drew."""
    filled: bool = False
    """Its steps fill gaps of the prompt (a masked model's) and do not follow it."""
    batch: tuple[int, int] | None = None
    """Which of how many texts that were written at once, from 1; None where it was written alone."""

    def attach(self, loaded: LoadedModel, ref: str) -> None:
        """It is written by this model, or the model that wrote it is open again."""
        self.loaded, self.model, self.kind, self.ref = loaded, loaded.summary.name, loaded.kind, ref
        self.precision = loaded.summary.precision

    def is_by(self, loaded: LoadedModel, ref: str) -> bool:
        """Whether this model, opened by `ref`, is the one that wrote it."""
        return self.ref == ref and self.precision in ("", loaded.summary.precision)

    def detach(self) -> None:
        """Its model was closed, and its logits go with it."""
        self.loaded = None
        self.forget_logits()

    def forget_logits(self) -> None:
        """The model is asked for them again when a choice is looked at; those of filled gaps stay, of which it is
        not."""
        if not self.filled and any(step.raw is not None for step in self.steps):
            self.steps[:] = [replace(step, raw=None, context=None) for step in self.steps]

    @property
    def apart(self) -> bool:
        """Whether the new text stands for itself: an encoder-decoder's does not follow the prompt."""
        return self.kind == "encoder-decoder"

    @property
    def forked_from(self) -> Branch | None:
        """The text whose own token it left: the parent, or one before it where they share the fork."""
        holder = self.parent
        while holder is not None and holder.parent is not None and self.fork < holder.fork:
            holder = holder.parent
        return holder

    @property
    def training_steps(self) -> tuple[int, ...]:
        """The steps of a training whose weights wrote it, ascending; () for a model that was not in training."""
        return tuple(sorted({step.training_step for step in self.steps if step.training_step is not None}))

    @property
    def text(self) -> str:
        """The prompt and everything written after it; of an encoder-decoder what it wrote alone."""
        if self.apart:
            return "".join(step.text for step in self.steps)
        if self.filled:
            return self._with_gaps_filled()
        return self.prompt_text + "".join(step.text for step in self.steps)

    def _with_gaps_filled(self) -> str:
        by_place = {step.position: step.text.strip() for step in self.steps}
        if not by_place:
            return self.prompt_text
        # All gaps are written alike, and stand in the text in the order of their tokens.
        mask = next(token.text for place, token in enumerate(self.prompt) if place in by_place)
        gaps = [place for place, token in enumerate(self.prompt) if token.text == mask]
        pieces = self.prompt_text.split(mask)
        filled = [by_place.get(place, mask) for place in gaps] + [""]
        return "".join(piece + word for piece, word in zip(pieces, filled, strict=False))

    @property
    def score(self) -> float:
        """Mean log-probability of its new tokens under the model, in nats; 0 before the first."""
        return sum(step.logprob for step in self.steps) / len(self.steps) if self.steps else 0.0

    @property
    def ids(self) -> tuple[int, ...]:
        """The new ids."""
        return tuple(step.token_id for step in self.steps)

    @property
    def firm(self) -> int:
        """How many of its steps a run can go on after: without one whose text a stop string cut short, because the
        model would read what is not written."""
        cut = bool(self.steps) and self.steps[-1].shortened
        return len(self.steps) - cut

    @property
    def most(self) -> int:
        """How many new tokens it may have, as the last one was asked for; 0 before the first, and where it fills
        gaps."""
        return self.steps[-1].settings.max_new_tokens if self.steps and not self.filled else 0

    @property
    def training_words(self) -> str:
        """Which weights wrote it, where the model was being trained: "the weights of training step 12"."""
        steps = self.training_steps
        if not steps:
            return ""
        first, last = steps[0], steps[-1]
        return f"the weights of training step{f' {first:,}' if first == last else f's {first:,} to {last:,}'}"

    def written_by(self) -> DecodingSettings | None:
        """The settings, with their seed, that write this text again from its prompt; None where no one seed does."""
        if not self.steps or self.parent is not None or self.found_by:
            return None
        first = self.steps[0].settings
        if any(step.settings != first for step in self.steps):
            return None
        return replace(first, seed=self.steps[0].seed) if first.draws else first

    def beside(self) -> Branch:
        """A copy to write on in, from its fork on."""
        copy = replace(self, steps=self.steps[:], parent=self, fork=len(self.steps))
        copy.ended_by, copy.found_by, copy.searched, copy.batch = "", "", None, None
        return copy

    def differs_from(self, other: Branch) -> tuple[int, int] | None:
        """The first new token that is not the same in both, its place here and there; None when one text is the
        beginning of the other.

        Tokens of two models may be of two vocabularies, so their letters are compared, and the places may differ.
        """
        if self.ref == other.ref:
            pairs = enumerate(zip(self.steps, other.steps, strict=False))
            place = next((place for place, (ours, theirs) in pairs if ours.token_id != theirs.token_id), None)
            return None if place is None else (place, place)
        letters = enumerate(zip(_letters(self), _letters(other), strict=False))
        letter = next((place for place, (ours, theirs) in letters if ours != theirs), None)
        return None if letter is None else (_holder(self, letter), _holder(other, letter))


def _piece(step: GeneratedToken) -> str:
    return "\0" if step.ends else step.text


def _letters(branch: Branch) -> str:
    """The new text, its end a character too."""
    return "".join(_piece(step) for step in branch.steps)


def _holder(branch: Branch, letter: int) -> int:
    """The new token that a letter of the new text belongs to."""
    ends = accumulate(len(_piece(step)) for step in branch.steps)
    return next(place for place, end in enumerate(ends) if end > letter)


def adapter_state(loaded: LoadedModel | None) -> str:
    """In which state a model writes now: "with LoRA", "with the adapter off", '' for one without an adapter."""
    if loaded is None or loaded.adapter is None:
        return ""
    return f"with {loaded.adapter.type}" if loaded.adapter_active else "with the adapter off"


def told_with_settings(branch: Branch) -> str:
    """The text, then on lines of their own what wrote it: model, seed, and every setting that is not neutral."""
    if not branch.steps:
        return branch.text
    settings, neutral = branch.searched or branch.steps[-1].settings, vars(DecodingSettings())
    idle = ("forced", "method") if settings.method in BEAMS else ("forced", "method", *OF_BEAMS)
    changed = {name: value for name, value in vars(settings).items() if value != neutral[name] and name not in idle}
    drawn = any(step.settings.draws for step in branch.steps)
    changed["seed"] = branch.searched.seed if branch.searched is not None else branch.steps[0].seed if drawn else None
    lines = [f"model: {', '.join(part for part in (branch.model, branch.precision, branch.adapter) if part)}"]
    lines += [f"prompt: {branch.prompt_text!r}"]
    lines += [f"found by: {branch.found_by}"] if branch.found_by else []
    lines += [f"written with: {branch.training_words}"] if branch.training_words else []
    lines += [f"method: {settings.method}"]
    lines += [f"{name}: {value}" for name, value in changed.items() if value is not None]
    return "\n".join([branch.text, "", "---", *lines])


@dataclass(frozen=True)
class Removed:
    """Texts that the person took out of the list, and how they stood in it."""

    gone: tuple[Branch, ...]
    order: tuple[Branch, ...]
    """All texts before."""
    family: tuple[tuple[Branch | None, int], ...]
    """Parent and fork of each of them."""

    def back_in(self, branches: Sequence[Branch]) -> list[Branch]:
        """The texts that are there now, and those that were gone, in their old order and family."""
        there = [each for each in self.order if each in self.gone or each in branches]
        for branch, (parent, fork) in zip(self.order, self.family, strict=True):
            branch.parent, branch.fork = parent, fork
        return [*there, *(each for each in branches if each not in self.order)]


def set_aside(branches: Sequence[Branch], gone: Sequence[Branch]) -> Removed:
    """What brings them back; their logits are the model's again."""
    for branch in gone:
        branch.forget_logits()
    return Removed(tuple(gone), tuple(branches), tuple((each.parent, each.fork) for each in branches))


def without(branches: list[Branch], gone: Branch) -> list[Branch]:
    """The others, those that forked from it now forks of its parent."""
    for branch in branches:
        if branch.parent is gone:
            branch.fork = min(branch.fork, gone.fork) if gone.parent is not None else branch.fork
            branch.parent = gone.parent
    return [branch for branch in branches if branch is not gone]
