"""Texts and their branches as plain data for the session's file, and back. Logits are not kept: the model has them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from app.engine.decode.settings import DecodingSettings
from app.engine.trace.records import Token
from app.session.branches import Branch
from app.session.generated import GeneratedToken
from app.session.writing import end_name

if TYPE_CHECKING:
    from app.engine.models.loaded import LoadedModel

MOST_TOKENS = 4000
"""New tokens kept over all texts, the newest texts first: the file is written often."""


def texts_to_keep(branches: Sequence[Branch], model: LoadedModel | None) -> list[dict[str, Any]]:
    """What the next start brings back: what this model wrote, gaps it filled left out."""
    wanted: list[Branch] = []
    tokens = 0
    for branch in reversed(branches):
        tokens += len(branch.steps)
        if tokens > MOST_TOKENS:
            break
        if model is not None and branch.loaded is model and branch.steps and not branch.filled:
            wanted.insert(0, branch)
    return [_kept(branch, wanted) for branch in wanted]


def _kept(branch: Branch, wanted: Sequence[Branch]) -> dict[str, Any]:
    settings: list[DecodingSettings] = []
    for step in branch.steps:
        if not settings or settings[-1] != step.settings:
            settings.append(step.settings)
    return {
        "prompt_text": branch.prompt_text,
        "prompt": [[token.id, token.text, token.special] for token in branch.prompt],
        "parent": next((place for place, other in enumerate(wanted) if other is branch.parent), None),
        "fork": branch.fork,
        "ended_by": branch.ended_by,
        "found_by": branch.found_by,
        "adapter": branch.adapter,
        "settings": [asdict(each) for each in settings],
        "searched": None if branch.searched is None else asdict(branch.searched),
        "steps": [_kept_step(step, settings.index(step.settings)) for step in branch.steps],
    }


def _kept_step(step: GeneratedToken, settings: int) -> list[Any]:
    told = [step.token_id, step.text, step.logprob, step.draw, step.seed, settings, step.ends]
    # Most steps have neither.
    return [*told, step.shortened, step.training_step] if step.shortened or step.training_step is not None else told


def texts_back(kept: Sequence[Mapping[str, Any]], model: LoadedModel) -> list[Branch]:
    """The texts again, under the model that wrote them. Raises ValueError when they cannot be understood."""
    branches: list[Branch] = []
    try:
        for one in kept:
            parent = one["parent"]
            settings = [DecodingSettings(**each) for each in one["settings"]]
            steps = [_step_back(step, settings, model) for step in one["steps"]]
            prompt = tuple(Token(token, text, special) for token, text, special in one["prompt"])
            branch = Branch(one["prompt_text"], prompt, steps, None if parent is None else branches[parent])
            branch.fork, branch.ended_by, branch.found_by = one["fork"], one["ended_by"], one["found_by"]
            branch.searched = DecodingSettings(**one["searched"]) if one.get("searched") else None
            branch.model, branch.loaded, branch.adapter = model.summary.name, model, str(one.get("adapter", ""))
            branches.append(branch)
    except (KeyError, TypeError, IndexError) as error:
        raise ValueError(f"a kept text is damaged ({error})") from error
    return branches


def _step_back(kept: Sequence[Any], settings: Sequence[DecodingSettings], model: LoadedModel) -> GeneratedToken:
    token, text, logprob, draw, seed, place, ends = kept[:7]
    shortened, training_step = kept[7:] or (False, None)
    return GeneratedToken(
        token,
        text,
        logprob,
        None,
        None,
        draw,
        settings[place],
        seed,
        ends=ends,
        shortened=shortened,
        training_step=training_step,
        name=end_name(model, token) if ends else "",
    )
