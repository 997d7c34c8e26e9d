"""How texts that begin alike are told apart in a list: by the words after their parting, and what wrote them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from app.engine.decode.settings import BEAMS, DecodingSettings
from app.session.branches import Branch

_LONGEST = 26
"""Letters of a text that stand for it in a list."""
_TOKENS = 12
"""More tokens are not looked at for them."""
_METHODS = {"greedy": "greedy", "sample": "sample", "beam": "beams", "beam_sample": "drawn beams"}
_SHORT = {
    "temperature": "T {:g}",
    "top_k": "top-k {:g}",
    "top_p": "top-p {:g}",
    "min_p": "min-p {:g}",
    "typical_p": "typical-p {:g}",
    "repetition_penalty": "repetition {:g}",
    "frequency_penalty": "frequency {:g}",
    "presence_penalty": "presence {:g}",
    "no_repeat_ngram": "n-gram {:g}",
    "num_beams": "{:g} beams",
    "length_penalty": "length {:g}",
}


def own_words(branch: Branch, place: int, longest: int = _LONGEST) -> str:
    """The first words from new token `place` on, its leading space too; '' where there is none."""
    steps = branch.steps[place : place + _TOKENS]
    own = (", " if branch.filled else "").join(step.text for step in steps).rstrip()
    own = own or "".join(step.shown for step in steps[:1])
    return own if len(own) <= longest else f"{own[: longest - 1].rstrip()}…"


def partings(branches: Sequence[Branch]) -> dict[Branch, int]:
    """For each text that is no fork the first new token that it shares with no other one of its prompt and model.

    Where it is the beginning of another, or the same, that is its end.
    """
    groups: dict[tuple[str, str, str], list[Branch]] = {}
    for branch in branches:
        if branch.parent is None:
            groups.setdefault((branch.prompt_text, branch.ref, branch.precision), []).append(branch)
    found = {branch: 0 for group in groups.values() for branch in group}
    for group in groups.values():
        # Of texts in the order of their tokens the neighbours have the longest beginning in common.
        for one, other in pairwise(sorted(group, key=lambda each: each.ids)):
            place = _same(one, other)
            found[one], found[other] = max(found[one], place), max(found[other], place)
    return found


def _same(one: Branch, other: Branch) -> int:
    """How many new tokens two texts of one model share from the first on."""
    pairs = enumerate(zip(one.ids, other.ids, strict=False))
    return next((at for at, (ours, theirs) in pairs if ours != theirs), min(len(one.steps), len(other.steps)))


def model_words(branch: Branch, others: Sequence[Branch]) -> str:
    """The model of a text where others have another: its name, or its precision where that alone tells it."""
    writers = {(each.model, each.ref, each.precision) for each in (*others, branch)}
    if len(writers) == 1:
        return ""
    alike = [writer for writer in writers if writer[0] == branch.model]
    words = [branch.model] if len(alike) < len(writers) else []
    words += [branch.precision] if len({writer[2] for writer in alike}) > 1 else []
    return " ".join(words) or branch.ref


def settings_of(branch: Branch) -> DecodingSettings | None:
    """What its last token was chosen with, of a text that a beam search found what that searched with."""
    return branch.searched or (branch.steps[-1].settings if branch.steps else None)


def settings_apart(branches: Sequence[Branch]) -> frozenset[str]:
    """The settings, by their names, in which texts differ: those that somebody reads, "method" and "seed"."""
    every = [settings for branch in branches if (settings := settings_of(branch)) is not None]
    # What greedy search does not read tells nothing of its texts.
    drawing = [each for each in every if each.draws or each.method in BEAMS]
    found = {name for name in _SHORT if len({getattr(each, name) for each in drawing}) > 1}
    found |= {"method"} if len({each.method for each in every}) > 1 else set()
    found |= {"seed"} if len({_seed(branch) for branch in branches}) > 1 else set()
    return frozenset(found)


def settings_words(branch: Branch, apart: frozenset[str]) -> str:
    """Those settings of a text: "greedy", "T 0.5, seed 3"; '' for none."""
    own, seed = settings_of(branch), _seed(branch)
    if own is None:
        return ""
    parts = []
    if own.draws or own.method in BEAMS:
        parts = [words.format(getattr(own, name)) for name, words in _SHORT.items() if name in apart]
    # A temperature says already that it was drawn.
    if "method" in apart and not (own.method == "sample" and parts):
        parts.insert(0, _METHODS[own.method])
    parts += [f"seed {seed}"] if seed is not None and "seed" in apart else []
    return ", ".join(parts)


def _seed(branch: Branch) -> int | None:
    settings = settings_of(branch)
    if settings is None or not settings.draws:
        return None
    return branch.searched.seed if branch.searched is not None else branch.steps[-1].seed
