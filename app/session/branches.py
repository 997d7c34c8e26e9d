"""Texts that were written, each possibly a branch of another: what stands in them, and how they compare."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from app.engine.decode.settings import DecodingSettings
from app.engine.trace.records import Token
from app.session.generated import GeneratedToken

if TYPE_CHECKING:
    from app.engine.models.loaded import LoadedModel

MOST = 24
"""More texts than this are not kept: the oldest goes."""


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
    loaded: LoadedModel | None = None
    """That model, for going on; None once it is closed."""
    ended_by: str = ""
    """Why the text ended: "end of text", "stop string", "length", "context full", "stopped"; '' while it is written."""
    found_by: str = ""
    """What chose its tokens where that was no run of its own: a row of a beam search."""
    filled: bool = False
    """Its steps fill gaps of the prompt (a masked model's) and do not follow it."""

    @property
    def apart(self) -> bool:
        """Whether the new text stands for itself: an encoder-decoder's does not follow the prompt."""
        return self.loaded is not None and self.loaded.kind == "encoder-decoder"

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
        return Branch(
            self.prompt_text, self.prompt, self.steps[:], self, len(self.steps), self.model, self.adapter, self.loaded
        )

    def differs_from(self, other: Branch) -> int | None:
        """The first new token that is not the same in both, None when one text is the beginning of the other."""
        pairs = zip(self.steps, other.steps, strict=False)
        return next((place for place, (ours, theirs) in enumerate(pairs) if ours.token_id != theirs.token_id), None)


def adapter_state(loaded: LoadedModel | None) -> str:
    """In which state a model writes now: "with LoRA", "with the adapter off", '' for one without an adapter."""
    if loaded is None or loaded.adapter is None:
        return ""
    return f"with {loaded.adapter.type}" if loaded.adapter_active else "with the adapter off"


def told_with_settings(branch: Branch) -> str:
    """The text, then on lines of their own what wrote it: model, seed, and every setting that is not neutral."""
    if not branch.steps:
        return branch.text
    settings, neutral = branch.steps[-1].settings, vars(DecodingSettings())
    changed = {name: value for name, value in vars(settings).items() if value != neutral[name] and name != "forced"}
    changed["seed"] = branch.steps[0].seed
    model = f"{branch.model}, {branch.adapter}" if branch.adapter else branch.model
    lines = [f"model: {model}", f"prompt: {branch.prompt_text!r}"]
    lines += [f"{name}: {value}" for name, value in changed.items() if value is not None]
    return "\n".join([branch.text, "", "---", *lines])


def without(branches: list[Branch], gone: Branch) -> list[Branch]:
    """The others, those that forked from it now forks of its parent."""
    for branch in branches:
        if branch.parent is gone:
            branch.fork = min(branch.fork, gone.fork) if gone.parent is not None else branch.fork
            branch.parent = gone.parent
    return [branch for branch in branches if branch is not gone]
